# SPDX-License-Identifier: GPL-2.0-or-later

# make install   the program and what it needs, under $(DESTDIR)$(PREFIX)
#
# Programs lie in bin and lib/zlab, all they read in share/zlab under the paths
# that the source tree has, documents in share/doc/zlab. Nothing holds a path of
# its own: the folder may be moved.
INSTALL_ANALYSIS = $(shell find analysis -name __pycache__ -prune -o -type f \
	\( -name '*.py' -o -name '*.json' -o -name '*.toml' -o -name '*.css' \
	-o -name '*.js' -o -name '*.j2' \) -print)
INSTALL_SHARE = $(INSTALL_ANALYSIS) $(PUBLIC_HEADERS) \
	$(wildcard backends/shim/*.[ch] backends/shim/known-races backends/template/* profiles/*.json traces/samples/*.zlt) \
	tests/backend_example/onepage.c results/regress.json \
	results/baseline.json docs/definitions.md
# Of the tests, only the one for backends outside the tree, where it was built.
INSTALL_LIB = $(RECORDER) $(GUEST) \
	$(wildcard $(B)/zlab-ghost $(B)/zlab-virtual $(B)/zlab-explore \
		$(B)/tests/backends/test_backends)
INSTALL_DOC = README.md $(wildcard docs/*.md)

# Quoted by the shell alone, so that a name may hold spaces.
install uninstall: export INSTALL_TO := $(DESTDIR)$(PREFIX)

install: all
	$(Q)install -D -m 755 $(B)/zlab "$$INSTALL_TO/bin/zlab"
	$(Q)for f in $(INSTALL_LIB); do \
		install -D -m 755 -t "$$INSTALL_TO/lib/zlab" $$f || exit 1; \
	done
	$(Q)for f in $(INSTALL_SHARE); do \
		install -D -m 644 $$f "$$INSTALL_TO/share/zlab/$$f" || exit 1; \
	done
	$(Q)for f in $(INSTALL_DOC); do \
		install -D -m 644 $$f "$$INSTALL_TO/share/doc/zlab/$$f" || \
			exit 1; \
	done
	$(Q)install -D -m 644 man/zlab.1 "$$INSTALL_TO/share/man/man1/zlab.1"
	$(Q)install -D -m 644 completions/zlab.bash \
		"$$INSTALL_TO/share/bash-completion/completions/zlab"
	$(Q)install -D -m 644 completions/_zlab \
		"$$INSTALL_TO/share/zsh/site-functions/_zlab"
	$(Q)install -D -m 644 completions/zlab.fish \
		"$$INSTALL_TO/share/fish/vendor_completions.d/zlab.fish"

uninstall:
	$(Q)cd "$$INSTALL_TO" && rm -rf bin/zlab lib/zlab share/zlab \
		share/doc/zlab share/man/man1/zlab.1 \
		share/bash-completion/completions/zlab \
		share/zsh/site-functions/_zlab \
		share/fish/vendor_completions.d/zlab.fish

.PHONY: install uninstall

# make deb       Debian packages of this tree, in $(B)/deb
#
# Built from a copy, because the tools leave their results beside the sources.
# What was set for this make is not for that build.
DEB = $(B)/deb
DEB_TREE = $(DEB)/zlab-$(RELEASE)
DEB_FILES = if [ -e .git ]; then git ls-files -co --exclude-standard -z; \
	else find . -path './build*' -prune -o -type f -print0; fi

deb: deps-deb
	$(Q)rm -rf $(DEB) && mkdir -p $(DEB_TREE)
	$(Q)$(DEB_FILES) | tar -c --null -T - --ignore-failed-read | \
		tar -x -C $(DEB_TREE)
	$(call say,DEB,$(DEB_TREE))
	$(Q)cd $(DEB_TREE) && env -i HOME="$$HOME" PATH="$$PATH" \
		LC_ALL=C.UTF-8 dpkg-buildpackage -us -uc >../build.log 2>&1 || \
		{ tail -n 30 ../build.log >&2; exit 1; }
	$(Q)rm -r $(DEB_TREE)
	$(Q)ls $(DEB)/*.deb

.PHONY: deb
