# SPDX-License-Identifier: GPL-2.0-or-later
"""How far two builds are apart in time, and what to make of it."""

from analysis import units
from analysis.records import intervals


def ratio(base, other, value):
    """paired_ratio() of two lists of records."""
    return intervals.paired_ratio(
        dict(enumerate(map(value, base))), dict(enumerate(map(value, other)))
    )


def sys_ns(record):
    """CPU time inside the swap path."""
    return record["time"]["sys_ns"]


def real_ns(record):
    """Wall time."""
    return record["time"]["real_ns"]


def verdict(change, floor):
    """What an interval says, given how far a program is from itself."""
    if change is None or change["low"] is None:
        return "unknown"
    if change["low"] <= 1 <= change["high"]:
        return "same"
    if floor and abs(change["ratio"] - 1) <= abs(floor["ratio"] - 1):
        return "noise"
    return "slower" if change["ratio"] > 1 else "faster"


def interval(change):
    """-1.2 .. +3.4 %"""
    if change is None or change["low"] is None:
        return "-"
    low, high = (change["low"] - 1) * 100, (change["high"] - 1) * 100
    return f"{low:+.1f}..{high:+.1f}"


def percent(change):
    """+1.9 %"""
    return units.fmt_change(change["ratio"]) if change else "-"
