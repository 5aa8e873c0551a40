# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check        every test
# make check-long   and the campaigns that take longer
# make lint         format and static analysis, a part of check

# Sanitizer builds run the test programs with a tenth of the random steps, that
# of threads those programs that start any. They are compiled for little more
# than their tests: compiling takes longer than these run.
SAN_ADDRESS := address,undefined
SAN_THREAD := thread
SAN_OPT := -O1 -g1
MAKE_HERE := $(MAKE) --no-print-directory -j$(shell nproc)
THREADED := $(shell grep -l pthread_create tests/*/test_*.c) \
	$(addprefix tests/,fuzz/test_recorder harness/test_device \
		harness/test_replay traces/test_record)
THREADED := $(sort $(patsubst tests/%,%,$(THREADED:.c=)))

check: deps-check check-builds
	$(Q)tests/run $(if $(ONLY),--only '$(ONLY)') $(B) \
		build-address-undefined \
		build-thread=$(subst $() ,$(comma),$(THREADED))

check-builds:
	$(Q)$(MAKE_HERE) all tests
	$(Q)$(MAKE_HERE) SAN=$(SAN_ADDRESS) OPT='$(SAN_OPT)' tests
	$(Q)$(MAKE_HERE) SAN=$(SAN_THREAD) OPT='$(SAN_OPT)' tests-threaded

# Everything of check, the campaigns that take longer, full random steps, and
# every test with every build, also clang's.
check-long: deps-long check-builds-long
	$(Q)ZLAB_TEST_SCALE=1000 ZLAB_TEST_LIMIT_S=7200 tests/run --long \
		$(if $(ONLY),--only '$(ONLY)') $(B) \
		build-address-undefined build-thread build-clang

check-builds-long:
	$(Q)$(MAKE_HERE) all tests
	$(Q)$(MAKE_HERE) CC=clang B=build-clang all tests
	$(Q)$(MAKE_HERE) SAN=$(SAN_ADDRESS) all tests
	$(Q)$(MAKE_HERE) SAN=$(SAN_THREAD) all tests

tests: $(TESTS)
tests-threaded: $(THREADED:%=$(B)/tests/%)

lint: lint-format lint-python lint-tidy

lint-format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

lint-python:
	$(Q)git ls-files '*.py' | xargs -r black -q --check tests/run

# The analyzer takes most of the time, and most of that in a few functions with
# many paths. check bounds it; check-long gives it clang's own bound.
TIDY_NODES ?= 6000
TIDY_BOUND = $(addprefix --extra-arg=,-Xclang -analyzer-config -Xclang \
	max-nodes=$(TIDY_NODES))

# Each file as the program sees it that it belongs to, and with its warnings: it
# stands for a build by clang, too, which check-long makes.
TIDY_SRCS = $(filter-out tests/%,$(shell git ls-files '*.c'))
tidy = printf '%s\n' $(1) | xargs -P$$(nproc) -n4 sh -c 'clang-tidy --quiet \
	$(TIDY_BOUND) "$$@" -- -std=gnu11 -D_GNU_SOURCE $(filter -W%,$(CFLAGS)) \
	$(2) -I. -I$(B)' tidy

lint-tidy: $(B)/version.h
	$(Q)$(call tidy,$(filter-out $(SRCS_VIRTUAL) $(SRCS_EXPLORE) \
		$(SRCS_GHOST),$(TIDY_SRCS)))
	$(Q)$(call tidy,$(filter $(SRCS_GHOST),$(TIDY_SRCS)),-DARENA_GHOST)
	$(Q)$(call tidy,$(filter $(SRCS_VIRTUAL),$(TIDY_SRCS)),-DSYNC_VIRTUAL)
	$(Q)$(call tidy,$(filter $(SRCS_EXPLORE),$(TIDY_SRCS)),-DSYNC_VIRTUAL \
		-DSYNC_EXPLORE)

.PHONY: check check-long check-builds check-builds-long tests tests-threaded lint lint-format lint-python \
	lint-tidy

# Every kind of lock, seen by one validator and one bench.
LOCK_DESCS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/sync/lock_*.c)))
$(B)/tests/sync/test_locks $(B)/tests/bench/locks: $(LOCK_DESCS)
-include $(LOCK_DESCS:.o=.d)

# Backends and codecs as shared objects: the example of docs/add-a-backend.md,
# and some that go wrong or must be turned away.
EXAMPLES := $(patsubst tests/backend_example/%.c,$(B)/tests/backends/%.so,\
	$(wildcard tests/backend_example/*.c))
$(B)/tests/backends/%.so: tests/backend_example/%.c $(PUBLIC_HEADERS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) $(CFLAGS) -fPIC -shared \
		-o $@ $<

$(B)/tests/backends/test_backends $(B)/tests/backends/test_load \
	$(B)/tests/harness/test_codec: | $(EXAMPLES)

# zsmalloc once more, as a loadable backend that also has zspage=relaxed: wrong
# on purpose, for the test that shows that the thread sanitizer finds it.
RELAXED_SRCS := $(wildcard backends/zsmalloc/*.c)
$(B)/tests/backends/zsmalloc_relaxed.so: $(RELAXED_SRCS) \
		$(wildcard backends/zsmalloc/*.h) $(PUBLIC_HEADERS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) -DZS_PLANT_RELAXED \
		$(CFLAGS) -fPIC -shared -Wl,-Bsymbolic -o $@ $(RELAXED_SRCS)

$(B)/tests/backends/test_zsmalloc_threads: | $(B)/tests/backends/zsmalloc_relaxed.so

# Parts of the program in the machines of "zlab vm".
$(B)/tests/harness/test_guest: $(addprefix $(B)/harness/vm/,counter.o files.o)

# The test makes the n-th call of any of these fail.
NOMEM_CALLS := malloc calloc realloc strdup strndup asprintf ZSTD_createCCtx \
	ZSTD_createDCtx JudyLIns Judy1Set json_dumps json_object
$(B)/tests/traces/test_zlt_nomem: LDFLAGS += \
	$(addprefix -Wl$(comma)--wrap=,$(NOMEM_CALLS))

# Programs that the tests record: plain, as a user's would be.
PROGRAMS := $(B)/tests/programs/memory $(B)/tests/programs/static

tests: $(PROGRAMS)
$(B)/tests/traces/test_record: | $(RECORDER) $(PROGRAMS)

$(B)/tests/programs/memory: tests/programs/memory.c tests/programs/pattern.h
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I. \
		-pthread -o $@ $<

$(B)/tests/programs/static: tests/programs/memory.c tests/programs/pattern.h
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I. \
		-pthread -static -o $@ $<

# make fuzz         all that reads foreign input in C, FUZZ_S seconds each
# make fuzz-NAME    one of them
# make fuzz-corpus  fold what the last runs found into tests/corpus, small files
#                   only
#
# NAME is tests/fuzz/NAME.c, and tests/corpus/NAME what check runs it on.
FUZZ := zlt csv packed profile log locks classes recorder litmus
FUZZ_S ?= 60
FUZZ_KEPT ?= 2560
FUZZ_B := build-fuzz
FUZZ_SAN := fuzzer-no-link,address,undefined
FUZZ_OPT := -O1 -Wno-unknown-warning-option
FUZZ_OBJS := $(B)/tests/fuzz/files.o $(filter-out $(MAIN),$(OBJS)) \
	$(B)/harness/virtual/profile.o
FUZZ_TESTS := $(FUZZ:%=$(B)/tests/fuzz/test_%)
$(B)/harness/virtual/profile.o $(B)/tests/fuzz/profile.o: \
	CPPFLAGS += -DSYNC_VIRTUAL

tests: $(FUZZ_TESTS)

$(FUZZ_TESTS): $(B)/tests/fuzz/test_%: $(B)/tests/fuzz/%.o \
		$(B)/tests/fuzz/replay.o $(TEST_LIB) $(FUZZ_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(B)/fuzz_%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/libfuzzer.o $(FUZZ_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

fuzzers:
	$(Q)$(MAKE_HERE) CC=clang OPT="$(FUZZ_OPT)" SAN=$(FUZZ_SAN) B=$(FUZZ_B) \
		$(FUZZ:%=$(FUZZ_B)/fuzz_%)

fuzz: $(FUZZ:%=fuzz-%)

fuzz-list:
	@echo $(FUZZ)

$(FUZZ:%=fuzz-%): fuzz-%: fuzzers
	$(Q)mkdir -p $(FUZZ_B)/found-$* tests/corpus/$*
	$(Q)$(FUZZ_B)/fuzz_$* -max_total_time=$(FUZZ_S) -max_len=16384 \
		-timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
		-artifact_prefix=$(FUZZ_B)/$*- $(FUZZ_B)/found-$* \
		tests/corpus/$* 2>$(FUZZ_B)/$*.log || \
		{ tail -50 $(FUZZ_B)/$*.log; exit 1; }
	$(Q)printf '  fuzz_%s: %s\n' $* \
		"$$(sed -n 's/^Done \(.*\)/\1/p' $(FUZZ_B)/$*.log)"

fuzz-corpus: fuzzers
	$(Q)for f in $(FUZZ); do \
		rm -rf $(FUZZ_B)/merged-$$f && \
		mkdir -p $(FUZZ_B)/merged-$$f $(FUZZ_B)/found-$$f && \
		$(FUZZ_B)/fuzz_$$f -merge=1 $(FUZZ_B)/merged-$$f \
			tests/corpus/$$f $(FUZZ_B)/found-$$f \
			2>$(FUZZ_B)/$$f-merge.log && \
		find $(FUZZ_B)/merged-$$f -type f -size +$(FUZZ_KEPT)c -delete && \
		rm -rf tests/corpus/$$f && \
		cp -r $(FUZZ_B)/merged-$$f tests/corpus/$$f || exit 1; \
	done

.PHONY: fuzz fuzz-list fuzzers fuzz-corpus $(FUZZ:%=fuzz-%)
-include $(FUZZ:%=$(B)/tests/fuzz/%.d) $(B)/tests/fuzz/replay.d \
	$(B)/tests/fuzz/files.d $(B)/tests/fuzz/libfuzzer.d

# make mutants      plant each bug of tests/mutants, or those of MUTANTS=GLOB, and
#                   see which ordinary tests find it, and explore in how many
#                   schedules; what has a record in results/mutants.jsonl is left
MUTANTS ?= *
mutants: all
	$(Q)tests/mutants.py explore --build $(B) --only '$(MUTANTS)'
	$(Q)tests/mutants.py tests --build $(B) --only '$(MUTANTS)'

.PHONY: mutants
