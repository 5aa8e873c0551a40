#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How a Slurm job is, for Snakemake: running, success or failed.

scontrol knows a job for some minutes after its end, accounting for ever; a job
that neither knows has ended, and its result was not seen: failed.
"""

import re
import subprocess
import sys

WAITING = {
    "PENDING",
    "CONFIGURING",
    "RUNNING",
    "COMPLETING",
    "SUSPENDED",
    "STOPPED",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "SIGNALING",
    "STAGE_OUT",
}
TRIES = 3


def said(*command):
    """What a command prints, or nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return 1, "", ""
    return done.returncode, done.stdout, done.stderr


def state(job):
    """The state as Slurm names it; UNKNOWN when nobody knows the job."""
    for _ in range(TRIES):
        status, out, err = said("scontrol", "--oneliner", "show", "job", job)
        found = re.search(r"JobState=(\w+)", out)
        if found:
            return found.group(1)
        if status and "Invalid job id" in err:
            break
    else:
        # The controller does not answer: the job may well run.
        return "RUNNING"
    _, out, _ = said("sacct", "-nPX", "-j", job, "-o", "State")
    return (out.split() or ["UNKNOWN"])[0]


def main():
    """Print one word."""
    now = state(sys.argv[1])
    if now == "COMPLETED":
        print("success")
    elif now in WAITING:
        print("running")
    else:
        print("failed")


main()
