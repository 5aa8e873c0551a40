# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws the committed figures from the committed results.

usage: figures RESULTS [OCCUPANCY]

Writes RESULTS/figures/NAME.svg for every set of results that is there.
OCCUPANCY is a file of zlab replay --occupancy, too large to commit.
"""

import pathlib
import re
import sys
import tempfile

from analysis import files, outcome, progress
from analysis.figures import memory, pools, size, sweep, times
from analysis.records import reading
from analysis.records.cases import spec_parts, thinnest
from analysis.report import comparison


def first_case(found, trace):
    """The first case of a trace, or the first of all."""
    named = [case for case in found.cases if case.first.trace == trace]
    return (named or found.cases)[0]


def of_set(name, found):
    """name -> plot, for one file of records."""
    if name == "space":
        cases = thinnest(found.cases)
        lz4 = [case for case in cases if "lz4" in case.first.codec] or cases
        return {
            "density": memory.density(lz4),
            "footprint": memory.footprint(lz4),
            "frag": memory.frag(first_case(found, "redis")),
        }
    rows = comparison.compare(found)
    compared = [(row.case, row.cell, row.ratio) for row in rows]
    reference = found.labels[found.reference]
    out = {f"{name}-ratio": times.ratios(found.cases, reference, compared)}
    if name == "time":
        out["sys"] = times.sys_split(found.cases[0])
        out["tradeoff"] = times.tradeoff(found.cases[0])
    if name == "locks":
        waits = [case for case in found.cases if case.first.cpus > 1]
        out["lock-wait"] = times.lock_wait((waits or found.cases)[0])
    return out


def keep_svg(plot, name, folder):
    """Draw in a scratch folder, keep the SVG."""
    with tempfile.TemporaryDirectory() as scratch:
        svg = plot.draw(scratch)
    files.write(folder / f"{name}.svg", svg)
    with progress.hidden():
        print(folder / f"{name}.svg")


def main():
    """Draw them all."""
    with progress.Line("drawing the figures of the paper"):
        return draw_all()


def draw_all():
    """Those of all results that are there."""
    if not 2 <= len(sys.argv) <= 3:
        raise outcome.Failed("usage: figures RESULTS [OCCUPANCY]")
    root = pathlib.Path(sys.argv[1])
    folder = root / "figures"
    folder.mkdir(exist_ok=True)
    for name in ("space", "time", "locks"):
        path = root / f"{name}.jsonl"
        if not path.exists():
            continue
        found = reading.load([path])
        for figure, plot in of_set(name, found).items():
            if plot:
                keep_svg(plot, figure, folder)
    path = root / "size.jsonl"
    if path.exists():
        keep_svg(size.frag_by_size(reading.lines(path)), "pool-size", folder)
    for path in sorted((root / "virtual").glob("sweep-*.jsonl")):
        for plot in sweep.figures(reading.load([path]).runs):
            # The names of pictures in the paper say no number.
            keep_svg(plot, re.sub(r"-think.*", "-think", plot.slug), folder)
    if len(sys.argv) == 3:
        maps = reading.lines(sys.argv[2])
        label = spec_parts(maps[0]["backend"])[0]
        run = reading.load([root / "space.jsonl"]).runs[0]
        footer = f"zlab {run.raw['env']['commit']}"
        keep_svg(pools.occupancy(maps, label, footer), "occupancy", folder)
    return 0
