# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs experiments of experiments.toml and writes their records.

usage: experiments [OPTION...] OUTPUT|GROUP...

An experiment that was interrupted goes on where it stopped: OUTPUT.tmp has what
is finished. It goes when all that was asked for is done. A replay that fails
ends its experiment, not the others.
"""

import argparse
import importlib
import json
import os
import pathlib
import re

from analysis import ROOT, experiments, files, outcome, progress
from analysis.records.slim import slim
from analysis.run import inputs, replays
from analysis.run.journal import Journal
from analysis.run.scenarios import workload


class Lab:
    """A program, and a folder for what it needs and nobody keeps."""

    def __init__(self, zlab, work):
        self.zlab, self.work = zlab, pathlib.Path(work)
        self.made = set()
        self.thinks = {}

    def version(self):
        """Of the program, as its records name it."""
        return json.loads(replays.command([self.zlab, "env"]))["commit"]

    def input(self, steps, name):
        """The trace that [inputs] calls `name`, made once."""
        path = self.work / f"{name}.zlt"
        if name not in self.made:
            self.work.mkdir(parents=True, exist_ok=True)
            inputs.make(self.zlab, steps, name, path)
            self.made.add(name)
        return str(path)

    def think(self, trace, burst):
        """User time for each burst, ns, at the rate of the recording."""
        if trace not in self.thinks:
            info = json.loads(
                replays.command([self.zlab, "info", trace, "--json", "-"])
            )
            self.thinks[trace] = info["busy_rate"]
        return str(round(burst * 1e9 / self.thinks[trace]))


def fill(lab, steps, step, part):
    """The words of a step as they are given to zlab."""
    out = []
    for word in step.words:
        think = re.fullmatch(r"\{think_(\d+)\}", word)
        if word == "{input}":
            word = lab.input(steps, step.input)
        elif word == "{part}":
            word = str(part)
        elif think:
            word = lab.think(step.words[1], int(think.group(1)))
        out.append(word)
    return out


def records_of(lab, steps, step, part):
    """Run one step; returns its records, none of one that makes none."""
    words = fill(lab, steps, step, part)
    # A sweep goes on in its own file; the others would add to it.
    if step.words[0] != "sweep":
        part.unlink(missing_ok=True)
    said = replays.command([lab.zlab, *words])
    if "{part}" in step.words:
        said = part.read_text(encoding="utf-8")
        part.unlink()
    elif ("--json", "-") not in zip(words, words[1:]):
        return []
    return [json.loads(line) for line in said.splitlines()]


def replay(lab, table, output, journal, options):
    """The records of an experiment of steps."""
    steps = experiments.Steps(table, output, options.runs)
    keep = steps.experiment.get("keep", ())
    part = pathlib.Path(os.path.relpath(journal.path.with_suffix(".part")))
    todo = list(steps.all())
    names = [step.key for step in todo]
    kept = sum(name in journal for name in names)
    with progress.Line(pathlib.Path(output).stem, len(todo), kept) as line:
        for name, step in zip(names, todo):
            if name not in journal:
                found = records_of(lab, steps, step, part)
                journal.add(name, [slim(record, keep) for record in found])
                line.step(step.name)
    return [record for name in names for record in journal[name]]


def scenario(lab, table, output, journal, options):
    """The records of a published table's scenario."""
    name = table["experiments"][output]["scenario"]
    code = importlib.import_module(f"analysis.run.scenarios.{name}")
    runner = workload.Runner(lab.zlab, lab.work / "scenarios", journal)
    more = code.QUICK if options.quick else {}
    return code.Scenario(runner, **more).run()


def write(path, records):
    """All at once, or not at all."""
    with files.whole(path) as out:
        for record in records:
            out.write(json.dumps(record, separators=(",", ":")) + "\n")


def run_one(lab, table, output, options):
    """One experiment from its first step to its file; returns its journal."""
    path = options.output / output
    journal = Journal(path, lab.version())
    kind = scenario if "scenario" in table["experiments"][output] else replay
    kept = f", {len(journal.done)} steps were done" if journal.done else ""
    outcome.say(f"  REPLAY   {output}{kept}", flush=True)
    write(path, kind(lab, table, output, journal, options))
    return journal


def show(table, outputs, lab, options):
    """The command lines, without running them."""
    for output in outputs:
        if "scenario" in table["experiments"][output]:
            outcome.say(
                f"# {output}: run/scenarios/; what it replays follows from results"
            )
            continue
        steps = experiments.Steps(table, output, options.runs)
        for step in steps.all():
            words = [
                str(lab.work / f"{step.input}.zlt") if word == "{input}" else word
                for word in step.words
            ]
            outcome.say(" ".join([str(lab.zlab), *words]))


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="experiments", description=__doc__.splitlines()[0]
    )
    parser.add_argument("what", nargs="+", metavar="OUTPUT|GROUP")
    parser.add_argument("--zlab", default="build/zlab", help="the program")
    parser.add_argument("--work", default="build", help="folder for made traces")
    parser.add_argument(
        "--output",
        "-o",
        type=pathlib.Path,
        default=ROOT,
        help="folder that outputs are named from; default: the source tree",
    )
    parser.add_argument("--table", type=pathlib.Path, default=experiments.TABLE)
    parser.add_argument("--runs", type=int, help="instead of what the table says")
    parser.add_argument(
        "--quick", action="store_true", help="of a scenario, a tenth with one seed"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the command lines"
    )
    args = parser.parse_args()
    args.output, args.table = args.output.resolve(), args.table.resolve()
    return args


def main():
    """Run what was asked for."""
    args = arguments()
    # Records keep their command lines, which must not name this machine.
    os.chdir(ROOT)
    table = experiments.load(args.table)
    outputs = experiments.chosen(table, args.what)
    lab = Lab(args.zlab, args.work)
    if args.dry_run:
        show(table, outputs, lab, args)
        return 0
    if not pathlib.Path(args.zlab).exists():
        raise outcome.Failed(f'no program {args.zlab}; "make" builds it')
    journals, failed = [], []
    for output in outputs:
        try:
            journals.append(run_one(lab, table, output, args))
        except outcome.Failed as err:
            failed.append(output)
            if len(outputs) == 1:
                raise outcome.Failed(f"{output}: {err}") from err
            outcome.warn("experiments", f"{output}: {err}")
    if failed:
        raise outcome.Failed(
            f"{len(failed)} of {len(outputs)} failed: {', '.join(failed)}; "
            "what is finished is kept"
        )
    for journal in journals:
        journal.remove()
    return 0
