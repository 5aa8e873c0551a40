# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of one pool: a map of its frames, sizes against size classes.

They are drawn from what zlab replay --occupancy, zlab info and zlab classes
say, not from result records.
"""

import math

from analysis import naming
from analysis.figures import gnuplot
from analysis.figures.gnuplot import INK, SOFT, Plot, quote, tic


def _map_cells(frames, page, first, count, cells):
    """Mean fill of each cell of `count` frames; None where no object begins."""
    sums = [0] * cells
    seen = [False] * cells
    for pfn, _, live in frames:
        at = (pfn - first) // count
        if 0 <= at < cells:
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
        "occupancy-" + naming.slug(label),
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
        fits = (i for i, row in enumerate(table) if row["size"] >= need)
        at = next(fits, len(table) - 1)
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
        "sizes-" + naming.slug(f"{info['trace']}-{info['codec']}"),
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
