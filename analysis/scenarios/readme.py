# SPDX-License-Identifier: GPL-2.0-or-later
"""results/scenarios/README.md from the records of the scenarios.

usage: scenarios-page RESULTS
"""

import pathlib
import sys

from analysis import files, outcome
from analysis.records import reading
from analysis.scenarios import t2, t3, t12

MODULES = {"T2": t2, "T3": t3, "T12": t12}
INTRODUCTION = """\
# Published tables on virtual CPUs

Made by `make scenarios`; see [docs/scenarios.md](../../docs/scenarios.md) for what
is a prediction, what is fixed beforehand and what the models leave out. Ranges
are over seeds within a row and over profiles and memory models between rows.
"""


def main():
    """Write it."""
    if len(sys.argv) != 2:
        raise outcome.Failed("usage: scenarios-page RESULTS")
    folder = pathlib.Path(sys.argv[1]) / "scenarios"
    lines = [INTRODUCTION]
    for name, module in MODULES.items():
        path = folder / f"{name}.jsonl"
        if path.exists():
            lines += module.page(reading.lines(path))
    text = "\n".join(lines).rstrip() + "\n"
    files.write(folder / "README.md", text)
    return 0
