// SPDX-License-Identifier: GPL-2.0-or-later
/* Looks first and takes later: two threads can do so at once. */
#include "tests/sync/lock_desc.h"

static bool look_then_take(int *at)
{
	if (READ_ONCE(*at))
		return false;
	sched_yield();
	WRITE_ONCE(*at, 1);
	return true;
}

LOCK_OPS(busted, int, the = 0, while (!look_then_take(&the)) sched_yield(),
	 WRITE_ONCE(the, 0), look_then_take(&the), .broken = true);
