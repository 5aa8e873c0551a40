# SPDX-License-Identifier: GPL-2.0-or-later
"""zlab ab: builds two commits, replays the same traces with both, compares."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from analysis import files, outcome, progress
from analysis.regress import mail
from analysis.run import replays


def git(*args, cwd=None):
    """Output of a git command."""
    return replays.command(["git", *args], cwd=cwd).strip()


def source_tree(folder):
    """The root of zlab's own git tree, of which both sides are built."""
    for tool in ("git", "make"):
        if not shutil.which(tool):
            raise outcome.Failed(f"{tool} is not installed; ab builds zlab with both")
    if not folder.is_dir():
        raise outcome.Failed(f"--source {folder}: no such folder")
    show = ["git", "rev-parse", "--show-toplevel"]
    done = subprocess.run(show, cwd=folder, capture_output=True, text=True, check=False)
    root = pathlib.Path(done.stdout[:-1])
    if done.returncode or not (root / "harness" / "main.c").is_file():
        raise outcome.Failed(
            f"{folder.resolve()} is not zlab's git tree; see --source DIR"
        )
    return root


def build(source, commit, folder):
    """Build a commit in a worktree of its own; returns its program."""
    git("worktree", "add", "--detach", "--quiet", folder, commit, cwd=source)
    done = outcome.run(
        ["make", "-s", f"-j{os.cpu_count() or 1}", "B=build", "build/zlab"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
    )
    program = folder / "build" / "zlab"
    if done.returncode or not program.is_file():
        outcome.say("\n".join(done.stdout.strip().splitlines()[-15:]), file=sys.stderr)
        raise outcome.Failed(f"{commit[:12]} does not build")
    return program


def remove(source, folder):
    """Take a worktree away again, also one that is half made."""
    if not folder.exists():
        return
    try:
        git("worktree", "remove", "--force", str(folder), cwd=source)
    except outcome.Failed:
        shutil.rmtree(folder, ignore_errors=True)
        git("worktree", "prune", cwd=source)


def distinct(traces):
    """The traces without those whose content is there already."""
    known = {}
    for trace in traces:
        first = known.setdefault(files.sha256_of(trace), trace)
        if first is not trace:
            outcome.warn("ab", f"note: {trace} is the trace {first}; replayed once")
    return list(known.values())


def main():
    """The sub-command."""
    parser = outcome.Parser(prog="zlab ab", description=__doc__.splitlines()[0])
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
        raise outcome.Failed("--runs takes 2 or more; 9 give an interval worth reading")
    if not args.trace:
        raise outcome.Failed("needs traces: zlab ab --base REF --head REF T.zlt...")
    for trace in args.trace:
        if not trace.is_file():
            raise outcome.Failed(f"{trace}: no such trace")
    jobs = [
        (trace.resolve(), spec, codec, ("--threads", str(args.threads)))
        for trace in distinct(args.trace)
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
            sides = {}
            for side, ref in refs.items():
                with progress.Line(f"building {side} ({ref})"):
                    sides[side] = build(source, commits[side], folders[side])
            sides["again"] = sides["base"]
            found = replays.interleave(sides, jobs, args.runs)
        finally:
            for folder in folders.values():
                remove(source, folder)
    rows = mail.rows_of(jobs, found)
    if args.format == "json":
        print(
            json.dumps({"base": commits["base"], "head": commits["head"], "rows": rows})
        )
        return 0
    names = {
        side: f"{ref} ({commits[side][:12]})" if ref != commits[side] else ref
        for side, ref in refs.items()
    }
    outcome.say("\n".join(mail.lines(rows, names, args.runs)))
    return 0
