# SPDX-License-Identifier: GPL-2.0-or-later
"""What a comparison says, as sentences: the first things on the page."""

from analysis import load, units
from analysis.records import intervals

SMALL_POOL = 1000


def common(found):
    """Backends that have a result in every case."""
    return [s for s in found.specs if all(s in c.cells for c in found.cases)]


def summarise(found, rows):
    """The page's first sentences: list of (question, answer)."""
    specs = [s for s in common(found) if any(c.cells[s].allocates for c in found.cases)]
    if not specs:
        return [("No common ground", "No allocator ran in every case.")]
    many = len(found.cases) > 1
    over = f", geometric mean of {len(found.cases)} cases" if many else ""
    name = found.labels
    return [
        line
        for line in (
            _say_density(found, specs, name, over),
            _say_rejected(found, specs, name),
            _say_small(found, specs),
            _say_sys(found, specs, rows, name, over),
            _say_locks(found),
            _say_threads(found),
            _say_noise(rows),
            _say_load(found),
        )
        if line
    ]


def _mean(found, spec, value):
    values = [value(case.cells[spec]) for case in found.cases]
    return intervals.geomean(values) if all(v > 0 for v in values) else 0.0


def _ranking(order, name, show):
    return "; ".join(f"{name[s]} {show(s)}" for s in order)


def _say_density(found, specs, name, over):
    dense = {s: _mean(found, s, lambda c: c.median(lambda r: r.density)) for s in specs}
    order = sorted((s for s in specs if dense[s]), key=dense.get, reverse=True)
    if not order:
        return None
    best = [s for s in order if dense[s] > 0.9999 * dense[order[0]]]
    hold = "holds" if len(best) == 1 else "hold"
    said = (
        f"{' and '.join(name[s] for s in best)} {hold} {dense[best[0]]:.2f} bytes "
        f"of pages per byte of memory{over}"
    )
    if len(order) > len(best):
        rest = order[len(best) : len(best) + 5]
        said += ". Then " + _ranking(rest, name, lambda s: f"{dense[s]:.2f}")
    return ("Best density", said + ".")


def _say_small(found, specs):
    small = {
        case.first.label: peak
        for case in found.cases
        if (peak := max(case.cells[s].first.raw["pool_pages_peak"] for s in specs))
        < SMALL_POOL
    }
    if not small:
        return None
    said = ", ".join(f"{trace} {peak}" for trace, peak in list(small.items())[:6])
    return (
        "Small pools",
        f"Pages at the peak: {said}. In a pool of few pages the partly filled ones "
        "and fixed tables decide about density; a larger trace says more.",
    )


def _say_rejected(found, specs, name):
    shares = {
        s: max(case.cells[s].first.rejected for case in found.cases) for s in specs
    }
    least = min(shares.values())
    picky = [s for s in specs if shares[s] > least + 0.0005]
    if not picky:
        return None
    said = "; ".join(f"{name[s]} {100 * shares[s]:.1f} %" for s in picky[:6])
    return (
        "Refused stores",
        f"Not all held the same pages. Refused, in the worst case: {said}. "
        f"The others: {100 * least:.1f} %. What is refused takes no memory here and "
        "goes to disk in a kernel, which flatters density.",
    )


def _say_sys(found, specs, rows, name, over):
    cost = {
        s: _mean(found, s, lambda c: c.median(lambda r: r.sys_ns / r.ops))
        for s in specs
    }
    order = sorted((s for s in specs if cost[s]), key=cost.get)
    if not order:
        return None
    best = order[0]
    said = f"{name[best]} takes {units.fmt_ns(cost[best])} per operation{over}"
    if len(order) > 1:
        rest = _ranking(
            order[1:6], name, lambda s: units.fmt_change(cost[s] / cost[best])
        )
        said += f". Against it: {rest}"
    clear = unclear = single = 0
    virtual = all(row.case.first.virtual for row in rows)
    for row in rows:
        if row.reference or not row.ratio:
            continue
        if row.ratio["low"] is None:
            single += 1
        elif row.ratio["low"] <= 1 <= row.ratio["high"]:
            unclear += 1
        else:
            clear += 1
    if virtual and clear + unclear:
        said += (
            f". In {unclear} of {clear + unclear} comparisons with "
            f"{name[found.reference]} the models disagree: less sys where "
            "misses overlap, more where they add up, or the other way round"
        )
    elif clear + unclear:
        said += (
            f". Of {clear + unclear} comparisons with {name[found.reference]}, "
            f"{unclear} have an interval that contains no difference"
        )
    elif single and not virtual:
        said += (
            f". Fewer than {intervals.MIN_PAIRS} runs each: no interval, so take "
            f"the order as a hint"
        )
    return ("Least sys time", said + ".")


