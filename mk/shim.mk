# SPDX-License-Identifier: GPL-2.0-or-later

# make patch-example KERNEL=TREE   the worked example of docs/measure-a-patch.md
#				   from the tree's own mm/zsmalloc.c
KERNEL ?= /usr/src/linux
patch-example: $(B)/zlab
	$(Q)docs/measure-a-patch-example $(B)/zlab $(KERNEL)

.PHONY: patch-example
