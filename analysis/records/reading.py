# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of result records: reading and checking them, line by line.

What cannot be used is named with file and line and left out; the rest is still
shown.
"""

import pathlib

from analysis import files, outcome, shape
from analysis.records.cases import Set
from analysis.records.record import Run


def lines(path):
    """The JSON values of a file of lines."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as err:
        raise outcome.Failed(f"{path}: {err.strerror}") from err
    except ValueError as err:
        raise outcome.Failed(f"{path}: not text: {err}") from err
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found.append(files.parse(line))
        except ValueError as err:
            raise outcome.Failed(f"{path}:{number}: not a line of JSON: {err}") from err
    return found


def _parse(line, newest):
    """(record, None) or (None, what is wrong with the line)."""
    try:
        raw = files.parse(line)
    except ValueError as err:
        return None, f"not a line of JSON ({err})"
    version = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > newest:
        return None, f"record of schema {version}; this zlab reads up to {newest}"
    wrong = shape.mismatch(raw, "record")
    return (None, f"not a zlab result record: {wrong}") if wrong else (raw, None)


def load(paths):
    """Read record files. Returns a Set; its problems name file and line."""
    newest = shape.schema("record")["properties"]["schema"]["maximum"]
    runs, problems = [], []
    for path in paths:
        try:
            found = pathlib.Path(path).read_bytes().split(b"\n")
        except OSError as err:
            problems.append(f"{path}: {err.strerror}")
            continue
        for number, line in enumerate(found, 1):
            if not line.strip():
                continue
            raw, wrong = _parse(line, newest)
            if wrong:
                problems.append(f"{path}:{number}: {wrong}")
            else:
                runs.append(Run(raw, f"{path}:{number}"))
    return Set(runs, problems)
