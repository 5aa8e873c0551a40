# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's tables, each a function from Sources to Markdown."""

import json
import re
import statistics

import stats
import text


def markdown(heads, rows, left=1):
    """A Markdown table; the first `left` columns are text."""
    sides = ["---" if i < left else "--:" for i in range(len(heads))]
    lines = [heads, sides] + [[str(c) for c in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def published_pools(sources):
    """Pool sizes of the 2024 comparison: what was said, what the bytes say."""
    base = sources.published("zsmalloc.pool_max")["value"]
    rows = []
    for name in ("zsmalloc", "zbud", "z3fold"):
        value = sources.published(f"{name}.pool_max")["value"]
        said = sources.values.get(f"{name}.pool_said", {"value": "-"})["value"]
        computed = text.fmt_change(value / base) if value != base else "-"
        rows.append([name, f"{value:,}", said, computed])
    heads = ["allocator", "maximum pool, bytes", "as published", "from the bytes"]
    return markdown(heads, rows)


def published_locks(sources):
    """sys time of kernel builds under three lock designs."""
    base = sources.published("lock.pools32.sys")["value"]
    names = {
        "lock.pools32.sys": "zsmalloc, pool lock, many pools",
        "lock.pool.sys": "zsmalloc, pool lock, one pool",
        "lock.class.sys": "zsmalloc, class lock, one pool",
        "lock.zbud32.sys": "zbud, many pools",
        "lock.zbud.sys": "zbud, one pool",
    }
    rows = []
    for name, label in names.items():
        value = sources.published(name)["value"]
        rows.append([label, f"{value:.2f}", text.fmt_change(value / base)])
    return markdown(["kernel", "sys, s", "against the first"], rows)


def _matrix(found, value, show):
    """A row per case, a column per backend."""
    labels = [found.labels[spec] for spec in found.specs]
    rows = []
    for case in found.cases:
        row = [case.title]
        for spec in found.specs:
            cell = case.cells.get(spec)
            row.append(show(value(cell)) if cell else "-")
        rows.append(row)
    means = ["geometric mean"]
    for spec in found.specs:
        cells = [case.cells.get(spec) for case in found.cases]
        whole = all(cells) and all(value(cell) > 0 for cell in cells)
        means.append(show(stats.geomean([value(c) for c in cells])) if whole else "-")
    return markdown(["trace, codec"] + labels, rows + [means])


def space_density(sources):
    """Density per trace, codec and backend."""
    return _matrix(
        sources.set("space"), lambda cell: cell.first.density, lambda v: f"{v:.3f}"
    )


def space_frag(sources):
    """frag ratio per trace, codec and backend."""
    return _matrix(
        sources.set("space"),
        lambda cell: cell.first.frag or 0.0,
        lambda v: f"{v:.2f}",
    )


def space_refused(sources):
    """Stores that an allocator refused, the worst trace of each."""
    found = sources.set("space")
    rows = []
    for spec in found.specs:
        worst = max(
            (case for case in found.cases if spec in case.cells),
            key=lambda case: case.cells[spec].first.rejected,
        )
        cell = worst.cells[spec]
        rows.append(
            [found.labels[spec], f"{100 * cell.first.rejected:.2f} %", worst.title]
        )
    return markdown(["backend", "refused stores", "worst case"], rows)


def _times(found):
    """sys per operation with its ratio to the first backend."""
    rows = []
    reference = found.reference
    for case in found.cases:
        base = case.cells.get(reference)
        for spec, cell in case.cells.items():
            ratio = None
            if base and cell is not base:
                ratio = stats.paired_ratio(
                    base.by_round(lambda run: run.sys_ns),
                    cell.by_round(lambda run: run.sys_ns),
                )
            floor = stats.noise_floor([run.sys_ns for run in cell.runs])
            mid = cell.middle
            rows.append(
                [
                    case.title,
                    cell.label,
                    text.fmt_ns(cell.median(lambda run: run.sys_ns / run.ops)),
                    f"{100 * mid.split.get('codec', 0) / mid.sys_ns:.1f} %",
                    f"{100 * mid.split.get('lock_wait', 0) / mid.sys_ns:.1f} %",
                    f"{ratio['ratio']:.3f}" if ratio else "1",
                    (
                        f"{ratio['low']:.3f}..{ratio['high']:.3f}"
                        if ratio and ratio["low"]
                        else "-"
                    ),
                    f"{(floor - 1) * 100:.1f} %" if floor else "-",
                ]
            )
    heads = ["case", "backend", "sys/op", "codec", "lock wait", "ratio", "interval"]
    return markdown(heads + ["run to run"], rows, left=2)


def time_sys(sources):
    """sys time of the allocators."""
    return _times(sources.set("time"))


def locks_sys(sources):
    """sys time of the lock designs."""
    return _times(sources.set("locks"))


def locks_worst(sources):
    """The lock waited for longest, per design."""
    rows = []
    for case in sources.set("locks").cases:
        for cell in case.cells.values():
            locks = [k for k in cell.middle.raw["locks"] if k["acquisitions"]]
            if not locks:
                continue
            worst = max(locks, key=lambda lock: lock["waittime_total_ns"])
            if not worst["waittime_total_ns"]:
                continue
            rows.append(
                [
                    case.title,
                    cell.label,
                    f"`{worst['name']}`",
                    f"{worst['acquisitions']:,}",
                    f"{worst['contentions']:,}",
                    text.fmt_ns(worst["waittime_total_ns"]),
                    text.fmt_ns(worst["waittime_max_ns"]),
                ]
            )
    heads = ["case", "design", "worst lock", "acquisitions", "contentions"]
    return markdown(heads + ["waittime-total", "waittime-max"], rows, left=3)


def claims(sources):
    """What was claimed, how to repeat it, and how well it repeats."""
    known = {
        "compaction": ("frag ratio before and after compaction", "to the digit"),
        "moves": ("objects moved by forms of compaction", "to the digit"),
        "chain": ("pages by chain length", "to the digit"),
        "front": ("reclaim: pages freed per object", "to the digit"),
        "pools": ("one pool or many", "to the digit"),
        "index": ("forms of the index", "medians, within noise"),
        "designs": ("every locking design", "medians, within noise"),
        "virtual/sweep-sqlite": ("every design on virtual CPUs", "to the digit"),
        "virtual/sweep-make-j4": ("every design on virtual CPUs", "to the digit"),
        "readers": ("compaction against readers", "medians, within noise"),
        "atomic": ("atomic sections", "medians, within noise"),
        "zspage": ("memory of the zspage lock", "to the digit"),
        "space": ("density, frag ratio, footprint", "to the digit"),
        "classes": ("memory of a lock", "to the digit"),
        "time": ("sys time of allocators", "within the intervals"),
        "locks": ("lock designs", "in order"),
    }
    rows = [
        [what, f"`make results/{name}.jsonl`", f"`results/{name}.jsonl`", repeats]
        for name, (what, repeats) in known.items()
        if sources.has(name)
    ]
    return markdown(["claim", "command", "file", "repeats"], rows, left=4)


def lock_memory(sources):
    """Bytes per object that a longer lock in each zspage costs."""
    path = sources.folder / "classes.jsonl"
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        chain = re.search(r"chain=(\d+)", found["backend"]).group(1)
        costs = found["bytes_per_object"]
        rows.append(
            [chain, found["classes"], f"{100 * found['spanning']:.1f} %"]
            + [f"{costs['classes'][k]:.2f}" for k in ("mean", "median")]
            + [f"{costs['slots'][k]:.2f}" for k in ("mean", "median")]
        )
    heads = ["chain", "classes", "objects that span pages", "mean", "median"]
    return markdown(heads + ["mean by size", "median by size"], rows)


def traces(sources):
    """The traces of the study."""
    seen = {}
    for run in sources.set("space").runs:
        seen.setdefault(run.sha256, run)
    rows = [
        [
            run.trace,
            f"{run.events:,}",
            f"{run.raw['counts']['store']:,}",
            f"{run.raw['counts']['load']:,}",
            f"{run.raw['counts']['invalidate']:,}",
            f"`{run.sha256[:12]}`",
        ]
        for run in seen.values()
    ]
    heads = ["trace", "events", "stores", "loads", "invalidates", "SHA-256"]
    return markdown(heads, rows)


def _asked(run):
    """The backend as it was asked for, which is shorter than its full spec."""
    cli = run.raw["cli"]
    return cli[cli.index("--backend") + 1]


def _option(run, name):
    """An option of a run's full backend spec."""
    return re.search(rf"\b{name}=([\w-]+)", run.raw["backend"]).group(1)


def compaction(sources):
    """Pools before and after compaction, published and ours."""
    names = {"heavy-swap": "compaction", "aged": "compaction.aged"}
    found = {}
    for run in sources.set("compaction").runs:
        pair = found.setdefault((run.trace, _asked(run)), {})
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
    return markdown(heads, rows, left=2)


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
        form = (_option(run, "compact"), _option(run, "groups"))
        seeds = shares.setdefault(share, {}).setdefault(form, {})
        seeds[run.sha256] = run.raw["counts"]["moved_objects"]
    rows = []
    for (form, groups), name in forms.items():
        value = sources.published(name)["value"]
        base = sources.published("copies.old")["value"]
        change = text.fmt_change(value / base) if value != base else "-"
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
                        text.fmt_change(whole),
                        f"{text.fmt_change(min(ratios))} .. "
                        f"{text.fmt_change(max(ratios))}",
                    ]
                )
            )
    heads = ["test", "algorithm", "groups", "objects moved"]
    return markdown(heads + ["change", "over the seeds"], rows, left=2)


