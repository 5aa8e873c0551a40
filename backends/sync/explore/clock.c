// SPDX-License-Identifier: GPL-2.0-or-later
/* clock.h for the explorer, whose CPUs have no time: that of the machine. */
#include <time.h>

#include "backends/sync/clock.h"

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_ns(void)
{
	return now(CLOCK_PROCESS_CPUTIME_ID);
}
