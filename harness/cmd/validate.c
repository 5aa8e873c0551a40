// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does virtual time say what this machine does? Each backend replays each trace
 * natively and on virtual CPUs, on every number of CPUs the machine has.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/virtual/agreement.h"
#include "harness/cli/cli.h"
#include "harness/replay/result.h"

#define MAX_TRACES 64
#define MAX_BACKENDS 64
#define MAX_COUNTS 16
#define NEAR 0.15

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

struct validation {
	const char *trace[MAX_TRACES];
	unsigned traces;
	const char *backend[MAX_BACKENDS];
	unsigned backends;
	unsigned threads[MAX_COUNTS];
	unsigned counts;
	const char *profile, *json;
	long long runs;
	/* Of each case, how far native is outside the interval. */
	double *off;
	unsigned cases;
};

static const struct argp_option options[] = {
	{ "profile", 'p', "FILE", 0,
	  "Costs of this machine, from zlab calibrate. Needed.", 0 },
	{ "backend", 'b', "SPEC", 0,
	  "Allocator; may be given several times (default: every locking era "
	  "of every allocator)",
	  0 },
	{ "threads", 't', "N,N,...", 0,
	  "Numbers of CPUs (default: 1, 2, 4 and so on, and all there are)",
	  0 },
	{ "runs", 'n', "N", 0,
	  "Native runs of each case; their median counts (default 5)", 0 },
	{ "json", 'j', "FILE", 0,
	  "Append a record for each case to FILE; - for standard output", 0 },
	{ 0 },
};

static error_t add_threads(struct validation *v, const char *list)
{
	long all = sysconf(_SC_NPROCESSORS_ONLN);
	char *end;
	long n;

	for (;; list = end + 1) {
		errno = 0;
		n = strtol(list, &end, 10);
		if (errno || end == list || n < 1 || n > all ||
		    (*end && *end != ',') || v->counts == MAX_COUNTS) {
			cli_usage("--threads takes numbers from 1 to this "
				  "machine's %ld CPUs with commas between; not "
				  "\"%s\"",
				  all, list);
			return CLI_REPORTED;
		}
		v->threads[v->counts++] = (unsigned)n;
		if (!*end)
			return 0;
	}
}

static void all_threads(struct validation *v)
{
	long all = sysconf(_SC_NPROCESSORS_ONLN), n;

	for (n = 1; n < all && v->counts < MAX_COUNTS - 1; n *= 2)
		v->threads[v->counts++] = (unsigned)n;
	v->threads[v->counts++] = (unsigned)all;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct validation *v = state->input;
	size_t i;

	switch (key) {
	case 'p':
		v->profile = arg;
		return 0;
	case 'b':
		if (v->backends == MAX_BACKENDS)
			return ARGP_ERR_UNKNOWN;
		v->backend[v->backends++] = arg;
		return 0;
	case 't':
		return add_threads(v, arg);
	case 'n':
		return cli_count("--runs", arg, 1, AGREEMENT_MAX_RUNS,
				 &v->runs);
	case 'j':
		v->json = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (v->traces == MAX_TRACES)
			return ARGP_ERR_UNKNOWN;
		v->trace[v->traces++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!v->profile || !v->traces) {
			cli_usage("validate needs traces and a profile: zlab "
				  "validate T.zlt... --profile FILE");
			return CLI_REPORTED;
		}
		if (!v->counts)
			all_threads(v);
		if (v->backends)
			return 0;
		for (i = 0; i < sizeof(every_design) / sizeof(char *); i++)
			v->backend[v->backends++] = every_design[i];
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "T.zlt... --profile FILE",
	.doc = "Compare virtual CPUs with the real ones of this machine: the "
	       "allocator's time per operation, natively and in virtual time, "
	       "for each trace, backend and number of CPUs. Codecs are left "
	       "out: a trace's sizes are replayed. Keep the machine quiet.\v"
	       "Native time should lie in the interval of the two models of "
	       "memory, or near it; \"off\" says how far outside it is.\n\n"
	       "Example:\n"
	       "  zlab calibrate -o here.json\n"
	       "  zlab validate traces/samples/*.zlt --profile here.json\n",
};

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

static int record(const struct validation *v, const struct agreement *a)
{
	struct err err;
	json_t *o;
	int ret;

	if (!v->json)
		return 0;
	o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:[f, f, f], s:f, s:f, s:f, "
		      "s:s, s:o}",
		      "validate", "allocator ns per operation", "trace",
		      base(a->trace), "backend", a->backend, "threads",
		      (int)a->threads, "runs", (int)a->runs, "native",
		      a->native[0], a->native[1], a->native[2], "overlap",
		      a->overlap, "sum", a->sum, "off", agreement_off(a),
		      "profile", base(v->profile), "env", result_env());
	if (!o)
		return cli_failed("out of memory");
	ret = result_append(v->json, o, &err);
	json_decref(o);
	return ret ? cli_failed("%s", err.text) : 0;
}

static int one(struct validation *v, struct agreement *a,
	       const struct agreement *null)
{
	bool table = !v->json || strcmp(v->json, "-");
	double off;
	int ret = agreement_native(a, null);

	if (!ret)
		ret = agreement_virtual(a, v->profile, 1);
	if (!ret)
		ret = record(v, a);
	if (ret)
		return ret;
	off = agreement_off(a);
	v->off[v->cases++] = fabs(off);
	if (table) {
		printf("%-14s %-28s %2u %8.1f (%6.1f..%6.1f) %8.1f..%6.1f "
		       "%+6.1f%%\n",
		       base(a->trace), a->backend, a->threads, a->native[0],
		       a->native[1], a->native[2], a->overlap, a->sum,
		       100 * off);
		fflush(stdout);
	}
	return cli_stopped() ? EXIT_STOPPED : 0;
}

/* The cases done so far, also after Ctrl-C. */
static void summary(struct validation *v)
{
	unsigned i, near = 0;

	if (!v->cases || (v->json && !strcmp(v->json, "-")))
		return;
	qsort(v->off, v->cases, sizeof(*v->off), by_value);
	for (i = 0; i < v->cases; i++)
		near += v->off[i] <= NEAR;
	printf("%u pairs: median %.1f %% outside the interval, %u of them "
	       "within %.0f %%, worst %.1f %%\n",
	       v->cases, 100 * v->off[v->cases / 2], near, 100 * NEAR,
	       100 * v->off[v->cases - 1]);
}

int cmd_validate(int argc, char **argv)
{
	struct validation v = { .runs = 5 };
	struct agreement a, null;
	unsigned t, n, b;
	int ret = cli_parse(&argp, "zlab validate", argc, argv, &v);

	if (ret)
		return ret;
	v.off = calloc((size_t)v.traces * v.counts * v.backends,
		       sizeof(*v.off));
	if (!v.off)
		return cli_failed("out of memory");
	cli_stop_install();
	if (!v.json || strcmp(v.json, "-"))
		printf("%-14s %-28s %2s %8s %-16s %16s %7s\n", "trace",
		       "backend", "n", "native", "(least..most)",
		       "virtual ns/op", "off");
	for (t = 0; t < v.traces && !ret; t++)
		for (n = 0; n < v.counts && !ret; n++) {
			null = (struct agreement){
				.trace = v.trace[t],
				.backend = "null",
				.threads = v.threads[n],
				.runs = (unsigned)v.runs,
			};
			ret = agreement_native(&null, NULL);
			for (b = 0; b < v.backends && !ret; b++) {
				a = null;
				a.backend = v.backend[b];
				ret = one(&v, &a, &null);
			}
		}
	summary(&v);
	free(v.off);
	return ret;
}
