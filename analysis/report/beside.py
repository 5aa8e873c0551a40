# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures from the files beside the records, which run/extras.py asked for."""

import pathlib

from analysis import naming, outcome, shape
from analysis.figures import captions, pools
from analysis.records import reading


def _load(path, name):
    """The lines of a file that have the shape of that name."""
    try:
        found = reading.lines(path)
    except outcome.Failed as err:
        outcome.warn("report", err)
        return []
    for value in found:
        wrong = shape.mismatch(value, name)
        if wrong:
            outcome.warn("report", f"{path}: left out: {wrong}")
            return []
    return found


def figures(folder, found):
    """The plots of what was kept in a folder."""
    folder = pathlib.Path(folder)
    traces = {}
    for case in found.cases:
        traces.setdefault(naming.slug(case.first.label), []).append(case)
    out = []
    path = folder / "classes.json"
    classes = next(iter(_load(path, "classes")), None) if path.exists() else None
    for path in sorted(folder.glob("info-*.json")):
        cases = traces.get(path.stem.removeprefix("info-"))
        for info in _load(path, "info"):
            if not cases or not classes:
                continue
            codecs = {case.first.codec.removeprefix("sizes:") for case in cases}
            for sizes in info.get("sizes", []):
                if sizes["codec"] in codecs or sizes["codec"] == "object":
                    named = dict(sizes, trace=cases[0].first.label)
                    footer = captions.source(cases[0])
                    out.append(pools.size_classes(named, classes, footer))
    for path in sorted(folder.glob("occupancy-*.jsonl")):
        maps = _load(path, "occupancy")
        cases = traces.get(path.stem.removeprefix("occupancy-"))
        if maps and cases:
            label = f"{cases[0].title}, {maps[0]['backend'].partition(':')[0]}"
            out.append(pools.occupancy(maps, label, captions.source(cases[0])))
    return [plot for plot in out if plot]