def _say_locks(found):
    worst = None
    waits = 0
    for case in found.cases:
        for cell in case.cells.values():
            locks = cell.middle.raw.get("locks", [])
            total = sum(lock["waittime_total_ns"] for lock in locks)
            waits += total
            for lock in locks:
                if worst is None or lock["waittime_total_ns"] > worst[0]:
                    wait = lock["waittime_total_ns"]
                    worst = (wait, total, lock, cell, case)
    if not waits or worst is None:
        return (
            "Locks",
            "No lock was waited for in any run; one thread cannot contend.",
        )
    wait, total, lock, cell, case = worst
    said = (
        f"{lock['name']} of {cell.label} is waited for longest: "
        f"{units.fmt_ns(wait)} in {lock['contentions']} contentions, "
        f"{100 * wait / total:.0f} % of that run's lock wait and "
        f"{100 * wait / max(cell.middle.sys_ns, 1):.1f} % of its sys "
        f"({case.title})"
    )
    return ("The lock that dominates", said + ".")


def _threaded(case):
    return case.first.cpus > 1 and not case.first.virtual


def _say_threads(found):
    """Pages are not to be read as if they repeated."""
    cells = [
        (case, cell)
        for case in found.cases
        if _threaded(case)
        for cell in case.cells.values()
        if cell.allocates
    ]
    if not cells:
        return None
    said = "On several threads pages depend on how these interleave"
    if max(len(cell.runs) for _, cell in cells) == 1:
        said += "; by how much is unknown with one run each (--runs 5 shows it)"
        return ("Interleaving", said + ".")

    def width(pair):
        known = [run.frag for run in pair[1].runs if run.frag is not None]
        return max(known) - min(known) if known else 0.0

    case, cell = max(cells, key=width)
    said += (
        ", so numbers stand there with the least and the most of their runs. frag "
        f"ratio is {width((case, cell)):.1f} points apart at most "
        f"({cell.label}, {case.title})"
    )
    return ("Interleaving", said + ".")


def _say_load(found):
    said = load.note([run.raw for run in found.runs])
    return ("Load", said[0].upper() + said[1:] + ".") if said else None


def _exact(rows):
    where = " on one thread" if any(_threaded(row.case) for row in rows) else ""
    return f"Counts, pages and frag ratio repeat exactly{where}"


def _say_noise(rows):
    if all(row.case.first.virtual for row in rows):
        return (
            "Virtual time",
            "A result repeats to the digit, so no interval here is noise: each "
            "goes from misses that overlap to misses that add up. The costs are "
            "a profile's; what each contributes is printed with the table.",
        )
    again = [row.again for row in rows if row.again]
    if again:
        worst = max(again, key=lambda ratio: abs(ratio["ratio"] - 1))
        said = (
            f"The reference against itself, sampled in between in the same way, "
            f"differs by {units.fmt_change(worst['ratio'])}"
        )
        if worst["low"]:
            low, high = (units.fmt_change(worst[k]) for k in ("low", "high"))
            said += f" (95 % interval {low} to {high})"
        said += " in the worst case" if len(again) > 1 else ""
        return (
            "Noise (A/A)",
            f"{said}. A smaller difference means nothing. {_exact(rows)}.",
        )
    floors = sorted(row.floor for row in rows if row.floor)
    if not floors:
        return (
            "Noise",
            "Fewer than three runs each: how far a backend is from itself is "
            f"unknown. {_exact(rows)}; times do not.",
        )
    mid = floors[len(floors) // 2]
    return (
        "Noise",
        f"One run of a backend differs from its next by {(mid - 1) * 100:.1f} % "
        f"in sys time (median over all; worst {(floors[-1] - 1) * 100:.1f} %). "
        f"Smaller differences of single runs mean nothing. {_exact(rows)}.",
    )
