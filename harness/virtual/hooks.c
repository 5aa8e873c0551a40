// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hooks of the swap path on virtual CPUs: user time before an operation,
 * the codec's time, and the time in each part of a store.
 */
#include <string.h>

#include "harness/swap/hooks.h"
#include "harness/virtual/internal.h"
#include "lib/random.h"

#define COMPRESSED_LINES 64

/* Random state per CPU, so that other CPUs do not change a CPU's own times. */
static uint64_t randoms[SYNC_MAX_CPUS];
static unsigned left_of_burst[SYNC_MAX_CPUS];
/* When each CPU entered each part, and its lock wait until then, ns. */
static uint64_t part_since[SYNC_MAX_CPUS][HOOK_PARTS];
static uint64_t part_waited[SYNC_MAX_CPUS][HOOK_PARTS];
static uint64_t last_mark;

void hooks_start(unsigned cpus)
{
	unsigned i;

	last_mark = 0;
	for (i = 0; i < cpus; i++) {
		randoms[i] = (virtual_config.seed + 1) * 0x9e3779b97f4a7c15ull ^
			     (i + 1) * 0xbf58476d1ce4e5b9ull;
		left_of_burst[i] = 0;
	}
}

static uint64_t draw(unsigned cpu)
{
	return random_xorshift(&randoms[cpu]);
}

uint64_t hooks_jitter(unsigned cpu, uint64_t mean)
{
	return mean ? mean / 2 + draw(cpu) % mean : 0;
}

void hook_operation(bool store)
{
	unsigned cpu = smp_processor_id();
	bool alone = virtual_config.burst_stores && !store;

	if (!vcpu_now())
		return;
	if (left_of_burst[cpu] && !alone) {
		left_of_burst[cpu]--;
		return;
	}
	left_of_burst[cpu] = alone ? 0 : virtual_config.burst - 1;
	vcpu_think(hooks_jitter(cpu, virtual_config.think_ps));
}

void hook_codec(struct stage_clock *clock, bool expand, size_t len)
{
	const struct profile_codec *c = virtual_config.codec;
	enum stage stage;

	if (!c)
		return;
	if (clock) {
		stage = clock->cur;
		stage_switch(clock, STAGE_CODEC);
	}
	if (expand)
		vcpu_work(c->expand[0] + c->expand[1] * len, COMPRESSED_LINES);
	else
		vcpu_work(c->compress[0] + c->compress[1] * len,
			  COMPRESSED_LINES);
	if (clock)
		stage_switch(clock, stage);
}

static uint64_t now_ns(void)
{
	return clock_to_ns(clock_ticks());
}

void hook_begin(enum hook_part part)
{
	unsigned cpu = smp_processor_id();

	part_since[cpu][part] = now_ns();
	part_waited[cpu][part] = lock_wait_ns();
}

void hook_end(enum hook_part part)
{
	unsigned cpu = smp_processor_id();

	virtual_result.part_ns[part] += now_ns() - part_since[cpu][part];
	virtual_result.part_wait_ns[part] +=
		lock_wait_ns() - part_waited[cpu][part];
}

void hook_mark(void)
{
	last_mark = now_ns();
	memset(virtual_result.part_ns, 0, sizeof(virtual_result.part_ns));
	memset(virtual_result.part_wait_ns, 0,
	       sizeof(virtual_result.part_wait_ns));
}

uint64_t hooks_last_mark(void)
{
	return last_mark;
}

uint64_t hook_time_ns(void)
{
	return now_ns();
}

bool hook_preemptible(void)
{
	return false;
}
