# SPDX-License-Identifier: GPL-2.0-or-later
"""An experiment cut into jobs, and where each job leaves what it made.

A job is some steps of the experiment that follow each other. The plan is a
file, so that a job on another machine needs nothing else but the source tree,
the program and the plan, under the same paths:

  FOLDER/plan.json         the plan
  FOLDER/jobs/N.jsonl.tmp  what job N has finished; it goes on from there
  FOLDER/jobs/N.jsonl      all of job N: a journal, as of an experiment
  WORK/NAME.zlt            traces that are made before the jobs
"""

import dataclasses
import json
import pathlib

from analysis import ROOT, experiments, files, outcome

MEMORY_MB = 1024


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be run, in FOLDER.

    `jobs` has the first step of each job, `inputs` the traces that it needs.
    `memory_mb` is what a job may use; one that ends without a result gets
    twice as much the next time.
    """

    folder: pathlib.Path
    work: str
    output: str
    zlab: str
    version: str
    table: str
    table_sha256: str
    runs: int
    step: int
    jobs: list
    inputs: list
    memory_mb: int

    def steps(self):
        """The steps of the experiment; Failed if the table is another one."""
        if files.sha256_of(self.table) != self.table_sha256:
            raise outcome.Failed(
                f"{self.table} is not what {self.folder / 'plan.json'} was made "
                "from; remove that folder to begin anew"
            )
        table = experiments.load(pathlib.Path(self.table))
        return experiments.Steps(table, self.output, self.runs)

    def part(self, steps, number):
        """The steps of one job, each with its name in the journal."""
        first = self.jobs[number]["first"]
        return [(step.key, step) for step in steps[first : first + self.step]]

    def input(self, name):
        """Where a trace is that [inputs] calls `name`."""
        return ROOT / self.work / f"{name}.zlt"

    def job(self, number):
        """Where a job leaves its journal."""
        return self.folder / "jobs" / f"{number}.jsonl"


def make(options, table, output, version):
    """The plan of an experiment of steps."""
    experiment, runs, per_job = (
        table["experiments"][output],
        options.runs,
        options.steps,
    )
    if "scenario" in experiment:
        raise outcome.Failed(
            f"{output} chooses what it replays by what came before; "
            "it is no list of jobs: use make experiments"
        )
    todo = list(experiments.Steps(table, output, runs).all())
    jobs = [
        {
            "first": first,
            "inputs": sorted(
                {step.input for step in todo[first : first + per_job] if step.input}
            ),
        }
        for first in range(0, len(todo), per_job)
    ]
    return Plan(
        folder=(ROOT / options.work / "cluster" / pathlib.Path(output).stem),
        work=str(options.work),
        output=output,
        zlab=options.zlab,
        version=version,
        table=str(options.table),
        table_sha256=files.sha256_of(options.table),
        runs=runs,
        step=per_job,
        jobs=jobs,
        inputs=sorted({step.input for step in todo if step.input}),
        memory_mb=experiment.get("memory_mb", MEMORY_MB),
    )


def write(plan):
    """Keep a plan in its folder; one that is there must be the same."""
    path = plan.folder / "plan.json"
    text = json.dumps(dataclasses.asdict(plan) | {"folder": str(plan.folder)}, indent=1)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise outcome.Failed(
            f"{path}: {_difference(read(path), plan)}; remove {plan.folder} to "
            "begin anew, or go on with what it was begun with"
        )
    files.folder(plan.folder / "jobs")
    files.write(path, text)


def _difference(old, new):
    """What two plans of one folder do not agree on."""
    for field in dataclasses.fields(Plan):
        one, two = getattr(old, field.name), getattr(new, field.name)
        if one != two:
            name = {"step": "steps of a job", "version": "zlab"}.get(field.name)
            return f"begun with other {name or field.name}: {one}, now {two}"[:200]
    return "written by another version"


def read(path):
    """The plan that a file has."""
    found = files.load(path)
    try:
        return Plan(**found | {"folder": pathlib.Path(found["folder"])})
    except (TypeError, KeyError) as err:
        raise outcome.Failed(f"{path}: no plan of a cluster: {err}") from err
