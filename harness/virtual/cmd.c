// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "zlab replay --vcpus N": a replay for each memory model, and for each used
 * cost one replay with the cost halved and one with the cost raised by half.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/progress.h"
#include "harness/replay/result.h"
#include "harness/virtual/program.h"
#include "harness/virtual/sensitivity.h"
#include "harness/virtual/virtual.h"
#include "lib/layout.h"
#include "lib/stop.h"
#include "traces/label.h"

#define MAX_COSTS 32
/* The factors for a cost. */
#define LESS 0.5
#define MORE 1.5

static double number(const json_t *record, const char *object, const char *name)
{
	return json_number_value(
		json_object_get(json_object_get(record, object), name));
}

static double sys_of(const json_t *record)
{
	return number(record, "time", "sys_ns");
}

static const char *hash_of(const json_t *record)
{
	const char *hash = json_string_value(
		json_object_get(json_object_get(record, "virtual"), "hash"));

	return hash ? hash : "";
}

static double ops_of(const json_t *record)
{
	return number(record, "counts", "store") +
	       number(record, "counts", "load") +
	       number(record, "counts", "invalidate");
}

static void print_locks(FILE *out, const json_t *record)
{
	const json_t *l;
	double wait;
	size_t i;

	json_array_foreach (json_object_get(record, "locks"), i, l) {
		wait = json_number_value(
			json_object_get(l, "waittime_total_ns"));
		if (i < 3 && wait > 0)
			fprintf(out, "  waits for %-20s %12.3f ms  %5.1f %%\n",
				json_string_value(json_object_get(l, "name")),
				wait / 1e6, 100 * wait / sys_of(record));
	}
}

static void print(FILE *out, const json_t *record)
{
	static const char *const parts[] = { "codec", "allocator", "lock_wait",
					     "frontend" };
	const json_t *split = json_object_get(json_object_get(record, "time"),
					      "sys_split_ns");
	double sys = sys_of(record), ops = ops_of(record), part;
	double sum = number(record, "virtual", "sys_ns_sum");
	size_t i;

	fprintf(out,
		"%s, %s, %.0f virtual CPUs of %s %s, %s: %.0f operations\n",
		json_string_value(json_object_get(record, "backend")),
		json_string_value(json_object_get(record, "codec")),
		json_number_value(json_object_get(record, "vcpus")),
		virtual_config.profile.name,
		json_string_value(json_object_get(record, "topology")),
		json_string_value(json_object_get(
			json_object_get(record, "virtual"), "model")),
		ops);
	fprintf(out, "  sys %.3f ms, %.1f ns per operation", sys / 1e6,
		sys / ops);
	if (sum > 0)
		fprintf(out, " (overlap) to %.1f ns (sum)", sum / ops);
	fprintf(out, "; real %.3f ms, user %.3f ms\n",
		number(record, "time", "real_ns") / 1e6,
		number(record, "time", "user_ns") / 1e6);
	for (i = 0; i < 4; i++) {
		part = json_number_value(json_object_get(split, parts[i]));
		fprintf(out, "  %-10s %12.3f ms  %5.1f %%\n", parts[i],
			part / 1e6, sys > 0 ? 100 * part / sys : 0);
	}
	print_locks(out, record);
	fprintf(out, "  result %s\n", hash_of(record));
}

/* Costs that a run without waiting or a second socket rarely uses. */
static bool probably_unused(const char *cost, const json_t *record)
{
	double vcpus = json_number_value(json_object_get(record, "vcpus"));

	return !strncmp(cost, "wake", 4) || !strncmp(cost, "relax", 5) ||
	       (!strcmp(cost, "xfer_socket_ns") &&
		vcpus <= virtual_config.machine.cores) ||
	       (vcpus == 1 && !strncmp(cost, "handover", 8));
}

static struct virtual_job job_of(bool sum)
{
	return (struct virtual_job){ .profile = virtual_config.profile,
				     .sum = sum };
}

struct sensitivity {
	const struct replay_config *config;
	const char *sha256;
	json_t *record;
	bool sum;
	struct progress progress;
	/* Replays with LESS and MORE of a cost, by number of the cost. */
	struct virtual_job job[2][MAX_COSTS];
	bool used[MAX_COSTS];
};

static int run(struct sensitivity *s, struct virtual_job *jobs, size_t n)
{
	return virtual_jobs(s->config, s->sha256, jobs, n, &s->progress);
}

/*
 * One replay with all probably unused costs raised by half: if no clock
 * changes, none of these costs is used.
 */
static int rule_out(struct sensitivity *s)
{
	struct virtual_job all = job_of(s->sum);
	const char *cost;
	size_t i, n = 0;
	int ret;

	for (i = 0; (cost = profile_field(i)); i++)
		if (probably_unused(cost, s->record)) {
			profile_scale(&all.profile, cost, MORE);
			n++;
		}
	if (!n)
		return 0;
	ret = run(s, &all, 1);
	if (!ret && !strcmp(hash_of(all.record), hash_of(s->record)))
		for (i = 0; (cost = profile_field(i)); i++)
			s->used[i] &= !probably_unused(cost, s->record);
	json_decref(all.record);
	return ret;
}

/* Replay with each used cost times @by; the records go to s->job[@which]. */
static int scaled(struct sensitivity *s, double by, unsigned which)
{
	struct virtual_job jobs[MAX_COSTS];
	size_t at[MAX_COSTS], i, n = 0;
	int ret;

	for (i = 0; profile_field(i); i++) {
		if (!s->used[i])
			continue;
		jobs[n] = job_of(s->sum);
		profile_scale(&jobs[n].profile, profile_field(i), by);
		at[n++] = i;
	}
	ret = run(s, jobs, n);
	for (i = 0; i < n; i++)
		s->job[which][at[i]] = jobs[i];
	return ret;
}

