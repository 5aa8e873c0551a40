/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "zlab explore": small programs of pool operations on a few CPUs, and schedules
 * of them, each of which repeats to the digit.
 *
 * The parts, each behind the calls of this file:
 * - a program is what the CPUs do (program.c);
 * - a front end does it with a backend, and knows what must come back (front.h);
 * - a strategy chooses who runs at a point (strategy.h);
 * - the runner sets a program up and runs schedules of it (runner.c);
 * - what is found is shrunk (shrink.c), written to a file and read again
 *   (replay.c), and told (story.c, story_rows.c, story_print.c).
 * Below them is the machine, backends/sync/explore/machine.h.
 */
#ifndef ZLAB_EXPLORE_H
#define ZLAB_EXPLORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "backends/sync/explore/machine.h"
#include "lib/err.h"

/* Programs. */

#define PROGRAM_OPS 16 /* of a CPU */
#define PROGRAM_SETUP 24
#define PROGRAM_OBJECTS 12
#define PROGRAM_OPTIONS 128

/** enum op_kind - what a CPU does with the pool */
enum op_kind {
	OP_STORE, /* a new object in place of what is there */
	OP_LOAD,
	OP_FREE,
	OP_COMPACT,
	OP_MIGRATE, /* a frame, counted round those ever used */
	OP_RECLAIM, /* one page */
	OP_WORK, /* all deferred work */
	OP_STATS,
	OP_FILL, /* store a page of one repeated word */
	OP_KINDS
};

/**
 * struct op - an operation
 * @kind: what is done
 * @what: the object, or for OP_MIGRATE the frame
 * @size: of OP_STORE, bytes
 * @cpu: that does it; in a set-up only
 */
struct op {
	enum op_kind kind;
	unsigned what, size, cpu;
};

/**
 * struct program - what is done
 * @cpus: 1..XCPU_MAX
 * @setup: done one after the other, before a schedule
 * @op: what each CPU does then
 * @spare: frames that the pool may take after the set-up; 0 = any number
 * @fail_nth: the allocation (frame or slab object) that fails; 0 = none
 * @fail_every: after it, each n-th
 * @destroy: the pool is destroyed with objects and deferred work in it, instead
 *	     of empty
 * @options: of the front end, NAME=VALUE with commas; "" for none
 */
struct program {
	unsigned cpus;
	unsigned nr_setup;
	struct op setup[PROGRAM_SETUP];
	unsigned nr[XCPU_MAX];
	struct op op[XCPU_MAX][PROGRAM_OPS];
	unsigned spare, fail_nth, fail_every;
	bool destroy;
	char options[PROGRAM_OPTIONS];
};

/**
 * struct program_limits - what programs may contain
 * @cpus: number of CPUs
 * @ops: operations of a CPU
 * @largest: bytes of the largest object
 * @caps: enum zpool_caps
 * @fills: same-filled pages are something else than objects
 * @reclaims: the front end can reclaim where the backend cannot
 */
struct program_limits {
	unsigned cpus, ops;
	size_t largest;
	unsigned caps;
	bool fills, reclaims;
};

/** program_make() - the program of a seed */
void program_make(struct program *p, const struct program_limits *limits,
		  uint64_t seed);

/** program_ops() - operations of all CPUs, without the set-up */
unsigned program_ops(const struct program *p);

/** op_name() - "store 3 of 1200 bytes"; @buf is where it is made */
const char *op_name(const struct op *op, char *buf, size_t len);

json_t *program_json(const struct program *p);
int program_read(struct program *p, const json_t *o, struct err *err);

/* Schedules. */

/**
 * struct choice - where another CPU went on
 * @cpu: the CPU that stopped
 * @next: the one that went on
 * @forced: @cpu could not go on, or waited in a loop: no preemption
 * @step: point of @cpu at which it stopped
 */
struct choice {
	uint8_t cpu, next;
	bool forced;
	uint64_t step;
};

/** struct choices - all of a schedule; owned memory */
struct choices {
	size_t nr, room;
	struct choice *at;
};

void choices_add(struct choices *c, const struct choice *choice);
void choices_copy(struct choices *to, const struct choices *from, size_t nr);
void choices_free(struct choices *c);
/** choices_preemptions() - those that were not forced */
size_t choices_preemptions(const struct choices *c);

/* What was found. */

