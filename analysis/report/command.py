# SPDX-License-Identifier: GPL-2.0-or-later
"""zlab report: a folder of result records into tables, plots and one page."""

import pathlib
import textwrap

from analysis import naming, outcome, progress
from analysis.figures import gnuplot, memory, sweep, times
from analysis.records import reading
from analysis.records.cases import families, thinnest
from analysis.report import beside, comparison, document, spreadsheet
from analysis.report.summary import summarise
from analysis.run import extras


def all_plots(found, rows):
    """(overview, [(case, plots)]): every figure there is something to draw of."""
    reference = found.labels[found.reference]
    compared = [(row.case, row.cell, row.ratio) for row in rows]
    overview = [
        memory.density(thinnest(found.cases)),
        memory.footprint(thinnest(found.cases)),
        times.ratios(found.cases, reference, compared),
    ]
    overview += [times.scaling(group) for group in families(found.cases)]
    overview += sweep.figures(found.runs, found.labels)
    per_case = []
    for case in found.cases:
        drawn = [memory.frag(case), times.sys_split(case), times.lock_wait(case)]
        drawn += [times.latency(case, op) for op in times.OPS]
        drawn.append(times.tradeoff(case))
        per_case.append((case, [plot for plot in drawn if plot]))
    return [plot for plot in overview if plot], per_case


def draw_all(folder, drawn, quiet):
    """Draw every plot; returns slug -> SVG."""
    overview, per_case = drawn
    every = overview + [plot for _, some in per_case for plot in some]
    drawings = {}
    with progress.Line("drawing", len(every), quiet=quiet) as line:
        for plot in every:
            drawings[plot.slug] = plot.draw(folder / "plots")
            line.step(plot.slug)
    return drawings


def main():
    """The sub-command."""
    parser = outcome.Parser(prog="zlab report", description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=pathlib.Path, help="folder with records.jsonl")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="write the files, print nothing"
    )
    parser.add_argument(
        "--progress", action="store_true", help="say how far it is although quiet"
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
    silent = args.quiet and not args.progress

    path = args.dir / "records.jsonl"
    if not path.is_file():
        raise outcome.Failed(f"{path}: no such file; zlab compare -o DIR writes one")
    with progress.Line("reading the records", quiet=silent):
        found = reading.load([path])
    for problem in found.problems:
        outcome.warn("report", problem)
    if not found.runs:
        raise outcome.Failed(f"{path}: no usable record in it")
    rows = comparison.compare(found)
    spreadsheet.write_csv(args.dir / "records.csv", found)
    if not args.quiet:
        if not args.no_table:
            outcome.say("\n".join(comparison.text_table(found, rows)).lstrip("\n"))
            outcome.say()
        for question, answer in summarise(found, rows):
            said = textwrap.fill(f"{question}: {answer}", 78, subsequent_indent="  ")
            outcome.say(said)

    notes, drawn = [], None
    if gnuplot.available():
        if args.trace:
            with progress.Line("looking at the traces", quiet=silent):
                extras.gather(args.dir, found, args.trace)
        overview, per_case = all_plots(found, rows)
        overview += beside.figures(args.dir, found)
        drawings = draw_all(args.dir, (overview, per_case), silent)
        drawn = (overview, per_case, drawings)
    else:
        notes.append(
            "No plots: gnuplot is not installed (Debian and Ubuntu: "
            "apt-get install gnuplot-nox; Fedora: dnf install gnuplot)."
        )
        outcome.warn("report", notes[0])
    where = document.write(args.dir, found, rows, drawn, notes)
    if not args.quiet:
        outcome.say(f"\n{naming.plain(where)}")
    return 0
