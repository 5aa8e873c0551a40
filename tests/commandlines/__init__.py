# SPDX-License-Identifier: GPL-2.0-or-later
"""Random command lines over small files, in folders of their own.

What each command takes comes from the program: its help names the options, its
completion their words. A line has valid and invalid values, repeated options,
damaged files, outputs that exist already, odd names, closed or full standard
output. After each run: did it crash, leave a file, a process, a traceback,
change an input, or say that it succeeded without the output it was told to
write? What fails is shrunk, and shown as a command that repeats it.

A line follows from the seed and its number alone. ZLAB_COMMANDLINES_SEED says
which seed, ZLAB_COMMANDLINES how many lines.
"""


import argparse
import ctypes
import dataclasses
import multiprocessing
import os
import pathlib
import shutil
import tempfile

import tap
from commandlines import files, lines, program, running, verdicts


def run(line, place):
    """Run a line in a fresh folder; returns (findings, result)."""
    place.prepare()
    result = running.execute(line, place)
    return verdicts.judge(line, MAKER.options[line.command], result, place), result


def shrink(line, kind, place):
    """The fewest parts that show the same kind of finding."""
    at = 0
    while at < len(line.parts):
        less = dataclasses.replace(line, parts=line.parts[:at] + line.parts[at + 1 :])
        if any(k == kind for k, _ in run(less, place)[0]):
            line = less
        else:
            at += 1
    return line


PLACE = MAKER = None


def start(template):
    """Once in each process."""
    global PLACE, MAKER
    # What a command leaves behind becomes a child of this process.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    PLACE, MAKER = files.Place(template), lines.Maker()


def one(job):
    """Run one line; returns (number, command, status, findings, text)."""
    seed, number, keep = job
    line = MAKER.line(seed, number)
    found, result = run(line, PLACE)
    if not found:
        return number, line.command, result.status, [], ""
    kinds = sorted({kind for kind, _ in found})
    if keep:
        return number, line.command, result.status, kinds, explain(line, found, result)
    if kinds != ["late"]:
        small = shrink(line, kinds[0], PLACE)
        again, res = run(small, PLACE)
        if again:
            line, found, result = small, again, res
    text = f"{explain(line, found, result)}\nagain: {again_with(seed, number)}"
    return number, line.command, result.status, kinds, text


def again_with(seed, number):
    """What runs a line again, and leaves its folder."""
    return f"tests/long/commandlines --seed {seed} --only {number}"


def explain(line, found, result):
    """What a person wants to know of a finding."""
    text = [line.shown()]
    text += [f"{kind}: {what!r}" for kind, what in found]
    text += [f"status {result.status}", *result.err.splitlines()[:12]]
    return "\n".join(text)


def arguments(number_of_lines):
    """The command line of a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    seed = os.environ.get("ZLAB_COMMANDLINES_SEED", "1")
    number = int(os.environ.get("ZLAB_COMMANDLINES", number_of_lines))
    parser.add_argument("--seed", default=seed)
    parser.add_argument("--lines", type=int, default=number)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, help="this line alone; its folder stays")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", action="store_true", help="print lines, run none")
    return parser.parse_args()


def main(number_of_lines):
    """Run that many lines and say what was found."""
    args = arguments(number_of_lines)
    numbers = range(args.first, args.first + args.lines)
    if args.only is not None:
        numbers = [args.only]
    if args.show:
        maker = lines.Maker()
        for number in numbers:
            print(number, maker.line(args.seed, number).shown())
        return 0
    top = pathlib.Path(tempfile.mkdtemp(prefix="lines-", dir=program.TMP))
    files.make_files(top / "files")
    results, counts, total = tap.Tap(), {}, 0
    jobs = [(args.seed, n, args.only is not None) for n in numbers]
    with multiprocessing.Pool(args.jobs, start, [top / "files"]) as pool:
        for number, command, status, kinds, text in pool.imap_unordered(one, jobs):
            total += 1
            counts.setdefault(command, []).append(status)
            if kinds:
                title = f"line {number} of seed {args.seed}: {' '.join(kinds)}"
                results.check(False, title, text)
    results.check(
        total == len(jobs), f"{total} random command lines of seed {args.seed}"
    )
    missed = set(program.command_names()) - counts.keys()
    if total >= 20000:
        results.check(not missed, "of every command", " ".join(missed))
    for command, found in sorted(counts.items()):
        good = sum(1 for s in found if s == 0)
        print(f"# {command}: {len(found)}, of these {good} with status 0")
    if args.only is None:
        shutil.rmtree(top, ignore_errors=True)
    return results.end()
