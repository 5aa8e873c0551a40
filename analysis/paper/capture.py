# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's table of what "zlab capture" costs, in instructions."""

import re

from analysis import grids
from analysis.records import reading

# Of pages of which at most so many bytes are noise.
LITTLE = 64


def _records(sources, bench="capture", clock="instructions"):
    """What tests/bench/capture said in machines, with that clock."""
    found = reading.lines(sources.folder / "capture.jsonl")
    return [r for r in found if r["bench"] == bench and r["clock"] == clock]


def _more(record):
    return record["captured_cpu_ns"] - record["plain_cpu_ns"]


def _per_store(record):
    return record["events_per_s"] / record["stores_per_s"]


def capture_cost(sources):
    """What a store and an event take, by kernel and way of capturing."""
    rows = []
    for record in _records(sources):
        release = re.match(r"\d+\.\d+", record["kernel"]).group()
        pages = "compress at once" if record["noise"] == LITTLE else "as most"
        more, plain = _more(record), record["plain_cpu_ns"]
        rows.append(
            [release, record["way"], pages, f"{plain:,}", f"{more:,}"]
            + [f"{100 * more / plain:.0f} %", f"{_per_store(record):.1f}"]
            + [f"{record['reader_ns_per_event']:,}", f"{record['events_per_s']:,}"]
            + [f"{record['lost_events']}"]
        )
    heads = ["kernel", "way", "pages", "a store", "captured, more", "share"]
    heads += ["events per store", "reading an event", "events per 10⁹", "lost"]
    return grids.markdown(heads, rows, left=3)


def number(sources, what):
    """One number over the table, as text, or None."""
    found = _records(sources)
    ways = {
        way: [_more(r) for r in found if r["way"] == way]
        for way in dict.fromkeys(r["way"] for r in found)
    }
    if what in ways:
        ends = [f"{end:,}" for end in (min(ways[what]), max(ways[what]))]
        return " to ".join(dict.fromkeys(ends))
    readers = [r["reader_ns_per_event"] for r in found]
    text = _records(sources, "capture_text")
    return {
        "reading": f"{min(readers):,} to {max(readers):,}",
        "parsing": f"{text[0]['cpu_ns_per_event']:,}",
        "lost": f"{sum(r['lost_events'] for r in found)}",
        "most": f"{max(r['events_per_s'] for r in found):,}",
    }.get(what)


TABLES = (capture_cost,)
