# SPDX-License-Identifier: GPL-2.0-or-later

# Every kind of lock, seen by one validator and one bench.
LOCK_DESCS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/lock_*.c)))
$(B)/tests/test_locks $(B)/tests/bench_locks: $(LOCK_DESCS)
-include $(LOCK_DESCS:.o=.d)
