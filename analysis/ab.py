#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build two commits, replay the same traces with both, print the difference."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap

import bench
import regress
import stats
import text

WIDTH = 78


def git(*args, cwd=None):
    """Output of a git command."""
    done = subprocess.run(
        ["git", *args], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        text.die(f"ab: git {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout.strip()


def source_tree(folder):
    """The root of zlab's own git tree, of which both sides are built."""
    for tool in ("git", "make"):
        if not shutil.which(tool):
            text.die(f"ab: {tool} is not installed; it builds zlab with git and make")
    if not folder.is_dir():
        text.die(f"ab: --source {folder}: no such folder")
    show = ["git", "rev-parse", "--show-toplevel"]
    done = subprocess.run(show, cwd=folder, capture_output=True, text=True, check=False)
    root = pathlib.Path(done.stdout[:-1])
    if done.returncode or not (root / "harness" / "main.c").is_file():
        text.die(f"ab: {folder.resolve()} is not zlab's git tree; see --source DIR")
    return root


def build(source, commit, folder):
    """Build a commit in a worktree of its own; returns its program."""
    git("worktree", "add", "--detach", "--quiet", str(folder), commit, cwd=source)
    done = subprocess.run(
        ["make", "-s", f"-j{os.cpu_count() or 1}", "B=build", "build/zlab"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
    )
    program = folder / "build" / "zlab"
    if done.returncode or not program.is_file():
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        text.die(f"ab: {commit[:12]} does not build:\n{tail}")
    return program


def differing(base, head):
    """Exact counters that the two do not share: name -> [base, head]."""
    one, two = regress.flatten(base), regress.flatten(head)
    names = [n for n in dict.fromkeys([*one, *two]) if one.get(n) != two.get(n)]
    return {n: [one.get(n, 0), two.get(n, 0)] for n in names}


def rows_of(jobs, found):
    """Compared jobs: what changed exactly, and how the times moved."""
    rows = []
    for j, (trace, spec, codec, _) in enumerate(jobs):
        base, head = found[j, "base"], found[j, "head"]
        floor = bench.ratio(base, found[j, "again"], bench.sys_ns)
        change = bench.ratio(base, head, bench.sys_ns)
        rows.append(
            {
                "trace": pathlib.Path(trace).stem,
                "backend": spec,
                "codec": base[0]["codec"],
                "exact": differing(base[0], head[0]),
                "base": stats.summary([bench.sys_ns(r) for r in base]),
                "head": stats.summary([bench.sys_ns(r) for r in head]),
                "sys": change,
                "real": bench.ratio(base, head, bench.real_ns),
                "floor": floor,
                "verdict": bench.verdict(change, floor),
                "samples": {
                    side: [[bench.real_ns(r), bench.sys_ns(r)] for r in found[j, side]]
                    for side in ("base", "head", "again")
                },
            }
        )
    return rows


def mail(rows, names, runs):
    """Lines of at most 78 columns, for a patch description."""
    lines = [
        f"base {names['base']}",
        f"head {names['head']}",
        "",
    ]
    lines += textwrap.wrap(
        f"sys time of the swap path, median of {runs} runs in fresh processes, "
        "interleaved at random; change with its 95 % bootstrap interval; A/A is "
        "the base against itself in the same session.",
        WIDTH,
    )
    for row in rows:
        title = f"{row['trace']}, {row['codec']}, {row['backend']}"
        lines += [""] + textwrap.wrap(title, WIDTH, break_long_words=True)
        body = [
            [
                "sys",
                text.fmt_ns(row["base"]["median"]),
                text.fmt_ns(row["head"]["median"]),
                bench.percent(row["sys"]),
                bench.interval(row["sys"]),
                bench.percent(row["floor"]),
                row["verdict"],
            ]
        ]
        for name, (was, now) in row["exact"].items():
            change = text.fmt_change(now / was) if was else "-"
            body.append([name, short(was), short(now), change, "", "exact", ""])
        heads = ("", "base", "head", "change", "interval %", "A/A", "verdict")
        lines += ["  " + line for line in text.table(body, heads)]
        if not row["exact"]:
            lines.append("  pages, frag ratio, footprint and counts: identical")
    return lines


def short(value):
    """A count or ratio in a narrow column."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main():
    """The sub-command."""
    parser = argparse.ArgumentParser(prog="zlab ab", description=__doc__)
    parser.add_argument("--base", required=True, metavar="GITREF")
    parser.add_argument("--head", required=True, metavar="GITREF")
    parser.add_argument("--backend", "-b", action="extend", nargs="+", metavar="SPEC")
    parser.add_argument("--codec", "-c", action="extend", nargs="+", metavar="CODEC")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--runs", type=int, default=9, metavar="N")
    parser.add_argument("--format", choices=("mail", "json"), default="mail")
    parser.add_argument(
        "--source",
        default=".",
        type=pathlib.Path,
        metavar="DIR",
        help="zlab's git tree (default: that of this folder)",
    )
    parser.add_argument("trace", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    # As in zlab compare, a name that ends in .zlt is always a trace.
    for words in (args.backend or [], args.codec or []):
        for word in [w for w in words if w.endswith(".zlt")]:
            words.remove(word)
            args.trace.append(pathlib.Path(word))
    if args.runs < 2:
        text.die("ab: --runs takes 2 or more; 9 give an interval worth reading", 2)
    if not args.trace:
        text.die("ab: needs traces: zlab ab --base REF --head REF T.zlt...", 2)
    for trace in args.trace:
        if not trace.is_file():
            text.die(f"ab: {trace}: no such trace")
    jobs = [
        (trace.resolve(), spec, codec, ("--threads", str(args.threads)))
        for trace in args.trace
        for codec in args.codec or [None]
        for spec in args.backend or ["zsmalloc"]
    ]
    refs = {"base": args.base, "head": args.head}
    source = source_tree(args.source)
    commits = {
        side: git("rev-parse", "--verify", f"{ref}^{{commit}}", cwd=source)
        for side, ref in refs.items()
    }
    with tempfile.TemporaryDirectory(prefix="zlab-ab-") as tmp:
        folders = {side: pathlib.Path(tmp) / side for side in refs}
        try:
            sides = {s: build(source, commits[s], folders[s]) for s in refs}
            sides["again"] = sides["base"]
            found = bench.interleave(sides, jobs, args.runs)
        except bench.Failed as err:
            text.die(f"ab: {err}")
        finally:
            for folder in folders.values():
                if folder.exists():
                    git("worktree", "remove", "--force", str(folder), cwd=source)
    rows = rows_of(jobs, found)
    if args.format == "json":
        print(
            json.dumps({"base": commits["base"], "head": commits["head"], "rows": rows})
        )
        return 0
    names = {
        side: f"{ref} ({commits[side][:12]})" if ref != commits[side] else ref
        for side, ref in refs.items()
    }
    print("\n".join(mail(rows, names, args.runs)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        text.die("ab: interrupted", 130)
