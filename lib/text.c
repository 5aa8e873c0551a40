// SPDX-License-Identifier: GPL-2.0-or-later
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "lib/text.h"

/* One letter: its bytes, its code, its columns; @shown: it prints as itself. */
struct letter {
	size_t len;
	wchar_t code;
	int width;
	bool shown;
};

static bool ascii(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static bool changes_direction(wchar_t code)
{
	return code == 0x61c || code == 0x200e || code == 0x200f ||
	       (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* The locale of the calling thread must be UTF-8. */
static struct letter first(const char *text, size_t len)
{
	struct letter l = { .len = 1, .code = (unsigned char)*text };
	mbstate_t state = { 0 };
	wchar_t code = 0;
	size_t n = mbrtowc(&code, text, len, &state);

	if (!n || n > len)
		return l;
	l.len = n;
	l.code = code;
	l.shown = iswprint((wint_t)code) && !changes_direction(code);
	l.width = l.shown ? wcwidth(code) : 0;
	return l;
}

/* Without that locale, bytes that are not ASCII count as no letters. */
static locale_t enter_utf8(locale_t *before)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	*before = utf8 ? uselocale(utf8) : (locale_t)0;
	return utf8;
}

static void leave_utf8(locale_t utf8, locale_t before)
{
	if (!utf8)
		return;
	uselocale(before);
	freelocale(utf8);
}

static void put_letter(FILE *out, const char *text, const struct letter *l)
{
	if (l->shown)
		fwrite(text, 1, l->len, out);
	else
		fprintf(out,
			l->code < 0x100	    ? "\\x%02x"
			: l->code < 0x10000 ? "\\u%04x"
					    : "\\U%08x",
			(unsigned)l->code);
}

void text_put(FILE *out, const char *text, size_t len)
{
	locale_t utf8, before;
	struct letter l;
	size_t at;

	if (ascii(text, len)) {
		fwrite(text, 1, len, out);
		return;
	}
	utf8 = enter_utf8(&before);
	for (at = 0; at < len; at += l.len) {
		l = first(text + at, len - at);
		put_letter(out, text + at, &l);
	}
	leave_utf8(utf8, before);
}

char *text_dup(const char *text)
{
	char *to = NULL;
	size_t len;
	FILE *out = open_memstream(&to, &len);

	if (!out)
		return NULL;
	text_put(out, text, strlen(text));
	if (!fclose(out))
		return to;
	free(to);
	return NULL;
}

/* The first @len bytes at most, without a part of a letter at the end. */
static size_t whole(const char *text, size_t len)
{
	if (strlen(text) <= len)
		return strlen(text);
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

const char *text_plain(struct text *room, const char *text)
{
	char *all;

	if (!text)
		return "?";
	if (ascii(text, strlen(text)))
		return text;
	all = text_dup(text);
	if (!all)
		return "?";
	snprintf(room->to, sizeof(room->to), "%.*s",
		 (int)whole(all, sizeof(room->to) - 1), all);
	free(all);
	return room->to;
}

void text_cell(FILE *out, const char *text, int width)
{
	char *plain = text_dup(text);
	size_t len = plain ? strlen(plain) : 0;

	while (len && text_width(plain, len) > width)
		len = whole(plain, len - 1);
	fprintf(out, "%.*s%*s", (int)len, plain ? plain : "",
		width - text_width(plain ? plain : "", len), "");
	free(plain);
}

int text_width(const char *text, size_t len)
{
	locale_t utf8, before;
	struct letter l;
	int width = 0;
	size_t at;

	if (ascii(text, len))
		return (int)len;
	utf8 = enter_utf8(&before);
	for (at = 0; at < len; at += l.len) {
		l = first(text + at, len - at);
		width += l.width;
	}
	leave_utf8(utf8, before);
	return width;
}
