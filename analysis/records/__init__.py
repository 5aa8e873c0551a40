# SPDX-License-Identifier: GPL-2.0-or-later
"""Result records: one of them, files of them, what may be compared."""
