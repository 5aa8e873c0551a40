/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one histogram of nanoseconds, for operations, compactions, waits, holds
 * and atomic sections alike, so that equal times have equal percentiles
 * wherever they are printed.
 *
 * Buckets double in width every HIST_HALF of them, HdrHistogram's method: any
 * value is kept to 1/HIST_HALF of itself (0.8 %) at a fixed size and a handful
 * of instructions. A percentile is the upper end of its bucket, never above the
 * largest value: what so many values did not exceed.
 *
 * By hand, since Debian has no such library for C, and the locks count into it
 * with a lock held: nothing here allocates.
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
 * struct hist - the histogram; all zero is an empty one
 * @count: values
 * @sum: of the values
 * @min: smallest value, if @count
 * @max: largest value, exact
 * @n: values by bucket
 *
 * One thread adds. Another may read meanwhile: it sees each number whole, but
 * not all of them at one moment.
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

/** hist_reset() - make it empty; only memory that was used is written */
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
