# SPDX-License-Identifier: GPL-2.0-or-later
"""The figure of pools of all sizes: how full each allocator's pages are."""

from analysis import units
from analysis.figures import gnuplot
from analysis.figures.gnuplot import Plot

PAGE = 4096


def lines(records):
    """{backend as it was asked for: {bytes of original pages: frag ratio, %}}."""
    out = {}
    for record in records:
        cli = record["cli"]
        stored = record["trace"]["live_peak"] * PAGE
        line = out.setdefault(cli[cli.index("--backend") + 1], {})
        line[stored] = record["frag_ratio"]
    return {name: dict(sorted(line.items())) for name, line in out.items()}


def frag_by_size(records):
    """Lines: frag ratio against the size of the pool."""
    every = lines(records)
    plot = Plot(
        "pool-size",
        "Which allocator is densest at which size?",
        "frag ratio of a pool that was filled, half emptied at random, filled again "
        "and compacted where that is possible. Higher is better.",
        f"churn:rounds=1, frames without memory; zlab {records[0]['env']['commit']}",
        "How full the pages of each allocator are, from a small pool to one of "
        "a large host.",
    )
    sizes = sorted({size for line in every.values() for size in line})
    low = 100.0
    for i, (name, line) in enumerate(every.items()):
        style = gnuplot.line_style(i)
        colour, dash, point = style
        rows = list(line.items())
        low = min(low, *line.values())
        where = plot.data(name, ("bytes", "frag_ratio"), rows)
        plot.key_line(name, style)
        plot.curve(
            f"{where} using 1:2 with linespoints lw 1.8 dt {dash} pt {point} ps 0.7 "
            f'lc rgb "{colour}"'
        )
    tics = ", ".join(
        f"{gnuplot.quote(units.fmt_bytes(size))} {size}"
        for size in sorted({*sizes[::2], sizes[-1]})
    )
    plot.add(
        "set logscale x 2",
        f"set xtics ({tics})",
        f"set xrange [{sizes[0] * 0.8:g}:{sizes[-1] * 1.25:g}]",
        f"set yrange [{int(low / 5) * 5}:100]",
        "set xlabel 'original pages in the pool'",
        "set ylabel 'frag ratio (%)'",
        "unset mxtics",
    )
    return plot
