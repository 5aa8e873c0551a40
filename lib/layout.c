// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/layout.h"
#include "lib/text.h"

/* A folded line is never indented further than to this column. */
#define DEEPEST 32
#define GAP 2
/* Longer labels leave no room in a narrow table. */
#define LABEL_MOST 24
#define LABEL_LEAST 4

struct fold {
	FILE *to;
	int width;
	char *line;
	size_t len, room;
};

/* The column to which the rest of a folded line is indented. */
static size_t text_column(const char *line, size_t len)
{
	size_t from = 0, at;

	while (from < len && line[from] == ' ')
		from++;
	for (at = from; at + GAP < len && at < DEEPEST; at++) {
		if (line[at] != ' ' || line[at + 1] != ' ')
			continue;
		while (at < len && line[at] == ' ')
			at++;
		return at < len && at <= DEEPEST ? at : from;
	}
	return from;
}

/* How many bytes of @text fit in @room columns. */
static size_t fitting(const char *text, size_t len, size_t room)
{
	size_t i, blank = 0, comma = 0;

	if (len <= room)
		return len;
	for (i = 1; i <= room; i++) {
		if (text[i] == ' ' && text[i - 1] != ' ')
			blank = i;
		if (text[i - 1] == ',')
			comma = i;
	}
	if (blank)
		return blank;
	return comma ? comma : strcspn(text, " \n");
}

static void put_line(const struct fold *p)
{
	size_t column = text_column(p->line, p->len), at = 0, n;
	size_t width = (size_t)p->width, skip = column;

	if (!p->width || p->len <= width || column + GAP >= width) {
		text_put(p->to, p->line, p->len);
		fputc('\n', p->to);
		return;
	}
	while (at < p->len) {
		n = fitting(p->line + at + skip, p->len - at - skip,
			    width - column);
		if (at)
			fprintf(p->to, "%*s", (int)column, "");
		text_put(p->to, p->line + at, skip + n);
		fputc('\n', p->to);
		at += skip + n;
		skip = 0;
		while (at < p->len && p->line[at] == ' ')
			at++;
	}
}

static bool add(struct fold *p, char c)
{
	char *line;

	if (p->len + 1 >= p->room) {
		line = realloc(p->line, 2 * p->room + 256);
		if (!line)
			return false;
		p->line = line;
		p->room = 2 * p->room + 256;
	}
	p->line[p->len++] = c;
	p->line[p->len] = '\0';
	return true;
}

static ssize_t fold_write(void *cookie, const char *text, size_t len)
{
	struct fold *p = cookie;
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] != '\n') {
			if (!add(p, text[i]))
				return 0;
			continue;
		}
		put_line(p);
		p->len = 0;
	}
	return ferror(p->to) ? 0 : (ssize_t)len;
}

static int fold_end(void *cookie)
{
	struct fold *p = cookie;
	int ret;

	if (p->len)
		put_line(p);
	ret = fflush(p->to) || ferror(p->to) ? -1 : 0;
	free(p->line);
	free(p);
	return ret;
}

FILE *layout_open(FILE *to, int width)
{
	static const cookie_io_functions_t calls = { .write = fold_write,
						     .close = fold_end };
	struct fold *p = calloc(1, sizeof(*p));
	FILE *f;

	if (!p)
		return NULL;
	p->to = to;
	p->width = width;
	f = fopencookie(p, "w", calls);
	if (!f)
		free(p);
	return f;
}

int layout_close(FILE *page)
{
	bool bad;

	errno = 0;
	bad = fflush(page) || ferror(page);
	if (fclose(page))
		bad = true;
	return bad ? (errno ? -errno : -EIO) : 0;
}

struct layout_table {
	const char *const *heads;
	size_t nr;
	char **cell;
	size_t cells, room;
	bool failed;
};

struct layout_table *layout_table(const char *const *heads, size_t nr)
{
	struct layout_table *t = calloc(1, sizeof(*t));

	if (t) {
		t->heads = heads;
		t->nr = nr;
	}
	return t;
}

void layout_cell(struct layout_table *t, const char *fmt, ...)
{
	char **grown;
	char *raw = NULL;
	va_list ap;

	if (!t || t->failed)
		return;
	if (t->cells == t->room) {
		t->room = 2 * t->room + 64;
		grown = realloc(t->cell, t->room * sizeof(*grown));
		t->failed = !grown;
		if (!grown)
			return;
		t->cell = grown;
	}
	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		raw = NULL;
	va_end(ap);
	t->cell[t->cells] = raw ? text_dup(raw) : NULL;
	t->failed = !t->cell[t->cells];
	t->cells += !t->failed;
	free(raw);
}

