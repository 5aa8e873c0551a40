# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the traces that experiments replay and nobody recorded."""

import csv

from analysis.run import replays


def _import(zlab, text, path):
    """A trace from CSV."""
    replays.command([zlab, "import", "-", "-o", path], input=text)


def _stores_of(zlab, traces, codec):
    """CSV of every object that the traces store, each under a key of its own."""
    rows = ["op,key,size"]
    for trace in traces:
        exported = replays.command([zlab, "export", "-c", codec, trace])
        for row in csv.DictReader(exported.splitlines()):
            if row["op"] == "store":
                rows.append(f"store,{len(rows) - 1},{row['size']}")
    return "\n".join(rows) + "\n"


def make(zlab, steps, name, path):
    """Make the trace that experiments.toml calls `name`.

    generate: a generator's spec; renamed: through CSV, so that the trace is
    called after its file. stores_of, codec: see _stores_of().
    """
    entry = steps.input(name)
    if "generate" in entry:
        replays.command([zlab, "generate", entry["generate"], "-o", path])
        if entry.get("renamed"):
            _import(zlab, replays.command([zlab, "export", path]), path)
    else:
        traces = steps.lists[entry["stores_of"]]
        _import(zlab, _stores_of(zlab, traces, entry["codec"]), path)
