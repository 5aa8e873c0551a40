# SPDX-License-Identifier: GPL-2.0-or-later
#
# make scenarios                   published tables on virtual CPUs, and their page
# make results/scenarios/T12.jsonl one of them

SCENARIOS := T2 T3 T12

# The profiles' costs and the instrumented program decide the result.
results/scenarios/%.jsonl: | $(B)/zlab-virtual $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)python3 -B analysis/scenarios.py $* --zlab $(B)/zlab \
		--work $(B)/scenarios -o results/scenarios

scenarios: $(SCENARIOS:%=results/scenarios/%.jsonl)
	$(Q)python3 -B analysis/scenarios.py page -o results/scenarios

.PHONY: scenarios
