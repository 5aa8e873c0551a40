// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sync/lock_desc.h"

READ_OPS(struct rw_semaphore, down_read(&the), up_read(&the))
LOCK_OPS(rwsem, struct rw_semaphore, init_rwsem(&the), down_write(&the),
	 up_write(&the), down_write_trylock(&the), .lock_shared = read_in,
	 .unlock_shared = read_out, .sleeps = true);
