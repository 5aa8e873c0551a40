# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel to boot: from Debian's packages, or a user's own.

A package is downloaded with apt and unpacked into a private cache; nothing is
installed. What is kept of it are the kernel and the modules that zram, zswap
and their compressors may need.
"""

import dataclasses
import gzip
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import time

from analysis import outcome
from analysis.run import replays

# Folders of modules that are kept.
ROOMS = ("mm", "crypto", "lib", "drivers/block", "arch/x86/crypto", "virt")
KEPT = re.compile(
    r"^\./(?:usr/)?(?:boot/(?:vmlinuz|config)-\S+|lib/modules/[^/]+/"
    rf"(?:vmlinuz|config|modules\.builtin|kernel/(?:{'|'.join(ROOMS)})/.+))$"
)
IMAGE = re.compile(r"linux-image-(\d\S*)-amd64")
# A package may have none of the files itself.
PARTS = re.compile(
    r"^\s*\|?Depends: (linux-(?:image|binary|modules|base)-\d\S*)$", re.M
)
# How long the lists of a suite's packages are good for.
LISTS_S = 24 * 3600
VARIANTS = ("-cloud-", "-rt-", "-dbg", "-unsigned")


@dataclasses.dataclass
class Kernel:
    """What to boot: a file, and the folder of its modules or None.

    Of a package that apt knows, its version.
    """

    image: pathlib.Path
    modules: pathlib.Path | None
    said: str
    version: str = ""

    @property
    def release(self):
        """As "uname -r" says it; only of a package."""
        return self.modules.name


# ---- the cache ------------------------------------------------------------


def _private(folder):
    """The folder, which no other user can have filled."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        here = folder.stat()
    except OSError as err:
        raise outcome.Failed(
            f"{folder}: {err.strerror}; set XDG_CACHE_HOME to a folder that can "
            "be written"
        ) from err
    if here.st_uid != os.geteuid() or here.st_mode & 0o022:
        raise outcome.Failed(
            f"{folder} is not this user's alone; remove it, or set XDG_CACHE_HOME"
        )
    return folder


def cache():
    """The folder of kernels that were unpacked before."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME")
    if not home:
        raise outcome.Failed("no place for kernels; set HOME or XDG_CACHE_HOME")
    under = [] if os.environ.get("XDG_CACHE_HOME") else [".cache"]
    return _private(pathlib.Path(home).resolve().joinpath(*under, "zlab", "vm"))


# ---- packages -------------------------------------------------------------


class Apt:
    """apt with the user's sources, or with one suite of the same mirror."""

    def __init__(self, folder, tell, suite=None):
        self.options = ["-o", "APT::Sandbox::User=root", "-qq"]
        if not shutil.which("apt-get"):
            raise outcome.Failed(
                "no apt-get here; give a kernel with --kernel and --modules"
            )
        if suite:
            self._use(folder / f"apt-{suite}", suite, tell)

    def run(self, program, *args, **more):
        """What an apt program prints."""
        env = dict(os.environ, LC_ALL="C.UTF-8")
        return replays.command([program, *self.options, *args], env=env, **more)

    def _use(self, folder, suite, tell):
        """Lists of packages of their own, beside those of the machine."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", suite):
            raise outcome.Failed(
                f"--suite {suite}: a name as sid or bookworm-backports"
            )
        wanted = self.run(
            "apt-get", "indextargets", "--format", "$(SITE) $(ORIGIN) $(RELEASE)"
        )
        sites = [line.split()[0] for line in wanted.splitlines() if " Debian " in line]
        if not sites:
            raise outcome.Failed("apt knows no mirror of Debian to look for a suite")
        for part in ("lists/partial", "cache/archives/partial"):
            _private(folder / part)
        sources, text = folder / "sources.list", f"deb {sites[0]} {suite} main\n"
        stamp = folder / "updated"
        if not sources.exists() or sources.read_text() != text:
            stamp.unlink(missing_ok=True)
        sources.write_text(text, encoding="utf-8")
        (folder / "status").touch()
        self.options += [
            *("-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-"),
            *("-o", f"Dir::State={folder}", "-o", f"Dir::State::lists={folder}/lists"),
            *("-o", f"Dir::State::status={folder}/status"),
            *("-o", f"Dir::Cache={folder}/cache", "-o", "Acquire::Languages=none"),
        ]
        if stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_S:
            return
        tell(f"asks for the packages of {suite}")
        try:
            self.run("apt-get", "update")
        except outcome.Failed as err:
            raise outcome.Failed(f"--suite {suite}: {err}") from err
        stamp.touch()

    def find(self, name):
        """The package that a name or the beginning of one means."""
        start = name if name.startswith("linux-image-") else f"linux-image-{name}"
        known = self.run("apt-cache", "pkgnames", start).split()
        if start in known:
            return start
        more = [
            n
            for n in known
            if IMAGE.fullmatch(n)
            and not any(v in f"{n}-" for v in VARIANTS)
            and re.match(r"[.-]|$", n[len(start) :])
        ]
        if not more:
            raise outcome.Failed(
                f'apt has no package {name}; see "apt-cache pkgnames linux-image", '
                "or name another suite of Debian with --suite"
            )
        return max(more, key=release_key)

    def parts(self, package, pattern=PARTS):
        """The packages with the kernel and its modules, or others it needs."""
        todo, found = [package], []
        while todo:
            name = todo.pop()
            found.append(name)
            said = self.run("apt-cache", "depends", name)
            todo += [n for n in pattern.findall(said) if n not in found + todo]
        return found

    def files(self, packages, folder):
        """The name of each package's file, from a folder that has none of them."""
        said = self.run("apt-get", "download", "--print-uris", *packages, cwd=folder)
        return [line.split()[1] for line in said.splitlines() if line.startswith("'")]

    def download(self, packages, folder):
        """Files of packages."""
        self.run("apt-get", "download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))


def release_key(name):
    """Orders releases: 6.9 before 6.12."""
    return [int(n) for n in re.findall(r"\d+", name)]


def _keep(deb, folder):
    """Unpack what is needed of a package."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", deb],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
                for member in tar:
                    if member.isfile() and KEPT.match(member.name):
                        _take(tar, member, folder)
        except tarfile.TarError as err:
            raise outcome.Failed(f"{deb} is no package of Debian") from err
        finally:
            child.kill()


def _take(tar, member, folder):
    name = member.name.removeprefix("./").removeprefix("usr/")
    to = folder / name
    if ".." in to.parts:
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("wb") as out:
        shutil.copyfileobj(tar.extractfile(member), out)


def unpacked(folder, said, version=""):
    """The kernel in a folder of the cache."""
    images = [*folder.glob("boot/vmlinuz-*"), *folder.glob("lib/modules/*/vmlinuz")]
    modules = sorted(folder.glob("lib/modules/*"))
    if not images:
        raise outcome.Failed(f"{said} has no kernel in it")
    return Kernel(images[0], modules[0] if modules else None, said, version)


def fill(place, debs, take=_keep):
    """Unpack packages into a folder, which is there whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=place.parent) as tmp:
        new = pathlib.Path(tmp) / "new"
        new.mkdir()
        for deb in debs(pathlib.Path(tmp)):
            take(deb, new)
        new.rename(place)


