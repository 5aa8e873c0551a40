/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics of repeated runs. Times on a shared machine are not normally
 * distributed and drift, so nothing here assumes a distribution: medians,
 * ratios of runs of the same round, percentile bootstrap intervals from a fixed
 * seed. analysis/records/intervals.py computes the same intervals and documents
 * what both must agree on; tests/cli_report checks this.
 */
#ifndef ZLAB_STATS_H
#define ZLAB_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* With fewer pairs an interval is no estimate of the spread. */
#define STATS_MIN_PAIRS 5
#define STATS_MIN_FLOOR 3

/** struct stats_summary - summary of repeated runs, in the customary form */
struct stats_summary {
	double min, max, mean, median, stddev;
};

/** stats_summary() - summarize @n > 0 values; sorts @v */
struct stats_summary stats_summary(double *v, size_t n);

/**
 * struct stats_ratio - ratio of two series of runs
 * @ratio: median of the ratios of runs of the same round
 * @low: lower end of its 95 % interval, if @interval
 * @high: upper end
 * @interval: there were enough rounds for an interval
 */
struct stats_ratio {
	double ratio;
	double low, high;
	bool interval;
};

/**
 * stats_ratio() - ratio of @other to @base, round by round
 * @base: @n values above 0
 * @other: @n values
 *
 * Return: 0, or -ENOMEM, -EINVAL when @n is 0 or a base is not above 0.
 */
int stats_ratio(const double *base, const double *other, size_t n,
		struct stats_ratio *out);

/**
 * stats_floor() - noise floor of a series
 *
 * Compares each run with the next: the median of the ratios larger/smaller. A
 * smaller difference cannot be told from noise. Return: at least 1; 0 for fewer
 * than STATS_MIN_FLOOR runs, or when memory ran out.
 */
double stats_floor(const double *v, size_t n);

#endif
