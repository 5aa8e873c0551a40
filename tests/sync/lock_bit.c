// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sync/lock_desc.h"

LOCK_OPS(bit, unsigned long, the = 6, bit_spin_lock(0, &the),
	 bit_spin_unlock(0, &the), bit_spin_trylock(0, &the));
