# SPDX-License-Identifier: GPL-2.0-or-later
#
# make demo    record a real program, compare the allocators, leave a report
# make check   every test; ends with "N passed, N failed"
# make help    the other targets
#
# V=1 prints the commands. CC=clang builds with clang. SAN=address,undefined
# or SAN=thread builds into a directory of its own; so do SPIN=ticket|fas|mcs
# (the kind of spinlock), STATS=off (locks count nothing) and DEBUG=on (every
# lock call is checked).

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
OPT ?= -O2
SAN ?=
comma := ,
SPIN ?=
STATS ?= on
DEBUG ?=
VARIANT := $(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(SPIN),-$(SPIN))$(if \
	$(filter off,$(STATS)),-nostats)$(if $(DEBUG),-debug)
B ?= build$(VARIANT)

# Every Debian package the project needs, and nothing else names one.
DEPS_BUILD := gcc make libc6-dev pkg-config liblz4-dev libzstd-dev \
	libjemalloc-dev libck-dev libjansson-dev libxxhash-dev libbsd-dev \
	libmd-dev libjudy-dev zlib1g-dev libbpf-dev git
DEPS_PLOT := gnuplot-nox python3 python3-jinja2 python3-jsonschema \
	python3-markdown python3-numpy
DEPS_CHECK := libcmocka-dev clang clang-format clang-tidy libclang-rt-14-dev \
	black valgrind gdb mandoc zsh fish unifdef
# Large; only "make deps-browser" and check-long ask for it.
DEPS_BROWSER := chromium
# For "make deb"; debian/control names what that package itself needs.
DEPS_DEB := build-essential debhelper dpkg-dev lintian
# Kernel sources that check-long compiles and compares with.
DEPS_KERNEL := linux-source-6.1 linux-source-6.12
# What docs/data.md shows that records can be read with.
DEPS_DOCS := python3-pandas r-base-core r-cran-jsonlite sqlite3
# What "zlab vm" boots kernels with; "make deps-vm" and check-long ask for it.
DEPS_VM := qemu-system-x86 cpio kmod
# To record the large traces: the programs, and the data that they work on.
DEPS_LARGE := linux-source-6.1 bc flex bison libelf-dev libssl-dev xz-utils \
	sqlite3 redis-server redis-tools python3-pandas default-jdk-headless \
	nodejs g++ libboost-dev chromium python3.11-doc
# Experiments as jobs, on all cores or on a cluster that is there; check-long
# starts a cluster of its own.
DEPS_CLUSTER := snakemake
DEPS_SLURM := slurmctld slurmd slurm-client munge
# To record the sample traces anew.
DEPS_SAMPLES := sqlite3 redis-server redis-tools

CFLAGS += -std=gnu11 $(OPT) -g -Wall -Wextra -Werror -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wshadow -Wundef \
	-Wno-unused-parameter -fno-strict-aliasing -pthread
# gcc expands copies of unknown length as string instructions, which are slow
# at the sizes and offsets of objects; the C library's copy is not.
STRINGS := -mstringop-strategy=libcall
CFLAGS += $(shell $(CC) $(STRINGS) -E -x c - </dev/null >/dev/null 2>&1 && \
	echo $(STRINGS))
CPPFLAGS += -D_GNU_SOURCE -I. -I$(B) -MMD -MP
LDFLAGS += -rdynamic -pthread
LDLIBS += -llz4 -lzstd -ljemalloc -ljansson -lxxhash -lbsd -lmd -lJudy -lz -lbpf -ldl -lm
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
DEBUG := on
endif

ifneq ($(filter-out ticket fas mcs,$(SPIN)),)
$(error SPIN=$(SPIN): the kinds of spinlock are ticket, fas and mcs)
endif
ifneq ($(SPIN),)
CPPFLAGS += -DSYNC_SPIN=$(SPIN)
endif
ifeq ($(STATS),off)
CPPFLAGS += -DSYNC_NO_STATS
endif
ifneq ($(DEBUG),)
CPPFLAGS += -DZLAB_DEBUG
# What gcc can prove without instrumentation it sometimes cannot with it.
CFLAGS += -Wno-format-truncation -Wno-maybe-uninitialized
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

ROOMS := lib \
	$(addprefix backends,/ /mem /sync /sync/virtual /zsmalloc /z3fold) \
	$(addprefix traces,/ /generate /model /zlt /record) \
	$(addprefix harness,/ /capture /cli /cmd /compare /kernel /litmus /live /measure \
		/replay /swap /verify /virtual)
