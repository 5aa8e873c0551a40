# SPDX-License-Identifier: GPL-2.0-or-later
"""What the paper says of the scenarios: their summaries and short tables."""

import importlib

import scenarios_run as run

TABLES = ("T2", "T3", "T12")


def module(table):
    """The code of a scenario."""
    return importlib.import_module(f"scenarios_{table.lower()}")


def records_of(sources, table):
    """The records of a scenario."""
    return run.load(sources.folder / "scenarios" / f"{table}.jsonl")


def number(sources, table, name):
    """One entry of a scenario's summary, or None."""
    return module(table).summary(records_of(sources, table)).get(name)


def scenario_t2(sources):
    """Where the pool's lock costs as published, by machine and model."""
    return "\n".join(module("T2").found_table(records_of(sources, "T2")))


def scenario_t12(sources):
    """The desktop's times."""
    return "\n".join(module("T12").desktop_table(records_of(sources, "T12")))
