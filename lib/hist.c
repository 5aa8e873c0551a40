// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>

#include "lib/hist.h"

void hist_merge(struct hist *to, const struct hist *from)
{
	size_t i;

	if (!from->count)
		return;
	if (!to->count || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->count += from->count;
	to->sum += from->sum;
	for (i = 0; i < HIST_SIZE; i++)
		to->n[i] += from->n[i];
}

uint64_t hist_low(size_t index)
{
	size_t shift;

	if (index < 2 * HIST_HALF)
		return index;
	shift = index / HIST_HALF - 1;
	return (uint64_t)(index - shift * HIST_HALF) << shift;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	uint64_t want, seen = 0, v;
	size_t i;

	if (!h->count)
		return 0;
	want = (uint64_t)ceil(percent / 100 * (double)h->count);
	if (!want)
		want = 1;
	for (i = 0; i < HIST_SIZE - 1; i++) {
		seen += h->n[i];
		if (seen >= want)
			break;
	}
	v = hist_low(i + 1) - 1;
	return v < h->max ? v : h->max;
}