def chain(sources):
    """Pages of the largest pool by chain length, published and ours."""
    base = sources.published("chain.4")["value"]
    row = ["published, kernel build on zram", text.fmt_bytes(base)]
    for length in ("8", "16"):
        value = sources.published(f"chain.{length}")["value"]
        row.append(text.fmt_change(value / base))
    pools, peaks = {}, {}
    for run in sources.set("chain").runs:
        pools.setdefault(run.trace, {})[_option(run, "chain")] = run.raw
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
            [name, text.fmt_bytes(four * pools[single]["4"]["page_size"])]
            + [text.fmt_change(pages / four) for pages in longer]
        )
    heads = ["pool", "largest, chain 4", "chain 8", "chain 16"]
    return markdown(heads, rows)


def front_price(sources):
    """What writing back one object frees, by who chooses it."""
    rows = []
    for run in sources.set("front").runs:
        front = run.raw["zswap"]
        freed = front["pages_freed_per_writeback"]
        rows.append(
            [
                run.trace,
                f"`{_asked(run)}`",
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
    return markdown(heads, rows, left=3)


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
                f"`{_asked(run)}`",
                run.raw["pools"],
                text.fmt_bytes(peak),
                f"{run.raw['over_time']['frag_ratio']:.1f}",
                text.fmt_change(peak / one[case]) if peak != one[case] else "-",
            ]
        )
    heads = ["trace", "allocator", "pools", "footprint, largest"]
    heads += ["frag ratio over time, %", "footprint against one pool"]
    return markdown(heads, rows, left=2)


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
                text.fmt_ns(middle),
                text.fmt_ns(min(values)),
                text.fmt_ns(max(values)),
                "-" if index == "rbtree" else text.fmt_change(middle / base),
            ]
        )
    heads = ["index", "threads", "front end and lock wait per operation"]
    return markdown(heads + ["min", "max", "against rbtree"], rows)