/**
 * struct found - one finding, once for each pair of places
 * @f: what the machine or the front end says
 * @key: the same for the same defect: its kind and its places
 * @program: that shows it
 * @choices: up to it
 * @seed: of the program
 * @reads: decided what weakly ordered memory returned
 * @index: number of the schedule in which it was found first, from 1
 * @times: schedules in which it was found
 * @during: the operation that was being done, or what else
 *
 * A story brings @f and @during to what they are in the shrunk program.
 */
struct found {
	struct xfinding f;
	uint64_t key;
	struct program program;
	struct choices choices;
	uint64_t seed, reads, index, times;
	char during[96];
};

#define FOUND_MAX 64

struct front;
struct known_list;
struct strategy;

/**
 * struct explorer - a backend that is explored
 * @front: front end
 * @options: of the front end, for all programs: NAME=VALUE with commas
 * @backend: spec
 * @limits: of programs
 * @bounds: of schedules
 * @found: all findings so far; no more than FOUND_MAX are kept
 * @known: races that are no findings (known.h), or NULL
 * @weak: memory is weakly ordered
 * @reads: decides what reads of the next schedule return then
 * @schedules: that were run
 * @points: of all of them
 * @programs: that were set up
 * @hash: of all schedules; equal for equal runs
 * @longest: the most points of a schedule
 * @only: if not 0, a schedule ends with the finding of this key and no other
 * @hit: that finding came
 * @visits: what is not instrumented has points, too: see xcpu_visit()
 * @err: why the last program could not be set up, if that is no finding
 */
struct explorer {
	const struct front *front;
	const char *options, *backend;
	struct program_limits limits;
	struct xlimits bounds;
	bool weak;
	uint64_t reads;
	struct found found[FOUND_MAX];
	size_t nr_found;
	struct known_list *known;
	uint64_t schedules, points, programs, hash, longest;
	uint64_t only;
	bool hit, visits;
	struct err err;
	/* The schedule that runs. */
	const struct program *program;
	struct strategy *strategy;
	struct choices made;
	uint64_t seed;
	/*
	 * Told of each point, of an operation's begin and, with NULL, its end, and
	 * of the finding of @only, where they are not NULL.
	 */
	void (*event)(void *arg, unsigned cpu, const struct xpoint *p);
	void (*at_op)(void *arg, unsigned cpu, const struct op *op);
	void (*at_hit)(void *arg, const struct xfinding *f);
	void *event_arg;
	const struct op *now[XCPU_MAX];
	bool found_now;
	const char *during;
};

/**
 * explorer_open() - load the backend and find out what it can do
 * @front: spec of the front end, see front_find()
 * @backend: spec
 *
 * Once in a process. Return: 0, or a negative errno with @err set: a bad spec, an
 * object without instrumentation.
 */
int explorer_open(struct explorer *e, const char *front, const char *backend,
		  struct err *err);

/** explorer_program() - the program of a seed, for this front end and backend */
void explorer_program(const struct explorer *e, struct program *p,
		      uint64_t seed);

/**
 * runner_setup() - make a pool and do the program's set-up, as the state from
 *		    which all its schedules start
 * @p: stays in use until the next call
 * @seed: of @p, for findings
 *
 * Return: whether there is something to run; false after a finding, or with
 * e->err set.
 */
bool runner_setup(struct explorer *e, const struct program *p, uint64_t seed);

/**
 * runner_schedule() - run one schedule, check what is left, go back to the set-up
 *
 * Return: whether something was found, new or known. e->made has its choices.
 */
bool runner_schedule(struct explorer *e, struct strategy *s);

/** found_name() - "race", "contents", ... */
const char *found_name(enum xfound kind);

/* shrink.c */

/**
 * struct shrink - how far a finding could be shrunk
 * @tried: schedules that were run for it
 * @ops: operations left, without the set-up
 * @preemptions: preemptions left
 */
struct shrink {
	uint64_t tried;
	unsigned ops;
	size_t preemptions;
};

/**
 * shrink_found() - a smaller program and fewer preemptions that show the same
 * @seconds: bound of the time it may take
 *
 * First operations, then the search for few delays, then single choices.
 */
void shrink_found(struct explorer *e, struct found *f, double seconds,
		  struct shrink *s);

/* replay.c */

