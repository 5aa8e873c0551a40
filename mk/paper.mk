# SPDX-License-Identifier: GPL-2.0-or-later
#
# make results      replay the committed traces and rewrite results/
# make paper        rewrite PAPER.md from its template and results/
# make paper-check  say whether PAPER.md and results/ agree

paper:
	$(Q)python3 -B analysis/paper.py PAPER.md.in PAPER.md

paper-check:
	$(Q)python3 -B analysis/paper.py --check PAPER.md.in PAPER.md

.PHONY: paper paper-check
