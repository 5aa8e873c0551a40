// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A replay on each of several numbers of virtual CPUs, for each of several
 * backends. What the output file holds already is not replayed again, so an
 * interrupted sweep goes on where it was.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/measure/cores.h"
#include "harness/replay/result.h"
#include "harness/compare/sample.h"
#include "harness/cli/script.h"
#include "harness/virtual/program.h"
#include "harness/virtual/sensitivity.h"
#include "harness/virtual/virtual.h"
#include "version.h"

#define MAX_BACKENDS 32
#define MAX_COUNTS 64
#define SIDE_BY_SIDE 16

enum {
	OPT_VCPUS = 0x100,
	OPT_PLOT,
};

struct sweep {
	struct replay_opts common;
	struct virtual_opts virtual;
	const char *out, *plot;
	const char *backend[MAX_BACKENDS];
	unsigned backends;
	unsigned vcpus[MAX_COUNTS];
	unsigned counts, most;
	char sha256[65];
	/* Of the file, and made now, in the order of the file. */
	json_t *records;
};

/* One replay of the sweep. */
struct step {
	unsigned vcpus;
	const char *backend;
	json_t *cli;
	bool sensitivity;
};

static const struct argp_option options[] = {
	{ "vcpus", OPT_VCPUS, "N,N,...", 0,
	  "Numbers of virtual CPUs, as 1,2,4,8. Needed.", 0 },
	{ "backend", 'b', "SPEC", 0,
	  "Allocator; may be given several times. Needed.", 0 },
	{ "codec", 'c', "CODEC", 0,
	  "Whose sizes: sizes:lz4 takes them from the trace", 0 },
	{ "output", 'o', "FILE", 0,
	  "Append result records to FILE, and do not make again those that it "
	  "holds. Needed.",
	  0 },
	{ "plot", OPT_PLOT, "DIR", 0,
	  "Draw sys per operation, speed-up and the share of each lock into "
	  "DIR",
	  0 },
	{ 0 },
};

static error_t add_counts(struct sweep *s, const char *list)
{
	unsigned long n;
	char *end;

	for (;; list = end + 1) {
		errno = 0;
		n = strtoul(list, &end, 10);
		if (errno || end == list || !n || n > VIRTUAL_MAX_CPUS ||
		    (*end && *end != ',') || s->counts == MAX_COUNTS) {
			cli_usage("--vcpus takes numbers from 1 to %d with "
				  "commas between, as 1,2,4; not \"%s\"",
				  VIRTUAL_MAX_CPUS, list);
			return CLI_REPORTED;
		}
		s->vcpus[s->counts++] = (unsigned)n;
		s->most = n > s->most ? (unsigned)n : s->most;
		if (!*end)
			return 0;
	}
}

static error_t add_backend(struct sweep *s, const char *spec)
{
	if (s->backends == MAX_BACKENDS) {
		cli_usage("more than %d backends", MAX_BACKENDS);
		return CLI_REPORTED;
	}
	s->backend[s->backends++] = spec;
	return 0;
}

static error_t parse_end(const struct sweep *s)
{
	if (s->common.config.trace && s->counts && s->backends && s->out)
		return 0;
	cli_usage("sweep needs a trace, --vcpus N,N,..., --backend SPEC and "
		  "-o FILE");
	return CLI_REPORTED;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sweep *s = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &s->common;
		state->child_inputs[1] = &s->virtual;
		return 0;
	case OPT_VCPUS:
		return add_counts(s, arg);
	case 'b':
		return add_backend(s, arg);
	case 'c':
		s->common.config.codec = arg;
		return 0;
	case 'o':
		s->out = arg;
		return 0;
	case OPT_PLOT:
		s->plot = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (s->common.config.trace)
			return ARGP_ERR_UNKNOWN;
		s->common.config.trace = arg;
		return 0;
	case ARGP_KEY_END:
		return parse_end(s);
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
	.args_doc = "T.zlt --vcpus N,N,... --backend SPEC -o FILE",
	.doc = "Replay a trace on each number of virtual CPUs with each "
	       "backend. With the table comes what each cost contributes at "
	       "the largest number.\v"
	       "Example:\n"
	       "  zlab sweep T.zlt --vcpus 1,2,4,8,16,32 --codec sizes:lz4 "
	       "--backend zsmalloc@6.10 --backend zsmalloc@6.12 --profile "
	       "two-socket -o s.jsonl --plot plots\n",
	.children = children,
};

/*
 * What was interrupted while it wrote its last record leaves a part of a line,
 * which is cut off: that record is made again.
 */
static int cut(const struct sweep *s, off_t whole)
{
	fprintf(stderr,
		"zlab: %s: its last record is not whole and is made "
		"again\n",
		s->out);
	return truncate(s->out, whole)
		       ? cli_failed("%s: %s", s->out, strerror(errno))
		       : 0;
}

