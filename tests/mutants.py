#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugs that are planted on purpose, and what finds them.

usage: tests/mutants.py check|list|tests|explore|table [--only GLOB] [...]

Each tests/mutants/NAME.patch is one planted bug: a header of "Key: text" lines,
which go on in lines that start with a space, an empty line, and a unified diff.

  Shows       specs of backends on which it shows, the plainest first
  Front       front end that has to drive it (zswap); without it, the raw pool
  Breaks      the invariant that it breaks
  Why         what goes wrong then
  Undoes      the historical fix or finding that it undoes
  Equivalent  why nothing can be seen of it: it counts as not to be found

check    every patch is well formed and applies to this tree
list     names, files and what they break
tests    which of the ordinary tests find each, the first that does
explore  in how many schedules "zlab explore" finds each, and by what
shrink   how small a story it makes of each, in 10 s, and whether that repeats
table    what the records say

Trees, with the objects that are built in them, stay in --work, so that for each
mutant only what it changed is compiled.
"""

import argparse
import fnmatch
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.dont_write_bytecode = True

from analysis import files, outcome  # noqa: E402

KEYS = ["SPDX-License-Identifier", "Shows", "Front", "Breaks", "Why", "Undoes"]
KEYS += ["Equivalent"]
NEEDED = {"Shows", "Breaks", "Why"}
FRONTS = {"zswap"}
HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
# What the build, and the tests that are run, read of the tree.
SOURCES = ["Makefile", "mk", "debian/changelog", "lib", "backends", "traces"]
SOURCES += ["harness", "tests", "analysis", "profiles", "results"]
# The first folder or file that a mutant's own begins with says which tests could
# notice it; the one made for it comes first.
TESTS = {
    "backends/zbud.c": ["backends/test_zbud", "backends/test_backends"],
    "backends/z3fold/": ["backends/test_z3fold", "backends/test_backends"],
    "backends/zsmalloc/": [
        "backends/test_zsmalloc_move",
        "backends/test_zsmalloc_threads",
        "backends/test_zsmalloc",
        "backends/test_backends",
    ],
    "backends/mem/work.c": [
        "sync/test_work",
        "backends/test_z3fold",
        "backends/test_backends",
    ],
    "harness/swap/": ["harness/test_zswap"],
}
ALWAYS = ["harness/test_replay", "harness/test_conform"]
# The thread sanitizer is slow: there only what runs threads.
THREADED = {
    "backends/test_backends",
    "backends/test_zsmalloc_threads",
    "harness/test_zswap",
    "sync/test_work",
}
BUILDS = {"plain": "", "address": "address,undefined", "thread": "thread"}
STRATEGIES = ["random", "pct:3"]
SEEDS = [1, 2, 3, 4, 5]
SCHEDULES = 5000
SHRINK_S = 10
VERBS = ["check", "list", "tests", "explore", "shrink", "table"]
# Of the reports in a test's output, the first that matches says what it was.
REPORTS = [
    re.compile(r"(?:WARNING|ERROR|SUMMARY): (\w+Sanitizer: [a-z][\w -]+)"),
    re.compile(r"(runtime error: [^\n]{1,60})"),
    re.compile(r"^not ok[\s\d-]*(.{1,70})", re.M),
    re.compile(r"^(\S[^\n]*Assertion [^\n]{1,60})", re.M),
]


class Mutant:
    """One planted bug."""

    def __init__(self, path):
        self.name = path.stem
        self.path = path
        text = path.read_text(encoding="utf-8")
        head, empty, self.diff = text.partition("\n\n")
        if not empty:
            raise outcome.Failed(f"{path}: no empty line ends the header")
        self.said = self._header(head)
        self.file = self._file()
        self.shows = self.said["Shows"].split()
        self.front = self.said.get("Front")
        self.equivalent = "Equivalent" in self.said

    def _header(self, head):
        said, key = {}, None
        for line in head.splitlines():
            if line.startswith(" ") and key:
                said[key] += f" {line.strip()}"
                continue
            key, colon, value = line.partition(": ")
            if not colon or key not in KEYS or key in said:
                raise outcome.Failed(
                    f'{self.path}: "{line}" is not a new key of {", ".join(KEYS)}'
                )
            said[key] = value.strip()
        for key in sorted(NEEDED - said.keys()):
            raise outcome.Failed(f"{self.path}: says no {key}")
        if said.get("Front", "zswap") not in FRONTS:
            raise outcome.Failed(f"{self.path}: no front end {said['Front']}")
        return said

    def _file(self):
        names = re.findall(r"^\+\+\+ b/(\S+)$", self.diff, re.M)
        if len(names) != 1:
            raise outcome.Failed(f"{self.path}: changes {len(names)} files, not one")
        return names[0]

    def hunks(self):
        """What each hunk expects to find."""
        found = []
        for line in self.diff.splitlines(keepends=True):
            if HUNK.match(line):
                found.append("")
            elif found and line[0] in " -":
                found[-1] += line[1:]
        return found

    def check(self, root):
        """Fail unless the patch applies at one place each, and nowhere else."""
        target = root / self.file
        if not target.exists():
            raise outcome.Failed(f"{self.path}: there is no {self.file}")
        text = target.read_text(encoding="utf-8")
        hunks = self.hunks()
        for number, want in enumerate(hunks, 1):
            times = text.count(want)
            if times != 1:
                raise outcome.Failed(
                    f"{self.path}: hunk {number} of {len(hunks)} fits {self.file} "
                    f"at {times} places, not at one"
                )
        done = self._git(root, "--check")
        if done.returncode or not hunks:
            said = (done.stderr.strip() or "no hunk").splitlines()[0]
            raise outcome.Failed(f"{self.path}: does not apply: {said}")

    def apply(self, root):
        """Plant the bug in a tree."""
        self.check(root)
        if self._git(root).returncode:
            raise outcome.Failed(f"{self.path}: does not apply")

    def _git(self, root, *options):
        # Told that no repository begins above the tree, git takes it as a folder.
        env = dict(os.environ, GIT_CEILING_DIRECTORIES=str(root.parent))
        return subprocess.run(
            ["git", "apply", *options, self.path],
            cwd=root,
            env=env if not (root / ".git").exists() else None,
            capture_output=True,
            text=True,
            check=False,
        )

    def tests(self):
        """The ordinary tests that could notice it, the likeliest first."""
        for begin, tests in TESTS.items():
            if self.file.startswith(begin):
                return tests + ALWAYS
        raise outcome.Failed(f"{self.path}: no test is named for {self.file}")


def load(folder, only):
    """The mutants whose names match, in the order of their names."""
    paths = [p for p in sorted(folder.glob("*.patch")) if fnmatch.fnmatch(p.stem, only)]
    if not paths:
        raise outcome.Failed(f"{folder}: no mutant matches {only}")
    return [Mutant(p.resolve()) for p in paths]


class Tree:
    """A copy of the sources, built in place."""

    def __init__(self, work, build):
        self.dir = (work / "tree").resolve()
        self.jobs = f"-j{len(os.sched_getaffinity(0))}"
        self._copy_sources()
        objects = ROOT / build
        if objects.is_dir() and not (self.dir / "build").exists():
            shutil.copytree(
                objects,
                self.dir / "build",
                ignore=lambda folder, names: [
                    name
                    for name in names
                    if work.resolve() == pathlib.Path(folder, name).resolve()
                    or name == "mutants"
                ],
                symlinks=True,
            )

    def _copy_sources(self):
        wanted = set()
        for top in SOURCES:
            source = ROOT / top
            paths = [source] if source.is_file() else source.rglob("*")
            for path in paths:
                if path.is_file() and "__pycache__" not in path.parts:
                    wanted.add(path.relative_to(ROOT))
        for name in wanted:
            to = self.dir / name
            if to.exists() and to.read_bytes() == (ROOT / name).read_bytes():
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to)

    def restore(self, name):
        """Put one file back; its new time says that its objects are out of date."""
        shutil.copyfile(ROOT / name, self.dir / name)

    def folder(self, build):
        """Where a build's programs lie."""
        san = BUILDS[build]
        return "build" + (f"-{san.replace(',', '-')}" if san else "")

    def make(self, build, targets):
        """Build programs; returns the end of what make said, or None."""
        san = BUILDS[build]
        folder = self.folder(build)
        done = subprocess.run(
            ["make", self.jobs, *([f"SAN={san}"] if san else [f"B={folder}"])]
            + ["ZLAB_VERSION=mutant"]
            + [f"{folder}/{target}" for target in targets],
            cwd=self.dir,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            return None
        lines = (done.stdout + done.stderr).splitlines()
        return next((ln for ln in lines if "error:" in ln), "\n".join(lines[-5:]))


def run(command, limit, **options):
    """Run a program; returns (status or None when it did not end, output, s)."""
    start = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **options,
    ) as child:
        try:
            out, _ = child.communicate(timeout=limit)
            status = child.returncode
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, _ = child.communicate()
            status = None
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
    return status, out.decode(errors="replace"), time.monotonic() - start


