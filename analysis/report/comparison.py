# SPDX-License-Identifier: GPL-2.0-or-later
"""Backends beside a reference: the rows that all tables of a report share."""

from analysis import grids, units
from analysis.figures.captions import measured
from analysis.records import intervals
from analysis.records.record import SPLIT


class Row:
    """One line of the comparison: a backend in a case, beside a reference."""

    def __init__(self, case, cell, reference):
        self.case, self.cell = case, cell
        self.sys = cell.median(lambda run: run.sys_ns)
        self.floor = intervals.noise_floor([run.sys_ns for run in cell.runs])
        self.again = None
        self.ratio = None
        base = case.cells.get(reference)
        self.reference = base is cell
        if case.first.virtual:
            self._virtual(base)
            return
        if self.reference and case.again:
            self.again = intervals.paired_ratio(
                cell.by_round(lambda run: run.sys_ns),
                {run.round: run.sys_ns for run in case.again},
            )
        if base and base is not cell and base.first.machine == cell.first.machine:
            self.ratio = intervals.paired_ratio(
                base.by_round(lambda run: run.sys_ns),
                cell.by_round(lambda run: run.sys_ns),
            )

    def _virtual(self, base):
        """Virtual time has no noise: the interval is that of the two models,
        from misses that overlap to misses that add up."""
        self.floor = None
        if not base or base is self.cell:
            return
        ends = [
            ratio["ratio"]
            for value in (lambda run: run.sys_ns, lambda run: run.sys_ns_sum or 0)
            if (
                ratio := intervals.paired_ratio(
                    base.by_round(value), self.cell.by_round(value)
                )
            )
        ]
        if ends:
            low = min(ends) if len(ends) > 1 else None
            high = max(ends) if len(ends) > 1 else None
            rounds = len(self.cell.runs)
            self.ratio = {"n": rounds, "ratio": ends[0], "low": low, "high": high}

    def p99(self, op):
        """Median over the runs of an operation's p99, or None."""
        found = [
            run.raw["latency_ns"][op]["p99"]
            for run in self.cell.runs
            if run.raw.get("latency_ns", {}).get(op, {}).get("p99")
        ]
        return intervals.summary(found)["median"] if found else None

    def spread(self, value, show):
        """value(run) of the runs: one where they agree, else with both ends."""
        return units.fmt_spread(map(value, self.cell.runs), show)

    def sys_text(self, show):
        """sys per operation; of virtual CPUs both ends of the interval."""
        whole = [self.sys / self.cell.first.ops]
        if all(run.sys_ns_sum for run in self.cell.runs):
            whole.append(self.cell.median(lambda run: run.sys_ns_sum / run.ops))
        return "..".join(show(value) for value in whole)

    @property
    def ratio_text(self):
        if self.reference:
            return "1"
        return f"{self.ratio['ratio']:.3f}" if self.ratio else "-"

    @property
    def interval(self):
        """Whether there are enough rounds for one."""
        return bool(self.ratio) and self.ratio["low"] is not None

    @property
    def interval_text(self):
        if not self.interval:
            return "-"
        return f"{self.ratio['low']:.3f}..{self.ratio['high']:.3f}"


def compare(found):
    """All rows; the reference of a folder is its first backend."""
    if not found.runs:
        return []
    reference = found.reference
    return [
        Row(case, cell, reference)
        for case in found.cases
        for cell in case.cells.values()
    ]


def share(part, whole):
    """A percentage, or a dash."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def text_table(found, rows):
    """The comparison as lines for a terminal, one table per case."""
    lines = []
    heads = (
        "backend frag density refused footprint peak sys/op codec alloc lock front "
        "p99st p99ld ratio interval"
    ).split()
    for case in found.cases:
        body = []
        for row in (r for r in rows if r.case is case):
            mid = row.cell.middle
            p99 = [row.p99(op) for op in ("store", "load")]
            body.append(
                [
                    row.cell.label,
                    row.spread(lambda run: run.frag, "{:.2f}".format),
                    row.spread(lambda run: run.density or None, "{:.3f}".format),
                    row.spread(lambda run: 100 * run.rejected, "{:.1f} %".format),
                    row.spread(lambda run: run.peak_footprint, units.fmt_bytes),
                    row.spread(lambda run: run.raw["pool_pages_peak"], str),
                    row.sys_text(units.fmt_ns),
                ]
                + [share(mid.split.get(n, 0), mid.sys_ns) for n in SPLIT]
                + [units.fmt_ns(v) if v else "-" for v in p99]
                + [row.ratio_text, row.interval_text]
            )
        lines += ["", f"{case.title} ({measured(case)})"]
        lines += grids.terminal(body, heads)
    return lines
