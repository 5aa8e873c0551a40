# SPDX-License-Identifier: GPL-2.0-or-later

# zsmalloc once more, as a loadable backend that also has zspage=relaxed: wrong
# on purpose, for the test that shows that the thread sanitizer finds it.
RELAXED_SRCS := $(wildcard backends/zsmalloc*.c)
$(B)/tests/zsmalloc_relaxed.so: $(RELAXED_SRCS) $(wildcard backends/*.h)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) -DZS_PLANT_RELAXED \
		$(CFLAGS) -fPIC -shared -Wl,-Bsymbolic -o $@ $(RELAXED_SRCS)

$(B)/tests/test_zsmalloc_threads: | $(B)/tests/zsmalloc_relaxed.so
