# SPDX-License-Identifier: GPL-2.0-or-later
"""The file of numbers that a build is compared with."""

import datetime
import json

from analysis import files, outcome, shape

SCHEMA = 1


def accept(path, baseline, now, rows, reason):
    """Move the baseline, and write down why."""
    baseline["exact"].update(now["exact"])
    baseline["near"].update(now["near"])
    baseline.setdefault("traces", {}).update(now["traces"])
    if now["near"]:
        baseline["toolchain"] = now["toolchain"]
    baseline.setdefault("history", []).append(
        {
            "date": datetime.date.today().isoformat(),
            "commit": now["commit"],
            "reason": reason,
            "changed": sum(r["verdict"] not in ("same", "within") for r in rows),
        }
    )
    files.write(path, json.dumps(baseline, indent=1) + "\n")


def load_baseline(path):
    """The baseline; an empty one where there is none yet."""
    if not path.exists():
        return {"schema": SCHEMA, "history": [], "exact": {}, "near": {}}
    found = shape.load(path, "baseline")
    if found.get("schema") != SCHEMA:
        raise outcome.Failed(
            f"{path}: baseline of schema {found.get('schema')}; this zlab "
            f"reads {SCHEMA}"
        )
    return found
