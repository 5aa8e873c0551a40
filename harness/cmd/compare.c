// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/compare/compare.h"
#include "harness/cli/progress.h"
#include "harness/replay/result.h"
#include "harness/compare/sample.h"
#include "harness/cli/script.h"
#include "harness/measure/cores.h"
#include "harness/virtual/program.h"
#include "lib/random.h"

enum {
	OPT_JSON = 0x100,
	OPT_NO_REPORT,
	OPT_VCPUS
};

#define LIST_MAX 256
#define SIDE_BY_SIDE 16

struct list {
	size_t n;
	const char *at[LIST_MAX];
	/* What those that were cut point into. */
	size_t nr_own;
	char *own[LIST_MAX];
};

struct args {
	struct replay_opts common;
	struct virtual_opts virtual;
	struct list traces, backends, codecs, threads, vcpus;
	/* Where an argument without an option belongs. */
	struct list *current;
	char *dir, *json;
	/* As it was typed, for the records and for the other executable. */
	char **cli;
	int nr_cli;
	bool no_report;
	long long runs;
};

/* What is known of a trace before any sample. */
struct trace {
	const char *path;
	char sha256[65];
	bool sizes;
};

static const struct argp_option options[] = {
	{ "backend", 'b', "SPEC...", 0,
	  "Allocators; the first is what the others are compared with "
	  "(default: zbud z3fold zsmalloc jemalloc, and null for the "
	  "harness's own cost)",
	  0 },
	{ "codec", 'c', "CODEC...", 0,
	  "lz4, zstd[:LEVEL], none, sizes:CODEC (default: lz4, or none for a "
	  "trace of sizes)",
	  0 },
	{ "threads", 't', "N...", 0, "Numbers of threads (default 1)", 0 },
	{ "vcpus", OPT_VCPUS, "N...", 0,
	  "Replay on N virtual CPUs in virtual time instead, to the digit "
	  "repeatable",
	  0 },
	{ "runs", 'n', "N", 0,
	  "Samples of every combination (default 3); 5 or more give the ratios "
	  "an interval. On virtual CPUs: seeds (default 1)",
	  0 },
	{ "output", 'o', "DIR", 0,
	  "Leave records.jsonl, the table, CSV, plots and a page in DIR", 0 },
	{ "no-report", OPT_NO_REPORT, 0, 0, "With -o: records and table only",
	  0 },
	{ "json", OPT_JSON, "FILE", 0,
	  "Append every result record to FILE; - for standard output, which "
	  "then gets nothing else",
	  0 },
	{ 0 },
};

static error_t add(struct list *l, const char *what)
{
	if (l->n == LIST_MAX) {
		cli_usage("there are more than %d of one kind", LIST_MAX);
		return CLI_REPORTED;
	}
	l->at[l->n++] = what;
	return 0;
}

static bool is_trace(const char *arg)
{
	size_t len = strlen(arg);

	return len > 4 && !strcmp(arg + len - 4, ".zlt");
}

/*
 * "1,2,4" are three, also for codecs; a backend's commas are its own. The word
 * itself stays whole: it goes into the records.
 */
static error_t add_split(struct list *l, const char *typed)
{
	char *word, *arg = strdup(typed);
	error_t ret = 0;

	if (!arg || l->nr_own == LIST_MAX) {
		free(arg);
		return ENOMEM;
	}
	l->own[l->nr_own++] = arg;
	while (!ret && (word = strsep(&arg, ",")))
		ret = add(l, word);
	return ret;
}

static void free_list(struct list *l)
{
	while (l->nr_own)
		free(l->own[--l->nr_own]);
}

