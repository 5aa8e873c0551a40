# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of time: what it is spent on, its tails, its ratios, its scaling.

Each is a function from cases to a Plot, or to None where the records hold
nothing to draw: one thread has no lock wait.
"""

import math

from analysis import units
from analysis.figures import bars, captions, gnuplot
from analysis.figures.gnuplot import INK, RULE, SOFT, Plot, quote, tic
from analysis.records.record import SPLIT

OPS = ("store", "load", "invalidate", "writeback", "compact")
SPLIT_NAMES = {
    "codec": "codec",
    "allocator": "allocator",
    "lock_wait": "lock wait",
    "frontend": "frontend",
}
NINES = ((0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"))
MORE_NINES = ((0.9999, "99.99 %"), (0.99999, "99.999 %"))


def sys_split(case):
    """Stacked bars: sys time per operation, split by its causes."""
    plot = Plot(
        f"sys-{case.slug}",
        f"sys time per operation: {case.title}",
        f"Median run, {captions.measured(case)}. sys is the CPU time inside the swap path. "
        "Shorter is better.",
        captions.source(case),
        "Where the CPU time of the swap path goes.",
    )
    for i, name in enumerate(SPLIT):
        plot.key_fill(SPLIT_NAMES[name], gnuplot.fill_style(i))
    rows = []
    for cell in case.cells.values():
        run = cell.middle
        rows.append((cell.label, [run.split.get(n, 0) / run.ops / 1e3 for n in SPLIT]))
    if not any(sum(values) for _, values in rows):
        return None
    bars.stacked(plot, rows, "us per operation", lambda _, v: f"{sum(v):.3g} us")
    return plot


def lock_wait(case):
    """Stacked bars: time spent waiting, per lock class."""
    totals = {}
    for cell in case.cells.values():
        for lock in cell.middle.raw.get("locks", []):
            name = lock["name"]
            totals[name] = totals.get(name, 0) + lock["waittime_total_ns"]
    names = sorted((n for n in totals if totals[n]), key=totals.get, reverse=True)
    if not names:
        return None
    shown = names[: len(gnuplot.FILLS) - 1]
    rest = names[len(shown) :]
    plot = Plot(
        f"locks-{case.slug}",
        f"Lock wait per lock class: {case.title}",
        f"Median run by sys time, {captions.measured(case)}; summed over all threads. "
        "Shorter is better.",
        captions.source(case),
        "Which lock is waited for, and how long in total.",
    )
    for i, name in enumerate(shown):
        plot.key_fill(name, gnuplot.fill_style(i))
    if rest:
        plot.key_fill("others", gnuplot.fill_style(len(shown)))
    rows = []
    for cell in case.cells.values():
        waits = {
            lock["name"]: lock["waittime_total_ns"]
            for lock in cell.middle.raw.get("locks", [])
        }
        values = [waits.get(n, 0) / 1e6 for n in shown]
        if rest:
            values.append(sum(waits.get(n, 0) for n in rest) / 1e6)
        rows.append((cell.label, values))
    bars.stacked(plot, rows, "wait in ms", lambda _, v: units.fmt_ns(sum(v) * 1e6))
    return plot


def latency(case, op):
    """Lines: the distribution of one operation's latency, on nines."""
    plot = Plot(
        f"latency-{op}-{case.slug}",
        f"Latency of {op}: {case.title}",
        "Share of operations that took at most so long; every step up is ten "
        "times rarer. Large markers: p99 and p99.9. Further left is better.",
        captions.source(case),
        f"The tail of {op}, all runs of a backend together.",
    )
    deepest = 0.999
    drawn = 0
    for i, cell in enumerate(case.cells.values()):
        hist = {}
        for run in cell.runs:
            for upper, count in run.latency_hist(op):
                hist[upper] = hist.get(upper, 0) + count
        total = sum(hist.values())
        if not total:
            continue
        points, seen, marks = [], 0, []
        for upper in sorted(hist):
            before, seen = seen, seen + hist[upper]
            if seen < total:
                points.append((upper / 1e3, nines(seen / total)))
                deepest = max(deepest, seen / total)
            for share in (0.99, 0.999):
                if before / total < share <= seen / total:
                    marks.append((upper / 1e3, nines(share)))
        if not points:
            continue
        drawn += 1
        style = gnuplot.line_style(i)
        colour, dash, point = style
        plot.key_line(cell.label, style)
        where = plot.data(cell.label, ("us", "nines"), points)
        plot.curve(f'{where} using 1:2 with lines lw 1.8 dt {dash} lc rgb "{colour}"')
        where = plot.data(f"{cell.label}, p99 and p99.9", ("us", "nines"), marks)
        plot.curve(f'{where} using 1:2 with points pt {point} ps 1.2 lc rgb "{colour}"')
    if not drawn:
        return None
    shares = NINES + tuple(s for s in MORE_NINES if s[0] <= deepest)
    tics = ", ".join(f"{tic(name)} {nines(share):.6g}" for share, name in shares)
    plot.left = 86
    plot.add(
        "set logscale x",
        f"set ytics ({tics})",
        f"set yrange [0:{nines(min(deepest, 0.999999)) + 0.1:.6g}]",
        "set xlabel 'latency (us)'",
        "set ylabel 'share of operations'",
    )
    return plot


