# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands below a figure: where its numbers come from."""


def of_run(run):
    """The footer of a figure of one trace."""
    commit = run.raw["env"].get("commit", "unknown")
    return (
        f"trace {run.label}, {run.events} events, SHA-256 {run.sha256[:12]}; "
        f"zlab {commit}"
    )


def source(case):
    """The footer of a figure of one case."""
    return of_run(case.first)


def sources(cases):
    """The footer of a figure over several traces."""
    traces = {case.first.sha256: case.first.trace for case in cases}
    if len(traces) == 1:
        return source(cases[0])
    named = ", ".join(f"{name} {sha256[:8]}" for sha256, name in traces.items())
    commits = ", ".join(
        dict.fromkeys(str(c.first.raw["env"].get("commit", "unknown")) for c in cases)
    )
    return f"zlab {commits}; traces (SHA-256): {named}"


def measured(case):
    """How often each backend ran, for a subtitle."""
    counts = {len(cell.runs) for cell in case.cells.values()}
    low, high = min(counts), max(counts)
    runs = f"{low}" if low == high else f"{low} to {high}"
    plural = "" if high == 1 else "s"
    if case.first.virtual:
        return f"{runs} seed{plural} each, virtual time, misses overlap"
    return f"{runs} run{plural} each, CPU time"
