# SPDX-License-Identifier: GPL-2.0-or-later

# make bench   run every benchmark, or those of BENCH=NAME..., and add what they
#              say to results/bench.jsonl together with the machine
BENCH ?= $(patsubst tests/bench_%.c,%,$(sort $(wildcard tests/bench_*.c)))
BENCH_FILE ?= results/bench.jsonl

bench: $(B)/zlab $(BENCH:%=$(B)/tests/bench_%)
	$(Q)mkdir -p $(dir $(BENCH_FILE))
	$(Q)env=$$($(B)/zlab env) || exit 1; \
	for b in $(BENCH); do \
		echo "  BENCH    $$b"; \
		$(B)/tests/bench_$$b >$(B)/bench.out; status=$$?; \
		cat $(B)/bench.out; \
		[ $$status = 0 ] || exit $$status; \
		grep '^{.*}$$' $(B)/bench.out | while IFS= read -r line; do \
			printf '%s, "env": %s}\n' "$${line%\}}" "$$env"; \
		done >>$(BENCH_FILE); \
	done; \
	rm -f $(B)/bench.out

.PHONY: bench
