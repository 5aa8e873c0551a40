# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's tables of single mechanisms: compaction, chain length, front end.

The last one says which command repeats which experiment.
"""

import re
import statistics

from analysis import experiments as table
from analysis import grids, units
from analysis.figures import size
from analysis.records import reading


def asked(run):
    """The backend as it was asked for, which is shorter than its full spec."""
    cli = run.raw["cli"]
    return cli[cli.index("--backend") + 1]


def option(run, name):
    """An option of a run's full backend spec."""
    return re.search(rf"\b{name}=([\w-]+)", run.raw["backend"]).group(1)


def compaction(sources):
    """Pools before and after compaction, published and ours."""
    names = {"heavy-swap": "compaction", "aged": "compaction.aged"}
    found = {}
    for run in sources.set("compaction").runs:
        pair = found.setdefault((run.trace, asked(run)), {})
        pair[run.raw["options"]["compact_at_end"]] = run.raw
    rows = []
    for kind, name in names.items():
        stored, before, after = (
            sources.published(f"{name}.{part}")["value"]
            for part in ("stored", "before", "after")
        )
        moved = sources.values.get(f"{name}.moved")
        rows.append(
            [f"`{kind}`", "published"]
            + [f"{value:,}" for value in (stored, before, after)]
            + [f"{100 * stored / value:.2f}" for value in (before, after)]
            + [f"{moved['value']:,}" if moved else "-"]
        )
        for (trace, backend), pair in found.items():
            if trace != kind:
                continue
            last = pair[True]
            pages = [pair[done]["pool_pages"] for done in (False, True)]
            rows.append(
                [f"`{kind}`", f"`{backend}`", f"{last['object_bytes']:,}"]
                + [f"{count * last['page_size']:,}" for count in pages]
                + [f"{pair[done]['frag_ratio']:.2f}" for done in (False, True)]
                + [f"{last['counts']['moved_objects']:,}"]
            )
    heads = ["pool", "where", "live bytes", "pool before", "pool after"]
    heads += ["frag ratio before, %", "after, %", "objects moved"]
    return grids.markdown(heads, rows, left=2)


def moves(sources):
    """Objects moved by each form of compaction, seeds summed."""
    forms = {
        ("old", "4"): "copies.old",
        ("new", "4"): "copies.new",
        ("new", "12"): "copies.groups",
    }
    shares = {}
    for run in sources.set("moves").runs:
        share = re.search(r"fragment-([\d.]+)-", " ".join(run.raw["cli"])).group(1)
        form = (option(run, "compact"), option(run, "groups"))
        seeds = shares.setdefault(share, {}).setdefault(form, {})
        seeds[run.sha256] = run.raw["counts"]["moved_objects"]
    rows = []
    for (form, groups), name in forms.items():
        value = sources.published(name)["value"]
        base = sources.published("copies.old")["value"]
        change = units.fmt_change(value / base) if value != base else "-"
        rows.append(["published", form, groups, f"{value:,}", change, "-"])
    for share, by_form in sorted(shares.items()):
        base = by_form[("old", "4")]
        for (form, groups), seeds in by_form.items():
            ratios = [seeds[seed] / base[seed] for seed in seeds]
            whole = sum(seeds.values()) / sum(base.values())
            rows.append(
                [f"{100 * float(share):.0f} % freed", form, groups]
                + [f"{sum(seeds.values()):,}"]
                + (
                    ["-", "-"]
                    if seeds is base
                    else [
                        units.fmt_change(whole),
                        f"{units.fmt_change(min(ratios))} .. "
                        f"{units.fmt_change(max(ratios))}",
                    ]
                )
            )
    heads = ["test", "algorithm", "groups", "objects moved"]
    return grids.markdown(heads + ["change", "over the seeds"], rows, left=2)


def pool_size(sources):
    """The frag ratio of each allocator, by the bytes of the pages in its pool."""
    every = size.lines(reading.lines(sources.folder / "size.jsonl"))
    sizes = sorted({stored for line in every.values() for stored in line})
    rows = [
        [f"`{name}`"]
        + [f"{line[stored]:.2f}" if stored in line else "-" for stored in sizes]
        for name, line in every.items()
    ]
    heads = ["frag ratio, %"] + [units.fmt_bytes(stored) for stored in sizes]
    return grids.markdown(heads, rows)


