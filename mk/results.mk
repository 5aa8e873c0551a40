# SPDX-License-Identifier: GPL-2.0-or-later
#
# make results             every experiment of this machine: results/, figures
# make results/NAME.jsonl  one of them; analysis/experiments.toml has them all
# make results/impact.jsonl  boots kernels: QEMU, and packages of Debian; docs/vm.md
# make virtual-results     every design on one to 128 virtual CPUs
# make scenarios           published tables on virtual CPUs, and their page
# make figures             draw results/figures from results/
# make paper               rewrite PAPER.md from its template and results/
# make paper-check         say whether PAPER.md and results/ agree
# make cluster WHAT=NAME   one experiment, or one of a TABLE of your own, as jobs on
#                     all cores, or with PROFILE=analysis/cluster/slurm on Slurm;
#                     JOBS at a time, each of STEPS steps; docs/cluster.md
# make results/explore/exhaustive.jsonl  every preset explored exhaustively
# make results/litmus.json   the verdicts of tests/litmus
# make regress             compare what this build does with results/baseline.json
# make bench               run every benchmark, or those of BENCH=NAME...
# make patch-example KERNEL=TREE  rewrite the example of docs/measure-a-patch.md
#
# RUNS=N replays N times instead of what the table says. What an interrupted one
# has finished is in FILE.tmp, from where the same command goes on.

# Debian's own, which has the packages; another may come first in PATH.
PYTHON ?= /usr/bin/python3
ANALYSIS := $(PYTHON) -B analysis
EXPERIMENTS := $(ANALYSIS) experiments --zlab $(B)/zlab --work $(B) \
	$(if $(RUNS),--runs $(RUNS))
ALLOCATORS := zsmalloc zsmalloc:chain=4 z3fold zbud jemalloc
SHOWN := $(patsubst %,traces/samples/%.zlt,cc1 redis sqlite)

results: all
	$(Q)$(EXPERIMENTS) results virtual-results
	$(Q)$(MAKE) --no-print-directory results/report.html figures

virtual-results: all
	$(Q)$(EXPERIMENTS) virtual-results

scenarios: all
	$(Q)$(EXPERIMENTS) scenarios
	$(Q)$(ANALYSIS) scenarios-page results

# A file that is there is replayed all the same: that is what was asked for.
results/%.jsonl: all FORCE
	$(Q)$(EXPERIMENTS) $@

WHAT ?= results
cluster: all
	$(Q)$(ANALYSIS) cluster --zlab $(B)/zlab --work $(B) $(WHAT) \
		$(if $(RUNS),--runs $(RUNS)) $(if $(TABLE),--table $(TABLE)) \
		$(if $(OUT),--output $(OUT)) $(if $(PROFILE),--profile $(PROFILE)) \
		$(if $(JOBS),--jobs $(JOBS)) $(if $(STEPS),--steps $(STEPS))

# The page of one whole comparison; it needs no file beside it.
results/report.html: all FORCE
	$(call say,REPLAY,$@)
	$(Q)rm -rf $(B)/report
	$(Q)$(B)/zlab compare $(SHOWN) --backend $(ALLOCATORS) --codec lz4 \
		--runs $(or $(RUNS),9) -o $(B)/report >/dev/null
	$(Q)sed -E 's|<span class="files">.*</span></figcaption>|</figcaption>|' \
		$(B)/report/report.html >$@

# The picture of compaction: a pool that was filled and half emptied.
$(B)/occupancy.jsonl: | $(B)/zlab
	$(Q)$(B)/zlab generate churn:keys=20000,rounds=1 -o $(B)/churn.zlt
	$(Q)rm -f $@
	$(Q)$(B)/zlab replay $(B)/churn.zlt --events 30000 --backend zsmalloc \
		--compact-at-end --occupancy $@ >/dev/null

figures: $(B)/occupancy.jsonl
	$(Q)$(ANALYSIS) figures results $(B)/occupancy.jsonl

paper:
	$(Q)$(ANALYSIS) paper PAPER.md.in PAPER.md

paper-check:
	$(Q)$(ANALYSIS) paper --check PAPER.md.in PAPER.md

regress: $(B)/zlab
	$(Q)$(B)/zlab regress

# What the benchmarks say goes to results/bench.jsonl, together with the machine.
BENCH ?= $(BENCHES:$(B)/tests/bench/%=%)
BENCH_FILE ?= results/bench.jsonl

bench: $(B)/zlab $(BENCH:%=$(B)/tests/bench/%)
	$(Q)mkdir -p $(dir $(BENCH_FILE))
	$(Q)env=$$($(B)/zlab env) || exit 1; \
	for b in $(BENCH); do \
		echo "  BENCH    $$b"; \
		$(B)/tests/bench/$$b >$(B)/bench.out; status=$$?; \
		cat $(B)/bench.out; \
		[ $$status = 0 ] || exit $$status; \
		grep '^{.*}$$' $(B)/bench.out | while IFS= read -r line; do \
			printf '%s, "env": %s}\n' "$${line%\}}" "$$env"; \
		done >>$(BENCH_FILE); \
	done; \
	rm -f $(B)/bench.out

# The worked example of docs/measure-a-patch.md, from a tree's own mm/zsmalloc.c.
KERNEL ?= /usr/src/linux
patch-example: $(B)/zlab
	$(Q)docs/measure-a-patch-example $(B)/zlab $(KERNEL)

.PHONY: results cluster virtual-results scenarios figures paper paper-check regress \
	bench patch-example

# Each preset explored completely as far as that goes, with one operation for each
# CPU and, of those where that ends, with two; one result to a line.
EXHAUSTIVE_TWO ?= zbud@6.12 zsmalloc@4.0
EXHAUSTIVE_MOST ?= 20000
PRESETS = $(shell $(B)/zlab backends | awk '/^[a-z0-9]+:/ { b = $$1; \
	sub(":", "", b) } /^    @/ { print b $$1 }')

results/explore/exhaustive.jsonl: all FORCE
	$(Q)mkdir -p $(@D)
	$(Q)for run in $(PRESETS:%=%/1) $(EXHAUSTIVE_TWO:%=%/2); do \
		$(B)/zlab explore --backend $${run%/*} --strategy exhaustive \
			--ops $${run#*/} --schedules $(EXHAUSTIVE_MOST) \
			--keep-going --json - || [ $$? = 1 ] || exit 1; \
	done >$@.tmp
	$(Q)mv $@.tmp $@

# The verdicts of the litmus tests, of which the paper has a table.
results/litmus.json: all FORCE
	$(Q)$(B)/zlab litmus tests/litmus/*.litmus --json $@
