# SPDX-License-Identifier: GPL-2.0-or-later
"""T2: the replays of the scenario."""

import math

from analysis.run.scenarios import workload
from analysis.scenarios import shared
from analysis.scenarios.t2 import (
    BACKENDS,
    BASE,
    BURST,
    INGREDIENTS,
    KEYS,
    LIVE,
    PAIRS,
    PUBLISHED,
    SEEDS,
    SWITCHED_ON,
    TABLE_US,
    TOPOLOGY,
    WANT,
    WORKERS,
)

# A tenth of the work, for a test.
QUICK = {"pairs": 128, "seeds": (1,), "table": (60,), "steps": 3}


class Scenario:
    """The set-up on one machine model."""

    def __init__(self, runner, pairs=PAIRS, seeds=SEEDS, table=TABLE_US, steps=8):
        self.runner, self.pairs, self.seeds = runner, pairs, seeds
        self.table, self.steps = table, steps
        self.traces = {}
        for change in INGREDIENTS.values():
            burst, roam = change.get("burst", BURST), change.get("roam", True)
            kind = change.get("sizes", "mixed")
            key = (kind, burst, roam)
            if key in self.traces:
                continue
            sizes = runner.sizes(16384, kind == "mixed")
            name = f"T2-{kind.replace(' ', '-')}-{burst}-{roam}-{pairs}"
            self.traces[key] = runner.trace(
                name, workload.closed_loop(WORKERS, pairs, LIVE, burst, sizes, roam)
            )

    def replay(self, case, what, seed, think):
        """One replay; think: user time per pair, ns."""
        change = INGREDIENTS[case["with"]]
        burst, roam = change.get("burst", BURST), change.get("roam", True)
        design, pools = what.split()
        # A burst of stores and each load think once.
        share = burst / (burst + 1)
        return self.runner.replay(
            self.traces[change.get("sizes", "mixed"), burst, roam],
            self.runner.profile(case["profile"]),
            *("--vcpus", WORKERS, "--assign", "tid", "--backend", BACKENDS[design]),
            *("--topology", change.get("topology", TOPOLOGY[case["profile"]])),
            *("--index", "xarray", "--pools", pools, "--charge", "lz4"),
            *("--think", round(think * share), "--burst", burst),
            *("--burst-of", "stores", "--model", case["model"], "--seed", seed),
        )

    def pair_ns(self, record):
        """CPU time of a store and a load, with the user time before them."""
        return record["virtual"]["store"]["cpus_ns"] / (self.pairs * WORKERS)

    def excess(self, case, what, seed, think):
        """More sys than the design's base, as a share of all sys."""
        base = BASE[what]
        user, sys = PUBLISHED[base]
        pool = self.pair_ns(self.replay(case, "pool 32", seed, think))
        more = self.pair_ns(self.replay(case, what, seed, think))
        more -= self.pair_ns(self.replay(case, base, seed, think))
        return more / (pool * sys / (user + sys))

    def find(self, case, seed):
        """The user time per pair at which the pool's lock costs as published."""
        low, high = 500.0, 500e3
        for _ in range(self.steps):
            think = math.sqrt(low * high)
            if self.excess(case, "pool 1", seed, think) > WANT["pool 1"]:
                low = think
            else:
                high = think
        return math.sqrt(low * high)

    def at(self, case, micros, seed):
        """User time per pair so that a pair takes so long with 32 pools."""
        think = max(0.0, micros * 1e3 - 6e3)
        took = self.pair_ns(self.replay(case, "pool 32", seed, think))
        return max(0.0, micros * 1e3 - (took - think))

    def point(self, case):
        """Records of all designs at one operation rate."""
        seed = case["seed"]
        if case["at"] == "found":
            think = self.find(case, seed)
        else:
            think = self.at(case, case["at"], seed)
        took = self.pair_ns(self.replay(case, "pool 32", seed, think))
        case = case | {"pair_ns": round(took)}
        case["excess"] = {w: self.excess(case, w, seed, think) for w in BASE}
        return [
            shared.slim(self.replay(case, what, seed, think), case | {"what": what})
            for what in PUBLISHED
        ]

    def run(self):
        """All records."""
        machines = [(p, m) for p in shared.PROFILES for m in shared.MODELS]
        keys = [(*k, "as it is", "found", s) for k in machines for s in self.seeds]
        keys += [
            (*k, "as it is", t, self.seeds[0]) for k in machines for t in self.table
        ]
        keys += [
            (SWITCHED_ON, m, name, "found", self.seeds[0])
            for name in list(INGREDIENTS)[1:]
            for m in shared.MODELS
        ]
        cases = [dict(zip((*KEYS, "seed"), k)) for k in keys]
        return [r for rs in self.runner.each(self.point, cases) for r in rs]
