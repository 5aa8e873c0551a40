// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/replay_opts.h"
#include "harness/replay/result.h"
#include "harness/compare/sample.h"
#include "harness/virtual/program.h"

enum {
	OPT_JSON = 0x100,
	OPT_SHA256,
	OPT_QUIET,
	OPT_VCPUS,
};

struct args {
	struct replay_opts common;
	struct virtual_opts virtual;
	char *backend;
	char *json;
	const char *sha256;
	bool quiet;
	long long threads, vcpus, runs;
	int argc;
	char **argv;
};

static const struct argp_option options[] = {
	{ "backend", 'b', "SPEC", 0,
	  "Allocator, as zsmalloc:chain=4 or ./mine.so; \"zlab backends\" lists "
	  "them. Needed.",
	  0 },
	{ "codec", 'c', "CODEC", 0,
	  "lz4, zstd[:LEVEL], none, or sizes:CODEC to take the sizes from the "
	  "trace without compressing (default: lz4, or none for a trace of "
	  "sizes)",
	  0 },
	{ "threads", 't', "N", 0, "Replay with N threads (default 1)", 0 },
	{ "vcpus", OPT_VCPUS, "N", 0,
	  "Replay on N virtual CPUs in virtual time, to the digit repeatable",
	  0 },
	{ "runs", 'n', "N", 0,
	  "Replay N times, each in a fresh process; on virtual CPUs each with "
	  "the next seed",
	  0 },
	{ "json", OPT_JSON, "FILE", 0,
	  "Append one result record per run to FILE; - for standard output, "
	  "which then gets nothing else",
	  0 },
	{ "sha256", OPT_SHA256, "HEX", OPTION_HIDDEN, "", 0 },
	{ "quiet", OPT_QUIET, 0, OPTION_HIDDEN, "", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		state->child_inputs[1] = &a->virtual;
		return 0;
	case 'b':
		a->backend = arg;
		return 0;
	case 'c':
		a->common.config.codec = arg;
		return 0;
	case 't':
		return cli_count("--threads", arg, 1, REPLAY_MAX_THREADS,
				 &a->threads);
	case 'n':
		return cli_count("--runs", arg, 1, 1000000, &a->runs);
	case OPT_JSON:
		a->json = arg;
		return 0;
	case OPT_VCPUS:
		return cli_count("--vcpus", arg, 1, VIRTUAL_MAX_CPUS,
				 &a->vcpus);
	case OPT_QUIET:
		a->quiet = true;
		return 0;
	case OPT_SHA256:
		a->sha256 = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->common.config.trace)
			return ARGP_ERR_UNKNOWN;
		a->common.config.trace = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->common.config.trace)
			cli_usage("replay needs a trace: zlab replay T.zlt "
				  "--backend SPEC");
		else if (!a->backend)
			cli_usage("replay needs --backend SPEC; \"zlab "
				  "backends\" lists them");
		else
			return 0;
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &replay_argp, 0, 0, 0 },
					      { &virtual_argp, 0, 0, 0 },
					      { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "T.zlt --backend SPEC",
	.doc = "Replay a trace through one allocator: every store puts the "
	       "page's object into the pool, every load reads it back and "
	       "compares it, every invalidate frees it. Prints what the pool "
	       "looked like and where the time went.\v"
	       "Example:\n"
	       "  zlab replay traces/samples/sqlite.zlt --backend zsmalloc "
	       "--codec zstd\n",
	.children = children,
};

static void print_ms(const char *what, double ns, double of)
{
	printf("  %-10s %12.3f ms", what, ns / 1e6);
	if (of > 0)
		printf("  %5.1f %%", 100 * ns / of);
	putchar('\n');
}

