// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "traces/label.h"

/* Digits of a hash that tell namesakes apart. */
#define DIGITS 8
#define HASH 64

static bool kept(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || (c && strchr("_.-", c));
}

/* The next letter of a text in a file name, where "-" stands for the others. */
static unsigned char next(const char **text)
{
	if (kept((unsigned char)**text))
		return (unsigned char)*(*text)++;
	if (!**text)
		return '\0';
	while (**text && !kept((unsigned char)**text))
		(*text)++;
	return '-';
}

static bool same_file(const char *a, const char *b)
{
	unsigned char c;

	do {
		c = next(&a);
		if (c != next(&b))
			return false;
	} while (c);
	return true;
}

static bool clashes(const struct label *all, size_t n, const struct label *l)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(all[i].sha256, l->sha256) &&
		    same_file(all[i].text, l->text))
			return true;
	return false;
}

static int call(struct label *l, int digits)
{
	char *plain = text_dup(l->name), *text = NULL;

	if (!plain)
		return -ENOMEM;
	if (asprintf(&text, "%s%s%.*s", plain, digits ? " " : "", digits,
		     l->sha256) < 0)
		text = NULL;
	free(plain);
	free(l->text);
	l->text = text;
	return text ? 0 : -ENOMEM;
}

int label_traces(struct label *all, size_t n)
{
	int digits = 0, ret = 0;
	bool again = true;
	size_t i;

	for (i = 0; i < n; i++)
		all[i].again = true;
	while (again && !ret && digits <= HASH) {
		for (i = 0; i < n && !ret; i++)
			if (all[i].again)
				ret = call(&all[i], digits);
		again = false;
		for (i = 0; i < n && !ret; i++) {
			all[i].again = clashes(all, n, &all[i]);
			again |= all[i].again;
		}
		digits += DIGITS;
	}
	return ret;
}

void label_free(struct label *all, size_t n)
{
	size_t i;

	for (i = 0; all && i < n; i++)
		free(all[i].text);
}

json_t *label_json(const char *name)
{
	json_t *json = json_string(name);
	char *plain, *c;

	if (json)
		return json;
	plain = strdup(name);
	for (c = plain; c && *c; c++)
		if (*c & 0x80)
			*c = '?';
	json = plain ? json_string(plain) : NULL;
	free(plain);
	return json;
}
