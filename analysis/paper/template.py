# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes PAPER.md from its jinja2 template; every number comes from results/.

usage: paper [--check] TEMPLATE PAPER

The marks of the template, as {{ MARK("ARGUMENT", ...) }}:

  published(NAME)             a value of results/published.json
  cite(SOURCE)                its source; must stand in the same paragraph
  change(A, B)                A against B in percent, both published or measured
  percent(A, B)               A as a percentage of B, likewise
  measured(SET, WHERE, METRIC[, FORMAT])
                              a measured value; WHERE is trace/codec/backend
                              glob patterns that pick one backend of one case
  best(SET, METRIC)           the backend whose geometric mean is best
  mean(SET, BACKEND, METRIC[, FORMAT])
                              geometric mean over the cases of a set
  against(SET, METRIC, A, B)  least and greatest change from backend B to A over
                              all cases; refused when they do not point one way
  count(SET, WHAT)            its traces, backends, runs, cases, or each: the
                              runs of a backend in a case
  env(SET, NAME)              of the environment it was measured in
  sweep(TRACE/think|none/BACKEND/first|last|N, METRIC)
                              of a sweep over virtual CPUs, with think time or
                              none; see virtual.py
  capture(NAME)               of the cost of a capture; see capture.py
  impact(NAME)                of two changes of the kernel; see impact.py
  agreement(NAME)             of virtual against real CPUs; see agreement.py
  scenario(TABLE, NAME)       of a scenario's summary; see scenarios.py
  explore(NAME)               of what the explorer found; see interleavings.py
  inputs(TRACE|LIST, NAME)    of a trace, or least to most of a list in [traces]
                              of experiments.toml; see inputs.py
  option(SET, NAME)           an option that all runs of a set share
  ratios(SET, sys|allocator, WHAT)
                              of the ratios to the first backend: all, apart and
                              same count them, which names those that differ,
                              widest has the widest interval
  differs(SET, sys|allocator, BACKEND, CASES)
                              its ratios over the cases; refused where an
                              interval contains one, or where they disagree
  gap(SET, sys|allocator, BACKEND)
                              how much less than the first backend it takes
  table(NAME)                 a table of the modules in MAKERS
  figure(NAME, TEXT)          an SVG of results/figures
  sources(), definitions()    the cited sources; docs/definitions.md

