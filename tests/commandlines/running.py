# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command line; its end, its output and what it leaves to run."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from commandlines import program

LIMIT_S = 60
# What a stopped command may take to end, on a machine that does more.
END_S = 20
# A command that would take a minute is stopped.
STOP_S = {"calibrate": 1.5}


@dataclasses.dataclass
class Result:
    """What a run did."""

    status: int
    out: bytes
    err: str
    late: bool
    left: list
    stopped: int = 0


def alive():
    """Processes that a command left to us, by name; they are ended."""
    found, until = [], time.monotonic() + 2
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid:
            continue
        if time.monotonic() < until:
            time.sleep(0.02)
            continue
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                head, _, tail = entry.read_text(errors="replace").rpartition(")")
                if int(tail.split()[1]) == os.getpid():
                    found.append(head.partition("(")[2])
                    os.kill(int(entry.parent.name), signal.SIGKILL)


def execute(line, place):
    """Run it."""
    stdin = {
        "null": os.devnull,
        "table": place.work / "t.csv",
        "records": place.work / "r.jsonl",
    }
    command = [str(program.ZLAB), *line.words()]
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open(stdin[line.stdin], "rb"))
        kept = stack.enter_context(tempfile.TemporaryFile(dir=program.TMP))
        err = stack.enter_context(tempfile.TemporaryFile(dir=program.TMP))
        out = kept
        if line.stdout == "full":
            out = stack.enter_context(open("/dev/full", "wb"))
        elif line.stdout == "unread":
            reader, writer = os.pipe()
            os.close(reader)
            out = stack.enter_context(open(writer, "wb"))
        elif line.stdout == "closed":
            command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        done = subprocess.Popen(
            [os.fsencode(word) for word in command],
            cwd=place.work,
            env=place.environment(),
            stdin=source,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        late, stopped = False, 0
        if line.stop:
            with contextlib.suppress(subprocess.TimeoutExpired):
                done.wait(line.stop[1])
            if done.poll() is None:
                stopped = line.stop[0]
                done.send_signal(stopped)
        try:
            done.wait(STOP_S.get(line.command, LIMIT_S))
        except subprocess.TimeoutExpired:
            late = True
            done.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                done.wait(END_S)
            if done.poll() is None:
                os.killpg(done.pid, signal.SIGKILL)
                done.wait()
        left = alive()
        kept.seek(0)
        err.seek(0)
        text = err.read().decode(errors="replace")
        return Result(done.returncode, kept.read(), text, late, left, stopped)
