#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write PAPER.md from its template; every number comes from results/.

usage: paper.py [--check] TEMPLATE PAPER

Marks in the template, one per pair of braces:

  {{p NAME}}                  a published value of results/published.json
  {{cite SOURCE}}             its source; must stand in the same paragraph
  {{change A B}}              A against B in percent, both published or measured
  {{m SET WHERE METRIC [FMT]}}    a measured value; WHERE is trace/codec/backend
                              glob patterns that pick one backend of one case
  {{best SET METRIC}}         the backend whose geometric mean is best
  {{mean SET BACKEND METRIC [FMT]}}  geometric mean over the cases of a set
  {{v TRACE/think|none/BACKEND/first|last|N METRIC}}  of a sweep over virtual
                              CPUs, with think time or none; see sweep_tables.py
  {{a NAME}}                  of virtual against real CPUs; see agreement_tables.py
  {{s TABLE NAME}}            of a scenario's summary; see scenarios_paper.py
  {{table NAME}}              a table made by tables.py, sweep_tables.py or
                              scenarios_paper.py
  {{figure SET NAME TEXT}}    an SVG of results/figures, drawn from SET
  {{sources}}                 the list of cited sources
  {{definitions}}             docs/definitions.md
  {{if SET}} ... {{end}}      only where results/SET.jsonl or .json exists

