# SPDX-License-Identifier: GPL-2.0-or-later

# "zlab shim" compiles against these when it runs.
install: install-shim

install-shim:
	$(Q)install -d $(INSTALL)/share/zlab/backends/shim \
		$(INSTALL)/share/zlab/lib
	$(Q)install -m 644 $(wildcard backends/shim/*.[ch]) \
		$(INSTALL)/share/zlab/backends/shim/
	$(Q)install -m 644 $(wildcard backends/*.h) \
		$(INSTALL)/share/zlab/backends/
	$(Q)install -m 644 lib/err.h lib/spec.h $(INSTALL)/share/zlab/lib/

# make patch-example KERNEL=TREE   the worked example of docs/measure-a-patch.md
#				   from the tree's own mm/zsmalloc.c
KERNEL ?= /usr/src/linux
patch-example: $(B)/zlab
	$(Q)docs/measure-a-patch-example $(B)/zlab $(KERNEL)

.PHONY: install-shim patch-example
