#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draw the committed figures from the committed results.

usage: figures.py RESULTS [OCCUPANCY]

Writes RESULTS/figures/NAME.svg for every set of results that is there.
OCCUPANCY is a file of zlab replay --occupancy, too large to commit.
"""

import json
import pathlib
import re
import sys
import tempfile

import plots
import records
import report
import sweeps
import text


def first_case(found, trace):
    """The first case of a trace, or the first of all."""
    named = [case for case in found.cases if case.first.trace == trace]
    return (named or found.cases)[0]


def of_set(name, found):
    """name -> plot, for one file of records."""
    if name == "space":
        cases = plots.thinnest(found.cases)
        lz4 = [case for case in cases if "lz4" in case.first.codec] or cases
        return {
            "density": plots.density(lz4),
            "footprint": plots.footprint(lz4),
            "frag": plots.frag(first_case(found, "redis")),
        }
    rows = report.compare(found)
    compared = [(row.case, row.cell, row.ratio) for row in rows]
    reference = found.labels[found.reference]
    out = {f"{name}-ratio": plots.ratios(found.cases, reference, compared)}
    if name == "time":
        out["sys"] = plots.sys_split(found.cases[0])
        out["tradeoff"] = plots.tradeoff(found.cases[0])
    if name == "locks":
        waits = [case for case in found.cases if case.first.cpus > 1]
        out["lock-wait"] = plots.lock_wait((waits or found.cases)[0])
    return out


def keep_svg(plot, name, folder):
    """Draw in a scratch folder, keep the SVG."""
    with tempfile.TemporaryDirectory() as scratch:
        svg = plot.draw(scratch)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(folder / f"{name}.svg")


def main():
    """Draw them all."""
    if not 2 <= len(sys.argv) <= 3:
        text.die("usage: figures.py RESULTS [OCCUPANCY]", 2)
    root = pathlib.Path(sys.argv[1])
    folder = root / "figures"
    folder.mkdir(exist_ok=True)
    for name in ("space", "time", "locks"):
        path = root / f"{name}.jsonl"
        if not path.exists():
            continue
        found = records.load([path])
        for figure, plot in of_set(name, found).items():
            if plot:
                keep_svg(plot, figure, folder)
    for path in sorted((root / "virtual").glob("sweep-*.jsonl")):
        for plot in sweeps.figures(records.load([path]).runs):
            # The names of pictures in the paper say no number.
            keep_svg(plot, re.sub(r"-think.*", "-think", plot.slug), folder)
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as lines:
            maps = [json.loads(line) for line in lines]
        label = records.spec_parts(maps[0]["backend"])[0]
        run = records.load([root / "space.jsonl"]).runs[0]
        footer = f"zlab {run.raw['env']['commit']}"
        keep_svg(plots.occupancy(maps, label, footer), "occupancy", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