def _zspage_memory(sources):
    """(trace, full spec) -> what `zlab classes --trace` says of it."""
    path = sources.folder / "zspage.jsonl"
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {(one["trace"]["name"], one["backend"]): one for one in found}


def _lock_bytes(memory, run):
    """Bytes of the zspage lock per object of a run's trace, as text."""
    found = memory.get((run.trace, run.raw["backend"]))
    if not found:
        return "-"
    form = re.search(r"zspage=(\w+)", found["backend"]).group(1)
    costs = {lock["zspage"]: lock["bytes_per_object"] for lock in found["locks"]}
    return f"{costs[form]['stores']['mean']:.2f}"


def _worst_lock(runs):
    """The lock class that all runs together waited for longest."""
    waits = {}
    for run in runs:
        for lock in run.raw["locks"]:
            name = lock["name"]
            waits[name] = waits.get(name, 0) + lock["waittime_total_ns"]
    worst = max(waits, key=waits.get, default=None)
    return f"`{worst}`" if worst and waits[worst] else "-"


def _middle(runs, value):
    """Median over runs, as a time."""
    return text.fmt_ns(statistics.median(value(run) for run in runs))


def _grouped(runs, key):
    """key(run) -> its runs."""
    groups = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups


def _era(spec):
    """An order in which kernel versions count as numbers."""
    return [int(n) if n.isdigit() else n for n in re.split(r"(\d+)", spec)]


