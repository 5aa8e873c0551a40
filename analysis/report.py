#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn a folder of result records into tables, plots and one page."""

import argparse
import csv
import pathlib
import shlex
import signal
import sys
import textwrap

import extras
import gnuplot
import page
import plots
import records
import stats
import sweeps
import text

HERE = pathlib.Path(__file__).resolve().parent
SMALL_POOL = 1000
LOCK_COLUMNS = (
    ("con-bounces", "con_bounces", int),
    ("contentions", "contentions", int),
    ("waittime-min", "waittime_min_ns", text.fmt_ns),
    ("waittime-max", "waittime_max_ns", text.fmt_ns),
    ("waittime-total", "waittime_total_ns", text.fmt_ns),
    ("waittime-avg", "waittime_avg_ns", text.fmt_ns),
    ("acq-bounces", "acq_bounces", int),
    ("acquisitions", "acquisitions", int),
    ("holdtime-min", "holdtime_min_ns", text.fmt_ns),
    ("holdtime-max", "holdtime_max_ns", text.fmt_ns),
    ("holdtime-total", "holdtime_total_ns", text.fmt_ns),
    ("holdtime-avg", "holdtime_avg_ns", text.fmt_ns),
)
CSV_COLUMNS = (
    "trace sha256 events codec threads virtual backend round aa "
    "pool_pages pool_pages_peak objects object_bytes frag_ratio frag_ratio_end "
    "footprint_bytes footprint_bytes_max density real_ns user_ns sys_ns "
    "sys_codec_ns sys_allocator_ns sys_lock_wait_ns sys_frontend_ns store_p99_ns load_p99_ns "
    "sys_ns_sum"
).split()


class Row:
    """One line of the comparison: a backend in a case, beside a reference."""

    def __init__(self, case, cell, reference):
        self.case, self.cell = case, cell
        self.sys = cell.median(lambda run: run.sys_ns)
        self.floor = stats.noise_floor([run.sys_ns for run in cell.runs])
        self.again = None
        self.ratio = None
        base = case.cells.get(reference)
        self.reference = base is cell
        if case.first.virtual:
            self._virtual(base)
            return
        if self.reference and case.again:
            self.again = stats.paired_ratio(
                cell.by_round(lambda run: run.sys_ns),
                {run.round: run.sys_ns for run in case.again},
            )
        if base and base is not cell and base.first.machine == cell.first.machine:
            self.ratio = stats.paired_ratio(
                base.by_round(lambda run: run.sys_ns),
                cell.by_round(lambda run: run.sys_ns),
            )

    def _virtual(self, base):
        """Virtual time has no noise: the interval is that of the two models,
        from misses that overlap to misses that add up."""
        self.floor = None
        if not base or base is self.cell:
            return
        ends = [
            ratio["ratio"]
            for value in (lambda run: run.sys_ns, lambda run: run.sys_ns_sum or 0)
            if (
                ratio := stats.paired_ratio(
                    base.by_round(value), self.cell.by_round(value)
                )
            )
        ]
        if ends:
            low = min(ends) if len(ends) > 1 else None
            high = max(ends) if len(ends) > 1 else None
            rounds = len(self.cell.runs)
            self.ratio = {"n": rounds, "ratio": ends[0], "low": low, "high": high}

    def p99(self, op):
        """Median over the runs of an operation's p99, or None."""
        found = [
            run.raw["latency_ns"][op]["p99"]
            for run in self.cell.runs
            if run.raw.get("latency_ns", {}).get(op, {}).get("p99")
        ]
        return stats.summary(found)["median"] if found else None

    def sys_text(self, show):
        """sys per operation; of virtual CPUs both ends of the interval."""
        whole = [self.sys / self.cell.first.ops]
        if all(run.sys_ns_sum for run in self.cell.runs):
            whole.append(self.cell.median(lambda run: run.sys_ns_sum / run.ops))
        return "..".join(show(value) for value in whole)

    @property
    def ratio_text(self):
        if self.reference:
            return "1"
        return f"{self.ratio['ratio']:.3f}" if self.ratio else "-"

    @property
    def interval(self):
        """Whether there are enough rounds for one."""
        return bool(self.ratio) and self.ratio["low"] is not None

    @property
    def interval_text(self):
        if not self.interval:
            return "-"
        return f"{self.ratio['low']:.3f}..{self.ratio['high']:.3f}"


