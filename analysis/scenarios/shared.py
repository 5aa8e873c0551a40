# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scenarios share: machines, published values, what a record keeps."""

import functools
import json

from analysis import ROOT, grids

PROFILES = ("desktop", "two-socket", "chiplets")
MODELS = ("overlap", "sum")
# Bytes of an object where all are of one size class.
ONE_SIZE = 2048
KEEP = ("backend", "topology", "virtual", "cli")
TIME_KEEP = ("real_ns", "user_ns", "sys_ns", "sys_split_ns")
LOCK_KEEP = ("name", "acquisitions", "contentions", "waittime_total_ns")


def slim(record, case):
    """What a table needs of a record, and which case of a scenario it is."""
    kept = {"case": case} | {k: record[k] for k in KEEP}
    kept["virtual"] = dict(kept["virtual"])
    for name in ("lines", "directory_bytes", "switches", "idle_ns"):
        kept["virtual"].pop(name, None)
    kept["time"] = {k: record["time"][k] for k in TIME_KEEP}
    kept["operations"] = {
        k: record["counts"][k] for k in ("store", "load", "invalidate")
    }
    kept["marks"] = [
        {k: m[k] for k in ("label", "time_ns") if k in m} for m in record["marks"]
    ]
    kept["locks"] = [
        {k: lock[k] for k in LOCK_KEEP}
        for lock in record["locks"]
        if lock["waittime_total_ns"]
    ][:2]
    return kept


@functools.cache
def _published():
    path = ROOT / "results" / "published.json"
    return json.loads(path.read_text(encoding="utf-8"))["values"]


def published(name):
    """A published value."""
    return _published()[name]["value"]


def span(values, form="{:.1f}"):
    """Least and most, or one number when they read alike."""
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low}..{high}"


def table(heads, rows):
    """Lines of a Markdown table."""
    return grids.markdown(heads, rows, left=len(heads)).splitlines()


def parts(record):
    """Shares of a store: malloc, and the waits in malloc and in writing."""
    store = record["virtual"]["store"]
    return {k: v / store["ns"] for k, v in store.items()}


def store_share(record):
    """The store path's share of all time."""
    store = record["virtual"]["store"]
    return store["ns"] / store["cpus_ns"]
