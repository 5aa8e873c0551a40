# SPDX-License-Identifier: GPL-2.0-or-later
"""What "zlab capture" costs a store of zram, by instructions: kernels in QEMU.

tests/bench/capture runs in the machine. Its clock counts instructions, so the
times that it prints are numbers of instructions, and the same in each run.
"""

import json
import os
import pathlib
import tempfile

from analysis import outcome, progress
from analysis.vm import kernel, log, machine, programs

# Package, suite or None, and the ways of capturing that it has.
KERNELS = (
    ("6.1", None, ("kprobe",)),
    ("6.12", None, ("kprobe",)),
    ("7.3", "trixie-backports", ("kprobe", "fprobe", "function")),
)
# Pages as most are, and pages that compress at once, for a high rate.
NOISE, LITTLE = 4032, 64
ROUNDS, PAGES = 1, 10000
QUICK = {"pages": 2000, "kernels": KERNELS[:1]}
MEMORY_MIB = 1024
LIMIT_S = 600


def _silent(_):
    """What a machine is about to do is not told."""


def _machine(zlab, where, accel, command, folder):
    """What the benchmark prints in a machine, as records, and the kernel."""
    modules = kernel.Modules(where.modules)
    names = modules.order(["zsmalloc", "lz4_compress", "lz4", "zram"])
    bench = zlab.parent / "tests" / "bench" / "capture"
    if not bench.exists():
        raise outcome.Failed(f'{bench} is missing; build it with "make tests"')
    inside = {f"modules/{name}.ko": modules.read(name) for name in names}
    inside |= programs.packed({"zlab": zlab, "capture": bench})
    lines = [f"module /modules/{name}.ko" for name in names]
    packed = machine.initramfs(
        folder, {"tmp/x": "", **inside}, [*lines, f"tool {command}"]
    )
    console = folder / "console"
    found = log.Log("zsmalloc")
    args = machine.command_line(where, packed, console, MEMORY_MIB, accel)
    for line in machine.lines(args, console, LIMIT_S):
        found.line(line)
    if found.error or not found.ended:
        raise outcome.Failed(f"in the machine: {found.error or 'no end'}")
    said = [json.loads(line) for line in found.said if line.startswith("{")]
    if len(said) != 1:
        raise outcome.Failed(f"in the machine: {' / '.join(found.said)}")
    return found.kernel, said[0]


class Scenario:
    """One machine for each kernel, way of capturing, sort of pages, and clock."""

    def __init__(self, runner, kernels=KERNELS, pages=PAGES):
        self.runner, self.kernels, self.pages = runner, kernels, pages
        self.zlab = pathlib.Path(runner.zlab).resolve()
        # Where the program for the machine is looked for.
        os.environ["ZLAB"] = str(self.zlab)

    def one(self, where, clock, *args):
        """One machine's record, or that of the journal."""
        accel = "icount" if clock == "instructions" else "tcg"
        command = " ".join(map(str, ("/bin/capture", ROUNDS, self.pages, *args)))
        name = f"{where.said} {accel} {command}"
        if name not in self.runner.journal:
            with tempfile.TemporaryDirectory(prefix="zlab-vm-") as tmp:
                folder = pathlib.Path(tmp)
                release, said = _machine(self.zlab, where, accel, command, folder)
            said |= {"kernel": release, "clock": clock}
            self.runner.journal.add(name, [said])
        return self.runner.journal[name][0]

    def run(self):
        """The records."""
        machine.need_tools(machine.QEMU, "cpio", "modinfo", "dpkg-deb", "ldd")
        todo = []
        for package, suite, ways in self.kernels:
            where = kernel.of_package(package, suite, _silent)
            todo += [(where, "instructions", way, NOISE) for way in ways]
        todo.append((where, "instructions", ways[0], LITTLE))
        todo.append((where, "emulated", ways[0], NOISE))
        todo.append((where, "instructions", "text"))
        records = []
        with progress.Line("capture", len(todo), 0) as line:
            for one in todo:
                records.append(self.one(*one))
                line.step(f"{one[0].said} {one[2]}")
        return records
