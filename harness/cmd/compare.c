// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Takes one sample of each cell per round, in random order, until each cell of
 * the table has its number of runs.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cli/ghost.h"
#include "harness/cli/progress.h"
#include "harness/cli/script.h"
#include "harness/cmd/cmd.h"
#include "harness/compare/compare.h"
#include "harness/compare/sample.h"
#include "harness/measure/cores.h"
#include "harness/measure/load.h"
#include "harness/replay/result.h"
#include "harness/virtual/program.h"
#include "lib/output.h"
#include "lib/random.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "traces/source.h"

#define SIDE_BY_SIDE 16

struct args {
	struct replaying with;
	struct cli_list traces, backends, codecs;
	struct cli_counts threads, vcpus;
	const char *dir, *json;
	/* Command line as typed, for the records and the virtual executable. */
	char **cli;
	int nr_cli;
	bool no_report, wide;
	long long runs;
};

/* Properties of a trace that are known before the first sample. */
struct trace {
	const char *path;
	char *name;
	char sha256[65];
	bool sizes;
};

static const struct cli_option operand =
	CLI_SOURCE("compare needs traces: zlab compare T.zlt... [--backend "
		   "SPEC...]",
		   CLI_IS_LIST(struct args, traces));

static const struct cli_option options[] = {
	{ "backend", 'b', "SPEC...",
	  "Allocators; the first is what the others are compared with "
	  "(default: zbud z3fold zsmalloc jemalloc, and null for the "
	  "harness's own cost)",
	  .offer = OFFER_BACKEND, .many = true,
	  CLI_IS_LIST(struct args, backends) },
	{ "codec", 'c', "CODEC...",
	  "lz4, zstd[:LEVEL], none, ./X.so, sizes:CODEC (default: lz4, or none "
	  "for a trace of sizes)",
	  .offer = OFFER_CODEC, .many = true, .split = true,
	  CLI_IS_LIST(struct args, codecs) },
	{ "threads", 't', "N...", "Numbers of threads (default 1)",
	  .many = true,
	  CLI_IS_COUNTS(struct args, threads, REPLAY_MAX_THREADS) },
	{ "vcpus", 0, "N...",
	  "Replay on N virtual CPUs in virtual time instead, to the digit "
	  "repeatable",
	  .many = true, CLI_IS_COUNTS(struct args, vcpus, VIRTUAL_MAX_CPUS) },
	CLI_RUNS(struct args, 1000000,
		 "Samples of every combination (default 3); 5 or more give "
		 "the ratios an interval. On virtual CPUs: seeds (default 1)"),
	{ "output", 'o', "DIR",
	  "Leave records.jsonl, the table, CSV, plots and a page in DIR",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, dir) },
	{ "no-report", 0, NULL, "With -o: records and table only",
	  CLI_IS_FLAG(struct args, no_report, true) },
	CLI_JSON(struct args,
		 "Append every result record to FILE; - for standard output, "
		 "which then gets nothing else"),
	CLI_WIDE(struct args),
	{ 0 },
};

static int check(void *args)
{
	static const char *const all[] = { "zbud", "z3fold", "zsmalloc",
					   "jemalloc", "null" };
	struct args *a = args;
	struct err err;
	size_t i;

	if (result_check(a->json, &err))
		return cli_failed("%s", err.text);
	if (a->vcpus.nr && a->threads.nr)
		return cli_usage("--vcpus and --threads are two kinds of "
				 "replay; give one");
	if (!a->vcpus.nr && virtual_opts_misplaced(&a->with.virtual, "compare"))
		return EXIT_USAGE;
	for (i = a->backends.nr ? 5 : 0; i < 5; i++)
		if (cli_list_add(&a->backends, all[i]))
			return EXIT_FAILED;
	if (!a->threads.nr)
		a->threads = (struct cli_counts){ .nr = 1, .at = { 1 } };
	if (!a->runs)
		a->runs = a->vcpus.nr ? 1 : 3;
	return replay_opts_sampled(&a->with.common);
}

