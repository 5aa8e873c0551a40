// SPDX-License-Identifier: GPL-2.0-or-later
/* "zlab explore": the search, the replay of a file, and what is printed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sync/clock.h"
#include "backends/zpool.h"
#include "harness/cli/cli.h"
#include "harness/cli/progress.h"
#include "harness/explore/exhaust.h"
#include "harness/explore/front.h"
#include "harness/explore/strategy.h"
#include "lib/random.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "version.h"

#define SCHEDULES 10000
#define EXECUTIONS 100000 /* of a program, in an exhaustive search */
#define OF_A_POOL 16
#define STEPS_MOST 100000
#define SECTION_MOST 20000
#define SHRINK_SECONDS 10.0
#define SHRINK_ALL 120 /* of all findings together */

static struct explorer explorer = {
	.bounds = { .steps = STEPS_MOST, .section = SECTION_MOST },
};

/* The streams of programs, schedules and allocator are apart. */
static uint64_t stream(uint64_t seed, uint64_t which, uint64_t nr)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ull + which;

	state = random_splitmix(&state) + nr;
	return random_splitmix(&state);
}

static bool has_ended(const struct explore *o, uint64_t until)
{
	if (stop_signal() || (explorer.nr_found && !o->keep_going))
		return true;
	if (o->seconds)
		return clock_wall_ns() >= until;
	return explorer.schedules >=
	       (uint64_t)(o->schedules ? o->schedules : SCHEDULES);
}

static void search(const struct explore *o, struct strategy *s)
{
	uint64_t until = clock_wall_ns() + (uint64_t)o->seconds * 1000000000ull;
	struct explorer *e = &explorer;
	static struct program p;
	struct progress bar;
	uint64_t nr, i, seed;

	progress_start(&bar, "explore", "schedules",
		       o->seconds     ? 0
		       : o->schedules ? (uint64_t)o->schedules
				      : SCHEDULES);
	for (nr = 0; !has_ended(o, until); nr++) {
		seed = stream((uint64_t)o->seed, 1, nr);
		program_make(&p, &e->limits, seed);
		if (!runner_setup(e, &p, seed)) {
			e->schedules++;
			continue;
		}
		s->points = 0;
		for (i = 0; i < OF_A_POOL && !has_ended(o, until); i++) {
			e->reads = stream((uint64_t)o->seed, 3,
					  nr * OF_A_POOL + i) >>
				   1;
			strategy_begin(s, p.cpus,
				       stream((uint64_t)o->seed, 2,
					      nr * OF_A_POOL + i));
			runner_schedule(e, s);
			s->points = xcpu_points();
		}
		progress_update(&bar, e->schedules);
	}
	progress_end(&bar);
}

static struct exhaust exhaust;

struct search {
	const struct explore *o;
	uint64_t until;
	struct progress bar;
};

static bool goes_on(void *arg)
{
	struct search *s = arg;

	if (!(explorer.schedules & 255))
		progress_update(&s->bar, explorer.programs);
	return !stop_signal() && !(explorer.nr_found && !s->o->keep_going) &&
	       !(s->o->seconds && clock_wall_ns() >= s->until);
}

