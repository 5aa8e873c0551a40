# SPDX-License-Identifier: GPL-2.0-or-later
"""The program under test, and what it says of its own commands."""

import dataclasses
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ZLAB_BUILD", ROOT / "build")).resolve()
ZLAB = BUILD / "zlab"
TMP = pathlib.Path(os.environ.get("TMPDIR", "/tmp")).resolve()


@dataclasses.dataclass
class Option:
    """As help shows it: the words are those that completion offers."""

    name: str
    key: str
    arg: str
    needed: bool
    words: list


def said(*args):
    """Standard output of zlab."""
    return subprocess.run(
        [ZLAB, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ).stdout


def completed(*args):
    """The words that completion offers; none where it leaves it to the shell."""
    found = [ln.split("\t")[0] for ln in said("complete", *args).splitlines()]
    return [word for word in found if not word.startswith(":")]


def command_names():
    """All commands, as the program lists them."""
    return re.findall(r"^  ([a-z][a-z-]*) ", said("--help"), re.M)


def options_of(command):
    """All options of a command."""
    found = []
    row = re.compile(r"^  (?:-(.),|   ) --([a-z0-9-]+)(?:=(\S+))?(?: |$)(.*)$")
    for line in said(command, "--help").splitlines():
        match = row.match(line)
        if match:
            key, name, arg, _ = match.groups()
            words = completed(command, f"--{name}", "") if arg else []
            found.append(Option(name, key, arg, False, words))
        if found and line.endswith("Needed."):
            found[-1].needed = True
    return found
