# SPDX-License-Identifier: GPL-2.0-or-later
"""What a report shows beside the records: sizes against classes, pool maps.

These need the traces and the program, so they are gathered once, right after
a comparison, and kept as files in its folder:

  info-TRACE.json        zlab info --json of a trace
  classes.json           zlab classes --json of the first backend that has any
  occupancy-TRACE.jsonl  zlab replay --occupancy where the pool was emptiest
"""

import json
import pathlib
import subprocess
import sys

import bench
import plots


def _run(args):
    """A command's stdout, or None with its error line on stderr."""
    done = subprocess.run(
        [bench.program(), *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        line = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"zlab: report: {' '.join(args)}: {line}", file=sys.stderr)
        return None
    return done.stdout


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
    """Ask the program about each trace file, and keep the answers."""
    spec = _compactable(found)
    if spec:
        said = _run(["classes", "--backend", spec, "--json", "-"])
        if said:
            (folder / "classes.json").write_text(said)
    for path in traces:
        said = _run(["info", path, "--json", "-"])
        if not said:
            continue
        name = plots.safe(json.loads(said)["name"])
        (folder / f"info-{name}.json").write_text(said)
        case = next(
            (c for c in found.cases if c.first.trace == json.loads(said)["name"]), None
        )
        if not case or spec not in case.cells:
            continue
        run = case.cells[spec].first
        target = folder / f"occupancy-{name}.jsonl"
        target.unlink(missing_ok=True)
        events = emptiest(run)
        if events:
            args = bench.replay_args(path, spec, run.codec)
            _run([*args, "--events", str(events), "--compact-at-end"] + keep(target))


def keep(target):
    """Where the map of a replay goes, without timing anything."""
    return ["--sample", "0", "--occupancy", str(target)]


def _load(path):
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError, UnicodeDecodeError) as err:
        print(f"zlab: report: {path}: {err}", file=sys.stderr)
        return []


def figures(folder, found):
    """The plots of what gather() kept in a folder."""
    folder = pathlib.Path(folder)
    out = []
    path = folder / "classes.json"
    classes = next(iter(_load(path)), None) if path.exists() else None
    for path in sorted(folder.glob("info-*.json")):
        for info in _load(path):
            cases = [c for c in found.cases if c.first.trace == info.get("name")]
            if not cases or not classes:
                continue
            codecs = {case.first.codec.removeprefix("sizes:") for case in cases}
            for sizes in info.get("sizes", []):
                if sizes["codec"] in codecs or sizes["codec"] == "object":
                    named = dict(sizes, trace=info["name"])
                    footer = plots.source(cases[0])
                    out.append(plots.size_classes(named, classes, footer))
    for path in sorted(folder.glob("occupancy-*.jsonl")):
        maps = _load(path)
        name = path.stem.removeprefix("occupancy-")
        cases = [c for c in found.cases if plots.safe(c.first.trace) == name]
        if maps and cases:
            label = f"{cases[0].title}, {maps[0]['backend'].partition(':')[0]}"
            out.append(plots.occupancy(maps, label, plots.source(cases[0])))
    return [plot for plot in out if plot]
