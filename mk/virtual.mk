# SPDX-License-Identifier: GPL-2.0-or-later

# The executable for virtual CPUs: the same sources with the virtual flavour of
# sync.h. Allocators and the front end are instrumented as for the thread
# sanitizer, whose library is not linked: backends/sync_vmem.c takes the calls.
# Copies of constant size would be expanded where no instrumentation sees them,
# so there they stay calls, and are renamed to those that are charged.
ifeq ($(SAN)$(DEBUG)$(filter off,$(STATS)),)
V_PLAIN := $(wildcard backends/sync*.c) backends/page.c backends/slab.c \
	backends/work.c backends/zpool.c backends/null.c backends/jemalloc.c
V_WATCHED := $(filter-out $(V_PLAIN),$(wildcard backends/*.c)) \
	$(wildcard harness/zswap*.c)
V_TEST := tests/virtual/test_virtual.c tests/virtual/copies.c
V_OBJS := $(SRCS:%.c=$(B)/virtual/%.o)
V_WATCHED += tests/virtual/copies.c
V_COPIES := memcpy memmove memset memcmp

all: $(B)/zlab-virtual
tests: $(B)/tests/test_virtual

$(B)/zlab-virtual: $(V_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/test_virtual: $(V_TEST:%.c=$(B)/virtual/%.o) \
		$(filter-out $(B)/virtual/harness/main.o,$(V_OBJS))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# What is watched is always compiled alike: its -O level is part of the result.
$(V_WATCHED:%.c=$(B)/virtual/%.o): \
	V_FLAGS = -fsanitize=thread -O2
$(V_WATCHED:%.c=$(B)/virtual/%.o): V_RENAME = $(V_COPIES)
# The direct path copies objects into mapped memory; its compares are ours.
$(B)/virtual/harness/swap_path.o: V_RENAME = memcpy

$(B)/virtual/%.o: %.c | $(B)/version.h
	$(call say,CC-V,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DSYNC_VIRTUAL $(CFLAGS) \
		$(CFLAGS_$(subst /,_,$*)) $(V_FLAGS) \
		$(V_RENAME:%=-fno-builtin-%) -c -o $@ $<
	$(Q)$(if $(V_RENAME),objcopy $(foreach c,$(V_RENAME),--redefine-sym \
		$(c)=vmem_$(c)) $@)

# This machine's costs, and whether virtual time is true here: on all its CPUs.
VALIDATE_TRACES ?= sqlite make-j4 python redis
VALIDATE_RUNS ?= 7
results/virtual/validate.jsonl: | $(B)/zlab $(B)/zlab-virtual
	$(call say,VALIDATE,$@)
	$(Q)$(B)/zlab calibrate -o results/profiles/two-cpu-vm.json
	$(Q)rm -f $@.tmp
	$(Q)$(B)/zlab validate $(VALIDATE_TRACES:%=traces/samples/%.zlt) \
		--profile results/profiles/two-cpu-vm.json \
		--runs $(VALIDATE_RUNS) --json $@.tmp
	$(Q)mv $@.tmp $@

-include $(V_OBJS:.o=.d) $(V_TEST:%.c=$(B)/virtual/%.d)
endif
