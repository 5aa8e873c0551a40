# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts zlab: one command, one replay, or many in random order.

Each sample is a fresh process; samples that are compared stand next to each
other in time.
"""

import json
import os
import random
import subprocess

from analysis import outcome, progress


def program():
    """The zlab that started this script."""
    return os.environ.get("ZLAB", "zlab")


def command(args, **more):
    """What a command prints; Failed with its last line when it fails."""
    args = [str(arg) for arg in args]
    if "input" not in more:
        more["stdin"] = subprocess.DEVNULL
    said = more.pop("input", None)
    pipe = subprocess.PIPE
    try:
        done = outcome.run(args, said, stdout=pipe, stderr=pipe, **more)
    except OSError as err:
        raise outcome.Failed(f"{args[0]}: {err.strerror}") from err
    if done.returncode:
        raise outcome.Failed(
            f"{' '.join(args)}: status {done.returncode}: {outcome.died(done)}"
        )
    return done.stdout


def zlab(*args):
    """What the zlab that started this script prints."""
    return command([program(), *args])


def replay_args(trace, spec, codec, extra=()):
    """The arguments of one replay."""
    chosen = ["--codec", codec] if codec else []
    return ["replay", str(trace), "--backend", spec, *chosen, *extra]


def replay(program, trace, spec, codec, extra=(), wrap=()):
    """One replay; returns its result record."""
    args = [*wrap, program, *replay_args(trace, spec, codec, extra), "--json", "-"]
    said = command(args)
    try:
        return json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError) as err:
        named = " ".join(map(str, args))
        raise outcome.Failed(f"{named}: no result record: {err}") from err


def interleave(sides, jobs, runs, seed=0):
    """Sample every job on every side, in random order within each round.

    `sides` maps a name to a zlab program; `jobs` is a list of
    (trace, spec, codec, extra). A side "again" with the program of another
    gives the A/A floor. Returns {(job index, side): [record per round]}.
    """
    rng = random.Random(seed)
    found = {(j, side): [] for j in range(len(jobs)) for side in sides}
    with progress.Line("run", runs * len(found)) as line:
        for _ in range(runs):
            order = list(found)
            rng.shuffle(order)
            for j, side in order:
                found[j, side].append(replay(sides[side], *jobs[j]))
                line.step(jobs[j][1])
    return found
