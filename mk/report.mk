# SPDX-License-Identifier: GPL-2.0-or-later
#
# The page of plots is looked at in a real browser; without one that test says
# that it was skipped.

deps-browser:
	$(Q)$(MAKE) --no-print-directory deps DEPS="$(DEPS) $(DEPS_BROWSER)"

check-long: deps-browser

.PHONY: deps-browser