/* Check all arguments before the first sample. */
static int check_words(const struct args *a)
{
	size_t i;

	/* Checked in the virtual executable: its backends load only there. */
	if (a->vcpus.nr && !virtual_program)
		return 0;
	for (i = 0; i < a->threads.nr && !a->vcpus.nr; i++)
		if (a->threads.at[i] > replay_cpus())
			cli_note("warning: %u threads on %u CPUs measure the "
				 "scheduler, not the locks; the results are "
				 "marked oversubscribed",
				 a->threads.at[i], replay_cpus());
	return replay_check_words((const char *const *)a->backends.at,
				  a->backends.nr,
				  (const char *const *)a->codecs.at,
				  a->codecs.nr);
}

/* Number of codecs; without --codec each trace uses its own default. */
static size_t nr_codecs(const struct args *a)
{
	return a->codecs.nr ? a->codecs.nr : 1;
}

static const char *codec_at(const struct args *a, size_t i)
{
	return a->codecs.nr ? a->codecs.at[i] : NULL;
}

/* Check the virtual machine, and whether the traces have enough threads. */
static int check_virtual(const struct args *a)
{
	struct replay_config config = a->with.common.config;
	unsigned most = 0;
	size_t i, k;
	int ret = 0;

	for (i = 0; i < a->vcpus.nr; i++)
		most = a->vcpus.at[i] > most ? a->vcpus.at[i] : most;
	for (k = 0; k < nr_codecs(a); k++)
		for (i = 0; i < a->traces.nr && !ret; i++) {
			config.trace = a->traces.at[i];
			config.codec = codec_at(a, k);
			ret = virtual_setup(&a->with.virtual, most, &config);
		}
	return ret;
}

static int open_trace(const char *path, bool salvage, struct trace *t)
{
	struct err err;
	struct source *s = source_open(path, salvage ? ZLT_SALVAGE : 0, &err);
	uint64_t events;

	if (!s)
		return cli_failed("%s", err.text);
	t->path = path;
	t->name = strdup(source_info(s)->name);
	t->sizes = source_info(s)->objects == ZLT_OBJECT_SIZES;
	events = source_info(s)->events;
	source_close(s);
	if (!t->name)
		return cli_failed("out of memory");
	if (!events)
		return cli_failed("%s: it has no events, so there is nothing "
				  "to compare; record it with a smaller "
				  "--limit",
				  path);
	if (result_sha256(path, t->sha256, &err))
		return cli_failed("%s", err.text);
	return 0;
}

/* Open all, and leave out those whose content is there already. */
static int open_traces(struct args *a, struct trace *traces)
{
	size_t i = 0, k;
	int ret;

	while (i < a->traces.nr) {
		ret = open_trace(a->traces.at[i], a->with.common.config.salvage,
				 &traces[i]);
		if (ret)
			return ret;
		k = 0;
		while (strcmp(traces[k].sha256, traces[i].sha256) != 0)
			k++;
		if (k == i) {
			i++;
			continue;
		}
		cli_note("note: %s is the same trace as %s and is not replayed "
			 "again",
			 traces[i].path, traces[k].path);
		free(traces[i].name);
		traces[i].name = NULL;
		cli_list_drop(&a->traces, i);
	}
	return 0;
}

/* Name the traces; say which of several that have one name is which. */
static int label(const struct args *a, const struct trace *traces,
		 struct label *labels)
{
	size_t i;

	for (i = 0; i < a->traces.nr; i++)
		labels[i] = (struct label){ .name = traces[i].name,
					    .sha256 = traces[i].sha256 };
	if (label_traces(labels, a->traces.nr))
		return cli_failed("out of memory");
	for (i = 0; i < a->traces.nr; i++)
		if (strcmp(labels[i].text, PLAIN(traces[i].name)) != 0)
			cli_note("note: %s is called \"%s\" here, since "
				 "another trace has its name",
				 traces[i].path, labels[i].text);
	return 0;
}

/* A trace that has only sizes is one case, since it needs no codec. */
static size_t codecs_of(const struct args *a, const struct trace *t)
{
	return t->sizes ? 1 : nr_codecs(a);
}

static int make_cells(const struct args *a, const struct trace *traces,
		      struct compare *c)
{
	struct compare_cell *cell;
	const struct cli_counts *cpus = a->vcpus.nr ? &a->vcpus : &a->threads;
	size_t t, k, n, b;

