// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures a machine's costs and writes them as a profile for virtual CPUs.
 * The profile should not be trusted if the rounds of a measurement differ by
 * more than a tenth.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/progress.h"
#include "harness/cli/stream.h"
#include "harness/cmd/cmd.h"
#include "harness/measure/load.h"
#include "harness/virtual/agreement.h"
#include "harness/virtual/calibrate.h"
#include "harness/virtual/program.h"
#include "backends/sync/clock.h"
#include "lib/stop.h"
#include "traces/generate.h"
#include "version.h"

struct args {
	const char *out;
	bool noisy;
};

static const struct cli_option options[] = {
	CLI_OUTPUT("FILE", "The profile to write; - for standard output",
		   .stream = true, CLI_IS_TEXT(struct args, out),
		   .needs = "calibrate needs a file: zlab calibrate -o FILE"),
	{ "noisy", 'n', NULL,
	  "Write it even when rounds differ by more than 10 %, other programs "
	  "keep the machine busy or a cost is not plausible",
	  CLI_IS_FLAG(struct args, noisy, true) },
	{ 0 },
};

/* Hot and cold, one size and many: one access cost is fitted to all of them. */
static const char *const fits[][2] = {
	{ "uniform:keys=5000,ops=300000,reads=0.5", "zsmalloc@6.12" },
	{ "uniform:keys=5000,ops=300000,reads=0.5", "zsmalloc@6.1" },
	{ "uniform:keys=5000,ops=300000,reads=0.5", "z3fold" },
	{ "uniform:keys=100000,ops=400000,reads=0.5", "zsmalloc@7.3" },
	{ "uniform:keys=100000,ops=400000,reads=0.5", "zbud" },
	{ "zipf:keys=50000,ops=300000", "zsmalloc@7.3" },
	{ "zipf:keys=50000,ops=300000", "z3fold:form=early" },
	{ "uniform:keys=20000,ops=300000,sizes=fixed", "zsmalloc@6.12" },
	{ "uniform:keys=20000,ops=300000,sizes=uniform", "zbud" },
	{ "zipf:keys=50000,ops=300000,sizes=zstd", "zsmalloc@7.2" },
};
#define NR_FITS (sizeof(fits) / sizeof(fits[0]))
#define FIT_RUNS 5
/* No access is cheaper; a fit that ends here has failed. */
#define ACCESS_LEAST 0.05

static double middle(const struct agreement *a)
{
	return (a->overlap + a->sum) / 2;
}

/* Virtual time is linear in the cost of an access: intercept and slope. */
struct fit {
	double native, rest, slope;
};

static int fit_case(size_t i, const char *trace, const char *profile,
		    double guess, struct fit *fit)
{
	struct agreement null = { trace, "null", 1, FIT_RUNS, { 0 }, 0, 0 };
	struct agreement a = { trace, fits[i][1], 1, FIT_RUNS, { 0 }, 0, 0 };
	struct err err;
	double one;
	int ret;

	if (generate_trace(fits[i][0], trace, &err))
		return cli_failed("%s", err.text);
	ret = agreement_native(&null, NULL);
	if (!ret)
		ret = agreement_native(&a, &null);
	if (!ret)
		ret = agreement_virtual(&a, profile, 1);
	one = middle(&a);
	if (!ret)
		ret = agreement_virtual(&a, profile, 2);
	fit->native = a.native[0];
	fit->slope = (middle(&a) - one) / guess;
	fit->rest = one - fit->slope * guess;
	return ret;
}

static void print_profile(FILE *f, const void *o)
{
	(void)json_dumpf(o, f, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
}

/*
 * Fit the cost of an access, which is also used for a call, so that one
 * virtual CPU takes as long as the native run: least squares of the relative
 * errors of the middle of the interval.
 */
static int fit_in(const char *dir, const json_t *o, double guess,
		  double *access, double *error)
{
	char trace[PATH_MAX], profile[PATH_MAX];
	double num = 0, den = 0, e;
	struct fit fit[NR_FITS] = { 0 }, *f;
	struct progress progress;
	size_t cases = NR_FITS;
	int ret = 0;
	size_t i;

	snprintf(trace, sizeof(trace), "%s/t.zlt", dir);
	snprintf(profile, sizeof(profile), "%s/profile.json", dir);
	ret = cli_write(profile, print_profile, o);
	progress_start(&progress, "calibrate", "cases", NR_FITS);
	for (i = 0; i < NR_FITS && !ret; i++) {
		progress_update(&progress, i);
		f = &fit[i];
		ret = fit_case(i, trace, profile, guess, f);
		if (ret)
			break;
		num += f->slope / f->native * (1 - f->rest / f->native);
		den += f->slope / f->native * (f->slope / f->native);
	}
	progress_end(&progress);
	unlink(trace);
	unlink(profile);
	if (ret || cli_stopped())
		return ret ? ret : EXIT_STOPPED;
	*access = num / den > ACCESS_LEAST ? num / den : ACCESS_LEAST;
	*error = 0;
	for (i = 0; i < NR_FITS; i++) {
		f = &fit[i];
		e = (f->rest + f->slope * *access) / f->native - 1;
		fprintf(stderr,
			"  %-46s %-18s native %6.1f ns, virtual %+.1f %%\n",
			fits[i][0], fits[i][1], f->native, 100 * e);
		*error += e * e / (double)cases;
	}
	*error = sqrt(*error);
	return 0;
}

static int fit_access(const json_t *o, double guess, double *access,
		      double *error)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX - 32];
	int ret;

	snprintf(dir, sizeof(dir), "%.3000s/zlab-calibrate-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	stop_hold();
	if (!mkdtemp(dir))
		return cli_failed("%s: %s", dir, strerror(errno));
	ret = fit_in(dir, o, guess, access, error);
	rmdir(dir);
	return ret;
}

