# SPDX-License-Identifier: GPL-2.0-or-later
"""All that starts zlab: samples, experiments, builds of two commits."""