{% if has(SET) %} asks for results/SET.jsonl or .json. A digit outside a mark, a
code span or a name that begins with a letter stops the run: a number in the
text needs a source.
"""

import argparse
import dataclasses
import functools
import pathlib
import re
import textwrap

import jinja2

from analysis import ROOT, files, outcome, progress, units
from analysis.paper import (
    agreement,
    allocators,
    capture,
    designs,
    impact,
    inputs,
    interleavings,
    mechanisms,
    scenarios,
    times,
    virtual,
)
from analysis.paper.sources import DEFAULT_FORMAT, METRICS, Sources, Wrong, show

MAKERS = (
    allocators,
    inputs,
    times,
    mechanisms,
    impact,
    capture,
    designs,
    virtual,
    agreement,
    scenarios,
    interleavings,
)
# Before a line of the template: its number. In place of a mark: what it said.
LINE = re.compile("\1(\\d+)\1")
SAID = re.compile("\2(\\d+)\3")


@dataclasses.dataclass
class Said:
    """What a mark stands for, the source it needs, or what is wrong with it."""

    text: str
    source: str = ""
    wrong: str = ""


class Unknown(jinja2.Undefined):
    """A mark that does not exist."""

    # jinja2 looks for marks of its own before it calls anything.
    def __getattr__(self, name):
        raise AttributeError(name)

    def __call__(self, *_):
        return Said("", wrong=f"no mark is called {self._undefined_name}")


class Marks:
    """The marks; each method that is public is one."""

    def __init__(self, sources):
        self._sources = sources

    def _known(self, said, what):
        if said is None:
            raise Wrong(what)
        return said

    def published(self, name):
        entry = self._sources.published(name)
        return Said(show(entry["value"], None), source=entry["source"])

    def cite(self, tag):
        if tag not in self._sources.citations:
            raise Wrong(f'results/published.json has no source "{tag}"')
        if tag not in self._sources.used:
            self._sources.used.append(tag)
        return f"[{tag}](#sources)"

    def change(self, one, other):
        number = self._sources.number
        return units.fmt_change(number(one) / number(other))

    def percent(self, one, other):
        number = self._sources.number
        return f"{100 * number(one) / number(other):.2f} %"

    def measured(self, name, where, metric, form=None):
        value = METRICS[metric](self._sources.cell(name, where))
        return show(value, form or DEFAULT_FORMAT[metric])

    def mean(self, name, backend, metric, form=None):
        value = self._sources.mean(name, backend, metric)
        return show(value, form or DEFAULT_FORMAT[metric])

    def best(self, name, metric):
        return self._sources.best(name, metric)

    def sweep(self, where, metric):
        said = virtual.number(self._sources, where, metric)
        return self._known(said, f"no sweep has {where} {metric}")

    def scenario(self, name, what):
        said = scenarios.number(self._sources, name, what)
        return self._known(said, f"scenario {name} has no {what}")

    def capture(self, what):
        said = capture.number(self._sources, what)
        return self._known(said, f"no capture says {what}")

    def impact(self, what):
        said = impact.number(self._sources, what)
        return self._known(said, f"no kernel and replay say {what}")

    def agreement(self, what):
        said = agreement.number(self._sources, what)
        return self._known(said, f"zlab validate says no {what}")

    def explore(self, what):
        said = interleavings.number(self._sources, what)
        return self._known(said, f"no explorer says {what}")

    def inputs(self, names, what):
        said = inputs.number(self._sources, names, what)
        return self._known(said, f"no trace has {what}")

    def option(self, name, what):
        return inputs.option(self._sources, name, what)

    def ratios(self, name, part, what):
        said = times.number(self._sources, name, part, what)
        return self._known(said, f"ratios say no {what}")

    def differs(self, name, part, backend, cases):
        return times.difference(self._sources, name, part, backend, cases)

    def against(self, name, metric, one, other):
        ends = self._sources.against(name, metric, one, other)
        return " to ".join(map(units.fmt_change, ends))

    def gap(self, name, part, backend):
        return times.gap(self._sources, name, part, backend)

    def count(self, name, what):
        found = self._sources.set(name)
        if what == "each":
            return inputs.runs_each(name)
        kinds = {
            "traces": {case.first.sha256 for case in found.cases},
            "backends": found.specs,
            "runs": found.runs,
            "cases": found.cases,
        }
        return str(len(kinds[what]))

    def env(self, name, what):
        return str(self._sources.set(name).runs[0].raw["env"].get(what, "unknown"))

    def table(self, name):
        made = {make.__name__: make for module in MAKERS for make in module.TABLES}
        maker = made.get(name.replace("-", "_"))
        return self._known(maker, f"no table {name} is made")(self._sources)

    def figure(self, name, caption):
        if not (self._sources.folder / "figures" / f"{name}.svg").exists():
            raise Wrong(f"no results/figures/{name}.svg; make figures draws it")
        return f"![{caption}](results/figures/{name}.svg)\n\n*{caption}*"

    def sources(self):
        cited = self._sources.citations
        return "\n".join(f"- **{tag}**: {cited[tag]}" for tag in self._sources.used)

    def definitions(self):
        lines = (ROOT / "docs" / "definitions.md").read_text().splitlines()[1:]
        return "\n".join(re.sub(r"^##", "###", line) for line in lines).strip()


def checked(mark):
    """A mark whose mistakes are said where it stands, not raised."""

    @functools.wraps(mark)
    def called(*args):
        try:
            said = mark(*args)
        except (Wrong, KeyError, TypeError, ValueError) as err:
            return Said("", wrong=f"{type(err).__name__}: {err}")
        return said if isinstance(said, Said) else Said(said)

    return called


def expand(template, sources, name):
    """(text with numbers for marks and lines, what each mark said)."""
    said = []

    def keep(value):
        if isinstance(value, Unknown):
            value = value()
        if not isinstance(value, Said):
            value = Said("", wrong=f"{value!r} is no mark")
        said.append(value)
        return f"\2{len(said) - 1}\3"

    env = jinja2.Environment(undefined=Unknown, finalize=keep)
    marks = Marks(sources)
    for verb in vars(Marks):
        if not verb.startswith("_"):
            env.globals[verb] = checked(getattr(marks, verb))
    env.globals["has"] = lambda *names: all(map(sources.has, names))
    lines = enumerate(template.splitlines(), 1)
    numbered = "\n".join(f"\1{number}\1{line}" for number, line in lines)
    try:
        return env.from_string(numbered).render(), said
    except jinja2.TemplateSyntaxError as err:
        raise outcome.Failed(f"{name}:{err.lineno}: {err.message}") from err


def paragraphs(text):
    """(line number, text) of the blocks between empty lines, but for code."""
    block, start, fenced = [], 0, False
    for line in [*text.splitlines(), ""]:
        number = LINE.match(line)
        line = LINE.sub("", line)
        fenced ^= line.startswith("```")
        if line.strip() or fenced:
            start = start if block else int(number.group(1))
            block.append(line)
        elif block:
            yield start, "\n".join(block)
            block = []


def bare_digits(paragraph):
    """Numbers in a template's text that no mark accounts for."""
    left = re.sub(r"```.*?```", " ", paragraph, flags=re.S)
    left = SAID.sub(" ", left)
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


def write(template, sources, name):
    """The paper's text and what is wrong with the template."""
    text, said = expand(template, sources, name)
    wrong, parts = [], []
    for start, block in paragraphs(text):
        here = [said[int(number)] for number in SAID.findall(block)]
        complaints = [f'"{digits}" has no source' for digits in bare_digits(block)]
        whole = SAID.sub(lambda m: said[int(m.group(1))].text, block)
        for one in here:
            if one.wrong:
                complaints.append(one.wrong)
            elif one.source and f"[{one.source}](#sources)" not in whole:
                complaints.append(f'"{one.text}" needs cite("{one.source}") beside it')
        wrong += [f"{name}:{start}: {complaint}" for complaint in complaints]
        parts.append(reflow(whole))
    return "\n\n".join(parts) + "\n", wrong


def main():
    """Write the paper, or say whether it agrees with the results."""
    parser = argparse.ArgumentParser(prog="paper", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "results")
    parser.add_argument("template", type=pathlib.Path)
    parser.add_argument("paper", type=pathlib.Path)
    args = parser.parse_args()
    with progress.Line("reading the results"):
        body, wrong = write(
            args.template.read_text(encoding="utf-8"),
            Sources(args.results),
            args.template.name,
        )
    for line in wrong[:-1]:
        outcome.warn("paper", line)
    if wrong:
        raise outcome.Failed(wrong[-1])
    if args.check:
        known = args.paper.read_text(encoding="utf-8") if args.paper.exists() else ""
        if known == body:
            print(f"{args.paper.name} agrees with results/")
            return 0
        pairs = zip(known.splitlines() + [""], body.splitlines() + [""])
        at = next((i for i, (a, b) in enumerate(pairs, 1) if a != b), 1)
        outcome.warn(
            "paper",
            f"{args.paper.name}:{at}: does not follow from results/; run make paper",
        )
        return outcome.FOUND
    files.write(args.paper, body)
    return 0
