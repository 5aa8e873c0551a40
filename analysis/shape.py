# SPDX-License-Identifier: GPL-2.0-or-later
"""The shape of JSON that others wrote, from analysis/NAME.schema.json."""

import functools
import json

import jsonschema

from analysis import ROOT, files, outcome


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


@functools.cache
def schema(name):
    """The schema of that name, without references."""
    path = ROOT / "analysis" / f"{name}.schema.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    return _inlined(found, found.get("$defs", {}))


@functools.cache
def _checker(name):
    return jsonschema.Draft202012Validator(schema(name))


def mismatch(value, name):
    """First disagreement of a value with a schema, or None."""
    for error in _checker(name).iter_errors(value):
        where = error.json_path.removeprefix("$").removeprefix(".")
        said = error.message if len(error.message) < 100 else error.message[:97] + "..."
        return f"{where}: {said}" if where else said
    return None


def load(path, name):
    """The value in a file that a command was given."""
    value = files.load(path)
    wrong = mismatch(value, name)
    if wrong:
        raise outcome.Failed(f"{path}: not a {name}: {wrong}")
    return value