static json_t *profile_of(const struct calibration *c, double access,
			  long cores)
{
	char host[64] = "this machine", line[160];
	double hand = c->handover / c->xfer;
	json_t *cost;

	(void)gethostname(host, sizeof(host) - 1);
	snprintf(line, sizeof(line),
		 "a contended line in a section adds %.1f ns to a hand-over, "
		 "beside xfer_ns from a ping-pong",
		 c->line);
	cost = json_pack(
		"{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
		"s:f, s:f, s:f, s:I, s:I}",
		"access_ns", access, "call_ns", access, "rmw_ns", c->rmw,
		"relax_ns", c->relax, "copy_start_ns", c->copy_start, "copy_ns",
		c->copy, "stream_ns", c->stream, "xfer_ns", c->xfer,
		"xfer_socket_ns", c->xfer, "l3_ns", c->l3, "dram_ns", c->dram,
		"wake_ns", c->wake, "wake_latency_ns", c->wake_latency,
		"handover_xfers", hand, "handover_many_xfers", hand * 1.5,
		"l2_lines", (json_int_t)c->l2_lines, "l3_lines_per_core",
		(json_int_t)(c->l3_lines / cores));
	return json_pack("{s:i, s:s, s:[s, s, s, s], s:s, s:i, s:I, s:o, "
			 "s:{s:o, s:o}}",
			 "version", PROFILE_VERSION, "name", host, "sources",
			 "measured by zlab calibrate",
			 "handover_many_xfers is one and a half of "
			 "handover_xfers: two CPUs cannot measure it",
			 "xfer_socket_ns is xfer_ns: sockets are not told "
			 "apart",
			 line, "compiler", ZLAB_CFLAGS, "sockets", 1,
			 "cores_per_socket", (json_int_t)cores, "cost", cost,
			 "codec", "lz4", calibrate_codec("lz4"), "zstd",
			 calibrate_codec("zstd"));
}

/* Return: 0 if the machine was quiet, else EXIT_FAILED with the line printed. */
static int check_quiet(double others)
{
	char text[LOAD_NOTE];

	if (!load_note(others, load_cpus(), text))
		return 0;
	return cli_failed("%s; quiet the machine, or take it with --noisy",
			  text);
}

/* Return: 0 if the costs are plausible, else EXIT_FAILED with the line printed. */
static int check_costs(const struct calibration *c, double access)
{
	if (c->spread > CALIBRATE_SPREAD)
		return cli_failed("rounds of %s differ by %.0f %%; quiet the "
				  "machine, or take it with --noisy",
				  c->worst, 100 * c->spread);
	if (access > ACCESS_LEAST)
		return 0;
	return cli_failed("an access cannot cost %.2f ns: native replays took "
			  "less than all else that was measured; quiet the "
			  "machine, or take it with --noisy",
			  access);
}

static int calibrate(const char *out, bool noisy)
{
	struct calibration c = { .worst = "" };
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	double access = 0.5, error = 0, others;
	char note[160], text[LOAD_NOTE];
	struct load load;
	json_t *o, *cost;
	int ret;

	if (cores < 2)
		return cli_failed("one CPU has nobody to hand a line to; "
				  "calibrate on a machine with two");
	clock_init();
	load_begin(&load);
	cli_note("measuring memory and locks");
	calibrate_memory(&c);
	/* Two CPUs that wait for each other take minutes on a busy machine. */
	if (!noisy && check_quiet(load_others(&load)))
		return EXIT_FAILED;
	calibrate_pair(&c);
	o = profile_of(&c, access, cores);
	if (!o)
		return cli_failed("out of memory");
	cli_note("fitting the cost of an access, %zu cases", NR_FITS);
	ret = fit_access(o, access, &access, &error);
	if (ret)
		goto end;
	others = load_others(&load);
	cost = json_object_get(o, "cost");
	json_object_set_new(cost, "access_ns", json_real(access));
	json_object_set_new(cost, "call_ns", json_real(access));
	snprintf(note, sizeof(note),
		 "one virtual CPU against native, %zu cases: root mean square "
		 "error %.1f %%; rounds differ by %.0f %% at worst (%s)",
		 NR_FITS, 100 * error, 100 * c.spread, c.worst);
	json_array_append_new(json_object_get(o, "sources"), json_string(note));
	cli_note("%s", note);
	if (load_note(others, load_cpus(), text))
		json_array_append_new(json_object_get(o, "sources"),
				      json_string(text));
	ret = noisy ? 0 : check_quiet(others) ?: check_costs(&c, access);
	if (!ret)
		ret = cli_write(out, print_profile, o);
end:
	json_decref(o);
	return ret;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct stream out;
	int ret = stream_open(&out, a->out);

	return ret ? ret : stream_close(&out, calibrate(out.path, a->noisy));
}

const struct cli_command cmd_calibrate = {
	CLI_NAME("calibrate", CHAPTER_VIRTUAL,
		 "measure this machine's costs for virtual CPUs", "-o FILE"),
	.doc = "Measure what memory, atomics, hand-over of a lock, waking and "
	       "codecs cost on this machine, and write a profile for \"zlab "
	       "replay --vcpus\". Takes a minute; keep the machine quiet.",
	CLI_TAKES(struct args, NULL, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
