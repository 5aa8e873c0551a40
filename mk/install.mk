# SPDX-License-Identifier: GPL-2.0-or-later

# make install   the program and what it needs, under $(DESTDIR)$(PREFIX)
INSTALL := $(DESTDIR)$(PREFIX)

install: all
	$(Q)install -d $(INSTALL)/bin $(INSTALL)/lib/zlab \
		$(INSTALL)/share/zlab/analysis
	$(Q)install -m 755 $(B)/zlab $(INSTALL)/bin/zlab
	$(Q)install -m 755 $(RECORDER) $(INSTALL)/lib/zlab/
	$(Q)install -m 644 $(filter-out %.pyc,$(wildcard analysis/*.*)) \
		$(INSTALL)/share/zlab/analysis/
	$(Q)install -d $(INSTALL)/share/zlab/docs
	$(Q)install -m 644 $(wildcard docs/*.md) $(INSTALL)/share/zlab/docs/

uninstall:
	$(Q)rm -rf $(INSTALL)/bin/zlab $(INSTALL)/lib/zlab $(INSTALL)/share/zlab

.PHONY: install uninstall
