# SPDX-License-Identifier: GPL-2.0-or-later
"""Statistics of repeated runs: summaries, paired ratios, noise floor.

Times on a shared machine are not normally distributed and drift, so nothing
here assumes a distribution: medians, ratios of runs that stood next to each
other, and percentile bootstrap intervals.

harness/measure/stats.c prints the same intervals in the tables of the terminal. Both
draw the same samples: with xorshift64 (shifts 13, 7, 17) from SEED, element
random % n of the sorted ratios, n times for each of RESAMPLES medians. Both
interpolate percentiles linearly. So a comparison has one interval, wherever it
is read.
"""

import functools
import statistics

import numpy

RESAMPLES = 2000
SEED = 0x9E3779B97F4A7C15
LEVEL = 0.95
# Below this a percentile interval says nothing about the spread.
MIN_PAIRS = 5


def summary(values):
    """MIN MAX MEAN MEDIAN STDDEV of a non-empty list, as a dict."""
    return {
        "min": min(values),
        "max": max(values),
        "mean": statistics.fmean(values),
        "median": statistics.median(values),
        "stddev": statistics.stdev(values) if len(values) > 1 else 0.0,
    }


@functools.cache
def _draws(n):
    """RESAMPLES rows of n indices below n."""
    random, out = SEED, []
    for _ in range(RESAMPLES * n):
        random ^= random << 13 & 0xFFFFFFFFFFFFFFFF
        random ^= random >> 7
        random ^= random << 17 & 0xFFFFFFFFFFFFFFFF
        out.append(random % n)
    return numpy.array(out).reshape(RESAMPLES, n)


def bootstrap_median(values):
    """Percentile bootstrap interval (low, high) of the median."""
    medians = numpy.median(numpy.sort(values)[_draws(len(values))], axis=1)
    tail = (1 - LEVEL) / 2
    low, high = numpy.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def paired_ratio(base, other):
    """Ratio other/base of runs of the same round.

    `base` and `other` map round -> value. Returns a dict with `n`, `ratio`
    (median of the ratios) and `low`, `high` (95 % interval, None below
    MIN_PAIRS rounds); None when no round has both.
    """
    rounds = sorted(set(base) & set(other))
    ratios = [other[r] / base[r] for r in rounds if base[r] > 0]
    if not ratios:
        return None
    low = high = None
    if len(ratios) >= MIN_PAIRS:
        low, high = bootstrap_median(ratios)
    return {
        "n": len(ratios),
        "ratio": statistics.median(ratios),
        "low": low,
        "high": high,
    }


def noise_floor(values):
    """How far a series is from itself: A/A, as a ratio >= 1.

    Every run against the next one of the same series; the median of the larger
    over the smaller. A difference below it cannot be told from noise. None
    for fewer than three runs.
    """
    pairs = [max(a, b) / min(a, b) for a, b in zip(values, values[1:]) if min(a, b) > 0]
    return statistics.median(pairs) if len(pairs) > 1 else None


def geomean(values):
    """Geometric mean of positive values."""
    return statistics.geometric_mean(values)