/* Line @i of a head. */
static const char *head(const struct layout_table *t, size_t column, int i,
			int *len)
{
	const char *s = t->heads[column];
	const char *end = strchrnul(s, '\n');

	if (i) {
		s = *end ? end + 1 : end;
		end = s + strlen(s);
	}
	*len = (int)(end - s);
	return s;
}

static bool two_lines(const struct layout_table *t)
{
	size_t c;

	for (c = 0; c < t->nr; c++)
		if (strchr(t->heads[c], '\n'))
			return true;
	return false;
}

static int width_of(const struct layout_table *t, size_t column)
{
	int width = 0, len, i;
	const char *s;
	size_t at;

	for (i = 0; i < 2; i++) {
		s = head(t, column, i, &len);
		len = text_width(s, (size_t)len);
		width = len > width ? len : width;
	}
	for (at = column; at < t->cells; at += t->nr) {
		len = text_width(t->cell[at], strlen(t->cell[at]));
		width = len > width ? len : width;
	}
	return width;
}

/* Right-align in @width columns; @owed blanks are printed only before text. */
static void put_right(FILE *out, const char *text, int len, int width,
		      int *owed)
{
	*owed += width - text_width(text, (size_t)len);
	if (!len)
		return;
	fprintf(out, "%*s", *owed, "");
	text_put(out, text, (size_t)len);
	*owed = 0;
}

static void put_heads(const struct layout_table *t, FILE *out, int label,
		      size_t from, size_t to, const int *widths)
{
	const char *s;
	int i, len, owed;
	size_t c;

	for (i = 0; i < 2; i++) {
		if (i && !two_lines(t))
			return;
		s = head(t, 0, i, &len);
		text_put(out, s, (size_t)len);
		owed = label - text_width(s, (size_t)len);
		for (c = from; c < to; c++) {
			s = head(t, c, i, &len);
			put_right(out, s, len, GAP + widths[c], &owed);
		}
		fputc('\n', out);
	}
}

/* Print the columns [@from, @to) of all rows. */
static void put_block(const struct layout_table *t, FILE *out, int label,
		      size_t from, size_t to, const int *widths)
{
	const char *cell;
	size_t row, c;
	int owed;

	put_heads(t, out, label, from, to, widths);
	for (row = 0; row < t->cells; row += t->nr) {
		cell = t->cell[row];
		owed = label - text_width(cell, strlen(cell));
		fprintf(out, "%s%s", cell, owed < 0 ? "\n" : "");
		owed = owed < 0 ? label : owed;
		for (c = from; c < to && row + c < t->cells; c++) {
			cell = t->cell[row + c];
			put_right(out, cell, (int)strlen(cell), GAP + widths[c],
				  &owed);
		}
		fputc('\n', out);
	}
}

static void put_table(const struct layout_table *t, FILE *out, int width,
		      int *widths)
{
	int label, sum = 0;
	size_t c, from, to;

	for (c = 0; c < t->nr; c++) {
		widths[c] = width_of(t, c);
		sum += widths[c] + (c ? GAP : 0);
	}
	label = widths[0];
	if (!width || sum <= width) {
		put_block(t, out, label, 1, t->nr, widths);
		return;
	}
	/* Put long labels on separate lines if the numbers then fit. */
	sum -= label;
	if (sum + LABEL_LEAST <= width) {
		put_block(t, out, width - sum, 1, t->nr, widths);
		return;
	}
	if (label > LABEL_MOST)
		label = LABEL_LEAST;
	for (from = 1; from < t->nr; from = to) {
		sum = label + GAP + widths[from];
		for (to = from + 1;
		     to < t->nr && sum + GAP + widths[to] <= width; to++)
			sum += GAP + widths[to];
		if (from > 1)
			fputc('\n', out);
		put_block(t, out, label, from, to, widths);
	}
}

int layout_table_print(struct layout_table *t, FILE *out, int width)
{
	int ret = -ENOMEM, *widths;
	size_t i;

	if (!t)
		return -ENOMEM;
	widths = calloc(t->nr, sizeof(*widths));
	if (widths && !t->failed) {
		put_table(t, out, width, widths);
		ret = 0;
	}
	free(widths);
	for (i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
	return ret;
}
