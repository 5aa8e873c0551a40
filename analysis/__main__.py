# SPDX-License-Identifier: GPL-2.0-or-later
"""The entry point: python3 analysis VERB ARGUMENTS.

The zlab program runs report, regress, ab, vm and sweep-figures; make runs the
rest.
"""

import importlib
import pathlib
import sys

# Run as a folder, only the folder itself would be searched for modules.
sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from analysis import outcome  # noqa: E402

VERBS = {
    "ab": "run.ab",
    "cluster": "cluster.command",
    "experiments": "run.experiments",
    "figures": "paper.figures",
    "job": "cluster.job",
    "paper": "paper.template",
    "regress": "run.regress",
    "report": "report.command",
    "scenarios-page": "scenarios.readme",
    "story": "report.story",
    "sweep-figures": "figures.sweep",
    "vm": "vm.command",
}


def main():
    """Run one verb; its module is loaded only now, with what it needs."""
    if len(sys.argv) < 2 or sys.argv[1] not in VERBS:
        raise outcome.Failed(f"takes one of {', '.join(VERBS)}")
    verb = sys.argv.pop(1)
    return importlib.import_module(f"analysis.{VERBS[verb]}").main()


if __name__ == "__main__":
    named = sys.argv[1] if len(sys.argv) > 1 else "analysis"
    sys.exit(outcome.of(named if named in VERBS else "analysis", main))
