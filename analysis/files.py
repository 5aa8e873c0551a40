# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are read as JSON, or written whole or not at all.

What is written goes to a temporary file beside the target and takes its name at
the end. Links are followed; owner and mode of an old file stay.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import stat
import tempfile

from analysis import outcome


def _failed(path, err):
    return outcome.Failed(f"{path}: cannot be written: {err.strerror or err}")


def parse(text):
    """A JSON value; ValueError whatever is wrong with it."""
    try:
        return json.loads(text)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err


def load(path):
    """The JSON value that a file has."""
    try:
        return parse(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as err:
        raise outcome.Failed(f"{path}: {err.strerror}") from err
    except ValueError as err:
        raise outcome.Failed(f"{path}: not JSON: {err}") from err


def check(path):
    """Fail now if write() would fail later, as far as one can know."""
    target = os.path.realpath(path)
    place = target if os.path.exists(target) else os.path.dirname(target)
    if os.path.isdir(target):
        raise outcome.Failed(f"{path}: cannot be written: it is a folder")
    if not os.path.isdir(os.path.dirname(target)):
        raise outcome.Failed(f"{path}: cannot be written: there is no such folder")
    if not os.access(place, os.W_OK):
        raise outcome.Failed(f"{path}: cannot be written: Permission denied")


def _new_mode():
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _take_over(handle, target):
    """The owner and the mode of the old file, or the mode of a new one."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        os.fchmod(handle, _new_mode())
        return
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", target)
    new = os.fstat(handle)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))


@contextlib.contextmanager
def whole(path, newline=None):
    """A text stream; the file takes its name when the block ends well."""
    target, temp = os.path.realpath(path), None
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            # A device or a pipe; a folder is an error here.
            with open(target, "w", encoding="utf-8", newline=newline) as out:
                yield out
            return
        handle, temp = tempfile.mkstemp(prefix=".zlab-", dir=os.path.dirname(target))
        with open(handle, "w", encoding="utf-8", newline=newline) as out:
            _take_over(handle, target)
            yield out
        os.replace(temp, target)
        temp = None
    except OSError as err:
        raise _failed(path, err) from err
    finally:
        if temp:
            with contextlib.suppress(OSError):
                os.unlink(temp)


def write(path, text):
    """All of it at once."""
    with whole(path) as out:
        out.write(text)


def sha256_of(path):
    """The SHA-256 of a file's content, in hex."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise outcome.Failed(f"{path}: {err.strerror}") from err


def folder(path):
    """Make a folder, and those above it, where there is none; returns it."""
    path = pathlib.Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise outcome.Failed(f"{path}: no folder can be made: {err.strerror}") from err
    return path


@contextlib.contextmanager
def beside(folder):
    """A folder in another one, for a program that cannot write files whole."""
    try:
        made = tempfile.TemporaryDirectory(prefix=".zlab-", dir=folder)
    except OSError as err:
        raise _failed(folder, err) from err
    with made as name:
        yield pathlib.Path(name)


def take(made, path):
    """Give a file that is whole the name that it is to have."""
    try:
        os.chmod(made, _new_mode())
        os.replace(made, os.path.realpath(path))
    except OSError as err:
        raise _failed(path, err) from err
