# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's tables and numbers of "zlab explore" and of its litmus tests.

results/explore has the stories of the kernel's z3fold with their index, what each
allocator of each kernel showed, the exhaustive searches and the campaign;
results/mutants.jsonl what found the planted bugs, results/litmus.json the verdicts.
"""

import re
from collections import Counter

from analysis import files, grids
from analysis.paper.sources import Wrong
from analysis.records import reading

INDEX = re.compile(r"^\| \[([^]]*)\]\(#([^)]*)\) \| ([^|]*) \|", re.M)
STRATEGIES = ("random", "pct:3")
AREAS = (
    ("zbud", "backends/zbud.c"),
    ("z3fold", "backends/z3fold/"),
    ("zsmalloc", "backends/zsmalloc/"),
    ("front ends", "harness/"),
    ("shared parts", "backends/"),
)


def _json(sources, name):
    return files.load(sources.folder / "explore" / name)


def _lines(sources, name):
    path = sources.folder / name
    if not path.exists():
        raise Wrong(f"no results/{name}")
    return list(reading.lines(path))


def _stories(sources):
    """(title, kernels, the shrunk finding) of each entry of the index."""
    text = (sources.folder / "explore" / "README.md").read_text(encoding="utf-8")
    for title, name, kernels in INDEX.findall(text):
        yield title, name, kernels, _json(sources, f"{name}.json")


def _operations(story):
    return sum(len(cpu) for cpu in story["program"]["cpus"])


def _preemptions(story):
    return sum(not forced for *_, forced in story["choices"])


def explore_findings(sources):
    """What was found in the kernel's z3fold."""
    rows = [
        [
            f"[{title}](results/explore/README.md#{name})",
            kernels,
            story["kind"],
            _operations(story),
            _preemptions(story),
        ]
        for title, name, kernels, story in _stories(sources)
    ]
    heads = ["finding", "kernels", "shows as", "operations", "preemptions"]
    return grids.markdown(heads, rows, left=3)


def explore_kernels(sources):
    """What each allocator of each kernel showed."""
    rows = [
        [
            run["allocator"],
            run["kernel"],
            f"{run['schedules']:,}",
            f"{run['points']:,}",
            sum(run["found"].values()),
            run["known races"],
        ]
        for run in sorted(
            _json(sources, "kernels.json"), key=lambda run: run["allocator"]
        )
    ]
    heads = ["allocator", "kernel", "schedules", "points", "found", "known races"]
    return grids.markdown(heads, rows, left=2)


def explore_exhaustive(sources):
    """All schedules of small programs."""
    rows = []
    for run in _lines(sources, "explore/exhaustive.jsonl"):
        whole = run["exhaustive"]
        rows.append(
            [
                f"`{run['backend']}`",
                f"{run['cpus']} x {run['ops']}",
                f"{whole['programs']:,}",
                f"{whole['programs_complete']:,}",
                f"{whole['executions']:,}",
                f"{max((row['most'] for row in whole['rows']), default=0):,}",
                len(run["found"]),
            ]
        )
    heads = ["preset", "CPUs x operations", "programs", "complete", "executions"]
    return grids.markdown([*heads, "most of one", "findings"], rows)


def explore_campaign(sources):
    """Random schedules of every preset."""
    rows = []
    for run in _lines(sources, "explore/campaign.jsonl"):
        name = f"`{run['preset']}`"
        if run["front"] != "pool":
            name += f", {run['front']}"
        counts = [f"{run[k]:,}" for k in ("schedules", "programs", "points")]
        found = ", ".join(f"{n} {kind}" for kind, n in run["found"].items())
        rows.append([name, *counts, found or "nothing"])
    heads = ["preset", "schedules", "programs", "points", "found"]
    return grids.markdown(heads, rows)


class Mutants:
    """What results/mutants.jsonl says of each planted bug."""

    def __init__(self, sources):
        self.explored, self.tested = {}, {}
        self.file, self.equivalent = {}, set()
        for record in _lines(sources, "mutants.jsonl"):
            name = record["mutant"]
            self.file[name] = record["file"]
            if record["equivalent"]:
                self.equivalent.add(name)
            kind = self.explored if record["by"] == "explore" else self.tested
            kind.setdefault(name, {})[record["with"]] = record

    def area(self, name):
        """Whose code a mutant changes."""
        path = self.file[name]
        return next(area for area, start in AREAS if path.startswith(start))

    def real(self):
        """Those that are not equivalent, and that explore was tried on."""
        return sorted(n for n in self.explored if n not in self.equivalent)

    def by_each_seed(self, name, strategy):
        """Whether every seed of a strategy found it."""
        record = self.explored[name].get(strategy)
        return bool(record) and len(record["schedules"]) == len(record["seeds"])

    def by_a_seed(self, name):
        """Whether any seed of any strategy found it."""
        return any(record["schedules"] for record in self.explored[name].values())

    def by_tests(self, name):
        """Whether an ordinary test found it; None where that was not tried."""
        if name not in self.tested:
            return None
        return any(record["found"] for record in self.tested[name].values())


def _row(mutants, names):
    """The counts of some mutants."""
    tried = [name for name in names if mutants.by_tests(name) is not None]
    each = [sum(mutants.by_each_seed(n, s) for n in names) for s in STRATEGIES]
    both = sum(all(mutants.by_each_seed(n, s) for s in STRATEGIES) for n in names)
    tests = sum(mutants.by_tests(name) for name in tried)
    found = sum(map(mutants.by_a_seed, names))
    return [
        len(names),
        *each,
        both,
        found,
        f"{tests} of {len(tried)}" if tried else "-",
    ]