/**
 * struct replay_file - a finding in a file
 * @backend: spec
 * @front: name of the front end
 * @build: of the zlab that wrote it
 * @source: what the backend was made of, or ""
 * @code: of the backend, see place_code(); "" in older files
 * @kind: of the finding
 * @text: its line
 * @functions: of its place, see place_functions(); "" for none
 * @other_functions: of the other place
 * @visits: see struct explorer
 * @weak: memory was weakly ordered
 * @reads: decided what reads returned
 */
struct replay_file {
	char *backend, *front, *build, *source, *code, *kind, *text;
	char *functions, *other_functions;
	struct program program;
	struct choices choices;
	uint64_t seed, reads;
	bool weak, visits;
};

json_t *replay_json(const struct explorer *e, const struct found *f);
int replay_read(struct replay_file *r, const char *path, struct err *err);
void replay_free(struct replay_file *r);

/* story.c */

/* A finding's schedule, told step by step. */
struct story;

/**
 * story_make() - run the schedule of a finding once more and keep what matters
 *
 * Sets @f->f and @f->during to what they are this time. Return: the story, to be
 * freed with story_free(); NULL when memory ran out.
 */
struct story *story_make(struct explorer *e, struct found *f);
void story_free(struct story *s);

/**
 * story_print() - a column for each CPU, in lines of @width columns
 * @repeat: the command that repeats it
 */
void story_print(FILE *out, const struct story *s, const char *repeat,
		 unsigned width);

/** story_json() - the same for the page, see analysis/report/story.py */
json_t *story_json(const struct story *s, const char *repeat);

/**
 * story_here() - called when the failing step comes, before it is done
 *
 * Or when the finding is noticed, if that is no access. A breakpoint for
 * debuggers; does nothing.
 */
void story_here(void);

/* place.c */

/**
 * place_load() - find the backend's object, if it is one, and tell the machine
 *		  what it consists of
 *
 * Return: 0, or a negative errno with @err set, also where the object is not
 * instrumented.
 */
int place_load(const char *backend, struct err *err);

/**
 * place_name() - "function (file:line)" of an address in the code
 * @buf: receives it; without what debuggers need, an offset
 *
 * Code of a header that was inlined into another file says where, too.
 */
const char *place_name(const void *pc, char *buf, size_t len);

/** FUNCTIONS_LEN - room for place_functions() */
#define FUNCTIONS_LEN 1024

/**
 * place_functions() - the function of an address, and those that it was put into
 *		       by the compiler, from the inside
 * @buf: receives a line "function file" for each; "" where that is not known
 */
void place_functions(const void *pc, char *buf, size_t len);
/** place_function() - the function alone; "" if it is not known */
const char *place_function(const void *pc);

/** place_source() - the line of source, trimmed; "" where it cannot be read */
const char *place_source(const void *pc, char *buf, size_t len);

/**
 * place_learn() - find the names of many places at once, which is faster
 * @pc: addresses, of which @nr are given
 */
void place_learn(const void *const *pc, size_t nr);

/** place_code() - a hash of the code of the object, or of this program */
const char *place_code(char *buf, size_t len);

/** place_id() - a number of a place that does not depend on where it is loaded */
uint64_t place_id(const void *pc);

/**
 * struct explore - "zlab explore"
 * @backend: spec
 * @front: spec of the front end, or NULL for the pool itself
 * @cpus: number of CPUs, 0 = as the strategy
 * @ops: operations of a CPU, 0 = as the strategy
 * @schedules: how many to run, 0 = until @seconds; of a program if exhaustive; of
 *	       @replay's program if its finding is gone
 * @seconds: how long, 0 = until @schedules
 * @shrink: seconds that a finding may be shrunk
 * @strategy: as typed
 * @points: where CPUs can switch in an exhaustive search: "sync" or "all"
 * @weak: weakly ordered memory
 * @seed: of everything
 * @replay: file to replay, or NULL
 * @output: file for the first finding, or NULL
 * @known: file with known races, or NULL for the committed list, which is of the
 *	   kernel's sources
 * @html: file for its story as a page, or NULL
 * @json: file for the result, - for standard output, or NULL
 * @keep_going: all findings, not only the first
 * @wide: lines of any length
 * @gdb: stop at the failing step of a replay, in gdb
 */
struct explore {
	const char *backend, *front, *strategy, *points, *replay, *output,
		*html, *known, *json;
	long long cpus, ops, schedules, seconds, seed, shrink;
	bool keep_going, wide, weak, gdb;
};

/** explore_run() - do it; in zlab, executes zlab-explore. Return: exit status */
int explore_run(void *args, int argc, char **argv);

#endif
