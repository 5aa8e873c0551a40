// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/verify/classes.h"
#include "harness/cli/cli.h"
#include "harness/replay/result.h"
#include "traces/summary.h"

#define CLASSES_OF "zsmalloc"

enum {
	OPT_JSON = 0x100
};

struct args {
	const char *trace;
	const char *json;
	unsigned salvage;
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, "FILE", 0,
	  "Append it as one JSON object to FILE; - for standard output", 0 },
	{ "salvage", 's', 0, 0, "Read a damaged trace up to its first damage",
	  0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case OPT_JSON:
		a->json = arg;
		return 0;
	case 's':
		a->salvage = ZLT_SALVAGE;
		return 0;
	case ARGP_KEY_ARG:
		if (a->trace)
			return ARGP_ERR_UNKNOWN;
		a->trace = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->trace)
			return 0;
		cli_usage("info needs a trace: zlab info T.zlt");
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "T.zlt",
	.doc = "Say what a trace holds: operations, unique pages, live peak, "
	       "object sizes per codec, same-filled share, what contention "
	       "depends on, and where the bytes of the file are.\v"
	       "What contention depends on:\n"
	       "  rate    operations per second, and per second of a busy CPU\n"
	       "  busy    CPUs (threads) with an operation in a window of 10 "
	       "ms, over the\n"
	       "          windows that have any\n"
	       "  bursts  operations in a row on one CPU without a pause; a "
	       "pause is longer\n"
	       "          than the mean time between two operations of a CPU. "
	       "Store bursts\n"
	       "          and load bursts are stores and loads in a row on one "
	       "CPU, whatever\n"
	       "          the pauses\n"
	       "  size classes of zsmalloc that the objects fall into, and of "
	       "how many\n"
	       "          equally used ones that has the concentration: 1 / "
	       "sum(share^2).\n"
	       "          Same-filled and incompressible pages are left out\n",
};

/* Classes that exist; several logical ones can share one. */
static size_t class_of(const void *arg, size_t size)
{
	const struct class_table *t = arg;

	return t->class[class_table_find(t, size)].index;
}

static int concentrate(struct summary *s, struct err *err)
{
	struct zpool_config config = { 0 };
	struct class_table table = { 0 };
	struct zpool *pool;
	int ret;

	if (!s->sizes_count)
		return 0;
	pool = zpool_create(CLASSES_OF, &config, err);
	if (!pool)
		return -errno;
	ret = class_table_read(pool, 0, &table, err)
		      ?: summary_concentrate(s, CLASSES_OF, class_of, table.nr,
					     &table, err);
	class_table_free(&table);
	zpool_destroy(pool);
	return ret;
}

int cmd_info(int argc, char **argv)
{
	struct args a = { 0 };
	struct summary s = { 0 };
	struct err err = { "" };
	struct zlt_reader *r;
	json_t *json;
	int ret = cli_parse(&argp, "zlab info", argc, argv, &a);

	if (ret)
		return ret;
	r = zlt_open(a.trace, SUMMARY_WANT | a.salvage, &err);
	if (!r)
		return cli_failed("%s", err.text);
	ret = summary_make(r, &s, &err) ?: concentrate(&s, &err);
	if (!ret && a.json) {
		json = summary_json(zlt_info(r), &s);
		ret = json ? result_append(a.json, json, &err)
			   : err_set(&err, -1, "out of memory");
		json_decref(json);
	}
	if (!ret && (!a.json || strcmp(a.json, "-")))
		summary_print(zlt_info(r), &s, stdout);
	summary_free(&s);
	zlt_reader_close(r);
	return ret ? cli_failed("%s", err.text) : 0;
}