static int search_all(const struct explore *o)
{
	struct search s = {
		.o = o,
		.until = clock_wall_ns() + (uint64_t)o->seconds * 1000000000ull,
	};
	struct err err = { "" };
	int ret;

	exhaust.all = !strcmp(o->points, "all");
	exhaust.most = (uint64_t)(o->schedules ? o->schedules : EXECUTIONS);
	if (exhaust_plan(&exhaust, &explorer.limits, &err))
		return cli_usage("%s", err.text);
	progress_start(&s.bar, "explore", "programs",
		       (uint64_t)exhaust.programs);
	ret = exhaust_search(&exhaust, &explorer, goes_on, &s, &err);
	progress_end(&s.bar);
	return ret ? cli_failed("%s", err.text) : 0;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static json_t *found_json(struct explorer *e, const struct found *f)
{
	json_t *o = replay_json(e, f);
	char place[160];

	json_object_set_new(o, "schedule", json_integer((json_int_t)f->index));
	json_object_set_new(o, "times", json_integer((json_int_t)f->times));
	json_object_set_new(o, "ops",
			    json_integer((json_int_t)program_ops(&f->program)));
	json_object_set_new(
		o, "preemptions",
		json_integer((json_int_t)choices_preemptions(&f->choices)));
	json_object_set_new(o, "place",
			    json_string(f->f.at.pc
						? place_name(f->f.at.pc, place,
							     sizeof(place))
						: ""));
	json_object_set_new(
		o, "other_place",
		json_string(f->f.other_pc ? place_name(f->f.other_pc, place,
						       sizeof(place))
					  : ""));
	return o;
}

static json_t *result_json(const struct explore *o)
{
	struct explorer *e = &explorer;
	json_t *found = json_array();
	char hash[24];
	size_t i;

	for (i = 0; i < e->nr_found; i++)
		json_array_append_new(found, found_json(e, &e->found[i]));
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)e->hash);
	return json_pack(
		"{s:s, s:o?, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:s, s:o}",
		"build", ZLAB_VERSION, "exhaustive",
		exhaust.most ? exhaust_json(&exhaust) : NULL, "backend",
		e->backend, "front", e->front->name, "strategy", o->strategy,
		"seed", (json_int_t)o->seed, "cpus", (json_int_t)e->limits.cpus,
		"ops", (json_int_t)e->limits.ops, "programs",
		(json_int_t)e->programs, "schedules", (json_int_t)e->schedules,
		"points", (json_int_t)e->points, "longest_section",
		(json_int_t)xcpu_section(), "hash", hash, "found", found);
}

static unsigned width_of(const struct explore *o)
{
	int width = cli_width(o->wide);

	return width ? (unsigned)width : 160;
}

static void print_found(const struct explore *o, struct found *f, uint64_t end)
{
	struct explorer *e = &explorer;
	uint64_t now = clock_wall_ns();
	struct shrink s;

	shrink_found(e, f, now < end ? SHRINK_SECONDS : 0, &s);
	printf("\nfound %llu time%s, first in schedule %llu; shrunk to %u "
	       "operation%s and %zu preemption%s\n",
	       (unsigned long long)f->times, plural(f->times),
	       (unsigned long long)f->index, s.ops, plural(s.ops),
	       s.preemptions, plural(s.preemptions));
	story_print(stdout, e, f, width_of(o));
}

static void print_result(const struct explore *o, uint64_t ns)
{
	struct explorer *e = &explorer;
	uint64_t end = clock_wall_ns() + SHRINK_ALL * 1000000000ull;
	char rate[32] = "";
	size_t i;

	if (ns)
		snprintf(rate, sizeof(rate), ", %.0f a second",
			 (double)e->schedules * 1e9 / (double)ns);
	printf("%s: %llu schedule%s of %llu program%s, %llu points%s; %zu "
	       "found\n",
	       PLAIN(e->backend), (unsigned long long)e->schedules,
	       plural(e->schedules), (unsigned long long)e->programs,
	       plural(e->programs), (unsigned long long)e->points, rate,
	       e->nr_found);
	if (exhaust.most)
		exhaust_print(stdout, &exhaust, e);
	for (i = 0; i < e->nr_found && !stop_signal(); i++)
		print_found(o, &e->found[i], end);
}

static int write_results(const struct explore *o)
{
	json_t *json;
	int ret = 0;

	if (o->output && explorer.nr_found) {
		json = replay_json(&explorer, &explorer.found[0]);
		ret = cli_write_json(o->output, json);
		json_decref(json);
	}
	if (!ret && o->json) {
		json = result_json(o);
		ret = cli_write_json(o->json, json);
		json_decref(json);
	}
	return ret;
}