def how(status, text):
    """What a failed test says, in a few words; None when it passed."""
    if status == 0 and not re.search(r"^not ok", text, re.M):
        return None
    for pattern in REPORTS:
        found = pattern.search(text)
        if found:
            return found.group(1).strip()
    if status is None:
        return "no end"
    if status < 0:
        return signal.Signals(-status).name
    last = (text.strip().splitlines() or [""])[-1]
    return f"status {status} {last[:60]}".strip()


class Tests:
    """The ordinary tests of one build, and how long they take when all is well."""

    def __init__(self, tree, build):
        self.tree = tree
        self.build = build
        self.usual = {}

    def one(self, test, limit):
        """Run one test program; returns (how it failed or None, seconds)."""
        folder = self.tree.folder(self.build)
        env = dict(
            os.environ,
            CMOCKA_MESSAGE_OUTPUT="TAP",
            LC_ALL="C.UTF-8",
            ZLAB_BUILD=str(self.tree.dir / folder),
            ZLAB_TEST_SCALE="100" if self.build == "plain" else "10",
            TSAN_OPTIONS="halt_on_error=1",
        )
        status, text, spent = run(
            [f"{folder}/tests/{test}"], limit, cwd=self.tree.dir, env=env
        )
        return how(status, text), spent

    def named(self, mutant):
        """The tests of this build for a mutant."""
        tests = mutant.tests()
        return [t for t in tests if self.build != "thread" or t in THREADED]

    def prepare(self, mutants):
        """The tree as it is has to pass what will judge the mutants."""
        tests = sorted({t for m in mutants for t in self.named(m)} - self.usual.keys())
        said = self.tree.make(self.build, [f"tests/{t}" for t in tests])
        if said:
            raise outcome.Failed(f"the tree without a mutant does not build: {said}")
        for test in tests:
            failed, spent = self.one(test, 1200)
            if failed:
                raise outcome.Failed(f"{test} fails without a mutant: {failed}")
            self.usual[test] = spent

    def judge(self, mutant):
        """The record of one mutant in this build."""
        tests = self.named(mutant)
        record = {"found": None, "said": None, "seconds": 0.0, "tests": tests}
        mutant.apply(self.tree.dir)
        try:
            said = self.tree.make(self.build, [f"tests/{t}" for t in tests])
            if said:
                raise outcome.Failed(f"{mutant.path}: does not compile: {said}")
            for test in tests:
                failed, spent = self.one(test, 20 + 6 * self.usual[test])
                record["seconds"] = round(record["seconds"] + spent, 3)
                if failed:
                    record.update(found=test, said=failed)
                    break
        finally:
            self.tree.restore(mutant.file)
        return record


