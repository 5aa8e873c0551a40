// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares virtual time with this machine's time. Each backend replays each
 * trace natively and on virtual CPUs, with one CPU up to all CPUs of the
 * machine.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/measure/load.h"
#include "harness/replay/result.h"
#include "harness/virtual/agreement.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "traces/label.h"

#define NEAR 0.15

struct validation {
	struct cli_list trace, backend;
	struct cli_counts threads;
	const char *profile, *json;
	long long runs;
	bool wide;
	/* For each case, how far the native time is outside the interval. */
	double *off;
	unsigned cases;
	struct progress progress;
};

static const struct cli_option operand =
	CLI_TRACE("validate needs traces and a profile: zlab validate T.zlt... "
		  "--profile FILE",
		  CLI_IS_LIST(struct validation, trace));

static const struct cli_option options[] = {
	{ "profile", 'p', "FILE", "Costs of this machine, from zlab calibrate",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct validation, profile),
	  .needs = "validate needs traces and a profile: zlab validate "
		   "T.zlt... --profile FILE" },
	CLI_BACKEND("Allocator; may be given several times (default: every "
		    "locking era of every allocator)",
		    CLI_IS_LIST(struct validation, backend)),
	{ "threads", 't', "N,N,...",
	  "Numbers of CPUs (default: 1, 2, 4 and so on, and all there are)",
	  CLI_IS_COUNTS(struct validation, threads, 1000000) },
	CLI_RUNS(struct validation, AGREEMENT_MAX_RUNS,
		 "Native runs of each case; their median counts (default 5)"),
	CLI_JSON(struct validation,
		 "Append a record for each case to FILE; - for standard "
		 "output, which then gets nothing else"),
	CLI_WIDE(struct validation),
	{ 0 },
};

/* Every locking era of every allocator. */
static const char *const every_design[] = {
	"zbud@6.1",
	"zbud@6.12",
	"z3fold:form=early,lock=pool",
	"z3fold:form=early,lock=page",
	"z3fold@6.12",
	"zsmalloc@4.0",
	"zsmalloc@5.10",
	"zsmalloc@6.1",
	"zsmalloc@6.10",
	"zsmalloc@6.12",
	"zsmalloc@7.2",
	"zsmalloc@7.3",
	"zsmalloc:zspage=rwsem",
	"zsmalloc:zspage=atomic",
};
#define NR_DESIGNS (sizeof(every_design) / sizeof(every_design[0]))

static void all_threads(struct validation *v, long all)
{
	struct cli_counts *c = &v->threads;
	long n;

	for (n = 1; n < all && c->nr < CLI_COUNTS_MAX - 1; n *= 2)
		c->at[c->nr++] = (unsigned)n;
	c->at[c->nr++] = (unsigned)all;
}