/* What of the file is not what is here. */
static void say_differences(const struct replay_file *r)
{
	const struct zpool_driver *d = zpool_driver_find(r->backend, NULL);
	const char *source = d && d->source ? d->source : "";

	if (strcmp(r->build, ZLAB_VERSION))
		cli_note("the file was written by zlab %s, this is %s",
			 PLAIN(r->build), ZLAB_VERSION);
	if (strcmp(r->source, source))
		cli_note("the backend was made of %s, this one of %s",
			 *r->source ? PLAIN(r->source) : "zlab's own source",
			 *source ? PLAIN(source) : "zlab's own source");
}

/* The finding of the file, or else the first. */
static const struct found *same_as(const struct replay_file *r)
{
	const struct explorer *e = &explorer;
	size_t i;

	for (i = 0; i < e->nr_found; i++)
		if (!strcmp(e->found[i].f.text, r->text))
			return &e->found[i];
	return &e->found[0];
}

static int replay(const struct explore *o, const struct replay_file *r)
{
	struct strategy s = { .kind = STRATEGY_REPLAY, .given = &r->choices };
	struct explorer *e = &explorer;

	say_differences(r);
	e->visits = r->visits;
	e->weak = r->weak;
	e->reads = r->reads;
	strategy_begin(&s, r->program.cpus, 0);
	if (runner_setup(e, &r->program, 0))
		runner_schedule(e, &s);
	if (!e->nr_found) {
		printf("gone: %s (%s)\n", PLAIN(r->text), PLAIN(r->kind));
		return 0;
	}
	story_print(stdout, e, same_as(r), width_of(o));
	return EXIT_FAILED;
}

static int open_backend(const struct explore *o, const char *backend)
{
	bool all = !strcmp(o->strategy, "exhaustive");
	struct err err = { "" };

	explorer.limits.cpus = (unsigned)(o->cpus ? o->cpus : all ? 2 : 3);
	explorer.limits.ops = (unsigned)(o->ops ? o->ops : all ? 2 : 5);
	explorer.weak = o->weak;
	if (xcpu_weak(o->weak, 0, &err))
		return cli_failed("%s", err.text);
	if (explorer_open(&explorer, &front_pool, backend, &err))
		return cli_usage("%s", err.text);
	return 0;
}

static int run_replay(const struct explore *o)
{
	struct err err = { "" };
	struct replay_file r;
	int ret;

	/* Status 1 is a finding. */
	if (replay_read(&r, o->replay, &err))
		ret = cli_usage("%s", err.text);
	else
		ret = open_backend(o, o->backend ? o->backend : r.backend);
	if (!ret)
		ret = replay(o, &r);
	if (ret == EXIT_FAILED && explorer.nr_found && o->json)
		write_results(o);
	replay_free(&r);
	return ret;
}

int explore_run(void *args, int argc, char **argv)
{
	const struct explore *o = args;
	struct err err = { "" };
	struct strategy s;
	uint64_t start;
	int ret;

	stop_hold();
	if (o->replay)
		return run_replay(o);
	if (strategy_parse(&s, o->strategy, &err))
		return cli_usage("%s", err.text);
	ret = open_backend(o, o->backend);
	if (ret)
		return ret;
	start = clock_wall_ns();
	if (s.kind == STRATEGY_EXHAUSTIVE)
		ret = search_all(o);
	else
		search(o, &s);
	if (ret)
		return ret;
	if (!o->json || strcmp(o->json, "-"))
		print_result(o, clock_wall_ns() - start);
	ret = write_results(o);
	if (ret)
		return ret;
	if (stop_signal())
		return cli_interrupted("%llu schedules were run; %zu found",
				       (unsigned long long)explorer.schedules,
				       explorer.nr_found);
	if (explorer.nr_found)
		return EXIT_FAILED;
	if (exhaust.most && !exhaust_complete(&exhaust))
		return cli_failed("not explored completely: %llu of %.0f "
				  "programs are",
				  (unsigned long long)exhaust.total.complete,
				  exhaust.programs);
	return 0;
}