def nines(share):
    """0.9 -> 1, 0.99 -> 2: the axis on which a tail is visible."""
    return -math.log10(1 - share) if share < 1 else 9.0


def tradeoff(case):
    """Points: density against sys time, with the frontier.

    None where there is nothing to weigh: one allocator, or a trace so short
    that no time was seen.
    """
    cells = [c for c in case.cells.values() if c.allocates]
    if len(cells) < 2 or not any(run.sys_ns for c in cells for run in c.runs):
        return None
    plot = Plot(
        f"tradeoff-{case.slug}",
        f"Density against sys time: {case.title}",
        f"Density over time; {captions.measured(case)}, fastest to slowest. Up and left is better; "
        "the line joins those that nothing beats in both.",
        captions.source(case),
        "No allocator on the line is worse than another in both respects.",
    )
    points = []
    for cell in cells:
        times = sorted(run.sys_ns / run.ops / 1e3 for run in cell.runs)
        mid = cell.median(lambda run: run.sys_ns / run.ops / 1e3)
        points.append((mid, cell.median(lambda run: run.density), times[0], times[-1]))
    best, frontier = -1, []
    for x, y, *_ in sorted(points, key=lambda p: (p[0], -p[1])):
        if y > best:
            frontier.append((x, y))
            best = y
    where = plot.data("frontier", ("us", "density"), frontier)
    plot.curve(f'{where} using 1:2 with lines lw 1.2 dt "-" lc rgb "{SOFT}"')
    plot.key_line("frontier", (SOFT, '"-"', 0), point=False)
    for i, (cell, point) in enumerate(zip(cells, points)):
        style = gnuplot.line_style(i)
        colour, _, mark = style
        plot.key_point(cell.label, style)
        where = plot.data(cell.label, ("us", "density", "us_min", "us_max"), [point])
        plot.curve(f'{where} using 1:2:3:4 with xerrorbars pt 0 lw 1.2 lc rgb "{SOFT}"')
        plot.curve(f'{where} using 1:2 with points pt {mark} ps 1.6 lc rgb "{colour}"')
    low, high = min(p[1] for p in points), max(p[1] for p in points)
    pad = max((high - low) * 0.15, high * 0.02)
    plot.add(
        f"set yrange [{max(0, low - pad):.6g}:{high + pad:.6g}]",
        f"set xrange [{0.96 * min(p[2] for p in points):.6g}:"
        f"{1.04 * max(p[3] for p in points):.6g}]",
        "set xlabel 'sys time per operation (us)'",
        "set ylabel 'density'",
    )
    return plot


