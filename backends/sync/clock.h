/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one clock for timing locks, stages and operations, so that a wait can be
 * subtracted from the time around it: the processor's cycle counter if the
 * kernel uses it as its clock too, else CLOCK_MONOTONIC. A reading waits for
 * earlier instructions, so that their time is not charged to the next stage.
 * Virtual CPUs read their own time, in picoseconds, at no cost.
 */
#ifndef ZLAB_SYNC_CLOCK_H
#define ZLAB_SYNC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#ifdef SYNC_VIRTUAL
#include "backends/sync.h"
#endif

/**
 * struct zclock - how ticks become nanoseconds
 * @tsc: a tick is one of the cycle counter, not a nanosecond
 * @mult: nanoseconds per tick * 2^32
 * @cost: ticks between two readings with nothing between them
 *
 * Before clock_init() a tick is a nanosecond of CLOCK_MONOTONIC.
 */
struct zclock {
	bool tsc;
	uint64_t mult;
	uint64_t cost;
};

extern struct zclock zclock;

/**
 * clock_init() - from now on use the cycle counter, if it is usable as a clock
 *
 * The first call takes 10 ms. No other thread may run and no timing may be in
 * progress: ticks from before and after the call cannot be subtracted.
 */
void clock_init(void);

/** clock_wall_ns() - CLOCK_MONOTONIC; on a virtual CPU, its virtual time */
uint64_t clock_wall_ns(void);

/** clock_cpu_ns() - CPU time of the calling thread or virtual CPU */
uint64_t clock_cpu_ns(void);

#ifdef SYNC_VIRTUAL
static inline uint64_t clock_ticks(void)
{
	return vcpu_now();
}

static inline uint64_t clock_to_ns(uint64_t ticks)
{
	return ticks / 1000;
}
#else
/** clock_ticks() - current time in ticks, from an origin shared by all CPUs */
static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	if (__builtin_expect(zclock.tsc, 1)) {
		__builtin_ia32_lfence();
		return __builtin_ia32_rdtsc();
	}
#endif
	return clock_wall_ns();
}

/** clock_to_ns() - a difference of two readings in nanoseconds, rounded down */
static inline uint64_t clock_to_ns(uint64_t ticks)
{
	return (uint64_t)(((unsigned __int128)ticks * zclock.mult) >> 32);
}
#endif

#endif
