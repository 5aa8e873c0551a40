# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows and columns as text: for a terminal, and as Markdown."""

from analysis import naming


def terminal(rows, heads, left=1):
    """Lines of a text table; the first `left` columns are flush left."""
    cells = [[naming.plain(c) for c in row] for row in [heads, *rows]]
    widths = [max(naming.width(row[i]) for row in cells) for i in range(len(heads))]
    lines = []
    for row in cells:
        gaps = [" " * (w - naming.width(c)) for c, w in zip(row, widths)]
        parts = [
            c + gap if i < left else gap + c
            for i, (c, gap) in enumerate(zip(row, gaps))
        ]
        lines.append("  ".join(parts).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return lines


def markdown(heads, rows, left=1):
    """A Markdown table; the first `left` columns are text."""
    sides = ["---" if i < left else "--:" for i in range(len(heads))]
    lines = [heads, sides] + [[str(c) for c in row] for row in rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
