/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that operations are measured with: the processor's cycle counter
 * where it runs at a constant rate, CLOCK_MONOTONIC otherwise. A reading waits
 * for the instructions before it, so that a stage is not charged to the next.
 */
#ifndef ZLAB_CLOCK_H
#define ZLAB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#ifdef SYNC_VIRTUAL
#include "backends/sync.h"
#endif
#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

/**
 * struct zclock - how ticks become nanoseconds; filled by clock_init()
 * @tsc: ticks are of the cycle counter, not nanoseconds
 * @mult: nanoseconds per tick * 2^32
 * @cost: ticks between two readings with nothing between them
 */
struct zclock {
	bool tsc;
	uint64_t mult;
	uint64_t cost;
};

extern struct zclock zclock;

/**
 * clock_init() - calibrate against CLOCK_MONOTONIC, once; takes 10 ms
 */
void clock_init(void);

/** clock_wall_ns() - CLOCK_MONOTONIC */
uint64_t clock_wall_ns(void);

/** clock_cpu_ns() - CPU time of the calling thread */
uint64_t clock_cpu_ns(void);

/* Virtual CPUs read their own time, in picoseconds, at no cost. */
static inline uint64_t clock_ticks(void)
{
#ifdef SYNC_VIRTUAL
	return vcpu_now();
#endif
#if defined(__x86_64__) || defined(__i386__)
	if (__builtin_expect(zclock.tsc, 1)) {
		_mm_lfence();
		return __rdtsc();
	}
#endif
	return clock_wall_ns();
}

static inline uint64_t clock_to_ns(uint64_t ticks)
{
	return (uint64_t)(((unsigned __int128)ticks * zclock.mult) >> 32);
}

#endif
