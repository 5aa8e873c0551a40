/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the CPUs of a trace are at work: what contention depends on beside the
 * number of CPUs. Operations are stores, loads and invalidates.
 */
#ifndef ZLAB_TRACES_ACTIVITY_H
#define ZLAB_TRACES_ACTIVITY_H

#include "traces/zlt.h"

/* Two CPUs are busy at once when both perform an operation in such a window. */
#define ACTIVITY_WINDOW_NS 10000000

/**
 * struct activity_runs - lengths of runs, in operations
 * @count: runs
 * @mean: of their lengths
 * @p50: the same
 * @p90: the same
 * @max: the same
 */
struct activity_runs {
	uint64_t count;
	double mean;
	uint64_t p50, p90, max;
};

/**
 * struct activity_busy - how many are busy at once
 * @windows: windows of ACTIVITY_WINDOW_NS with an operation
 * @mean: distinct ones in such a window
 * @max: the same
 */
struct activity_busy {
	uint64_t windows;
	double mean;
	uint64_t max;
};

/**
 * struct activity - what there is to know
 *
 * A run belongs to one CPU: other CPUs do not end it. In a trace without CPUs
 * it belongs to one thread, and in one without threads to the trace.
 *
 * @stores: stores in a row, without another operation between
 * @loads: loads in a row, the same way
 * @bursts: operations of any kind in a row, without a pause between
 * @pause_ns: what is longer is a pause: the mean time from one operation to the
 *	      next on the same CPU. 0 in a trace without times, which has no
 *	      @bursts
 * @duration_ns: from the earliest to the latest event; 0 without times
 * @rate: operations per second of @duration_ns; 0 without times
 * @busy_rate: operations per second of a busy CPU, which is busy for the whole
 *	       of a window; 0 without times or without CPUs and threads
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
 * activity_begin() - before the first batch of a trace
 *
 * Return: to be released by activity_free(), or NULL when memory ran out.
 */
struct activity_pass *activity_begin(void);

/** activity_add() - the next batch. Return: 0 or -ENOMEM */
int activity_add(struct activity_pass *p, const struct zlt_batch *b);

/**
 * activity_end() - after the last batch
 * @r: the trace; it is read once more when it has times
 * @a: receives the activity
 *
 * Return: 0 or as zlt_next().
 */
int activity_end(struct activity_pass *p, struct zlt_reader *r,
		 struct activity *a, struct err *err);

/** activity_free() - also of NULL */
void activity_free(struct activity_pass *p);

/**
 * activity_quantile() - a quantile of counted values
 * @count_of: how many there are of each value
 * @values: values are below this
 * @total: sum of @count_of
 *
 * Return: the smallest value that at least @share of all do not exceed.
 */
uint64_t activity_quantile(const uint64_t *count_of, size_t values,
			   uint64_t total, double share);

#endif