class Explorer:
    """The program that "zlab explore" starts, built in a tree."""

    PROGRAM = "zlab-explore"
    LIMIT_S = 600

    def __init__(self, tree):
        self.tree = tree
        self.program = tree.dir / "build" / self.PROGRAM
        if not (ROOT / "harness/cmd/explore.c").exists():
            raise outcome.Failed('this tree has no "zlab explore"')
        self.build("the tree without a mutant")
        self.clean = tree.dir / "build/zlab-explore-clean"
        shutil.copy2(self.program, self.clean)
        _, said, _ = run([self.program, "explore", "--help"], self.LIMIT_S)
        self.fronts = "--front" in said
        # Only the number of schedules is asked for here.
        self.options = ["--shrink", "0"] if "--shrink" in said else []

    def build(self, what):
        """Make the program again."""
        said = self.tree.make("plain", [self.PROGRAM])
        if said:
            raise outcome.Failed(f"{what} does not compile: {said}")

    def drives(self, mutant):
        """Whether it has the front end that the mutant shows behind."""
        return self.fronts or not mutant.front

    def one(self, program, spec, front, strategy, seed, schedules=SCHEDULES):
        """Explore once; returns the first finding, or None."""
        path = self.tree.dir / "explored.json"
        path.unlink(missing_ok=True)
        command = [program, "explore", "--backend", spec]
        command += ["--schedules", str(schedules), "--strategy", strategy]
        command += ["--seed", str(seed), "--json", path]
        command += (["--front", front] if front else []) + self.options
        status, said, _ = run(command, self.LIMIT_S, cwd=self.tree.dir)
        if status not in (0, 1) or not path.exists():
            raise outcome.Failed(
                f"explore --backend {spec} --strategy {strategy} --seed {seed} ended "
                f"with {how(status, said)}: {outcome.last_line(said)}"
            )
        found = json.loads(path.read_text())["found"]
        return min(found, key=lambda f: f["schedule"]) if found else None

    def blame(self, way, found):
        """Fail when the same schedules find something without the mutant, too."""
        without = self.one(self.clean, *way, schedules=found["schedule"])
        if without:
            raise outcome.Failed(
                f"explore finds in {way[0]} without a mutant, {way[2]}, seed {way[3]}: "
                f"{without['kind']}: {without['text']}"
            )

    def judge(self, mutant, strategy):
        """The record of one mutant; its specs are tried in order for each seed."""
        record = {"limit": SCHEDULES, "seeds": SEEDS, "schedules": [], "trouble": []}
        kinds, specs, start = {}, {}, time.monotonic()
        for seed in SEEDS:
            for spec in mutant.shows:
                way = spec, mutant.front, strategy, seed
                try:
                    found = self.one(self.program, *way)
                except outcome.Failed as err:
                    record["trouble"].append(str(err))
                    continue
                if found:
                    self.blame(way, found)
                    record["schedules"].append(found["schedule"])
                    kinds[found["kind"]] = kinds.get(found["kind"], 0) + 1
                    specs[spec] = specs.get(spec, 0) + 1
                    break
        spent = round(time.monotonic() - start, 3)
        return record | {"kinds": kinds, "backends": specs, "seconds": spent}


