# SPDX-License-Identifier: GPL-2.0-or-later
#
# make virtual-results   every design on one to 128 virtual CPUs

SWEEP_TRACES ?= sqlite make-j4
SWEEP_CPUS ?= 1,2,4,8,16,32,64,128
SWEEP_PROFILE ?= profiles/two-socket.json
# A CPU that does nothing but swap is the worst case. The other has work of its
# own between bursts as long as swap-out's, so much that it operates at the rate
# of a busy CPU in the recording.
SWEEP_BURST ?= 32
think = $(B)/zlab info traces/samples/$(1).zlt --json - | python3 -c 'import \
	json, sys; print(round($(SWEEP_BURST) * 1e9 / json.load(sys.stdin)["busy_rate"]))'
SWEEPS := $(SWEEP_TRACES:%=results/virtual/sweep-%.jsonl)

# What an interrupted one has made is in FILE.tmp, from where it goes on.
sweep = $(B)/zlab sweep traces/samples/$(1).zlt --vcpus $(SWEEP_CPUS) \
	--profile $(SWEEP_PROFILE) --codec sizes:lz4 \
	$(EVERY_DESIGN:%=--backend %) -o $@.tmp $(2) >/dev/null

$(SWEEPS): results/virtual/sweep-%.jsonl: | $(B)/zlab \
		$(B)/zlab-virtual
	$(call say,SWEEP,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call sweep,$*,--no-sensitivity)
	$(Q)ns=$$($(call think,$*)) && \
		$(call sweep,$*,--think $$ns --burst $(SWEEP_BURST))
	$(Q)$(call slimmed,$@)

virtual-results: $(SWEEPS)

results: virtual-results

figures: | $(SWEEPS)

.PHONY: virtual-results
