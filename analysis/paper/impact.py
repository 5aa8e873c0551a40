# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's table of changes of the kernel, in kernels and in zlab.

results/impact.jsonl has what kernels in virtual machines did with three pools,
and what zlab's presets did with the same pages.
"""

import re

from analysis import grids, units
from analysis.paper.sources import Wrong
from analysis.records import reading

CHAIN = "CONFIG_ZSMALLOC_CHAIN_SIZE"
OLDEST, OLD, NEW = "6.1", "6.12", "7.3"
PAGE = 4096
# (what changes, kernel before, after), a kernel as (release, chain that was set).
CHANGES = (
    (f"{OLD}, not {OLDEST}", (OLDEST, None), (OLD, None)),
    ("chain of 8 pages, not 4", (OLD, "4"), (OLD, None)),
    (f"{NEW}, not {OLD}", (OLD, None), (NEW, None)),
)
# zlab's form of each, by options of its full spec.
FORMS = {
    (OLDEST, None): ("pool", "4"),
    (OLD, "4"): ("class", "4"),
    (OLD, None): ("class", "8"),
    (NEW, None): ("class-free", "8"),
}
# Name of the recording or scenario -> name of zlab's trace.
POOLS = {"discard": "churn", "python-pages": "python-pages", "sqlite-pages": None}
MARKS = {
    "pages, filled": "filled",
    "half discarded": "freed 3",
    "compacted": "compacted 3",
}


def _records(sources):
    return reading.lines(sources.folder / "impact.jsonl")


def _kernels(sources):
    """(release, chain, pool) -> what a kernel did."""
    found = {}
    for raw in _records(sources):
        if "checkpoints" in raw:
            release = re.match(r"\d+\.\d+", raw["kernel"]).group()
            found[release, raw["set"].get(CHAIN), raw["scenario"]] = raw
    return found


def _presets(sources):
    """(lock, chain, trace) -> a replay."""
    found = {}
    for raw in _records(sources):
        if "backend" in raw:
            options = dict(re.findall(r"(\w+)=([\w-]+)", raw["backend"]))
            found[options["lock"], options["chain"], raw["trace"]["name"]] = raw
    return found


def _of_kernel(raw):
    """Quantity -> number, as a kernel has it."""
    pages = {point["label"]: point["pages"] for point in raw["checkpoints"]}
    out = {what: pages[label] for what, label in MARKS.items() if label in pages}
    if out:
        return {**out, "objects moved": raw["counts"]["moved"]}
    peak = raw["checkpoints"][-1]["counters"]["mem_used_max"] // PAGE
    return {"pages, at the peak": peak, "at the end": pages["end"]}


def _of_preset(raw):
    """The same of a replay."""
    pages = {mark["label"]: mark["pool_pages"] for mark in raw["marks"]}
    out = {what: pages[label] for what, label in MARKS.items() if label in pages}
    if out:
        return {**out, "objects moved": raw["counts"]["moved_objects"]}
    return {
        "pages, at the peak": raw["pool_pages_peak"],
        "at the end": raw["pool_pages"],
    }


def compared(sources):
    """Rows: (change, pool, quantity, kernel before, after, zlab before, after)."""
    kernels, presets = _kernels(sources), _presets(sources)
    for pool in POOLS:
        own, again = kernels[OLD, None, pool], kernels[OLD, "8", pool]
        if _of_kernel(own) != _of_kernel(again):
            raise Wrong(f"impact: {pool}: built again, {OLD} is another kernel")
    rows = []
    for change, before, after in CHANGES:
        for pool, trace in POOLS.items():
            pairs = [_of_kernel(kernels[*one, pool]) for one in (before, after)]
            pairs += [
                _of_preset(presets[*FORMS[one], trace or pool])
                for one in (before, after)
            ]
            for what in pairs[0]:
                rows.append((change, pool, what, *(pair[what] for pair in pairs)))
    return rows


def _change(before, after):
    return "none" if before == after else units.fmt_change(after / before)


def impact(sources):
    """Every change, as the kernels and zlab have it."""
    rows, found = [], compared(sources)
    for change in dict.fromkeys(row[0] for row in found):
        here = [row[1:] for row in found if row[0] == change]
        if all(row[2] == row[3] and row[4] == row[5] for row in here):
            rows.append([change, "all", f"all {len(here)} numbers"])
            rows[-1] += ["-", "-", "none"] * 2
            continue
        for pool, what, *numbers in here:
            row = [change, f"`{pool}`", what]
            for before, after in (numbers[:2], numbers[2:]):
                row += [f"{before:,}", f"{after:,}", _change(before, after)]
            rows.append(row)
    heads = ["change", "pool", "what", "kernel, before", "after", "change"]
    return grids.markdown(heads + ["zlab, before", "after", "change"], rows, left=3)


def _apart(rows):
    """What differs, as the end of a sentence."""
    other = [row for row in rows if row[3:5] != row[5:7]]
    if not other:
        return "none differs."
    told = [
        f"{what} (`{pool}`, {change}): {_change(*k)} there, {_change(*z)} here"
        for change, pool, what, *n in other
        for k, z in [(n[:2], n[2:])]
    ]
    return f"apart are {'; '.join(told)}."


def number(sources, what):
    """One number over the table and the logs behind it, as text, or None."""
    rows = compared(sources)
    logs = [raw["conform"] for raw in _kernels(sources).values()]
    turn = [[(b > a) - (b < a) for a, b in (row[3:5], row[5:7])] for row in rows]
    return {
        "rows": f"{len(rows)}",
        "direction": f"{sum(kernel == here for kernel, here in turn)}",
        "same": f"{sum(row[3:5] == row[5:7] for row in rows)}",
        "apart": _apart(rows),
        "compared": f"{sum(sum(log['compared'].values()) for log in logs):,}",
        "differences": f"{sum(sum(log['differences'].values()) for log in logs)}",
        "kernels": f"{len(logs)}",
        "objects": f"{_kernels(sources)[OLD, None, 'discard']['counts']['allocs']:,}",
    }.get(what)


TABLES = (impact,)
