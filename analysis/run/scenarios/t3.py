# SPDX-License-Identifier: GPL-2.0-or-later
"""T3: the replays of the scenario."""

from analysis.run.scenarios import workload
from analysis.scenarios import shared
from analysis.scenarios.t3 import (
    BACKEND,
    BURST,
    BURSTS,
    CODECS,
    INGREDIENTS,
    KEYS,
    LIVE,
    MALLOC_SHARE,
    PAIRS,
    SEEDS,
    SIZES,
    STORE_SHARE,
    SWITCHED_ON,
    TOPOLOGY,
    WORKERS,
)

# A tenth of the work, for a test.
QUICK = {"pairs": 320, "seeds": (1,)}


class Scenario:
    """The set-up on one machine model."""

    def __init__(self, runner, pairs=PAIRS, seeds=SEEDS):
        self.runner, self.pairs, self.seeds = runner, pairs, seeds
        self.traces = {}
        for kind in SIZES:
            sizes = runner.sizes(16384, kind == "mixed")
            for burst in (1, BURST):
                name = f"T3-{kind.replace(' ', '-')}-{burst}-{pairs}"
                events = workload.closed_loop(WORKERS, pairs, LIVE, burst, sizes)
                self.traces[kind, burst] = runner.trace(name, events)

    def replay(self, case, pools, seed, think, codec):
        """One replay; codec: ns per store, or None for one of the profile's."""
        change = INGREDIENTS[case["with"]]
        burst = change.get("burst", BURST)
        options = [f"--scale={s}" for s in change.get("scale", ())]
        return self.runner.replay(
            self.traces[case["sizes"], burst],
            self.runner.profile(case["profile"], codec),
            *("--vcpus", WORKERS, "--assign", "tid", "--backend", BACKEND),
            *("--topology", change.get("topology", TOPOLOGY[case["profile"]])),
            *("--index", change.get("index", "rbtree"), "--pools", pools),
            *("--charge", case["codec"], "--think", round(think), "--burst", burst),
            *("--burst-of", change.get("of", "all")),
            *("--model", case["model"], "--seed", seed, *options),
        )

    def fit(self, case):
        """Think time and codec from the column of 32 pools alone."""
        think = 1000.0 * INGREDIENTS[case["with"]].get("burst", BURST)
        codec = 1000.0 if case["codec"] == "fit" else None
        for _ in range(3 if codec is None else 5):
            r = self.replay(case, 32, self.seeds[0], think, codec)
            store = r["virtual"]["store"]
            if codec is not None:
                lacks = store["malloc_ns"] / MALLOC_SHARE - store["ns"]
                codec = max(0, round(codec + lacks / (self.pairs * WORKERS)))
            user = r["time"]["user_ns"] * self.pairs / (self.pairs + LIVE / 2)
            lacks = store["ns"] / STORE_SHARE - store["cpus_ns"]
            think = max(1, think * (1 + lacks / user))
        return think, codec

    def series(self, case):
        """The fitted column, and the predicted one for each seed."""
        think, codec = self.fit(case)
        case = case | {"think_ns": round(think), "codec_ns": codec}
        seeds = self.seeds if case["with"] in BURSTS else self.seeds[:1]
        out = []
        for pools, seed in [(32, seeds[0])] + [(1, s) for s in seeds]:
            r = self.replay(case, pools, seed, think, codec)
            out.append(shared.slim(r, case | {"pools": pools, "seed": seed}))
        return out

    def run(self):
        """All records."""
        keys = [
            (profile, model, sizes, codec, "as it is")
            for profile in shared.PROFILES
            for model in shared.MODELS
            for sizes in SIZES
            for codec in CODECS
        ]
        keys += [
            (profile, model, sizes, CODECS[0], "only stores in bursts")
            for profile in shared.PROFILES
            for model in shared.MODELS
            for sizes in SIZES
        ]
        keys += [
            (SWITCHED_ON, model, sizes, CODECS[0], name)
            for name in INGREDIENTS
            if name not in BURSTS
            for model in shared.MODELS
            for sizes in SIZES
        ]
        cases = [dict(zip(KEYS, key)) for key in keys]
        return [r for rs in self.runner.each(self.series, cases) for r in rs]
