# SPDX-License-Identifier: GPL-2.0-or-later
"""zlab regress: replays committed traces and compares with the baseline.

Three tiers. Exact counters (pages, frag ratio, outcomes, moves, lock
acquisitions) have tolerance 0. Instructions per operation under callgrind and
virtual sys time may move by 0.5 %. Native time is advice: it is measured
against a second program, and never fails the run.
"""

import fnmatch
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile

from analysis import ROOT, files, load, outcome, progress, shape
from analysis.regress import change
from analysis.regress.baseline import accept, load_baseline
from analysis.regress.verdicts import closing, compare, flatten, markdown, tables
from analysis.run import replays

# What a folder of traces without a plan of its own is replayed through.
BACKENDS = ["zbud", "z3fold", "zsmalloc"]
# The swap path's entries; callgrind counts what happens inside them.
COUNTED = ("swap_run", "swap_compact")
# A program under valgrind has 64 GiB of addresses, less than a pool reserves.
CALLGRIND_POOL = "--pool-limit=8G"


class Plan:
    """What is replayed: results/regress.json, or the traces of a folder."""

    def __init__(self, path, folder, backends=None, codec=None):
        self.path, self.folder = path, folder
        every = {"traces": ["*"], "codecs": [codec or ""]}
        every |= {"backends": backends or BACKENDS, "args": ["--compact-at-end"]}
        raw = {"generate": {}, "exact": [every], "instructions": [every]}
        raw = shape.load(path, "plan") if path else raw
        self.generated = raw.get("generate", {})
        self.exact = raw.get("exact", [])
        self.instructions = raw.get("instructions", [])
        self.virtual = raw.get("virtual", [])
        self.advice = raw.get("advice", [])

    def traces(self, zlab, folder):
        """name -> file, generating what is generated."""
        out = {}
        for path in sorted(self.folder.glob("*.zlt")):
            out[path.stem] = path
        with progress.Line("generate", len(self.generated)) as line:
            for name, kind in self.generated.items():
                if name in out:
                    raise outcome.Failed(
                        f"{self.path}: it generates {name}, and {out[name]} is "
                        "called so"
                    )
                path = folder / f"{name}.zlt"
                replays.command([zlab, "generate", kind, "-o", path])
                out[name] = path
                line.step(name)
        for group in [*self.exact, *self.instructions, *self.virtual, *self.advice]:
            for name in group["traces"]:
                if not fnmatch.filter(out, name):
                    raise outcome.Failed(f"{self.folder}: no trace {name}.zlt in it")
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
                        words = [name, codec, spec, group.get("label", "")]
                        key = " ".join(word for word in words if word)
                        yield key, traces[name], spec, codec, extra


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
    names = {path: name for name, path in traces.items()}
    with progress.Line("exact", len(jobs)) as line:
        for key, trace, spec, codec, extra in jobs:
            record = replays.replay(zlab, trace, spec, codec, extra)
            now["exact"][key] = flatten(record)
            if names[trace] not in plan.generated:
                now["traces"][names[trace]] = record["trace"]["sha256"]
            now["toolchain"] = toolchain(record)
            now["commit"] = record["env"].get("commit", "unknown")
            now["sanitized"] = "-fsanitize" in record["env"].get("flags", "")
            line.step(key)


def callgrind(zlab, job, folder):
    """Instructions inside the swap path of one replay, and its record."""
    _, trace, spec, codec, extra = job
    out = folder / "callgrind.out"
    wrap = ["setarch", "-R", "valgrind", "--tool=callgrind", "--quiet"]
    wrap += [f"--callgrind-out-file={out}", f"--log-file={folder / 'valgrind.log'}"]
    wrap += [f"--toggle-collect={name}" for name in COUNTED]
    if not any(word.startswith("--pool-limit") for word in extra):
        extra = [*extra, CALLGRIND_POOL]
    record = replays.replay(zlab, trace, spec, codec, extra, wrap)
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)
    if not found or not int(found.group(1)):
        raise outcome.Failed(
            f"{trace}: callgrind counted nothing in {', '.join(COUNTED)}; was "
            "the program stripped?"
        )
    return int(found.group(1)), record


def instruction_tier(zlab, plan, traces, now, folder):
    """Tier 2: instructions of the swap path per operation."""
    jobs = list(plan.jobs(plan.instructions, traces))
    with progress.Line("callgrind", len(jobs)) as line:
        for job in jobs:
            total, record = callgrind(zlab, job, folder)
            where = f"{job[0]} | instructions/op"
            now["near"][where] = round(total / operations(record), 3)
            line.step(job[0])


def virtual_tier(zlab, plan, traces, now):
    """Tier 2: virtual sys time per operation, where the program has it."""
    jobs = list(plan.jobs(plan.virtual, traces))
    with progress.Line("virtual", len(jobs)) as line:
        for key, trace, spec, codec, extra in jobs:
            record = replays.replay(zlab, trace, spec, codec, extra)
            value = record["time"]["sys_ns"] / operations(record)
            now["near"][f"{key} | virtual sys ns/op"] = round(value, 3)
            line.step(key)


