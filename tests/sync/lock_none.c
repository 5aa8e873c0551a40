// SPDX-License-Identifier: GPL-2.0-or-later
/* No lock: what the bench's own loop costs. */
#include "tests/sync/lock_desc.h"

LOCK_OPS(none, int, the = 0, READ_ONCE(the), READ_ONCE(the), true,
	 .empty = true);
