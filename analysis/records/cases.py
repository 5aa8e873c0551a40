# SPDX-License-Identifier: GPL-2.0-or-later
"""Records grouped into cases that may be compared, and what may not be.

A case is a trace replayed in one way; a cell of it holds the runs of one
backend.
"""

import pathlib
import statistics

from analysis import naming


class Cell:
    """All runs of one backend in one case."""

    def __init__(self, spec):
        self.spec = spec
        self.label = spec
        self.runs = []

    @property
    def first(self):
        return self.runs[0]

    @property
    def allocates(self):
        """False for the null backend: it stands for the harness's own cost."""
        return self.first.density > 0

    def by_round(self, value):
        """round -> value(run); the last run of a round counts."""
        return {run.round: value(run) for run in self.runs}

    def median(self, value):
        return statistics.median(value(run) for run in self.runs)

    @property
    def middle(self):
        """The run with the median sys time: pictures of one run show it."""
        ordered = sorted(self.runs, key=lambda run: run.sys_ns)
        return ordered[(len(ordered) - 1) // 2]


class Case:
    """All backends that ran the same trace in the same way."""

    def __init__(self, first):
        self.key = first.case
        self.first = first
        self.cells = {}
        self.again = []
        self.title = ""

    @property
    def described(self):
        """The title, unless another case is described by the same words."""
        run = self.first
        parts = [run.label, naming.plain(run.codec)]
        unit = "virtual CPU" if run.virtual else "thread"
        if run.cpus != 1 or run.virtual:
            parts.append(f"{run.cpus} {unit}{'s' * (run.cpus != 1)}")
        if run.think_ns:
            parts.append(f"think {run.think_ns / 1e3:g} us")
        if run.raw.get("pools", 1) != 1:
            parts.append(f"{run.raw['pools']} pools")
        return ", ".join(parts)

    @property
    def slug(self):
        """The title in file names."""
        return naming.slug(self.title)


def spec_parts(spec):
    """ "zsmalloc:a=1,b=2" -> ("zsmalloc", {"a": "1", "b": "2"})."""
    name, _, options = spec.partition(":")
    pairs = (o.partition("=") for o in options.split(",") if o)
    return name, {key: value for key, _, value in pairs}


def short_labels(specs):
    """spec -> the name and those options that tell it from its namesakes."""
    parsed = {spec: spec_parts(spec) for spec in specs}
    labels = {}
    for spec, (name, options) in parsed.items():
        peers = [o for s, (n, o) in parsed.items() if n == name]
        differ = [
            f"{key}={value}"
            for key, value in options.items()
            if any(peer.get(key) != value for peer in peers)
        ]
        base = pathlib.PurePath(name).name if "/" in name else name
        labels[spec] = " ".join([base] + differ)
    if len(set(labels.values())) < len(labels):
        return {spec: spec for spec in specs}
    return labels


class Set:
    """The records of a result folder, grouped into cases."""

    def __init__(self, runs, problems):
        self.runs = runs
        self.problems = problems
        self.cases = []
        self._name()
        self._group()
        self._judge()

    @property
    def reference(self):
        """The backend that ratios are against; the first one if none is named."""
        named = (run.spec for run in self.runs if run.raw.get("reference"))
        return next(named, self.runs[0].spec if self.runs else None)

    @property
    def specs(self):
        """All backends, the reference first, then by name and options."""
        seen = {run.spec for run in self.runs}
        return sorted(seen, key=lambda s: (s != self.reference, s))

    def _name(self):
        first = {}
        for run in self.runs:
            first.setdefault(run.sha256, run)
        traces = naming.labels({sha256: run.trace for sha256, run in first.items()})
        for run in self.runs:
            run.label = traces[run.sha256]
        known = {}
        for sha256, run in first.items():
            other = known.setdefault(naming.slug(run.trace), run)
            if other is not run:
                self.problems.append(
                    f'{run.where}: trace "{naming.plain(run.trace)}" has another '
                    f"content than at {other.where}; they are shown apart, as "
                    f'"{traces[sha256]}" and "{other.label}"'
                )

    def _group(self):
        labels = short_labels(self.specs)
        cases = {}
        for run in self.runs:
            case = cases.setdefault(run.case, None)
            if case is None:
                case = cases[run.case] = Case(run)
            if run.raw.get("aa"):
                case.again.append(run)
                continue
            cell = case.cells.setdefault(run.spec, Cell(run.spec))
            cell.label = labels[run.spec]
            cell.runs.append(run)
        self.labels = labels
        self.cases = sorted(
            cases.values(), key=lambda case: str((case.first.trace, *case.key))
        )
        titles = naming.numbered([case.described for case in self.cases])
        for case, title in zip(self.cases, titles):
            case.title = title
        order = {spec: i for i, spec in enumerate(self.specs)}
        for case in self.cases:
            cells = sorted(case.cells.items(), key=lambda item: order[item[0]])
            case.cells = dict(cells)
            for cell in case.cells.values():
                cell.runs.sort(key=lambda run: run.round)

    def _judge(self):
        """Name results that cannot be compared, and why."""
        for case in self.cases:
            machines = {}
            for cell in case.cells.values():
                for run in cell.runs:
                    machines.setdefault(run.machine, run)
            if len(machines) > 1 and not case.first.virtual:
                one, other = list(machines.values())[:2]
                self.problems.append(
                    f"{other.where}: {case.title}: measured on another machine "
                    f"or build than {one.where}; times of the two cannot be "
                    f"compared, counts can"
                )
            lacking = [s for s in self.specs if s not in case.cells]
            for spec in lacking:
                self.problems.append(
                    f"{case.first.where}: {case.title}: no result of "
                    f"{self.labels[spec]}, so it is not compared there"
                )


def families(cases):
    """Cases that differ in threads or virtual CPUs only, grouped."""
    groups = {}
    for case in cases:
        run = case.first
        key = (run.sha256, run.codec, run.workload, run.raw.get("pools", 1))
        groups.setdefault(key, []).append(case)
    return list(groups.values())


def thinnest(cases):
    """One case per family: pool pages do not depend on the threads' number."""
    return [min(f, key=lambda case: case.first.cpus) for f in families(cases)]
