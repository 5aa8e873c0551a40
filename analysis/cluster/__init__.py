# SPDX-License-Identifier: GPL-2.0-or-later
"""Experiments as jobs: on all cores of this machine, or on a cluster."""
