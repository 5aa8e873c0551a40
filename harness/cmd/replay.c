// SPDX-License-Identifier: GPL-2.0-or-later
/* One or several runs of one trace through one allocator. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/ghost.h"
#include "harness/cli/progress.h"
#include "harness/cli/replay_opts.h"
#include "harness/cmd/cmd.h"
#include "harness/compare/sample.h"
#include "harness/measure/load.h"
#include "harness/replay/result.h"
#include "harness/virtual/program.h"
#include "lib/layout.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "traces/label.h"

struct args {
	struct replaying with;
	const char *backend, *json, *sha256;
	bool quiet, wide;
	long long threads, vcpus, runs;
	int argc;
	char **argv;
};

static const struct cli_option operand =
	CLI_SOURCE("replay needs a trace: zlab replay T.zlt --backend SPEC",
		   CLI_IS_TEXT(struct args, with.common.config.trace));

static const struct cli_option options[] = {
	CLI_BACKEND("Allocator, as zsmalloc:chain=4 or ./mine.so; \"zlab "
		    "backends\" lists them",
		    CLI_IS_TEXT(struct args, backend),
		    .needs = "replay needs --backend SPEC; \"zlab backends\" "
			     "lists them"),
	CLI_CODEC(
		"lz4, zstd[:LEVEL], none, ./X.so, or sizes:CODEC to take the sizes "
		"from the trace without compressing (default: lz4, or none "
		"for a trace of sizes)",
		CLI_IS_TEXT(struct args, with.common.config.codec)),
	{ "threads", 't', "N", "Replay with N threads (default 1)",
	  CLI_IS_COUNT(struct args, threads, 1, REPLAY_MAX_THREADS) },
	{ "vcpus", 0, "N",
	  "Replay on N virtual CPUs in virtual time, to the digit repeatable",
	  CLI_IS_COUNT(struct args, vcpus, 1, VIRTUAL_MAX_CPUS) },
	CLI_RUNS(struct args, 1000000,
		 "Replay N times, each in a fresh process; on virtual CPUs "
		 "each with the next seed"),
	CLI_JSON(struct args,
		 "Append one result record per run to FILE; - for standard "
		 "output, which then gets nothing else"),
	CLI_WIDE(struct args),
	{ "sha256", 0, "HEX", NULL, CLI_IS_TEXT(struct args, sha256) },
	{ "quiet", 0, NULL, NULL, CLI_IS_FLAG(struct args, quiet, true) },
	{ 0 },
};

static void print_ms(FILE *out, const char *what, double ns, double of)
{
	fprintf(out, "  %-10s %12.3f ms", what, ns / 1e6);
	if (of > 0)
		fprintf(out, "  %5.1f %%", 100 * ns / of);
	fputc('\n', out);
}

static double get(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static void print_quantiles(FILE *out, const char *what, const json_t *l)
{
	if (!l || !get(l, "samples"))
		return;
	fprintf(out, "  %-10s %7.0f %9.0f %9.0f %9.0f %10.0f\n", what,
		get(l, "p50"), get(l, "p90"), get(l, "p99"), get(l, "p999"),
		get(l, "max"));
}

static void print_latency(FILE *out, const json_t *record)
{
	static const char *const names[] = { "store", "load", "invalidate",
					     "compact" };
	const json_t *o = json_object_get(record, "latency_ns");
	size_t i;

	fprintf(out, "latency, ns     p50       p90       p99     p99.9        "
		     "max\n");
	for (i = 0; i < 4; i++)
		print_quantiles(out, names[i], json_object_get(o, names[i]));
	print_quantiles(out, "atomic",
			json_object_get(record, "atomic_section_ns"));
}

static void print_marks(FILE *out, const json_t *record)
{
	const json_t *m;
	size_t i;

	json_array_foreach (json_object_get(record, "marks"), i, m)
		fprintf(out,
			"mark %s: %.0f pages, %.0f objects, frag ratio %.2f %%\n",
			PLAIN(json_string_value(json_object_get(m, "label"))),
			get(m, "pool_pages"), get(m, "objects"),
			get(m, "frag_ratio"));
}

/* What a reader must know of the numbers above. */
static void print_notes(FILE *out, const struct args *a, const json_t *record)
{
	double cpus = get(json_object_get(record, "env"), "cores");
	char text[LOAD_NOTE];

	if (get(record, "threads") > 1 && a->runs == 1)
		fprintf(out,
			"note: one interleaving of %.0f threads: pages, frag "
			"ratio and lock counts depend on it; --runs 5 shows "
			"by how much\n",
			get(record, "threads"));
	if (load_note(result_load(record), cpus, text))
		fprintf(out, "note: %s\n", text);
}

