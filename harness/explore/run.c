// SPDX-License-Identifier: GPL-2.0-or-later
/* "zlab explore": the search, the replay of a file, and what is printed. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/sync/clock.h"
#include "backends/zpool.h"
#include "harness/cli/cli.h"
#include "harness/cli/progress.h"
#include "harness/cli/script.h"
#include "harness/explore/exhaust.h"
#include "harness/explore/front.h"
#include "harness/explore/known.h"
#include "harness/explore/strategy.h"
#include "lib/random.h"
#include "lib/self.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "version.h"

#define SCHEDULES 10000
#define EXECUTIONS 100000 /* of a program, in an exhaustive search */
#define OF_A_POOL 16
#define STEPS_MOST 100000
#define SECTION_MOST 20000
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

static int search(const struct explore *o, struct strategy *s)
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
		explorer_program(e, &p, seed);
		if (!runner_setup(e, &p, seed)) {
			if (*e->err.text)
				break;
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
			known_sort(e);
			s->points = xcpu_points();
		}
		progress_update(&bar, e->schedules);
	}
	progress_end(&bar);
	return *e->err.text
		       ? cli_failed("program %llu: %s",
				    (unsigned long long)nr + 1, e->err.text)
		       : 0;
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
	if ((explorer.front->complete &&
	     explorer.front->complete(explorer.options, &err)) ||
	    exhaust_plan(&exhaust, &explorer.limits, &err))
		return cli_usage("%s", err.text);
	snprintf(exhaust.setup.options, sizeof(exhaust.setup.options), "%s",
		 explorer.options);
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
		"s:I, s:s, s:o, s:o}",
		"build", ZLAB_VERSION, "exhaustive",
		exhaust.most ? exhaust_json(&exhaust) : NULL, "backend",
		e->backend, "front", e->front->name, "strategy", o->strategy,
		"seed", (json_int_t)o->seed, "cpus", (json_int_t)e->limits.cpus,
		"ops", (json_int_t)e->limits.ops, "programs",
		(json_int_t)e->programs, "schedules", (json_int_t)e->schedules,
		"points", (json_int_t)e->points, "longest_section",
		(json_int_t)xcpu_section(), "hash", hash, "known",
		known_json(e->known), "found", found);
}

static unsigned width_of(const struct explore *o)
{
	int width = cli_width(o->wide);

	return width ? (unsigned)width : 160;
}

static void put_word(FILE *out, const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789@%+=:,./_-";
	const char *p;

	if (*word && strspn(word, plain) == strlen(word)) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (p = word; *p; p++)
		if (*p == '\'')
			fputs("'\\''", out);
		else
			fputc(*p, out);
	fputc('\'', out);
}

/* The command that comes to this finding again; the caller frees it. */
static char *command_of(const struct explore *o, const struct found *f)
{
	const char *file = o->replay		 ? o->replay
			   : f == explorer.found ? o->output
						 : NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fputs("zlab explore ", out);
	if (o->backend && (o->replay || !file)) {
		fputs("--backend ", out);
		put_word(out, o->backend);
		fputc(' ', out);
	}
	if (file) {
		fputs("--replay ", out);
		put_word(out, file);
		if (o->replay && o->schedules)
			fprintf(out, " --schedules %lld", o->schedules);
	} else {
		if (o->front) {
			fputs("--front ", out);
			put_word(out, o->front);
			fputc(' ', out);
		}
		fprintf(out, "--cpus %u --ops %u --strategy %s ",
			explorer.limits.cpus, explorer.limits.ops, o->strategy);
		if (exhaust.most)
			fprintf(out, "--points %s", o->points);
		else
			fprintf(out, "--seed %lld %s--schedules %llu", o->seed,
				o->weak ? "--memory weak " : "",
				(unsigned long long)f->index);
		fputs(f == explorer.found ? "" : " --keep-going", out);
	}
	(void)fclose(out);
	return text;
}

