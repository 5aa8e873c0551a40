# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a sweep, with a panel for each design.

usage: sweep-figures RECORDS... DIR

Draws, into DIR, sys per operation, the share of each lock and the speed-up for
each workload that RECORDS hold on two numbers of virtual CPUs or more.
"""

import math
import sys

from analysis import outcome, progress
from analysis.figures import captions, gnuplot
from analysis.figures.gnuplot import INK, SOFT
from analysis.records import reading
from analysis.records.sweeps import sweeps

BAND, GREY = "#9ecbec", "#c9ced6"
LOCKS = 5
# Percent of sys that would not be seen.
SLIVER = 0.3


def _panels(sweep, kind, title, subtitle, caption):
    """An empty figure with the axis that all have."""
    count = len(sweep.lines)
    plot = gnuplot.Panels(
        f"{kind}-{sweep.slug}",
        f"{title}: {sweep.first.label}, {sweep.first.codec}",
        f"{subtitle} {sweep.machine}; {sweep.what}.",
        captions.of_run(sweep.first),
        caption,
        size=(860, 420),
        columns=count if count < 4 else 5 if count > 8 else 4,
    )
    plot.left = 64
    return plot


def _ticks(counts):
    """Numbers of CPUs that fit below a small panel."""
    few = counts if len(counts) < 6 else counts[::-2]
    return sorted(few)


def time_per_op(sweep):
    """sys per operation: a band from overlap to sum."""
    plot = _panels(
        sweep,
        "sweep-sys",
        f"sys per operation on {sweep.counts[0]} to {sweep.counts[-1]} virtual CPUs",
        "The band goes from misses that overlap to misses that add up; grey: the "
        "other designs where misses overlap. Lower is better.",
        "What one operation costs when so many CPUs swap, for each design.",
    )
    every, values = {}, []
    for name, line in sweep.lines.items():
        every[name] = []
        for n, run in sorted(line.items()):
            low = run.sys_ns / run.ops / 1e3
            high = (run.sys_ns_sum or run.sys_ns) / run.ops / 1e3
            every[name].append((n, min(low, high), max(low, high)))
            values += [low, high]
    heads = ("virtual CPUs", "overlap us", "sum us")
    for name, rows in every.items():
        where = plot.data(name, heads, rows)
        curves = [
            f'{where} using 1:2:3 with filledcurves lc rgb "{BAND}"',
            _others(plot, every, name, heads),
        ]
        curves += [
            f'{where} using 1:{column} with lines lw {wide} lc rgb "{gnuplot.BLUE}"'
            for column, wide in ((3, 1), (2, 2))
        ]
        plot.panel(name, curves)
    plot.key_fill("overlap to sum", (BAND, "solid 1"))
    plot.key_line("the other designs, overlap", (GREY, "solid", 0), point=False)
    _log_axes(plot, sweep, values, "us per operation")
    return plot


def _others(plot, every, name, heads):
    """The lines of all designs but one, as one curve."""
    rows = []
    for other, line in every.items():
        # An empty line lifts the pen.
        rows += [*line, ()] if other != name else []
    where = plot.data(f"not {name}", heads, rows[:-1])
    return f'{where} using 1:2 with lines lw 1 lc rgb "{GREY}"'


def _log_axes(plot, sweep, values, label):
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values)))
    plot.under, plot.beside = "virtual CPUs", label
    plot.xtics = [(n, n) for n in _ticks(sweep.counts)]
    plot.add(
        "set logscale x 2",
        "set logscale y 10",
        f"set xrange [{sweep.counts[0]}:{sweep.counts[-1] * 1.01}]",
        f"set yrange [{low:g}:{high:g}]",
        "unset mxtics",
    )


def _cpu_per_op(run):
    """What an operation takes of a CPU, waiting included."""
    return (run.raw["time"]["user_ns"] + run.sys_ns) / run.ops


def speed_up(sweep):
    """Work that the CPUs do while all are busy, against the smallest number."""
    base = sweep.counts[0]
    plot = _panels(
        sweep,
        "sweep-speed",
        f"Speed-up from {base} to {sweep.counts[-1]} virtual CPUs",
        "Operations per second while all CPUs are busy, from the CPU time that "
        f"one takes; against its own on {base}, misses overlap. Higher is better.",
        "What more CPUs bring, for each design.",
    )
    ideal = plot.data(
        "perfect", ("virtual CPUs", "speed-up"), [(n, n / base) for n in sweep.counts]
    )
    every, least = {}, 1.0
    for name, line in sweep.lines.items():
        if base not in line:
            continue
        one = _cpu_per_op(line[base])
        rows = [(n, n * one / _cpu_per_op(run) / base) for n, run in line.items()]
        rows.sort()
        least = min(least, *(rate for _, rate in rows))
        every[name] = rows
    heads = ("virtual CPUs", "speed-up")
    for name, rows in every.items():
        where = plot.data(name, heads, rows)
        curves = [
            f'{ideal} using 1:2 with lines dt "-" lw 1 lc rgb "{SOFT}"',
            _others(plot, every, name, heads),
        ]
        curves.append(
            f"{where} using 1:2 with linespoints lw 2 pt 7 ps 0.4 "
            f'lc rgb "{gnuplot.BLUE}"'
        )
        plot.panel(name, curves)
    plot.key_line("this design", (gnuplot.BLUE, "solid", 7))
    plot.key_line("the others", (GREY, "solid", 0), point=False)
    plot.key_line("perfect", (SOFT, '"-"', 0), point=False)
    _log_axes(plot, sweep, [1, sweep.counts[-1] / base], "speed-up")
    floor = max(0.125, 2.0 ** math.floor(math.log2(least)))
    plot.add(
        f"set yrange [{floor:g}:{sweep.counts[-1] / base:g}]",
        "set logscale y 2",
        "set ytics 4",
    )
    return plot if every else None


def shares(sweep):
    """Where sys goes: codec, allocator, each lock."""
    totals = {}
    for line in sweep.lines.values():
        for run in line.values():
            for lock in run.raw.get("locks", []):
                wait = lock["waittime_total_ns"] / max(run.sys_ns, 1)
                totals[lock["name"]] = max(totals.get(lock["name"], 0), wait)
    names = sorted((n for n in totals if totals[n] > 0.001), key=totals.get)[::-1]
    names, rest = names[:LOCKS], names[LOCKS:]
    plot = _panels(
        sweep,
        "sweep-locks",
        f"Where sys goes on {sweep.counts[0]} to {sweep.counts[-1]} virtual CPUs",
        "Work of codec, allocator and front end, and waiting for each lock, where "
        "misses overlap. Fetching a lock's own line counts as work.",
        "The share of sys that each lock takes, for each design.",
    )
    parts = (
        ["codec", "allocator, front end"] + names + (["other locks"] if rest else [])
    )
    styles = [gnuplot.fill_style(i) for i in range(len(parts))]
    for part, style in zip(parts, styles):
        plot.key_fill(part, style)
    for name, line in sweep.lines.items():
        stacks = [[] for _ in parts]
        for n, run in sorted(line.items()):
            at = sweep.counts.index(n)
            for i, (low, high) in enumerate(_stack(run, names)):
                if i < len(parts) and high > low + SLIVER:
                    stacks[i].append((at, 0, at - 0.42, at + 0.42, low, high))
        curves = []
        for part, style, rows in zip(parts, styles, stacks):
            if not rows:
                continue
            where = plot.data(
                f"{name}: {part}", ("n", "y", "from", "to", "low", "high"), rows
            )
            curves.append(
                f'{where} using 1:2:3:4:5:6 with boxxyerror fc rgb "{style[0]}" '
                f'fs {style[1]} border lc rgb "{INK}" lw 0.4'
            )
        plot.panel(name, curves)
    plot.under, plot.beside = "virtual CPUs", "share of sys (%)"
    plot.xtics = [(n, sweep.counts.index(n)) for n in _ticks(sweep.counts)]
    plot.add(
        f"set xrange [-0.6:{len(sweep.counts) - 0.4}]",
        "set yrange [0:100]",
        "set ytics 25",
    )
    return plot


def _stack(run, names):
    """(from, to) in percent: codec, the rest of the work, each lock, others."""
    waits = {
        lock["name"]: lock["waittime_total_ns"] for lock in run.raw.get("locks", [])
    }
    split = run.split
    parts = [split.get("codec", 0)]
    parts.append(split.get("allocator", 0) + split.get("frontend", 0))
    parts += [waits.get(name, 0) for name in names]
    parts.append(sum(wait for name, wait in waits.items() if name not in names))
    whole = sum(parts) or 1
    at = 0.0
    for part in parts:
        yield 100 * at / whole, 100 * (at + part) / whole
        at += part


def figures(runs, labels=None):
    """All figures of all workloads among the runs; labels are of specs."""
    drawn = []
    for sweep in sweeps(runs, labels):
        drawn += [time_per_op(sweep), shares(sweep), speed_up(sweep)]
    return [plot for plot in drawn if plot]


def main():
    """Draw them."""
    if len(sys.argv) < 3:
        raise outcome.Failed("usage: sweep-figures RECORDS... DIR")
    if not gnuplot.available():
        raise outcome.Failed(
            "gnuplot is not installed, so there is nothing to plot with"
        )
    found = reading.load(sys.argv[1:-1])
    for problem in found.problems:
        outcome.warn("sweep", problem)
    drawn = figures(found.runs)
    if not drawn:
        raise outcome.Failed("nothing ran on two numbers of virtual CPUs")
    with progress.Line("drawing", len(drawn)) as line:
        for plot in drawn:
            plot.draw(sys.argv[-1])
            line.step(plot.slug)
    for plot in drawn:
        outcome.say(f"{sys.argv[-1]}/{plot.slug}.svg")
    return 0