def compare(found):
    """All rows; the reference of a folder is its first backend."""
    if not found.runs:
        return []
    reference = found.reference
    return [
        Row(case, cell, reference)
        for case in found.cases
        for cell in case.cells.values()
    ]


def number(value, digits):
    """A number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def share(part, whole):
    """A percentage, or a dash."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def text_table(found, rows):
    """The comparison as lines for a terminal, one table per case."""
    lines = []
    heads = (
        "backend frag density refused footprint peak sys/op codec alloc lock front "
        "p99st p99ld ratio interval"
    ).split()
    for case in found.cases:
        body = []
        for row in (r for r in rows if r.case is case):
            run, mid = row.cell.first, row.cell.middle
            p99 = [row.p99(op) for op in ("store", "load")]
            body.append(
                [
                    row.cell.label,
                    number(run.frag, 2),
                    f"{run.density:.3f}",
                    f"{100 * run.rejected:.1f} %",
                    text.fmt_bytes(run.peak_footprint),
                    run.raw["pool_pages_peak"],
                    row.sys_text(text.fmt_ns),
                ]
                + [share(mid.split.get(n, 0), mid.sys_ns) for n in plots.SPLIT]
                + [text.fmt_ns(v) if v else "-" for v in p99]
                + [row.ratio_text, row.interval_text]
            )
        lines += ["", f"{case.title} ({plots.measured(case)})"]
        lines += text.table(body, heads)
    return lines


def write_csv(path, found):
    """One line per run, for spreadsheets, pandas, R and DuckDB."""
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for run in found.runs:
            raw, time = run.raw, run.raw["time"]
            latency = raw.get("latency_ns", {})
            writer.writerow(
                [run.trace, run.sha256, run.events, run.codec, run.cpus]
                + [int(run.virtual), run.spec, run.round]
                + [int(run.raw.get("aa", False))]
                + [raw["pool_pages"], raw["pool_pages_peak"], raw["objects"]]
                + [raw["object_bytes"], run.frag, run.frag_end]
                + [raw["footprint_bytes"], run.peak_footprint]
                + [f"{run.density:.6f}"]
                + [time["real_ns"], time["user_ns"], time["sys_ns"]]
                + [run.split.get(name, 0) for name in plots.SPLIT]
                + [latency.get(op, {}).get("p99", "") for op in ("store", "load")]
                + [run.sys_ns_sum or ""]
            )


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
            _say_noise(rows),
        )
        if line
    ]


def _mean(found, spec, value):
    values = [value(case.cells[spec]) for case in found.cases]
    return stats.geomean(values) if all(v > 0 for v in values) else 0.0


def _ranking(order, name, show):
    return "; ".join(f"{name[s]} {show(s)}" for s in order)