/* A page is made by analysis/report/story.py, which reads it from here. */
static int write_page(const char *path, json_t *story)
{
	char name[40];
	char *argv[] = { "explore", "-o", (char *)path, name };
	int fd = memfd_create("story", 0), ret;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f || !story || json_dumpf(story, f, 0) || fflush(f)) {
		ret = cli_failed("no memory to write %s", PLAIN(path));
	} else {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		ret = script_run("story", 4, argv);
	}
	if (f)
		(void)fclose(f);
	json_decref(story);
	return ret;
}

/* The story on standard output, and of the first finding as a page. */
static int tell(const struct explore *o, struct found *f, bool print)
{
	struct story *s = story_make(&explorer, f);
	char *command = command_of(o, f);
	int ret = 0;

	if (!s || !command)
		ret = cli_failed("no memory to tell what was found");
	if (!ret && print)
		story_print(stdout, s, command, width_of(o));
	if (!ret && o->html && f == explorer.found)
		ret = write_page(o->html, story_json(s, command));
	free(command);
	story_free(s);
	return ret;
}

static int shrink_and_tell(const struct explore *o, struct found *f, bool print,
			   uint64_t end)
{
	struct shrink s;

	shrink_found(&explorer, f,
		     clock_wall_ns() < end ? (double)o->shrink : 0, &s);
	if (print)
		printf("\nfound %llu time%s, first in schedule %llu; shrunk to "
		       "%u operation%s and %zu preemption%s\n",
		       (unsigned long long)f->times, plural(f->times),
		       (unsigned long long)f->index, s.ops, plural(s.ops),
		       s.preemptions, plural(s.preemptions));
	return tell(o, f, print);
}

static void print_result(uint64_t ns)
{
	struct explorer *e = &explorer;
	char rate[32] = "";

	if (ns)
		snprintf(rate, sizeof(rate), ", %.0f a second",
			 (double)e->schedules * 1e9 / (double)ns);
	printf("%s: %llu schedule%s of %llu program%s, %llu points%s; %zu "
	       "found\n",
	       PLAIN(e->backend), (unsigned long long)e->schedules,
	       plural(e->schedules), (unsigned long long)e->programs,
	       plural(e->programs), (unsigned long long)e->points, rate,
	       e->nr_found);
	known_print(stdout, e->known);
	if (exhaust.most)
		exhaust_print(stdout, &exhaust, e);
}

/*
 * Findings, where a person or a file wants them. What was counted stays what the
 * search has counted.
 */
