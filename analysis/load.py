# SPDX-License-Identifier: GPL-2.0-or-later
"""What else the machine did while records were made.

harness/measure/load.h is the same for commands in C.
"""

# Of a machine, from which on times are not taken for its own.
SHARE = 0.1


def _of(raw):
    """(CPUs that others kept busy, CPUs); None where a record does not say."""
    others = raw["env"].get("other_cpus")
    if others is None or raw["time"].get("virtual"):
        return None
    return others, raw["env"]["cores"]


def note(raws):
    """A line about runs beside which others kept the machine busy, or None."""
    known = [found for found in map(_of, raws) if found]
    busy = [(others, cpus) for others, cpus in known if others > SHARE * cpus]
    if not busy:
        return None
    others, cpus = max(busy)
    return (
        f"during {len(busy)} of {len(raws)} runs other programs kept more than a "
        f"tenth of the CPUs busy, {others:.1f} of {cpus} at most; times may be longer "
        "for it"
    )
