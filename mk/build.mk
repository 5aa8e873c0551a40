# SPDX-License-Identifier: GPL-2.0-or-later
#
# The recorder, and the program for virtual CPUs, beside build/zlab itself.

# The loops over a block's columns are written to be vectorised, which -O2 does
# not do.
CFLAGS_traces_zlt_column := -O3
CFLAGS_traces_zlt_read := -O3

# Preloaded into the programs that are recorded. Its thread runs without a C
# library's state: no stack protector, nothing bound late, no sanitizer.
RECORDER := $(B)/zlab-recorder.so
RECORDER_SRCS := $(wildcard traces/recorder/*.c)
RECORDER_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -fPIC -shared \
	-fvisibility=hidden -fno-stack-protector -fno-strict-aliasing \
	-fno-builtin-memcpy -fno-builtin-memset -fno-plt \
	-D_GNU_SOURCE -I. -Wl,-z,now -Wl,-z,relro -Wl,-z,defs

all: $(RECORDER)

$(RECORDER): $(RECORDER_SRCS) $(wildcard traces/recorder/*.h) mk/build.mk
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RECORDER_CFLAGS) -o $@ $(RECORDER_SRCS)

# The executable for ghost frames: frames without memory. It is zlab, but for the
# files that touch what lies in a frame, which are compiled once more.
G_SRCS := $(SRCS_GHOST) \
	$(wildcard backends/z3fold/*.c backends/zsmalloc/*.c) \
	backends/zpool.c backends/zbud.c backends/mem/page.c \
	harness/cli/ghost.c \
	$(addprefix harness/swap/,zswap.c zram_disk.c zram_setup.c)
G_OBJS := $(G_SRCS:%.c=$(B)/ghost/%.o) \
	$(filter-out $(G_SRCS:%.c=$(B)/%.o),$(OBJS))

all: $(B)/zlab-ghost

$(B)/zlab-ghost: $(G_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/ghost/%.o: %.c | $(B)/version.h
	$(call say,CC-F,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DARENA_GHOST $(CFLAGS) $(CFLAGS_$(subst /,_,$*)) \
		-c -o $@ $<

# Ghosts' own test, and the one that all allocators pass.
G_TESTS := $(addprefix $(B)/tests/ghost/test_,ghost backends)

tests: $(G_TESTS)

$(B)/tests/ghost/test_ghost: $(B)/ghost/tests/ghost/test_ghost.o
$(B)/tests/ghost/test_backends: $(B)/ghost/tests/backends/test_backends.o
$(G_TESTS): $(TEST_LIB) $(filter-out $(MAIN),$(G_OBJS))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

-include $(G_SRCS:%.c=$(B)/ghost/%.d) $(B)/ghost/tests/ghost/test_ghost.d \
	$(B)/ghost/tests/backends/test_backends.d

# The executable for virtual CPUs: the same sources with the virtual flavour of
# sync.h, but for the files that only one of the two has. Allocators and the front
# end are instrumented as for the thread sanitizer, whose library is not linked:
# backends/sync/virtual/vmem.c takes the calls.
# Copies of constant size would be expanded where no instrumentation sees them,
# so there they stay calls, and are renamed to those that are charged.
ifeq ($(SAN)$(DEBUG)$(filter off,$(STATS)),)
V_WATCHED := backends/zbud.c \
	$(addprefix backends/z3fold/,z3fold.c early.c late.c) \
	$(addprefix backends/zsmalloc/,zsmalloc.c map.c compact.c check.c) \
	$(addprefix harness/swap/,zswap.c zswap_setup.c zswap_index.c \
		zswap_reclaim.c zram_disk.c zram_post.c zram_setup.c) \
	tests/virtual/copies.c
V_TEST := tests/virtual/test_virtual.c tests/virtual/copies.c
V_OBJS := $(patsubst %.c,$(B)/virtual/%.o,\
		$(filter-out $(SRCS_REAL) $(SRCS_SHARED),$(SRCS))) \
	$(SRCS_SHARED:%.c=$(B)/%.o)
V_COPIES := memcpy memmove memset memcmp

all: $(B)/zlab-virtual
tests: $(B)/tests/virtual/test_virtual

$(B)/zlab-virtual: $(V_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/virtual/test_virtual: $(V_TEST:%.c=$(B)/virtual/%.o) \
		$(filter-out $(B)/virtual/harness/main.o,$(V_OBJS))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# What is watched is always compiled alike: its -O level is part of the result.
$(V_WATCHED:%.c=$(B)/virtual/%.o): \
	V_FLAGS = -fsanitize=thread -O2
$(V_WATCHED:%.c=$(B)/virtual/%.o): V_RENAME = $(V_COPIES)
# The direct path copies objects into mapped memory; its compares are ours.
$(B)/virtual/harness/swap/direct.o: V_RENAME = memcpy

$(B)/virtual/%.o: %.c | $(B)/version.h
	$(call say,CC-V,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DSYNC_VIRTUAL $(CFLAGS) \
		$(CFLAGS_$(subst /,_,$*)) $(V_FLAGS) \
		$(V_RENAME:%=-fno-builtin-%) -c -o $@ $<
	$(Q)$(if $(V_RENAME),objcopy $(foreach c,$(V_RENAME),--redefine-sym \
		$(c)=vmem_$(c)) $@)

-include $(V_OBJS:.o=.d) $(V_TEST:%.c=$(B)/virtual/%.d)

# The executable that explores interleavings: the virtual flavour of sync.h with
# other files behind it. What is watched is instrumented alike; frames and slabs
# are, too, for their stores alone: their calls are renamed once more.
E_WATCHED := backends/zbud.c backends/mem/work.c \
	$(addprefix backends/z3fold/,z3fold.c early.c late.c) \
	$(addprefix backends/zsmalloc/,zsmalloc.c map.c compact.c check.c) \
	$(addprefix harness/swap/,zswap.c zswap_setup.c zswap_index.c \
		zswap_reclaim.c zram_disk.c zram_post.c zram_setup.c) \
	$(addprefix harness/explore/,object.c index.c swapfile.c)
E_QUIET := $(addprefix backends/mem/,page.c slab.c) \
	$(addprefix harness/swap/,pools.c codec.c codec_load.c) \
	harness/explore/device.c
E_SRCS := $(E_WATCHED) $(E_QUIET) \
	$(filter-out $(E_WATCHED) $(E_QUIET),$(SRCS_EXPLORE)) \
	$(addprefix backends/,zpool.c null.c jemalloc.c sync/virtual/fiber.c \
		sync/weak.c) \
	$(addprefix harness/cli/,cli.c command.c complete.c options.c parse.c \
		progress.c script.c) \
	harness/cmd/explore.c $(wildcard lib/*.c)
# The library of the radix trees is called through harness/explore/index.c.
E_LDFLAGS := $(foreach f,JudyLIns JudyLDel JudyLFreeArray,-Wl,--wrap=$(f))
# Completion names the kinds of traces, so their code, which has no locks, is in.
# The clock is that of the machine, as these CPUs have no time.
E_SHARED := $(filter-out lib/plugin.c,$(filter $(SRCS_SHARED),$(E_SRCS)))
E_OBJS := $(patsubst %.c,$(B)/explore/%.o,$(filter-out $(E_SHARED),$(E_SRCS))) \
	$(patsubst %.c,$(B)/%.o,$(E_SHARED) backends/sync/clock.c \
	$(wildcard traces/*.c traces/generate/*.c traces/model/*.c traces/zlt/*.c))

all: $(B)/zlab-explore

$(B)/zlab-explore: $(E_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(E_LDFLAGS) -o $@ $^ $(LDLIBS)

$(patsubst %.c,$(B)/explore/%.o,$(E_WATCHED) $(E_QUIET)): \
	E_FLAGS = -fsanitize=thread -O2
$(patsubst %.c,$(B)/explore/%.o,$(E_WATCHED) $(E_QUIET)): E_COPIES = $(V_COPIES)
$(E_WATCHED:%.c=$(B)/explore/%.o): \
	E_RENAME = $(foreach c,$(V_COPIES),--redefine-sym $(c)=vmem_$(c))
$(E_QUIET:%.c=$(B)/explore/%.o): E_RENAME = $(foreach c,$(V_COPIES),\
	--redefine-sym $(c)=quiet_$(c)) $$(nm -u $@ | \
	sed -n 's/.* __tsan_\(.*\)/--redefine-sym __tsan_\1=quiet_\1/p')
# An object is loaded outside of the memory that is put back.
$(B)/explore/lib/plugin.o: E_RENAME = --redefine-sym dlopen=xworld_dlopen

$(B)/explore/%.o: %.c | $(B)/version.h
	$(call say,CC-E,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DSYNC_VIRTUAL -DSYNC_EXPLORE \
		-DZSWAP_TREE_SHIFT=2 $(CFLAGS) \
		$(E_FLAGS) $(E_COPIES:%=-fno-builtin-%) -c -o $@ $<
	$(Q)$(if $(E_RENAME),objcopy $(E_RENAME) $@)

# A backend with planted defects, compiled as a user's own would be.
$(B)/tests/explore/planted.so: tests/explore/planted.c $(PUBLIC_HEADERS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) -DSYNC_VIRTUAL $(CFLAGS) \
		-fsanitize=thread $(foreach c,$(V_COPIES),-D$(c)=vmem_$(c)) \
		-fPIC -shared -nostdlib -o $@ $<

# zsmalloc with zspage=relaxed, wrong on purpose, see test.mk.
$(B)/tests/explore/relaxed.so: $(wildcard backends/zsmalloc/*.[ch]) \
		$(PUBLIC_HEADERS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) -DSYNC_VIRTUAL \
		-DZS_PLANT_RELAXED $(CFLAGS) -O2 -fsanitize=thread \
		$(foreach c,$(V_COPIES),-D$(c)=vmem_$(c)) -fPIC -shared \
		-nostdlib -Wl,-Bsymbolic -o $@ $(filter %.c,$^)

tests: $(B)/tests/explore/relaxed.so
tests: $(B)/tests/explore/planted.so $(B)/tests/explore/test_explore

$(B)/tests/explore/test_explore: $(B)/explore/tests/explore/test_explore.o \
		$(filter-out $(B)/explore/harness/explore/main.o,$(E_OBJS))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(E_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(B)/tests/bench/explore: | $(B)/zlab-explore

-include $(E_SRCS:%.c=$(B)/explore/%.d) $(B)/explore/tests/explore/test_explore.d
endif

# /init of the machines of "zlab vm": static, since it is alone there, and plain,
# whatever this build is. Nothing of it but the reader of traces is also in zlab.
GUEST := $(B)/zlab-guest
GUEST_SRCS := $(sort $(wildcard harness/vm/*.c traces/zlt/*.c)) \
	$(addprefix lib/,err.c output.c stop.c)
GUEST_OBJS := $(GUEST_SRCS:%.c=$(B)/guest/%.o)
GUEST_LIBS := -lzstd -ljansson -lxxhash -lbsd -lmd -lJudy -lz -lm

all: $(GUEST)

$(GUEST): $(GUEST_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) -static -pthread -s -o $@ $^ $(GUEST_LIBS)

$(B)/guest/%.o: %.c
	$(call say,CC-G,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -Wstrict-prototypes \
		-Wmissing-prototypes -Wold-style-definition -Wshadow -Wundef \
		-Wno-unused-parameter -pthread -D_GNU_SOURCE -I. -MMD -MP \
		-c -o $@ $<

-include $(GUEST_OBJS:.o=.d)