static int add_record(struct sweep *s, const char *line, int n)
{
	json_error_t where;
	json_t *record = json_loads(line, 0, &where);
	const char *commit;

	if (!record)
		return cli_failed("%s, line %d: %s", s->out, n, where.text);
	commit = json_string_value(
		json_object_get(json_object_get(record, "env"), "commit"));
	json_array_append_new(s->records, record);
	if (!commit || !strncmp(ZLAB_VERSION, commit, strlen(commit)))
		return 0;
	return cli_failed("%s, line %d is of zlab %s and this is %s; name "
			  "another file",
			  s->out, n, commit, ZLAB_VERSION);
}

static int load(struct sweep *s)
{
	char *line = NULL;
	size_t room = 0;
	off_t whole = 0;
	ssize_t len;
	FILE *f = fopen(s->out, "re");
	int ret = 0, n = 0;

	s->records = json_array();
	if (!f)
		return errno == ENOENT
			       ? 0
			       : cli_failed("%s: %s", s->out, strerror(errno));
	while (!ret && (len = getline(&line, &room, f)) >= 0) {
		if (line[len - 1] != '\n') {
			ret = cut(s, whole);
			break;
		}
		whole += len;
		ret = add_record(s, line, ++n);
	}
	free(line);
	(void)fclose(f);
	return ret;
}

/* The command that makes one record; it is also how the record is known. */
static json_t *command(const struct sweep *s, const struct step *step)
{
	json_t *cli =
		json_pack("[s, s, s, s, s]", "zlab", "replay",
			  s->common.config.trace, "--backend", step->backend);
	char count[32];
	size_t i;

	snprintf(count, sizeof(count), "--vcpus=%u", step->vcpus);
	json_array_append_new(cli, json_string(count));
	if (s->common.config.codec) {
		json_array_append_new(cli, json_string("--codec"));
		json_array_append_new(cli, json_string(s->common.config.codec));
	}
	for (i = 0; i < s->common.nr_args; i++)
		json_array_append_new(cli, json_string(s->common.args[i]));
	for (i = 0; i < s->virtual.nr_args; i++)
		json_array_append_new(cli, json_string(s->virtual.args[i]));
	return cli;
}

static const json_t *of(const json_t *record, const char *a, const char *b)
{
	return json_object_get(json_object_get(record, a), b);
}

/* The costs have been read by virtual_setup(). */
static bool same_machine(const json_t *record)
{
	json_t *costs = profile_costs(&virtual_config.profile);
	bool same = json_equal(costs, of(record, "virtual", "costs"));

	json_decref(costs);
	return same;
}

static bool have(const struct sweep *s, const struct step *step)
{
	const json_t *record;
	size_t i;

	json_array_foreach (s->records, i, record) {
		const char *sha256 =
			json_string_value(of(record, "trace", "sha256"));

		if (json_equal(json_object_get(record, "cli"), step->cli) &&
		    sha256 && !strcmp(sha256, s->sha256) &&
		    same_machine(record) &&
		    (!step->sensitivity ||
		     of(record, "virtual", "sensitivity")))
			return true;
	}
	return false;
}

static int begin(const struct sweep *s, const struct step *step,
		 struct sample *sample)
{
	struct sample_run run = { .trace = s->common.config.trace,
				  .sha256 = s->sha256,
				  .backend = step->backend,
				  .codec = s->common.config.codec,
				  .threads = step->vcpus,
				  .common = &s->common,
				  .virtual = &s->virtual,
				  .sensitivity = step->sensitivity };

	return sample_start(&run, sample);
}

static int finish(const struct sweep *s, const struct step *step,
		  struct sample *sample)
{
	json_t *record;
	struct err err;
	int ret = sample_finish(sample, &record);

	if (ret)
		return ret;
	json_object_set(record, "cli", step->cli);
	json_array_append_new(s->records, record);
	return result_append(s->out, record, &err) ? cli_failed("%s", err.text)
						   : 0;
}

/* Replays that do not depend on each other, at once; the file keeps order. */
static int take(const struct sweep *s, const struct step *step, unsigned n)
{
	struct sample sample[SIDE_BY_SIDE];
	int ret = 0, one[SIDE_BY_SIDE];
	unsigned i;

	for (i = 0; i < n; i++)
		one[i] = begin(s, &step[i], &sample[i]);
	for (i = 0; i < n; i++) {
		if (!one[i])
			one[i] = finish(s, &step[i], &sample[i]);
		ret = ret ? ret : one[i];
	}
	return ret;
}

static unsigned side_by_side(void)
{
	unsigned cores = cores_allowed();

	/* A sample is two replays. */
	return cores > 2 * SIDE_BY_SIDE ? SIDE_BY_SIDE : (cores + 1) / 2;
}

static struct step step_of(const struct sweep *s, unsigned at)
{
	struct step step = { .vcpus = s->vcpus[at / s->backends],
			     .backend = s->backend[at % s->backends] };

	step.cli = command(s, &step);
	step.sensitivity = step.vcpus == s->most &&
			   s->virtual.sensitivity != SENSITIVITY_NO;
	return step;
}

