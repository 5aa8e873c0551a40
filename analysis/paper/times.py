# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's tables of times, and which of their differences can be told.

Two backends differ where the interval of their ratio lies on one side of 1.
"""

import fnmatch

from analysis import grids, units
from analysis.paper.sources import Wrong
from analysis.records import intervals

# Of a ratio.
DIGITS = 3
PARTS = {
    "sys": lambda run: run.sys_ns,
    "allocator": lambda run: run.split["allocator"],
}


def _ratios(found, part):
    """(case, cell, ratio to the first backend of the case or None)."""
    for case in found.cases:
        base = case.cells.get(found.reference)
        for cell in case.cells.values():
            ratio = None
            if base and cell is not base:
                ratio = intervals.paired_ratio(
                    base.by_round(PARTS[part]), cell.by_round(PARTS[part])
                )
            yield case, cell, ratio


def _apart(ratio):
    """Whether a ratio can be told from 1, in the digits that a table shows."""
    if ratio["low"] is None:
        return False
    return not round(ratio["low"], DIGITS) <= 1 <= round(ratio["high"], DIGITS)


def _interval(ratio):
    if ratio["low"] is None:
        return "-"
    return f"{ratio['low']:.{DIGITS}f}..{ratio['high']:.{DIGITS}f}"


def _compared(ratio):
    """The last columns of a table: ratio, interval, whether it is one."""
    if not ratio:
        return ["1", "-", "-"]
    return [
        f"{ratio['ratio']:.{DIGITS}f}",
        _interval(ratio),
        "yes" if _apart(ratio) else "no",
    ]


def ends(runs, value):
    """The least and the greatest of runs, as times."""
    found = [value(run) for run in runs]
    return f"{units.fmt_ns(min(found))} .. {units.fmt_ns(max(found))}"


COMPARED = ["ratio", "interval", "differs"]


def _times(found):
    """sys per operation with its ratio to the first backend."""
    rows = []
    for case, cell, ratio in _ratios(found, "sys"):
        mid = cell.middle
        rows.append(
            [case.title, cell.label]
            + [units.fmt_ns(cell.median(lambda run: run.sys_ns / run.ops))]
            + [ends(cell.runs, lambda run: run.sys_ns / run.ops)]
            + [
                f"{100 * mid.split.get(part, 0) / mid.sys_ns:.1f} %"
                for part in ("codec", "lock_wait")
            ]
            + _compared(ratio)
        )
    heads = ["case", "backend", "sys/op", "least .. most", "codec", "lock wait"]
    return grids.markdown(heads + COMPARED, rows, left=2)


def time_sys(sources):
    """sys time of the allocators."""
    return _times(sources.set("time"))


def time_allocator(sources):
    """The allocators' own time."""
    rows = []
    for case, cell, ratio in _ratios(sources.set("time"), "allocator"):
        values = [run.split["allocator"] / run.ops for run in cell.runs]
        low, high = intervals.bootstrap_median(values)
        rows.append(
            [case.title, cell.label]
            + [units.fmt_ns(cell.median(lambda run: run.split["allocator"] / run.ops))]
            + [f"{units.fmt_ns(low)} .. {units.fmt_ns(high)}"]
            + [f"{units.fmt_ns(min(values))} .. {units.fmt_ns(max(values))}"]
            + _compared(ratio)
        )
    heads = ["case", "backend", "allocator/op", "its interval", "least .. most"]
    return grids.markdown(heads + COMPARED, rows, left=2)


def locks_sys(sources):
    """sys time of the lock designs."""
    return _times(sources.set("locks"))


def _counted(found):
    """How many ratios there are, and how many can be told from 1."""
    apart = [_apart(ratio) for ratio in found]
    return {
        "all": len(found),
        "apart": sum(apart),
        "same": len(found) - sum(apart),
    }


def number(sources, name, part, what):
    """Of the ratios of a set: how many, which differ, the widest interval.

    `what` is all, apart, same, which or widest; None for another.
    """
    found = [
        (f"{cell.label} on {case.title}", ratio)
        for case, cell, ratio in _ratios(sources.set(name), part)
        if ratio
    ]
    if what == "which":
        return "; ".join(title for title, ratio in found if _apart(ratio)) or "none"
    if what == "widest":
        title, ratio = max(found, key=lambda one: one[1]["high"] - one[1]["low"])
        return f"{title}, {_interval(ratio)}"
    counted = _counted([ratio for _, ratio in found])
    return str(counted[what]) if what in counted else None


def difference(sources, name, part, backend, cases):
    """The ratios of a backend over cases, refused if one may be 1."""
    found = [
        ratio
        for case, cell, ratio in _ratios(sources.set(name), part)
        if ratio
        and fnmatch.fnmatch(cell.label, backend)
        and fnmatch.fnmatch(case.title, cases)
    ]
    if not found or not all(_apart(ratio) for ratio in found):
        raise Wrong(f"{name} {part}: {backend} on {cases} does not differ throughout")
    sides = {ratio["ratio"] > 1 for ratio in found}
    if len(sides) != 1:
        raise Wrong(f"{name} {part}: {backend} on {cases} is above 1 and below")
    values = sorted(ratio["ratio"] for ratio in found)
    shown = dict.fromkeys(f"{value:.2f}" for value in (values[0], values[-1]))
    return " to ".join(shown)


def gap(sources, name, part, backend):
    """How much less a backend takes for an operation, over the cases of a set."""
    found = sources.set(name)
    less = []
    for case in found.cases:
        one, base = (
            cell.median(lambda run: PARTS[part](run) / run.ops)
            for label in (backend, found.labels[found.reference])
            for cell in case.cells.values()
            if cell.label == label
        )
        less.append(base - one)
    return " to ".join(units.fmt_ns(end) for end in (min(less), max(less)))


TABLES = (time_sys, time_allocator, locks_sys)