static double get(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static void print_quantiles(const char *what, const json_t *l)
{
	if (!l || !get(l, "samples"))
		return;
	printf("  %-10s %7.0f %9.0f %9.0f %9.0f %10.0f\n", what, get(l, "p50"),
	       get(l, "p90"), get(l, "p99"), get(l, "p999"), get(l, "max"));
}

static void print_latency(const json_t *record)
{
	static const char *const names[] = { "store", "load", "invalidate",
					     "compact" };
	const json_t *o = json_object_get(record, "latency_ns");
	size_t i;

	printf("latency, ns     p50       p90       p99     p99.9        "
	       "max\n");
	for (i = 0; i < 4; i++)
		print_quantiles(names[i], json_object_get(o, names[i]));
	print_quantiles("atomic", json_object_get(record, "atomic_section_ns"));
}

static void print_marks(const json_t *record)
{
	const json_t *m;
	size_t i;

	json_array_foreach (json_object_get(record, "marks"), i, m)
		printf("mark %s: %.0f pages, %.0f objects, frag ratio %.2f %%\n",
		       json_string_value(json_object_get(m, "label")),
		       get(m, "pool_pages"), get(m, "objects"),
		       get(m, "frag_ratio"));
}

static void print(const json_t *record)
{
	const json_t *counts = json_object_get(record, "counts");
	const json_t *t = json_object_get(record, "time");
	const json_t *split = json_object_get(t, "sys_split_ns");
	const json_t *over = json_object_get(record, "over_time");
	double sys = get(t, "sys_ns");

	printf("%s, %s, %.0f thread%s: %.0f events\n",
	       json_string_value(json_object_get(record, "backend")),
	       json_string_value(json_object_get(record, "codec")),
	       get(record, "threads"), get(record, "threads") > 1 ? "s" : "",
	       get(record, "events"));
	printf("store %.0f  load %.0f  invalidate %.0f  rejected %.0f  "
	       "same-filled %.0f\n",
	       get(counts, "store"), get(counts, "load"),
	       get(counts, "invalidate"), get(counts, "rejected"),
	       get(counts, "same_filled"));
	printf("pool at the end: %.0f pages (peak %.0f), %.0f objects of %.0f "
	       "bytes\n",
	       get(record, "pool_pages"), get(record, "pool_pages_peak"),
	       get(record, "objects"), get(record, "object_bytes"));
	printf("frag ratio %.2f %% at the end, %.2f %% over time; density "
	       "%.3f over time; footprint %.0f bytes\n",
	       get(record, "frag_ratio"), get(over, "frag_ratio"),
	       get(over, "density"), get(record, "footprint_bytes"));
	print_ms("real", get(t, "real_ns"), 0);
	print_ms("user", get(t, "user_ns"), 0);
	print_ms("sys", sys, 0);
	print_ms("codec", get(split, "codec"), sys);
	print_ms("allocator", get(split, "allocator"), sys);
	print_ms("lock wait", get(split, "lock_wait"), sys);
	print_ms("frontend", get(split, "frontend"), sys);
	print_latency(record);
	print_marks(record);
}

static void warn(const struct replay_result *res, unsigned threads)
{
	if (res->trace_note[0])
		fprintf(stderr, "zlab: trace %s: %s\n", res->trace_name,
			res->trace_note);
	if (res->oversubscribed)
		fprintf(stderr,
			"zlab: warning: %u threads on %u CPUs measure the "
			"scheduler, not the locks; the result is marked "
			"oversubscribed\n",
			threads, replay_cpus());
}

/* The command line goes along, so that a record can be made again. */
static int add_cli(const struct args *a, json_t *record)
{
	json_t *cli = json_array();
	int i;

	for (i = 1; i < a->argc; i++)
		json_array_append_new(cli, json_string(a->argv[i]));
	json_array_insert_new(cli, 0, json_string("replay"));
	json_array_insert_new(cli, 0, json_string("zlab"));
	return json_object_set_new(record, "cli", cli);
}

static int once(struct args *a)
{
	const struct replay_config *config = &a->common.config;
	const char *sha256 = a->sha256;
	struct replay_result res;
	struct err err = { "" };
	char hex[65];
	json_t *record = NULL;
	int ret;

	ret = replay_run(config, &res, &err);
	if (!ret && !sha256) {
		ret = result_sha256(config->trace, hex, &err);
		sha256 = hex;
	}
	if (!ret) {
		if (!a->quiet)
			warn(&res, config->threads);
		record = result_record(config, &res, sha256);
		if (!record || add_cli(a, record))
			ret = err_set(&err, -ENOMEM, "out of memory");
	}
	if (!ret && a->json)
		ret = result_append(a->json, record, &err);
	if (!ret && (!a->json || strcmp(a->json, "-")))
		print(record);
	json_decref(record);
	replay_result_free(&res);
	if (!ret)
		return 0;
	cli_failed("%s", err.text);
	return ret == -EINTR ? EXIT_STOPPED : EXIT_FAILED;
}

/* Each run in a process of its own, which inherits nothing of the last. */
static int many(struct args *a)
{
	struct sample_run run = { .trace = a->common.config.trace,
				  .backend = a->backend,
				  .codec = a->common.config.codec,
				  .threads = a->common.config.threads,
				  .common = &a->common };
	json_t *record;
	char hex[65];
	struct err err;
	int ret = 0;
	long long i;

	if (result_sha256(run.trace, hex, &err))
		return cli_failed("%s", err.text);
	run.sha256 = hex;
	for (i = 0; i < a->runs && !ret && !cli_stopped(); i++) {
		ret = sample_take(&run, &record);
		if (ret)
			break;
		json_object_set_new(record, "run", json_integer(i));
		if (a->json && result_append(a->json, record, &err))
			ret = cli_failed("%s", err.text);
		if (!ret && (!a->json || strcmp(a->json, "-")))
			print(record);
		json_decref(record);
	}
	return cli_stopped() ? EXIT_STOPPED : ret;
}

/* The words that need no trace to be judged. */
static int check_words(const struct args *a)
{
	struct codec *codec;
	char full[1024];
	struct err err;

	if (a->vcpus && a->threads)
		return cli_usage("--vcpus and --threads are two kinds of "
				 "replay; give one");
	if (!a->vcpus && virtual_opts_misplaced(&a->virtual, "replay"))
		return EXIT_USAGE;
	/* The virtual executable judges: a backend for it loads only there. */
	if (a->vcpus && !virtual_program)
		return 0;
	if (zpool_full_spec(a->backend, full, sizeof(full), &err))
		return cli_usage("%s", err.text);
	if (!a->common.config.codec)
		return 0;
	codec = codec_create(a->common.config.codec, &err);
	if (!codec)
		return cli_usage("%s", err.text);
	codec_destroy(codec);
	return 0;
}

static int on_vcpus(struct args *a)
{
	struct virtual_run run = { .opts = &a->virtual,
				   .json = a->json,
				   .sha256 = a->sha256,
				   .vcpus = (unsigned)a->vcpus,
				   .runs = a->runs,
				   .quiet = a->quiet };

	run.config = a->common.config;
	run.config.threads = run.vcpus;
	if (run.config.swap.sample == REPLAY_SAMPLE_AUTO)
		run.config.swap.sample = 1;
	return virtual_replay(&run);
}

static int on_threads(struct args *a)
{
	a->common.config.threads = a->threads ? (unsigned)a->threads : 1;
	a->common.config.progress = !a->quiet;
	cli_stop_install();
	return a->runs > 1 ? many(a) : once(a);
}

int cmd_replay(int argc, char **argv)
{
	struct args a = { .runs = 1, .argc = argc, .argv = argv };
	int ret;

	replay_opts_init(&a.common);
	virtual_opts_init(&a.virtual, "replay", argc, argv);
	ret = cli_parse(&argp, "zlab replay", argc, argv, &a);
	if (virtual_program && !a.vcpus)
		a.vcpus = 1;
	if (!ret)
		ret = check_words(&a);
	if (!ret) {
		a.common.config.swap.backend = a.backend;
		ret = a.vcpus ? on_vcpus(&a) : on_threads(&a);
	}
	virtual_opts_free(&a.virtual);
	replay_opts_free(&a.common);
	return ret;
}
