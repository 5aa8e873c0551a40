# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes, times and changes as a person reads them."""

import statistics

BINARY = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
TIMES = (("s", 1e9), ("ms", 1e6), ("us", 1e3))


def _scaled(value, steps, unit, digits):
    """With the largest unit that leaves a digit before the point."""
    for name, size in steps:
        if abs(value) >= size:
            whole = value / size
            return (
                f"{whole:.{digits}g} {name}" if whole < 1000 else f"{whole:.0f} {name}"
            )
    return f"{value:.0f} {unit}"


def fmt_bytes(n):
    """12345678 -> "11.77 MiB"."""
    return _scaled(n, BINARY, "B", 4)


def fmt_ns(ns):
    """12345678 -> "12.3 ms"."""
    return _scaled(ns, TIMES, "ns", 3)


def fmt_change(ratio):
    """1.042 -> "+4.2 %"."""
    return f"{(ratio - 1) * 100:+.1f} %"


def fmt_spread(values, show):
    """The median, and the least and the most in parentheses if they differ."""
    found = [value for value in values if value is not None]
    if not found:
        return "-"
    ends = show(min(found)), show(max(found))
    if ends[0] == ends[1]:
        return ends[0]
    # Of the values there are: a count has no half.
    return f"{show(statistics.median_low(found))} ({ends[0]}..{ends[1]})"
