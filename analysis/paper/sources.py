# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the paper's numbers come from: published values and results/."""

import fnmatch

from analysis import files, units
from analysis.records import intervals, reading

METRICS = {
    "frag_ratio": lambda cell: cell.first.frag,
    "density": lambda cell: cell.first.density,
    "footprint": lambda cell: cell.first.peak_footprint,
    "pool_pages": lambda cell: cell.first.raw["pool_pages_peak"],
    "sys_op": lambda cell: cell.median(lambda run: run.sys_ns / run.ops),
    "runs": lambda cell: len(cell.runs),
}
LOWER_IS_BETTER = {"footprint", "pool_pages", "sys_op"}
DEFAULT_FORMAT = {
    "frag_ratio": ".2f",
    "density": ".2f",
    "footprint": "bytes",
    "pool_pages": ",",
    "sys_op": "ns",
    "runs": "d",
}


class Wrong(Exception):
    """A number that has no source."""


def show(value, how):
    """A number the way a mark asked for it."""
    if isinstance(value, str):
        return value
    if how == "bytes":
        return units.fmt_bytes(value)
    if how == "ns":
        return units.fmt_ns(value)
    return format(value, how or (",d" if isinstance(value, int) else ",.6g"))


class Sources:
    """results/: published values and measured sets, read when asked for."""

    def __init__(self, folder):
        self.folder = folder
        published = files.load(folder / "published.json")
        self.citations, self.values = published["sources"], published["values"]
        self.sets = {}
        self.used = []

    def has(self, name):
        """Whether there are results of that name."""
        return any(
            (self.folder / f"{name}.{end}").exists() for end in ("jsonl", "json")
        )

    def set(self, name):
        """The records of results/NAME.jsonl."""
        if name not in self.sets:
            path = self.folder / f"{name}.jsonl"
            if not path.exists():
                raise Wrong(f"no results/{name}.jsonl")
            found = reading.load([path])
            if found.problems:
                raise Wrong(found.problems[0])
            self.sets[name] = found
        return self.sets[name]

    def published(self, name):
        """A published value, its number."""
        if name not in self.values:
            raise Wrong(f'results/published.json has no "{name}"')
        return self.values[name]

    def cell(self, name, where):
        """The one backend of the one case that WHERE picks."""
        trace, codec, backend = where.split("/")
        hits = [
            cell
            for case in self.set(name).cases
            if fnmatch.fnmatch(case.first.trace, trace)
            and fnmatch.fnmatch(case.first.codec, codec)
            for cell in case.cells.values()
            if fnmatch.fnmatch(cell.label, backend)
        ]
        if len(hits) != 1:
            raise Wrong(f"{name} {where} picks {len(hits)} results, not one")
        return hits[0]

    def mean(self, name, backend, metric):
        """Geometric mean of a metric over the cases of a set."""
        found = self.set(name)
        cells = [
            cell
            for case in found.cases
            for cell in case.cells.values()
            if fnmatch.fnmatch(cell.label, backend)
        ]
        if len(cells) != len(found.cases):
            raise Wrong(f"{name}: {backend} is in {len(cells)} of {len(found.cases)}")
        return intervals.geomean([METRICS[metric](cell) for cell in cells])

    def best(self, name, metric):
        """The label with the best geometric mean."""
        found = self.set(name)
        labels = [
            label
            for spec, label in found.labels.items()
            if all(spec in case.cells for case in found.cases)
        ]
        pick = min if metric in LOWER_IS_BETTER else max
        return pick(labels, key=lambda label: self.mean(name, label, metric))

    def against(self, name, metric, one, other):
        """Least and greatest ratio of two backends over the cases of a set.

        Refused when the cases do not all point the same way.
        """
        ratios = []
        for case in self.set(name).cases:
            cells = {cell.label: METRICS[metric](cell) for cell in case.cells.values()}
            ratios.append(cells[one] / cells[other])
        low, high = min(ratios), max(ratios)
        if low <= 1 <= high:
            raise Wrong(f"{name} {metric}: {one} against {other} is {low}..{high}")
        return low, high

    def number(self, token):
        """A published NAME, or SET:WHERE:METRIC of a measurement."""
        if ":" in token:
            name, where, metric = token.split(":", 2)
            return METRICS[metric](self.cell(name, where))
        return self.published(token)["value"]