static error_t add_to(struct args *a, struct list *l, char *arg)
{
	a->current = l;
	if (l == &a->codecs || l == &a->threads || l == &a->vcpus)
		return add_split(l, arg);
	return add(l, arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		state->child_inputs[1] = &a->virtual;
		a->current = &a->traces;
		return 0;
	case 'b':
		return add_to(a, &a->backends, arg);
	case 'c':
		return add_to(a, &a->codecs, arg);
	case 't':
		return add_to(a, &a->threads, arg);
	case OPT_VCPUS:
		return add_to(a, &a->vcpus, arg);
	case 'n':
		return cli_count("--runs", arg, 1, 1000000, &a->runs);
	case 'o':
		a->dir = arg;
		return 0;
	case OPT_NO_REPORT:
		a->no_report = true;
		return 0;
	case OPT_JSON:
		a->json = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (is_trace(arg))
			return add(&a->traces, arg);
		return add_to(a, a->current, arg);
	case ARGP_KEY_END:
		if (a->traces.n)
			return 0;
		cli_usage("compare needs traces: zlab compare T.zlt... "
			  "[--backend SPEC...]");
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
	.args_doc = "T.zlt...",
	.doc = "Replay traces through several allocators and compare them: "
	       "every combination of trace, codec, number of threads and "
	       "allocator is sampled in fresh processes, in random order "
	       "within each round.\v"
	       "An option that ends in \"...\" takes several values, up to the "
	       "next option; a name that ends in .zlt is always a trace.\n"
	       "\n"
	       "Example:\n"
	       "  zlab compare traces/samples/*.zlt --codec lz4 zstd --runs 9 "
	       "-o out\n"
	       "  zlab compare T.zlt --vcpus 8 32 --codec sizes:lz4 --backend "
	       "zsmalloc@6.10 zsmalloc@6.12\n",
	.children = children,
};

static void default_lists(struct args *a)
{
	static const struct list all = {
		.n = 5,
		.at = { "zbud", "z3fold", "zsmalloc", "jemalloc", "null" },
	};

	if (!a->backends.n)
		a->backends = all;
	if (!a->threads.n)
		add(&a->threads, "1");
	if (!a->runs)
		a->runs = a->vcpus.n ? 1 : 3;
	if (!a->codecs.n)
		add(&a->codecs, NULL);
}

/* Everything that can be wrong with the words, before the first sample. */
static int check_words(const struct args *a)
{
	struct codec *codec;
	char full[1024];
	struct err err;
	long long n;
	size_t i;

	/* The virtual executable judges: a backend for it loads only there. */
	if (a->vcpus.n && !virtual_program)
		return 0;
	for (i = 0; i < a->backends.n; i++)
		if (zpool_full_spec(a->backends.at[i], full, sizeof(full),
				    &err))
			return cli_usage("%s", err.text);
	for (i = 0; i < a->threads.n && !a->vcpus.n; i++) {
		if (cli_count("--threads", a->threads.at[i], 1,
			      REPLAY_MAX_THREADS, &n))
			return EXIT_USAGE;
		if (n > replay_cpus())
			fprintf(stderr,
				"zlab: warning: %lld threads on %u CPUs "
				"measure the scheduler, not the locks; the "
				"results are marked oversubscribed\n",
				n, replay_cpus());
	}
	for (i = 0; i < a->codecs.n && a->codecs.at[i]; i++) {
		codec = codec_create(a->codecs.at[i], &err);
		if (!codec)
			return cli_usage("%s", err.text);
		codec_destroy(codec);
	}
	return 0;
}

/* The same of virtual CPUs: the machine, and whether the traces keep it busy. */
static int check_virtual(const struct args *a)
{
	struct replay_config config = a->common.config;
	long long n, most = 0;
	size_t i, k;
	int ret = 0;

	for (i = 0; i < a->vcpus.n; i++) {
		if (cli_count("--vcpus", a->vcpus.at[i], 1, VIRTUAL_MAX_CPUS,
			      &n))
			return EXIT_USAGE;
		most = n > most ? n : most;
	}
	for (k = 0; k < a->codecs.n; k++)
		for (i = 0; i < a->traces.n && !ret; i++) {
			config.trace = a->traces.at[i];
			config.codec = a->codecs.at[k];
			ret = virtual_setup(&a->virtual, (unsigned)most,
					    &config);
		}
	return ret;
}

static int open_trace(const char *path, bool salvage, struct trace *t)
{
	struct err err;
	struct zlt_reader *r = zlt_open(path, salvage ? ZLT_SALVAGE : 0, &err);

	if (!r)
		return cli_failed("%s", err.text);
	t->path = path;
	t->sizes = zlt_info(r)->objects == ZLT_OBJECT_SIZES;
	zlt_reader_close(r);
	if (result_sha256(path, t->sha256, &err))
		return cli_failed("%s", err.text);
	return 0;
}

/* A trace of sizes has no choice of codecs: it is one case. */
static size_t codecs_of(const struct args *a, const struct trace *t)
{
	return t->sizes ? 1 : a->codecs.n;
}

static int make_cells(const struct args *a, const struct trace *traces,
		      struct compare *c)
{
	struct compare_cell *cell;
	const struct list *cpus = a->vcpus.n ? &a->vcpus : &a->threads;
	size_t t, k, n, b;

	for (t = 0; t < a->traces.n; t++)
		c->nr_cells +=
			codecs_of(a, &traces[t]) * cpus->n * a->backends.n;
	c->rounds = (size_t)a->runs;
	c->cell = calloc(c->nr_cells, sizeof(*c->cell));
	if (!c->cell)
		return -ENOMEM;
	cell = c->cell;
	for (t = 0; t < a->traces.n; t++)
		for (k = 0; k < codecs_of(a, &traces[t]); k++)
			for (n = 0; n < cpus->n; n++)
				for (b = 0; b < a->backends.n; b++) {
					cell->trace = t;
					cell->codec = traces[t].sizes
							      ? NULL
							      : a->codecs.at[k];
					cell->threads =
						(unsigned)atoi(cpus->at[n]);
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

/* Where the records go: the folder, a file, standard output. */
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
		json_array_append_new(words, json_string(a->cli[i]));
	return words;
}

static bool quiet(const struct args *a)
{
	return a->json && !strcmp(a->json, "-");
}

/* Only of the first seed: it is a replay for each cost, twice. */
static bool sensitivity(const struct args *a, size_t round)
{
	return !round &&
	       (a->virtual.sensitivity == SENSITIVITY_YES ||
		(a->virtual.sensitivity == SENSITIVITY_TABLE && !quiet(a)));
}

static int begin(const struct args *a, const struct trace *traces,
		 struct compare_cell *cell, size_t round, struct sample *s)
{
	struct sample_run run = { .trace = traces[cell->trace].path,
				  .sha256 = traces[cell->trace].sha256,
				  .backend = cell->backend,
				  .codec = cell->codec,
				  .threads = cell->threads,
				  .common = &a->common };

	if (a->vcpus.n) {
		run.virtual = &a->virtual;
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

/* How many samples run at a time: times that a clock measures, one. */
static size_t side_by_side(const struct args *a)
{
	size_t cores;

	if (!a->vcpus.n || sensitivity(a, 0))
		return 1;
	cores = cores_allowed();
	/* A sample is two replays. */
	return cores > 2 * SIDE_BY_SIDE ? SIDE_BY_SIDE : (cores + 1) / 2;
}

/* The next cells of a round, at once. Return: 0 or what failed first. */
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

/* All rounds. Return: 0, or the status of what failed first. */
static int take(const struct args *a, const struct trace *traces,
		struct compare *c, const char *jsonl)
{
	uint64_t random = a->common.config.swap.seed * 2 + 1;
	size_t *order = malloc(c->nr_cells * sizeof(*order));
	struct progress progress;
	size_t round, i;
	int ret = 0, one;

	if (!order)
		return cli_failed("out of memory");
	for (i = 0; i < c->nr_cells; i++)
		order[i] = i;
	progress_start(&progress, "compare", "runs", c->nr_cells * c->rounds);
	for (round = 0; round < c->rounds && !cli_stopped(); round++) {
		/* Virtual time knows no neighbours: in order, as asked for. */
		if (!a->vcpus.n)
			shuffle(order, c->nr_cells, &random);
		one = take_round(a, traces, c, order, round, jsonl, &progress);
		ret = ret ? ret : one;
	}
	progress_end(&progress);
	free(order);
	return cli_stopped() ? EXIT_STOPPED : ret;
}

static int make_dir(const struct args *a, char **jsonl, char **table)
{
	if (mkdir(a->dir, 0777) && errno != EEXIST)
		return cli_failed("%s: %s", a->dir, strerror(errno));
	if (asprintf(jsonl, "%s/records.jsonl", a->dir) < 0 ||
	    asprintf(table, "%s/table.txt", a->dir) < 0)
		return cli_failed("out of memory");
	if (!access(*jsonl, F_OK))
		return cli_usage("%s holds results already; name another "
				 "folder or remove %s",
				 a->dir, *jsonl);
	return 0;
}

static int save_table(const struct compare *c, const char *path)
{
	FILE *f = fopen(path, "we");

	if (f)
		compare_print(c, f);
	if (!f || fclose(f))
		return cli_failed("%s: %s", path, strerror(errno));
	return 0;
}

static int make_report(const struct args *a)
{
	char *argv[3 + 2 * LIST_MAX] = { "report", "--quiet", a->dir };
	int ret, n = 3;
	size_t i;

	if (a->no_report)
		return 0;
	for (i = 0; i < a->traces.n; i++) {
		argv[n++] = "--trace";
		argv[n++] = (char *)a->traces.at[i];
	}
	ret = script_run("report", n, argv);
	if (ret)
		cli_failed("the records and the table are in %s, but the "
			   "report could not be made",
			   a->dir);
	else if (!quiet(a))
		printf("%s/report.html\n", a->dir);
	return ret ? EXIT_FAILED : 0;
}

static int compare(struct args *a, struct trace *traces, struct compare *c)
{
	char *jsonl = NULL, *table = NULL;
	int ret = 0, shown;
	size_t i;

	for (i = 0; i < a->traces.n && !ret; i++)
		ret = open_trace(a->traces.at[i], a->common.config.salvage,
				 &traces[i]);
	if (!ret && a->dir)
		ret = make_dir(a, &jsonl, &table);
	if (!ret && make_cells(a, traces, c))
		ret = cli_failed("out of memory");
	if (ret)
		goto out;
	ret = take(a, traces, c, jsonl);
	if (!quiet(a))
		compare_print(c, stdout);
	if (table) {
		shown = save_table(c, table);
		if (!shown && !access(jsonl, F_OK) && ret != EXIT_STOPPED)
			shown = make_report(a);
		ret = ret ? ret : shown;
	}
	if (ret == EXIT_STOPPED)
		cli_failed("interrupted; what was finished is kept");
out:
	free(jsonl);
	free(table);
	return ret;
}

int cmd_compare(int argc, char **argv)
{
	struct args a = { .cli = argv, .nr_cli = argc };
	struct compare c = { 0 };
	struct trace *traces;
	int ret;

	replay_opts_init(&a.common);
	virtual_opts_init(&a.virtual, "compare", argc, argv);
	ret = cli_parse(&argp, "zlab compare", argc, argv, &a);
	if (!ret && a.vcpus.n && a.threads.n)
		ret = cli_usage("--vcpus and --threads are two kinds of "
				"replay; give one");
	if (!ret && !a.vcpus.n && virtual_opts_misplaced(&a.virtual, "compare"))
		ret = EXIT_USAGE;
	if (!ret) {
		default_lists(&a);
		ret = check_words(&a);
	}
	if (!ret && a.vcpus.n)
		ret = check_virtual(&a);
	if (!ret) {
		c.virtual = a.vcpus.n;
		traces = calloc(a.traces.n, sizeof(*traces));
		cli_stop_install();
		ret = traces ? compare(&a, traces, &c)
			     : cli_failed("out of memory");
		free(traces);
		free_cells(&c);
	}
	free_list(&a.codecs);
	free_list(&a.threads);
	free_list(&a.vcpus);
	virtual_opts_free(&a.virtual);
	replay_opts_free(&a.common);
	return ret;
}
