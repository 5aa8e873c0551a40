// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sync/lock_desc.h"

READ_OPS(rwlock_t, read_lock(&the), read_unlock(&the))
LOCK_OPS(rwlock, rwlock_t, rwlock_init(&the), write_lock(&the),
	 write_unlock(&the), write_trylock(&the), .lock_shared = read_in,
	 .unlock_shared = read_out);
