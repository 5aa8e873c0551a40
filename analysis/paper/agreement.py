# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's table of virtual CPUs against real ones, from zlab validate."""

import statistics

from analysis import grids
from analysis.records import reading

NEAR = 0.15


def cases(sources):
    """The records of results/virtual/validate.jsonl."""
    return reading.lines(sources.folder / "virtual" / "validate.jsonl")


def _row(found, counts):
    """Native and virtual time and how far native is outside, per count."""
    row = []
    for count in counts:
        here = [case for case in found if case["threads"] == count]
        off = [abs(case["off"]) for case in here]
        near = sum(one <= NEAR for one in off)
        row += [
            f"{100 * statistics.median(off):.1f} %",
            f"{100 * max(off):.0f} %",
            f"{near} of {len(here)}",
        ]
    return row


def agreement(sources):
    """How far native lies outside the interval, by design and CPUs."""
    found = cases(sources)
    counts = sorted({case["threads"] for case in found})
    designs = list(dict.fromkeys(case["backend"] for case in found))
    heads = ["design"]
    for count in counts:
        on = f"{count} CPU" + ("" if count == 1 else "s")
        heads += [f"median off, {on}", "worst", f"within {100 * NEAR:.0f} %"]
    rows = [
        [f"`{design}`"] + _row([c for c in found if c["backend"] == design], counts)
        for design in designs
    ]
    rows.append(["all"] + _row(found, counts))
    return grids.markdown(heads, rows)


def _widths(found):
    """How far the two models lie apart, as a share of the lower one."""
    return [
        abs(case["sum"] - case["overlap"]) / min(case["sum"], case["overlap"])
        for case in found
    ]


def widths(sources):
    """How wide the interval of the two models is, by CPUs."""
    rows = []
    for count in sorted({case["threads"] for case in cases(sources)}):
        found = _widths([c for c in cases(sources) if c["threads"] == count])
        middle = statistics.median(found)
        rows.append([count, f"{100 * middle:.0f} %", f"{100 * max(found):.0f} %"])
    heads = ["CPUs", "width of the interval, median", "most"]
    return grids.markdown(heads, rows)


def number(sources, what):
    """One number over all pairs, as text; None for what there is none."""
    found = cases(sources)
    off = [abs(case["off"]) for case in found]
    return {
        "pairs": str(len(found)),
        "traces": str(len({case["trace"] for case in found})),
        "median": f"{100 * statistics.median(off):.1f} %",
        "near": str(sum(one <= NEAR for one in off)),
        "runs": str(found[0]["runs"]),
        "width": f"{100 * statistics.median(_widths(found)):.0f} %",
    }.get(what)


TABLES = (agreement, widths)
