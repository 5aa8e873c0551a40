// SPDX-License-Identifier: GPL-2.0-or-later
/* Medians of ratios and their bootstrap intervals. */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "harness/measure/stats.h"
#include "lib/random.h"

#define RESAMPLES 2000
#define TAIL 0.025

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double sorted_median(const double *v, size_t n)
{
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct stats_summary stats_summary(double *v, size_t n)
{
	struct stats_summary s = { 0 };
	double sum = 0;
	size_t i;

	qsort(v, n, sizeof(*v), by_value);
	for (i = 0; i < n; i++)
		sum += v[i];
	s.min = v[0];
	s.max = v[n - 1];
	s.mean = sum / (double)n;
	s.median = sorted_median(v, n);
	for (sum = 0, i = 0; i < n; i++)
		sum += (v[i] - s.mean) * (v[i] - s.mean);
	s.stddev = n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
	return s;
}

/* The value below which a @share of the @n sorted values lies. */
static double percentile(const double *v, size_t n, double share)
{
	double at = share * (double)(n - 1);
	size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;

	return v[low] + (v[high] - v[low]) * (at - (double)low);
}

/* Bootstrap: sorted medians of samples drawn with replacement, in @medians. */
static void resample(const double *v, size_t n, double *draw, double *medians)
{
	uint64_t random = 0x9e3779b97f4a7c15ull;
	size_t i, k;

	for (i = 0; i < RESAMPLES; i++) {
		for (k = 0; k < n; k++)
			draw[k] = v[random_xorshift(&random) % n];
		qsort(draw, n, sizeof(*draw), by_value);
		medians[i] = sorted_median(draw, n);
	}
	qsort(medians, RESAMPLES, sizeof(*medians), by_value);
}

int stats_ratio(const double *base, const double *other, size_t n,
		struct stats_ratio *out)
{
	double *ratios, *draw, *medians;
	size_t i;

	*out = (struct stats_ratio){ 0 };
	if (!n)
		return -EINVAL;
	ratios = malloc((2 * n + RESAMPLES) * sizeof(*ratios));
	if (!ratios)
		return -ENOMEM;
	draw = ratios + n;
	medians = draw + n;
	for (i = 0; i < n; i++) {
		if (!(base[i] > 0)) {
			free(ratios);
			return -EINVAL;
		}
		ratios[i] = other[i] / base[i];
	}
	qsort(ratios, n, sizeof(*ratios), by_value);
	out->ratio = sorted_median(ratios, n);
	out->interval = n >= STATS_MIN_PAIRS;
	if (out->interval) {
		resample(ratios, n, draw, medians);
		out->low = percentile(medians, RESAMPLES, TAIL);
		out->high = percentile(medians, RESAMPLES, 1 - TAIL);
	}
	free(ratios);
	return 0;
}

double stats_floor(const double *v, size_t n)
{
	double *far, floor;
	size_t i;

	if (n < STATS_MIN_FLOOR)
		return 0;
	far = malloc((n - 1) * sizeof(*far));
	if (!far)
		return 0;
	for (i = 0; i + 1 < n; i++) {
		far[i] = fmax(v[i], v[i + 1]) / fmin(v[i], v[i + 1]);
		if (!isfinite(far[i]))
			far[i] = 1;
	}
	qsort(far, n - 1, sizeof(*far), by_value);
	floor = sorted_median(far, n - 1);
	free(far);
	return floor;
}