A digit outside a mark, a code span or a name that begins with a letter stops
the run: a number in the text needs a source.
"""

import argparse
import fnmatch
import json
import pathlib
import re
import sys
import textwrap

import agreement_tables
import records
import scenarios_paper
import stats
import sweep_tables
import tables
import text

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
MARK = re.compile(r"\{\{(.*?)\}\}")
METRICS = {
    "frag_ratio": lambda cell: cell.first.frag,
    "density": lambda cell: cell.first.density,
    "footprint": lambda cell: cell.first.peak_footprint,
    "pool_pages": lambda cell: cell.first.raw["pool_pages_peak"],
    "sys_op": lambda cell: cell.median(lambda run: run.sys_ns / run.ops),
    "runs": lambda cell: len(cell.runs),
}
LOWER_IS_BETTER = {"footprint", "pool_pages", "sys_op"}
DEFAULT_FORMAT = {
    "frag_ratio": ".2f",
    "density": ".2f",
    "footprint": "bytes",
    "pool_pages": ",",
    "sys_op": "ns",
    "runs": "d",
}


class Wrong(Exception):
    """Something in the template that has no source."""


def show(value, how):
    """A number the way a mark asked for it."""
    if isinstance(value, str):
        return value
    if how == "bytes":
        return text.fmt_bytes(value)
    if how == "ns":
        return text.fmt_ns(value)
    return format(value, how or (",d" if isinstance(value, int) else ",.6g"))


class Sources:
    """results/: published values and measured sets, read when asked for."""

    def __init__(self, folder):
        self.folder = folder
        published = json.loads((folder / "published.json").read_text())
        self.citations, self.values = published["sources"], published["values"]
        self.sets = {}
        self.used = []

    def has(self, name):
        """Whether there are results of that name."""
        return any(
            (self.folder / f"{name}.{end}").exists() for end in ("jsonl", "json")
        )

    def set(self, name):
        """The records of results/NAME.jsonl."""
        if name not in self.sets:
            path = self.folder / f"{name}.jsonl"
            if not path.exists():
                raise Wrong(f"no results/{name}.jsonl")
            found = records.load([path])
            if found.problems:
                raise Wrong(found.problems[0])
            self.sets[name] = found
        return self.sets[name]

    def published(self, name):
        """A published value, its number."""
        if name not in self.values:
            raise Wrong(f'results/published.json has no "{name}"')
        return self.values[name]

    def cell(self, name, where):
        """The one backend of the one case that WHERE picks."""
        trace, codec, backend = where.split("/")
        hits = [
            cell
            for case in self.set(name).cases
            if fnmatch.fnmatch(case.first.trace, trace)
            and fnmatch.fnmatch(case.first.codec, codec)
            for cell in case.cells.values()
            if fnmatch.fnmatch(cell.label, backend)
        ]
        if len(hits) != 1:
            raise Wrong(f"{name} {where} picks {len(hits)} results, not one")
        return hits[0]

    def mean(self, name, backend, metric):
        """Geometric mean of a metric over the cases of a set."""
        found = self.set(name)
        cells = [
            cell
            for case in found.cases
            for cell in case.cells.values()
            if fnmatch.fnmatch(cell.label, backend)
        ]
        if len(cells) != len(found.cases):
            raise Wrong(f"{name}: {backend} is in {len(cells)} of {len(found.cases)}")
        return stats.geomean([METRICS[metric](cell) for cell in cells])

    def best(self, name, metric):
        """The label with the best geometric mean."""
        found = self.set(name)
        labels = [
            label
            for spec, label in found.labels.items()
            if all(spec in case.cells for case in found.cases)
        ]
        pick = min if metric in LOWER_IS_BETTER else max
        return pick(labels, key=lambda label: self.mean(name, label, metric))

    def number(self, token):
        """A published NAME, or SET:WHERE:METRIC of a measurement."""
        if ":" in token:
            name, where, metric = token.split(":", 2)
            return METRICS[metric](self.cell(name, where))
        return self.published(token)["value"]


class Paper:
    """One pass over the template."""

    def __init__(self, sources):
        self.sources = sources

    def expand(self, mark, paragraph):
        """What a mark stands for."""
        verb, *args = mark.split()
        sources = self.sources
        if verb == "p":
            entry = sources.published(args[0])
            if f"{{{{cite {entry['source']}}}}}" not in paragraph:
                raise Wrong(f"{args[0]} needs {{{{cite {entry['source']}}}}} beside it")
            return show(entry["value"], args[1] if len(args) > 1 else None)
        if verb == "cite":
            tag = " ".join(args)
            if tag not in sources.citations:
                raise Wrong(f'results/published.json has no source "{tag}"')
            if tag not in sources.used:
                sources.used.append(tag)
            return f"[{tag}](#sources)"
        if verb == "change":
            one, other = (sources.number(arg) for arg in args[:2])
            return text.fmt_change(one / other)
        if verb == "percent":
            one, other = (sources.number(arg) for arg in args[:2])
            return f"{100 * one / other:.2f} %"
        if verb == "m":
            value = METRICS[args[2]](sources.cell(args[0], args[1]))
            return show(value, args[3] if len(args) > 3 else DEFAULT_FORMAT[args[2]])
        if verb == "mean":
            value = sources.mean(args[0], args[1].replace("_", " "), args[2])
            return show(value, args[3] if len(args) > 3 else DEFAULT_FORMAT[args[2]])
        if verb == "best":
            return sources.best(args[0], args[1])
        if verb == "v":
            said = sweep_tables.number(sources, args[0], args[1])
            if said is None:
                raise Wrong(f"no sweep has {args[0]} {args[1]}")
            return said
        if verb == "s":
            said = scenarios_paper.number(sources, args[0], args[1])
            if said is None:
                raise Wrong(f"scenario {args[0]} has no {args[1]}")
            return said
        if verb == "a":
            said = agreement_tables.number(sources, args[0])
            if said is None:
                raise Wrong(f"zlab validate says no {args[0]}")
            return said
        if verb == "count":
            found = sources.set(args[0])
            kinds = {
                "traces": len({case.first.sha256 for case in found.cases}),
                "backends": len(found.specs),
                "runs": len(found.runs),
                "cases": len(found.cases),
            }
            return str(kinds[args[1]])
        if verb == "env":
            return str(sources.set(args[0]).runs[0].raw["env"].get(args[1], "unknown"))
        if verb == "table":
            name = args[0].replace("-", "_")
            makers = (tables, sweep_tables, scenarios_paper, agreement_tables)
            maker = next(filter(None, (getattr(m, name, None) for m in makers)), None)
            if not maker:
                raise Wrong(f"tables.py makes no table {args[0]}")
            return maker(sources)
        if verb == "figure":
            path = sources.folder / "figures" / f"{args[1]}.svg"
            if not path.exists():
                raise Wrong(f"no results/figures/{args[1]}.svg; make results draws it")
            caption = " ".join(args[2:])
            return f"![{caption}](results/figures/{args[1]}.svg)\n\n*{caption}*"
        if verb == "sources":
            return "\n".join(
                f"- **{tag}**: {sources.citations[tag]}" for tag in sources.used
            )
        if verb == "definitions":
            lines = (ROOT / "docs" / "definitions.md").read_text().splitlines()[1:]
            return "\n".join(re.sub(r"^##", "###", line) for line in lines).strip()
        raise Wrong(f"no mark is called {verb}")


def bare_digits(paragraph):
    """Numbers in a template's text that no mark accounts for."""
    left = re.sub(r"```.*?```", " ", paragraph, flags=re.S)
    left = MARK.sub(" ", left)
    left = re.sub(r"`[^`]*`", " ", left)
    left = re.sub(r"\]\([^)]*\)", " ", left)
    left = re.sub(r"<!--.*?-->", " ", left, flags=re.S)
    return re.findall(r"(?<![A-Za-z_\d.])\d[\w.,%]*", left)


