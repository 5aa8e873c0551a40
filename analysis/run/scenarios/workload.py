# SPDX-License-Identifier: GPL-2.0-or-later
"""Replays of published set-ups on virtual CPUs: their traces and profiles."""

import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import random
import threading

from analysis import ROOT, outcome, progress
from analysis.records.slim import slim
from analysis.run import replays
from analysis.scenarios.shared import ONE_SIZE

# Pages in the order of a generated trace: how sizes of one codec are spread.
SIZES_SPEC = "scan:keys={n},ops={ops},window=0,unchanged=0,same=0,sizes=lz4,seed={seed}"
# Bursts that a page stays before another worker loads it.
FRESH = 4


class Runner:
    """Makes traces and profiles in a folder, replays, keeps each replay once."""

    def __init__(self, zlab, work, journal, jobs=2):
        self.zlab, self.work = zlab, pathlib.Path(work)
        self.journal, self.jobs = journal, jobs
        self.work.mkdir(parents=True, exist_ok=True)

    def command(self, *args, **more):
        """Output of a zlab command."""
        return replays.command([self.zlab, *args], **more)

    def sizes(self, n, mixed, seed=1):
        """n object sizes: of one size class, or as a codec leaves them."""
        if not mixed:
            return [ONE_SIZE] * n
        path = self.work / "sizes.zlt"
        self.command(
            "generate", SIZES_SPEC.format(n=n, ops=4 * n, seed=seed), "-o", path
        )
        lines = self.command("export", path).splitlines()
        heads = lines[0].split(",")
        op, size = heads.index("op"), heads.index("size")
        rows = (line.split(",") for line in lines[1:])
        found = [int(row[size]) for row in rows if row[op] == "store"]
        if len(found) < n:
            raise outcome.Failed(f"{len(found)} sizes for {n} pages")
        return found[:n]

    def trace(self, name, events):
        """A trace of (op, key, size, tid) rows; made once."""
        path = self.work / f"{name}.zlt"
        if path.exists():
            return path
        rows = "op,key,size,tid,label\n" + "".join(events)
        self.command("import", "-", "-o", f"{path}.tmp", input=rows)
        pathlib.Path(f"{path}.tmp").rename(path)
        return path

    def profile(self, name, codec_ns=None):
        """A committed profile; codec_ns: with a codec "fit" of constant cost."""
        path = ROOT / "profiles" / f"{name}.json"
        if codec_ns is None:
            # Records keep the command line; it must not name this machine.
            return pathlib.Path(os.path.relpath(path))
        whole = json.loads(path.read_text())
        whole["codec"]["fit"] = {
            "compress_ns": codec_ns,
            "compress_ns_per_byte": 0,
            "expand_ns": codec_ns * share_of_expanding(whole),
            "expand_ns_per_byte": 0,
        }
        path = self.work / f"{name}-{codec_ns:.0f}.json"
        # Another thread may make the same one.
        part = self.work / f"{path.name}.{threading.get_ident()}"
        part.write_text(json.dumps(whole))
        return part.rename(path)

    def replay(self, trace, profile, *options):
        """One replay's record."""
        # Huge pages only cost time to clear; virtual time is the same.
        args = ["replay", trace, *options, "--profile", profile, "--huge", "off"]
        args = [str(arg) for arg in (*args, "--json", "-")]
        key = " ".join(args)
        if key not in self.journal:
            self.journal.add(key, [slim(json.loads(self.command(*args)))])
        return self.journal[key][0]

    def each(self, function, cases):
        """[function(case)], a few at a time."""
        with progress.Line("case", len(cases)) as line:

            def one(case):
                result = function(case)
                line.step()
                return result

            with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
                return list(pool.map(one, cases))


def share_of_expanding(profile):
    """Expanding an object of half a page, as a share of compressing to it."""
    lz4 = profile["codec"]["lz4"]
    half = 2048
    return (lz4["expand_ns"] + half * lz4["expand_ns_per_byte"]) / (
        lz4["compress_ns"] + half * lz4["compress_ns_per_byte"]
    )


def row(op, key, size, tid, label=""):
    """One line of a trace."""
    return f"{op},{key},{size},{tid},{label}\n"


def closed_loop(workers, pairs, live, burst, sizes, roam=False):
    """Each worker fills up; after a mark each stores a burst, loads as many, ...

    live: pages that a worker has stored between bursts; what it loads is taken at
    random, from all workers' pages if they roam, else from its own. What roams is
    loaded some bursts later at the earliest, so that nobody waits for a store.
    """
    choice = random.Random(1)
    stored = [[] for _ in range(workers)]
    fresh = [collections.deque() for _ in range(workers)]
    keys = itertools.count()

    def store(w):
        key = next(keys)
        fresh[w].append(key)
        if not roam or len(fresh[w]) > FRESH * burst:
            stored[w].append(fresh[w].popleft())
        return row("store", key, sizes[key % len(sizes)], w)

    def load(w):
        of = stored[choice.randrange(workers) if roam else w]
        i = choice.randrange(len(of))
        of[i], of[-1] = of[-1], of[i]
        return row("load", of.pop(), "", w)

    for _ in range(live):
        for w in range(workers):
            yield store(w)
    yield row("mark", "", "", 0, "full")
    for _ in range(pairs // burst):
        for w in range(workers):
            yield from (store(w) for _ in range(burst))
        for w in range(workers):
            yield from (load(w) for _ in range(burst))
