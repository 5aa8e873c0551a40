/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the CPUs of a trace perform operations: rates, bursts and concurrency.
 * Together with the number of CPUs they decide how much locks are contended.
 * Operations are stores, loads and invalidates.
 */
#ifndef ZLAB_TRACES_ACTIVITY_H
#define ZLAB_TRACES_ACTIVITY_H

#include "traces/source.h"

/* CPUs that perform an operation in the same window count as busy at once. */
#define ACTIVITY_WINDOW_NS 10000000

/**
 * struct activity_runs - lengths of runs of operations
 * @count: number of runs
 * @mean: mean length, in operations
 * @p50: median length
 * @p90: 90th percentile of the lengths
 * @max: greatest length
 */
struct activity_runs {
	uint64_t count;
	double mean;
	uint64_t p50, p90, max;
};

/**
 * struct activity_busy - how many CPUs (or threads) are busy at once
 * @windows: windows of ACTIVITY_WINDOW_NS with at least one operation
 * @mean: mean number of distinct CPUs (or threads) in such a window
 * @max: greatest number of them in one window
 */
struct activity_busy {
	uint64_t windows;
	double mean;
	uint64_t max;
};

/**
 * struct activity - the activity of a whole trace
 *
 * Runs are counted per CPU: an operation of another CPU does not end a run. In
 * a trace without CPUs runs are counted per thread, and in a trace without
 * threads over the whole trace.
 *
 * @stores: consecutive stores, without another operation between them
 * @loads: consecutive loads, without another operation between them
 * @bursts: consecutive operations of any kind, without a pause between them
 * @pause_ns: a longer time between two operations is a pause; it is the mean
 *	      time from one operation to the next on the same CPU. 0 in a trace
 *	      without times, which has no @bursts
 * @duration_ns: from the earliest to the latest event; 0 without times
 * @rate: operations per second of @duration_ns; 0 without times
 * @busy_rate: operations per second of a busy CPU, which counts as busy for a
 *	       whole window; 0 without times or without CPUs and threads
 * @threads: distinct tids; 0 when not recorded
 * @cpus: distinct CPUs; 0 when not recorded
 * @busy_threads: threads busy at once
 * @busy_cpus: CPUs busy at once
 */
struct activity {
	struct activity_runs stores, loads, bursts;
	uint64_t pause_ns;
	uint64_t duration_ns;
	double rate, busy_rate;
	uint64_t threads, cpus;
	struct activity_busy busy_threads, busy_cpus;
};

struct activity_pass;

/**
 * activity_begin() - start a pass over the events of a trace
 *
 * Return: a pass that the caller releases with activity_free(), or NULL when
 * memory ran out.
 */
struct activity_pass *activity_begin(void);

/** activity_add() - count the next batch. Return: 0 or -ENOMEM */
int activity_add(struct activity_pass *p, const struct zlt_batch *b);

/**
 * activity_end() - compute the activity after the last batch
 * @s: the trace; it is read a second time if it has times
 * @a: receives the activity
 *
 * Return: 0 or as zlt_next().
 */
int activity_end(struct activity_pass *p, struct source *s, struct activity *a,
		 struct err *err);

/** activity_free() - release a pass; NULL is ignored */
void activity_free(struct activity_pass *p);

/**
 * activity_quantile() - a quantile of counted values
 * @count_of: number of occurrences of each value
 * @values: number of entries in @count_of; every value is below it
 * @total: sum of @count_of
 * @share: the quantile, 0..1
 *
 * Return: the smallest value that at least @share of all occurrences do not
 * exceed.
 */
uint64_t activity_quantile(const uint64_t *count_of, size_t values,
			   uint64_t total, double share);

#endif
