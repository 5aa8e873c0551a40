# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels in a virtual machine: what their allocators do with a scenario."""
