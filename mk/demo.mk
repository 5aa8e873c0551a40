# SPDX-License-Identifier: GPL-2.0-or-later

# make demo    record real programs, compare the allocators, leave a report in
#              demo/
demo: deps
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all
	$(Q)mk/demo.sh $(B) demo

.PHONY: demo
