# SPDX-License-Identifier: GPL-2.0-or-later
"""report.html: the comparison as one page, which report.html.j2 lays out."""

import dataclasses
import functools
import pathlib
import re
import shlex
import statistics

import jinja2
import markdown
from markupsafe import Markup, escape

from analysis import ROOT, files, naming, units
from analysis.records import intervals
from analysis.records.record import SPLIT
from analysis.report.summary import summarise

HERE = pathlib.Path(__file__).parent
SECTIONS = {
    "summary": "Summary",
    "table": "Comparison",
    "plots": "Plots",
    "locks": "Locks",
    "backends": "Backends",
    "definitions": "Definitions",
    "environment": "Environment",
    "repeat": "Repeat it",
}
# Of an environment, what differs between the runs of one comparison.
VARYING = {"date", "load", "other_cpus"}
LOCK_COLUMNS = (
    ("con-bounces", "con_bounces", int),
    ("contentions", "contentions", int),
    ("waittime-min", "waittime_min_ns", units.fmt_ns),
    ("waittime-max", "waittime_max_ns", units.fmt_ns),
    ("waittime-total", "waittime_total_ns", units.fmt_ns),
    ("waittime-avg", "waittime_avg_ns", units.fmt_ns),
    ("acq-bounces", "acq_bounces", int),
    ("acquisitions", "acquisitions", int),
    ("holdtime-min", "holdtime_min_ns", units.fmt_ns),
    ("holdtime-max", "holdtime_max_ns", units.fmt_ns),
    ("holdtime-total", "holdtime_total_ns", units.fmt_ns),
    ("holdtime-avg", "holdtime_avg_ns", units.fmt_ns),
)


class Cell:
    """A table cell: what is shown, and what it sorts by."""

    def __init__(self, shown, value=None):
        self.shown = shown
        self.value = shown if value is None else value


@dataclasses.dataclass
class Table:
    """Heads are (label, explanation); the first `left` columns are text."""

    name: str
    heads: list
    rows: list
    left: int = 1
    sortable: bool = False

    def __post_init__(self):
        self.rows = [
            [item if isinstance(item, Cell) else Cell(item) for item in row]
            for row in self.rows
        ]

    def side(self, column):
        """The class of a column's cells: text or number."""
        return "t" if column < self.left else "n"


def spread_cell(row, value, digits):
    """A number of the runs, with both ends where they differ."""
    known = [v for v in map(value, row.cell.runs) if v is not None]
    middle = statistics.median_low(known) if known else ""
    return Cell(row.spread(value, f"{{:.{digits}f}}".format), middle)


def comparison_table(rows, reference):
    """The table that sorts."""
    heads = [
        ("trace", ""),
        ("codec", ""),
        ("backend", "the options that tell backends of one name apart"),
        ("CPUs", "threads, or virtual CPUs (v)"),
        ("frag %", "frag ratio over time: live bytes / pool pages"),
        ("at end %", "frag ratio at the end of the trace"),
        ("density", "original bytes / footprint over time"),
        ("refused %", "share of stores refused: too large, or no memory"),
        ("peak MiB", "largest footprint: pages and metadata"),
        ("sys us/op", "CPU time of the swap path per operation, median"),
        ("codec %", "share of sys"),
        ("alloc %", "the allocator's share of sys"),
        ("wait %", "share of sys spent waiting for locks"),
        ("front %", "the frontend's share of sys"),
        ("p99 store us", "99 of 100 stores take at most so long"),
        ("p99 load us", "99 of 100 loads take at most so long"),
        ("ratio", f"sys against {reference}"),
        (
            "interval",
            "95 % of bootstrap ratios; on virtual CPUs from misses that overlap "
            "to misses that add up; sorts by width",
        ),
        ("runs", "how often it ran"),
    ]
    body = []
    for row in rows:
        run, mid = row.cell.first, row.cell.middle
        ratio = 1 if row.reference else row.ratio["ratio"] if row.ratio else ""
        cells = [
            run.label,
            run.codec,
            row.cell.label,
            Cell(f"{run.cpus}{'v' * run.virtual}", run.cpus),
            spread_cell(row, lambda run: run.frag, 2),
            spread_cell(row, lambda run: run.frag_end, 2),
            spread_cell(row, lambda run: run.density or None, 3),
            spread_cell(row, lambda run: 100 * run.rejected, 1),
            spread_cell(row, lambda run: run.peak_footprint / 2**20, 2),
            Cell(row.sys_text(lambda v: f"{v / 1e3:.3f}"), row.sys / run.ops),
        ]
        for name in SPLIT:
            part = mid.split.get(name, 0)
            part = 100 * part / max(1, mid.sys_ns)
            cells.append(Cell(f"{part:.1f}", part))
        for op in ("store", "load"):
            p99 = row.p99(op)
            cells.append(Cell(f"{p99 / 1e3:.2f}" if p99 else "-", p99 or ""))
        cells.append(Cell(row.ratio_text, ratio))
        width = row.ratio["high"] - row.ratio["low"] if row.interval else ""
        cells.append(Cell(row.interval_text, width))
        cells.append(Cell(len(row.cell.runs)))
        body.append(cells)
    return Table("comparison", heads, body, left=3, sortable=True)


def repeats_table(found):
    """real, user and sys of repeated runs, as kernel builds report them."""
    heads = [("case", ""), ("backend", ""), ("", "")]
    heads += [(h, "") for h in ("MIN", "MAX", "MEAN", "MEDIAN", "STDDEV")]
    body = []
    for case in found.cases:
        for cell in case.cells.values():
            for which in ("real", "user", "sys"):
                values = [r.raw["time"][f"{which}_ns"] / 1e9 for r in cell.runs]
                summary = intervals.summary(values)
                body.append(
                    [case.title, cell.label, which]
                    + [
                        f"{summary[k]:.4f}"
                        for k in ("min", "max", "mean", "median", "stddev")
                    ]
                )
    return Table("repeats", heads, body, left=3)


