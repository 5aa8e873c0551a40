# SPDX-License-Identifier: GPL-2.0-or-later
"""T2: a kernel build in zswap; the pool's lock, class locks and zbud's lock."""

import statistics

from analysis.scenarios import shared

WORKERS = 20
BURST = 32  # SWAP_CLUSTER_MAX
LIVE = 1024
PAIRS = 512
SEEDS = (1, 2, 3)
NAMES = {
    "pool 32": "lock.pools32",
    "pool 1": "lock.pool",
    "class 1": "lock.class",
    "zbud 32": "lock.zbud32",
    "zbud 1": "lock.zbud",
}
# User and sys seconds.
PUBLISHED = {
    what: (shared.published(f"{name}.user"), shared.published(f"{name}.sys"))
    for what, name in NAMES.items()
}
BACKENDS = {
    "pool": "zsmalloc@6.10",
    "class": "zsmalloc@6.12",
    "zbud": "zbud",
}
# What is compared with what.
BASE = {"pool 1": "pool 32", "class 1": "pool 32", "zbud 1": "zbud 32"}
WANT = {k: PUBLISHED[k][1] / PUBLISHED[b][1] - 1 for k, b in BASE.items()}
TOPOLOGY = {"desktop": "1x20", "two-socket": "2x10", "chiplets": "2x10"}
TABLE_US = (30, 45, 60, 80, 120)
WITHIN = 3
INGREDIENTS = {
    "as it is": {},
    "no bursts": {"burst": 1},
    "who stored a page loads it": {"roam": False},
    "one size class": {"sizes": "one class"},
    "one socket": {"topology": f"1x{WORKERS}"},
}
SWITCHED_ON = "two-socket"
HEADS = ("pool, 1 of 32", "class, 1", "zbud, 1 of 32")
PUBLISHED_POOLS = 32
KEYS = ("profile", "model", "with", "at")


def grouped(records):
    """KEYS -> cases of the seeds."""
    out = {}
    for r in records:
        if r["case"]["what"] == "pool 32":
            key = tuple(r["case"][k] for k in KEYS)
            out.setdefault(key, []).append(r["case"])
    return out


def excess(cases, what):
    """A range in percent."""
    return shared.span([100 * c["excess"][what] for c in cases], "{:+.1f}")


def median(cases, what):
    """Of the seeds."""
    return statistics.median(c["excess"][what] for c in cases)


def judge(cases):
    """(in the published order, within the factor), of the medians."""
    got = {w: median(cases, w) for w in BASE}
    order = got["pool 1"] > got["zbud 1"] > got["class 1"]
    near = all(
        got[w] > 0 and 1 / WITHIN <= got[w] / WANT[w] <= WITHIN
        for w in ("class 1", "zbud 1")
    )
    return order, near


def found_rows(groups, wanted):
    """Where the pool's lock costs as published."""
    rows = []
    for key, cases in groups.items():
        if key[3] != "found" or not wanted(key):
            continue
        order, near = judge(cases)
        rows.append(
            [
                *(key[:2] if key[2] == "as it is" else (key[2], key[1])),
                shared.span([c["pair_ns"] / 1000 for c in cases], "{:.0f}"),
                *(excess(cases, w) for w in BASE),
                "yes" if order else "no",
                "yes" if near else "no",
            ]
        )
    return rows


def found_table(records):
    """A row per machine model."""
    published = [f"**{100 * WANT[w]:+.1f}**" for w in BASE]
    return shared.table(
        ["profile", "model", "T, us", *HEADS, "order", f"within {WITHIN} times"],
        [
            ["**published**", "", "", *published, "", ""],
            *found_rows(grouped(records), lambda k: k[2] == "as it is"),
        ],
    )


def summary(records):
    """What there is to say in a sentence."""
    plain = [
        c for k, c in grouped(records).items() if k[2] == "as it is" and k[3] == "found"
    ]
    judged = [judge(c) for c in plain]
    return {
        "cases": str(len(judged)),
        "order": str(sum(o for o, _ in judged)),
        "near": str(sum(n for _, n in judged)),
        "both": str(sum(o and n for o, n in judged)),
        "class": shared.span([100 * median(c, "class 1") for c in plain], "{:+.1f}"),
        "zbud": shared.span([100 * median(c, "zbud 1") for c in plain], "{:+.1f}"),
        "rate": shared.span(
            [c["pair_ns"] / 1000 for cs in plain for c in cs], "{:.0f}"
        ),
        "within": str(WITHIN),
        "cpus": str(WORKERS),
        "pools": str(PUBLISHED_POOLS),
    }


def page(records):
    """The scenario's part of the page."""
    groups = grouped(records)
    plain = [
        cases for k, cases in groups.items() if k[2] == "as it is" and k[3] == "found"
    ]
    judged = [judge(c) for c in plain]
    rates = [
        [f"{k[3]}", *k[:2], *(excess(c, w) for w in BASE)]
        for k, c in sorted(
            groups.items(), key=lambda g: (str(g[0][3]).zfill(5), g[0][:2])
        )
        if k[3] != "found"
    ]
    return [
        "## T2: the pool's lock, class locks and zbud in a kernel build",
        "",
        "Published (6.10, make -j32, zswap): sys with one pool more than with 32, "
        "percent. The operation rate is not published: T, all CPU time per store and "
        "load, is set where the pool's lock costs as published; class and zbud there "
        "are the prediction.",
        "",
        *found_table(records),
        "",
        f"The published order in {sum(o for o, _ in judged)} of {len(judged)} cases; "
        f"class and zbud both within a factor of {WITHIN} in "
        f"{sum(n for _, n in judged)} of {len(judged)}; both in "
        f"{sum(o and n for o, n in judged)}.",
        "",
        f"Ingredients, on {SWITCHED_ON}, T found anew for each:",
        "",
        *shared.table(
            [
                *("what differs", "model", "T, us", *HEADS, "order"),
                f"within {WITHIN} times",
            ],
            found_rows(groups, lambda k: k[2] != "as it is"),
        ),
        "",
        "Which model of memory is right decides zbud: its one lock's section has the "
        "most misses, which add up in one model and overlap in the other. With class "
        "locks the other side of the comparison matters as much, which makes some of "
        "their costs negative; probably since 32 pools have more zspages that are not "
        "full, and so touch more lines.",
        "",
        "At other operation rates:",
        "",
        *shared.table(["T, us", "profile", "model", *HEADS], rates),
        "",
        f"Assumptions: {WORKERS} CPUs are busy at a time, half of them on each socket "
        f"where there are two; reclaim stores {BURST} pages in a row, a page fault "
        f"loads one, on any CPU; each CPU has {LIVE} pages stored; sizes and codec are "
        "lz4's; sys with 32 pools is "
        f"{100 * PUBLISHED['pool 32'][1] / sum(PUBLISHED['pool 32']):.0f} % of all CPU "
        "time as published, all but the front end, codec and allocator's part of it "
        "spent in the think time. Not modelled: the shrinker and writeback, kswapd, "
        "charging to a memory cgroup, the LRU's per-cgroup lists (one list here), the "
        "page allocator's contention beyond its per-CPU lists and one zone lock.",
        "",
    ]