	for (t = 0; t < a->traces.nr; t++)
		c->nr_cells +=
			codecs_of(a, &traces[t]) * cpus->nr * a->backends.nr;
	c->rounds = (size_t)a->runs;
	c->cell = calloc(c->nr_cells, sizeof(*c->cell));
	if (!c->cell)
		return -ENOMEM;
	cell = c->cell;
	for (t = 0; t < a->traces.nr; t++)
		for (k = 0; k < codecs_of(a, &traces[t]); k++)
			for (n = 0; n < cpus->nr; n++)
				for (b = 0; b < a->backends.nr; b++) {
					cell->trace = t;
					cell->codec = traces[t].sizes
							      ? NULL
							      : codec_at(a, k);
					cell->threads = cpus->at[n];
					cell->backend = a->backends.at[b];
					cell->record = calloc(c->rounds,
							      sizeof(json_t *));
					if (!cell->record)
						return -ENOMEM;
					cell++;
				}
	return 0;
}

static void free_cells(struct compare *c)
{
	size_t i, r;

	for (i = 0; c->cell && i < c->nr_cells; i++) {
		for (r = 0; c->cell[i].record && r < c->rounds; r++)
			json_decref(c->cell[i].record[r]);
		free(c->cell[i].record);
	}
	free(c->cell);
}

static void shuffle(size_t *order, size_t n, uint64_t *random)
{
	size_t i, k, swap;

	for (i = n; i > 1; i--) {
		k = random_xorshift(random) % i;
		swap = order[i - 1];
		order[i - 1] = order[k];
		order[k] = swap;
	}
}

/* Append a record to the folder's file and to the --json output. */
static int keep(const struct args *a, const char *jsonl, const json_t *record)
{
	struct err err;

	if (jsonl && result_append(jsonl, record, &err))
		return cli_failed("%s", err.text);
	if (a->json && result_append(a->json, record, &err))
		return cli_failed("%s", err.text);
	return 0;
}

static json_t *command(const struct args *a)
{
	json_t *words = json_pack("[s, s]", "zlab", "compare");
	int i;

	for (i = 1; i < a->nr_cli; i++)
		json_array_append_new(words, label_json(a->cli[i]));
	return words;
}

static bool quiet(const struct args *a)
{
	return a->json && !strcmp(a->json, "-");
}

/* Only for the first seed, since it takes two replays for each cost. */
static bool sensitivity(const struct args *a, size_t round)
{
	return !round && (a->with.virtual.sensitivity == SENSITIVITY_YES ||
			  (a->with.virtual.sensitivity == SENSITIVITY_TABLE &&
			   !quiet(a)));
}

static int begin(const struct args *a, const struct trace *traces,
		 struct compare_cell *cell, size_t round, struct sample *s)
{
	struct sample_run run = { .trace = traces[cell->trace].path,
				  .sha256 = traces[cell->trace].sha256,
				  .backend = cell->backend,
				  .codec = cell->codec,
				  .threads = cell->threads,
				  .common = &a->with.common };

	if (a->vcpus.nr) {
		run.virtual = &a->with.virtual;
		run.sensitivity = sensitivity(a, round);
		run.nth = round;
	}
	return sample_start(&run, s);
}

static int finish(const struct args *a, struct compare_cell *cell, size_t round,
		  const char *jsonl, struct sample *s)
{
	json_t *record;
	int ret = sample_finish(s, &record);

	if (ret)
		return ret;
	json_object_set_new(record, "run", json_integer((json_int_t)round));
	json_object_set_new(record, "reference",
			    json_boolean(cell->backend == a->backends.at[0]));
	json_object_set_new(record, "cli", command(a));
	cell->record[round] = record;
	return keep(a, jsonl, record);
}

/* Samples to run in parallel; one if times are measured by a clock. */
static size_t side_by_side(const struct args *a)
{
	size_t cores;

	if (!a->vcpus.nr || sensitivity(a, 0))
		return 1;
	cores = cores_allowed();
	/* A sample runs two replays. */
	return cores > 2 * SIDE_BY_SIDE ? SIDE_BY_SIDE : (cores + 1) / 2;
}

