# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of a report, each a function from cases to a Plot or None.

None means that the records hold nothing to draw: one thread has no lock wait,
a trace without compactions has no map of it.
"""

import math
import re

import gnuplot
import text
from gnuplot import INK, RULE, SOFT, Plot, quote, tic

OPS = ("store", "load", "invalidate", "writeback", "compact")
SPLIT = ("codec", "allocator", "lock_wait", "frontend")
SPLIT_NAMES = {
    "codec": "codec",
    "allocator": "allocator",
    "lock_wait": "lock wait",
    "frontend": "frontend",
}
NINES = ((0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"))
MORE_NINES = ((0.9999, "99.99 %"), (0.99999, "99.999 %"))


def source(case):
    """The footer: where the figure's numbers come from."""
    run = case.first
    commit = run.raw["env"].get("commit", "unknown")
    return (
        f"trace {run.trace}, {run.events} events, SHA-256 {run.sha256[:12]}; "
        f"zlab {commit}"
    )


def sources(cases):
    """The footer of a figure over several traces."""
    if len({case.first.trace for case in cases}) == 1:
        return source(cases[0])
    names = ", ".join(
        dict.fromkeys(f"{c.first.trace} {c.first.sha256[:8]}" for c in cases)
    )
    commits = ", ".join(
        dict.fromkeys(str(c.first.raw["env"].get("commit", "unknown")) for c in cases)
    )
    return f"zlab {commits}; traces (SHA-256): {names}"


def measured(case):
    """How often each backend ran, for a subtitle."""
    counts = {len(cell.runs) for cell in case.cells.values()}
    low, high = min(counts), max(counts)
    runs = f"{low}" if low == high else f"{low} to {high}"
    plural = "" if high == 1 else "s"
    if case.first.virtual:
        return f"{runs} seed{plural} each, virtual time, misses overlap"
    return f"{runs} run{plural} each, CPU time"


def _bars(plot, rows, xlabel, value_text):
    """Horizontal stacked bars.

    `rows` is a list of (label, [values]) or of (heading, None); `plot.legend`
    has one entry per value. Returns nothing; the plot's height is set.
    """
    width = max(len(label) for label, values in rows)
    plot.left = int(min(270, 24 + 6.6 * width))
    plot.height = 170 + 27 * len(rows)
    plot.right = 80
    biggest = max(sum(values) for _, values in rows if values is not None) or 1
    tics = []
    drawn = []
    for i, (label, values) in enumerate(rows):
        y = -i
        if values is None:
            plot.add(
                f"set label {quote(label)} at screen {gnuplot.TITLE / plot.width:.5f}, first {y} "
                f'left font "{gnuplot.FONT}:Bold,12" textcolor rgb "{INK}"'
            )
            continue
        tics.append(f"{tic(label)} {y}")
        at = 0
        for series, value in enumerate(values):
            drawn.append((series, at, at + value, y - 0.36, y + 0.36))
            at += value
        plot.add(
            f"set label {quote(value_text(label, values))} at first {at:.10g}, "
            f'first {y} offset 0.7,0 left font "{gnuplot.FONT},11" '
            f'textcolor rgb "{INK}"'
        )
    plot.add(
        f"set yrange [{-len(rows) + 0.4}:0.6]",
        f"set xrange [0:{biggest * 1.02:.10g}]",
        f"set xlabel {quote(xlabel)}",
        "set ytics (" + ", ".join(tics) + ") scale 0",
        "unset grid",
        f'set grid x back lc rgb "{RULE}" lw 1 dt solid',
    )
    for series in range(len(plot.legend)):
        part = [row[1:] for row in drawn if row[0] == series]
        colour, fill = plot.legend[series][2]
        where = plot.data(plot.legend[series][0], ("from", "to", "low", "high"), part)
        plot.curve(
            f"{where} using 1:3:1:2:3:4 with boxxyerror "
            f'fc rgb "{colour}" fs {fill} border lc rgb "{INK}"'
        )


