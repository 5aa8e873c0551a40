// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares an allocator with a real kernel's: with a log of where that one put
 * objects, or with its code, by what no log shows.
 */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/cli/ghost.h"
#include "harness/cli/progress.h"
#include "harness/cli/replay_opts.h"
#include "harness/cmd/cmd.h"
#include "harness/verify/against.h"
#include "harness/verify/conform.h"
#include "harness/virtual/program.h"
#include "lib/text.h"
#include "traces/label.h"

static int write_json(const char *path, const struct conform_config *config,
		      const struct conform_result *r)
{
	json_t *compared = json_object(), *differences = json_object();
	json_t *j;
	int k, ret;

	for (k = 0; k < CONFORM_KINDS; k++) {
		json_object_set_new(compared, conform_kind_name[k],
				    json_integer((json_int_t)r->compared[k]));
		json_object_set_new(
			differences, conform_kind_name[k],
			json_integer((json_int_t)r->differences[k]));
	}
	j = json_pack("{s:o, s:s, s:I, s:I, s:o, s:o, s:f, s:I, s:o}", "log",
		      label_json(config->log), "backend", r->spec,
		      "settle_every", (json_int_t)config->settle_every, "rows",
		      (json_int_t)r->rows, "compared", compared, "differences",
		      differences, "mark_worst", r->mark_worst, "pages_worst",
		      (json_int_t)r->pages_worst, "first",
		      label_json(r->first));
	ret = cli_write_json(path, j);
	json_decref(j);
	return ret;
}

static void print(const struct conform_config *config,
		  const struct conform_result *r)
{
	int k;

	printf("%s on %s: %lu rows\n", PLAIN(config->log), PLAIN(r->spec),
	       (unsigned long)r->rows);
	printf("%-14s %12s %12s\n", "", "compared", "differences");
	for (k = 0; k < CONFORM_KINDS; k++)
		if (r->compared[k])
			printf("%-14s %12lu %12lu\n", conform_kind_name[k],
			       (unsigned long)r->compared[k],
			       (unsigned long)r->differences[k]);
	if (r->mark_worst > 0)
		printf("worst checkpoint: %.3f %% off\n", r->mark_worst * 100);
	if (r->pages_worst)
		printf("worst page count: %lu pages off\n",
		       (unsigned long)r->pages_worst);
	if (r->total)
		printf("first difference: %s\n", PLAIN(r->first));
}

static json_t *against_rows(const struct against_result *r)
{
	json_t *rows = json_array();
	size_t i;

	for (i = 0; i < r->nr_rows; i++)
		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:I, s:I}", "name",
				  r->rows[i].name, "kind",
				  r->rows[i].is_lock ? "lock" : "space", "ours",
				  (json_int_t)r->rows[i].value[0], "theirs",
				  (json_int_t)r->rows[i].value[1]));
	return rows;
}

static json_t *against_renamed(const struct against_result *r)
{
	json_t *renamed = json_array();
	size_t i;

	for (i = 0; i < r->nr_renamed; i++)
		json_array_append_new(
			renamed, json_pack("{s:s, s:s, s:s}", "name",
					   r->renamed[i]->theirs, "counted_as",
					   r->renamed[i]->ours, "why",
					   r->renamed[i]->why));
	return renamed;
}

static int write_against(const char *path, const struct against_config *config,
			 const struct against_result *r)
{
	json_t *j = json_pack("{s:o, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:I}",
			      "trace", label_json(config->trace), "ours",
			      r->backend[0], "theirs", r->backend[1], "codec",
			      r->codec, "events", (json_int_t)r->events,
			      "compact_every",
			      (json_int_t)config->compact_every, "rows",
			      against_rows(r), "renamed", against_renamed(r),
			      "differences", (json_int_t)r->differences);
	int ret = cli_write_json(path, j);

	json_decref(j);
	return ret;
}

static void print_against(const struct against_config *config,
			  const struct against_result *r)
{
	const struct against_row *row;
	long long off;
	size_t i;

	printf("%s: %lu events, codec %s\n", PLAIN(config->trace),
	       (unsigned long)r->events, PLAIN(r->codec));
	printf("  ours    %s\n  theirs  %s\n", PLAIN(config->backend[0]),
	       PLAIN(config->backend[1]));
	for (i = 0; i < r->nr_rows; i++) {
		row = &r->rows[i];
		if (!i || row->is_lock != row[-1].is_lock)
			printf("%-28s %12s %12s %11s\n",
			       row->is_lock ? "acquisitions of" : "space",
			       "ours", "theirs", "difference");
		off = (long long)(row->value[0] - row->value[1]);
		printf("%-28s %12lu %12lu", PLAIN(row->name),
		       (unsigned long)row->value[0],
		       (unsigned long)row->value[1]);
		if (off)
			printf(" %+11lld\n", off);
		else
			printf(" %11s\n", "=");
	}
	for (i = 0; i < r->nr_renamed; i++)
		printf("%s counts as %s:\n    %s\n", r->renamed[i]->theirs,
		       r->renamed[i]->ours, r->renamed[i]->why);
}

struct args {
	struct conform_config config;
	const char *against, *codec, *json;
	bool scheduled, tolerant, ghost;
	long long compact_every;
};

static int set_schedule(const struct cli_option *o, const char *arg, void *to)
{
	struct conform_config *config = &((struct args *)to)->config;
	char *end;
	long n;

	((struct args *)to)->scheduled = true;
	if (!strcmp(arg, "log")) {
		config->settle_every = CONFORM_BY_LOG;
		return 0;
	}
	if (!strcmp(arg, "settle")) {
		config->settle_every = ZPOOL_SETTLE_EVERY;
		return 0;
	}
	n = strtol(arg, &end, 10);
	if (*end || end == arg || n < 1 || n > 1000000000)
		return cli_usage("--schedule takes log, settle or a number "
				 "over 0, not %s",
				 arg);
	config->settle_every = (unsigned)n;
	return 0;
}

