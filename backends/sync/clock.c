// SPDX-License-Identifier: GPL-2.0-or-later
/* How ticks become nanoseconds: the cycle counter, or the system's clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/sync/clock.h"

#define PROBES 1001
#define CALIBRATE_NS 10000000

struct zclock zclock = { .mult = 1ull << 32 };

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* The kernel uses the counter as its clock only if its rate is constant. */
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

/* Reads both clocks; keeps the try with the shortest gap between the reads. */
static void read_both(uint64_t *ticks, uint64_t *ns)
{
	uint64_t best = ~0ull, before, after, now;
	int i;

	for (i = 0; i < 8; i++) {
		before = clock_ticks();
		now = clock_wall_ns();
		after = clock_ticks();
		if (after - before < best) {
			best = after - before;
			*ticks = before + best / 2;
			*ns = now;
		}
	}
}

static void calibrate(void)
{
	uint64_t tick0, ns0, tick1, ns1;

	read_both(&tick0, &ns0);
	while (clock_wall_ns() - ns0 < CALIBRATE_NS)
		;
	read_both(&tick1, &ns1);
	zclock.mult = (uint64_t)(((unsigned __int128)(ns1 - ns0) << 32) /
				 (tick1 - tick0));
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
	if (zclock.cost)
		return;
	zclock.tsc = counter_is_steady();
	if (zclock.tsc)
		calibrate();
	zclock.cost = measure_cost();
	if (!zclock.cost)
		zclock.cost = 1;
}
