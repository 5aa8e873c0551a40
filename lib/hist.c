// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "lib/hist.h"

void hist_merge(struct hist *to, const struct hist *from)
{
	uint64_t count = hist_get(&from->count);
	uint64_t min = hist_get(&from->min), max = hist_get(&from->max);
	size_t i;

	if (!count)
		return;
	if (!to->count || min < to->min)
		to->min = min;
	if (max > to->max)
		to->max = max;
	to->count += count;
	to->sum += hist_get(&from->sum);
	for (i = hist_index(min); i <= hist_index(max); i++)
		to->n[i] += hist_get(&from->n[i]);
}

void hist_reset(struct hist *h)
{
	size_t first = hist_index(h->min);

	if (h->count)
		memset(&h->n[first], 0,
		       (hist_index(h->max) - first + 1) * sizeof(h->n[0]));
	h->count = h->sum = h->min = h->max = 0;
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
