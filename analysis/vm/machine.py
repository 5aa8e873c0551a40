# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine: what it boots with, and the stream it sends."""

import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import zlib

from analysis import ROOT, outcome
from analysis.run import replays

QEMU = "qemu-system-x86_64"
KVM, CPUINFO = pathlib.Path("/dev/kvm"), pathlib.Path("/proc/cpuinfo")
# Where a user's PATH may not lead.
SYSTEM = "/usr/sbin:/sbin"
# What the machine sends is decoded as gzip.
GZIP = 16 + zlib.MAX_WBITS
# Of the kernel's messages, how many lines a failure shows.
LAST_WORDS = 6
# The order of operations is the same in each run: one CPU, addresses that do
# not vary, and no work of the kernel that the scenario did not ask for. A busy
# host gives the emulated timer too few chances to pass the kernel's check of it.
COMMAND_LINE = (
    "console=ttyS0 quiet rdinit=/init nokaslr mitigations=off panic=-1 "
    "no_timer_check random.trust_cpu=on transparent_hugepage=never"
)
TOOLS = {
    QEMU: "qemu-system-x86",
    "cpio": "cpio",
    "modinfo": "kmod",
    "dpkg-deb": "dpkg",
}


def need_tools(*names):
    """Fail now when a program is missing."""
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM}"
    for name in names:
        if not shutil.which(name):
            raise outcome.Failed(
                f"{name} is not installed; it is in Debian's package {TOOLS[name]}"
            )


def guest():
    """The program that runs in the machine."""
    zlab = pathlib.Path(replays.program()).resolve()
    places = [zlab.parent / "zlab-guest", zlab.parent.parent / "lib/zlab/zlab-guest"]
    for place in places:
        if place.is_file():
            return place
    raise outcome.Failed(f'{places[0]} is missing; build it with "make" in {ROOT}')


def initramfs(folder, files, plan):
    """Pack files (path in the machine -> bytes or path) and a plan; its path."""
    root = folder / "root"
    files = {"init": guest(), "plan": "".join(f"{line}\n" for line in plan), **files}
    for name, what in files.items():
        to = root / name
        to.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, pathlib.Path):
            shutil.copy(what, to)
        else:
            to.write_bytes(what.encode() if isinstance(what, str) else what)
        to.chmod(0o755)
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    packed = folder / "initramfs"
    with packed.open("wb") as out:
        done = outcome.run(
            ["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet", "--reproducible"],
            "\n".join(names),
            cwd=root,
            stdout=out,
        )
    if done.returncode:
        raise outcome.Failed("cpio cannot pack what the machine boots with")
    shutil.rmtree(root)
    return packed


def accelerator():
    """KVM where this CPU has what it needs and we may use it, else emulation.

    The device alone says little: a machine that is virtual itself may have one
    on which no kernel gets far.
    """
    try:
        flags = CPUINFO.read_text().split()
    except OSError:
        flags = []
    usable = os.access(KVM, os.R_OK | os.W_OK)
    return "kvm" if usable and {"vmx", "svm"} & set(flags) else "tcg"


def command_line(kernel, packed, console, memory, accel):
    """QEMU's arguments.

    With "icount" the CPU is emulated, and its clock counts instructions, 1 ns each.
    """
    counted, accel = accel == "icount", "tcg" if accel == "icount" else accel
    return [
        *(QEMU, "-machine", "pc", "-smp", "1", "-m", str(memory), "-no-reboot"),
        *("-accel", "tcg,thread=single" if accel == "tcg" else accel),
        *("-cpu", "qemu64" if accel == "tcg" else "host"),
        *(("-icount", "shift=0,sleep=off") if counted else ()),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-kernel", str(kernel.image), "-initrd", str(packed)),
        *("-append", COMMAND_LINE),
        *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
        *("-chardev", "stdio,id=link,signal=off", "-serial", "chardev:link"),
    ]


def last_words(console):
    """The last lines of the kernel's messages, as one."""
    try:
        lines = console.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    lines = [line.strip() for line in lines if line.strip()]
    bad = [line for line in lines if "panic" in line or "zlab-guest" in line]
    return " / ".join((bad or lines)[-LAST_WORDS:]) or "it said nothing"


def lines(args, console, limit):
    """Run a machine; yields the lines that it sends.

    The machine ends with this generator, however that ends. `limit` seconds
    without a line end it, too.
    """
    child = None
    # Not a pipe: it could be full before anybody reads it.
    said = tempfile.TemporaryFile()
    # A signal must not come while there is a machine that nobody knows of.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, outcome.SIGNALS)
    try:
        child = subprocess.Popen(
            args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield from _sent(child, said, console, limit)
    finally:
        if child:
            child.kill()
            child.communicate()
        said.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _sent(child, said, console, limit):
    """The lines that a machine sends until it ends; what QEMU said is in a file."""
    inflate, rest = zlib.decompressobj(GZIP), b""
    while data := _read(child.stdout, limit):
        try:
            rest += inflate.decompress(data)
        except zlib.error as err:
            raise outcome.Failed(f"the machine's stream is damaged: {err}") from err
        *whole, rest = rest.split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if child.wait():
        said.seek(0)
        text = said.read().decode(errors="replace")
        raise outcome.Failed(f"{QEMU}: {outcome.last_line(text)}")
    if not inflate.eof:
        raise outcome.Failed(f"the machine died: {last_words(console)}")


def _read(stream, limit):
    """The next bytes; fails when none come."""
    if not select.select([stream], [], [], limit)[0]:
        raise outcome.Failed(f"the machine sent nothing for {limit} s; see --limit")
    return os.read(stream.fileno(), 1 << 16)
