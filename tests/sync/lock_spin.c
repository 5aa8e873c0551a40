// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sync/lock_desc.h"

LOCK_OPS(spin, spinlock_t, spin_lock_init(&the), spin_lock(&the),
	 spin_unlock(&the), spin_trylock(&the));