def reflow(block):
    """A plain paragraph in lines of at most 80 columns."""
    if re.match(r"[|#!*<`-]|\d+\.", block) and not block.startswith("**"):
        return block
    if "\n\n" in block:
        return block
    return textwrap.fill(
        " ".join(block.split()), 80, break_long_words=False, break_on_hyphens=False
    )


def conditions(template, sources):
    """Drop the parts whose results are not there, keeping line numbers."""
    out, keep = [], [True]
    for line in template.splitlines():
        mark = MARK.fullmatch(line.strip())
        words = mark.group(1).split() if mark else [""]
        if words[0] == "if":
            keep.append(keep[-1] and all(sources.has(n) for n in words[1:]))
            out.append("\0")
        elif words[0] == "end":
            keep.pop()
            out.append("\0")
        else:
            out.append(line if keep[-1] else "\0")
    return out


def paragraphs(lines):
    """(first line number, text) of blocks between empty lines."""
    block, start, fenced = [], 1, False
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            fenced = not fenced
        if line == "\0":
            continue
        if not line.strip() and not fenced:
            if block:
                yield start, "\n".join(block)
            block = []
            continue
        if not block:
            start = number
        block.append(line)
    if block:
        yield start, "\n".join(block)


def write(template, sources, name):
    """The paper's text and what is wrong with the template."""
    paper, wrong, parts = Paper(sources), [], []
    for start, block in paragraphs(conditions(template, sources)):
        for digits in bare_digits(block):
            wrong.append(f'{name}:{start}: "{digits}" has no source')
        try:
            parts.append(
                reflow(
                    MARK.sub(
                        lambda m, b=block: paper.expand(m.group(1).strip(), b), block
                    )
                )
            )
        except (Wrong, IndexError, KeyError, ValueError) as err:
            wrong.append(f"{name}:{start}: {type(err).__name__}: {err}")
    return "\n\n".join(parts) + "\n", wrong


def main():
    """Write the paper, or say whether it agrees with the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    parser.add_argument("template", type=pathlib.Path)
    parser.add_argument("paper", type=pathlib.Path)
    args = parser.parse_args()
    body, wrong = write(
        args.template.read_text(encoding="utf-8"),
        Sources(args.results),
        args.template.name,
    )
    for line in wrong:
        print(f"paper: {line}", file=sys.stderr)
    if wrong:
        return 1
    if args.check:
        known = args.paper.read_text(encoding="utf-8") if args.paper.exists() else ""
        if known == body:
            print(f"{args.paper.name} agrees with results/")
            return 0
        pairs = zip(known.splitlines() + [""], body.splitlines() + [""])
        at = next((i for i, (a, b) in enumerate(pairs, 1) if a != b), 1)
        print(
            f"paper: {args.paper.name}:{at}: does not follow from results/; "
            "run make paper",
            file=sys.stderr,
        )
        return 1
    args.paper.write_text(body, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
