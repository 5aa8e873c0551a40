#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Result records from stdin to stdout, without what only pictures need.

usage: zlab compare ... --json - | slim.py [series] [buckets] [table] > FILE

Names the nested parts to keep. Committed results stay small enough to read in
a diff; the full records come back with the command that made them.
"""

import json
import sys


def slim(record, keep):
    """One record without series, class table and latency buckets, unless kept."""
    for name in ("series", "table"):
        if name not in keep:
            record.pop(name, None)
    if "buckets" not in keep:
        for operation in record.get("latency_ns", {}).values():
            operation.pop("buckets", None)
    return record


def main():
    """Filter."""
    for line in sys.stdin:
        record = slim(json.loads(line), sys.argv[1:])
        print(json.dumps(record, separators=(",", ":")))


if __name__ == "__main__":
    main()
