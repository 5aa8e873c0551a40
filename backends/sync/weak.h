/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Weakly ordered memory: which of a location's stores a read may return.
 *
 * Each location keeps its last stores in the order in which they were made. A
 * read may return an older one as long as nothing says that its CPU knows of a
 * newer one: neither its own accesses, nor what was released and acquired, nor
 * a fence. So stores are seen late and reads return what was there before, and
 * one CPU may see two stores in the other order than another does.
 *
 * A store that this file is not told of, as a plain one, shows when the memory
 * holds another value than the newest store: then what was before is forgotten.
 *
 * Where the model stops: a CPU's accesses are made in the order of its program,
 * so a store never comes before an earlier read of its CPU; two stores to one
 * location are ordered as they were made. Kernels allow both where nothing
 * orders them. A dependency (the address of a read comes from another read)
 * orders nothing here, while it does in the kernel's memory model.
 */
#ifndef ZLAB_SYNC_WEAK_H
#define ZLAB_SYNC_WEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEAK_CPUS 8
#define WEAK_STORES 16
#define WEAK_LOCATIONS 1024

/** struct weak_clock - of each CPU, how much of its past is known */
struct weak_clock {
	uint32_t at[WEAK_CPUS];
};

/**
 * struct weak_store - a store that a read may return
 * @value: what was stored
 * @releases: what a read with acquire learns of; all 0 for a relaxed store
 * @time: the CPU's clock
 * @seq: its number among all stores
 * @cpu: who stored; WEAK_CPUS for the value at the beginning
 */
struct weak_store {
	uint64_t value;
	struct weak_clock releases;
	uint64_t seq;
	uint32_t time, cpu;
};

/**
 * struct weak_location - a word with its last stores
 * @addr: its address
 * @len: its bytes
 * @round: the schedule that uses it
 * @count: stores so far; store n is at @store[n % WEAK_STORES]
 * @read: for each CPU its last read: the clock, and the number of the store
 */
struct weak_location {
	uintptr_t addr;
	uint32_t len, round;
	uint64_t count;
	struct weak_store store[WEAK_STORES];
	struct {
		uint64_t store;
		uint32_t time;
	} read[WEAK_CPUS];
};

/**
 * struct weak_cpu - what a CPU knows
 * @now: what of each CPU's past it has seen
 * @read: what its relaxed reads let it see from an acquire fence on
 * @fence: what its relaxed stores let others see, since a release fence
 * @unlocked: what it had seen when it gave a lock back
 * @floor: it has seen all stores up to this number
 */
struct weak_cpu {
	struct weak_clock now, read, fence, unlocked;
	uint64_t floor;
};

/**
 * struct weak - memory of a schedule
 * @choose: returns a number below @n, which is at least 2: 0 for the newest store
 *	    that may be read, n - 1 for the oldest
 * @arg: its argument
 * @lost: a location had no room: it was read and written without a history
 */
struct weak {
	unsigned (*choose)(void *arg, unsigned n);
	void *arg;
	bool lost;

	struct weak_cpu cpu[WEAK_CPUS];
	struct weak_clock full;
	uint64_t seq;
	uint32_t round;
	struct weak_location location[WEAK_LOCATIONS];
};

/** weak_begin() - a schedule begins; nothing is known of any location */
void weak_begin(struct weak *w);

/**
 * weak_load() - read @len bytes at @addr on CPU @cpu
 * @newest: what memory holds: the newest store's value
 * @order: __ATOMIC_RELAXED, __ATOMIC_ACQUIRE or __ATOMIC_SEQ_CST
 *
 * Return: the value, which may be an older one.
 */
uint64_t weak_load(struct weak *w, unsigned cpu, const void *addr, size_t len,
		   uint64_t newest, int order);

/** weak_store() - write; the caller puts @value into memory; @old was there */
void weak_store(struct weak *w, unsigned cpu, const void *addr, size_t len,
		uint64_t old, uint64_t value, int order);

/**
 * weak_rmw() - read the newest value @old and write @value
 *
 * What fails to write is weak_rmw_failed(). With __ATOMIC_SEQ_CST it is a full
 * barrier, as the kernel's forms without an order in their name.
 */
void weak_rmw(struct weak *w, unsigned cpu, const void *addr, size_t len,
	      uint64_t old, uint64_t value, int order);
void weak_rmw_failed(struct weak *w, unsigned cpu, const void *addr, size_t len,
		     uint64_t old, int order);

/** weak_fence() - __ATOMIC_ACQUIRE, _RELEASE, _ACQ_REL, or _SEQ_CST for smp_mb() */
void weak_fence(struct weak *w, unsigned cpu, int order);

/**
 * weak_acquire(), weak_release() - take and give back a lock
 * @addr: names it; no value of its own is kept
 *
 * As the kernel's model has it, what came before an unlock is seen by all others
 * before what comes behind the next lock: of the same lock, or of the same CPU.
 * Readers of a lock are ordered like writers.
 */
void weak_acquire(struct weak *w, unsigned cpu, const void *addr);
void weak_release(struct weak *w, unsigned cpu, const void *addr);

/** weak_refresh() - the CPU has waited: it sees all stores made so far */
void weak_refresh(struct weak *w, unsigned cpu);

/** weak_before() - whether CPU @cpu knows of what @other did at clock @time */
static inline bool weak_before(const struct weak *w, unsigned cpu,
			       unsigned other, uint32_t time)
{
	return cpu == other || time <= w->cpu[cpu].now.at[other];
}

#endif