def shrink(explorer, mutant):
    """The record of the story of a mutant, with the first seed that finds it."""
    story, result = explorer.tree.dir / "story", explorer.tree.dir / "explored.json"
    for seed, spec in itertools.product(SEEDS, mutant.shows):
        result.unlink(missing_ok=True)
        command = [explorer.program, "explore", "--backend", spec, "-o", story]
        command += ["--schedules", str(SCHEDULES), "--strategy", STRATEGIES[0]]
        command += ["--seed", str(seed), "--shrink", str(SHRINK_S), "--json", result]
        command += ["--front", mutant.front] if mutant.front else []
        status, said, spent = run(command, explorer.LIMIT_S, cwd=explorer.tree.dir)
        if status not in (0, 1) or not result.exists():
            return {"trouble": f"{spec}: {how(status, said)}"}
        found = json.loads(result.read_text())["found"]
        if not found:
            continue
        again = [explorer.program, "explore", "--replay", story]
        status, said, _ = run(again, explorer.LIMIT_S, cwd=explorer.tree.dir)
        return {
            "backend": spec,
            "seed": seed,
            "kind": found[0]["kind"],
            "ops": found[0]["ops"],
            "preemptions": found[0]["preemptions"],
            "repeats": status == 1 and "another finding" not in said,
            "seconds": round(spent, 3),
        }
    return {"trouble": "not found"}


