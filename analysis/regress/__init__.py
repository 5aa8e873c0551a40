# SPDX-License-Identifier: GPL-2.0-or-later
"""Two builds beside each other: counters, instructions, times."""
