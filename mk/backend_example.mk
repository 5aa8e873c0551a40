# SPDX-License-Identifier: GPL-2.0-or-later

# Backends as shared objects: the example of docs/add-a-backend.md, and two that
# must be turned away.
EXAMPLES := $(patsubst tests/backend_example/%.c,$(B)/tests/%.so,\
	$(wildcard tests/backend_example/*.c))
$(B)/tests/%.so: tests/backend_example/%.c $(wildcard backends/*.h lib/*.h)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) $(CFLAGS) -fPIC -shared \
		-o $@ $<

$(B)/tests/test_backends $(B)/tests/test_load: | $(EXAMPLES)
