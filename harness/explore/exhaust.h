/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "zlab explore --strategy exhaustive": all programs of a few operations, and of
 * each all schedules that differ. dpor.h is the search; here are the programs,
 * what a point of the machine means to it, and what is told of it.
 */
#ifndef ZLAB_EXPLORE_EXHAUST_H
#define ZLAB_EXPLORE_EXHAUST_H

#include "harness/explore/dpor.h"
#include "harness/explore/steps.h"
#include "harness/explore/strategy.h"

#define EXHAUST_LETTERS 16
#define EXHAUST_OPS (XCPU_MAX * PROGRAM_OPS)
#define EXHAUST_WAITS 64
#define EXHAUST_OWN 4

/**
 * struct exhaust_row - programs of a number of operations
 * @programs: that were begun
 * @complete: of which all schedules were run
 * @executions: schedules of all of them
 * @most: of one of them
 * @steps: the most steps at which CPUs could switch
 */
struct exhaust_row {
	uint64_t programs, complete, executions, most, steps;
};

/**
 * struct exhaust - a search
 * @all: CPUs can switch at all accesses, not only at synchronisation
 * @most: schedules of a program, then it is too large
 * @letter: the operations that programs consist of
 * @setup: what is done before; of all programs
 * @programs: how many there are; more than can be searched are possible
 * @row: by number of operations; @total: of all
 * @cut: schedules that were given up, as all that could follow was seen
 * @too_large: programs with more than @most schedules
 * @largest: one of them, and @estimate its schedules, as far as was seen
 */
struct exhaust {
	bool all;
	uint64_t most;
	struct op letter[EXHAUST_LETTERS];
	unsigned letters;
	struct program setup;
	double programs;
	struct exhaust_row row[EXHAUST_OPS + 1], total;
	uint64_t cut, too_large;
	struct program largest;
	double estimate;
	/* Of the program. */
	struct dpor *dpor;
	const void *waits[EXHAUST_WAITS];
	unsigned nr_waits;
	bool again;
	struct steps *steps;
	/* Of the schedule: sets of CPUs; those @early do nothing of a step yet. */
	unsigned cpus, started, relaxed, ended, blocked, early;
	/* Locks of the harness that each CPU holds. */
	const void *own[XCPU_MAX][EXHAUST_OWN];
	unsigned nr_own[XCPU_MAX];
};

/**
 * exhaust_plan() - the programs of a backend
 *
 * Return: 0, or -E2BIG with @err set, which says by how much they are too many.
 */
int exhaust_plan(struct exhaust *x, const struct program_limits *limits,
		 struct err *err);

/**
 * exhaust_search() - run all schedules of all programs
 * @more: asked after each schedule whether to go on
 *
 * Return: 0, or -EINVAL with @err set: a schedule did not repeat, so nothing is
 * proved.
 */
int exhaust_search(struct exhaust *x, struct explorer *e, bool (*more)(void *),
		   void *arg, struct err *err);

/** exhaust_complete() - whether all schedules of all programs were run */
bool exhaust_complete(const struct exhaust *x);

/** exhaust_print() - the table, and what completeness means */
void exhaust_print(FILE *out, const struct exhaust *x,
		   const struct explorer *e);

json_t *exhaust_json(const struct exhaust *x);

/** exhaust_pick() - see strategy_pick() */
unsigned exhaust_pick(struct exhaust *x, enum xwhy why, unsigned runnable,
		      uint64_t *slice);

#endif