def of_file(path, tell):
    """The kernel of a package that the user has."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise outcome.Failed(f"{path}: no such package")
    stat = path.stat()
    place = cache() / f"{path.name}-{stat.st_size}-{stat.st_mtime_ns}"
    if not place.exists():
        tell(f"unpacks {path.name}")
        fill(place, lambda _: [path])
    return unpacked(place, path.name)


def of_package(name, suite, tell):
    """The kernel of a package that apt knows."""
    folder = cache()
    apt = Apt(folder, tell, suite)
    package = apt.find(name)
    packages = apt.parts(package)
    # The longest name is that of the kernel itself, not of what leads to it.
    named = max(apt.files(packages, folder), key=len, default=None)
    if not named:
        raise outcome.Failed(f"apt knows {package}, but not where to find it")
    place = folder / named.removesuffix(".deb")
    if not place.exists():
        tell(f"downloads {package}")
        fill(place, lambda tmp: apt.download(packages, tmp))
    return unpacked(place, package, place.name.split("_")[1])


# ---- modules --------------------------------------------------------------


def _plain(name):
    return name.replace("-", "_")


class Modules:
    """The modules of one kernel; none when they are all built in."""

    def __init__(self, folder):
        self.files = {}
        for path in sorted(folder.rglob("*.ko*")) if folder else []:
            self.files.setdefault(_plain(path.name.split(".ko")[0]), path)

    def order(self, wanted):
        """Names of modules in the order to load them; what is not there is
        taken to be built in.
        """
        found = []
        for name in map(_plain, wanted):
            if name in found or name not in self.files:
                continue
            said = replays.command(["modinfo", "-F", "depends", self.files[name]])
            needs = [n for n in said.strip().split(",") if n]
            found += [n for n in self.order(needs) if n not in found]
            found.append(name)
        return found

    def read(self, name):
        """The bytes of a module as the kernel takes them."""
        path = self.files[name]
        data = path.read_bytes()
        if path.suffix == ".xz":
            return lzma.decompress(data)
        if path.suffix == ".gz":
            return gzip.decompress(data)
        if path.suffix == ".zst":
            said = subprocess.run(
                ["zstd", "-dcq", path], stdout=subprocess.PIPE, check=False
            )
            if said.returncode:
                raise outcome.Failed(f"{path}: cannot be decompressed")
            return said.stdout
        return data
