# SPDX-License-Identifier: GPL-2.0-or-later
"""Sweeps: one workload on several numbers of virtual CPUs."""

import re

from analysis import naming, units

# Letters of a design's name.
WIDEST = 28


class Sweep:
    """One workload: backend -> number of CPUs -> run."""

    def __init__(self, runs, labels=None):
        self.first = runs[0]
        # Set where others differ in what the description does not say.
        self.slug = ""
        self.lines = {}
        for run in runs:
            name = (labels or {}).get(run.spec, run.spec)
            if run.asked and len(run.asked) <= max(len(name), WIDEST):
                name = run.asked
            self.lines.setdefault(name, {}).setdefault(run.cpus, run)
        self.lines = dict(sorted(self.lines.items(), key=lambda item: era(item[0])))
        self.counts = sorted({run.cpus for run in runs})

    @property
    def described(self):
        """The workload in a file name, with --think and --burst as given."""
        how = self.first.raw.get("virtual", {})
        think = f"-think{how['think_ns']}" if self.first.think_ns else ""
        if think and how["burst"] > 1:
            think += f"-burst{how['burst']}"
        return f"{self.first.label}{think}"

    @property
    def what(self):
        """The workload in words."""
        run = self.first
        how = run.raw["virtual"]
        if not how["think_ns"]:
            return "a CPU does nothing but swap"
        return (
            f"a CPU works {units.fmt_ns(run.think_ns)} of its own for each operation, "
            f"{how['burst']} operations at a time"
        )

    @property
    def machine(self):
        """Profile and sizes."""
        sizes = dict.fromkeys(
            self.lines[name][n].raw["topology"]
            for n in self.counts
            for name in self.lines
            if n in self.lines[name]
        )
        small, *grown = sizes
        more = f" ({', '.join(grown)} for more CPUs)" if grown else ""
        return f"Profile {self.first.raw['virtual']['profile']}, {small}{more}"


def era(name):
    """A key that sorts names with their versions as numbers."""
    return [int(n) if n.isdigit() else n for n in re.split(r"(\d+)", name)]


def sweeps(runs, labels=None):
    """The workloads that ran on two numbers of virtual CPUs or more."""
    groups = {}
    for run in runs:
        if not run.virtual:
            continue
        key = (run.sha256, run.codec, run.workload, run.raw.get("pools", 1))
        key += (str(run.raw.get("options", {})), run.events)
        groups.setdefault(key, []).append(run)
    found = [Sweep(group, labels) for group in groups.values()]
    found = [sweep for sweep in found if len(sweep.counts) > 1]
    for sweep, name in zip(found, naming.numbered([s.described for s in found])):
        sweep.slug = naming.slug(name)
    return found


def worst_lock(run):
    """(name, share of sys) of the lock waited for longest, or (None, 0)."""
    locks = run.raw.get("locks", [])
    worst = max(locks, key=lambda lock: lock["waittime_total_ns"], default=None)
    if not worst or not worst["waittime_total_ns"]:
        return None, 0.0
    return worst["name"], worst["waittime_total_ns"] / max(run.sys_ns, 1)
