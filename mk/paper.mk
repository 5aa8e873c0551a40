# SPDX-License-Identifier: GPL-2.0-or-later
#
# make results      replay the committed traces and rewrite results/
# make paper        rewrite PAPER.md from its template and results/
# make paper-check  say whether PAPER.md and results/ agree
# make regress      compare what this build does with results/baseline.json

# Sizes alone decide where an object goes; these traces carry them.
SIZED := $(filter-out %-pages.zlt,$(wildcard traces/samples/*.zlt))
# Time needs pages to compress.
PAGED := $(wildcard traces/samples/*-pages.zlt)
SHOWN := $(filter %/redis.zlt %/sqlite.zlt %/cc1.zlt,$(SIZED))
LOCKED := $(filter %/redis.zlt %/make-j4.zlt,$(SIZED))
RUNS ?= 9
ALLOCATORS ?= zsmalloc zsmalloc:chain=4 z3fold zbud jemalloc
DESIGNS ?= zsmalloc:lock=pool zsmalloc:lock=class zsmalloc:lock=class-free

# $(call slimmed,FILE,PARTS): FILE.tmp without what only pictures need, but for
# PARTS, becomes FILE. A pipe would hide that the replay before it failed.
slimmed = python3 -B analysis/slim.py $(2) <$(1).tmp >$(1).slim && \
	mv $(1).slim $(1) && rm -f $(1).tmp

results: results/space.jsonl results/time.jsonl results/locks.jsonl \
	results/classes.jsonl results/report.html figures

# Computed from the class table of the live code; no trace is involved.
results/classes.jsonl: | $(B)/zlab
	$(Q)for chain in 4 8 16; do \
		$(B)/zlab classes --backend zsmalloc:chain=$$chain --json -; \
	done >$@

results/space.jsonl: $(SIZED) | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)$(B)/zlab compare $(SIZED) --backend $(ALLOCATORS) \
		--codec lz4,zstd:3 --runs 1 --sample 0 --json - >$@.tmp && \
		$(call slimmed,$@,series)

results/time.jsonl: $(PAGED) | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)$(B)/zlab compare $(PAGED) --backend $(ALLOCATORS) \
		--codec lz4,zstd:3 --runs $(RUNS) --json - >$@.tmp && \
		$(call slimmed,$@)

results/locks.jsonl: $(LOCKED) | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)$(B)/zlab compare $(LOCKED) --backend $(DESIGNS) --codec lz4 \
		--threads 1,2 --runs $(RUNS) --json - >$@.tmp && \
		$(call slimmed,$@)

# The picture of compaction: a pool that was filled and half emptied.
$(B)/occupancy.jsonl: | $(B)/zlab
	$(Q)$(B)/zlab generate churn:keys=20000,rounds=1 -o $(B)/churn.zlt
	$(Q)rm -f $@
	$(Q)$(B)/zlab replay $(B)/churn.zlt --events 30000 --backend zsmalloc \
		--compact-at-end --occupancy $@ >/dev/null

# The page of one whole comparison; it needs no file beside it.
results/report.html: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)rm -rf $(B)/report
	$(Q)$(B)/zlab compare $(SHOWN) --backend $(ALLOCATORS) --codec lz4 \
		--runs $(RUNS) -o $(B)/report >/dev/null
	$(Q)sed -E 's|<span class="files">.*</span></figcaption>|</figcaption>|' \
		$(B)/report/report.html >$@

figures: $(B)/occupancy.jsonl
	$(Q)python3 -B analysis/figures.py results $(B)/occupancy.jsonl

paper:
	$(Q)python3 -B analysis/paper.py PAPER.md.in PAPER.md

paper-check:
	$(Q)python3 -B analysis/paper.py --check PAPER.md.in PAPER.md

regress: $(B)/zlab
	$(Q)$(B)/zlab regress

.PHONY: results figures paper paper-check regress
