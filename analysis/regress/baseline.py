# SPDX-License-Identifier: GPL-2.0-or-later
"""The file of numbers that a build is compared with."""

import datetime
import json

from analysis import files, outcome

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


def _numbers(value):
    return isinstance(value, dict) and all(
        isinstance(number, (int, float)) for number in value.values()
    )


def _is_baseline(found):
    """Whether a JSON value has the parts of a baseline."""
    if not isinstance(found, dict) or not isinstance(found.get("exact"), dict):
        return False
    if not _numbers(found.get("near")) or not isinstance(
        found.get("history", []), list
    ):
        return False
    near = all(key.count(" | ") == 1 for key in found["near"])
    return near and all(map(_numbers, found["exact"].values()))


def load_baseline(path):
    """The baseline; an empty one where there is none yet."""
    if not path.exists():
        return {"schema": SCHEMA, "history": [], "exact": {}, "near": {}}
    found = files.load(path)
    if not _is_baseline(found):
        raise outcome.Failed(
            f"{path}: not a baseline; zlab regress --accept writes one"
        )
    if found.get("schema") != SCHEMA:
        raise outcome.Failed(
            f"{path}: baseline of schema {found.get('schema')}; this zlab "
            f"reads {SCHEMA}"
        )
    return found