def ratios(cases, reference, rows):
    """Dots with intervals: sys time as a ratio to the reference backend.

    `rows` is a list of (case, cell, ratio) with the dict of paired_ratio().
    """
    rows = [row for row in rows if row[2]]
    if not rows:
        return None
    said = (
        "Median of the ratios of runs that stood side by side, with its 95 % "
        "bootstrap interval. Left of 1 is less sys time."
    )
    if all(case.first.virtual for case in cases):
        said = (
            "Virtual time. The mark is where misses overlap, the bar reaches to "
            "where they add up. Left of 1 is less sys time."
        )
    plot = Plot(
        "sys-ratio",
        f"sys time against {reference}",
        said,
        captions.sources(cases),
        f"An interval that contains 1 cannot tell the backend from {reference}.",
    )
    lines, case = [], None
    for row in rows:
        if row[0] is not case and len(cases) > 1:
            lines.append((row[0].title, None))
        case = row[0]
        lines.append((row[1].label, row[2]))
    width = max(len(label) for label, _ in lines)
    plot.left = int(min(270, 24 + 6.6 * width))
    plot.height = 160 + 25 * len(lines)
    plot.right = 36
    tics, dots, low, high = [], [], 1.0, 1.0
    for i, (label, ratio) in enumerate(lines):
        if ratio is None:
            bars.heading(plot, label, -i)
            continue
        tics.append(f"{tic(label)} {-i}")
        ends = [ratio["low"] or ratio["ratio"], ratio["high"] or ratio["ratio"]]
        dots.append((ratio["ratio"], -i, ends[0], ends[1]))
        low, high = min(low, ends[0]), max(high, ends[1])
    where = plot.data("ratio", ("ratio", "row", "low", "high"), dots)
    pad = max(0.02, (high - low) * 0.08)
    plot.add(
        f"set yrange [{-len(lines) + 0.4}:0.6]",
        f"set xrange [{max(0, low - pad):.6g}:{high + pad:.6g}]",
        "set ytics (" + ", ".join(tics) + ") scale 0",
        "unset grid",
        f'set grid x back lc rgb "{RULE}" lw 1 dt solid',
        f"set xlabel {quote(f'sys time / sys time of {reference}')}",
        f"set arrow from first 1, graph 0 to first 1, graph 1 nohead lw 1.4 "
        f'lc rgb "{INK}"',
    )
    plot.curve(
        f'{where} using 1:2:3:4 with xerrorbars pt 7 ps 0.9 lw 1.8 lc rgb "'
        f'{gnuplot.BLUE}"'
    )
    return plot


def scaling(cases):
    """Lines: operations per second over threads or virtual CPUs."""
    if len({case.first.cpus for case in cases}) < 2:
        return None
    cases = sorted(cases, key=lambda case: case.first.cpus)
    first = cases[0].first
    unit = "virtual CPUs" if first.virtual else "threads"
    plot = Plot(
        f"scaling-{cases[0].slug}",
        f"Scaling with {unit}: {first.label}, {first.codec}",
        "Median over runs of operations per second of wall time, against one's "
        f"own at {first.cpus}. The thin line is perfect scaling.",
        captions.source(cases[0]),
        f"What one more of the {unit} brings, per allocator and locking design.",
    )
    counts = [case.first.cpus for case in cases]
    base = counts[0]
    ideal = plot.data("perfect", (unit, "speedup"), [(n, n / base) for n in counts])
    plot.curve(f'{ideal} using 1:2 with lines lw 1 dt solid lc rgb "{SOFT}"')
    specs = list(dict.fromkeys(s for case in cases for s in case.cells))
    for i, spec in enumerate(specs):
        rates = [
            (case.first.cpus, case.cells[spec].median(lambda r: r.rate))
            for case in cases
            if spec in case.cells
        ]
        if len(rates) < 2 or not rates[0][1]:
            continue
        label = next(c.cells[spec].label for c in cases if spec in c.cells)
        style = gnuplot.line_style(i)
        colour, dash, point = style
        plot.key_line(label, style)
        rows = [(n, rate / rates[0][1]) for n, rate in rates]
        where = plot.data(label, (unit, "speedup"), rows)
        plot.curve(
            f"{where} using 1:2 with linespoints lw 1.8 dt {dash} pt {point} ps 1 "
            f'lc rgb "{colour}"'
        )
    if len(plot.curves) < 2:
        return None
    plot.add(
        f"set xlabel {quote(unit)}",
        "set ylabel 'speed-up'",
        "set yrange [0:*]",
        "set xtics (" + ", ".join(str(n) for n in counts) + ")",
    )
    if counts[-1] / base > 8:
        plot.add("set logscale xy 2", "set yrange [*:*]")
    return plot
