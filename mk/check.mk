# SPDX-License-Identifier: GPL-2.0-or-later

check: deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all tests
	$(Q)tests/run $(if $(ONLY),--only '$(ONLY)') $(B)

tests: $(TESTS)

lint: $(B)/version.h
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
	$(Q)git ls-files '*.py' | xargs -r black -q --check
	$(Q)git ls-files '*.c' | grep -v '^tests/' | xargs -P$$(nproc) -I{} \
		clang-tidy --quiet {} -- -std=gnu11 -D_GNU_SOURCE -I. -I$(B)

.PHONY: check tests lint
