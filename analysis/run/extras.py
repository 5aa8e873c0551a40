# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks zlab for what a report shows beside the records, once for each trace.

The answers stay as files in the comparison's folder, from where
analysis/report/beside.py draws them:

  info-TRACE.json        zlab info --json of a trace, under its name in the report
  classes.json           zlab classes --json of the first backend that has any
  occupancy-TRACE.jsonl  zlab replay --occupancy where the pool was emptiest
"""

import json
import os

from analysis import files, naming, outcome
from analysis.run import replays


def _ask(*args):
    """What zlab prints, or None with its error line on stderr."""
    try:
        return replays.zlab(*args)
    except outcome.Failed as err:
        outcome.warn("report", err)
        return None


def _compactable(found):
    """The first backend whose name has size classes."""
    return next((s for s in found.specs if s.startswith("zsmalloc")), None)


def emptiest(run):
    """Events after which a half-full or fuller pool was filled worst."""
    points = run.points
    if not points:
        return None
    half = max(point["pool_pages"] for point in points) / 2
    full = [p for p in points if p["pool_pages"] >= half]
    return min(full, key=lambda p: p["object_bytes"] / p["pool_pages"])["event"]


def gather(folder, found, traces):
    """Ask the program about each trace, and keep the answers."""
    spec = _compactable(found)
    if spec:
        said = _ask("classes", "--backend", spec, "--json", "-")
        if said:
            files.write(folder / "classes.json", said)
    for path in traces:
        said = None
        if os.path.exists(path):
            sha256 = files.sha256_of(path)
        else:
            # A stream has no file; what it is, the program says.
            said = _ask("info", path, "--json", "-")
            if not said:
                continue
            sha256 = json.loads(said)["sha256"]
        case = next((c for c in found.cases if c.first.sha256 == sha256), None)
        if not case:
            outcome.warn("report", f"{path}: no record is of this trace")
            continue
        name = naming.slug(case.first.label)
        said = said or _ask("info", path, "--json", "-")
        if said:
            files.write(folder / f"info-{name}.json", said)
        if spec not in case.cells:
            continue
        run = case.cells[spec].first
        target = folder / f"occupancy-{name}.jsonl"
        target.unlink(missing_ok=True)
        events = emptiest(run)
        if events:
            args = replays.replay_args(path, spec, run.codec)
            _ask(*args, "--events", str(events), "--compact-at-end", *keep(target))


def keep(target):
    """Where the map of a replay goes, without timing anything."""
    return ["--sample", "0", "--occupancy", str(target)]
