# SPDX-License-Identifier: GPL-2.0-or-later
"""What zlab does in Python; __main__.py lists the commands.

run/ starts zlab and keeps what it says, vm/ a kernel in a virtual machine.
Everything else only reads files:
records/ the result records, figures/, report/, paper/, scenarios/ what is made
of them, regress/ what a comparison of two builds says.
"""

import pathlib

# The source tree, or share/zlab of an installation.
ROOT = pathlib.Path(__file__).resolve().parent.parent