def lock_value(lock, key):
    """A lock_stat column, computed where the record leaves it out."""
    if key in lock:
        return lock[key]
    total, count = {
        "waittime_avg_ns": ("waittime_total_ns", "contentions"),
        "holdtime_avg_ns": ("holdtime_total_ns", "acquisitions"),
    }.get(key, (None, None))
    if total and lock.get(count):
        return lock.get(total, 0) / lock[count]
    return None


def lock_tables(case):
    """lock_stat tables of a case: [(backend, table)] of those with locks."""
    parts = []
    for cell in case.cells.values():
        locks = [k for k in cell.middle.raw.get("locks", []) if k["acquisitions"]]
        if not locks:
            continue
        columns = [
            column
            for column in LOCK_COLUMNS
            if any(lock_value(k, column[1]) is not None for k in locks)
        ]
        body = []
        for lock in sorted(locks, key=lambda k: -k["waittime_total_ns"]):
            line = [lock["name"]]
            for _, key, show in columns:
                value = lock_value(lock, key)
                line.append("-" if value is None else show(value))
            body.append(line)
        heads = [("class name", "")] + [(c[0], "") for c in columns]
        parts.append((cell.label, Table(f"locks of {cell.label}", heads, body)))
    return parts


def environment_table(found):
    """Where the runs were made; a column per machine or build."""
    envs = {}
    for run in found.runs:
        stable = {k: str(v) for k, v in run.raw["env"].items() if k not in VARYING}
        envs.setdefault(tuple(sorted(stable.items())), run)
    names = []
    for run in envs.values():
        names += [n for n in run.raw["env"] if n not in names]
    heads = [("", "")] + [(f"from {run.where}", "") for run in envs.values()]
    body = [
        [name] + [flat(run.raw["env"].get(name, "-")) for run in envs.values()]
        for name in names
    ]
    return Table("environment", heads, body, left=len(heads))


def flat(value):
    """A nested value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {flat(v)}" for k, v in value.items())
    if isinstance(value, list):
        return " ".join(flat(v) for v in value)
    return str(value)


def commands(found):
    """The command lines that make these records again."""
    lines = []
    for run in found.runs:
        given = run.raw.get("cli")
        if given:
            line = shlex.join(given) if isinstance(given, list) else given
        else:
            line = (
                f"zlab replay {shlex.quote(run.trace)} "
                f"--backend {shlex.quote(run.spec)} --codec {run.codec} "
                f"--threads {run.cpus}"
            )
        if line not in lines:
            lines.append(line)
    return lines


def definitions():
    """docs/definitions.md without its title, one level down."""
    text = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    return markdown.markdown(re.sub(r"^##", "###", text.partition("\n")[2], flags=re.M))


def heading(found):
    """The page's title and the line below it."""
    names = dict.fromkeys(case.first.label for case in found.cases)
    backends = dict.fromkeys(found.labels[s] for s in found.specs)
    title = f"{', '.join(backends)} on {', '.join(names)}"
    if len(title) > 110:
        title = f"{len(backends)} backends on {len(names)} traces"
    env = found.runs[0].raw["env"]
    if all(run.virtual for run in found.runs):
        names = dict.fromkeys(run.raw["virtual"]["profile"] for run in found.runs)
        machine = [f"virtual CPUs of {', '.join(names)}"]
    else:
        kernel = f"kernel {env['kernel']}" if env.get("kernel") else ""
        machine = [env.get("cpu", ""), kernel]
    lead = ", ".join(
        str(part)
        for part in (
            f"{len(found.runs)} runs",
            *machine,
            f"zlab {env['commit']}" if env.get("commit") else "",
            env.get("date", ""),
        )
        if part
    )
    return title, lead


def _drawing(drawings, plot):
    """A plot's SVG as part of the page."""
    svg = drawings[plot.slug]
    svg = svg[svg.index("<svg") :]
    named = f'<svg role="img" aria-label="{escape(naming.plain(plot.title))}"'
    return Markup(svg.replace("<svg", named, 1))


def _shown(value):
    """What the page gets of a value; what is markup already stays."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return naming.plain(value, keep="\n")


def write(folder, found, rows, drawn, notes):
    """Write report.html; `drawn` is (overview, per case, slug -> SVG) or None."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    overview, per_case, drawings = drawn or ([], [], {})
    env.globals["drawing"] = functools.partial(_drawing, drawings)
    reference = found.labels[found.reference]
    title, lead = heading(found)
    specs = [[found.labels[spec], spec] for spec in found.specs]
    text = env.get_template("report.html.j2").render(
        title=title,
        lead=lead,
        sections=SECTIONS,
        style=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        script=Markup((HERE / "report.js").read_text(encoding="utf-8")),
        summary=summarise(found, rows),
        problems=notes + found.problems,
        reference=reference,
        comparison=comparison_table(rows, reference),
        repeats=repeats_table(found),
        drawn=bool(drawn),
        overview=overview,
        per_case=per_case,
        locks=[(case, lock_tables(case)) for case in found.cases],
        specs=Table("specs", [("label", ""), ("full spec", "")], specs, left=2),
        definitions=Markup(definitions()),
        environment=environment_table(found),
        commands=commands(found),
    )
    path = folder / "report.html"
    files.write(path, text)
    return path
