# SPDX-License-Identifier: GPL-2.0-or-later
"""Result records: reading, checking, grouping.

A record is one JSON object per line and run, described by record.schema.json
beside this file. What cannot be used is named with file and line and left
out; the rest is still shown.
"""

import dataclasses
import json
import pathlib
import statistics

SCHEMA_FILE = pathlib.Path(__file__).with_name("record.schema.json")
PAGE = 4096

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def schema():
    """The record's JSON Schema."""
    return json.loads(SCHEMA_FILE.read_text())


def _resolve(node, root):
    while "$ref" in node:
        target = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _is_list(value):
    return isinstance(value, list)


def _is_type(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[name])


def mismatch(value, node, root, at="record"):
    """First disagreement of a value with a schema node, or None.

    The part of JSON Schema that record.schema.json uses: type, const, enum,
    minimum, maximum, required, properties, additionalProperties, items,
    minItems, maxItems and local references.
    """
    node = _resolve(node, root)
    kinds = node.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_type(value, k) for k in kinds):
        return f"{at} is {json.dumps(value)[:40]}, not a {' or '.join(kinds)}"
    if "const" in node and value != node["const"]:
        return f"{at} is {json.dumps(value)[:40]}, not {json.dumps(node['const'])}"
    if "enum" in node and value not in node["enum"]:
        return f"{at} is {json.dumps(value)[:40]}, not one of {node['enum']}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if "minimum" in node and value < node["minimum"]:
            return f"{at} is {value}, below {node['minimum']}"
        if "maximum" in node and value > node["maximum"]:
            return f"{at} is {value}, above {node['maximum']}"
    if isinstance(value, dict):
        for name in node.get("required", []):
            if name not in value:
                return f'{at} has no "{name}"'
        known = node.get("properties", {})
        extra = node.get("additionalProperties", {})
        for name, item in value.items():
            sub = known.get(name, extra)
            if sub is False:
                return f'{at} has an unknown "{name}"'
            if isinstance(sub, dict):
                wrong = mismatch(item, sub, root, f"{at}.{name}")
                if wrong:
                    return wrong
    if isinstance(value, list):
        if len(value) < node.get("minItems", 0):
            return f"{at} has {len(value)} items, fewer than {node['minItems']}"
        if len(value) > node.get("maxItems", len(value)):
            return f"{at} has {len(value)} items, more than {node['maxItems']}"
        if "items" in node:
            for i, item in enumerate(value):
                wrong = mismatch(item, node["items"], root, f"{at}[{i}]")
                if wrong:
                    return wrong
    return None


@dataclasses.dataclass
class Run:
    """One run, with the record's fields under the names the report uses."""

    raw: dict
    where: str

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
        if not _is_list(cli) or cli.count("--backend") != 1:
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
        return self.raw.get("over_time", self.raw)["frag_ratio"]

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
        return self.raw.get("over_time", self.raw)["density"] or 0.0

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
        names = [n for n, v in self.raw.get("series", {}).items() if _is_list(v)]
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
            self.trace,
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

    @property
    def title(self):
        run = self.first
        parts = [run.trace, run.codec]
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
        text = "-".join(self.title.replace(",", "").split())
        keep = [c if c.isalnum() or c in "-_." else "-" for c in text]
        return "".join(keep)


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
        self.cases = sorted(cases.values(), key=lambda case: str(case.key))
        order = {spec: i for i, spec in enumerate(self.specs)}
        for case in self.cases:
            cells = sorted(case.cells.items(), key=lambda item: order[item[0]])
            case.cells = dict(cells)
            for cell in case.cells.values():
                cell.runs.sort(key=lambda run: run.round)

    def _judge(self):
        """Name results that cannot be compared, and why."""
        contents = {}
        for run in self.runs:
            known = contents.setdefault(run.trace, run)
            if known.sha256 != run.sha256:
                self.problems.append(
                    f'{run.where}: trace "{run.trace}" has another content '
                    f"than at {known.where} (SHA-256 {run.sha256[:12]}, not "
                    f"{known.sha256[:12]}); they are shown apart"
                )
                contents[run.trace] = run
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


def load(paths):
    """Read record files. Returns a Set; its problems name file and line."""
    root = schema()
    newest = root["properties"]["schema"]
    newest = newest.get("const", newest.get("maximum", 1))
    runs, problems = [], []
    for path in paths:
        try:
            lines = pathlib.Path(path).read_bytes().split(b"\n")
        except OSError as err:
            problems.append(f"{path}: {err.strerror}")
            continue
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                raw = json.loads(line)
            except ValueError as err:
                problems.append(f"{where}: not a line of JSON ({err})")
                continue
            version = raw.get("schema") if isinstance(raw, dict) else None
            if isinstance(version, int) and version > newest:
                problems.append(
                    f"{where}: record of schema {version}; this zlab reads up "
                    f"to {newest}"
                )
                continue
            wrong = mismatch(raw, root, root)
            if wrong:
                problems.append(f"{where}: not a zlab result record: {wrong}")
                continue
            runs.append(Run(raw, where))
    return Set(runs, problems)
