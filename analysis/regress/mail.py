# SPDX-License-Identifier: GPL-2.0-or-later
"""Two builds compared, as text for a patch description."""

import pathlib
import statistics
import textwrap

from analysis import grids, load, naming, units
from analysis.records import intervals
from analysis.regress import change
from analysis.regress.verdicts import flatten

WIDTH = 78


def differing(base, head):
    """Exact counters that the two do not share: name -> [base, head]."""
    one, two = flatten(base), flatten(head)
    names = [n for n in dict.fromkeys([*one, *two]) if one.get(n) != two.get(n)]
    return {n: [one.get(n, 0), two.get(n, 0)] for n in names}


def _threaded(record):
    return record["threads"] > 1 and not record["time"].get("virtual")


def spreads(base, head):
    """Counters that depend on how threads interleave: name -> both sides' runs.

    Only those of TOP and over_time: of locks and outcomes there are too many to
    be read.
    """
    sides = [[flatten(record) for record in side] for side in (base, head)]
    out = {}
    for name in sides[0][0]:
        values = [[run.get(name, 0) for run in side] for side in sides]
        if name.startswith(("counts.", "locks.")) or len(set(sum(values, []))) == 1:
            continue
        out[name] = values
    return out


def rows_of(jobs, found):
    """Compared jobs: what changed exactly, and how the times moved."""
    rows = []
    hashes = [found[j, "base"][0]["trace"]["sha256"] for j in range(len(jobs))]
    called = naming.labels(
        {sha256: pathlib.Path(job[0]).stem for sha256, job in zip(hashes, jobs)}
    )
    for j, (trace, spec, _, _) in enumerate(jobs):
        base, head = found[j, "base"], found[j, "head"]
        threaded = _threaded(base[0])
        floor = change.ratio(base, found[j, "again"], change.sys_ns)
        moved = change.ratio(base, head, change.sys_ns)
        rows.append(
            {
                "trace": pathlib.Path(trace).stem,
                "sha256": hashes[j],
                "label": called[hashes[j]],
                "backend": spec,
                "codec": base[0]["codec"],
                "exact": {} if threaded else differing(base[0], head[0]),
                "spread": spreads(base, head) if threaded else {},
                "load": load.note(
                    [
                        run
                        for side in ("base", "head", "again")
                        for run in found[j, side]
                    ]
                ),
                "base": intervals.summary([change.sys_ns(r) for r in base]),
                "head": intervals.summary([change.sys_ns(r) for r in head]),
                "sys": moved,
                "real": change.ratio(base, head, change.real_ns),
                "floor": floor,
                "verdict": change.verdict(moved, floor),
                "samples": {
                    side: [
                        [change.real_ns(r), change.sys_ns(r)] for r in found[j, side]
                    ]
                    for side in ("base", "head", "again")
                },
            }
        )
    return rows


def lines(rows, names, runs):
    """Lines of at most 78 columns, for a patch description."""
    out = [
        f"base {names['base']}",
        f"head {names['head']}",
        "",
    ]
    out += textwrap.wrap(
        f"sys time of the swap path, median of {runs} runs in fresh processes, "
        "interleaved at random; change with its 95 % bootstrap interval; A/A is "
        "the base against itself in the same session.",
        WIDTH,
    )
    for row in rows:
        title = f"{row['label']}, {row['codec']}, {row['backend']}"
        out += [""] + textwrap.wrap(title, WIDTH, break_long_words=True)
        body = [
            [
                "sys",
                units.fmt_ns(row["base"]["median"]),
                units.fmt_ns(row["head"]["median"]),
                change.percent(row["sys"]),
                change.interval(row["sys"]),
                change.percent(row["floor"]),
                row["verdict"],
            ]
        ]
        for name, (was, now) in row["exact"].items():
            moved = units.fmt_change(now / was) if was else "-"
            body.append([name, short(was), short(now), moved, "", "exact", ""])
        heads = ("", "base", "head", "change", "interval %", "A/A", "verdict")
        out += ["  " + line for line in grids.terminal(body, heads)]
        if row["spread"]:
            out += [""] + ["  " + line for line in spread_lines(row["spread"])]
        elif not row["exact"]:
            out.append("  pages, frag ratio, footprint and counts: identical")
        if row["load"]:
            out += textwrap.wrap(
                row["load"], WIDTH, initial_indent="  ", subsequent_indent="  "
            )
    return out


def spread_lines(spread):
    """What threads spread: least..most of each side's runs."""
    body = []
    for name, sides in spread.items():
        if "bytes" in name:
            name = name.replace("bytes", "MiB")
            sides = [[value / 2**20 for value in side] for side in sides]
        was, now = sides
        apart = max(was) < min(now) or max(now) < min(was)
        moved = statistics.median(now) / (statistics.median(was) or 1)
        body.append([name, ends(was), ends(now)])
        body[-1].append(units.fmt_change(moved) if apart else "overlap")
    heads = ("as threads interleave", "base", "head", "change")
    return grids.terminal(body, heads)


def ends(values):
    """The least and the most in a narrow column."""
    said = [short(min(values)), short(max(values))]
    return said[0] if said[0] == said[1] else "..".join(said)


def short(value):
    """A count or ratio in a narrow column."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
