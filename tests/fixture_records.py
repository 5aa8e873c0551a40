#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up result records: they test the report and measure nothing.

usage: fixture_records.py [--runs N] [--cpus 1,2] [--traces N] > records.jsonl
"""

import argparse
import hashlib
import json
import math
import random

# name, frag ratio, sys factor, lock share
BACKENDS = (
    ("zsmalloc:lock=pool,zspage=preempt,chain=8", 93.0, 1.02, 0.030),
    ("zsmalloc:lock=class,zspage=preempt,chain=8", 93.0, 1.00, 0.004),
    ("zsmalloc:lock=class,zspage=preempt,chain=4", 91.2, 0.99, 0.004),
    ("z3fold:lock=pool,header=1", 86.0, 1.06, 0.050),
    ("zbud:lru=off", 61.0, 0.95, 0.010),
    ("jemalloc", 82.0, 0.97, 0.0),
)
CODECS = (("lz4", 11000, 2100, 0.48), ("zstd:3", 34000, 9500, 0.36))
EVENTS = 40000


def histogram(rng, middle, count):
    """A long-tailed latency histogram as [[upper ns, count], ...]."""
    buckets = {}
    for _ in range(count):
        value = middle * math.exp(rng.gauss(0, 0.25))
        if rng.random() < 0.012:
            value *= rng.uniform(2, 40)
        upper = int(2 ** (math.ceil(math.log2(value) * 16) / 16))
        buckets[upper] = buckets.get(upper, 0) + 1
    return [[k, buckets[k]] for k in sorted(buckets)]


def latency(rng, middle, count):
    """latency_ns of one operation."""
    hist = histogram(rng, middle, count)
    out = {"samples": count, "buckets": hist, "min": hist[0][0], "max": hist[-1][0]}
    out["mean"] = sum(upper * number for upper, number in hist) / count
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)):
        seen = 0
        for upper, number in hist:
            seen += number
            if seen >= share * count:
                out[name] = upper
                break
    return out


def record(trace, backend, codec, cpus, run):
    """One run."""
    spec, frag, factor, locked = backend
    name, store_ns, load_ns, ratio = codec
    seed = hashlib.sha256(f"{trace}{spec}{name}{cpus}{run}".encode()).digest()
    rng = random.Random(seed)
    stores, loads, frees = EVENTS // 2, EVENTS // 4, EVENTS // 4
    objects = stores - frees
    live = int(objects * 4096 * ratio)
    pages = math.ceil(live / (frag / 100) / 4096)
    noise = rng.uniform(0.95, 1.12)
    codec_ns = int((stores * store_ns + loads * load_ns) * noise)
    alloc_ns = int(EVENTS * 260 * factor * noise)
    wait_ns = int(codec_ns * locked * (cpus - 1) * noise)
    front_ns = int(EVENTS * 55 * noise)
    names = "event pool_pages objects object_bytes footprint_bytes compacted_pages"
    series = {name: [] for name in names.split()}
    freed = 0
    for i in range(1, 101):
        dip = 9 * abs(math.sin(i / 9)) if "zsmalloc" in spec else 3 * math.sin(i / 7)
        held = pages * min(100, i * 2) // 100 or 1
        full = frag - dip * (i % 20) / 20
        freed += 12 * (i % 20 == 0 and "zsmalloc" in spec)
        point = [i * EVENTS // 100, held, objects * held // pages]
        point += [int(held * 4096 * full / 100), held * 4096 + held * 10, freed]
        for column, value in zip(series, point):
            series[column].append(value)
    series["every"] = EVENTS // 100
    lock = {
        "name": "class->lock" if "lock=class" in spec else "pool->lock",
        "acquisitions": EVENTS,
        "contentions": EVENTS // 50 * (cpus - 1),
        "waittime_total_ns": wait_ns,
        "waittime_max_ns": wait_ns // 40,
        "holdtime_total_ns": EVENTS * 160,
        "holdtime_max_ns": 22000,
    }
    other = dict(lock, name="tree->lock", waittime_total_ns=wait_ns // 5)
    sys_ns = codec_ns + alloc_ns + wait_ns + front_ns
    return {
        "schema": 1,
        "run": run,
        "cli": ["zlab", "compare", f"{trace}.zlt", "--backend", spec],
        "trace": {
            "name": trace,
            "sha256": hashlib.sha256(trace.encode()).hexdigest(),
            "events": EVENTS,
        },
        "backend": spec,
        "codec": name,
        "threads": cpus,
        "seed": 1,
        "pools": 1,
        "counts": {
            "store": stores,
            "load": loads,
            "invalidate": frees,
            "rejected": 0,
            "same_filled": 120,
            "writeback": 0,
            "compacted_pages": freed,
        },
        "pool_pages": pages,
        "pool_pages_peak": pages + 300,
        "objects": objects,
        "object_bytes": live,
        "frag_ratio": 100 * live / (pages * 4096),
        "footprint_bytes": pages * 4096 + objects * 9,
        "metadata_bytes": objects * 9,
        "page_size": 4096,
        "events": EVENTS,
        "time": {
            "real_ns": int((sys_ns / cpus) * 1.02),
            "user_ns": sys_ns // 90,
            "sys_ns": sys_ns,
            "sys_split_ns": {
                "codec": codec_ns,
                "allocator": alloc_ns,
                "lock_wait": wait_ns,
                "frontend": front_ns,
            },
        },
        "latency_ns": {
            "store": latency(rng, store_ns * 1.05, 4000),
            "load": latency(rng, load_ns * 1.1, 4000),
        },
        "locks": [lock, other] if "jemalloc" not in spec else [],
        "marks": [],
        "series": series,
        "over_time": {
            "frag_ratio": frag - 2,
            "density": objects * 4096 / (pages * 4096 + objects * 9),
            "footprint_bytes_max": pages * 4096 + objects * 10,
        },
        "env": {
            "cpu": "made-up test data",
            "cores": 2,
            "kernel": "0.0",
            "compiler": "none",
            "flags": "none",
            "commit": "0000000",
            "date": "1970-01-01",
        },
    }


def records(traces=2, cpus=(1, 2), runs=9):
    """All of them, in the order of a comparison."""
    for run in range(runs):
        for trace in ("made-up-a", "made-up-b", "made-up-c")[:traces]:
            for codec in CODECS:
                for n in cpus:
                    for backend in BACKENDS:
                        yield record(trace, backend, codec, n, run)


def main():
    """Print them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--traces", type=int, default=2)
    parser.add_argument("--cpus", default="1,2")
    args = parser.parse_args()
    cpus = [int(n) for n in args.cpus.split(",")]
    for item in records(args.traces, cpus, args.runs):
        print(json.dumps(item))


if __name__ == "__main__":
    main()
