# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's tables of allocators and locks, and what others published.

A table is a function from Sources to Markdown; TABLES has those of a module.
"""

import re

from analysis import grids, units
from analysis.records import intervals, reading


def published_pools(sources):
    """Pool sizes of the 2024 comparison: what was said, what the bytes say."""
    base = sources.published("zsmalloc.pool_max")["value"]
    rows = []
    for name in ("zsmalloc", "zbud", "z3fold"):
        value = sources.published(f"{name}.pool_max")["value"]
        said = sources.values.get(f"{name}.pool_said", {"value": "-"})["value"]
        computed = units.fmt_change(value / base) if value != base else "-"
        rows.append([name, f"{value:,}", said, computed])
    heads = ["allocator", "maximum pool, bytes", "as published", "from the bytes"]
    return grids.markdown(heads, rows)


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
        many = "lock.zbud32.sys" if "zbud" in name else "lock.pools32.sys"
        own = sources.published(many)["value"]
        rows.append(
            [label, f"{value:.2f}", units.fmt_change(value / base)]
            + [units.fmt_change(value / own) if name != many else "-"]
        )
    heads = ["kernel", "sys, s", "against the first"]
    return grids.markdown(heads + ["against its own many pools"], rows)


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
        means.append(
            show(intervals.geomean([value(c) for c in cells])) if whole else "-"
        )
    return grids.markdown(["trace, codec"] + labels, rows + [means])


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
    return grids.markdown(["backend", "refused stores", "worst case"], rows)


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
                    units.fmt_ns(worst["waittime_total_ns"]),
                    units.fmt_ns(worst["waittime_max_ns"]),
                ]
            )
    heads = ["case", "design", "worst lock", "acquisitions", "contentions"]
    return grids.markdown(heads + ["waittime-total", "waittime-max"], rows, left=3)


def lock_memory(sources):
    """Bytes per object that a longer lock in each zspage costs."""
    rows = []
    for found in reading.lines(sources.folder / "classes.jsonl"):
        chain = re.search(r"chain=(\d+)", found["backend"]).group(1)
        costs = found["bytes_per_object"]
        rows.append(
            [chain, found["classes"], f"{100 * found['spanning']:.1f} %"]
            + [f"{costs['classes'][k]:.2f}" for k in ("mean", "median")]
            + [f"{costs['slots'][k]:.2f}" for k in ("mean", "median")]
        )
    heads = ["chain", "classes", "objects that span pages", "mean", "median"]
    return grids.markdown(heads + ["mean by size", "median by size"], rows)


def peak_footprint(sources):
    """The largest footprint against the first backend, published and ours."""
    found = sources.set("space")
    base = sources.published("zsmalloc.pool_max")["value"]
    published = ["published, one pool"]
    rows = {}
    for spec in found.specs[1:]:
        value = sources.values.get(f"{found.labels[spec]}.pool_max")
        published.append(units.fmt_change(value["value"] / base) if value else "-")
        for case in found.cases:
            rows.setdefault(case.first.codec, {}).setdefault(spec, []).append(
                case.cells[spec].first.peak_footprint
                / case.cells[found.reference].first.peak_footprint
            )
    lines = [published]
    for codec, ratios in sorted(rows.items()):
        for name, of in (
            ("geometric mean", intervals.geomean),
            ("least", min),
            ("most", max),
        ):
            lines.append(
                [f"{codec}, {name}"]
                + [units.fmt_change(of(values)) for values in ratios.values()]
            )
    heads = ["pool"] + [found.labels[spec] for spec in found.specs[1:]]
    return grids.markdown(heads, lines)


TABLES = (
    published_pools,
    published_locks,
    space_density,
    space_frag,
    space_refused,
    locks_worst,
    lock_memory,
    peak_footprint,
)
