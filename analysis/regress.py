#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay committed traces and compare with the baseline: a gate for CI.

Three tiers. Exact counters (pages, frag ratio, outcomes, moves, lock
acquisitions) have tolerance 0. Instructions per operation under callgrind and
virtual sys time may move by 0.5 %. Native time is advice: it is measured
against a second program, and never fails the run.
"""

import argparse
import datetime
import fnmatch
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import bench
import text

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = 1
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
# The swap path's entries; callgrind counts what happens inside them.
COUNTED = ("swap_run", "swap_compact")
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


class Plan:
    """What is replayed: results/regress.json, beside the baseline."""

    def __init__(self, path, root):
        self.path, self.root = path, root
        try:
            raw = json.loads(path.read_text())
        except (OSError, ValueError) as err:
            text.die(f"regress: {path}: {err}")
        self.generated = raw["generate"]
        self.exact = raw["exact"]
        self.instructions = raw["instructions"]
        self.virtual = raw.get("virtual", [])
        self.advice = raw.get("advice", [])

    def traces(self, zlab, folder):
        """name -> file, generating what is generated."""
        out = {}
        for path in sorted((self.root / "traces" / "samples").glob("*.zlt")):
            out[path.stem] = path
        for name, kind in self.generated.items():
            path = folder / f"{name}.zlt"
            run([str(zlab), "generate", kind, "-o", str(path)])
            out[name] = path
        return out

    @staticmethod
    def jobs(wanted, traces):
        """(key, trace file, spec, codec, extra) of one tier."""
        for group in wanted:
            for name in traces:
                if not any(fnmatch.fnmatch(name, p) for p in group["traces"]):
                    continue
                for codec in group["codecs"]:
                    for spec in group["backends"]:
                        extra = group.get("args", [])
                        key = " ".join([name, codec, spec, group.get("label", "")])
                        key = key.rstrip()
                        yield key, traces[name], spec, codec, extra


def run(args, **more):
    """A command that has to work; returns its output."""
    done = subprocess.run(args, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        text.die(f"regress: {' '.join(args)}: status {done.returncode}: {last}")
    return done.stdout


def toolchain(record):
    """What instruction counts depend on besides the sources."""
    env = record["env"]
    names = ("compiler", "flags", "libraries", "machine")
    said = {n: env[n] for n in names if n in env}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def operations(record):
    """Operations that were replayed."""
    counts = record["counts"]
    return sum(counts.get(n, 0) for n in ("store", "load", "invalidate")) or 1


def exact_tier(zlab, plan, traces, now):
    """Tier 1: counters, to the digit."""
    jobs = list(plan.jobs(plan.exact, traces))
    progress = bench.Progress(len(jobs), "exact")
    for key, trace, spec, codec, extra in jobs:
        record = bench.replay(zlab, trace, spec, codec, extra)
        now["exact"][key] = flatten(record)
        now["toolchain"] = toolchain(record)
        now["commit"] = record["env"].get("commit", "unknown")
        now["sanitized"] = "-fsanitize" in record["env"].get("flags", "")
        progress.step(key)


def callgrind(zlab, job, folder):
    """Instructions inside the swap path of one replay, and its record."""
    _, trace, spec, codec, extra = job
    out = folder / "callgrind.out"
    wrap = ["setarch", "-R", "valgrind", "--tool=callgrind", "--quiet"]
    wrap += [f"--callgrind-out-file={out}", f"--log-file={folder / 'valgrind.log'}"]
    wrap += [f"--toggle-collect={name}" for name in COUNTED]
    record = bench.replay(zlab, trace, spec, codec, extra, wrap)
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)
    if not found or not int(found.group(1)):
        raise bench.Failed(
            f"{trace}: callgrind counted nothing in {', '.join(COUNTED)}; was "
            "the program stripped?"
        )
    return int(found.group(1)), record


def instruction_tier(zlab, plan, traces, now, folder):
    """Tier 2: instructions of the swap path per operation."""
    jobs = list(plan.jobs(plan.instructions, traces))
    progress = bench.Progress(len(jobs), "callgrind")
    for job in jobs:
        total, record = callgrind(zlab, job, folder)
        where = f"{job[0]} | instructions/op"
        now["near"][where] = round(total / operations(record), 3)
        progress.step(job[0])


def virtual_tier(zlab, plan, traces, now):
    """Tier 2: virtual sys time per operation, where the program has it."""
    for key, trace, spec, codec, extra in plan.jobs(plan.virtual, traces):
        record = bench.replay(zlab, trace, spec, codec, extra)
        value = record["time"]["sys_ns"] / operations(record)
        now["near"][f"{key} | virtual sys ns/op"] = round(value, 3)


def judge(metric, was, now, tolerance):
    """(verdict, whether it fails) of one number."""
    if was == now:
        return "same", False
    change = now / was - 1 if was else float("inf")
    if abs(change) <= tolerance:
        return "within", False
    way = DIRECTION.get(metric) or DIRECTION.get(metric.rpartition(".")[2], 0)
    if way == 0:
        return "CHANGED", True
    worse = (change > 0) == (way > 0)
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
        where, metric = key.split(" | ")
        rows.append(row(where, metric, baseline["near"].get(key), value, TOLERANCE))
    return rows


def advice_tier(zlab, other, plan, traces, runs):
    """Tier 3: native time against another program, as advice."""
    jobs = list(plan.jobs(plan.advice, traces))
    sides = {"base": other, "head": zlab, "again": other}
    found = bench.interleave(sides, [job[1:] for job in jobs], runs)
    lines = []
    for j, job in enumerate(jobs):
        for name, value in (("sys", bench.sys_ns), ("real", bench.real_ns)):
            change = bench.ratio(found[j, "base"], found[j, "head"], value)
            floor = bench.ratio(found[j, "base"], found[j, "again"], value)
            lines.append(
                {
                    "where": job[0],
                    "metric": f"native {name}",
                    "change": change,
                    "floor": floor,
                    "verdict": bench.verdict(change, floor),
                }
            )
    return lines


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
    return text.fmt_change(now / was).replace(" ", "") if was else "-"


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
        lines += text.table(body, heads, left=2)
    fresh = [r for r in rows if r["verdict"] == "new"]
    if fresh:
        lines.append(
            f"{len(fresh)} numbers are not in the baseline; --accept REASON adds them"
        )
    if advice:
        body = [
            [a["where"], a["metric"], bench.percent(a["change"])]
            + [bench.interval(a["change"]), bench.percent(a["floor"]), a["verdict"]]
            for a in advice
        ]
        heads = ("where", "metric", "change", "interval %", "A/A", "advice")
        lines += [""] + text.table(body, heads, left=2)
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


def markdown(rows, advice, notes):
    """A summary for a merge request."""
    failed = [r for r in rows if r["fails"]]
    lines = ["### zlab regress: " + ("FAILED" if failed else "no regression"), ""]
    shown = [r for r in rows if r["verdict"] not in ("same", "new", "within")]
    if shown:
        lines += ["| where | metric | baseline | now | change | verdict |"]
        lines += ["|---|---|--:|--:|--:|---|"]
        lines += [
            f"| {r['where']} | {r['metric']} | {show(r['baseline'])} | "
            f"{show(r['now'])} | {moved(r)} | {r['verdict']} |"
            for r in shown
        ]
        lines.append("")
    if advice:
        lines += ["| where | metric | change | 95 % interval | A/A | advice |"]
        lines += ["|---|---|--:|--:|--:|---|"]
        lines += [
            f"| {a['where']} | {a['metric']} | {bench.percent(a['change'])} | "
            f"{bench.interval(a['change'])} | {bench.percent(a['floor'])} | "
            f"{a['verdict']} |"
            for a in advice
        ]
        lines.append("")
    return "\n".join(lines + closing(rows, notes)) + "\n"


def accept(path, baseline, now, rows, reason):
    """Move the baseline, and write down why."""
    baseline["exact"].update(now["exact"])
    baseline["near"].update(now["near"])
    if now["near"]:
        baseline["toolchain"] = now["toolchain"]
    baseline["history"].append(
        {
            "date": datetime.date.today().isoformat(),
            "commit": now["commit"],
            "reason": reason,
            "changed": sum(r["verdict"] not in ("same", "within") for r in rows),
        }
    )
    path.write_text(json.dumps(baseline, indent=1) + "\n")


def load_baseline(path):
    """The baseline; an empty one where there is none yet."""
    if not path.exists():
        return {"schema": SCHEMA, "history": [], "exact": {}, "near": {}}
    try:
        found = json.loads(path.read_text())
    except ValueError as err:
        text.die(f"regress: {path}: not JSON: {err}")
    if not isinstance(found, dict) or not {"exact", "near"} <= found.keys():
        text.die(f"regress: {path}: not a baseline; zlab regress --accept writes one")
    if found.get("schema") != SCHEMA:
        text.die(
            f"regress: {path}: baseline of schema {found.get('schema')}; this zlab "
            f"reads {SCHEMA}"
        )
    return found


def measure(args, plan, baseline, folder):
    """Run the tiers; returns (numbers, advice, notes)."""
    zlab = bench.program()
    now = {"exact": {}, "near": {}, "toolchain": "", "commit": ""}
    notes, advice = [], []
    traces = plan.traces(zlab, folder)
    exact_tier(zlab, plan, traces, now)
    if 2 in args.tier:
        known = baseline.get("toolchain", now["toolchain"])
        if not shutil.which("valgrind"):
            notes.append("instructions: not compared, valgrind is not installed")
        elif now.get("sanitized"):
            notes.append("instructions: not compared, this build has a sanitizer")
        elif known != now["toolchain"] and args.accept is None:
            notes.append(
                "instructions: not compared, the baseline was made by another "
                "compiler, its flags or libraries"
            )
        else:
            instruction_tier(zlab, plan, traces, now, folder)
        virtual_tier(zlab, plan, traces, now)
    if args.against:
        advice = advice_tier(zlab, args.against, plan, traces, args.runs)
    return now, advice, notes


def arguments():
    """The command line."""
    root = HERE.parent
    parser = argparse.ArgumentParser(prog="zlab regress", description=__doc__)
    parser.add_argument(
        "--baseline", type=pathlib.Path, default=root / "results" / "baseline.json"
    )
    parser.add_argument(
        "--plan", type=pathlib.Path, default=root / "results" / "regress.json"
    )
    parser.add_argument("--accept", metavar="REASON", help="move the baseline")
    parser.add_argument(
        "--tier",
        type=lambda said: {int(n) for n in said.split(",")},
        default={1, 2},
        help="1 exact counters, 1,2 (default) also instructions",
    )
    parser.add_argument(
        "--against",
        metavar="ZLAB",
        help="another build; adds native time against it, as advice",
    )
    parser.add_argument("--runs", type=int, default=9, help="samples per side")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE")
    args = parser.parse_args()
    if args.accept is not None and not args.accept.strip():
        parser.error("--accept takes the reason why the baseline moves")
    return args


def main():
    """The sub-command."""
    args = arguments()
    plan = Plan(args.plan, HERE.parent)
    baseline = load_baseline(args.baseline)
    if not baseline["exact"] and args.accept is None:
        text.die(
            f"regress: {args.baseline}: no baseline yet; --accept REASON writes it", 2
        )
    with tempfile.TemporaryDirectory(prefix="zlab-regress-") as tmp:
        try:
            now, advice, notes = measure(args, plan, baseline, pathlib.Path(tmp))
        except bench.Failed as err:
            text.die(f"regress: {err}")
    rows = compare(baseline, now)
    alone = str(args.json) == "-"
    if not alone:
        print("\n".join(tables(rows, advice) + closing(rows, notes)))
    failed = any(r["fails"] for r in rows)
    if args.json:
        summary = {"failed": failed, "rows": rows, "advice": advice, "notes": notes}
        said = json.dumps(summary, indent=1) + "\n"
        if alone:
            print(said, end="")
        else:
            args.json.write_text(said)
    if args.markdown:
        args.markdown.write_text(markdown(rows, advice, notes), encoding="utf-8")
    if args.accept is not None:
        accept(args.baseline, baseline, now, rows, args.accept)
        if not alone:
            print(f"{args.baseline}: moved: {args.accept}")
        return 0
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        text.die("regress: interrupted", 130)