/* Run the next cells of a round in parallel. Return: 0 or the first error. */
static int take_some(const struct args *a, const struct trace *traces,
		     struct compare_cell **cell, size_t n, size_t round,
		     const char *jsonl)
{
	struct sample s[SIDE_BY_SIDE];
	int ret = 0, one[SIDE_BY_SIDE];
	size_t i;

	for (i = 0; i < n; i++)
		one[i] = begin(a, traces, cell[i], round, &s[i]);
	for (i = 0; i < n; i++) {
		if (!one[i])
			one[i] = finish(a, cell[i], round, jsonl, &s[i]);
		cell[i]->failed = one[i];
		ret = ret ? ret : one[i];
	}
	return ret;
}

static int take_round(const struct args *a, const struct trace *traces,
		      struct compare *c, const size_t *order, size_t round,
		      const char *jsonl, struct progress *progress)
{
	struct compare_cell *cell[SIDE_BY_SIDE];
	size_t i, n = 0, most = side_by_side(a);
	int ret = 0, one;

	for (i = 0; i < c->nr_cells && !cli_stopped(); i++) {
		progress_update(progress, round * c->nr_cells + i);
		if (!c->cell[order[i]].failed)
			cell[n++] = &c->cell[order[i]];
		if (n < most && i + 1 < c->nr_cells)
			continue;
		one = take_some(a, traces, cell, n, round, jsonl);
		ret = ret ? ret : one;
		n = 0;
	}
	return ret;
}

/* Run all rounds. Return: 0, or the status of the first failure. */
static int take(const struct args *a, const struct trace *traces,
		struct compare *c, const char *jsonl)
{
	uint64_t random = a->with.common.config.swap.seed * 2 + 1;
	size_t *order = malloc(c->nr_cells * sizeof(*order));
	struct progress progress;
	size_t round, i;
	int ret = 0, one;
	struct load load;

	if (!order)
		return cli_failed("out of memory");
	for (i = 0; i < c->nr_cells; i++)
		order[i] = i;
	load_begin(&load);
	progress_start(&progress, "compare", "runs", c->nr_cells * c->rounds);
	for (round = 0; round < c->rounds && !cli_stopped(); round++) {
		/* Order does not affect virtual time: shuffle native runs. */
		if (!a->vcpus.nr)
			shuffle(order, c->nr_cells, &random);
		one = take_round(a, traces, c, order, round, jsonl, &progress);
		ret = ret ? ret : one;
	}
	progress_end(&progress);
	c->others = load_others(&load);
	free(order);
	return cli_stopped() ? EXIT_STOPPED : ret;
}

/* Whether an output is one of the files that -o leaves in its folder. */
static int check_file(const struct args *a, const char *path)
{
	static const char *const names[] = { "records.jsonl", "table.txt",
					     "records.csv", "classes.json",
					     "report.html" };
	char own[PATH_MAX];
	size_t i;

	for (i = 0; path && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(own, sizeof(own), "%s/%s", a->dir, names[i]);
		if (output_same(path, own))
			return cli_usage("%s: -o %s writes this file; name "
					 "another",
					 path, a->dir);
	}
	return 0;
}

static int make_dir(const struct args *a, char **jsonl, char **table)
{
	bool made = !mkdir(a->dir, 0777);
	int ret;

	if (!made && errno != EEXIST)
		return cli_failed("%s: %s", a->dir, strerror(errno));
	if (asprintf(jsonl, "%s/records.jsonl", a->dir) < 0 ||
	    asprintf(table, "%s/table.txt", a->dir) < 0)
		return cli_failed("out of memory");
	if (!access(*jsonl, F_OK))
		return cli_usage("%s holds results already; name another "
				 "folder or remove %s",
				 a->dir, *jsonl);
	ret = check_file(a, a->json);
	if (!ret)
		ret = check_file(a, a->with.common.config.occupancy);
	if (ret && made)
		rmdir(a->dir);
	return ret;
}

static void print_table(FILE *f, const void *c)
{
	compare_print(c, f, 0);
}

