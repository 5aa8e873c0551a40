# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of result records: reading and checking them, line by line.

What cannot be used is named with file and line and left out; the rest is still
shown.
"""

import json
import pathlib

import jsonschema

from analysis import ROOT, files, outcome
from analysis.records.cases import Set
from analysis.records.record import Run

SCHEMA_FILE = ROOT / "analysis" / "record.schema.json"


def lines(path):
    """The JSON values of a file of lines."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        return [files.parse(line) for line in text.splitlines()]
    except OSError as err:
        raise outcome.Failed(f"{path}: {err.strerror}") from err
    except ValueError as err:
        raise outcome.Failed(f"{path}: not lines of JSON: {err}") from err


def _inlined(node, definitions):
    """A schema's node with what it refers to in place of each reference.

    jsonschema would look every one up again for every record, which takes as
    long as all the rest.
    """
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        return _inlined(definitions[name], definitions)
    return {key: _inlined(item, definitions) for key, item in node.items()}


def _mismatch(raw, checker):
    """First disagreement of a line's value with the schema, or None."""
    for error in checker.iter_errors(raw):
        where = error.json_path.removeprefix("$").removeprefix(".")
        said = error.message if len(error.message) < 100 else error.message[:97] + "..."
        return f"{where}: {said}" if where else said
    return None


def _parse(line, newest, checker):
    """(record, None) or (None, what is wrong with the line)."""
    try:
        raw = files.parse(line)
    except ValueError as err:
        return None, f"not a line of JSON ({err})"
    version = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > newest:
        return None, f"record of schema {version}; this zlab reads up to {newest}"
    wrong = _mismatch(raw, checker)
    return (None, f"not a zlab result record: {wrong}") if wrong else (raw, None)


def load(paths):
    """Read record files. Returns a Set; its problems name file and line."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator(_inlined(schema, schema["$defs"]))
    newest = schema["properties"]["schema"]["maximum"]
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
            raw, wrong = _parse(line, newest, checker)
            if wrong:
                problems.append(f"{path}:{number}: {wrong}")
            else:
                runs.append(Run(raw, f"{path}:{number}"))
    return Set(runs, problems)
