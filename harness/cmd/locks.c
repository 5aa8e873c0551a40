// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints the lock classes of result records as /proc/lock_stat would.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/measure/load.h"
#include "harness/replay/result.h"
#include "lib/text.h"

#define NAME_WIDTH 32

struct args {
	const char *result;
	const char *only;
};

static const struct cli_option operand = {
	"result", .offer = OFFER_FILE, CLI_IS_TEXT(struct args, result),
	.needs = "locks needs a result: zlab locks RESULT.jsonl"
};

static const struct cli_option options[] = {
	{ "class", 'c', "NAME", "Print this lock class alone",
	  CLI_IS_TEXT(struct args, only) },
	{ 0 },
};

static const char *const columns[] = {
	"con-bounces",	  "contentions",  "waittime-min",   "waittime-max",
	"waittime-total", "waittime-avg", "acq-bounces",    "acquisitions",
	"holdtime-min",	  "holdtime-max", "holdtime-total", "holdtime-avg",
};
#define NR_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static double field(const json_t *lock, const char *name)
{
	return json_number_value(json_object_get(lock, name));
}

static int width(size_t column)
{
	return (int)strlen(columns[column]) + 2;
}

static void rule(void)
{
	int n = NAME_WIDTH + 1;
	size_t i;

	for (i = 0; i < NR_COLUMNS; i++)
		n += width(i);
	while (n--)
		putchar('-');
	putchar('\n');
}

static void row(const json_t *lock)
{
	double contentions = field(lock, "contentions");
	double taken = field(lock, "acquisitions");
	double wait = field(lock, "waittime_total_ns") / 1e3;
	double hold = field(lock, "holdtime_total_ns") / 1e3;
	const struct {
		double value;
		int digits;
	} cells[NR_COLUMNS] = {
		{ field(lock, "con_bounces"), 0 },
		{ contentions, 0 },
		{ field(lock, "waittime_min_ns") / 1e3, 2 },
		{ field(lock, "waittime_max_ns") / 1e3, 2 },
		{ wait, 2 },
		{ contentions > 0 ? wait / contentions : 0, 2 },
		{ field(lock, "acq_bounces"), 0 },
		{ taken, 0 },
		{ field(lock, "holdtime_min_ns") / 1e3, 2 },
		{ field(lock, "holdtime_max_ns") / 1e3, 2 },
		{ hold, 2 },
		{ taken > 0 ? hold / taken : 0, 2 },
	};
	size_t i;

	printf("%*s:", NAME_WIDTH,
	       PLAIN(json_string_value(json_object_get(lock, "name"))));
	for (i = 0; i < NR_COLUMNS; i++)
		printf("%*.*f", width(i), cells[i].digits, cells[i].value);
	putchar('\n');
}

/* A section may hold several locks, so it is not listed with the classes. */
static void sections(const json_t *s)
{
	if (!s)
		return;
	printf("%*s: %.0f timed, p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, "
	       "max %.2f\n",
	       NAME_WIDTH, "atomic sections", field(s, "samples"),
	       field(s, "p50") / 1e3, field(s, "p90") / 1e3,
	       field(s, "p99") / 1e3, field(s, "p999") / 1e3,
	       field(s, "max") / 1e3);
}

/* What a reader must know of the times above. */
static void notes(const json_t *record)
{
	double cpus = field(json_object_get(record, "env"), "cores");
	char text[LOAD_NOTE];

	if (load_note(result_load(record), cpus, text))
		printf("%*s: %s\n", NAME_WIDTH, "note", text);
}

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "?";
}

static void table(const json_t *record, const char *only)
{
	const json_t *lock, *locks = json_object_get(record, "locks");
	const char *name;
	size_t i;

	printf("%s: %s, codec %s, %.0f %s\n",
	       PLAIN(text(json_object_get(record, "trace"), "name")),
	       PLAIN(text(record, "backend")), PLAIN(text(record, "codec")),
	       field(record,
		     json_object_get(record, "vcpus") ? "vcpus" : "threads"),
	       json_object_get(record, "vcpus") ? "virtual CPUs" : "threads");
	puts("lock_stat version 0.4");
	rule();
	printf("%*s ", NAME_WIDTH, "class name");
	for (i = 0; i < NR_COLUMNS; i++)
		printf("%*s", width(i), columns[i]);
	putchar('\n');
	rule();
	json_array_foreach (locks, i, lock) {
		name = json_string_value(json_object_get(lock, "name"));
		if (name && (!only || !strcmp(only, name)))
			row(lock);
	}
	sections(json_object_get(record, "atomic_section_ns"));
	notes(record);
	putchar('\n');
}

static int each_line(FILE *f, const struct args *a)
{
	char *line = NULL;
	json_error_t where;
	json_t *record;
	size_t room = 0;
	unsigned n = 0, records = 0;
	int ret = 0;

	while (!ret && getline(&line, &room, f) >= 0) {
		n++;
		if (line[strspn(line, " \t\n")] == '\0')
			continue;
		record = json_loads(line, 0, &where);
		if (!record)
			ret = cli_failed("%s, line %u: %s", a->result, n,
					 where.text);
		else if (!json_is_array(json_object_get(record, "locks")))
			ret = cli_failed("%s, line %u: no \"locks\"; a result "
					 "record comes from zlab replay --json",
					 a->result, n);
		else
			table(record, a->only);
		records++;
		json_decref(record);
	}
	free(line);
	if (!ret && !records)
		ret = cli_failed("%s: holds no result record", a->result);
	return ret;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	int ret;
	FILE *f;

	if (!strcmp(a->result, "-"))
		return each_line(stdin, a);
	f = fopen(a->result, "re");
	if (!f)
		return cli_failed("%s: %s", a->result, strerror(errno));
	ret = each_line(f, a);
	(void)fclose(f);
	return ret;
}

const struct cli_command cmd_locks = {
	CLI_NAME("locks", CHAPTER_MEASURING,
		 "say who waited for which lock, as lock_stat does",
		 "RESULT.jsonl"),
	.doc = "Print who waited for which lock, how long, and how long it was "
	       "held: a table per record with lock_stat's columns, in "
	       "microseconds, and below it how long preemption was off; - "
	       "reads standard input. The lines are as long as lock_stat's.",
	.more = "Hold times are estimates from samples; bounces are counted in "
		"detail mode only.\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