class Records:
    """One line for each mutant and what was tried on it."""

    def __init__(self, path):
        self.path = path
        self.lines = {}
        if path.exists():
            for number, line in enumerate(path.read_text().splitlines(), 1):
                try:
                    record = json.loads(line)
                    self.lines[self.key(record)] = record
                except (ValueError, KeyError, TypeError) as err:
                    raise outcome.Failed(
                        f"{path}:{number}: not a record of a mutant"
                    ) from err

    @staticmethod
    def key(record):
        """What a record is about; a newer one takes its place."""
        return record["mutant"], record["by"], record["with"]

    def add(self, record):
        """Keep a record, and everything so far on disk."""
        self.lines[self.key(record)] = record
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(self.lines[k]) + "\n" for k in sorted(self.lines))
        files.write(self.path, text)

    def of(self, name, by):
        """The records of a mutant, by what they were made with."""
        return {k[2]: r for k, r in self.lines.items() if k[:2] == (name, by)}


def environment(args):
    """The machine and the build, as in every other record."""
    zlab = args.build / "zlab"
    try:
        said = subprocess.run([zlab, "env"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as err:
        raise outcome.Failed(f'{zlab} does not run; "make" builds it') from err
    return json.loads(said.stdout)


def identity(mutant, by, tool):
    """What every record begins with."""
    return {
        "mutant": mutant.name,
        "by": by,
        "with": tool,
        "file": mutant.file,
        "shows": mutant.shows,
        "equivalent": mutant.equivalent,
    }


def run_tests(args, mutants, records):
    """The ordinary tests; a build is asked only what those before did not find."""
    tree, env = Tree(args.work, args.build), environment(args)
    for build in args.builds:
        tests = Tests(tree, build)
        left = [
            m
            for m in mutants
            if not any(r["found"] for r in records.of(m.name, "tests").values())
            and (args.again or build not in records.of(m.name, "tests"))
        ]
        if left:
            tests.prepare(left)
        for mutant in left:
            record = identity(mutant, "tests", build) | tests.judge(mutant)
            records.add(record | {"env": env})
            found = record["found"] or "not found"
            print(
                f"  {mutant.name:38} {build:8} {found:28} {record['said'] or '':30.30} "
                f"{record['seconds']:7.1f} s",
                flush=True,
            )


def run_explore(args, mutants, records):
    """Both strategies, all seeds."""
    tree, env = Tree(args.work, args.build), environment(args)
    explorer = Explorer(tree)
    left = []
    for mutant in mutants:
        if not explorer.drives(mutant):
            print(f"  {mutant.name:38} not run: no front end {mutant.front}")
        elif args.again or len(records.of(mutant.name, "explore")) < len(STRATEGIES):
            left.append(mutant)
    for mutant in left:
        mutant.apply(tree.dir)
        try:
            explorer.build(mutant.path)
            for strategy in STRATEGIES:
                judged = explorer.judge(mutant, strategy)
                record = identity(mutant, "explore", strategy) | judged
                records.add(record | {"env": env})
                kinds = ", ".join(record["kinds"])
                print(
                    f"  {mutant.name:38} {strategy:8} {cell(record):>8} {kinds:.40}",
                    flush=True,
                )
                for line in record["trouble"]:
                    outcome.warn("mutants", f"{mutant.name}: {line}")
        finally:
            tree.restore(mutant.file)


def is_small(record):
    """Whether a story is as small as it should be, and repeats."""
    return record.get("repeats") and record["ops"] <= 4 and record["preemptions"] <= 3


def run_shrink(args, mutants, records):
    """The story of each that is not equivalent; those that are large are named."""
    tree, env = Tree(args.work, args.build), environment(args)
    explorer = Explorer(tree)
    left = [m for m in mutants if explorer.drives(m) and not m.equivalent]
    told = {}
    for mutant in left:
        told[mutant.name] = records.of(mutant.name, "shrink").get(STRATEGIES[0])
        if told[mutant.name] and not args.again:
            continue
        mutant.apply(tree.dir)
        try:
            explorer.build(mutant.path)
            record = identity(mutant, "shrink", STRATEGIES[0])
            record |= shrink(explorer, mutant)
            records.add(record | {"env": env})
            told[mutant.name] = record
        finally:
            tree.restore(mutant.file)
        if not is_small(record):
            print(
                f"  {mutant.name:38} {record.get('kind', ''):20} "
                f"{record.get('ops', '-')} operations, "
                f"{record.get('preemptions', '-')} preemptions, "
                f"{'repeats' if record.get('repeats') else 'does not repeat'}"
                f"{': ' + record['trouble'] if 'trouble' in record else ''}",
                flush=True,
            )
    found = [r for r in told.values() if "kind" in r]
    print(
        f"{sum(map(bool, map(is_small, found)))} of {len(found)} stories have at most 4 "
        "operations and 3 preemptions and repeat"
    )


def show(mutants, records):
    """What the records say, a line for each mutant, and the sums."""
    print(f"{'mutant':38} {'ordinary tests':40} {'random':>12} {'pct:3':>12}")
    sums = {"tests": 0, "explore": 0, "neither": 0}
    real = [m for m in mutants if not m.equivalent]
    for mutant in mutants:
        told = records.of(mutant.name, "tests")
        tests = next((f"{b} {r['found']}" for b, r in told.items() if r["found"]), "-")
        cells = []
        for strategy in STRATEGIES:
            record = records.of(mutant.name, "explore").get(strategy)
            cells.append(cell(record) if record else "")
        print(f"{mutant.name:38} {tests:40} {cells[0]:>12} {cells[1]:>12}")
        if mutant.equivalent:
            continue
        explored = any(
            r["schedules"] for r in records.of(mutant.name, "explore").values()
        )
        sums["tests"] += tests != "-"
        sums["explore"] += explored
        sums["neither"] += tests == "-" and not explored
    print(
        f"{len(mutants)} mutants, {len(real)} of them not equivalent: "
        f"{sums['tests']} found by the ordinary tests, {sums['explore']} by explore, "
        f"{sums['neither']} by neither"
    )


def cell(record):
    """Median of the schedules, or how many of the seeds found it."""
    found = record["schedules"]
    if len(found) == len(record["seeds"]):
        return f"{statistics.median(found):g}"
    return f"{len(found)}/{len(record['seeds'])}"


def arguments():
    """The command line."""
    parser = outcome.Parser(prog="mutants", description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "tests/mutants")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--work", type=pathlib.Path, metavar="DIR")
    parser.add_argument(
        "--records", type=pathlib.Path, default=ROOT / "results/mutants.jsonl"
    )
    parser.add_argument(
        "--builds", nargs="+", choices=BUILDS, default=list(BUILDS), metavar="BUILD"
    )
    parser.add_argument("--again", action="store_true", help="what has a record, too")
    args = parser.parse_args()
    args.build = args.build.resolve()
    args.work = args.work or args.build / "mutants"
    return args


def main():
    """Run one verb."""
    args = arguments()
    mutants = load(args.folder, args.only)
    if args.verb == "check":
        for mutant in mutants:
            mutant.check(ROOT)
            mutant.tests()
        print(f"{len(mutants)} mutants apply")
        return
    if args.verb == "list":
        for mutant in mutants:
            print(f"{mutant.name:38} {mutant.file:30} {mutant.said['Breaks']}")
        return
    records = Records(args.records)
    if args.verb == "tests":
        run_tests(args, mutants, records)
    if args.verb == "explore":
        run_explore(args, mutants, records)
    if args.verb == "shrink":
        run_shrink(args, mutants, records)
        return
    show(mutants, records)


if __name__ == "__main__":
    sys.exit(outcome.of("mutants", main))
