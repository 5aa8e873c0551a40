# SPDX-License-Identifier: GPL-2.0-or-later
"""A result record: one run, under the names that tables and figures use.

analysis/record.schema.json describes the fields. What a record lacks, because
it is older or the run had no use for it, has a value here all the same.
"""

import dataclasses
import json

from analysis import naming

PAGE = 4096
# The parts of sys time.
SPLIT = ("codec", "allocator", "lock_wait", "frontend")


@dataclasses.dataclass
class Run:
    """One run, with the record's fields under the names the report uses."""

    raw: dict
    where: str
    # What the trace is called among others; see naming.labels().
    label: str = ""

    def __post_init__(self):
        self.label = self.label or naming.plain(self.trace)

    @property
    def trace(self):
        return self.raw["trace"]["name"]

    @property
    def sha256(self):
        return self.raw["trace"]["sha256"]

    @property
    def events(self):
        return self.raw["trace"]["events"]

    @property
    def spec(self):
        backend = self.raw["backend"]
        return backend["spec"] if isinstance(backend, dict) else backend

    @property
    def codec(self):
        return self.raw["codec"]

    @property
    def cpus(self):
        """Threads of a native run, virtual CPUs of a virtual one."""
        return self.raw.get("vcpus") or self.raw["threads"]

    @property
    def virtual(self):
        return bool(self.raw["time"].get("virtual"))

    @property
    def workload(self):
        """What virtual CPUs do beside swapping, and on which machine; ""
        for a native run."""
        how = self.raw.get("virtual", {})
        names = "profile model think_ns burst burst_of charge costs".split()
        return json.dumps([how.get(name) for name in names]) if how else ""

    @property
    def think_ns(self):
        """Mean user time for each operation of a virtual run."""
        how = self.raw.get("virtual", {})
        return how.get("think_ns", 0) / how.get("burst", 1)

    @property
    def sys_ns_sum(self):
        """sys where misses add up: the other end of a virtual run's interval;
        None when only one model ran."""
        return self.raw.get("virtual", {}).get("sys_ns_sum")

    @property
    def asked(self):
        """The backend as it was asked for, shorter than its full spec; None
        when the command named several."""
        cli = self.raw.get("cli", [])
        if not isinstance(cli, list) or cli.count("--backend") != 1:
            return None
        named = cli[cli.index("--backend") + 1 :]
        many = len(named) > 1 and cli[1:2] == ["compare"]
        return named[0] if named and not many else None

    @property
    def round(self):
        return self.raw.get("run", 0)

    @property
    def sys_ns(self):
        return self.raw["time"]["sys_ns"]

    @property
    def split(self):
        return self.raw["time"]["sys_split_ns"]

    @property
    def ops(self):
        counts = self.raw["counts"]
        return sum(counts.get(k, 0) for k in ("store", "load", "invalidate")) or 1

    @property
    def frag(self):
        """frag ratio over the whole replay, pages weighing pages, or None."""
        return self.raw.get("over_time", self.raw).get("frag_ratio")

    @property
    def frag_end(self):
        """frag ratio at the end; None for an empty pool."""
        return self.raw["frag_ratio"]

    @property
    def rejected(self):
        """Share of the stores that were refused; they cost no memory."""
        counts = self.raw["counts"]
        return counts["rejected"] / counts["store"] if counts["store"] else 0.0

    @property
    def density(self):
        """Original bytes per byte of footprint over the whole replay."""
        return self.raw.get("over_time", self.raw).get("density") or 0.0

    @property
    def peak_footprint(self):
        """Most bytes of pages and metadata at a point of the series."""
        over = self.raw.get("over_time", {})
        return over.get("footprint_bytes_max", self.raw["footprint_bytes"])

    @property
    def rate(self):
        """Operations per second of wall time."""
        real = self.raw["time"]["real_ns"]
        return self.ops * 1e9 / real if real else 0.0

    def series(self, name):
        """A column of the series, or an empty list."""
        return self.raw.get("series", {}).get(name, [])

    @property
    def points(self):
        """The series as dicts of one point each; empty pools left out."""
        names = [
            n for n, v in self.raw.get("series", {}).items() if isinstance(v, list)
        ]
        rows = zip(*(self.series(name) for name in names))
        return [
            point
            for point in (dict(zip(names, row)) for row in rows)
            if point["pool_pages"]
        ]

    @property
    def fullest(self):
        """The point of the series with the largest footprint, or None."""
        return max(self.points, key=lambda p: p["footprint_bytes"], default=None)

    @property
    def frag_series(self):
        """[(event, frag ratio)] over the trace."""
        page = self.raw.get("page_size", PAGE)
        return [
            (p["event"], 100 * p["object_bytes"] / (p["pool_pages"] * page))
            for p in self.points
        ]

    @property
    def compaction_marks(self):
        """[(event, frag ratio)] where compaction had freed more pages."""
        page = self.raw.get("page_size", PAGE)
        marks, known = [], 0
        for point in self.points:
            freed = point.get("compacted_pages", 0)
            if freed > known:
                full = point["object_bytes"] / (point["pool_pages"] * page)
                marks.append((point["event"], 100 * full))
            known = freed
        return marks

    def latency_hist(self, op):
        """[(upper ns, count)] of one operation's latency."""
        return self.raw.get("latency_ns", {}).get(op, {}).get("buckets", [])

    @property
    def case(self):
        """What has to be equal before two runs may be compared."""
        raw = self.raw
        return (
            self.sha256,
            self.codec,
            self.cpus,
            self.virtual,
            raw.get("topology", ""),
            raw.get("pools", 1),
            # On virtual CPUs the runs of a case are seeds.
            None if self.virtual else raw.get("seed", 0),
            self.workload,
            raw.get("events", self.events),
            json.dumps(raw.get("options", {}), sort_keys=True),
        )

    @property
    def machine(self):
        """What has to be equal before two times may be compared."""
        env = self.raw["env"]
        names = ("cpu", "cores", "kernel", "compiler", "flags", "commit")
        return tuple(str(env.get(n, "")) for n in names)
