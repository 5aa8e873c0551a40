# SPDX-License-Identifier: GPL-2.0-or-later
"""zsmalloc and zram of a package's kernel, built again as the user wants them.

zsmalloc may be built into the kernel, and then its names are taken. So the
functions of the new one begin with PREFIX, and the new zram calls those.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

from analysis import outcome
from analysis.run import replays
from analysis.vm import kernel

PREFIX = "own_"
ALLOCATOR, USER = "mm/zsmalloc.c", "drivers/block/zram"
MODULES = (f"{PREFIX}zsmalloc", "zram")
SETTING = re.compile(r"(CONFIG_[A-Z0-9_]+)=(y|n|\d+)")
EXPORTED = re.compile(r"^EXPORT_SYMBOL(?:_GPL)?\((\w+)\);", re.M)
COMPILER = re.compile(r"\$\(CROSS_COMPILE\)(gcc-\d+)")
HEADERS = re.compile(r"^\s*Depends: (linux-(?:headers|kbuild)-\d\S*)$", re.M)
# What make tells programs that it starts is about another make.
MAKE_ENV = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CC", "ARCH")
# Both allocators have work to do when a CPU comes; the kernel has one name for
# it. That of another architecture is free.
HEADER = """#include <linux/cpuhotplug.h>
#define CPUHP_MM_ZS_PREPARE CPUHP_MIPS_SOC_PREPARE
"""


def settings(words):
    """The settings of a command line as pairs."""
    out = {}
    for word in words:
        found = SETTING.fullmatch(word)
        if not found:
            raise outcome.Failed(f"--set {word}: CONFIG_NAME=y, =n or a number")
        out[found.group(1)] = found.group(2)
    return out


# ---- what is built --------------------------------------------------------


def _wanted(name):
    """Where a file of a kernel tree goes, or None."""
    inside = name.split("/", 1)[-1]
    known = inside == ALLOCATOR or pathlib.PurePath(inside).parent.match(USER)
    return inside if known and ".." not in inside else None


def _take_source(deb, folder):
    """Unpack what is needed of the tree in a package linux-source."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE
    ) as child:
        try:
            with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
                for member in tar:
                    if member.name.endswith(".tar.xz"):
                        _take_tree(tar.extractfile(member), folder)
                        return
        except tarfile.TarError as err:
            raise outcome.Failed(f"{deb.name} cannot be read: {err}") from err
        finally:
            child.kill()
    raise outcome.Failed(f"{deb.name} has no source in it")


def _take_tree(packed, folder):
    with tarfile.open(fileobj=packed, mode="r|xz") as tree:
        for member in tree:
            inside = _wanted(member.name)
            if inside and member.isfile():
                to = folder / inside
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(tree.extractfile(member).read())
            elif (folder / ALLOCATOR).exists() and (folder / USER).exists():
                return


def _source(apt, where, tell):
    """The folder with the source of the package's own kernel."""
    series = ".".join(map(str, kernel.release_key(where.release)[:2]))
    package = f"linux-source-{series}"
    place = kernel.cache() / f"{package}_{where.version}"
    if not place.exists():
        tell(f"downloads {package}")
        kernel.fill(
            place,
            lambda tmp: apt.download([f"{package}={where.version}"], tmp),
            _take_source,
        )
    return place


def _headers(apt, where, tell):
    """The folder to build modules in."""
    package = f"linux-headers-{where.release}"
    place = kernel.cache() / f"{package}_{where.version}"
    if not place.exists():
        packages = [f"{name}={where.version}" for name in apt.parts(package, HEADERS)]
        tell(f"downloads {package}")
        kernel.fill(
            place,
            lambda tmp: apt.download(packages, tmp),
            lambda deb, to: replays.command(["dpkg-deb", "-x", deb, to]),
        )
        # It includes another by the path that it would be installed to.
        makefile = place / "usr/src" / package / "Makefile"
        text = makefile.read_text().replace("/usr/src/", f"{place}/usr/src/")
        makefile.write_text(text)
    return place / "usr/src" / package


