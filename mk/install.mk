# SPDX-License-Identifier: GPL-2.0-or-later

# make install   the program and what it needs, under $(DESTDIR)$(PREFIX)
INSTALL := $(DESTDIR)$(PREFIX)

install: all
	$(Q)install -d $(INSTALL)/bin $(INSTALL)/lib/zlab \
		$(INSTALL)/share/zlab/analysis
	$(Q)install -m 755 $(B)/zlab $(INSTALL)/bin/zlab
	$(Q)install -m 755 $(RECORDER) $(INSTALL)/lib/zlab/
	$(Q)cd analysis && find . -type f ! -name '*.pyc' -exec install -D -m 644 \
		{} $(abspath $(INSTALL))/share/zlab/analysis/{} \;
	$(Q)install -d $(INSTALL)/share/zlab/docs
	$(Q)install -m 644 $(wildcard docs/*.md) $(INSTALL)/share/zlab/docs/
	$(Q)install -D -m 644 man/zlab.1 $(INSTALL)/share/man/man1/zlab.1
	$(Q)install -D -m 644 completions/zlab.bash \
		$(INSTALL)/share/bash-completion/completions/zlab
	$(Q)install -D -m 644 completions/_zlab \
		$(INSTALL)/share/zsh/site-functions/_zlab

uninstall:
	$(Q)rm -rf $(INSTALL)/bin/zlab $(INSTALL)/lib/zlab \
		$(INSTALL)/share/zlab $(INSTALL)/share/man/man1/zlab.1 \
		$(INSTALL)/share/bash-completion/completions/zlab \
		$(INSTALL)/share/zsh/site-functions/_zlab

.PHONY: install uninstall