static int make_report(const struct args *a)
{
	char *argv[4 + 2 * CLI_LIST_MAX] = { "report", "--quiet", "--progress",
					     (char *)a->dir };
	int ret, n = 4;
	size_t i;

	if (a->no_report)
		return 0;
	for (i = 0; i < a->traces.nr; i++) {
		argv[n++] = "--trace";
		argv[n++] = a->traces.at[i];
	}
	ret = script_run("report", n, argv);
	if (ret)
		cli_failed("the records and the table are in %s, but the "
			   "report could not be made",
			   a->dir);
	else if (!quiet(a))
		printf("%s/report.html\n", PLAIN(a->dir));
	return ret ? EXIT_FAILED : 0;
}

/* Note that a codec was given for traces on which it has no effect. */
static void note_codecs(const struct args *a, const struct trace *traces)
{
	size_t i, k;

	for (i = 0; i < a->traces.nr; i++)
		for (k = 0; traces[i].sizes && k < a->codecs.nr; k++)
			if (strcmp(a->codecs.at[k], "none") != 0)
				cli_note("note: %s has object sizes and no "
					 "pages: --codec %s does nothing "
					 "there",
					 traces[i].path, a->codecs.at[k]);
}

static int compare(struct args *a, struct trace *traces, struct compare *c,
		   struct label *labels)
{
	char *jsonl = NULL, *table = NULL;
	int ret = open_traces(a, traces), shown;

	if (!ret)
		ret = label(a, traces, labels);
	if (!ret && a->dir)
		ret = make_dir(a, &jsonl, &table);
	if (!ret)
		note_codecs(a, traces);
	if (!ret && make_cells(a, traces, c))
		ret = cli_failed("out of memory");
	if (ret)
		goto out;
	ret = take(a, traces, c, jsonl);
	if (!quiet(a))
		compare_print(c, stdout, cli_width(a->wide));
	if (table) {
		shown = cli_write(table, print_table, c);
		if (!shown && !access(jsonl, F_OK) && ret != EXIT_STOPPED)
			shown = make_report(a);
		ret = ret ? ret : shown;
	}
	if (ret == EXIT_STOPPED)
		cli_interrupted("interrupted; what was finished is kept");
out:
	free(jsonl);
	free(table);
	return ret;
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	struct compare c = { .virtual = a->vcpus.nr };
	struct label *labels;
	struct trace *traces;
	size_t i, nr;
	int ret;

	a->cli = argv;
	a->nr_cli = argc;
	virtual_opts_command(&a->with.virtual, "compare", argc, argv);
	ret = ghost_turn(a->with.common.config.ghost, a->vcpus.nr, "compare",
			 argc, argv);
	if (!ret)
		ret = check_words(a);
	if (!ret && !virtual_program)
		replay_opts_note(&a->with.common,
				 (const char *const *)a->backends.at,
				 a->backends.nr);
	if (!ret && a->vcpus.nr)
		ret = check_virtual(a);
	if (ret)
		return ret;
	nr = a->traces.nr;
	traces = calloc(nr, sizeof(*traces));
	labels = calloc(nr, sizeof(*labels));
	c.trace = labels;
	stop_hold();
	ret = traces && labels ? compare(a, traces, &c, labels)
			       : cli_failed("out of memory");
	label_free(labels, nr);
	free(labels);
	for (i = 0; traces && i < nr; i++)
		free(traces[i].name);
	free(traces);
	free_cells(&c);
	return ret;
}

static const struct args defaults = { .with = REPLAYING_DEFAULTS };

const struct cli_command cmd_compare = {
	CLI_NAME("compare", CHAPTER_MEASURING,
		 "replay traces through several allocators", "T.zlt..."),
	.doc = "Replay traces through several allocators and compare them: "
	       "every combination of trace, codec, number of threads and "
	       "allocator is sampled in fresh processes, in random order "
	       "within each round.",
	.more = "An option that ends in \"...\" takes several values, up to the "
		"next option; a name that ends in .zlt is always a trace.\n"
		"\n"
		"Examples:\n"
		"  zlab compare traces/samples/*.zlt -c lz4 zstd -n 9 -o out\n"
		"  zlab compare T.zlt --vcpus 8 32 -c sizes:lz4 -b "
		"zsmalloc@6.10 zsmalloc@6.12\n",
	CLI_TAKES(struct args, &operand, options, replaying_groups),
	CLI_DOES(&defaults, check, run),
};
