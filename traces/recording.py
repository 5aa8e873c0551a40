# SPDX-License-Identifier: GPL-2.0-or-later
"""What the recipes of recorded traces share: programs, limits, recording."""

import json
import os
import pathlib
import subprocess
import tempfile


def write(path, lines, end="\n"):
    """A text file; returns its name."""
    with open(path, "w", encoding="utf-8") as f:
        for line in lines:
            f.write(line + end)
    return str(path)


def plain(argv, stdin=None, **more):
    """A command that runs by itself, behind the words that record it."""

    def run(record):
        with open(stdin or os.devnull, "rb") as src:
            return subprocess.run(
                [*record, *map(str, argv)],
                stdin=src,
                stdout=subprocess.DEVNULL,
                check=False,
                **more,
            ).returncode

    return run


def redis(tmp, work, *options):
    """A server that gets the commands of a file and ends."""

    def run(record):
        sock = tmp / "redis.sock"
        server = subprocess.Popen(
            [*record, "redis-server", "--port", "0", "--unixsocket", str(sock)]
            + ["--save", "", "--dir", str(tmp), *options],
            stdout=subprocess.DEVNULL,
        )
        client = ["redis-cli", "-s", str(sock)]
        while server.poll() is None:
            said = subprocess.run(
                [*client, "ping"], capture_output=True, text=True, check=False
            )
            if "PONG" in said.stdout:
                break
        with open(work, "rb") as src:
            subprocess.run(
                [*client, "--pipe"], stdin=src, stdout=subprocess.DEVNULL, check=False
            )
        subprocess.run(
            [*client, "shutdown", "nosave"], stderr=subprocess.DEVNULL, check=False
        )
        return server.wait()

    return run


def peak_of(zlab, run, tmp):
    """Bytes the program needs at most, without a limit; None if it fails."""
    stats = tmp / "peak.json"
    record = [zlab, "record", "--quiet", "-o", str(tmp / "peak.zlt"), "--no-contents"]
    record += ["--limit", "64G", "--sizes", "lz4", "--json", str(stats), "--"]
    if run(record):
        return None
    return json.loads(stats.read_text())["peak_bytes"]


class Recipe:
    """What is run, and under which share of its peak, in percent.

    `prepare` gets an empty folder and returns what runs the program behind the
    words that record it.
    """

    def __init__(self, name, prepare, limit, contents=False):
        self.name, self.prepare, self.limit = name, prepare, limit
        self.contents = contents

    def record(self, zlab, out, *more):
        """Record it to a folder; returns the peak in bytes, None if it fails."""
        with tempfile.TemporaryDirectory(prefix="zlab-recipe-") as name:
            tmp = pathlib.Path(name)
            run = self.prepare(tmp)
            peak = peak_of(zlab, run, tmp)
            if not peak:
                return None
            words = [zlab, "record", "-o", str(out / f"{self.name}.zlt"), *more]
            words += ["--contents" if self.contents else "--no-contents"]
            words += ["--limit", str(peak * self.limit // 100), "--"]
            return peak if run(words) == 0 else None
