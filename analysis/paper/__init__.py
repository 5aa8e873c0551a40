# SPDX-License-Identifier: GPL-2.0-or-later
"""PAPER.md from its template and results/."""