def chain(sources):
    """Pages of the largest pool by chain length, published and ours."""
    base = sources.published("chain.4")["value"]
    row = ["published, kernel build on zram", units.fmt_bytes(base)]
    for length in ("8", "16"):
        value = sources.published(f"chain.{length}")["value"]
        row.append(units.fmt_change(value / base))
    pools, peaks = {}, {}
    for run in sources.set("chain").runs:
        pools.setdefault(run.trace, {})[option(run, "chain")] = run.raw
    for trace, raw in pools.items():
        peaks[trace] = [raw[n]["pool_pages_peak"] for n in ("4", "8", "16")]
    single = "every-page"
    peaks = {single: peaks.pop(single), **dict(sorted(peaks.items()))}
    peaks["the traces' sum"] = [
        sum(peak[i] for name, peak in peaks.items() if name != single) for i in range(3)
    ]
    rows = [row]
    for name, (four, *longer) in peaks.items():
        rows.append(
            [name, units.fmt_bytes(four * pools[single]["4"]["page_size"])]
            + [units.fmt_change(pages / four) for pages in longer]
        )
    heads = ["pool", "largest, chain 4", "chain 8", "chain 16"]
    return grids.markdown(heads, rows)


def front_price(sources):
    """What writing back one object frees, by who chooses it."""
    rows = []
    for run in sources.set("front").runs:
        front = run.raw["zswap"]
        freed = front["pages_freed_per_writeback"]
        rows.append(
            [
                run.trace,
                f"`{asked(run)}`",
                front["reclaim"],
                f"{front['written_back_pages']:,}",
                f"{front['pages_freed_by_writeback']:,}",
                "-" if freed is None else f"{freed:.3f}",
                f"{100 * front['pool_hit_ratio']:.1f}",
                f"{front['rejected_pages']:,}",
            ]
        )
    heads = ["trace", "allocator", "reclaim", "written back", "pages freed"]
    heads += ["freed per object", "loads from the pool, %", "stores refused"]
    return grids.markdown(heads, rows, left=3)


def front_pools(sources):
    """What spreading entries over pools costs in pages."""
    rows = []
    one = {}
    for run in sources.set("pools").runs:
        peak = run.raw["over_time"]["footprint_bytes_max"]
        case = (run.trace, run.raw["backend"])
        one.setdefault(case, peak)
        rows.append(
            [
                run.trace,
                f"`{asked(run)}`",
                run.raw["pools"],
                units.fmt_bytes(peak),
                f"{run.raw['over_time']['frag_ratio']:.1f}",
                units.fmt_change(peak / one[case]) if peak != one[case] else "-",
            ]
        )
    heads = ["trace", "allocator", "pools", "footprint, largest"]
    heads += ["frag ratio over time, %", "footprint against one pool"]
    return grids.markdown(heads, rows, left=2)


def front_index(sources):
    """CPU time of the front end under each form of the index."""
    groups = {}
    for run in sources.set("index").runs:
        key = (run.raw["threads"], run.raw["zswap"]["index"])
        split = run.raw["time"]["sys_split_ns"]
        whole = split["frontend"] + split["lock_wait"]
        groups.setdefault(key, []).append(whole / run.ops)
    rows = []
    for (threads, index), values in sorted(groups.items()):
        base = statistics.median(groups[(threads, "rbtree")])
        middle = statistics.median(values)
        rows.append(
            [
                index,
                threads,
                units.fmt_ns(middle),
                units.fmt_ns(min(values)),
                units.fmt_ns(max(values)),
                "-" if index == "rbtree" else units.fmt_change(middle / base),
            ]
        )
    heads = ["index", "threads", "front end and lock wait per operation"]
    return grids.markdown(heads + ["min", "max", "against rbtree"], rows)


def claims(sources):
    """What was claimed, how to repeat it, and how well it repeats."""
    rows = []
    for output, experiment in table.load()["experiments"].items():
        name = output.removeprefix("results/").removesuffix(".jsonl")
        if "repeats" in experiment and sources.has(name):
            rows.append(
                [experiment["about"], f"`make {output}`", f"`{output}`"]
                + [experiment["repeats"]]
            )
    return grids.markdown(["claim", "command", "file", "repeats"], rows, left=4)


TABLES = (
    compaction,
    moves,
    chain,
    pool_size,
    front_price,
    front_pools,
    front_index,
    claims,
)
