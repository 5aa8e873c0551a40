/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one clock that locks, stages and operations are timed with, so that a
 * wait can be taken off the time around it: the processor's cycle counter where
 * the kernel keeps time by it too, CLOCK_MONOTONIC otherwise. A reading waits
 * for the instructions before it, so that a stage is not charged to the next.
 * Virtual CPUs read their own time, in picoseconds, at no cost.
 */
#ifndef ZLAB_SYNC_CLOCK_H
#define ZLAB_SYNC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#ifdef SYNC_VIRTUAL
#include "backends/sync.h"
#elif defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

/**
 * struct zclock - how ticks become nanoseconds
 * @tsc: ticks are of the cycle counter, not nanoseconds
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
 * clock_init() - use the cycle counter if it is a clock, from now on
 *
 * The first call takes 10 ms. No other thread runs and the caller times
 * nothing: ticks from before and after must not be subtracted.
 */
void clock_init(void);

/** clock_wall_ns() - CLOCK_MONOTONIC; its own time on a virtual CPU */
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
/** clock_ticks() - now, in ticks since some moment; the same on all CPUs */
static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	if (__builtin_expect(zclock.tsc, 1)) {
		_mm_lfence();
		return __rdtsc();
	}
#endif
	return clock_wall_ns();
}

/** clock_to_ns() - nanoseconds of a difference of two readings, rounded down */
static inline uint64_t clock_to_ns(uint64_t ticks)
{
	return (uint64_t)(((unsigned __int128)ticks * zclock.mult) >> 32);
}
#endif

#endif