def advice_tier(zlab, other, plan, traces, runs):
    """Tier 3: native time against another program, as advice."""
    jobs = list(plan.jobs(plan.advice, traces))
    sides = {"base": other, "head": zlab, "again": other}
    found = replays.interleave(sides, [job[1:] for job in jobs], runs)
    busy = load.note([record for runs in found.values() for record in runs])
    lines = []
    for j, job in enumerate(jobs):
        for name, value in (("sys", change.sys_ns), ("real", change.real_ns)):
            moved = change.ratio(found[j, "base"], found[j, "head"], value)
            floor = change.ratio(found[j, "base"], found[j, "again"], value)
            lines.append(
                {
                    "where": job[0],
                    "metric": f"native {name}",
                    "change": moved,
                    "floor": floor,
                    "verdict": change.verdict(moved, floor),
                }
            )
    return lines, [f"native time: {busy}"] if busy else []


def unknown_inputs(baseline, now):
    """Notes about traces and jobs that are not those of the baseline."""
    known = baseline.get("traces", {})
    notes = [
        f"trace {name}: not the one that the baseline was made with"
        for name, sha in now["traces"].items()
        if known.get(name, sha) != sha
    ]
    gone = [key for key in baseline["exact"] if key not in now["exact"]]
    return notes + [f"in the baseline, but not run: {key}" for key in gone]


def measure(args, plan, baseline, folder):
    """Run the tiers; returns (numbers, advice, notes)."""
    zlab = replays.program()
    now = {"exact": {}, "near": {}, "traces": {}, "toolchain": "", "commit": ""}
    advice = []
    traces = plan.traces(zlab, folder)
    exact_tier(zlab, plan, traces, now)
    notes = unknown_inputs(baseline, now)
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
        advice, busy = advice_tier(zlab, args.against, plan, traces, args.runs)
        notes += busy
    return now, advice, notes


def arguments():
    """The command line."""
    parser = outcome.Parser(prog="zlab regress", description=__doc__.splitlines()[0])
    # zlab has parsed them before and says what they are for.
    for name in ("--baseline", "--traces", "--plan", "--markdown"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument(
        "--backend",
        action="extend",
        nargs="+",
        metavar="SPEC",
        help=f"for --traces without --plan (default {' '.join(BACKENDS)})",
    )
    parser.add_argument("--codec", help="for --traces without --plan")
    parser.add_argument(
        "--accept", metavar="REASON", help="write the baseline, or move it"
    )
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
    args = parser.parse_args()
    if args.accept is not None and not args.accept.strip():
        raise outcome.Failed("--accept takes the reason why the baseline moves")
    if args.traces and not args.baseline:
        raise outcome.Failed(
            "--traces needs --baseline FILE; --accept REASON writes it"
        )
    if (args.backend or args.codec) and (args.plan or not args.traces):
        raise outcome.Failed("--backend and --codec go with --traces, without --plan")
    if args.traces and not args.traces.is_dir():
        raise outcome.Failed(f"{args.traces}: not a folder of traces")
    if not args.traces:
        args.traces = ROOT / "traces" / "samples"
        args.plan = args.plan or ROOT / "results" / "regress.json"
    args.baseline = args.baseline or ROOT / "results" / "baseline.json"
    return args


def main():
    """The sub-command."""
    args = arguments()
    for path in (args.json, args.markdown):
        if path:
            files.check(path)
    plan = Plan(args.plan, args.traces, args.backend, args.codec)
    baseline = load_baseline(args.baseline)
    if not baseline["exact"] and args.accept is None:
        raise outcome.Failed(
            f"{args.baseline}: no baseline yet; --accept REASON writes it"
        )
    place = args.baseline if args.baseline.exists() else args.baseline.parent
    if args.accept is not None and not os.access(place, os.W_OK):
        raise outcome.Failed(f"{args.baseline}: cannot be written")
    with tempfile.TemporaryDirectory(prefix="zlab-regress-") as tmp:
        now, advice, notes = measure(args, plan, baseline, pathlib.Path(tmp))
    rows = compare(baseline, now)
    alone = str(args.json) == "-"
    if not alone:
        outcome.say("\n".join(tables(rows, advice) + closing(rows, notes)))
    failed = any(r["fails"] for r in rows)
    if args.json:
        summary = {"failed": failed, "rows": rows, "advice": advice, "notes": notes}
        said = json.dumps(summary, indent=1) + "\n"
        if alone:
            print(said, end="")
        else:
            files.write(args.json, said)
    if args.markdown:
        files.write(args.markdown, markdown(rows, advice, notes))
    if args.accept is not None:
        accept(args.baseline, baseline, now, rows, args.accept)
        if not alone:
            outcome.say(f"{args.baseline}: moved: {args.accept}")
        return 0
    return outcome.FOUND if failed else 0
