# SPDX-License-Identifier: GPL-2.0-or-later
"""records.csv: a line per run, for spreadsheets, pandas, R and DuckDB."""

import csv

from analysis import files
from analysis.records.record import SPLIT

CSV_COLUMNS = (
    "trace sha256 events codec threads virtual backend round aa "
    "pool_pages pool_pages_peak objects object_bytes frag_ratio frag_ratio_end "
    "footprint_bytes footprint_bytes_max density real_ns user_ns sys_ns "
    "sys_codec_ns sys_allocator_ns sys_lock_wait_ns sys_frontend_ns store_p99_ns load_p99_ns "
    "sys_ns_sum reference"
).split()


def write_csv(path, found):
    """Write it."""
    with files.whole(path, newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for run in found.runs:
            raw, time = run.raw, run.raw["time"]
            latency = raw.get("latency_ns", {})
            writer.writerow(
                [run.trace, run.sha256, run.events, run.codec, run.cpus]
                + [int(run.virtual), run.spec, run.round]
                + [int(run.raw.get("aa", False))]
                + [raw["pool_pages"], raw["pool_pages_peak"], raw["objects"]]
                + [raw["object_bytes"], run.frag, run.frag_end]
                + [raw["footprint_bytes"], run.peak_footprint]
                + [f"{run.density:.6f}"]
                + [time["real_ns"], time["user_ns"], time["sys_ns"]]
                + [run.split.get(name, 0) for name in SPLIT]
                + [latency.get(op, {}).get("p99", "") for op in ("store", "load")]
                + [run.sys_ns_sum or ""]
                + [int(run.spec == found.reference)]
            )