def _files(tree, chosen):
    """What make finds: name -> bytes."""
    allocator, user = tree / ALLOCATOR, tree / USER
    if not allocator.is_file() or not user.is_dir():
        raise outcome.Failed(f"{tree} has no {ALLOCATOR} and {USER}")
    out = {
        path.name: path.read_bytes()
        for path in sorted(user.iterdir())
        if path.suffix in (".c", ".h")
    }
    out[f"{MODULES[0]}.c"] = allocator.read_bytes()
    makefile = (user / "Makefile").read_bytes()
    out["zram.mk"] = makefile
    text = b"".join(out.values()).decode(errors="replace")
    head, kbuild = [HEADER], ["ccflags-y := -include $(src)/own.h"]
    for name, value in chosen.items():
        if not re.search(rf"\b{name}\b", text):
            raise outcome.Failed(
                f"--set {name}: neither {ALLOCATOR} nor {USER} asks for it"
            )
        head.append(f"#undef {name}\n")
        if value != "n":
            head.append(f"#define {name} {1 if value == 'y' else value}\n")
        kbuild.append(f"{name} := {'' if value == 'n' else value}")
    exported = EXPORTED.findall(allocator.read_text(errors="replace"))
    head += [f"#define {name} {PREFIX}{name}\n" for name in exported]
    kbuild += [f"obj-m := {MODULES[0]}.o", "include $(src)/zram.mk"]
    out["own.h"] = "".join(head).encode()
    out["Kbuild"] = "".join(f"{line}\n" for line in kbuild).encode()
    return out


# ---- building -------------------------------------------------------------


def _need_compiler(headers):
    """A module is compiled as its kernel was."""
    found = COMPILER.search((headers / ".kernelvariables").read_text())
    for name in ("make", f"x86_64-linux-gnu-{found.group(1)}" if found else "gcc"):
        if not shutil.which(name):
            raise outcome.Failed(
                f"--set and --source build modules, which needs {name}"
            )


def _make(headers, folder):
    env = {k: v for k, v in os.environ.items() if k not in MAKE_ENV}
    done = outcome.run(
        ["make", "-C", headers, f"-j{os.cpu_count()}", f"M={folder}", "modules"],
        env=dict(env, LC_ALL="C.UTF-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        lines = done.stdout.splitlines()
        first = next(
            (li for li in lines if "rror" in li), outcome.last_line(done.stdout)
        )
        raise outcome.Failed(
            f"modules of this kernel: {first.strip().replace(f'{folder}/', '')}"
        )


def build(where, chosen, suite, tree, tell):
    """The new modules: name -> path.

    `chosen` has settings; `tree` is the folder of a kernel's source, or None for
    that of the package.
    """
    if not where.version:
        raise outcome.Failed(
            "--set and --source need a kernel that apt knows, for its headers"
        )
    apt = kernel.Apt(kernel.cache(), tell, suite)
    headers = _headers(apt, where, tell)
    _need_compiler(headers)
    files = _files(tree or _source(apt, where, tell), chosen)
    mixed = hashlib.sha256(f"{where.release} {where.version}".encode())
    for name, data in sorted(files.items()):
        mixed.update(f"{name} {len(data)}\n".encode() + data)
    place = kernel.cache() / f"modules-{mixed.hexdigest()[:16]}"
    if not place.exists():
        tell(f"builds zsmalloc and zram for {where.release}")
        kernel.fill(
            place, lambda tmp: [tmp], lambda tmp, to: _built(headers, files, tmp, to)
        )
    return {name: place / f"{name}.ko" for name in MODULES}


def _built(headers, files, tmp, to):
    folder = tmp / "build"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    _make(headers, folder)
    for name in MODULES:
        shutil.copy(folder / f"{name}.ko", to)