def _dots(plot, cases, value):
    """A row per case, a marker per backend: many cases at a glance."""
    labels = dict.fromkeys(
        cell.label for case in cases for cell in case.cells.values() if cell.allocates
    )
    width = max(len(case.title) for case in cases)
    plot.left = int(min(270, 24 + 6.6 * width))
    plot.height = 160 + 30 * len(cases)
    tics = [f"{tic(case.title)} {-i}" for i, case in enumerate(cases)]
    drawn = []
    for series, label in enumerate(labels):
        colour, _, mark = style = gnuplot.line_style(series)
        plot.key_point(label, style)
        dots = [
            (value(cell), -i)
            for i, case in enumerate(cases)
            for cell in case.cells.values()
            if cell.label == label
        ]
        where = plot.data(label, ("value", "row"), dots)
        drawn.append(
            f'{where} using 1:2 with points pt {mark} ps 1.25 lc rgb "{colour}"'
        )
    everything = [
        value(cell) for case in cases for cell in case.cells.values() if cell.allocates
    ]
    spans = []
    for i, case in enumerate(cases):
        values = [value(c) for c in case.cells.values() if c.allocates]
        spans.append((min(values), -i, max(values) - min(values), 0))
    where = plot.data("span", ("from", "row", "length", "rise"), spans)
    plot.curve(f'{where} using 1:2:3:4 with vectors nohead lw 1 lc rgb "{RULE}"')
    plot.curves += drawn
    plot.subtitle = plot.subtitle.replace("Longer is", "Further right is")
    plot.add(
        f"set yrange [{-len(cases) + 0.5}:0.5]",
        f"set xrange [0:{max(everything) * 1.04:.10g}]",
        "set xlabel 'original bytes / footprint bytes'",
        "set ytics (" + ", ".join(tics) + ") scale 0",
        "unset grid",
        f'set grid x back lc rgb "{RULE}" lw 1 dt solid',
    )
    return plot


def _group_rows(cases, values):
    """Rows of _bars: a heading per case when there are several."""
    rows = []
    for case in cases:
        if len(cases) > 1:
            rows.append((case.title, None))
        for cell in case.cells.values():
            if cell.allocates and cell.first.fullest:
                rows.append((cell.label, values(cell)))
    return rows


def footprint(cases):
    """Stacked bars: live bytes, bytes lost inside pages, metadata."""
    plot = Plot(
        "footprint",
        "Footprint: where each allocator's memory goes",
        "When it is largest. Live bytes, bytes of pool pages that hold no object, "
        "and metadata beside the pages (handles, descriptors). Shorter is better.",
        sources(cases),
        "Memory held for the same objects. The first part is what was asked "
        "for; the rest is the allocator's price.",
    )
    names = ("live object bytes", "unused bytes in pool pages", "metadata")
    for i, name in enumerate(names):
        plot.key_fill(name, gnuplot.fill_style((0, 2, 3)[i]))

    def values(cell):
        point = cell.first.fullest
        live = point["object_bytes"]
        page = cell.first.raw.get("page_size", 4096)
        held = min(point["footprint_bytes"], point["pool_pages"] * page)
        meta = point["footprint_bytes"] - held
        return [v / (1 << 20) for v in (live, max(0, held - live), meta)]

    rows = _group_rows(cases, values)
    if not any(values for _, values in rows):
        return None
    _bars(plot, rows, "MiB", lambda _, v: text.fmt_bytes(sum(v) * (1 << 20)))
    return plot


def density(cases):
    """Bars: original bytes stored per byte of footprint."""
    plot = Plot(
        "density",
        "Density: bytes of original pages per byte of footprint",
        "Mean over the trace; metadata included. Longer is better.",
        sources(cases),
        "How many bytes of swapped-out pages one byte of memory holds.",
    )
    rows = _group_rows(cases, lambda cell: [cell.first.density])
    if not any(values for _, values in rows):
        return None
    if len(cases) > 2:
        return _dots(plot, cases, lambda cell: cell.first.density)
    plot.key_fill("density", gnuplot.fill_style(1))
    _bars(plot, rows, "original bytes / footprint bytes", lambda _, v: f"{v[0]:.2f}")
    plot.legend = []
    return plot