def _say_density(found, specs, name, over):
    dense = {s: _mean(found, s, lambda c: c.first.density) for s in specs}
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
        case.first.trace: peak
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
    said = f"{name[best]} takes {text.fmt_ns(cost[best])} per operation{over}"
    if len(order) > 1:
        rest = _ranking(
            order[1:6], name, lambda s: text.fmt_change(cost[s] / cost[best])
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
            f". Fewer than {stats.MIN_PAIRS} runs each: no interval, so take "
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
        f"{text.fmt_ns(wait)} in {lock['contentions']} contentions, "
        f"{100 * wait / total:.0f} % of that run's lock wait and "
        f"{100 * wait / max(cell.middle.sys_ns, 1):.1f} % of its sys "
        f"({case.title})"
    )
    return ("The lock that dominates", said + ".")


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
            f"differs by {text.fmt_change(worst['ratio'])}"
        )
        if worst["low"]:
            low, high = (text.fmt_change(worst[k]) for k in ("low", "high"))
            said += f" (95 % interval {low} to {high})"
        said += " in the worst case" if len(again) > 1 else ""
        return (
            "Noise (A/A)",
            said + ". A smaller difference means nothing. Counts, pages and frag "
            "ratio repeat exactly.",
        )
    floors = sorted(row.floor for row in rows if row.floor)
    if not floors:
        return (
            "Noise",
            "Fewer than three runs each: how far a backend is from itself is "
            "unknown. Counts, pages and frag ratio repeat exactly; times do not.",
        )
    mid = floors[len(floors) // 2]
    return (
        "Noise",
        f"One run of a backend differs from its next by {(mid - 1) * 100:.1f} % "
        f"in sys time (median over all; worst {(floors[-1] - 1) * 100:.1f} %). "
        "Smaller differences of single runs mean nothing. Counts, pages and frag "
        "ratio repeat exactly.",
    )


def comparison_html(rows, reference):
    """The table that sorts."""
    heads = [
        ("trace", ""),
        ("codec", ""),
        ("backend", "the options that tell backends of one name apart"),
        ("CPUs", "threads, or virtual CPUs (v)"),
        ("frag %", "frag ratio over time: live bytes / pool pages"),
        ("at end %", "frag ratio at the end of the trace"),
        ("density", "original bytes / footprint over time"),
        ("refused %", "share of stores refused: too large, or no memory"),
        ("peak MiB", "largest footprint: pages and metadata"),
        ("sys us/op", "CPU time of the swap path per operation, median"),
        ("codec %", "share of sys"),
        ("alloc %", "the allocator's share of sys"),
        ("wait %", "share of sys spent waiting for locks"),
        ("front %", "the frontend's share of sys"),
        ("p99 store us", "99 of 100 stores take at most so long"),
        ("p99 load us", "99 of 100 loads take at most so long"),
        ("ratio", f"sys against {reference}"),
        (
            "interval",
            "95 % of bootstrap ratios; on virtual CPUs from misses that overlap "
            "to misses that add up; sorts by width",
        ),
        ("runs", "how often it ran"),
    ]
    body = []
    for row in rows:
        run, mid = row.cell.first, row.cell.middle
        ratio = 1 if row.reference else row.ratio["ratio"] if row.ratio else ""
        cells = [
            run.trace,
            run.codec,
            row.cell.label,
            page.Cell(f"{run.cpus}{'v' * run.virtual}", run.cpus),
            page.Cell(number(run.frag, 2), run.frag or ""),
            page.Cell(number(run.frag_end, 2), run.frag_end or ""),
            page.Cell(f"{run.density:.3f}", run.density),
            page.Cell(f"{100 * run.rejected:.1f}", run.rejected),
            page.Cell(f"{run.peak_footprint / 2**20:.2f}", run.peak_footprint),
            page.Cell(row.sys_text(lambda v: f"{v / 1e3:.3f}"), row.sys / run.ops),
        ]
        for name in plots.SPLIT:
            part = mid.split.get(name, 0)
            part = 100 * part / max(1, mid.sys_ns)
            cells.append(page.Cell(f"{part:.1f}", part))
        for op in ("store", "load"):
            p99 = row.p99(op)
            cells.append(page.Cell(f"{p99 / 1e3:.2f}" if p99 else "-", p99 or ""))
        cells.append(page.Cell(row.ratio_text, ratio))
        width = row.ratio["high"] - row.ratio["low"] if row.interval else ""
        cells.append(page.Cell(row.interval_text, width))
        cells.append(page.Cell(len(row.cell.runs)))
        body.append(cells)
    return page.table(heads, body, "comparison", left=3, sortable=True)


def repeats_html(found):
    """real, user and sys of repeated runs, as kernel builds report them."""
    heads = [("case", ""), ("backend", ""), ("", "")]
    heads += [(h, "") for h in ("MIN", "MAX", "MEAN", "MEDIAN", "STDDEV")]
    body = []
    for case in found.cases:
        for cell in case.cells.values():
            for which in ("real", "user", "sys"):
                values = [r.raw["time"][f"{which}_ns"] / 1e9 for r in cell.runs]
                summary = stats.summary(values)
                body.append(
                    [case.title, cell.label, which]
                    + [
                        f"{summary[k]:.4f}"
                        for k in ("min", "max", "mean", "median", "stddev")
                    ]
                )
    grid = page.table(heads, body, "repeats", left=3)
    return page.tag("p", "Seconds.") + grid


def lock_value(lock, key):
    """A lock_stat column, computed where the record leaves it out."""
    if key in lock:
        return lock[key]
    total, count = {
        "waittime_avg_ns": ("waittime_total_ns", "contentions"),
        "holdtime_avg_ns": ("holdtime_total_ns", "acquisitions"),
    }.get(key, (None, None))
    if total and lock.get(count):
        return lock.get(total, 0) / lock[count]
    return None


def locks_html(case):
    """lock_stat tables of a case, a table per backend that has locks."""
    parts = []
    for cell in case.cells.values():
        locks = [k for k in cell.middle.raw.get("locks", []) if k["acquisitions"]]
        if not locks:
            continue
        columns = [
            column
            for column in LOCK_COLUMNS
            if any(lock_value(k, column[1]) is not None for k in locks)
        ]
        body = []
        for lock in sorted(locks, key=lambda k: -k["waittime_total_ns"]):
            line = [lock["name"]]
            for _, key, show in columns:
                value = lock_value(lock, key)
                line.append("-" if value is None else show(value))
            body.append(line)
        heads = [("class name", "")] + [(c[0], "") for c in columns]
        grid = page.table(heads, body, f"locks of {cell.label}")
        parts.append(page.tag("h4", page.esc(cell.label)) + grid)
    return "\n".join(parts) or page.tag("p", "These runs took no counted lock.")


def environment_html(found):
    """Where the runs were made; a column per machine or build."""
    envs = {}
    for run in found.runs:
        stable = {k: str(v) for k, v in run.raw["env"].items() if k not in VARYING}
        envs.setdefault(tuple(sorted(stable.items())), run)
    names = []
    for run in envs.values():
        names += [n for n in run.raw["env"] if n not in names]
    heads = [("", "")] + [(f"from {run.where}", "") for run in envs.values()]
    body = [
        [name] + [flat(run.raw["env"].get(name, "-")) for run in envs.values()]
        for name in names
    ]
    return page.table(heads, body, "environment", left=len(heads))


VARYING = {"date", "load"}


def flat(value):
    """A nested value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {flat(v)}" for k, v in value.items())
    if isinstance(value, list):
        return " ".join(flat(v) for v in value)
    return str(value)


def commands(found):
    """The command lines that make these records again."""
    lines = []
    for run in found.runs:
        given = run.raw.get("cli")
        if given:
            line = shlex.join(given) if isinstance(given, list) else given
        else:
            line = (
                f"zlab replay {shlex.quote(run.trace)} "
                f"--backend {shlex.quote(run.spec)} --codec {run.codec} "
                f"--threads {run.cpus}"
            )
        if line not in lines:
            lines.append(line)
    return lines


def all_plots(found, rows):
    """(overview, [(case, plots)]): every figure there is something to draw of."""
    reference = found.labels[found.reference]
    compared = [(row.case, row.cell, row.ratio) for row in rows]
    overview = [
        plots.density(plots.thinnest(found.cases)),
        plots.footprint(plots.thinnest(found.cases)),
        plots.ratios(found.cases, reference, compared),
    ]
    overview += [plots.scaling(group) for group in plots.families(found.cases)]
    overview += sweeps.figures(found.runs, found.labels)
    per_case = []
    for case in found.cases:
        drawn = [plots.frag(case), plots.sys_split(case), plots.lock_wait(case)]
        drawn += [plots.latency(case, op) for op in plots.OPS]
        drawn.append(plots.tradeoff(case))
        per_case.append((case, [plot for plot in drawn if plot]))
    return [plot for plot in overview if plot], per_case


def figures_html(overview, per_case, drawings):
    """The plots: those over all cases, then case by case."""
    grid = "\n".join(page.figure(p, drawings[p.slug]) for p in overview)
    parts = [page.tag("div", grid, class_="plots")]
    if len(per_case) > 1:
        options = "".join(
            page.tag("option", page.esc(case.title), value=case.slug)
            for case, _ in per_case
        )
        picker = page.tag("select", options, id="case")
        label = page.tag("label", f"Case by case: {picker}")
        parts.append(f"<p hidden>{label}</p>")
    for case, drawn in per_case:
        grid = "\n".join(page.figure(p, drawings[p.slug]) for p in drawn)
        inner = page.tag("h3", page.esc(case.title))
        inner += page.tag("div", grid, class_="plots")
        parts.append(page.tag("div", inner, data_case=case.slug))
    return "\n".join(parts)


def write_page(folder, found, rows, drawn, notes):
    """report.html"""
    names = dict.fromkeys(case.first.trace for case in found.cases)
    backends = dict.fromkeys(found.labels[s] for s in found.specs)
    title = f"{', '.join(backends)} on {', '.join(names)}"
    if len(title) > 110:
        title = f"{len(backends)} backends on {len(names)} traces"
    env = found.runs[0].raw["env"]
    if all(run.virtual for run in found.runs):
        names = dict.fromkeys(run.raw["virtual"]["profile"] for run in found.runs)
        machine = [f"virtual CPUs of {', '.join(names)}"]
    else:
        kernel = f"kernel {env['kernel']}" if env.get("kernel") else ""
        machine = [env.get("cpu", ""), kernel]
    lead = ", ".join(
        str(part)
        for part in (
            f"{len(found.runs)} runs",
            *machine,
            f"zlab {env['commit']}" if env.get("commit") else "",
            env.get("date", ""),
        )
        if part
    )
    items = "".join(
        page.tag("li", page.tag("b", page.esc(q)) + page.esc(a))
        for q, a in summarise(found, rows)
    )
    top = page.tag("ul", items, class_="summary")
    if found.problems or notes:
        items = "".join(page.tag("li", page.esc(p)) for p in notes + found.problems)
        said = page.tag("p", "Read this first") + page.tag("ul", items)
        top += page.tag("div", said, class_="problems")
    reference = found.labels[found.reference]
    hint = "Click a column's head to sort. Ratios are against " + reference + "."
    table = page.tag("p", page.esc(hint)) + comparison_html(rows, reference)
    repeats = page.tag("summary", "real, user and sys of repeated runs")
    table += page.tag("details", repeats + repeats_html(found))
    locks = "".join(
        page.tag(
            "details",
            page.tag("summary", page.esc(case.title)) + locks_html(case),
            open="" if i == 0 else None,
        )
        for i, case in enumerate(found.cases)
    )
    specs = page.table(
        [("label", ""), ("full spec", "")],
        [[found.labels[s], s] for s in found.specs],
        "specs",
        left=2,
    )
    sections = [("summary", "Summary", top), ("table", "Comparison", table)]
    if drawn:
        sections.append(("plots", "Plots", figures_html(*drawn)))
    repeat = page.tag("pre", page.esc("\n".join(commands(found))), tabindex=0)
    sections += [
        ("locks", "Locks", locks),
        ("backends", "Backends", specs),
        (
            "definitions",
            "Definitions",
            page.definitions(HERE.parent / "docs" / "definitions.md"),
        ),
        ("environment", "Environment", environment_html(found)),
        ("repeat", "Repeat it", repeat),
    ]
    path = folder / "report.html"
    path.write_text(page.render(title, lead, sections), encoding="utf-8")
    return path


def draw_all(folder, drawn):
    """Draw every plot; returns slug -> SVG."""
    overview, per_case = drawn
    every = overview + [plot for _, some in per_case for plot in some]
    return {plot.slug: plot.draw(folder / "plots") for plot in every}


def main():
    """The sub-command."""
    parser = argparse.ArgumentParser(prog="zlab report", description=__doc__)
    parser.add_argument("dir", type=pathlib.Path, help="folder with records.jsonl")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="write the files, print nothing"
    )
    parser.add_argument(
        "--no-table", action="store_true", help="print the summary without the tables"
    )
    parser.add_argument(
        "--trace",
        action="append",
        default=[],
        metavar="FILE",
        help="a trace of the comparison; adds its sizes and a map of the pool",
    )
    args = parser.parse_args()

    path = args.dir / "records.jsonl"
    if not path.is_file():
        text.die(f"report: {path}: no such file; zlab compare -o DIR writes one")
    found = records.load([path])
    for problem in found.problems:
        print(f"zlab: report: {problem}", file=sys.stderr)
    if not found.runs:
        text.die(f"report: {path}: no usable record in it")
    rows = compare(found)
    write_csv(args.dir / "records.csv", found)
    if not args.quiet:
        if not args.no_table:
            print("\n".join(text_table(found, rows)).lstrip("\n"))
            print()
        for question, answer in summarise(found, rows):
            print(textwrap.fill(f"{question}: {answer}", 78, subsequent_indent="  "))

    notes, drawn = [], None
    if gnuplot.available():
        if args.trace:
            extras.gather(args.dir, found, args.trace)
        overview, per_case = all_plots(found, rows)
        overview += extras.figures(args.dir, found)
        drawings = draw_all(args.dir, (overview, per_case))
        drawn = (overview, per_case, drawings)
    else:
        notes.append(
            "No plots: gnuplot is not installed (Debian and Ubuntu: "
            "apt-get install gnuplot-nox; Fedora: dnf install gnuplot)."
        )
        print(f"zlab: report: {notes[0]}", file=sys.stderr)
    where = write_page(args.dir, found, rows, drawn, notes)
    if not args.quiet:
        print(f"\n{where}")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
