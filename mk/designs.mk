# SPDX-License-Identifier: GPL-2.0-or-later
#
# make results/designs.jsonl   every locking design, with one and two threads
# make results/readers.jsonl   loads and frees beside a compaction that runs
# make results/atomic.jsonl    what runs with preemption off, page by page
# make results/zspage.jsonl    bytes of the zspage lock, by a trace's objects

DESIGN_TRACES ?= sqlite make-j4
DESIGN_RUNS ?= 3
ZSMALLOC_ERAS := zsmalloc@5.10 zsmalloc@6.1 zsmalloc@6.10 zsmalloc@6.12 \
	zsmalloc@7.2 zsmalloc@7.3
EVERY_DESIGN := $(ZSMALLOC_ERAS) z3fold:form=early,lock=pool \
	z3fold:form=early,lock=page z3fold zbud
ZSPAGE_FORMS := $(addprefix zsmalloc:zspage=,pin rwlock rwsem atomic preempt)
ATOMIC_TRACES ?= sqlite-pages python-pages
READER_TRACE ?= make-j4
READER_RUNS ?= 5
READER_EVERY ?= 500
HOLES := churn:keys=20000,rounds=4

# $(call design,TRACE,BACKEND,OPTIONS): one record
design = $(B)/zlab replay traces/samples/$(1).zlt --backend $(2) --codec lz4 \
	--json - $(3)

results/designs.jsonl: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)for run in $$(seq $(DESIGN_RUNS)); do \
		for t in $(DESIGN_TRACES); do \
			for b in $$(shuf -e $(EVERY_DESIGN)); do \
				for n in 1 2; do \
					$(call design,$$t,$$b,--threads $$n \
						--sample 8) || exit 1; \
				done; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

# Compaction runs in a thread of its own beside the two that load and free: of a
# recorded trace, and of one that makes holes for it on purpose and frees only.
results/readers.jsonl: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)$(B)/zlab generate $(HOLES) -o $(B)/holes.zlt
	$(Q)for run in $$(seq $(READER_RUNS)); do \
		for b in $$(shuf -e $(ZSMALLOC_ERAS)); do \
			for c in "" "--compact-every $(READER_EVERY)"; do \
				$(call design,$(READER_TRACE),$$b,--threads 2 \
					--sample 4 $$c) && \
				$(B)/zlab replay $(B)/holes.zlt --backend $$b \
					--threads 2 --sample 4 --json - $$c || \
					exit 1; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

# Real pages, so that a codec works where a mapping lets it. A huge page is
# cleared as a whole at its first touch, in whatever section that is.
results/atomic.jsonl: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)for run in $$(seq $(DESIGN_RUNS)); do \
		for t in $(ATOMIC_TRACES); do \
			for b in $$(shuf -e $(EVERY_DESIGN) $(ZSPAGE_FORMS)); do \
				$(call design,$$t,$$b,--lock-detail \
					--huge off) || exit 1; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

results/zspage.jsonl: | $(B)/zlab
	$(Q)for t in $(DESIGN_TRACES); do \
		for b in $(ZSMALLOC_ERAS); do \
			$(B)/zlab classes --backend $$b --codec lz4 --json - \
				--trace traces/samples/$$t.zlt || exit 1; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

results: results/designs.jsonl results/readers.jsonl results/atomic.jsonl \
	results/zspage.jsonl
