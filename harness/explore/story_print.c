// SPDX-License-Identifier: GPL-2.0-or-later
/* A story in lines of a width, and for the page. */
#include <stdlib.h>
#include <string.h>

#include "harness/explore/story.h"
#include "lib/text.h"

/* Length of the piece of a text that a line of @room columns takes. */
static size_t piece(const char *text, size_t room)
{
	size_t n = strlen(text), at;

	if (n <= room)
		return n;
	for (at = room; at > room / 4; at--)
		if (text[at] == ' ')
			return at;
	return room;
}

/* A paragraph: @first, then lines behind @indent spaces. */
static void put(FILE *out, const char *first, unsigned indent, unsigned width,
		const char *text)
{
	size_t room = width - indent, used = strlen(first), n;

	fputs(first, out);
	while (*text) {
		n = piece(text, used > indent ? width - used : room);
		fprintf(out, "%.*s\n", (int)n, text);
		text += n;
		text += strspn(text, " ");
		used = indent;
		if (*text)
			fprintf(out, "%*s", (int)indent, "");
	}
}

#define MARGIN 5
#define RULE 3
#define NARROW 18
#define WIDEST 400
/* A livelock has thousands of steps. */
#define ROWS_MOST 400

struct page {
	FILE *out;
	const struct story *s;
	unsigned room; /* columns of a cell */
	bool stacked; /* cells would be too narrow: one, with the CPU's number */
};

static void cell(const struct page *p, const char *margin, unsigned cpu,
		 const char *text, size_t len)
{
	char line[2 * WIDEST];
	size_t n = (size_t)snprintf(line, sizeof(line), "%-*s", MARGIN, margin);
	unsigned i;

	if (p->stacked) {
		fprintf(p->out, "%sCPU %u | %.*s\n", line, cpu, (int)len, text);
		return;
	}
	for (i = 0; i < p->s->nr_columns; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%-*.*s",
				      i ? " | " : "", (int)p->room,
				      i == p->s->column[cpu] ? (int)len : 0,
				      text);
	while (line[n - 1] == ' ')
		n--;
	fprintf(p->out, "%.*s\n", (int)n, line);
}

static void cells(const struct page *p, const char *margin, unsigned cpu,
		  unsigned indent, const char *text)
{
	char line[WIDEST + 1];
	bool first = true;
	size_t n;

	while (*text) {
		n = piece(text, p->room - indent);
		n = (size_t)snprintf(line, sizeof(line), "%*s%.*s", (int)indent,
				     "", (int)n, text) -
		    indent;
		cell(p, margin, cpu, line, n + indent);
		text += n;
		text += strspn(text, " ");
		margin = "";
		indent += first ? 2 : 0;
		first = false;
	}
}

static void put_row(const struct page *p, const struct row *r)
{
	char margin[16] = "", text[480];
	unsigned indent = r->kind == ROW_OP || r->kind == ROW_END ? 0 : 2;

	if (r->kind != ROW_SWITCH)
		snprintf(margin, sizeof(margin), "%c%3u", r->marked ? '!' : ' ',
			 r->number % 1000);
	if (r->times > 1)
		snprintf(text, sizeof(text), "%s, %u times", r->does, r->times);
	else
		snprintf(text, sizeof(text), "%s", r->does);
	cells(p, margin, r->cpu, indent, text);
	cells(p, "", r->cpu, indent + 2, r->place);
	cells(p, "", r->cpu, indent + 2, r->held);
}

static void put_columns(const struct story *s, FILE *out, unsigned width)
{
	unsigned i, n = s->nr_columns;
	struct page p = { .out = out, .s = s };
	char name[16];
	size_t k;

	if (!n)
		return;
	p.room = (width - MARGIN - RULE * (n - 1)) / n;
	p.stacked = p.room < NARROW;
	if (p.stacked)
		p.room = width - MARGIN - 8;
	else
		fprintf(out, "%*s", MARGIN, "");
	for (i = 0; i < n && !p.stacked; i++) {
		snprintf(name, sizeof(name), "CPU %u", s->cpu[i]);
		fprintf(out, "%s%-*s", i ? " | " : "",
			i + 1 < n ? (int)p.room : 0, name);
	}
	if (!p.stacked)
		fputc('\n', out);
	k = s->nr_rows > ROWS_MOST ? s->nr_rows - ROWS_MOST : 0;
	if (k)
		fprintf(out, "%*sthe first %zu lines are left out\n", MARGIN,
			"", k);
	for (; k < s->nr_rows; k++)
		put_row(&p, &s->row[k]);
}

/* A command stays one when it is copied. */
static void put_command(FILE *out, const char *first, unsigned width,
			const char *command)
{
	size_t used = strlen(first), n;

	fputs(first, out);
	while (*command) {
		n = piece(command, width - used - RULE);
		fprintf(out, "%.*s", (int)n, command);
		command += n;
		if (*command == ' ')
			fputs(" \\\n    ", out);
		else if (*command)
			fputs("\\\n", out);
		used = *command == ' ' ? 4 : 0;
		command += *command == ' ';
	}
	fputc('\n', out);
}

void story_print(FILE *out, const struct story *s, const char *repeat,
		 unsigned width)
{
	const struct account *a;
	char first[480];

	if (width > WIDEST)
		width = WIDEST;
	snprintf(first, sizeof(first), "%s: %s", s->kind, s->text);
	put(out, "", 2, width, first);
	put(out, "set-up: ", 2, width, s->setup);
	put_columns(s, out, width);
	for (a = s->account; a < s->account + s->nr_accounts; a++) {
		put(out, a == s->account ? "at the end: " : "before it: ", 2,
		    width, a->who);
		put(out, "  ", 4, width, a->does);
		if (*a->source)
			put(out, "    ", 6, width, PLAIN(a->source));
	}
	put(out, "expected: ", 2, width, s->expected);
	put_command(out, "repeat it: ", width, repeat);
}

/* For the page. */

static json_t *row_json(const struct story *s, const struct row *r)
{
	static const char *const kinds[] = {
		[ROW_OP] = "op",	 [ROW_END] = "end",
		[ROW_LOCK] = "lock",	 [ROW_ACCESS] = "access",
		[ROW_SWITCH] = "switch",
	};

	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:b, s:s, s:s, s:s}",
			 "kind", kinds[r->kind], "cpu", (int)r->cpu, "column",
			 (int)s->column[r->cpu], "number", (int)r->number,
			 "times", (int)r->times, "marked", r->marked, "does",
			 r->does, "place", r->place, "held", r->held);
}

json_t *story_json(const struct story *s, const char *repeat)
{
	json_t *rows = json_array(), *accounts = json_array(),
	       *cpus = json_array();
	const struct account *a;
	size_t i;

	for (i = 0; i < s->nr_columns; i++)
		json_array_append_new(cpus, json_integer(s->cpu[i]));
	for (i = 0; i < s->nr_rows; i++)
		json_array_append_new(rows, row_json(s, &s->row[i]));
	for (a = s->account; a < s->account + s->nr_accounts; a++)
		json_array_append_new(accounts,
				      json_pack("{s:s, s:s, s:s}", "who",
						a->who, "does", a->does,
						"source", PLAIN(a->source)));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o}",
			 "kind", s->kind, "text", s->text, "backend",
			 PLAIN(s->backend), "setup", s->setup, "cpus", cpus,
			 "expected", s->expected, "repeat", PLAIN(repeat),
			 "rows", rows, "accounts", accounts);
}
