# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's tables of locking designs: time, waiting, tails, bytes."""

import re
import statistics

from analysis import grids, units
from analysis.paper.mechanisms import asked
from analysis.paper.times import ends
from analysis.records import reading
from analysis.records.sweeps import era


def _zspage_memory(sources):
    """(trace, full spec) -> what `zlab classes --trace` says of it."""
    found = reading.lines(sources.folder / "zspage.jsonl")
    return {(one["trace"]["name"], one["backend"]): one for one in found}


def _lock_bytes(memory, run):
    """Bytes of the zspage lock per object of a run's trace, as text."""
    found = memory.get((run.trace, run.raw["backend"]))
    if not found:
        return "-"
    form = re.search(r"zspage=(\w+)", found["backend"]).group(1)
    costs = {lock["zspage"]: lock["bytes_per_object"] for lock in found["locks"]}
    return f"{costs[form]['stores']['mean']:.2f}"


def _worst_lock(runs):
    """The lock class that all runs together waited for longest."""
    waits = {}
    for run in runs:
        for lock in run.raw["locks"]:
            name = lock["name"]
            waits[name] = waits.get(name, 0) + lock["waittime_total_ns"]
    worst = max(waits, key=waits.get, default=None)
    return f"`{worst}`" if worst and waits[worst] else "-"


def _middle(runs, value):
    """Median over runs, as a time."""
    return units.fmt_ns(statistics.median(value(run) for run in runs))


def _grouped(runs, key):
    """key(run) -> its runs."""
    groups = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups


def designs(sources):
    """Every locking design: time, waiting, tails and memory."""
    memory = _zspage_memory(sources)
    runs = sources.set("designs").runs
    groups = _grouped(runs, lambda run: (run.trace, run.cpus, asked(run)))
    rows = []
    for key, found in sorted(
        groups.items(), key=lambda g: (g[0][0], g[0][1], era(g[0][2]))
    ):
        rows.append(
            [
                key[0],
                key[1],
                f"`{key[2]}`",
                _middle(found, lambda run: run.sys_ns / run.ops),
                ends(found, lambda run: run.sys_ns / run.ops),
                _middle(
                    found,
                    lambda run: run.raw["time"]["lock_wait_wall_ns"] / run.ops,
                ),
                _worst_lock(found),
                _middle(found, lambda run: run.raw["latency_ns"]["load"]["p999"]),
                _middle(found, lambda run: run.raw["atomic_section_ns"]["p99"]),
                _middle(found, lambda run: run.raw["atomic_section_ns"]["max"]),
                _lock_bytes(memory, found[0]),
            ]
        )
    heads = ["trace", "threads", "design", "sys/op", "least .. most"]
    heads += [
        "lock wait/op",
        "worst lock",
        "load p99.9",
        "atomic p99",
        "atomic max",
        "lock B/object",
    ]
    return grids.markdown(heads, rows, left=3)


def readers(sources):
    """Latency of loads and invalidates with and without compaction."""
    groups = _grouped(
        sources.set("readers").runs,
        lambda run: (run.trace, asked(run), run.raw["options"]["compact_every"] > 0),
    )
    rows = []
    for (trace, design, beside), found in sorted(
        groups.items(), key=lambda g: (g[0][0], era(g[0][1]), g[0][2])
    ):
        moved = statistics.median(run.raw["counts"]["moved_objects"] for run in found)
        row = [trace, f"`{design}`", f"{moved:,.0f}" if beside else "off"]
        for op in ("load", "invalidate"):
            timed = found[0].raw["latency_ns"][op]["samples"]
            for what in ("p50", "p99", "p999", "max"):
                row.append(
                    _middle(
                        found,
                        lambda run, o=op, w=what: run.raw["latency_ns"][o][w],
                    )
                    if timed
                    else "-"
                )
        rows.append(row)
    heads = ["trace", "design", "objects moved"]
    for op in ("load", "invalidate"):
        heads += [f"{op} p50", "p99", "p99.9", "max"]
    return grids.markdown(heads, rows, left=2)


def readers_tails(sources):
    """The tail of a free, run by run: apart only where no runs mix."""
    groups = {}
    for run in sources.set("readers").runs:
        beside = run.raw["options"]["compact_every"] > 0
        pair = groups.setdefault((run.trace, asked(run)), {})
        pair.setdefault(beside, []).append(run)
    rows = []
    for (trace, design), pair in sorted(
        groups.items(), key=lambda g: (g[0][0], era(g[0][1]))
    ):
        tails = {
            beside: [run.raw["latency_ns"]["invalidate"]["p999"] for run in runs]
            for beside, runs in pair.items()
        }
        moved = [run.raw["counts"]["moved_objects"] for run in pair[True]]
        apart = max(tails[False]) < min(tails[True])
        rows.append(
            [trace, f"`{design}`", f"{min(moved):,} .. {max(moved):,}"]
            + [
                ends(
                    pair[beside],
                    lambda run: run.raw["latency_ns"]["invalidate"]["p999"],
                )
                for beside in (False, True)
            ]
            + ["yes" if apart else "no"]
        )
    heads = ["trace", "design", "objects moved", "p99.9 of a free, off"]
    return grids.markdown(heads + ["beside compaction", "grows"], rows, left=2)


def atomic_sections(sources):
    """Time with preemption off, where the codec is part of the replay."""
    runs = sources.set("atomic").runs
    names = sorted({run.trace for run in runs})
    groups = _grouped(runs, lambda run: (asked(run), run.trace))
    rows = []
    for design in sorted({key[0] for key in groups}, key=era):
        row = [f"`{design}`"]
        for name in names:
            for what in ("p50", "p99", "p999", "max"):
                row.append(
                    _middle(
                        groups[(design, name)],
                        lambda run, w=what: run.raw["atomic_section_ns"][w],
                    )
                )
        rows.append(row)
    heads = ["design"]
    for name in names:
        heads += [f"{name} p50", "p99", "p99.9", "max"]
    return grids.markdown(heads, rows)


def zspage_memory(sources):
    """Bytes that each form of the zspage lock takes."""
    chains = {}
    for (trace, spec), found in sorted(_zspage_memory(sources).items()):
        chain = int(re.search(r"chain=(\d+)", spec).group(1))
        chains.setdefault(chain, {}).setdefault(trace, found)
    names = sorted({trace for cases in chains.values() for trace in cases})
    rows = []
    for chain, cases in sorted(chains.items()):
        first = next(iter(cases.values()))
        for at, lock in enumerate(first["locks"]):
            if lock["zspage"] == "none":
                continue
            costs = lock["bytes_per_object"]["classes"]
            row = [chain, f"`{lock['zspage']}`", lock["type"]]
            row += [lock["bytes_per_zspage"], f"{lock['to_rwlock']:+d}"]
            row += [f"{costs['mean']:.2f}", f"{costs['median']:.2f}"]
            for name in names:
                costs = cases[name]["locks"][at]["bytes_per_object"]["stores"]
                row.append(f"{costs['mean']:.2f}")
            rows.append(row)
    heads = ["chain", "form", "type", "bytes", "to rwlock", "mean", "median"]
    return grids.markdown(heads + names, rows, left=3)


TABLES = (designs, readers, readers_tails, atomic_sections, zspage_memory)
