# SPDX-License-Identifier: GPL-2.0-or-later
"""The figure of pools of all sizes: how full each allocator's pages are."""

from analysis import units
from analysis.figures import gnuplot
from analysis.figures.gnuplot import Plot

PAGE = 4096


def asked(run):
    """The backend as it was asked for."""
    cli = run.raw["cli"]
    return cli[cli.index("--backend") + 1]


def stored(run):
    """Bytes of original pages in the pool when it is fullest."""
    return run.raw["trace"]["live_peak"] * PAGE


def lines(runs):
    """{backend: {bytes of original pages: run}}, both in order."""
    out = {}
    for run in runs:
        out.setdefault(asked(run), {})[stored(run)] = run
    return {name: dict(sorted(line.items())) for name, line in out.items()}


def frag_by_size(runs):
    """Lines: frag ratio against the size of the pool."""
    every = lines(runs)
    if not every:
        return None
    first = runs[0]
    plot = Plot(
        "pool-size",
        "Which allocator is densest at which size?",
        "frag ratio of a pool that was filled, half emptied at random, filled again "
        "and compacted where that is possible. Higher is better.",
        f"{first.label}, frames without memory; zlab {first.raw['env']['commit']}",
        "How full the pages of each allocator are, from a small pool to one of "
        "a large host.",
    )
    sizes = sorted({size for line in every.values() for size in line})
    low = 100.0
    for i, (name, line) in enumerate(every.items()):
        style = gnuplot.line_style(i)
        colour, dash, point = style
        rows = [(size, run.frag) for size, run in line.items()]
        low = min(low, *(frag for _, frag in rows))
        where = plot.data(name, ("bytes", "frag_ratio"), rows)
        plot.key_line(name, style)
        plot.curve(
            f"{where} using 1:2 with linespoints lw 1.8 dt {dash} pt {point} ps 0.7 "
            f'lc rgb "{colour}"'
        )
    tics = ", ".join(
        f"{gnuplot.quote(units.fmt_bytes(size))} {size}" for size in sizes[::2]
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
