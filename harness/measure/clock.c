// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/measure/clock.h"

#define PROBES 1001

struct zclock zclock = { .mult = 1ull << 32 };

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
#ifdef SYNC_VIRTUAL
	if (vcpu_now())
		return vcpu_now() / 1000;
#endif
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_ns(void)
{
#ifdef SYNC_VIRTUAL
	return (vcpu_now() - vcpu_user() - vcpu_idle()) / 1000;
#endif
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* The kernel itself keeps time by the counter only when it is constant. */
static bool counter_is_steady(void)
{
#if defined(__x86_64__) || defined(__i386__)
	char name[32] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/"
			"current_clocksource",
			"re");

	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = 0;
	fclose(f);
	return !strcmp(name, "tsc\n");
#else
	return false;
#endif
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t measure_cost(void)
{
	uint64_t d[PROBES], a, b;
	int i;

	for (i = 0; i < PROBES; i++) {
		a = clock_ticks();
		b = clock_ticks();
		d[i] = b - a;
	}
	qsort(d, PROBES, sizeof(d[0]), by_value);
	return d[PROBES / 2];
}

void clock_init(void)
{
	uint64_t wall, ticks, wall2;

	if (zclock.cost)
		return;
#ifdef SYNC_VIRTUAL
	/* A reading costs no virtual time, and a tick is a picosecond. */
	zclock = (struct zclock){ .mult = (1ull << 32) / 1000 };
	return;
#endif
	zclock.tsc = counter_is_steady();
	if (zclock.tsc) {
		wall = clock_wall_ns();
		ticks = clock_ticks();
		do
			wall2 = clock_wall_ns();
		while (wall2 - wall < 10000000);
		ticks = clock_ticks() - ticks;
		zclock.mult =
			(uint64_t)(((unsigned __int128)(wall2 - wall) << 32) /
				   ticks);
	}
	zclock.cost = measure_cost();
	if (!zclock.cost)
		zclock.cost = 1;
}
