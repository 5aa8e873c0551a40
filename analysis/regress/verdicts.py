# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of a build beside the baseline's: which got worse, and the tables."""

from analysis import grids, naming, units
from analysis.regress import change

# Of an inexact number, as a share of it.
TOLERANCE = 0.005
# Whether more of it is worse (+1) or better (-1); any other change is as bad.
DIRECTION = {
    "frag_ratio": -1,
    "pool_pages": 1,
    "pool_pages_peak": 1,
    "footprint_bytes": 1,
    "metadata_bytes": 1,
    "density": -1,
    "footprint_bytes_max": 1,
    "moved_objects": 1,
    "moved_bytes": 1,
    "rejected": 1,
    "acquisitions": 1,
    "instructions/op": 1,
    "virtual sys ns/op": 1,
}
TOP = (
    "pool_pages pool_pages_peak objects object_bytes frag_ratio footprint_bytes "
    "metadata_bytes obj_allocated"
).split()


def flatten(record):
    """The exact counters of a record: name -> number."""
    out = {name: record[name] for name in TOP if record.get(name) is not None}
    for name, value in record.get("over_time", {}).items():
        if value is not None:
            out[f"over_time.{name}"] = value
    for name, value in record["counts"].items():
        if isinstance(value, (int, float)):
            out[f"counts.{name}"] = value
    for lock in record.get("locks", []):
        out[f"locks.{lock['name']}.acquisitions"] = lock["acquisitions"]
    return out


def judge(metric, was, now, tolerance):
    """(verdict, whether it fails) of one number."""
    if was == now:
        return "same", False
    moved_by = now / was - 1 if was else float("inf")
    if abs(moved_by) <= tolerance:
        return "within", False
    way = DIRECTION.get(metric) or DIRECTION.get(metric.rpartition(".")[2], 0)
    if way == 0:
        return "CHANGED", True
    worse = (moved_by > 0) == (way > 0)
    return ("REGRESSION" if worse else "better"), worse


def row(where, metric, was, now, tolerance):
    """One compared number as a dict."""
    if was is None:
        verdict, fails = "new", False
    elif now is None:
        verdict, fails = "GONE", True
    else:
        verdict, fails = judge(metric, was, now, tolerance)
    return {
        "where": where,
        "metric": metric,
        "baseline": was,
        "now": now,
        "verdict": verdict,
        "fails": fails,
    }


def compare(baseline, now):
    """All compared numbers; a job that did not run this time is left out."""
    rows = []
    for where, metrics in now["exact"].items():
        known = baseline["exact"].get(where, {})
        for metric in dict.fromkeys([*known, *metrics]):
            rows.append(row(where, metric, known.get(metric), metrics.get(metric), 0))
    for key, value in now["near"].items():
        where, _, metric = key.rpartition(" | ")
        rows.append(row(where, metric, baseline["near"].get(key), value, TOLERANCE))
    return rows


def show(value):
    """A number in a table."""
    if value is None:
        return "-"
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def moved(item):
    """The change of a row in percent."""
    was, now = item["baseline"], item["now"]
    if was is None or now is None:
        return "-"
    return units.fmt_change(now / was).replace(" ", "") if was else "-"


def tables(rows, advice):
    """Lines for a terminal: what differs, then a line per unchanged job."""
    lines = []
    body = [
        [r["where"], r["metric"], show(r["baseline"]), show(r["now"]), moved(r)]
        + [r["verdict"]]
        for r in rows
        if r["verdict"] not in ("same", "new")
    ]
    if body:
        heads = ("where", "metric", "baseline", "now", "change", "verdict")
        lines += grids.terminal(body, heads, left=2)
    fresh = [r for r in rows if r["verdict"] == "new"]
    if fresh:
        lines.append(
            f"{len(fresh)} numbers are not in the baseline; --accept REASON adds them"
        )
    if advice:
        body = [
            [a["where"], a["metric"], change.percent(a["change"])]
            + [change.interval(a["change"]), change.percent(a["floor"]), a["verdict"]]
            for a in advice
        ]
        heads = ("where", "metric", "change", "interval %", "A/A", "advice")
        lines += [""] + grids.terminal(body, heads, left=2)
    return lines


def counted(rows):
    """How many rows have which verdict."""
    out = {}
    for item in rows:
        out[item["verdict"]] = out.get(item["verdict"], 0) + 1
    return ", ".join(f"{n} {verdict}" for verdict, n in out.items())


def closing(rows, notes):
    """The last line."""
    failed = sum(r["fails"] for r in rows)
    said = f"{len(rows)} numbers: {counted(rows)}"
    word = f"FAILED, {failed} regressed or changed" if failed else "no regression"
    return [*notes, f"{word}; {said}"]


def cell(text):
    """A cell of a Markdown table."""
    return naming.plain(text).replace("|", "\\|")


def markdown(rows, advice, notes):
    """A summary for a merge request."""
    failed = [r for r in rows if r["fails"]]
    lines = ["### zlab regress: " + ("FAILED" if failed else "no regression"), ""]
    shown = [r for r in rows if r["verdict"] not in ("same", "new", "within")]
    if shown:
        lines += ["| where | metric | baseline | now | change | verdict |"]
        lines += ["|---|---|--:|--:|--:|---|"]
        lines += [
            f"| {cell(r['where'])} | {r['metric']} | {show(r['baseline'])} | "
            f"{show(r['now'])} | {moved(r)} | {r['verdict']} |"
            for r in shown
        ]
        lines.append("")
    if advice:
        lines += ["| where | metric | change | 95 % interval | A/A | advice |"]
        lines += ["|---|---|--:|--:|--:|---|"]
        lines += [
            f"| {cell(a['where'])} | {a['metric']} | {change.percent(a['change'])} | "
            f"{change.interval(a['change'])} | {change.percent(a['floor'])} | "
            f"{a['verdict']} |"
            for a in advice
        ]
        lines.append("")
    return "\n".join(lines + closing(rows, notes)) + "\n"
