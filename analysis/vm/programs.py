# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs for a machine: this machine's own, with the libraries they load.

Three that use memory in different ways at the same time: a C compiler, perl with
a large hash, and sort.
"""

import pathlib
import random
import re
import shutil

from analysis import outcome
from analysis.run import replays

# KiB for all of them: about a third of what they would take.
LIMIT_KB = 24 << 10
FUNCTIONS, LINES, KEYS = 60, 60000, 40000
LIBRARY = re.compile(r"(/\S+)(?= \(0x)")
PERL = f"""my %seen;
for my $i (1 .. {KEYS}) {{ $seen{{"key $i"}} = "value " . $i * 7; }}
for my $i (1 .. 3) {{ for my $k (sort keys %seen) {{ $seen{{$k}} .= $i; }} }}
"""


def _path(name):
    """Where a program is, with its links followed."""
    found = shutil.which(name)
    if not found:
        raise outcome.Failed(f"--scenario programs runs {name}, which is not installed")
    return pathlib.Path(found).resolve()


def _compiler():
    """The compiler proper, which gcc only starts."""
    said = replays.command([_path("gcc"), "-print-prog-name=cc1"]).strip()
    if not pathlib.Path(said).is_file():
        raise outcome.Failed("--scenario programs needs gcc's cc1, which is not there")
    return pathlib.Path(said).resolve()


def _source():
    """A C file with functions that take a while to optimise."""
    lines = []
    for n in range(FUNCTIONS):
        lines.append(f"int f{n}(int *a, int n) {{ int s = {n};")
        for m in range(8):
            lines.append(
                f"for (int i = {m}; i < n; i++) s += a[i] * a[(i * {m + 3}) % n] ^ s;"
            )
        lines.append("return s; }")
    return "\n".join(lines) + "\n"


def _lines(seed):
    draw = random.Random(seed)
    return "".join(f"{draw.getrandbits(160):040x}\n" for _ in range(LINES))


def packed(programs):
    """Programs (name -> path) and their libraries, as files for the machine."""
    files = {}
    for name, path in programs.items():
        files[f"bin/{name}"] = path
        for library in LIBRARY.findall(replays.command(["ldd", path])):
            files[library.lstrip("/")] = pathlib.Path(library).resolve()
    return files


def collect(seed):
    """(files for the machine, commands to run in it)."""
    programs = {"cc1": _compiler(), "perl": _path("perl"), "sort": _path("sort")}
    files = {"t.i": _source(), "t.pl": PERL, "t.txt": _lines(seed), **packed(programs)}
    return files, [
        "/bin/cc1 -quiet -fpreprocessed -O2 /t.i -o /t.s",
        "/bin/perl /t.pl",
        "/bin/sort -S 32M /t.txt -o /t.out",
    ]
