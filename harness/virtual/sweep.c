// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replays for each of several numbers of virtual CPUs and each of several
 * backends. Replays whose records are already in the output file are skipped,
 * so an interrupted sweep continues where it stopped.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/ghost.h"
#include "harness/cli/progress.h"
#include "harness/cli/script.h"
#include "harness/cmd/cmd.h"
#include "harness/compare/sample.h"
#include "harness/measure/cores.h"
#include "harness/replay/result.h"
#include "harness/virtual/program.h"
#include "harness/virtual/sensitivity.h"
#include "harness/virtual/sweep.h"
#include "harness/virtual/virtual.h"
#include "lib/layout.h"
#include "lib/stop.h"
#include "traces/label.h"
#include "version.h"

#define SIDE_BY_SIDE 16

/* One replay of the sweep. */
struct step {
	unsigned vcpus;
	const char *backend;
	json_t *cli;
	bool sensitivity;
};

/*
 * A sweep that was interrupted while it wrote a record leaves an incomplete
 * line. The line is cut off and the record is made again.
 */
static int cut(const struct sweep *s, off_t whole)
{
	cli_note("%s: its last record is not whole and is made again", s->out);
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

/* The command that makes a record; it also identifies the record. */
static json_t *command(const struct sweep *s, const struct step *step)
{
	json_t *cli = json_pack("[s, s, o, s, o]", "zlab", "replay",
				label_json(s->with.common.config.trace),
				"--backend", label_json(step->backend));
	char count[32];
	size_t i;

	snprintf(count, sizeof(count), "--vcpus=%u", step->vcpus);
	json_array_append_new(cli, json_string(count));
	if (s->with.common.config.codec) {
		json_array_append_new(cli, json_string("--codec"));
		json_array_append_new(cli,
				      json_string(s->with.common.config.codec));
	}
	for (i = 0; i < s->with.common.kept.nr; i++)
		json_array_append_new(cli,
				      json_string(s->with.common.kept.args[i]));
	for (i = 0; i < s->with.virtual.kept.nr; i++)
		json_array_append_new(
			cli, json_string(s->with.virtual.kept.args[i]));
	return cli;
}

static const json_t *of(const json_t *record, const char *a, const char *b)
{
	return json_object_get(json_object_get(record, a), b);
}

/* Which trace a record is of. */
static const char *hash_of(const json_t *record)
{
	const char *sha256 = json_string_value(of(record, "trace", "sha256"));

	return sha256 ? sha256 : "";
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
		if (json_equal(json_object_get(record, "cli"), step->cli) &&
		    !strcmp(hash_of(record), s->sha256) &&
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
	struct sample_run run = { .trace = s->with.common.config.trace,
				  .sha256 = s->sha256,
				  .backend = step->backend,
				  .codec = s->with.common.config.codec,
				  .threads = step->vcpus,
				  .common = &s->with.common,
				  .virtual = &s->with.virtual,
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

/* Runs independent replays in parallel; records are written in order. */
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

	/* Each record needs two replays. */
	return cores > 2 * SIDE_BY_SIDE ? SIDE_BY_SIDE : (cores + 1) / 2;
}

static struct step step_of(const struct sweep *s, unsigned at)
{
	struct step step = { .vcpus = s->vcpus.at[at / s->backend.nr],
			     .backend = s->backend.at[at % s->backend.nr] };

	step.cli = command(s, &step);
	step.sensitivity = step.vcpus == s->most &&
			   s->with.virtual.sensitivity != SENSITIVITY_NO;
	return step;
}

static int take_all(struct sweep *s)
{
	unsigned total = (unsigned)(s->backend.nr * s->vcpus.nr), at, n = 0, i;
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
	return cli_interrupted("interrupted; the same command goes on from "
			       "here");
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

/* @label: what the trace is called; NULL if all records are of one trace */
static void print_record(struct layout_table *t, const json_t *r,
			 const char *label)
{
	double ops, share;
	const char *lock = worst_lock(r, &share);

	ops = get(r, "counts", "store") + get(r, "counts", "load") +
	      get(r, "counts", "invalidate");
	layout_cell(t, "%s%s%s", label ? label : "", label ? ": " : "",
		    asked_of(r) ? asked_of(r) : "-");
	layout_cell(t, "%.0f", get(r, NULL, "vcpus"));
	layout_cell(t, "%.1f", get(r, "time", "sys_ns") / ops);
	layout_cell(t, "%.1f", get(r, "virtual", "sys_ns_sum") / ops);
	layout_cell(t, "%.0f", ops / get(r, "time", "real_ns") * 1e9);
	layout_cell(t, "%.1f%%",
		    100 *
			    get(json_object_get(r, "time"), "sys_split_ns",
				"lock_wait") /
			    get(r, "time", "sys_ns"));
	layout_cell(t, "%s", lock);
	layout_cell(t, "%.1f%%", share);
}

/* Whether a later record is of the same replay, with sensitivities added. */
static bool again(const struct sweep *s, size_t at)
{
	const json_t *one = json_array_get(s->records, at), *other;
	size_t i;

	for (i = at + 1; i < json_array_size(s->records); i++) {
		other = json_array_get(s->records, i);
		if (!strcmp(hash_of(one), hash_of(other)) &&
		    json_equal(json_object_get(one, "cli"),
			       json_object_get(other, "cli")))
			return true;
	}
	return false;
}

/* Name the records' traces. Return: a label for each record, or NULL. */
static struct label *label(const struct sweep *s, bool *several)
{
	size_t i, n = json_array_size(s->records);
	struct label *all = calloc(n + 1, sizeof(*all));
	const json_t *r;
	const char *name;

	*several = false;
	json_array_foreach (s->records, i, r) {
		if (!all)
			return NULL;
		name = json_string_value(of(r, "trace", "name"));
		all[i] = (struct label){ .name = name ? name : "?",
					 .sha256 = hash_of(r) };
		*several |= strcmp(hash_of(r), all[0].sha256) != 0;
	}
	if (!label_traces(all, n))
		return all;
	label_free(all, n);
	free(all);
	return NULL;
}

/* Prints all records of the file, made now or before. */
static int print(const struct sweep *s)
{
	static const char *const heads[] = { "\nbackend",   "\nvcpus",
					     "\nns/op",	    "\n(sum)",
					     "\nops/s",	    "lock\nwait",
					     "worst\nlock", "\nshare" };
	const json_t *records[CLI_LIST_MAX], *r;
	const char *labels[CLI_LIST_MAX];
	struct layout_table *t = layout_table(heads, 8);
	int width = cli_width(s->wide);
	struct label *called;
	size_t i, n = 0;
	bool several;

	called = label(s, &several);
	if (!called)
		return cli_failed("out of memory");
	json_array_foreach (s->records, i, r) {
		if (again(s, i))
			continue;
		print_record(t, r, several ? called[i].text : NULL);
		if (get(r, NULL, "vcpus") != s->most || n == CLI_LIST_MAX ||
		    strcmp(hash_of(r), s->sha256) != 0 ||
		    !of(r, "virtual", "sensitivity") || !asked_of(r))
			continue;
		labels[n] = asked_of(r);
		records[n++] = r;
	}
	label_free(called, json_array_size(s->records));
	free(called);
	if (layout_table_print(t, stdout, width))
		return cli_failed("out of memory");
	sensitivity_print(stdout, width, labels, records, n);
	return 0;
}

static int plot(const struct sweep *s)
{
	char *argv[] = { "sweep", (char *)s->out, (char *)s->plot, NULL };
	int ret;

	fflush(stdout);
	ret = script_run("sweep-figures", 3, argv);
	return ret ? EXIT_FAILED : 0;
}

/* Checks all arguments before the first replay. */
static int check_words(struct sweep *s)
{
	const struct replay_config *config = &s->with.common.config;
	struct err err;
	int ret;

	ret = replay_check_words((const char *const *)s->backend.at,
				 s->backend.nr, NULL, 0);
	if (ret)
		return ret;
	ret = virtual_setup(&s->with.virtual, s->most, config);
	if (!ret && result_sha256(config->trace, s->sha256, &err))
		ret = cli_failed("%s", err.text);
	return ret;
}

int sweep_run(void *args, int argc, char **argv)
{
	struct sweep *s = args;
	int ret;

	virtual_opts_command(&s->with.virtual, "sweep", argc, argv);
	ret = ghost_turn(s->with.common.config.ghost, true, "sweep", argc,
			 argv);
	if (!ret)
		ret = check_words(s);

	stop_hold();
	if (!ret)
		ret = load(s);
	if (!ret)
		ret = take_all(s);
	if (!ret)
		ret = print(s);
	if (!ret && s->plot)
		ret = plot(s);
	json_decref(s->records);
	return ret;
}
