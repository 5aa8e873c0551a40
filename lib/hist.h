/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Histogram of nanoseconds, shared by operations, compactions, waits, holds and
 * atomic sections, so that equal times have equal percentiles wherever they are
 * printed.
 *
 * The width of buckets doubles after every HIST_HALF buckets, as in
 * HdrHistogram: the relative error is at most 1/HIST_HALF (0.8 %), with a fixed
 * size and few instructions. A percentile is the upper end of its bucket, but
 * not above the largest value.
 *
 * Implemented here because Debian has no such library for C. Nothing allocates,
 * since locks add to a histogram while a lock is held.
 */
#ifndef ZLAB_HIST_H
#define ZLAB_HIST_H

#include <stddef.h>
#include <stdint.h>

#define HIST_BITS 8
#define HIST_HALF (1u << (HIST_BITS - 1))
/* Larger values count as the largest; 2^40 ns is 18 minutes. */
#define HIST_MAX_BITS 40
#define HIST_SIZE ((HIST_MAX_BITS - HIST_BITS + 2) * HIST_HALF)

/**
 * struct hist - a histogram; all zero is an empty histogram
 * @count: number of values
 * @sum: sum of the values
 * @min: smallest value; valid if @count is not 0
 * @max: largest value, exact
 * @n: number of values in each bucket
 *
 * Only one thread may add. Others may read concurrently: they see each number
 * without tearing, but not a consistent snapshot of all numbers.
 */
struct hist {
	uint64_t count;
	uint64_t sum;
	uint64_t min, max;
	uint64_t n[HIST_SIZE];
};

/** hist_index() - the bucket of a value */
static inline size_t hist_index(uint64_t v)
{
	unsigned shift;

	if (v >> HIST_MAX_BITS)
		v = (1ull << HIST_MAX_BITS) - 1;
	if (v < 2 * HIST_HALF)
		return (size_t)v;
	shift = 64 - HIST_BITS - (unsigned)__builtin_clzll(v);
	return (size_t)shift * HIST_HALF + (size_t)(v >> shift);
}

static inline void hist_set(uint64_t *at, uint64_t v)
{
	__atomic_store_n(at, v, __ATOMIC_RELAXED);
}

static inline uint64_t hist_get(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/** hist_add() - count one value */
static inline void hist_add(struct hist *h, uint64_t v)
{
	uint64_t *n = &h->n[hist_index(v)];

	if (!h->count || v < h->min)
		hist_set(&h->min, v);
	if (v > h->max)
		hist_set(&h->max, v);
	hist_set(&h->count, h->count + 1);
	hist_set(&h->sum, h->sum + v);
	hist_set(n, *n + 1);
}

/** hist_merge() - add all values of @from to @to */
void hist_merge(struct hist *to, const struct hist *from);

/** hist_reset() - empty a histogram; only memory that was used is written */
void hist_reset(struct hist *h);

/**
 * hist_percentile() - smallest value that @percent of all values do not exceed
 * @percent: 0 < @percent <= 100
 *
 * The upper end of its bucket, never above the maximum. Return: 0 when empty.
 */
uint64_t hist_percentile(const struct hist *h, double percent);

/** hist_low() - the smallest value of a bucket */
uint64_t hist_low(size_t index);

#endif