def sys_split(case):
    """Stacked bars: sys time per operation, split by its causes."""
    plot = Plot(
        f"sys-{case.slug}",
        f"sys time per operation: {case.title}",
        f"Median run, {measured(case)}. sys is the CPU time inside the swap path. "
        "Shorter is better.",
        source(case),
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
    _bars(plot, rows, "us per operation", lambda _, v: f"{sum(v):.3g} us")
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
        f"Median run by sys time, {measured(case)}; summed over all threads. "
        "Shorter is better.",
        source(case),
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
    _bars(plot, rows, "wait in ms", lambda _, v: text.fmt_ns(sum(v) * 1e6))
    return plot


def frag(case):
    """Lines: frag ratio over the trace, compactions marked."""
    plot = Plot(
        f"frag-{case.slug}",
        f"frag ratio over the trace: {case.title}",
        "100 x bytes of live objects / (pool pages x page size). Higher is better.",
        source(case),
        "How well the pool's pages are filled while the trace runs.",
    )
    scale, unit = 1, "events"
    if case.first.events >= 2_000_000:
        scale, unit = 1_000_000, "million events"
    elif case.first.events >= 20_000:
        scale, unit = 1_000, "thousand events"
    low = 100.0
    marks = []
    drawn = 0
    for i, cell in enumerate(case.cells.values()):
        run = cell.middle
        points = [(x / scale, y) for x, y in run.frag_series]
        if len(points) < 2:
            continue
        drawn += 1
        style = gnuplot.line_style(i)
        colour, dash, point = style
        plot.key_line(cell.label, style)
        where = plot.data(cell.label, (unit, "frag_ratio"), points)
        every = max(1, len(points) // 12)
        plot.curve(
            f"{where} using 1:2 with linespoints lw 1.8 dt {dash} pt {point} ps 0.6 "
            f'pointinterval {every} lc rgb "{colour}"'
        )
        # The filling of an empty pool is not what the eye should scale to.
        settled = [y for x, y in points[len(points) // 20 :] if y > 0]
        low = min([low] + settled)
        marks += [(x / scale, y) for x, y in run.compaction_marks]
    if not drawn:
        return None
    if marks:
        where = plot.data("compactions", (unit, "frag_ratio"), marks[:400])
        plot.curve(f'{where} using 1:2 with points pt 8 ps 1.1 lw 1.5 lc rgb "{INK}"')
        plot.key_point("compaction freed pages", (INK, "solid", 8))
    plot.add(
        f"set yrange [{max(0, math.floor(low / 10) * 10 - 5)}:100]",
        f"set xlabel {quote(f'position in the trace ({unit})')}",
        "set ylabel 'frag ratio (%)'",
        f"set xrange [0:{case.first.events / scale:.10g}]",
    )
    return plot


def latency(case, op):
    """Lines: the distribution of one operation's latency, on nines."""
    plot = Plot(
        f"latency-{op}-{case.slug}",
        f"Latency of {op}: {case.title}",
        "Share of operations that took at most so long; every step up is ten "
        "times rarer. Large markers: p99 and p99.9. Further left is better.",
        source(case),
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
    """Points: density against sys time, with the frontier."""
    cells = [c for c in case.cells.values() if c.allocates]
    if len(cells) < 2:
        return None
    plot = Plot(
        f"tradeoff-{case.slug}",
        f"Density against sys time: {case.title}",
        f"Density over time; {measured(case)}, fastest to slowest. Up and left is better; "
        "the line joins those that nothing beats in both.",
        source(case),
        "No allocator on the line is worse than another in both respects.",
    )
    points = []
    for cell in cells:
        times = sorted(run.sys_ns / run.ops / 1e3 for run in cell.runs)
        mid = cell.median(lambda run: run.sys_ns / run.ops / 1e3)
        points.append((mid, cell.first.density, times[0], times[-1]))
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


def _map_cells(frames, page, first, count, cells):
    """Mean fill of each cell of `count` frames; None where no object begins."""
    sums = [0] * cells
    seen = [False] * cells
    for pfn, _, live in frames:
        at = (pfn - first) // count
        if at < cells:
            sums[at] += min(live, page)
            seen[at] = True
    return [sums[i] / (count * page) if seen[i] else None for i in range(len(sums))]


def occupancy(maps, label, footer):
    """Pictures of the pool: a cell per frame, dark where it is full.

    `maps` are the lines of an --occupancy file, in order: before and after.
    """
    maps = [m for m in maps if m["frames"]][:2]
    if not maps:
        return None
    page = maps[0]["page_size"]
    first = min(m["frames"][0][0] for m in maps)
    span = max(m["frames"][-1][0] for m in maps) - first + 1
    count = max(1, math.ceil(span / 9600))
    cells = math.ceil(span / count)
    wide = min(96, cells)
    high = math.ceil(cells / wide)
    unit = "one frame" if count == 1 else f"{count} neighbouring frames"
    plot = Plot(
        safe(f"occupancy-{label}"),
        f"Map of the pool, before and after compaction: {label}",
        f"Every cell is {unit}, in the order of their numbers; the darker, the "
        "more bytes of live objects begin there. White: none.",
        footer,
        "What compaction does: it empties the sparse frames into the others "
        "and gives them back.",
    )
    gap = max(2, wide // 16)
    grid, titles = [], []
    for panel, one in enumerate(maps):
        values = _map_cells(one["frames"], page, first, count, cells)
        left = panel * (wide + gap)
        live = sum(frame[2] for frame in one["frames"])
        full = 100 * live / (one["pool_pages"] * page)
        title = f"{one['when']}: {one['pool_pages']} frames, frag ratio {full:.1f} %"
        titles.append((left, title))
        for y in range(high):
            for x in range(wide + gap):
                at = y * wide + x
                value = values[at] if x < wide and at < cells else None
                grid.append((left + x, y, -1.0 if value is None else min(1.0, value)))
    grid.sort(key=lambda cell: (cell[1], cell[0]))
    plot.left, plot.right = 14, 112
    plot.foot = 34
    plot.height = int(120 + max(170, min(420, 560 * high / (2 * wide + gap))))
    where = plot.data("map", ("column", "row", "fill"), grid)
    for left, title in titles:
        plot.add(
            f"set label {quote(title)} at first {left - 0.5}, graph 1 offset 0,0.7 left "
            f'font "{gnuplot.FONT}:Bold,12" textcolor rgb "{INK}"'
        )
    plot.legend_room = 18
    plot.add(
        "unset border",
        "unset tics",
        "unset grid",
        f"set xrange [-0.5:{len(maps) * (wide + gap) - gap - 0.5}]",
        f"set yrange [{high - 0.5}:-0.5]",
        "set cbrange [-0.12:1]",
        'set palette defined (-0.12 "#ffffff", -0.001 "#ffffff", 0 "#dbe9f6", '
        '0.5 "#4292c6", 1 "#08306b")',
        f"set cbtics ({tic('no object')} -0.09, {tic('0 %')} 0.02, {tic('50 %')} 0.5, "
        f"{tic('100 %')} 1) scale 0",
        "set colorbox",
    )
    plot.curve(f"{where} using 1:2:3 with image")
    return plot


def _classes(table):
    """Physical size classes in ascending order of size."""
    own = {row["size"]: row for row in table if row["slot"] == row["index"]}
    return [own[size] for size in sorted(own)]


def size_classes(info, classes, footer):
    """Sizes of the objects above, what their size classes waste below.

    `info` is one entry of the sizes of zlab info --json, `classes` the output
    of zlab classes --json.
    """
    total = sum(info["histogram_16"])
    table = _classes(classes["table"])
    if not total or not table:
        return None
    per_class = [[0, 0.0] for _ in table]
    for step, count in enumerate(info["histogram_16"]):
        size = min(16 * step + 8, 4096)
        # An object carries its handle, except one that fills a page.
        need = min(size + 8, 4096)
        at = next(i for i, row in enumerate(table) if row["size"] >= need)
        per_class[at][0] += count
        per_class[at][1] += count * size
    held = sum(
        count * row["pages"] * 4096 / row["objects"]
        for (count, _), row in zip(per_class, table)
    )
    waste, edge = [], 0
    for (count, used), row in zip(per_class, table):
        lost = count * row["pages"] * 4096 / row["objects"] - used
        waste.append((edge, row["size"], 100 * lost / held))
        edge = row["size"]
    lost = sum(part[2] for part in waste)
    name = classes["backend"].partition(":")[0]
    plot = Plot(
        safe(f"sizes-{info['trace']}-{info['codec']}"),
        f"Object sizes and size classes: {info['trace']}, {info['codec']}",
        f"Up: share of the stored objects, in steps of 16 bytes. Down: share of a "
        f"full pool's bytes that each of the {len(table)} classes of {name} loses "
        f"to rounding, handles and tails; {lost:.1f} % in all.",
        footer,
        "Where the sizes of this trace fall between the boundaries of the size "
        "classes, and what that costs even when every page is full.",
    )
    up = [
        (16 * i, 16 * (i + 1), 100 * count / total)
        for i, count in enumerate(info["histogram_16"])
    ]
    plot.key_fill("objects stored", gnuplot.fill_style(1))
    plot.key_fill("lost per class", gnuplot.fill_style(2))
    rows = [((a + b) / 2, 0, a, b, 0, v) for a, b, v in up if v]
    where = plot.data("objects", ("x", "y", "from", "to", "low", "percent"), rows)
    plot.curve(
        f'{where} using 1:2:3:4:5:6 with boxxyerror fc rgb "{gnuplot.BLUE}" '
        f"fs solid 1 noborder"
    )
    rows = [((a + b) / 2, 0, a, b, -v, 0) for a, b, v in waste]
    where = plot.data("classes", ("x", "y", "from", "to", "percent", "high"), rows)
    plot.curve(
        f'{where} using 1:2:3:4:5:6 with boxxyerror fc rgb "{gnuplot.VERMILION}" '
        f'fs pattern 5 border lc rgb "{SOFT}" lw 0.5'
    )
    top = max(v for *_, v in up)
    low = max(v for *_, v in waste)
    plot.add(
        "set xrange [0:4096]",
        f"set yrange [{-1.15 * max(low, top / 8):.6g}:{1.08 * top:.6g}]",
        "set xtics 512",
        "set xlabel 'object size (bytes)'",
        "set ylabel 'share (%)'",
        "set xzeroaxis lt -1",
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
        sources(cases),
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
            plot.add(
                f"set label {quote(label)} at screen {gnuplot.TITLE / plot.width:.5f}, first {-i} "
                f'left font "{gnuplot.FONT}:Bold,12" textcolor rgb "{INK}"'
            )
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
        safe(f"scaling-{first.trace}-{first.codec}-{'v' if first.virtual else 't'}"),
        f"Scaling with {unit}: {first.trace}, {first.codec}",
        "Median over runs of operations per second of wall time, against one's "
        f"own at {first.cpus}. The thin line is perfect scaling.",
        source(cases[0]),
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


def thinnest(cases):
    """One case per family: pool pages do not depend on the threads' number."""
    return [min(f, key=lambda case: case.first.cpus) for f in families(cases)]


def families(cases):
    """Cases that differ in threads or virtual CPUs only, grouped."""
    groups = {}
    for case in cases:
        run = case.first
        key = (run.trace, run.sha256, run.codec, run.workload, run.raw.get("pools", 1))
        groups.setdefault(key, []).append(case)
    return list(groups.values())


def safe(name):
    """A name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