static int print(const struct args *a, const json_t *record)
{
	FILE *out = layout_open(stdout, cli_width(a->wide));
	const json_t *counts = json_object_get(record, "counts");
	const json_t *t = json_object_get(record, "time");
	const json_t *split = json_object_get(t, "sys_split_ns");
	const json_t *over = json_object_get(record, "over_time");
	double sys = get(t, "sys_ns");
	int ret;

	if (!out)
		return cli_failed("out of memory");
	fprintf(out, "%s, %s, %.0f thread%s: %.0f events\n",
		json_string_value(json_object_get(record, "backend")),
		json_string_value(json_object_get(record, "codec")),
		get(record, "threads"), get(record, "threads") > 1 ? "s" : "",
		get(record, "events"));
	fprintf(out,
		"store %.0f  load %.0f  invalidate %.0f  rejected %.0f  "
		"same-filled %.0f\n",
		get(counts, "store"), get(counts, "load"),
		get(counts, "invalidate"), get(counts, "rejected"),
		get(counts, "same_filled"));
	fprintf(out,
		"pool at the end: %.0f pages (peak %.0f), %.0f objects of %.0f "
		"bytes\n",
		get(record, "pool_pages"), get(record, "pool_pages_peak"),
		get(record, "objects"), get(record, "object_bytes"));
	fprintf(out,
		"frag ratio %.2f %% at the end, %.2f %% over time; density "
		"%.3f over time; footprint %.0f bytes\n",
		get(record, "frag_ratio"), get(over, "frag_ratio"),
		get(over, "density"), get(record, "footprint_bytes"));
	print_ms(out, "real", get(t, "real_ns"), 0);
	print_ms(out, "user", get(t, "user_ns"), 0);
	print_ms(out, "sys", sys, 0);
	print_ms(out, "codec", get(split, "codec"), sys);
	print_ms(out, "allocator", get(split, "allocator"), sys);
	print_ms(out, "lock wait", get(split, "lock_wait"), sys);
	print_ms(out, "frontend", get(split, "frontend"), sys);
	print_latency(out, record);
	print_marks(out, record);
	print_notes(out, a, record);
	ret = layout_close(out);
	return ret ? cli_failed("standard output: %s", strerror(-ret)) : 0;
}

static void warn(const struct replay_result *res, unsigned threads)
{
	if (res->trace_note[0])
		cli_note("trace %s: %s", res->trace_name, res->trace_note);
	if (res->oversubscribed)
		cli_note("warning: %u threads on %u CPUs measure the "
			 "scheduler, not the locks; the result is marked "
			 "oversubscribed",
			 threads, replay_cpus());
}

/* Record the command line, so that the run can be repeated. */
static int add_cli(const struct args *a, json_t *record)
{
	json_t *cli = json_array();
	int i;

	for (i = 1; i < a->argc; i++)
		json_array_append_new(cli, label_json(a->argv[i]));
	json_array_insert_new(cli, 0, json_string("replay"));
	json_array_insert_new(cli, 0, json_string("zlab"));
	return json_object_set_new(record, "cli", cli);
}

static int once(struct args *a)
{
	struct replay_config *config = &a->with.common.config;
	const char *sha256 = a->sha256;
	struct replay_result res;
	struct err err = { "" };
	char hex[65];
	json_t *record = NULL;
	struct load load;
	double others;
	int ret, shown;

	/* If the trace cannot be read, the replay says why. */
	if (!sha256 && !result_sha256(config->trace, hex, &err))
		sha256 = hex;
	config->sha256 = sha256;
	load_begin(&load);
	ret = replay_run(config, &res, &err);
	others = load_others(&load);
	if (!ret && !sha256)
		ret = -EIO;
	if (!ret) {
		if (!a->quiet)
			warn(&res, config->threads);
		record = result_record(config, &res, sha256);
		if (!record || add_cli(a, record))
			ret = err_set(&err, -ENOMEM, "out of memory");
	}
	result_put_load(json_object_get(record, "env"), others);
	if (!ret && a->json)
		ret = result_append(a->json, record, &err);
	shown = ret || (a->json && !strcmp(a->json, "-")) ? 0
							  : print(a, record);
	json_decref(record);
	replay_result_free(&res);
	if (!ret)
		return shown;
	if (ret == -EINTR)
		return a->quiet ? cli_silent()
				: cli_interrupted("%s", err.text);
	return cli_failed("%s", err.text);
}

