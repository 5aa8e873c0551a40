# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged result records, baselines, plans and sweeps, for what reads them in Python.

Good files are made once; each case changes one of them, in its text or in its
values, and runs the command that reads it. It may do its work, or fail with its
one line: any other exception is a finding. A case follows from the seed and its
number. ZLAB_MUTATIONS_SEED says which seed, ZLAB_MUTATIONS_S for how long.
"""

import argparse
import contextlib
import copy
import io
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import tap

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("ZLAB_BUILD", ROOT / "build")).resolve()
ZLAB = BUILD / "zlab"
TMP = pathlib.Path(os.environ.get("TMPDIR", "/tmp")).resolve()
sys.path.insert(0, str(ROOT))
sys.dont_write_bytecode = True

from analysis import outcome  # noqa: E402
from analysis.figures import gnuplot, sweep  # noqa: E402
from analysis.regress import baseline  # noqa: E402
from analysis.regress.verdicts import closing, compare, markdown, tables  # noqa: E402
from analysis.report import command  # noqa: E402
from analysis.run import regress  # noqa: E402

ODD = [
    *(None, True, False, 0, 1, -1, 0.5, 1e308, -1e308, 2**70, "", "x", "lz4", []),
    *(
        {},
        [1],
        [[]],
        {"a": 1},
        "a" * 300,
        "\x1b[31m",
        "\u0000",
        "../x",
        "a/b",
        "\ud800",
    ),
    *(
        float("nan"),
        float("inf"),
        "<script>",
        "${x}",
        "'",
        '"',
        "a\nb",
        [None],
        10**400,
    ),
]


def walk(value, path=()):
    """Every place in a value."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from walk(item, path + (key,))


def at(value, path):
    """What is there."""
    for key in path:
        value = value[key]
    return value


def change(rng, value):
    """Change a value at a random place."""
    places = [path for path in walk(value) if path]
    if not places:
        return rng.choice(ODD)
    path = rng.choice(places)
    parent, key = at(value, path[:-1]), path[-1]
    how = rng.randrange(5)
    if how == 0:
        del parent[key]
    elif how == 1:
        other = rng.choice(places)
        with contextlib.suppress(LookupError, TypeError):
            parent[key] = copy.deepcopy(at(value, other))
    elif how == 2 and isinstance(parent[key], (int, float)):
        parent[key] = parent[key] * rng.choice([-1, 0, 2, 1e9, 1e-9])
    elif how == 3 and isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), rng.choice(ODD))
    else:
        parent[key] = copy.deepcopy(rng.choice(ODD))
    return value


def damage(rng, text):
    """Change bytes."""
    data = bytearray(text)
    for _ in range(rng.randint(1, 3)):
        if not data:
            break
        where = rng.randrange(len(data))
        how = rng.randrange(5)
        if how == 0:
            data[where] ^= 1 << rng.randrange(8)
        elif how == 1:
            del data[where : where + rng.choice([1, 10, 1000])]
        elif how == 2:
            data[where:where] = rng.choice(
                [b"[" * 5000, b"\xff", b"\0", b"\n", b"{}", b"1e999"]
            )
        elif how == 3:
            data = data[:where]
        else:
            data[where:where] = data[: rng.choice([1, 50, 2000])]
    return bytes(data)


def mutated(rng, text):
    """Another version of a file of JSON lines, or of one value over lines."""
    if rng.random() < 0.25:
        return damage(rng, text)
    try:
        values, lines = [json.loads(text)], False
    except ValueError:
        values, lines = [json.loads(ln) for ln in text.splitlines()], True
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        spot = rng.randrange(len(values))
        values[spot] = change(rng, values[spot])
    if rng.random() < 0.1:
        values = values * 2 if lines else values
    return "\n".join(json.dumps(value) for value in values).encode() + b"\n"


class Quick(gnuplot.Plot):
    """Gnuplot itself runs for one case in a hundred: it takes longer than all else."""

    def drawn(self, folder):
        """As Plot.draw(), without the program."""
        self.script()
        for _, heads, rows in self.blocks:
            for row in rows or [["NaN"] * len(heads)]:
                "\t".join(gnuplot.cell(value) for value in row)
        return f"<svg id='{self.slug}'></svg>"


def report(folder, real):
    """zlab report."""
    draw = gnuplot.Plot.draw
    if not real:
        gnuplot.Plot.draw = Quick.drawn
    try:
        sys.argv = ["report", str(folder)]
        command.main()
    finally:
        gnuplot.Plot.draw = draw


def sweep_plot(folder, real):
    """What zlab sweep --plot runs."""
    draw = gnuplot.Plot.draw
    if not real:
        gnuplot.Plot.draw = Quick.drawn
    try:
        sys.argv = ["sweep-figures", str(folder / "sweep.jsonl"), str(folder / "plots")]
        sweep.main()
    finally:
        gnuplot.Plot.draw = draw


