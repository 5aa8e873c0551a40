# SPDX-License-Identifier: GPL-2.0-or-later

# Sanitizer builds run every test program, with a tenth of the random steps.
SAN_ADDRESS := address,undefined
SAN_THREAD := thread
MAKE_HERE := $(MAKE) --no-print-directory -j$(shell nproc)

check: deps check-builds
	$(Q)tests/run $(if $(ONLY),--only '$(ONLY)') $(B) \
		build-address-undefined build-thread

# Everything of check, the campaigns that take longer, and full random steps.
check-long: deps deps-long check-builds
	$(Q)ZLAB_TEST_SCALE=1000 ZLAB_TEST_LIMIT_S=7200 tests/run --long \
		$(if $(ONLY),--only '$(ONLY)') $(B) \
		build-address-undefined build-thread

check-builds:
	$(Q)$(MAKE_HERE) all tests
	$(Q)$(MAKE_HERE) CC=clang B=build-clang all
	$(Q)$(MAKE_HERE) SAN=$(SAN_ADDRESS) all tests
	$(Q)$(MAKE_HERE) SAN=$(SAN_THREAD) all tests

tests: $(TESTS)

lint: lint-format lint-python lint-tidy

lint-format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

lint-python:
	$(Q)git ls-files '*.py' | xargs -r black -q --check tests/run

lint-tidy: $(B)/version.h
	$(Q)git ls-files '*.c' | grep -v '^tests/' | xargs -P$$(nproc) -n4 sh -c \
		'clang-tidy --quiet "$$@" -- -std=gnu11 -D_GNU_SOURCE -I. -I$(B)' tidy

.PHONY: check check-long check-builds tests lint lint-format lint-python \
	lint-tidy
