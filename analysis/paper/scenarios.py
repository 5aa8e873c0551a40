# SPDX-License-Identifier: GPL-2.0-or-later
"""What the paper says of the scenarios: their summaries and short tables."""

from analysis.scenarios import t2, t12
from analysis.scenarios.readme import MODULES
from analysis.records import reading


def records_of(sources, table):
    """The records of a scenario."""
    return reading.lines(sources.folder / "scenarios" / f"{table}.jsonl")


def number(sources, table, name):
    """One entry of a scenario's summary, or None."""
    return MODULES[table].summary(records_of(sources, table)).get(name)


def scenario_t2(sources):
    """Where the pool's lock costs as published, by machine and model."""
    return "\n".join(t2.found_table(records_of(sources, "T2")))


def scenario_t12(sources):
    """The desktop's times."""
    return "\n".join(t12.desktop_table(records_of(sources, "T12")))


TABLES = (scenario_t2, scenario_t12)
