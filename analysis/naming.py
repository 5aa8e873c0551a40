# SPDX-License-Identifier: GPL-2.0-or-later
"""Text that others chose, as it is shown and as part of a file name.

A trace is its content: its SHA-256 says which one it is, its name is a label
that several may have. traces/label.c calls them the same in the terminal's table.
"""

import collections
import hashlib
import re
import unicodedata

# Digits of a hash that tell namesakes apart.
DIGITS = 8
# Bytes of a name in a file name, which has 255 and other parts.
LONGEST = 100
# Categories of what is no letter: control characters, codes without a meaning,
# halves of codes, ends of lines.
UNSEEN = ("Cc", "Cn", "Cs", "Zl", "Zp")
# What changes the direction of the text around it.
TURNING = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
MARKS = "\u061c\u200e\u200f"


def _escaped(letter):
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        # A byte of a file name that is no UTF-8.
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shown(letter):
    """Whether lib/text.c prints a letter as itself."""
    return not (
        unicodedata.category(letter) in UNSEEN
        or unicodedata.bidirectional(letter) in TURNING
        or letter in MARKS
    )


def plain(text, keep=""):
    """A text that cannot steer a terminal or break a page or a picture.

    What has no picture of its own is escaped, but for the letters to `keep`.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if _shown(c) or c in keep else _escaped(c) for c in text)


def width(text):
    """Columns of a plain text on a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def slug(text):
    """A text as part of a file name, which another text may have, too."""
    out = re.sub(r"[^A-Za-z0-9_.\x80-\U0010ffff-]+", "-", plain(text))
    whole = out.encode()
    if len(whole) <= LONGEST:
        return out
    cut = whole[: LONGEST - DIGITS - 1].decode(errors="ignore")
    return f"{cut}-{hashlib.sha256(whole).hexdigest()[:DIGITS]}"


def labels(traces):
    """SHA-256 -> what a trace is called, for SHA-256 -> its name.

    That is the name, with the first digits of the hash where another trace's
    name gives the same file name.
    """
    shown = {sha256: plain(name) for sha256, name in traces.items()}
    out, digits = dict(shown), DIGITS
    while True:
        known = collections.Counter(slug(label) for label in out.values())
        again = [sha256 for sha256, label in out.items() if known[slug(label)] > 1]
        if not again or digits > 64:
            return out
        for sha256 in again:
            out[sha256] = f"{shown[sha256]} {sha256[:digits]}"
        digits += DIGITS


def numbered(texts):
    """The texts, of which those that give the same file name have a number."""
    seen, out = collections.Counter(), []
    for text in texts:
        seen[slug(text)] += 1
        count = seen[slug(text)]
        out.append(text if count == 1 else f"{text}, case {count}")
    return out
