#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Published tables as scenarios on virtual CPUs.

usage: scenarios.py T2|T3|T12 --zlab build/zlab -o results/scenarios
       scenarios.py page -o results/scenarios

The first replays a published set-up over profiles, memory models and seeds and
writes the records; the second writes README.md from the records that are there.
"""

import argparse
import json
import pathlib
import tempfile

import scenarios_run
from scenarios_paper import TABLES, module
import text

ROOT = scenarios_run.ROOT
INTRODUCTION = """\
# Published tables on virtual CPUs

Made by `make scenarios`; see [docs/scenarios.md](../../docs/scenarios.md) for what
is a prediction, what is fixed beforehand and what the models leave out. Ranges
are over seeds within a row and over profiles and memory models between rows.
"""


def write(path, lines):
    """All at once, or not at all."""
    part = path.with_suffix(path.suffix + ".tmp")
    part.write_text("\n".join(lines) + "\n")
    part.rename(path)


def page(folder):
    """README.md from the records."""
    lines = [INTRODUCTION]
    for table in TABLES:
        path = folder / f"{table}.jsonl"
        if path.exists():
            lines += module(table).page(scenarios_run.load(path))
    write(folder / "README.md", ["\n".join(lines).rstrip()])


def main():
    """Replay one table, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=(*TABLES, "page"))
    parser.add_argument("--zlab", default=str(ROOT / "build" / "zlab"))
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    parser.add_argument("--work", help="folder for traces; default: a temporary one")
    parser.add_argument("--jobs", type=int, default=2, help="replays at a time")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the operations, one seed"
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if args.what == "page":
        page(args.output)
        return
    if not pathlib.Path(args.zlab).exists():
        text.die(f'scenarios: no program {args.zlab}; "make" builds it')
    with tempfile.TemporaryDirectory(prefix="zlab-scenarios-") as temporary:
        runner = scenarios_run.Runner(args.zlab, args.work or temporary, args.jobs)
        code = module(args.what)
        more = code.QUICK if args.quick else {}
        records = code.Scenario(runner, **more).run()
    write(
        args.output / f"{args.what}.jsonl",
        [json.dumps(r, separators=(",", ":")) for r in records],
    )


if __name__ == "__main__":
    main()
