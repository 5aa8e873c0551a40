# SPDX-License-Identifier: GPL-2.0-or-later
"""Published tables beside what virtual CPUs made of them."""
