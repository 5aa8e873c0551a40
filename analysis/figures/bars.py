# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of horizontal bars or markers, the form of most figures.

A row is a backend; where there are several cases a heading begins each.
"""

from analysis.figures import gnuplot
from analysis.figures.gnuplot import INK, RULE, quote, tic


def heading(plot, label, y):
    """A case's title where the rows of its backends begin."""
    plot.add(
        f"set label {quote(label)} at screen {gnuplot.TITLE / plot.width:.5f}, first {y} "
        f'left font "{gnuplot.FONT}:Bold,12" textcolor rgb "{INK}"'
    )


def stacked(plot, rows, xlabel, value_text):
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
            heading(plot, label, y)
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


def dots(plot, cases, value):
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


def rows(cases, values):
    """Rows of stacked(): a heading per case when there are several."""
    out = []
    for case in cases:
        if len(cases) > 1:
            out.append((case.title, None))
        for cell in case.cells.values():
            if cell.allocates and cell.first.fullest:
                out.append((cell.label, values(cell)))
    return out
