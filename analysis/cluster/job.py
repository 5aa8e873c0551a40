# SPDX-License-Identifier: GPL-2.0-or-later
"""One job of a plan: what a node of the cluster runs.

usage: job PLAN make NAME   make the trace NAME
       job PLAN run N       run job N, from where it was interrupted
"""

import contextlib
import fcntl
import os
import pathlib
import sys

from analysis import ROOT, outcome
from analysis.cluster import plan as plans
from analysis.records.slim import slim
from analysis.run import experiments, inputs, replays
from analysis.run.journal import Journal


def ran():
    """Where this process runs, as records say it."""
    where = {"node": os.environ.get("SLURMD_NODENAME") or os.uname().nodename}
    if "SLURM_JOB_ID" in os.environ:
        where["job"] = os.environ["SLURM_JOB_ID"]
    return where


def make(plan, name):
    """A trace that steps take, whole or not at all."""
    path = plan.input(name)
    temp = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        inputs.make(plan.zlab, plan.steps(), name, temp)
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(path):
    """Nobody else runs this job, though a scheduler that lost it may try."""
    with open(path.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise outcome.Failed(f"{path}: another process runs this job") from err
        yield


def run(plan, number):
    """The steps of job `number` that have no result yet."""
    steps = plan.steps()
    lab = experiments.Lab(plan.zlab, plan.work)
    lab.made.update(plan.inputs)
    if lab.version() != plan.version:
        raise outcome.Failed(
            f"{plan.zlab} is {lab.version()} here, the plan was made with "
            f"{plan.version}"
        )
    path = plan.job(number)
    with alone(path):
        finish(plan, lab, steps, number)


def finish(plan, lab, steps, number):
    """Those steps, and the name that says that all are there."""
    path = plan.job(number)
    journal = Journal(path, plan.version)
    part = pathlib.Path(os.path.relpath(path.with_suffix(".part")))
    for name, step in plan.part(list(steps.all()), number):
        if name in journal:
            continue
        found = experiments.records_of(lab, steps, step, part)
        keep = steps.experiment.get("keep", ())
        where = ran()
        journal.add(name, [slim(record, keep) | {"ran": where} for record in found])
    os.replace(journal.path, path)


def main():
    """Run what the scheduler asks for."""
    if len(sys.argv) != 4 or sys.argv[2] not in ("make", "run"):
        raise outcome.Failed("takes PLAN make NAME, or PLAN run N")
    path, verb, what = sys.argv[1:]
    # Records keep their command lines, which must not name this machine.
    plan = plans.read(os.path.abspath(path))
    os.chdir(ROOT)
    if verb == "make":
        make(plan, what)
    elif what in map(str, range(len(plan.jobs))):
        run(plan, int(what))
    else:
        raise outcome.Failed(f"job {what}: jobs are 0 to {len(plan.jobs) - 1}")