static int check(void *args)
{
	long all = sysconf(_SC_NPROCESSORS_ONLN);
	struct validation *v = args;
	struct err err;
	size_t i;

	if (result_check(v->json, &err))
		return cli_failed("%s", err.text);
	for (i = 0; i < v->threads.nr; i++)
		if (v->threads.at[i] > all)
			return cli_usage("--threads takes numbers from 1 to "
					 "this machine's %ld CPUs with commas "
					 "between; not \"%u\"",
					 all, v->threads.at[i]);
	if (!v->threads.nr)
		all_threads(v, all);
	for (i = v->backend.nr ? NR_DESIGNS : 0; i < NR_DESIGNS; i++)
		if (cli_list_add(&v->backend, every_design[i]))
			return EXIT_FAILED;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int record(const struct validation *v, const struct agreement *a,
		  double others)
{
	struct err err;
	json_t *o;
	int ret;

	if (!v->json)
		return 0;
	o = json_pack("{s:s, s:o, s:o, s:i, s:i, s:[f, f, f], s:f, s:f, s:f, "
		      "s:o, s:o}",
		      "validate", "allocator ns per operation", "trace",
		      label_json(base(a->trace)), "backend",
		      label_json(a->backend), "threads", (int)a->threads,
		      "runs", (int)a->runs, "native", a->native[0],
		      a->native[1], a->native[2], "overlap", a->overlap, "sum",
		      a->sum, "off", agreement_off(a), "profile",
		      label_json(base(v->profile)), "env", result_env());
	if (!o)
		return cli_failed("out of memory");
	result_put_load(json_object_get(o, "env"), others);
	ret = result_append(v->json, o, &err);
	json_decref(o);
	return ret ? cli_failed("%s", err.text) : 0;
}

/* Width of the separator line, which is that of the columns. */
#define ROW 97

static const char *newline(const struct validation *v)
{
	int width = cli_width(v->wide);

	return width && width < ROW ? "\n            " : "";
}

static int one(struct validation *v, struct agreement *a,
	       const struct agreement *null)
{
	bool table = !v->json || strcmp(v->json, "-");
	double off, others;
	struct load load;
	int ret;

	progress_update(&v->progress, v->cases);
	load_begin(&load);
	ret = agreement_native(a, null);
	others = load_others(&load);
	if (!ret)
		ret = agreement_virtual(a, v->profile, 1);
	progress_hide(&v->progress);
	if (!ret)
		ret = record(v, a, others);
	if (ret)
		return ret;
	off = agreement_off(a);
	v->off[v->cases++] = fabs(off);
	if (table) {
		printf("%-14s %-28s %2u%s", PLAIN(base(a->trace)),
		       PLAIN(a->backend), a->threads, newline(v));
		printf(" %8.1f (%6.1f..%6.1f) %8.1f..%6.1f %+6.1f%%\n",
		       a->native[0], a->native[1], a->native[2], a->overlap,
		       a->sum, 100 * off);
		fflush(stdout);
	}
	return cli_stopped() ? EXIT_STOPPED : 0;
}

/* Summarise the finished cases; also called after Ctrl-C. */
static void summary(struct validation *v, double others)
{
	unsigned i, near = 0;
	char text[LOAD_NOTE];

	if (!v->cases || (v->json && !strcmp(v->json, "-")))
		return;
	qsort(v->off, v->cases, sizeof(*v->off), by_value);
	for (i = 0; i < v->cases; i++)
		near += v->off[i] <= NEAR;
	printf("%u pairs: median %.1f %% outside the interval, %u of them "
	       "within %.0f %%, worst %.1f %%\n",
	       v->cases, 100 * v->off[v->cases / 2], near, 100 * NEAR,
	       100 * v->off[v->cases - 1]);
	if (load_note(others, load_cpus(), text))
		printf("note: %s\n", text);
}

static int run(void *args, int argc, char **argv)
{
	struct validation *v = args;
	struct agreement a, null;
	struct load load;
	size_t t, n, b;
	int ret = 0;

	v->off = calloc(v->trace.nr * v->threads.nr * v->backend.nr,
			sizeof(*v->off));
	if (!v->off)
		return cli_failed("out of memory");
	stop_hold();
	if (!v->json || strcmp(v->json, "-"))
		printf("%-14s %-28s %2s%s %8s %-16s %16s %7s\n", "trace",
		       "backend", "n", newline(v), "native", "(least..most)",
		       "virtual ns/op", "off");
	load_begin(&load);
	progress_start(&v->progress, "validate", "pairs",
		       v->trace.nr * v->threads.nr * v->backend.nr);
	for (t = 0; t < v->trace.nr && !ret; t++)
		for (n = 0; n < v->threads.nr && !ret; n++) {
			progress_update(&v->progress, v->cases);
			null = (struct agreement){
				.trace = v->trace.at[t],
				.backend = "null",
				.threads = v->threads.at[n],
				.runs = (unsigned)v->runs,
			};
			ret = agreement_native(&null, NULL);
			for (b = 0; b < v->backend.nr && !ret; b++) {
				a = null;
				a.backend = v->backend.at[b];
				ret = one(v, &a, &null);
			}
		}
	progress_end(&v->progress);
	summary(v, load_others(&load));
	free(v->off);
	return ret;
}

static const struct validation defaults = { .runs = 5 };

const struct cli_command cmd_validate = {
	CLI_NAME("validate", CHAPTER_VIRTUAL,
		 "compare virtual CPUs with this machine's",
		 "T.zlt... --profile FILE"),
	.doc = "Compare virtual CPUs with the real ones of this machine: the "
	       "allocator's time per operation, natively and in virtual time, "
	       "for each trace, backend and number of CPUs. Codecs are left "
	       "out: a trace's sizes are replayed. Keep the machine quiet.",
	.more = "Native time should lie in the interval of the two models of "
		"memory, or near it; \"off\" says how far outside it is.\n\n"
		"Example:\n"
		"  zlab calibrate -o here.json\n"
		"  zlab validate traces/samples/*.zlt --profile here.json\n",
	CLI_TAKES(struct validation, &operand, options, NULL),
	CLI_DOES(&defaults, check, run),
};
