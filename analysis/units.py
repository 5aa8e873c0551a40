# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes, times and changes as a person reads them."""

BINARY = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
TIMES = (("s", 1e9), ("ms", 1e6), ("us", 1e3))


def fmt_bytes(n):
    """12345678 -> "11.8 MiB"."""
    for unit, size in BINARY:
        if abs(n) >= size:
            return (
                f"{n / size:.4g} {unit}"
                if n < 1000 * size
                else f"{n / size:.0f} {unit}"
            )
    return f"{n:.0f} B"


def fmt_ns(ns):
    """12345678 -> "12.3 ms"."""
    for unit, size in TIMES:
        if abs(ns) >= size:
            return (
                f"{ns / size:.3g} {unit}"
                if ns < 1000 * size
                else f"{ns / size:.0f} {unit}"
            )
    return f"{ns:.0f} ns"


def fmt_change(ratio):
    """1.042 -> "+4.2 %"."""
    return f"{(ratio - 1) * 100:+.1f} %"