def explore_mutants(sources):
    """Planted bugs by area, and what finds them."""
    mutants = Mutants(sources)
    rows = []
    for area, _ in AREAS:
        names = [n for n in mutants.real() if mutants.area(n) == area]
        if names:
            rows.append([area, *_row(mutants, names)])
    rows.append(["all", *_row(mutants, mutants.real())])
    heads = ["in", "mutants", *(f"{s}, each seed" for s in STRATEGIES)]
    heads += ["both, each seed", "any seed", "ordinary tests"]
    return grids.markdown(heads, rows)


def explore_detectors(sources):
    """What the planted bugs are found as."""
    mutants = Mutants(sources)
    runs, some = Counter(), Counter()
    for name in mutants.real():
        kinds = Counter()
        for record in mutants.explored[name].values():
            kinds.update(record["kinds"])
        runs.update(kinds)
        some.update(kinds.keys())
    rows = [[kind, some[kind], number] for kind, number in runs.most_common()]
    return grids.markdown(["found first as", "mutants", "seeds"], rows)


def explore_litmus(sources):
    """Verdicts of the patterns that the backends rely on."""
    rows = [
        [f"`{test['test']}`", test["verdict"], f"{test['executions']:,}"]
        for test in files.load(sources.folder / "litmus.json")
        if test["test"][0].islower()
    ]
    return grids.markdown(["test", "the bad outcome", "executions"], rows, left=2)


TABLES = (
    explore_findings,
    explore_kernels,
    explore_exhaustive,
    explore_campaign,
    explore_mutants,
    explore_detectors,
    explore_litmus,
)


def _ends(numbers):
    """One number, or least and greatest."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _of_kernels(sources, what):
    runs = _json(sources, "kernels.json")
    clean = [run for run in runs if not run["found"]]
    if what == "kernels schedules":
        return _ends([run["schedules"] for run in runs])
    if what == "kernels clean":
        return str(len(clean))
    if what == "kernels wrong":
        wrong = sorted({run["allocator"] for run in runs if run["found"]})
        return ", ".join(wrong) or "none"
    return None


def _of_stories(sources, what):
    stories = [story for *_, story in _stories(sources)]
    if what == "stories":
        return str(len(stories))
    if what == "stories operations":
        return _ends([_operations(story) for story in stories])
    if what == "stories preemptions":
        return _ends([_preemptions(story) for story in stories])
    return None


def _of_exhaustive(sources, what):
    runs = _lines(sources, "explore/exhaustive.jsonl")
    whole = [run["exhaustive"] for run in runs]
    sums = {
        "exhaustive presets": len({run["backend"] for run in runs}),
        "exhaustive programs": sum(w["programs"] for w in whole),
        "exhaustive complete": sum(w["programs_complete"] for w in whole),
        "exhaustive executions": sum(w["executions"] for w in whole),
        "exhaustive findings": sum(len(run["found"]) for run in runs),
    }
    return f"{sums[what]:,}" if what in sums else None


def _of_campaign(sources, what):
    runs = _lines(sources, "explore/campaign.jsonl")
    sums = {
        "campaign presets": len(runs),
        "campaign schedules": sum(run["schedules"] for run in runs),
        "campaign points": sum(run["points"] for run in runs),
        "campaign findings": sum(sum(run["found"].values()) for run in runs),
    }
    if what == "campaign each":
        return _ends([run["schedules"] for run in runs])
    return f"{sums[what]:,}" if what in sums else None


def _of_mutants(sources, what):
    mutants = Mutants(sources)
    real = mutants.real()
    records = [r for name in real for r in mutants.explored[name].values()]
    if what == "mutants limit":
        return _ends([record["limit"] for record in records])
    if what == "mutants seeds":
        return _ends([len(record["seeds"]) for record in records])
    if what.startswith("mutants schedules "):
        *_, strategy, name = what.split()
        record = mutants.explored.get(name, {}).get(strategy)
        return _ends(record["schedules"]) if record and record["schedules"] else None
    missed = [name for name in real if not mutants.by_a_seed(name)]
    if what == "mutants not found":
        return ", ".join(f"`{name}`" for name in missed) or "none"
    if what == "mutants share":
        seeds = sum(len(record["seeds"]) for record in records)
        hits = sum(len(record["schedules"]) for record in records)
        return f"{100 * hits / seeds:.1f} %"
    counts = {
        "mutants": len(real),
        "mutants equivalent": len(mutants.equivalent & mutants.explored.keys()),
        "mutants found": len(real) - len(missed),
        "mutants tried": sum(mutants.by_tests(n) is not None for n in real),
        "mutants tested": sum(mutants.by_tests(n) is True for n in real),
        "mutants only explored": sum(
            mutants.by_tests(n) is False and mutants.by_a_seed(n) for n in real
        ),
        "mutants only tested": sum(
            mutants.by_tests(n) is True and not mutants.by_a_seed(n) for n in real
        ),
    }
    return str(counts[what]) if what in counts else None


def _of_litmus(sources, what):
    tests = files.load(sources.folder / "litmus.json")
    counts = {
        "litmus": len(tests),
        "litmus patterns": sum(test["test"][0].islower() for test in tests),
        "litmus agree": sum(test["verdict"] == test["expected"] for test in tests),
    }
    return str(counts[what]) if what in counts else None


def number(sources, what):
    """A number by its name, whose first word says of what; None: no such."""
    of = {
        "kernels": _of_kernels,
        "stories": _of_stories,
        "exhaustive": _of_exhaustive,
        "campaign": _of_campaign,
        "mutants": _of_mutants,
        "litmus": _of_litmus,
    }
    find = of.get(what.split()[0])
    return find(sources, what) if find else None
