# SPDX-License-Identifier: GPL-2.0-or-later
#
# make results/front.jsonl   reclaim by the allocator against one LRU above it
# make results/pools.jsonl   one pool against thirty-two
# make results/index.jsonl   the forms of the index, with one and two threads

FRONT_TRACES := sqlite make-j4
FRONT_POOL ?= 6M
EVICTING := zbud:lru=on z3fold@4.10 z3fold@6.1

# $(call front,TRACE,BACKEND,OPTIONS): one record, exact counts, no clock
front = $(B)/zlab replay traces/samples/$(1).zlt --backend $(2) --codec lz4 \
	--swap none --sample 0 --json - $(3)

results/front.jsonl: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)for t in $(FRONT_TRACES); do \
		for b in $(EVICTING) zsmalloc; do \
			for r in backend lru; do \
				[ $$b$$r = zsmallocbackend ] && continue; \
				$(call front,$$t,$$b,--max-pool $(FRONT_POOL) \
					--reclaim $$r) || exit 1; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

results/pools.jsonl: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)for t in $(FRONT_TRACES); do \
		for b in zsmalloc zsmalloc:chain=4 zbud; do \
			for n in 1 8 32; do \
				$(call front,$$t,$$b,--pools $$n) || exit 1; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

INDEX_RUNS ?= 9

results/index.jsonl: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)for run in $$(seq $(INDEX_RUNS)); do \
		for i in $$(shuf -e rbtree trees xarray); do \
			for n in 1 2; do \
				$(B)/zlab replay traces/samples/make-j4.zlt \
					--backend zsmalloc --codec lz4 \
					--index $$i --threads $$n \
					--json - || exit 1; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

results: results/front.jsonl results/pools.jsonl results/index.jsonl