/* Each run gets a new process, so that runs do not affect each other. */
static int many(struct args *a)
{
	struct sample_run run = { .trace = a->with.common.config.trace,
				  .backend = a->backend,
				  .codec = a->with.common.config.codec,
				  .threads = a->with.common.config.threads,
				  .common = &a->with.common };
	struct progress progress;
	json_t *record;
	char hex[65];
	struct err err;
	int ret = 0;
	long long i;

	if (result_sha256(run.trace, hex, &err))
		return cli_failed("%s", err.text);
	run.sha256 = hex;
	progress_start(&progress, "replay", "runs", (uint64_t)a->runs);
	progress.on &= !a->quiet;
	for (i = 0; i < a->runs && !ret && !cli_stopped(); i++) {
		progress_update(&progress, (uint64_t)i);
		ret = sample_take(&run, &record);
		progress_hide(&progress);
		if (ret)
			break;
		json_object_set_new(record, "run", json_integer(i));
		if (a->json && result_append(a->json, record, &err))
			ret = cli_failed("%s", err.text);
		if (!ret && (!a->json || strcmp(a->json, "-")))
			ret = print(a, record);
		json_decref(record);
	}
	progress_end(&progress);
	return cli_stopped() ? EXIT_STOPPED : ret;
}

/* Check the arguments that can be checked without reading the trace. */
static int check_words(const struct args *a)
{
	const char *codec = a->with.common.config.codec;

	if (a->vcpus && a->threads)
		return cli_usage("--vcpus and --threads are two kinds of "
				 "replay; give one");
	if (!a->vcpus && virtual_opts_misplaced(&a->with.virtual, "replay"))
		return EXIT_USAGE;
	/* Checked in the virtual executable: its backends load only there. */
	if (a->vcpus && !virtual_program)
		return 0;
	return replay_check_words(&a->backend, 1, &codec, codec ? 1 : 0);
}

static int on_vcpus(struct args *a)
{
	struct virtual_run run = { .opts = &a->with.virtual,
				   .json = a->json,
				   .sha256 = a->sha256,
				   .vcpus = (unsigned)a->vcpus,
				   .runs = a->runs,
				   .quiet = a->quiet,
				   .width = cli_width(a->wide) };

	run.config = a->with.common.config;
	run.config.threads = run.vcpus;
	if (run.config.swap.sample == REPLAY_SAMPLE_AUTO)
		run.config.swap.sample = 1;
	return virtual_replay(&run);
}

static int on_threads(struct args *a)
{
	a->with.common.config.threads = a->threads ? (unsigned)a->threads : 1;
	a->with.common.config.progress = !a->quiet;
	a->with.common.config.ghost = ghost_program;
	stop_hold();
	return a->runs > 1 ? many(a) : once(a);
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	const char *backend = a->backend;
	int ret;

	a->argc = argc;
	a->argv = argv;
	if (virtual_program && !a->vcpus)
		a->vcpus = 1;
	virtual_opts_command(&a->with.virtual, "replay", argc, argv);
	ret = ghost_turn(a->with.common.config.ghost, a->vcpus, "replay", argc,
			 argv);
	if (!ret)
		ret = check_words(a);
	if (ret)
		return ret;
	if (!virtual_program && !a->quiet)
		replay_opts_note(&a->with.common, &backend, 1);
	a->with.common.config.swap.backend = backend;
	return a->vcpus ? on_vcpus(a) : on_threads(a);
}

static int check(void *args)
{
	struct args *a = args;
	struct err err;

	if (result_check(a->json, &err))
		return cli_failed("%s", err.text);
	return a->runs > 1 && !a->vcpus ? replay_opts_sampled(&a->with.common)
					: replay_opts_check(&a->with.common);
}

static const struct args defaults = { .with = REPLAYING_DEFAULTS, .runs = 1 };

const struct cli_command cmd_replay = {
	CLI_NAME("replay", CHAPTER_MEASURING,
		 "replay a trace through one allocator",
		 "T.zlt --backend SPEC"),
	.doc = "Replay a trace through one allocator: every store puts the "
	       "page's object into the pool, every load reads it back and "
	       "compares it, every invalidate frees it. Prints what the pool "
	       "looked like and where the time went.",
	.more = "Example:\n"
		"  zlab replay traces/samples/sqlite.zlt --backend zsmalloc "
		"--codec zstd\n",
	CLI_TAKES(struct args, &operand, options, replaying_groups),
	CLI_DOES(&defaults, check, run),
};
