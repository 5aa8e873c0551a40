# SPDX-License-Identifier: GPL-2.0-or-later
"""Replays of published set-ups on virtual CPUs: traces, profiles, records."""

import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import random
import subprocess
import threading

import text

ROOT = pathlib.Path(__file__).resolve().parent.parent
PUBLISHED = json.loads((ROOT / "results" / "published.json").read_text())["values"]
PROFILES = ("desktop", "two-socket", "chiplets")
MODELS = ("overlap", "sum")
# Pages in the order of a generated trace: how sizes of one codec are spread.
SIZES_SPEC = "scan:keys={n},ops={ops},window=0,unchanged=0,same=0,sizes=lz4,seed={seed}"
ONE_SIZE = 2048
# Bursts that a page stays before another worker loads it.
FRESH = 4
KEEP = ("backend", "topology", "virtual", "cli")
TIME_KEEP = ("real_ns", "user_ns", "sys_ns", "sys_split_ns")
LOCK_KEEP = ("name", "acquisitions", "contentions", "waittime_total_ns")


def slim(record, case):
    """What a table needs of a record, and which case of a scenario it is."""
    kept = {"case": case} | {k: record[k] for k in KEEP}
    kept["virtual"] = dict(kept["virtual"])
    for name in ("lines", "directory_bytes", "switches", "idle_ns"):
        kept["virtual"].pop(name, None)
    kept["time"] = {k: record["time"][k] for k in TIME_KEEP}
    kept["operations"] = {
        k: record["counts"][k] for k in ("store", "load", "invalidate")
    }
    kept["marks"] = [
        {k: m[k] for k in ("label", "time_ns") if k in m} for m in record["marks"]
    ]
    kept["locks"] = [
        {k: lock[k] for k in LOCK_KEEP}
        for lock in record["locks"]
        if lock["waittime_total_ns"]
    ][:2]
    return kept


def published(name):
    """A published value."""
    return PUBLISHED[name]["value"]


class Runner:
    """Makes traces and profiles in a folder, replays, keeps each replay once."""

    def __init__(self, zlab, work, jobs):
        self.zlab, self.work = zlab, pathlib.Path(work)
        self.jobs = jobs
        self.done = {}
        self.work.mkdir(parents=True, exist_ok=True)

    def command(self, *args):
        """Output of a zlab command."""
        run = subprocess.run(
            [self.zlab, *map(str, args)], capture_output=True, text=True, check=False
        )
        if run.returncode:
            text.die(
                f"scenarios: {args[0]}: {run.stderr.strip().removeprefix('zlab: ')}"
            )
        return run.stdout

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
            text.die(f"scenarios: {len(found)} sizes for {n} pages")
        return found[:n]

    def trace(self, name, events):
        """A trace of (op, key, size, tid) rows; made once."""
        path = self.work / f"{name}.zlt"
        if path.exists():
            return path
        with subprocess.Popen(
            [self.zlab, "import", "-", "-o", f"{path}.tmp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as to:
            to.stdin.write("op,key,size,tid,label\n")
            to.stdin.writelines(events)
        if to.returncode:
            text.die(f"scenarios: trace {name} was not made")
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
        key = (str(trace), str(profile), *map(str, options))
        if key not in self.done:
            self.done[key] = json.loads(
                self.command(
                    *("replay", trace, *options, "--profile", profile),
                    # Huge pages only cost time to clear; virtual time is the same.
                    *("--huge", "off", "--json", "-"),
                )
            )
        return self.done[key]

    def each(self, function, cases):
        """[function(case)], a few at a time."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(function, cases))


def share_of_expanding(profile):
    """Expanding an object of half a page, as a share of compressing to it."""
    lz4 = profile["codec"]["lz4"]
    half = 2048
    return (lz4["expand_ns"] + half * lz4["expand_ns_per_byte"]) / (
        lz4["compress_ns"] + half * lz4["compress_ns_per_byte"]
    )


def shuffled(seed):
    """A source of random choices that repeats."""
    return random.Random(seed)


def row(op, key, size, tid, label=""):
    """One line of a trace."""
    return f"{op},{key},{size},{tid},{label}\n"


def load(path):
    """Records of a scenario."""
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def span(values, form="{:.1f}"):
    """Least and most, or one number when they read alike."""
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low}..{high}"


def table(heads, rows):
    """Lines of a markdown table."""
    return [
        "| " + " | ".join(map(str, r)) + " |"
        for r in (heads, ["---"] * len(heads), *rows)
    ]


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


def parts(record):
    """Shares of a store: malloc, and the waits in malloc and in writing."""
    store = record["virtual"]["store"]
    return {k: v / store["ns"] for k, v in store.items()}


def store_share(record):
    """The store path's share of all time."""
    store = record["virtual"]["store"]
    return store["ns"] / store["cpus_ns"]