def designs(sources):
    """Every locking design: time, waiting, tails and memory."""
    memory = _zspage_memory(sources)
    runs = sources.set("designs").runs
    groups = _grouped(runs, lambda run: (run.trace, run.cpus, _asked(run)))
    rows = []
    for key, found in sorted(
        groups.items(), key=lambda g: (g[0][0], g[0][1], _era(g[0][2]))
    ):
        rows.append(
            [
                key[0],
                key[1],
                f"`{key[2]}`",
                _middle(found, lambda run: run.sys_ns / run.ops),
                _middle(
                    found,
                    lambda run: run.raw["time"]["lock_wait_wall_ns"] / run.ops,
                ),
                _worst_lock(found),
                _middle(found, lambda run: run.raw["latency_ns"]["load"]["p999"]),
                _middle(found, lambda run: run.raw["atomic_section_ns"]["p99"]),
                _middle(found, lambda run: run.raw["atomic_section_ns"]["max"]),
                _lock_bytes(memory, found[0]),
            ]
        )
    heads = ["trace", "threads", "design", "sys/op", "lock wait/op", "worst lock"]
    heads += ["load p99.9", "atomic p99", "atomic max", "lock B/object"]
    return markdown(heads, rows, left=3)


def readers(sources):
    """Latency of loads and invalidates with and without compaction."""
    groups = _grouped(
        sources.set("readers").runs,
        lambda run: (run.trace, _asked(run), run.raw["options"]["compact_every"] > 0),
    )
    rows = []
    for (trace, design, beside), found in sorted(
        groups.items(), key=lambda g: (g[0][0], _era(g[0][1]), g[0][2])
    ):
        moved = statistics.median(run.raw["counts"]["moved_objects"] for run in found)
        row = [trace, f"`{design}`", f"{moved:,.0f}" if beside else "off"]
        for op in ("load", "invalidate"):
            timed = found[0].raw["latency_ns"][op]["samples"]
            for what in ("p50", "p99", "p999", "max"):
                row.append(
                    _middle(
                        found,
                        lambda run, o=op, w=what: run.raw["latency_ns"][o][w],
                    )
                    if timed
                    else "-"
                )
        rows.append(row)
    heads = ["trace", "design", "objects moved"]
    for op in ("load", "invalidate"):
        heads += [f"{op} p50", "p99", "p99.9", "max"]
    return markdown(heads, rows, left=2)


def atomic_sections(sources):
    """Time with preemption off, where the codec is part of the replay."""
    runs = sources.set("atomic").runs
    names = sorted({run.trace for run in runs})
    groups = _grouped(runs, lambda run: (_asked(run), run.trace))
    rows = []
    for design in sorted({key[0] for key in groups}, key=_era):
        row = [f"`{design}`"]
        for name in names:
            for what in ("p50", "p99", "p999", "max"):
                row.append(
                    _middle(
                        groups[(design, name)],
                        lambda run, w=what: run.raw["atomic_section_ns"][w],
                    )
                )
        rows.append(row)
    heads = ["design"]
    for name in names:
        heads += [f"{name} p50", "p99", "p99.9", "max"]
    return markdown(heads, rows)


def zspage_memory(sources):
    """Bytes that each form of the zspage lock takes."""
    chains = {}
    for (trace, spec), found in sorted(_zspage_memory(sources).items()):
        chain = int(re.search(r"chain=(\d+)", spec).group(1))
        chains.setdefault(chain, {}).setdefault(trace, found)
    names = sorted({trace for cases in chains.values() for trace in cases})
    rows = []
    for chain, cases in sorted(chains.items()):
        first = next(iter(cases.values()))
        for at, lock in enumerate(first["locks"]):
            if lock["zspage"] == "none":
                continue
            costs = lock["bytes_per_object"]["classes"]
            row = [chain, f"`{lock['zspage']}`", lock["type"]]
            row += [lock["bytes_per_zspage"], f"{lock['to_rwlock']:+d}"]
            row += [f"{costs['mean']:.2f}", f"{costs['median']:.2f}"]
            for name in names:
                costs = cases[name]["locks"][at]["bytes_per_object"]["stores"]
                row.append(f"{costs['mean']:.2f}")
            rows.append(row)
    heads = ["chain", "form", "type", "bytes", "to rwlock", "mean", "median"]
    return markdown(heads + names, rows, left=3)