static int set_tolerance(const struct cli_option *o, const char *arg, void *to)
{
	struct conform_config *config = &((struct args *)to)->config;
	char *end;

	((struct args *)to)->tolerant = true;
	config->tolerance = strtod(arg, &end) / 100;
	if (!*end && end != arg && config->tolerance >= 0 &&
	    config->tolerance < 1)
		return 0;
	return cli_usage("--tolerance takes a percentage below 100, not %s",
			 arg);
}

static const struct cli_option operand = {
	"log", .offer = OFFER_FILE, CLI_IS_TEXT(struct args, config.log),
	.needs = "give one log: zlab conform LOG.csv --backend SPEC; or a "
		 "trace and --against"
};

static const struct cli_option options[] = {
	CLI_BACKEND("The allocator, as for replay",
		    CLI_IS_TEXT(struct args, config.backend),
		    .needs = "--backend SPEC is missing: zlab conform LOG.csv "
			     "--backend SPEC"),
	{ "schedule", 0, "WHEN",
	  "When deferred work runs: where the log has it (log, the default), "
	  "as often as kernels' workers run (settle), or after each so many "
	  "operations; without log only settled checkpoints are compared",
	  CLI_WORDS({ "log", 0 }, { "settle", 0 }), CLI_IS_CALL(set_schedule) },
	{ "tolerance", 0, "PERCENT",
	  "Of a checkpoint's pages, what counts as equal (default 0; over 0, "
	  "one page does, too)",
	  CLI_IS_CALL(set_tolerance) },
	{ "against", 0, "SPEC",
	  "Compare with this allocator instead of a log, usually the kernel's "
	  "own code (./mine.so of \"zlab shim\"): both replay the trace, and "
	  "acquisitions of locks and metadata must be equal",
	  .offer = OFFER_BACKEND, CLI_IS_TEXT(struct args, against) },
	CLI_CODEC("With --against: as for replay",
		  CLI_IS_TEXT(struct args, codec)),
	{ "compact-every", 0, "N",
	  "With --against: compact after every N events (default 20000; 0: "
	  "only at the end)",
	  CLI_IS_COUNT(struct args, compact_every, 0, LLONG_MAX) },
	CLI_GHOST(CLI_IS_FLAG(struct args, ghost, true)),
	CLI_JSON(struct args, "Write the counts as JSON to FILE; - for "
			      "standard output, which then gets nothing else"),
	{ 0 },
};

static int check(void *args)
{
	const struct args *a = args;

	if (a->against && (a->scheduled || a->tolerant))
		return cli_usage("--%s is about a log; with --against there is "
				 "none",
				 a->scheduled ? "schedule" : "tolerance");
	if (a->against && virtual_program)
		return cli_usage("--against counts what real CPUs do; it is "
				 "in zlab, not in zlab-virtual");
	if (!a->against && (a->codec || a->compact_every >= 0))
		return cli_usage("--%s is about a trace and goes with "
				 "--against; a log has sizes and compactions",
				 a->codec ? "codec" : "compact-every");
	return 0;
}

static int run_against(const struct args *a)
{
	struct against_config config = {
		.trace = a->config.log,
		.backend = { a->config.backend, a->against },
		.codec = a->codec,
		.compact_every = a->compact_every < 0
					 ? 20000
					 : (uint64_t)a->compact_every,
	};
	const char *codec = a->codec;
	struct against_result result;
	struct progress progress;
	struct err err = { "" };
	int ret;

	ret = replay_check_words(config.backend, AGAINST_SIDES, &codec,
				 codec ? 1 : 0);
	if (ret)
		return ret;
	progress_step(&progress, "conform");
	ret = against_run(&config, &result, &err);
	progress_end(&progress);
	if (ret)
		return cli_failed("%s", err.text);
	if (a->json && write_against(a->json, &config, &result))
		return EXIT_FAILED;
	if (!a->json || strcmp(a->json, "-"))
		print_against(&config, &result);
	return result.differences ? EXIT_FAILED : 0;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct conform_result result;
	struct progress progress;
	struct err err = { "" };
	int ret;

	ret = ghost_turn(a->ghost, virtual_program, "conform", argc, argv);
	if (ret)
		return ret;
	if (a->against)
		return run_against(a);
	progress_step(&progress, "conform");
	ret = conform_run(&a->config, &result, &err);
	progress_end(&progress);
	if (ret)
		return cli_failed("%s", err.text);
	if (a->json && write_json(a->json, &a->config, &result))
		return EXIT_FAILED;
	if (!a->json || strcmp(a->json, "-"))
		print(&a->config, &result);
	return result.total ? EXIT_FAILED : 0;
}

static const struct args defaults = { .compact_every = -1 };

const struct cli_command cmd_conform = {
	CLI_NAME("conform", CHAPTER_KERNEL,
		 "compare with what a real kernel's allocator did",
		 "LOG.csv[.gz|.zst] --backend SPEC"),
	.doc = "Replay what an allocator of a real kernel was asked, and "
	       "compare where it put every object. Prints the first "
	       "difference; exits 1 when there is one. With --against, compare "
	       "what no log shows with the kernel's own code.",
	.more = "Example:\n"
		"  zlab conform traces/samples/sqlite.zlt --backend "
		"zsmalloc@6.12 \\\n"
		"          --against ./mine.so\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(&defaults, check, run),
};
