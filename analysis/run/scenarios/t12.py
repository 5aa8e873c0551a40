# SPDX-License-Identifier: GPL-2.0-or-later
"""T12: the replays of the scenario."""

from analysis.run.scenarios import workload
from analysis.scenarios import shared
from analysis.scenarios.t12 import (
    DESIGNS,
    OBJECTS,
    PROCESSES,
    PUBLISHED,
    SEEDS,
    SIZES,
    phase_ms,
)

# A tenth of the work, for a test.
QUICK = {"objects": 512, "seeds": (1,)}


def events(processes, sizes, objects):
    """All store in turn, meet, and free in the order of their addresses."""
    for i in range(objects):
        for p in range(processes):
            key = p * objects + i
            yield workload.row("store", key, sizes[key], p)
    yield workload.row("mark", "", "", 0, "stored")
    for i in range(objects):
        for p in range(processes):
            yield workload.row("invalidate", p * objects + i, "", p)


class Scenario:
    """The set-up on one machine model."""

    def __init__(self, runner, objects=OBJECTS, seeds=SEEDS):
        self.runner, self.objects, self.seeds = runner, objects, seeds
        self.traces = {}
        for kind in SIZES:
            sizes = runner.sizes(PROCESSES[-1] * objects, kind == "mixed")
            for p in PROCESSES:
                name = f"T12-{kind.replace(' ', '-')}-{p}-{objects}"
                self.traces[kind, p] = runner.trace(name, events(p, sizes, objects))

    def replay(self, case, think):
        """One replay of a case with so much other work per free."""
        return self.runner.replay(
            self.traces[case["sizes"], case["processes"]],
            self.runner.profile(case["profile"]),
            *("--vcpus", case["processes"], "--topology", f"1x{PROCESSES[-1]}"),
            *("--backend", DESIGNS[case["design"]], "--assign", "tid"),
            *("--model", case["model"], "--think", think, "--seed", case["seed"]),
        )

    def rest(self, profile, model, sizes):
        """Other work per free, ns: class-free, one process, as published."""
        case = {"profile": profile, "model": model, "sizes": sizes}
        case.update(design="class-free", processes=1, seed=self.seeds[0])
        want = PUBLISHED["class-free"][0] * 1e6 * self.objects / OBJECTS
        think = 0
        for _ in range(3):
            lacks = want - phase_ms(self.replay(case, think)) * 1e6
            think = max(0, think + round(lacks / self.objects))
        return think

    def run(self):
        """All records."""
        machines = [
            (p, m, s) for p in shared.PROFILES for m in shared.MODELS for s in SIZES
        ]
        rests = self.runner.each(lambda k: self.rest(*k), machines)
        cases = [
            {
                "profile": profile,
                "model": model,
                "sizes": sizes,
                "rest_ns": think,
                "design": design,
                "processes": p,
                "seed": seed,
            }
            for (profile, model, sizes), think in zip(machines, rests)
            for design in DESIGNS
            for p in PROCESSES
            for seed in self.seeds
        ]
        return self.runner.each(
            lambda c: shared.slim(self.replay(c, c["rest_ns"]), c), cases
        )
