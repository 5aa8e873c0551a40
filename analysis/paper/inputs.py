# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured: the traces, how long a run takes, which builds ran.

results/inputs.jsonl has what `zlab info` says of each committed trace.
"""

import statistics

from analysis import experiments, grids, units
from analysis.paper.sources import Wrong
from analysis.records import reading

CODEC = "lz4"
# Experiments whose times are shown.
TIMED = ("time", "locks", "designs", "index", "readers", "atomic")


def _known(sources):
    """Trace name -> what zlab info says of it."""
    found = reading.lines(sources.folder / "inputs.jsonl")
    return {one["name"]: one for one in found}


def _classes(info):
    """How the objects of a trace spread over zsmalloc's classes."""
    return next(s["classes"] for s in info["sizes"] if s["codec"] == CODEC)


VALUES = {
    "events": (lambda info: info["events"], "{:,}"),
    "keys": (lambda info: info["keys"], "{:,}"),
    "live": (lambda info: info["live_peak_exclusive"], "{:,}"),
    "seconds": (lambda info: info["duration_ns"] / 1e9, "{:.1f}"),
    "threads": (lambda info: info["threads"], "{}"),
    "limit": (lambda info: info["meta"]["limit_bytes"] / (1 << 20), "{:.1f}"),
    "unchanged": (
        lambda info: 100 * info["unchanged"] / info["ops"]["store"],
        "{:.0f}",
    ),
    "top": (lambda info: 100 * _classes(info)["top"], "{:.0f}"),
    "top5": (lambda info: 100 * _classes(info)["top5"], "{:.0f}"),
}


def span(values, form):
    """Least and greatest, once if they read the same."""
    ends = [form.format(end) for end in (min(values), max(values))]
    return " to ".join(dict.fromkeys(ends))


def number(sources, names, what):
    """A value of VALUES over some traces: a trace, or a list in [traces]."""
    if what not in VALUES:
        return None
    known = _known(sources)
    value, form = VALUES[what]
    traces = experiments.load()["traces"].get(names, [names])
    return span([value(known[trace]) for trace in traces], form)


def runs_each(name):
    """How many times the steps of an experiment are run."""
    experiment = experiments.load()["experiments"][f"results/{name}.jsonl"]
    return str(experiment.get("runs_inside") or experiment.get("runs", 1))


def option(sources, name, what):
    """An option of the replay or of its front end that all runs of a set share."""
    found = {
        (run.raw["options"] | run.raw.get("zswap", {}))[what]
        for run in sources.set(name).runs
    }
    if len(found) != 1:
        raise Wrong(f"{name}: runs differ in {what}: {found}")
    value = found.pop()
    return units.fmt_bytes(value) if what.endswith("_bytes") else str(value)


def traces(sources):
    """The traces of the study."""
    hashes = {}
    for name in ("space", "time"):
        hashes |= {run.trace: run.sha256 for run in sources.set(name).runs}
    shown = ("keys", "live", "seconds", "threads", "unchanged")
    rows = [
        [name, f"{info['events']:,}"]
        + [f"{info['ops'][op]:,}" for op in ("store", "load", "invalidate")]
        + [VALUES[what][1].format(VALUES[what][0](info)) for what in shown]
        + [f"`{hashes[name][:12]}`"]
        for name, info in _known(sources).items()
    ]
    heads = ["trace", "events", "stores", "loads", "invalidates", "keys"]
    heads += ["live pages, most", "length, s", "threads", "unchanged stores, %"]
    return grids.markdown(heads + ["SHA-256"], rows)


def timed_inputs(sources):
    """What each experiment that is timed replays, and how long a run takes."""
    rows = []
    for name in TIMED:
        groups = {}
        for run in sources.set(name).runs:
            groups.setdefault((run.trace, run.codec, run.cpus), []).append(run)
        for (trace, codec, cpus), runs in sorted(groups.items()):
            cells = {}
            for run in runs:
                index = run.raw.get("zswap", {}).get("index")
                key = (run.spec, str(run.raw["options"]), index)
                cells.setdefault(key, []).append(run.raw["time"]["real_ns"])
            medians = [statistics.median(cell) for cell in cells.values()]
            ends = [units.fmt_ns(end) for end in (min(medians), max(medians))]
            rows.append(
                [f"`results/{name}.jsonl`", trace, codec, cpus]
                + [f"{runs[0].events:,}", f"{runs[0].raw['trace']['keys']:,}"]
                + [f"{runs[0].raw['trace']['live_peak']:,}"]
                + [" .. ".join(dict.fromkeys(ends))]
            )
    heads = ["experiment", "trace", "codec", "threads", "events", "keys"]
    return grids.markdown(heads + ["live pages, most", "a run takes"], rows, left=3)


def builds(sources):
    """Which zlab made which records, and how loaded the machine was."""
    rows = []
    for output, experiment in experiments.load()["experiments"].items():
        records = reading.lines(sources.folder.parent / output)
        envs = [record["env"] for record in records if "env" in record]
        if not envs:
            continue
        commits = sorted({f"`{env['commit']}`" for env in envs})
        dirty = any(env["dirty"] for env in envs)
        timed = experiment.get("repeats") != "to the digit"
        loads = [env["load"][0] for env in envs if env.get("load")]
        rows.append(
            [f"`{output}`", ", ".join(commits), "yes" if dirty else "no"]
            + [span(loads, "{:.1f}") if timed and loads else "-"]
        )
    heads = ["records", "zlab", "with local changes", "load while timed"]
    return grids.markdown(heads, rows, left=3)


TABLES = (traces, timed_inputs, builds)
