# SPDX-License-Identifier: GPL-2.0-or-later
"""T12: freeing cold objects by 1, 2 and 4 processes, before and after 7.3."""

import statistics

from analysis.scenarios import shared

OBJECTS = 65536
DESIGNS = {"class": "zsmalloc@7.2", "class-free": "zsmalloc@7.3"}
PROCESSES = (1, 2, 4)
PUBLISHED = {
    d: tuple(shared.published(f"free.{d}.{p}") for p in PROCESSES) for d in DESIGNS
}
SEEDS = (1, 2, 3, 4, 5)
SIZES = ("one class", "mixed")
WITHIN = 0.25
DESKTOP = "desktop"


def phase_ms(record):
    """Time from the mark to the end."""
    return (record["time"]["real_ns"] - record["marks"][0]["time_ns"]) / 1e6


def grouped(records):
    """(profile, model, sizes) -> (design, processes) -> times of the seeds."""
    out = {}
    for r in records:
        c = r["case"]
        group = out.setdefault((c["profile"], c["model"], c["sizes"]), {})
        group.setdefault((c["design"], c["processes"]), []).append(phase_ms(r))
    return out


def misses(group):
    """Relative error of the median of each cell but the one that fixed the rest."""
    return {
        (d, p): statistics.median(group[d, p]) / PUBLISHED[d][i] - 1
        for d in DESIGNS
        for i, p in enumerate(PROCESSES)
        if (d, p) != ("class-free", 1)
    }


def ratio(group, processes):
    """What the lookup without the pool's lock gains."""
    return statistics.median(group["class", processes]) / statistics.median(
        group["class-free", processes]
    )


def rows_of(groups, rest):
    """A row per machine model and sizes."""
    return [
        [*key, rest[key]]
        + [shared.span(group[d, p]) for d in DESIGNS for p in PROCESSES]
        + [f"{100 * max(misses(group).values(), key=abs):+.0f} %"]
        for key, group in groups.items()
    ]


def table_of(rows):
    """With the published row above."""
    heads = ["profile", "model", "sizes", "rest, ns"]
    heads += [f"{d}, {p}" for d in DESIGNS for p in PROCESSES] + ["worst"]
    published = [f"**{v}**" for d in DESIGNS for v in PUBLISHED[d]]
    return shared.table(heads, [["**published**", "", "", "", *published, ""], *rows])


def rests_of(records):
    """(profile, model, sizes) -> other work per free, ns."""
    return {
        (c["profile"], c["model"], c["sizes"]): c["rest_ns"]
        for c in (r["case"] for r in records)
    }


def desktop_table(records):
    """The machine that was measured."""
    groups = {k: g for k, g in grouped(records).items() if k[0] == DESKTOP}
    return table_of(rows_of(groups, rests_of(records)))


def summary(records):
    """What there is to say in a sentence."""
    groups = grouped(records)
    one, mixed = (groups[DESKTOP, shared.MODELS[0], s] for s in SIZES)
    last = PROCESSES[-1]
    said = PUBLISHED["class"][-1] / PUBLISHED["class-free"][-1]
    worst = [max(map(abs, misses(group).values())) for group in groups.values()]
    return {
        "rows": str(len(worst)),
        "near": str(sum(one <= WITHIN for one in worst)),
        "far": f"{100 * max(worst):.0f} %",
        "worst": f"{100 * max(map(abs, misses(one).values())):.0f} %",
        "within": f"{100 * WITHIN:.0f} %",
        "objects": str(OBJECTS),
        "processes": str(last),
        "gain": f"{ratio(one, last):.2f}",
        "gain_mixed": f"{ratio(mixed, last):.2f}",
        "gain_published": f"{said:.2f}",
        "slower": f"{slower(one, last):.1f}",
        "slower_mixed": f"{slower(mixed, last):.1f}",
        "slower_published": f"{PUBLISHED['class-free'][-1] / PUBLISHED['class-free'][0]:.1f}",
    }


def slower(group, processes):
    """How much longer that many processes take than one, class-free."""
    return statistics.median(group["class-free", processes]) / statistics.median(
        group["class-free", 1]
    )


def page(records):
    """The scenario's part of the page."""
    groups = grouped(records)
    met = [
        ", ".join(key)
        for key, group in groups.items()
        if max(map(abs, misses(group).values())) <= WITHIN
    ]
    say = summary(records)
    return [
        "## T12: freeing cold objects, class locks before and after 7.3",
        "",
        f"Published (i7-12700, zram, lzo-rle): 1, 2 and 4 processes each free {OBJECTS}"
        " pages that were swapped out, ms.",
        "",
        *table_of(rows_of(groups, rests_of(records))),
        "",
        f"The five other times within {100 * WITHIN:.0f} %: "
        + ("; ".join(met) if met else "in no case")
        + ". What was measured is a desktop with one socket, so that profile's rows are "
        "the prediction; the others show what another machine would do.",
        "",
        "What decides, on the desktop:",
        "",
        f"- *One size class.* With {say['processes']} processes the lookup without the "
        f"pool's lock gains {say['gain']} times with one class, {say['gain_mixed']} with "
        f"mixed sizes; published {say['gain_published']}. They take {say['slower']} "
        f"times as long as one process, {say['slower_mixed']} with mixed sizes; "
        f"published {say['slower_published']}. So the published slow-down needs objects "
        "of one or few classes.",
        "- *Overlap.* When misses add up, they stand inside the class's lock, and more "
        "than one process takes too long.",
        "",
        "Assumptions: each process on a CPU of its own, all on one socket; the sizes "
        f"are those of lz4 (mixed) or {shared.ONE_SIZE} bytes, the publication states "
        "neither; all processes store in turn, so their objects share zspages, and "
        "then free in the order of addresses, from the same moment on; the time is "
        "that of the last to end. *rest*: page tables, swap map and zram's own work "
        "are not modelled; they are one number per machine, ns per free, that makes "
        "one process with class-free take the published time (0 when the model takes "
        "longer by itself). Not modelled: zram's two shared counters and its slot "
        "locks.",
        "",
        "The published row of a small ARM board (4 Cortex-A72) is left out: no costs "
        "of its atomics, caches and memory are known to us, and its gain, which grows "
        "with the processes, points to two things that no profile has: atomics that "
        "retry under contention, and memory bandwidth.",
        "",
    ]
