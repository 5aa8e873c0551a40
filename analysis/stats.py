# SPDX-License-Identifier: GPL-2.0-or-later
"""The statistics of repeated runs: summaries, paired ratios, noise floor.

Times on a shared machine are not normally distributed and drift, so nothing
here assumes a distribution: medians, ratios of runs that stood next to each
other, and percentile bootstrap intervals from a fixed seed.
"""

import math
import random
import statistics

RESAMPLES = 2000
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


def percentile(ordered, share):
    """The value below which `share` (0..1) of a sorted list lies."""
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def bootstrap_median(values, resamples=RESAMPLES, level=LEVEL, seed=0):
    """Percentile bootstrap interval (low, high) of the median."""
    rng = random.Random(seed)
    medians = sorted(
        statistics.median(rng.choices(values, k=len(values))) for _ in range(resamples)
    )
    return (
        percentile(medians, (1 - level) / 2),
        percentile(medians, (1 + level) / 2),
    )


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