static int tell_all(const struct explore *o)
{
	struct explorer *e = &explorer;
	uint64_t schedules = e->schedules, points = e->points,
		 programs = e->programs, hash = e->hash;
	bool print = !o->json || strcmp(o->json, "-");
	uint64_t end = clock_wall_ns() + SHRINK_ALL * 1000000000ull;
	size_t i, n = print ? e->nr_found : o->output || o->html;
	int ret = 0;

	for (i = 0; i < n && i < e->nr_found && !ret && !stop_signal(); i++)
		ret = shrink_and_tell(o, &e->found[i], print, end);
	e->schedules = schedules;
	e->points = points;
	e->programs = programs;
	e->hash = hash;
	return ret;
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

/* "mm/zsmalloc.c 6a0491c85521", of what zpool_driver.source says. */
static const char *short_source(const char *source, char *buf, size_t len)
{
	json_t *o = json_loads(source, 0, NULL);
	const char *file = "?", *sha = "";

	snprintf(buf, len, "zlab's own source");
	if (o && !json_unpack(o, "{s:s, s:s}", "file", &file, "sha256", &sha))
		snprintf(buf, len, "%s %.12s", file, sha);
	json_decref(o);
	return buf;
}

/* What of the file is not what is here. */
static void say_differences(const struct explore *o,
			    const struct replay_file *r)
{
	const struct zpool_driver *d =
		zpool_driver_find(explorer.backend, NULL);
	char code[24], was[160], is[160];
	const char *source = d && d->source ? d->source : "";

	if (strcmp(r->build, ZLAB_VERSION))
		cli_note("the file was written by zlab %s, this is %s",
			 PLAIN(r->build), ZLAB_VERSION);
	if (o->backend && strcmp(o->backend, r->backend))
		cli_note("the file is of %s, this is a replay with %s",
			 PLAIN(r->backend), PLAIN(o->backend));
	if (strcmp(r->source, source))
		cli_note("the backend was made of %s, this one of %s",
			 PLAIN(short_source(r->source, was, sizeof(was))),
			 PLAIN(short_source(source, is, sizeof(is))));
	place_code(code, sizeof(code));
	if (*r->code && strcmp(r->code, code))
		cli_note("the backend's code was %s, this is %s: points may be "
			 "others",
			 PLAIN(r->code), code);
}

/* The same program in gdb; what it finds is where it stops. */
static int run_gdb(const struct explore *o, const struct found *f)
{
	const char *function = place_function(f->f.at.pc);
	char frame[128] = "frame function ";
	char *argv[24] = { "gdb",  "-q",
			   "-iex", "set debuginfod enabled off",
			   "-iex", "set pagination off",
			   "-ex",  "tbreak story_here",
			   "-ex",  "run",
			   "-ex",  frame };
	size_t n = *function ? 12 : 10;

	strncat(frame, function, sizeof(frame) - strlen(frame) - 1);
	argv[n++] = "--args";
	argv[n++] = (char *)self_path();
	argv[n++] = "explore";
	argv[n++] = "--replay";
	argv[n++] = (char *)o->replay;
	if (o->backend) {
		argv[n++] = "--backend";
		argv[n++] = (char *)o->backend;
	}
	fflush(stdout);
	execvp(argv[0], argv);
	return cli_failed("gdb does not run: %s; install gdb", strerror(errno));
}

/* The same line but for its numbers, whose signs count. */
static bool same_text(const char *a, const char *b)
{
	for (;;) {
		while (isdigit((unsigned char)*a))
			a++;
		while (isdigit((unsigned char)*b))
			b++;
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

/* Whether what is found is known by its place; else it is by its words. */
static bool has_place(enum xfound kind)
{
	switch (kind) {
	case XFOUND_RACE:
	case XFOUND_CRASH:
	case XFOUND_FREED:
	case XFOUND_DOUBLE_FREE:
	case XFOUND_UNLOCK:
	case XFOUND_SECTION:
		return true;
	default:
		return false;
	}
}

/* Of the file's kind, and at its places or, without a place, with its words. */
static bool is_that(const struct replay_file *r, const struct found *f)
{
	char a[FUNCTIONS_LEN], b[FUNCTIONS_LEN];

	if (strcmp(found_name(f->f.kind), r->kind))
		return false;
	if (!*r->functions || !has_place(f->f.kind))
		return same_text(f->f.text, r->text);
	place_functions(f->f.at.pc, a, sizeof(a));
	place_functions(f->f.other_pc, b, sizeof(b));
	return (!strcmp(a, r->functions) && !strcmp(b, r->other_functions)) ||
	       (!strcmp(b, r->functions) && !strcmp(a, r->other_functions));
}

/* A schedule may show races before what the file is about. */
static struct found *repeated(const struct replay_file *r)
{
	struct found *f = explorer.found;

	for (; f < explorer.found + explorer.nr_found; f++)
		if (is_that(r, f))
			return f;
	return NULL;
}

/* Schedules of the file's program, until one of them shows its finding. */
static void search_program(const struct explore *o, const struct replay_file *r,
			   struct strategy *s)
{
	struct explorer *e = &explorer;
	size_t nr = e->nr_found;
	struct progress bar;
	uint64_t i;

	progress_start(&bar, "explore", "schedules", (uint64_t)o->schedules);
	s->points = xcpu_points();
	for (i = 0; i < (uint64_t)o->schedules && !stop_signal(); i++) {
		if (!(i % OF_A_POOL) && !runner_setup(e, &r->program, r->seed))
			break;
		e->reads = stream((uint64_t)o->seed, 3, i) >> 1;
		strategy_begin(s, r->program.cpus,
			       stream((uint64_t)o->seed, 2, i));
		runner_schedule(e, s);
		known_sort(e);
		if (e->nr_found != nr && repeated(r))
			break;
		nr = e->nr_found;
		s->points = xcpu_points();
		progress_update(&bar, i);
	}
	progress_end(&bar);
}

/* Also shrunk, and to its own file, if that is wanted. */
static int tell_again(const struct explore *o, struct found *f)
{
	struct shrink s;
	json_t *json;
	int ret;

	if (o->output)
		shrink_found(&explorer, f, (double)o->shrink, &s);
	ret = tell(o, f, !o->json || strcmp(o->json, "-"));
	if (ret || !o->output)
		return ret;
	json = replay_json(&explorer, f);
	ret = cli_write_json(o->output, json);
	json_decref(json);
	return ret;
}

static int replay(const struct explore *o, const struct replay_file *r,
		  struct strategy *others)
{
	struct strategy s = { .kind = STRATEGY_REPLAY, .given = &r->choices };
	struct explorer *e = &explorer;
	struct found *f;
	int ret;

	say_differences(o, r);
	e->visits = r->visits;
	e->weak = r->weak;
	e->reads = r->reads;
	strategy_begin(&s, r->program.cpus, 0);
	if (runner_setup(e, &r->program, 0))
		runner_schedule(e, &s);
	known_sort(e);
	if (*e->err.text)
		return cli_usage("%s: its program: %s", PLAIN(o->replay),
				 e->err.text);
	if (o->schedules && !repeated(r))
		search_program(o, r, others);
	if (stop_signal())
		return cli_interrupted("%llu schedules were run; %zu found",
				       (unsigned long long)e->schedules,
				       e->nr_found);
	if (!e->nr_found) {
		printf("gone: %s (%s)", PLAIN(r->text), PLAIN(r->kind));
		if (o->schedules)
			printf("; nor do %lld other schedules of its program "
			       "find anything",
			       o->schedules);
		putchar('\n');
		return 0;
	}
	f = repeated(r);
	if (!f) {
		f = &e->found[0];
		cli_note("the file has another finding, %s: %s", PLAIN(r->kind),
			 PLAIN(r->text));
	}
	if (o->gdb)
		return run_gdb(o, f);
	ret = tell_again(o, f);
	return ret ? ret : EXIT_FAILED;
}

/* The committed list is of the kernel's own sources. */
static int read_known(const struct explore *o, const char *backend,
		      struct err *err)
{
	const struct zpool_driver *d = zpool_driver_find(backend, NULL);
	char path[PATH_MAX];

	if (o->known)
		return known_read(&explorer, o->known, err);
	if (!d || !d->source)
		return 0;
	if (data_path(path, sizeof(path), KNOWN_LIST, err))
		return -ENOENT;
	return known_read(&explorer, path, err);
}

static int open_backend(const struct explore *o, const char *front,
			const char *backend)
{
	bool all = !strcmp(o->strategy, "exhaustive");
	struct err err = { "" };

	explorer.limits.cpus = (unsigned)(o->cpus ? o->cpus : all ? 2 : 3);
	explorer.limits.ops = (unsigned)(o->ops ? o->ops : all ? 2 : 5);
	explorer.weak = o->weak;
	if (xcpu_weak(o->weak, 0, &err))
		return cli_failed("%s", err.text);
	if (explorer_open(&explorer, front, backend, &err) ||
	    read_known(o, backend, &err))
		return cli_usage("%s", err.text);
	return 0;
}

static int run_replay(const struct explore *o)
{
	struct err err = { "" };
	struct replay_file r;
	struct strategy s;
	int ret;

	if (strategy_parse(&s, o->strategy, &err))
		return cli_usage("%s", err.text);
	/* Status 1 is a finding. */
	if (replay_read(&r, o->replay, &err))
		ret = cli_usage("%s", err.text);
	else
		ret = open_backend(o, r.front,
				   o->backend ? o->backend : r.backend);
	if (!ret)
		ret = replay(o, &r, &s);
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
	ret = open_backend(o, o->front ? o->front : "pool", o->backend);
	if (ret)
		return ret;
	start = clock_wall_ns();
	if (s.kind == STRATEGY_EXHAUSTIVE)
		ret = search_all(o);
	else
		ret = search(o, &s);
	if (ret)
		return ret;
	if (!o->json || strcmp(o->json, "-"))
		print_result(clock_wall_ns() - start);
	ret = tell_all(o);
	if (!ret)
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