static int run(struct sweep *s)
{
	unsigned total = s->backends * s->counts, at, n = 0, i;
	unsigned most = side_by_side();
	struct step step[SIDE_BY_SIDE];
	struct progress progress;
	int ret = 0;

	progress_start(&progress, "sweep", "replays", total);
	for (at = 0; at < total && !ret && !cli_stopped(); at++) {
		progress_update(&progress, at);
		step[n] = step_of(s, at);
		if (have(s, &step[n]))
			json_decref(step[n].cli);
		else
			n++;
		if (n < most && at + 1 < total)
			continue;
		ret = take(s, step, n);
		for (i = 0; i < n; i++)
			json_decref(step[i].cli);
		n = 0;
	}
	progress_end(&progress);
	if (!cli_stopped())
		return ret;
	cli_failed("interrupted; the same command goes on from here");
	return EXIT_STOPPED;
}

static double get(const json_t *o, const char *a, const char *b)
{
	if (a)
		o = json_object_get(o, a);
	return json_number_value(json_object_get(o, b));
}

static const char *worst_lock(const json_t *record, double *share)
{
	const json_t *l = json_array_get(json_object_get(record, "locks"), 0);
	double sys = get(record, "time", "sys_ns");

	*share = sys > 0 ? 100 * get(l, NULL, "waittime_total_ns") / sys : 0;
	return *share > 0 ? json_string_value(json_object_get(l, "name")) : "-";
}

static const char *asked_of(const json_t *record)
{
	return json_string_value(
		json_array_get(json_object_get(record, "cli"), 4));
}

static void print_record(const json_t *r)
{
	double ops, share;
	const char *lock = worst_lock(r, &share);

	ops = get(r, "counts", "store") + get(r, "counts", "load") +
	      get(r, "counts", "invalidate");
	printf("%6.0f %10.1f %10.1f %10.0f %8.1f%%  %-20s %5.1f%%  %s\n",
	       get(r, NULL, "vcpus"), get(r, "time", "sys_ns") / ops,
	       get(r, "virtual", "sys_ns_sum") / ops,
	       ops / get(r, "time", "real_ns") * 1e9,
	       100 *
		       get(json_object_get(r, "time"), "sys_split_ns",
			   "lock_wait") /
		       get(r, "time", "sys_ns"),
	       lock, share, asked_of(r) ? asked_of(r) : "-");
}

/* Whether a later record is the same replay, with the sensitivities added. */
static bool again(const struct sweep *s, size_t at)
{
	const json_t *cli =
		json_object_get(json_array_get(s->records, at), "cli");
	size_t i;

	for (i = at + 1; i < json_array_size(s->records); i++)
		if (json_equal(cli,
			       json_object_get(json_array_get(s->records, i),
					       "cli")))
			return true;
	return false;
}

/* All that the file holds, made now or before. */
static void print(const struct sweep *s)
{
	const json_t *records[MAX_BACKENDS], *r;
	const char *labels[MAX_BACKENDS];
	size_t i, n = 0;

	printf("%6s %10s %10s %10s %9s  %-20s %6s  %s\n", "vcpus", "ns/op",
	       "(sum)", "ops/s", "lock wait", "worst lock", "share", "backend");
	json_array_foreach (s->records, i, r) {
		if (again(s, i))
			continue;
		print_record(r);
		if (get(r, NULL, "vcpus") != s->most || n == MAX_BACKENDS ||
		    !of(r, "virtual", "sensitivity") || !asked_of(r))
			continue;
		labels[n] = asked_of(r);
		records[n++] = r;
	}
	sensitivity_print(stdout, labels, records, n);
}

static int plot(const struct sweep *s)
{
	char *argv[] = { "sweep", (char *)s->out, (char *)s->plot, NULL };
	int ret;

	fflush(stdout);
	ret = script_run("sweep-figures", 3, argv);
	return ret ? EXIT_FAILED : 0;
}

/* All that can be wrong, before the first replay. */
static int check(struct sweep *s)
{
	const struct replay_config *config = &s->common.config;
	char full[1024];
	struct err err;
	unsigned i;
	int ret;

	for (i = 0; i < s->backends; i++)
		if (zpool_full_spec(s->backend[i], full, sizeof(full), &err))
			return cli_usage("%s", err.text);
	ret = virtual_setup(&s->virtual, s->most, config);
	if (!ret && result_sha256(config->trace, s->sha256, &err))
		ret = cli_failed("%s", err.text);
	return ret;
}

int cmd_sweep(int argc, char **argv)
{
	struct sweep s = { 0 };
	int ret;

	replay_opts_init(&s.common);
	virtual_opts_init(&s.virtual, "sweep", argc, argv);
	ret = cli_parse(&argp, "zlab sweep", argc, argv, &s);
	if (!ret)
		ret = check(&s);
	cli_stop_install();
	if (!ret)
		ret = load(&s);
	if (!ret)
		ret = run(&s);
	if (!ret)
		print(&s);
	if (!ret && s.plot)
		ret = plot(&s);
	json_decref(s.records);
	virtual_opts_free(&s.virtual);
	replay_opts_free(&s.common);
	return ret;
}