ROOMS := $(patsubst %/,%,$(ROOMS))
SRCS := $(sort $(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
# Two programs are made of them, zlab and zlab-virtual, each with files that it
# has alone: real CPUs, or virtual ones and what they charge.
SRCS_REAL := $(addprefix backends/sync/,clock.c native.c sample.c) \
	$(addprefix harness/,cli/virtual_exec.c cmd/calibrate.c cmd/validate.c \
		replay/share.c replay/threads.c virtual/agreement.c) \
	$(wildcard harness/virtual/calibrate_*.c)
SRCS_VIRTUAL := $(wildcard backends/sync/virtual/*.c) \
	$(filter-out $(SRCS_REAL) %/sensitivity.c,$(wildcard harness/virtual/*.c))
# The third, zlab-explore, has these alone, and few of the others.
SRCS_EXPLORE := $(wildcard backends/sync/explore/*.c harness/explore/*.c)
# zlab-ghost has these alone, and G_SRCS of build.mk compiled anew.
SRCS_GHOST := $(wildcard backends/ghost/*.c)
# What is the same in each of them, and compiled once: whole rooms, and files.
SRCS_SHARED := $(filter lib/% traces/% harness/capture/% harness/litmus/%,$(SRCS)) \
	$(addprefix harness/,$(addsuffix .c,\
		$(addprefix cli/,cli command execute explore_exec hand_over options \
			parse script stream) \
		$(addprefix cmd/,capture columns explore export generate import \
			litmus new_backend record regress report shim sizes \
			sizes_against vm) \
		$(addprefix kernel/,files patch_tree shim_codec shim_message \
			shim_tree) \
		$(addprefix live/,mm_stat running) \
		$(addprefix measure/,cores load stats) \
		compare/table swap/codec_load verify/log))
OBJS := $(patsubst %.c,$(B)/%.o,$(filter-out $(SRCS_VIRTUAL),$(SRCS)))
MAIN := $(B)/harness/main.o
# What a backend outside the tree is compiled with.
PUBLIC_HEADERS := $(wildcard lib/err.h lib/hist.h lib/spec.h backends/*.h \
	backends/sync/*.h backends/sync/virtual/virtual.h)
TESTS := $(patsubst %.c,$(B)/%,$(sort $(foreach \
	room,backends harness sync traces,$(wildcard tests/$(room)/test_*.c))))
BENCHES := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/bench/*.c)))
TEST_LIB := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/lib/*.c)))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
all: $(B)/zlab

$(B)/zlab: $(OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/%.o: %.c | $(B)/version.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(subst /,_,$*)) -c -o $@ $<

$(SRCS_SHARED:%.c=$(B)/%.o): CPPFLAGS += -include lib/shared.h

# The search of zlab-explore runs without its machine.
$(B)/tests/harness/test_dpor: $(addprefix $(B)/harness/explore/,dpor.o steps.o)

$(B)/tests/%: $(B)/tests/%.o $(TEST_LIB) $(filter-out $(MAIN),$(OBJS))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# The commit in a git tree of our own, not in one that a tarball was unpacked
# in; else the release.
RELEASE := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
ZLAB_VERSION ?= $$({ [ -e .git ] && git describe --always --dirty \
	2>/dev/null; } || echo $(RELEASE))
# What of the flags is a path decides nothing.
SAID_CFLAGS = $(filter-out -ffile-prefix-map=% -fdebug-prefix-map=%,$(CFLAGS))

# Written only when it changes, so that a new commit relinks and no more.
$(B)/version.h: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '#define ZLAB_VERSION "%s"\n#define ZLAB_CFLAGS "%s"\n' \
		"$(ZLAB_VERSION)" \
		"$$(echo '$(SAID_CFLAGS)' | tr -s ' \t' '  ' | sed 's/"/\\"/g')" >$@.tmp
	$(Q)if cmp -s $@.tmp $@; then rm $@.tmp; else mv $@.tmp $@; fi
FORCE:

clean:
	rm -rf build build-*

help:
	$(Q)sed -n '/^# make/,/^$$/s/^# \{0,1\}//p' Makefile

include $(wildcard mk/*.mk)
-include $(OBJS:.o=.d) $(TESTS:=.d) $(BENCHES:=.d) $(TEST_LIB:.o=.d)
.PHONY: all clean help FORCE
