# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs experiments as jobs: on this machine's cores, or on a cluster.

usage: cluster [OPTION...] OUTPUT|GROUP...

Snakemake starts the jobs. What an interrupted one has finished is kept, and
the same command goes on from there. The records are those that "experiments"
makes, each with where it ran. On a cluster, all nodes see the source tree and
the folder of --work under the same paths.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess

from analysis import ROOT, experiments, files, outcome
from analysis.cluster import plan as plans
from analysis.run import experiments as runs
from analysis.run.journal import lines_of

HERE = pathlib.Path(__file__).resolve().parent


def snakemake(plan, options):
    """The command line that runs a plan."""
    words = [
        "snakemake",
        "--snakefile",
        str(HERE / "Snakefile"),
        "--directory",
        str(plan.folder),
        "--config",
        f"plan={plan.folder / 'plan.json'}",
        "--keep-going",
        "--rerun-incomplete",
        # A result is there or not; when and by which code is the plan's matter.
        "--rerun-triggers",
        "mtime",
        "--quiet",
        "all",
    ]
    if options.profile:
        return words + [
            "--profile",
            options.profile,
            "--jobs",
            str(options.jobs or 100),
        ]
    return words + ["--cores", str(options.jobs or "all")]


def start(plan, options):
    """Run all jobs that have no result; whether all have one now."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        snakemake(plan, options), env=environment, stdin=subprocess.DEVNULL
    ) as child:
        try:
            child.wait()
        except BaseException:
            # It cancels its jobs, which keep what they have finished.
            child.terminate()
            child.wait()
            raise
    return child.returncode == 0


def merge(plan):
    """The records of all jobs in the order of the steps."""
    steps = plan.steps()
    todo = list(steps.all())
    records, missing = [], []
    for number in range(len(plan.jobs)):
        path = plan.job(number)
        if not path.exists():
            missing.append(number)
            continue
        done = {line["step"]: line["records"] for line in lines_of(path)[1:]}
        for name, _ in plan.part(todo, number):
            records += done[name]
    if missing:
        raise outcome.Failed(
            f"{plan.output}: {len(missing)} of {len(plan.jobs)} jobs have no result, "
            f"the first is {missing[0]}; the others are kept in {plan.folder}, and the "
            "same command goes on"
        )
    return records


def one(table, output, options):
    """An experiment from its plan to its file."""
    version = runs.Lab(options.zlab, options.work).version()
    plan = plans.make(options, table, output, version)
    if options.dry_run:
        outcome.say(
            f"{output}: {len(plan.jobs)} jobs of {plan.step} steps, "
            f"{plan.memory_mb} MB each, {len(plan.inputs)} traces are made first"
        )
        outcome.say(" ".join(snakemake(plan, options)))
        return
    plans.write(plan)
    outcome.say(f"  JOBS     {output}: {len(plan.jobs)}", flush=True)
    whole = start(plan, options)
    records = merge(plan)
    if not whole:
        raise outcome.Failed(f"{output}: snakemake failed; its log is above")
    path = options.output / output
    files.folder(path.parent)
    runs.write(path, records)
    nodes = sorted({record["ran"]["node"] for record in records if "ran" in record})
    outcome.say(f"  WROTE    {output}: {len(records)} records of {json.dumps(nodes)}")
    shutil.rmtree(plan.folder)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="cluster", description=__doc__, formatter_class=_Help
    )
    parser.add_argument("what", nargs="+", metavar="OUTPUT|GROUP")
    parser.add_argument("--zlab", default="build/zlab", help="the program")
    parser.add_argument(
        "--work",
        type=pathlib.Path,
        default="build",
        help="folder for made traces and what jobs leave",
    )
    parser.add_argument(
        "--output",
        "-o",
        type=pathlib.Path,
        default=ROOT,
        help="folder that outputs are named from; default: the source tree",
    )
    parser.add_argument(
        "--table",
        type=pathlib.Path,
        default=experiments.TABLE,
        help="the experiments; default: those of the paper",
    )
    parser.add_argument("--runs", type=int, help="instead of what the table says")
    parser.add_argument("--steps", type=int, default=1, help="of one job; default: 1")
    parser.add_argument(
        "--profile",
        help="of Snakemake, for a cluster; analysis/cluster/slurm is for Slurm",
    )
    parser.add_argument(
        "--jobs", type=int, help="at a time; default: all cores, 100 on a cluster"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be started"
    )
    args = parser.parse_args()
    for name in ("steps", "jobs", "runs"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise outcome.Failed(f"--{name} {getattr(args, name)}: takes 1 or more")
    args.output, args.table = args.output.resolve(), args.table.resolve()
    if args.profile and os.path.isdir(args.profile):
        args.profile = os.path.abspath(args.profile)
    return args


class _Help(argparse.RawDescriptionHelpFormatter):
    """The text above as it stands."""


def main():
    """Run what was asked for."""
    args = arguments()
    os.chdir(ROOT)
    if not pathlib.Path(args.zlab).exists():
        raise outcome.Failed(f'no program {args.zlab}; "make" builds it')
    if not shutil.which("snakemake"):
        raise outcome.Failed('no snakemake; "make deps-cluster" installs it')
    table = experiments.load(args.table)
    failed = []
    outputs = experiments.chosen(table, args.what)
    for output in outputs:
        try:
            one(table, output, args)
        except outcome.Failed as err:
            failed.append(output)
            outcome.warn("cluster", str(err))
    if failed:
        raise outcome.Failed(
            f"{len(failed)} of {len(outputs)} failed: {', '.join(failed)}; "
            "what is finished is kept"
        )
    return 0
