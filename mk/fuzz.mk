# SPDX-License-Identifier: GPL-2.0-or-later

# make fuzz         both readers of foreign input, FUZZ_S seconds in all
# make fuzz-corpus  fold what the last runs found into tests/corpus, small files
#                   only
FUZZ_S ?= 600
FUZZ_B := build-fuzz
FUZZ_SRCS := lib/err.c lib/spec.c tests/lib/fuzz_entry.c \
	$(wildcard traces/zlt*.c) traces/column.c traces/csv.c traces/summary.c \
	traces/activity.c
FUZZ_FLAGS := -std=gnu11 -O1 -g -D_GNU_SOURCE -I. -fno-omit-frame-pointer \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-fno-sanitize=alignment
FUZZ_LIBS := -lbsd -lzstd -ljansson -lxxhash -lJudy -lz -lm
FUZZERS := $(FUZZ_B)/fuzz_zlt $(FUZZ_B)/fuzz_csv

$(FUZZ_B)/fuzz_%: tests/fuzz_%.c $(FUZZ_SRCS) \
		$(wildcard traces/*.h tests/lib/*.h lib/*.h)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(FUZZ_B)/found-$*
	$(Q)clang $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) $(FUZZ_LIBS)

fuzz: $(FUZZERS)
	$(Q)for f in zlt csv; do \
		$(FUZZ_B)/fuzz_$$f -max_total_time=$$(( $(FUZZ_S) / 2 )) \
			-max_len=16384 -timeout=20 -print_final_stats=1 \
			-artifact_prefix=$(FUZZ_B)/$$f- \
			$(FUZZ_B)/found-$$f tests/corpus/$$f \
			2>$(FUZZ_B)/$$f.log || \
			{ tail -50 $(FUZZ_B)/$$f.log; exit 1; }; \
		printf '  fuzz_%s: ' $$f; \
		sed -n 's/^Done \(.*\)/\1/p' $(FUZZ_B)/$$f.log; \
	done

fuzz-corpus: $(FUZZERS)
	$(Q)for f in zlt csv; do \
		mkdir -p $(FUZZ_B)/merged-$$f && \
		$(FUZZ_B)/fuzz_$$f -merge=1 $(FUZZ_B)/merged-$$f \
			tests/corpus/$$f $(FUZZ_B)/found-$$f \
			2>$(FUZZ_B)/$$f-merge.log && \
		find $(FUZZ_B)/merged-$$f -type f -size +2560c -delete && \
		rm -rf tests/corpus/$$f && \
		mv $(FUZZ_B)/merged-$$f tests/corpus/$$f || exit 1; \
	done

.PHONY: fuzz fuzz-corpus
