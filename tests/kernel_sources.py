# SPDX-License-Identifier: GPL-2.0-or-later
"""The sources of Debian's kernels that the shim compiles, unpacked.

ZLAB_SOURCES is the folder with linux-source-VERSION.tar.xz (default: /usr/src);
what it lacks is downloaded with apt, and not installed.
"""

import os
import pathlib
import subprocess

from analysis.vm import kernel

SOURCES = pathlib.Path(os.environ.get("ZLAB_SOURCES", "/usr/src"))
# The suite of Debian that has a kernel's sources; None: apt's own.
SUITES = {
    "5.10": "bullseye",
    "6.1": None,
    "6.12": None,
    "7.2": "trixie-backports",
    "7.3": "trixie-backports",
}

# What the shim may read of them: allocators, headers, compressors.
PARTS = """mm/z* include/linux/* lib/lz4 lib/lzo lib/842 lib/zstd lib/xxhash.c
crypto/zstd.c drivers/block/zram/*.c""".split()


def downloaded(version, folder):
    """The archive in the package of a kernel's sources."""
    name = f"linux-source-{version}"
    folder.mkdir(exist_ok=True)
    apt = kernel.Apt(kernel.cache(), lambda said: None, SUITES[version])
    (deb,) = apt.download([name], folder)
    path = folder / f"{name}.tar.xz"
    command = f"dpkg-deb --fsys-tarfile '{deb}' | tar xO ./usr/src/{path.name}"
    with path.open("wb") as out:
        subprocess.run(["sh", "-c", command], stdout=out, check=True)
    deb.unlink()
    return path


def tree(version, folder):
    """Unpacks a kernel's sources in a folder; outcome.Failed if there are none."""
    top = f"linux-source-{version}"
    names = [f"{top}/{part}" for part in PARTS]
    archive = SOURCES / f"{top}.tar.xz"
    if not archive.exists():
        archive = downloaded(version, folder / f"of-{version}")
    command = ["tar", "xJf", str(archive), "-C", str(folder)]
    subprocess.run([*command, "--wildcards", *names], check=True)
    return folder / top
