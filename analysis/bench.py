# SPDX-License-Identifier: GPL-2.0-or-later
"""Running zlab for samples: a fresh process each, randomly interleaved."""

import json
import os
import random
import subprocess
import sys

import stats
import text


class Failed(Exception):
    """A replay that did not succeed; the message is its own line."""


def program():
    """The zlab that started this script."""
    return os.environ.get("ZLAB", "zlab")


def replay_args(trace, spec, codec, extra=()):
    """The arguments of one replay."""
    chosen = ["--codec", codec] if codec else []
    return ["replay", str(trace), "--backend", spec, *chosen, *extra]


def replay(zlab, trace, spec, codec, extra=(), wrap=()):
    """One replay; returns its result record."""
    args = replay_args(trace, spec, codec, extra)
    done = subprocess.run(
        [*wrap, str(zlab), *args, "--json", "-"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        line = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Failed(f"zlab {' '.join(args)}: status {done.returncode}: {line}")
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as err:
        raise Failed(f"zlab {' '.join(args)}: no result record: {err}") from err


class Progress:
    """A counter with time left on a terminal's stderr; silent elsewhere."""

    def __init__(self, total, what):
        self.total, self.what, self.done = total, what, 0
        self.shown = sys.stderr.isatty()

    def step(self, now=""):
        """One more is done."""
        self.done += 1
        if self.shown:
            line = f"{self.what} {self.done}/{self.total} {now}"
            print(f"\r\033[K{line[:78]}", end="", file=sys.stderr, flush=True)
            if self.done == self.total:
                print("\r\033[K", end="", file=sys.stderr, flush=True)


def interleave(sides, jobs, runs, seed=0):
    """Sample every job on every side, in random order within each round.

    `sides` maps a name to a zlab program; `jobs` is a list of
    (trace, spec, codec, extra). A side "again" with the program of another
    gives the A/A floor. Returns {(job index, side): [record per round]}.
    """
    rng = random.Random(seed)
    found = {(j, side): [] for j in range(len(jobs)) for side in sides}
    progress = Progress(runs * len(found), "run")
    for _ in range(runs):
        order = list(found)
        rng.shuffle(order)
        for j, side in order:
            found[j, side].append(replay(sides[side], *jobs[j]))
            progress.step(jobs[j][1])
    return found


def ratio(base, other, value):
    """paired_ratio() of two lists of records."""
    return stats.paired_ratio(
        dict(enumerate(map(value, base))), dict(enumerate(map(value, other)))
    )


def sys_ns(record):
    """CPU time inside the swap path."""
    return record["time"]["sys_ns"]


def real_ns(record):
    """Wall time."""
    return record["time"]["real_ns"]


def verdict(change, floor):
    """What an interval says, given how far a program is from itself."""
    if change is None or change["low"] is None:
        return "unknown"
    if change["low"] <= 1 <= change["high"]:
        return "same"
    if floor and abs(change["ratio"] - 1) <= abs(floor["ratio"] - 1):
        return "noise"
    return "slower" if change["ratio"] > 1 else "faster"


def interval(change):
    """-1.2 .. +3.4 %"""
    if change is None or change["low"] is None:
        return "-"
    low, high = (change["low"] - 1) * 100, (change["high"] - 1) * 100
    return f"{low:+.1f}..{high:+.1f}"


def percent(change):
    """+1.9 %"""
    return text.fmt_change(change["ratio"]) if change else "-"
