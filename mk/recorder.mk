# SPDX-License-Identifier: GPL-2.0-or-later

# Preloaded into the programs that are recorded. Its thread runs without a C
# library's state: no stack protector, nothing bound late, no sanitizer.
RECORDER := $(B)/zlab-recorder.so
RECORDER_SRCS := $(wildcard traces/recorder/*.c)
RECORDER_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -fPIC -shared \
	-fvisibility=hidden -fno-stack-protector -fno-strict-aliasing \
	-fno-builtin-memcpy -fno-builtin-memset -fno-plt \
	-D_GNU_SOURCE -I. -Wl,-z,now -Wl,-z,relro -Wl,-z,defs

all: $(RECORDER)

$(RECORDER): $(RECORDER_SRCS) $(wildcard traces/recorder/*.h) mk/recorder.mk
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RECORDER_CFLAGS) -o $@ $(RECORDER_SRCS)

# Programs that the tests record: plain, as a user's would be.
PROGRAMS := $(B)/tests/programs/memory $(B)/tests/programs/static

tests: $(PROGRAMS)

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
