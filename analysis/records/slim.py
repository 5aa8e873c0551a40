# SPDX-License-Identifier: GPL-2.0-or-later
"""Result records without what only pictures need.

Committed results stay small enough to read in a diff; the full records come
back with the command that made them.
"""

PARTS = ("series", "table", "buckets")


def slim(record, keep=()):
    """Drop a record's PARTS but those to keep; returns the record."""
    for name in ("series", "table"):
        if name not in keep:
            record.pop(name, None)
    if "buckets" not in keep:
        for operation in record.get("latency_ns", {}).values():
            operation.pop("buckets", None)
    return record
