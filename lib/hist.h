/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A histogram of nanoseconds by HdrHistogram's method: buckets that double in
 * width every HIST_HALF of them, so that any value is kept to 1/HIST_HALF of
 * itself (0.8 %) at a fixed size and a handful of instructions.
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

/** hist_add() - count one value */
static inline void hist_add(struct hist *h, uint64_t v)
{
	if (!h->count || v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	h->count++;
	h->sum += v;
	h->n[hist_index(v)]++;
}

/** hist_merge() - add all values of @from to @to */
void hist_merge(struct hist *to, const struct hist *from);

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