/*
 * Computes sys with each cost halved, and raised by half. If the raised cost
 * changes no clock, the cost is not used.
 */
static int sensitivity(struct sensitivity *s)
{
	json_t *o = json_object();
	double sys = sys_of(s->record);
	size_t i;
	int ret;

	for (i = 0; profile_field(i) && i < MAX_COSTS; i++)
		s->used[i] = true;
	ret = rule_out(s);
	if (!ret)
		ret = scaled(s, MORE, 1);
	for (i = 0; !ret && profile_field(i); i++)
		if (s->used[i])
			s->used[i] = strcmp(hash_of(s->job[1][i].record),
					    hash_of(s->record));
	if (!ret)
		ret = scaled(s, LESS, 0);
	for (i = 0; !ret && profile_field(i); i++)
		if (s->used[i])
			json_object_set_new(
				o, profile_field(i),
				json_pack("[f, f]",
					  sys_of(s->job[0][i].record) / sys,
					  sys_of(s->job[1][i].record) / sys));
	for (i = 0; i < MAX_COSTS; i++) {
		json_decref(s->job[0][i].record);
		json_decref(s->job[1][i].record);
	}
	json_object_set_new(json_object_get(s->record, "virtual"),
			    "sensitivity", o);
	return ret;
}

static int vary(const struct virtual_run *r, const struct replay_config *config,
		const char *sha256, json_t *record)
{
	struct sensitivity *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return cli_failed("out of memory");
	s->config = config;
	s->sha256 = sha256;
	s->record = record;
	s->sum = r->opts->model == MODEL_SUM;
	progress_start(&s->progress, "each cost halved, half as much more",
		       "replays", 2 * MAX_COSTS);
	s->progress.on &= !r->quiet;
	ret = sensitivity(s);
	progress_end(&s->progress);
	free(s);
	return ret;
}

/* Puts both ends of the interval into one record. */
static int both(const struct virtual_run *r, const struct replay_config *config,
		const char *sha256, json_t **record)
{
	struct virtual_job jobs[2] = { job_of(r->opts->model == MODEL_SUM),
				       job_of(true) };
	size_t n = r->opts->model == MODEL_BOTH ? 2 : 1;
	struct progress progress;
	int ret;

	progress_start(&progress, "replay", "models of memory", n);
	progress.on &= !r->quiet;
	progress_update(&progress, 0);
	ret = virtual_jobs(config, sha256, jobs, n, &progress);
	progress_end(&progress);
	*record = jobs[0].record;
	if (!ret && jobs[1].record)
		json_object_set(
			json_object_get(*record, "virtual"), "sys_ns_sum",
			json_object_get(json_object_get(jobs[1].record, "time"),
					"sys_ns"));
	json_decref(jobs[1].record);
	return ret;
}

static json_t *command(const struct virtual_run *r)
{
	json_t *cli = json_pack("[s, s]", "zlab", "replay");
	int i;

	for (i = 1; i < r->opts->argc; i++)
		json_array_append_new(cli, label_json(r->opts->argv[i]));
	return cli;
}

static bool wanted(const struct virtual_run *r, bool table, long long run)
{
	return !run && (r->opts->sensitivity == SENSITIVITY_YES ||
			(r->opts->sensitivity == SENSITIVITY_TABLE && table));
}

static int one(const struct virtual_run *r, const char *sha256, long long run,
	       json_t **record)
{
	const char *label = "sys";
	bool table = !r->json || strcmp(r->json, "-");
	struct replay_config config = r->config;
	struct err err;
	FILE *page;
	int ret;

	config.swap.seed += (uint64_t)run;
	config.sha256 = sha256;
	virtual_config.seed = config.swap.seed;
	ret = both(r, &config, sha256, record);
	if (ret)
		return ret;
	if (r->runs > 1)
		json_object_set_new(*record, "run", json_integer(run));
	if (table) {
		page = layout_open(stdout, r->width);
		if (!page)
			return cli_failed("out of memory");
		print(page, *record);
		if (layout_close(page))
			return cli_failed("standard output cannot be written");
	}
	if (wanted(r, table, run))
		ret = vary(r, &config, sha256, *record);
	if (!ret && table)
		sensitivity_print(stdout, r->width, &label,
				  (const json_t *const *)record, 1);
	json_object_set_new(*record, "cli", command(r));
	if (!ret && r->json && result_append(r->json, *record, &err))
		ret = cli_failed("%s", err.text);
	return ret;
}

int virtual_replay(const struct virtual_run *r)
{
	bool table = !r->json || strcmp(r->json, "-");
	double low = 0, high = 0, sys;
	const char *sha256 = r->sha256;
	json_t *record;
	char hex[65];
	struct err err;
	long long i;
	int ret = virtual_setup(r->opts, r->vcpus, &r->config);

	if (ret)
		return ret;
	if (!sha256) {
		if (result_sha256(r->config.trace, hex, &err))
			return cli_failed("%s", err.text);
		sha256 = hex;
	}
	stop_hold();
	for (i = 0; i < r->runs && !ret; i++) {
		record = NULL;
		ret = one(r, sha256, i, &record);
		sys = sys_of(record);
		low = !i || sys < low ? sys : low;
		high = sys > high ? sys : high;
		json_decref(record);
	}
	if (ret == EXIT_STOPPED && r->quiet)
		cli_silent();
	if (!ret && table && r->runs > 1)
		printf("%lld seeds: sys %.3f to %.3f ms, %.2f %% apart\n",
		       r->runs, low / 1e6, high / 1e6, 100 * (high / low - 1));
	return ret;
}
