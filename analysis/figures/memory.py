# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of memory: density, footprint and the fill of pages.

Each is a function from cases to a Plot, or to None where the records hold
nothing to draw.
"""

import math

from analysis import units
from analysis.figures import bars, captions, gnuplot
from analysis.figures.gnuplot import INK, Plot, quote


def footprint(cases):
    """Stacked bars: live bytes, bytes lost inside pages, metadata."""
    plot = Plot(
        "footprint",
        "Footprint: where each allocator's memory goes",
        "When it is largest. Live bytes, bytes of pool pages that hold no object, "
        "and metadata beside the pages (handles, descriptors). Shorter is better.",
        captions.sources(cases),
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

    rows = bars.rows(cases, values)
    if not any(values for _, values in rows):
        return None
    bars.stacked(plot, rows, "MiB", lambda _, v: units.fmt_bytes(sum(v) * (1 << 20)))
    return plot


def _density(cell):
    return cell.median(lambda run: run.density)


def density(cases):
    """Bars: original bytes stored per byte of footprint."""
    plot = Plot(
        "density",
        "Density: bytes of original pages per byte of footprint",
        "Mean over the trace; metadata included. Longer is better.",
        captions.sources(cases),
        "How many bytes of swapped-out pages one byte of memory holds.",
    )
    rows = bars.rows(cases, lambda cell: [_density(cell)])
    if not any(values for _, values in rows):
        return None
    if len(cases) > 2:
        return bars.dots(plot, cases, _density)
    plot.key_fill("density", gnuplot.fill_style(1))
    bars.stacked(
        plot, rows, "original bytes / footprint bytes", lambda _, v: f"{v[0]:.2f}"
    )
    plot.legend = []
    return plot


def frag(case):
    """Lines: frag ratio over the trace, compactions marked."""
    plot = Plot(
        f"frag-{case.slug}",
        f"frag ratio over the trace: {case.title}",
        "100 x bytes of live objects / (pool pages x page size). Higher is better.",
        captions.source(case),
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
