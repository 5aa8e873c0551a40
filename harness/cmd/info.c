// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints the contents of a trace. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/replay/result.h"
#include "harness/verify/classes.h"
#include "lib/layout.h"
#include "traces/summary.h"

#define CLASSES_OF "zsmalloc"

struct args {
	const char *trace;
	const char *json;
	unsigned salvage;
	bool wide;
};

static const struct cli_option operand = CLI_SOURCE(
	"info needs a trace: zlab info T.zlt", CLI_IS_TEXT(struct args, trace));

static const struct cli_option options[] = {
	CLI_JSON(struct args, "Append it as one JSON object to FILE; - for "
			      "standard output, which then gets nothing else"),
	{ "salvage", 's', NULL, "Read a damaged trace up to its first damage",
	  CLI_IS_FLAG(struct args, salvage, ZLT_SALVAGE) },
	CLI_WIDE(struct args),
	{ 0 },
};

/* The physical class of a size; logical classes can share a physical one. */
static size_t class_of(const void *arg, size_t size)
{
	const struct class_table *t = arg;

	return t->class[class_table_find(t, size)].index;
}

static int concentrate(struct summary *s, struct err *err)
{
	/* Nothing is stored, so the smallest address space is enough. */
	struct zpool_config config = { .arena = { .capacity = 1,
						  .slab_capacity = 1 } };
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

static int print(const struct args *a, const struct zlt_info *info,
		 const struct summary *s, struct err *err)
{
	FILE *out = layout_open(stdout, cli_width(a->wide));
	int ret;

	if (!out)
		return err_set(err, -ENOMEM, "out of memory");
	summary_print(info, s, out);
	ret = layout_close(out);
	return ret ? err_set(err, ret, "standard output: %s", strerror(-ret))
		   : 0;
}

static int write_json(const struct args *a, const struct zlt_info *info,
		      const struct summary *s, struct err *err)
{
	char sha256[65];
	json_t *json;
	int ret = result_sha256(a->trace, sha256, err);

	if (ret)
		return ret;
	json = summary_json(info, s);
	if (json && !json_object_set_new(json, "sha256", json_string(sha256)))
		ret = result_append(a->json, json, err);
	else
		ret = err_set(err, -ENOMEM, "out of memory");
	json_decref(json);
	return ret;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct summary s = { 0 };
	struct progress progress;
	struct err err = { "" };
	struct source *from;
	int ret;

	from = source_open(a->trace, SUMMARY_WANT | a->salvage, &err);
	if (!from)
		return cli_failed("%s", err.text);
	progress_step(&progress, "info");
	ret = summary_make(from, &s, &err) ?: concentrate(&s, &err);
	progress_end(&progress);
	if (!ret && a->json)
		ret = write_json(a, source_info(from), &s, &err);
	if (!ret && (!a->json || strcmp(a->json, "-")))
		ret = print(a, source_info(from), &s, &err);
	summary_free(&s);
	source_close(from);
	return ret ? cli_failed("%s", err.text) : 0;
}

const struct cli_command cmd_info = {
	CLI_NAME("info", CHAPTER_TRACES, "say what a trace holds", "T.zlt"),
	.doc = "Say what a trace holds: operations, unique pages, live peak, "
	       "object sizes per codec, same-filled share, what contention "
	       "depends on, and where the bytes of the file are.",
	.more = "What contention depends on:\n"
		"  rate    operations per second, and per second of a busy "
		"CPU\n"
		"  busy    CPUs (threads) with an operation in a window of 10 "
		"ms, over the windows that have any\n"
		"  bursts  operations in a row on one CPU without a pause; a "
		"pause is longer than the mean time between two operations of "
		"a CPU. Store bursts and load bursts are stores and loads in a "
		"row on one CPU, whatever the pauses\n"
		"  size classes of zsmalloc that the objects fall into, and of "
		"how many equally used ones that has the concentration: 1 / "
		"sum(share^2). Same-filled and incompressible pages are left "
		"out\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