def gate(folder, _real):
    """zlab regress, but for the replays."""
    known = baseline.load_baseline(folder / "baseline.json")
    now = json.loads((folder / "now.json").read_text())
    notes = regress.unknown_inputs(known, now)
    rows = compare(known, now)
    print("\n".join(tables(rows, []) + closing(rows, notes)))
    print(markdown(rows, [], notes), json.dumps(rows))
    baseline.accept(folder / "moved.json", known, now, rows, "why")


def plan(folder, _real):
    """The plan of zlab regress."""
    made = regress.Plan(folder / "plan.json", folder / "traces")
    made.generated = {}
    try:
        traces = made.traces("zlab", folder)
    except outcome.Failed:
        traces = {"t": folder / "t.zlt"}
    for group in (made.exact, made.instructions, made.virtual, made.advice):
        list(made.jobs(group, traces))


# What is changed -> what reads it.
READERS = {
    "records.jsonl": report,
    "info-churn.json": report,
    "classes.json": report,
    "occupancy-churn.jsonl": report,
    "sweep.jsonl": sweep_plot,
    "baseline.json": gate,
    "plan.json": plan,
}
WEIGHTS = [8, 1, 1, 1, 4, 4, 3]


def make_files(folder):
    """Good ones."""
    folder.mkdir()

    def zlab(*args):
        return subprocess.run(
            [ZLAB, *args],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    zlab("generate", "churn:keys=200,rounds=1", "-o", "t.zlt")
    zlab(
        "compare",
        "t.zlt",
        "-b",
        "zbud",
        "zsmalloc",
        "-n",
        "2",
        "-t",
        "1",
        "2",
        "-o",
        "out",
    )
    for path in (folder / "out").iterdir():
        if path.is_file():
            shutil.move(path, folder / path.name)
    shutil.rmtree(folder / "out")
    for name in ("table.txt", "report.html", "records.csv"):
        (folder / name).unlink(missing_ok=True)
    if zlab(
        "sweep",
        "t.zlt",
        "-b",
        "zbud",
        "-b",
        "zsmalloc",
        "--vcpus",
        "1,2",
        "-o",
        "sweep.jsonl",
        "--no-sensitivity",
    ).returncode:
        shutil.copy(folder / "records.jsonl", folder / "sweep.jsonl")
    (folder / "traces").mkdir()
    shutil.move(folder / "t.zlt", folder / "traces" / "t.zlt")
    now = zlab(
        "regress",
        "--traces",
        "traces",
        "--baseline",
        "baseline.json",
        "--tier",
        "1",
        "--accept",
        "first",
        "--backend",
        "zbud",
    )
    made = json.loads((folder / "baseline.json").read_text())
    made["near"] = {"t zbud | instructions/op": 812.5}
    (folder / "baseline.json").write_text(json.dumps(made))
    made |= {"commit": "1234", "toolchain": "x"}
    (folder / "now.json").write_text(json.dumps(made))
    shutil.copy(ROOT / "results" / "regress.json", folder / "plan.json")
    return now.returncode == 0


def one(job):
    """Run a case; returns (number, name, what went wrong)."""
    seed, number, template = job
    rng = random.Random(f"{seed}:{number}")
    name = rng.choices(list(READERS), WEIGHTS)[0]
    if not (template / name).exists():
        return number, name, ""
    with tempfile.TemporaryDirectory(prefix="case-", dir=TMP) as top:
        folder = pathlib.Path(top) / "files"
        shutil.copytree(template, folder)
        (folder / name).write_bytes(mutated(rng, (folder / name).read_bytes()))
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                READERS[name](folder, rng.random() < 0.01)
        except (outcome.Failed, SystemExit):
            pass
        except Exception:
            return number, name, traceback.format_exc()
    return number, name, ""


def rounds(pool, args, template):
    """What one() returns, for as long as there is time."""
    until, number, many = time.monotonic() + args.seconds, 0, 16
    if args.only is not None:
        number, many, until = args.only, 1, 0
    while True:
        jobs = [(args.seed, n, template) for n in range(number, number + many)]
        yield from pool.imap_unordered(one, jobs)
        number += many
        if time.monotonic() > until:
            return


def main(seconds):
    """Run cases for that long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default=os.environ.get("ZLAB_MUTATIONS_SEED", "1"))
    seconds = float(os.environ.get("ZLAB_MUTATIONS_S", seconds))
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--only", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    results, total, seen = tap.Tap(), 0, {}
    with tempfile.TemporaryDirectory(prefix="mutations-", dir=TMP) as top:
        template = pathlib.Path(top) / "files"
        results.check(make_files(template), "good files are made")
        with multiprocessing.Pool(args.jobs) as pool:
            for number, name, wrong in rounds(pool, args, template):
                total += 1
                # One place of the code is one finding.
                where = "\n".join(wrong.splitlines()[-3:])
                if wrong and where not in seen:
                    seen[where] = number
                    results.check(
                        False,
                        f"case {number} of seed {args.seed}: {name}",
                        "\n".join(wrong.splitlines()[-9:]),
                    )
    results.check(total > 0, f"{total} damaged files of seed {args.seed}")
    return results.end()
