# SPDX-License-Identifier: GPL-2.0-or-later
#
# make results/compaction.jsonl  what compaction gives back, and to whom
# make results/moves.jsonl       objects moved by the forms of compaction
# make results/chain.jsonl       pages by the longest chain of a zspage

WORN := heavy-swap aged
# The first is able to compact, the second has handles that cannot move.
MOVING := zsmalloc@5.10 zsmalloc@4.0
# What compaction was rewritten from, halfway, and to.
FORMS := compact=old,groups=4 compact=new,groups=4 compact=new,groups=12
SHARES := 0.3 0.5 0.7
SEEDS ?= 1 2 3 4 5
CHAINS := 4 8 16

# $(call placed,TRACE,BACKEND,OPTIONS): one record, no clock; a page that does
# not compress is stored whole, as zram does
placed = $(B)/zlab replay $(1) --backend $(2) --incompressible keep \
	--sample 0 --json - $(3)

$(B)/%.worn.zlt: $(B)/zlab
	$(Q)$(B)/zlab generate $* -o $@

results/compaction.jsonl: | $(WORN:%=$(B)/%.worn.zlt)
	$(call say,REPLAY,$@)
	$(Q)for t in $(WORN:%=$(B)/%.worn.zlt); do \
		for b in $(MOVING); do \
			for o in "" --compact-at-end; do \
				$(call placed,$$t,$$b,$$o) || exit 1; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

# Through CSV, which names each trace after its share and seed.
fragment = churn:sizes=uniform,min=32,max=3600,keys=100000,rounds=1,compact=on

results/moves.jsonl: | $(B)/zlab
	$(call say,REPLAY,$@)
	$(Q)for share in $(SHARES); do \
		for seed in $(SEEDS); do \
			t=$(B)/fragment-$$share-$$seed.zlt; \
			$(B)/zlab generate \
				$(fragment),share=$$share,seed=$$seed -o $$t && \
			$(B)/zlab export $$t >$$t.csv && \
			$(B)/zlab import $$t.csv -o $$t || exit 1; \
			rm $$t.csv; \
			for form in $(FORMS); do \
				$(call placed,$$t,zsmalloc:$$form) || exit 1; \
			done; \
		done; \
	done >$@.tmp && $(call slimmed,$@)

# Every page image that the recorded programs swapped out, each under a key of
# its own and none freed: real sizes in a pool as large as a real device's.
$(B)/every-page.zlt: $(B)/zlab
	$(Q)(echo op,key,size; for t in $(SIZED); do \
		$(B)/zlab export -c lz4 $$t || exit 1; \
	done | awk -F, '$$1 == "store" { print "store," n++ "," $$3 }') | \
		$(B)/zlab import - -o $@

results/chain.jsonl: | $(B)/every-page.zlt
	$(call say,REPLAY,$@)
	$(Q)for t in $(SIZED); do \
		for c in $(CHAINS); do \
			$(call placed,$$t,zsmalloc:chain=$$c,--codec lz4) || \
				exit 1; \
		done; \
	done >$@.tmp
	$(Q)for c in $(CHAINS); do \
		$(call placed,$(B)/every-page.zlt,zsmalloc:chain=$$c) || exit 1; \
	done >>$@.tmp && $(call slimmed,$@)

results: results/compaction.jsonl results/moves.jsonl results/chain.jsonl
