# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's tables and single numbers of the sweeps over virtual CPUs."""

from analysis import grids, units
from analysis.records import sweeps


def of(sources):
    """All committed sweeps: results/virtual/sweep-TRACE.jsonl."""
    found = []
    for path in sorted((sources.folder / "virtual").glob("sweep-*.jsonl")):
        found += sweeps.sweeps(sources.set(f"virtual/{path.stem}").runs)
    return sorted(found, key=lambda sweep: (sweep.first.trace, sweep.first.think_ns))


def _range(run):
    """sys per operation, both ends of the interval."""
    ends = sorted([run.sys_ns / run.ops, (run.sys_ns_sum or run.sys_ns) / run.ops])
    low, high = (units.fmt_ns(end) for end in ends)
    return low if low == high else f"{low} .. {high}"


def _worst(run):
    """The lock waited for longest and its share of sys."""
    name, share = sweeps.worst_lock(run)
    return [f"`{name}`", f"{100 * share:.0f} %"] if name else ["-", "-"]


def sweep_growth(sources):
    """sys per operation as the CPUs grow, with the lock behind it."""
    rows, counts = [], []
    for sweep in of(sources):
        counts = [sweep.counts[0], *sweep.counts[-3::2]]
        think = units.fmt_ns(sweep.first.think_ns) if sweep.first.think_ns else "none"
        for name, line in sweep.lines.items():
            row = [sweep.first.trace, think, f"`{name}`"]
            row += [_range(line[n]) for n in counts]
            rows.append(row + _worst(line[counts[-1]]))
    heads = ["trace", "think/op", "design"]
    heads += [f"sys/op on {n}" for n in counts]
    return grids.markdown(
        heads + [f"worst lock on {counts[-1]}", "of sys"], rows, left=3
    )


def sweep_sensitivity(sources):
    """What each cost contributes at the largest number of CPUs."""
    lines, reach = [], {}
    for sweep in of(sources):
        for name, line in sweep.lines.items():
            run = line[sweep.counts[-1]]
            costs = run.raw["virtual"].get("sensitivity")
            if not costs:
                continue
            lines.append((sweep.first.trace, name, costs))
            for cost, ends in costs.items():
                most = max(abs(end - 1) for end in ends)
                reach[cost] = max(reach.get(cost, 0), most)
    shown = sorted((c for c in reach if reach[c] >= 0.1), key=reach.get)[::-1]
    rows = []
    for trace, name, costs in lines:
        row = [trace, f"`{name}`"]
        for cost in shown:
            ends = costs.get(cost)
            row.append(
                " / ".join(f"{100 * end - 100:+.0f}" for end in ends) if ends else "-"
            )
        rows.append(row)
    return grids.markdown(["trace", "design"] + [f"`{c}`" for c in shown], rows, left=2)


METRICS = {
    "sys_op": lambda run: units.fmt_ns(run.sys_ns / run.ops),
    "sys_op_sum": lambda run: units.fmt_ns(run.sys_ns_sum / run.ops),
    "range": _range,
    "lock": lambda run: f"`{sweeps.worst_lock(run)[0]}`",
    "work": lambda run: f"{100 * run.split['allocator'] / run.sys_ns:.0f} %",
    "share": lambda run: f"{100 * sweeps.worst_lock(run)[1]:.0f} %",
    "think": lambda run: units.fmt_ns(run.think_ns),
    "burst": lambda run: str(run.raw["virtual"]["burst"]),
    "vcpus": lambda run: str(run.cpus),
    "profile": lambda run: run.raw["virtual"]["profile"],
    "topology": lambda run: run.raw["topology"],
    "events": lambda run: f"{run.events:,}",
    "pages": lambda run: f"{run.raw['pool_pages_peak']:,}",
    "live": lambda run: f"{run.raw['trace']['live_peak']:,}",
    "live_each": lambda run: f"{run.raw['trace']['live_peak'] / run.cpus:.0f}",
    "seed": lambda run: str(run.raw["seed"]),
}


def _pick(sources, where):
    """The run that TRACE/think|none/BACKEND/first|last|N names, or None."""
    trace, think, backend, cpus = where.split("/")
    for sweep in of(sources):
        if sweep.first.trace != trace or bool(sweep.first.think_ns) != (
            think == "think"
        ):
            continue
        at = {"first": sweep.counts[0], "last": sweep.counts[-1]}.get(cpus)
        return sweep.lines.get(backend, {}).get(at or int(cpus))
    return None


def number(sources, where, metric):
    """One number of a sweep, as text; None when nothing is picked.

    `metric` is one of METRICS, or against:BACKEND for the ratios of sys to
    that of another backend, or grows:N for those to its own sys on N CPUs.
    """
    run = _pick(sources, where)
    verb, _, other = metric.partition(":")
    if not run or verb not in {**METRICS, "against": 0, "grows": 0}:
        return None
    if verb in METRICS:
        return METRICS[verb](run)
    trace, think, backend, cpus = where.split("/")
    base = (
        _pick(sources, f"{trace}/{think}/{other}/{cpus}")
        if verb == "against"
        else _pick(sources, f"{trace}/{think}/{backend}/{other}")
    )
    if not base:
        return None
    ends = sorted(
        (one / run.ops) / (two / base.ops)
        for one, two in (
            (run.sys_ns, base.sys_ns),
            (run.sys_ns_sum, base.sys_ns_sum),
        )
    )
    return " to ".join(f"{end:.3g}" for end in ends)


TABLES = (sweep_growth, sweep_sensitivity)
