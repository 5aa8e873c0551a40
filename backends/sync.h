/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every lock, atomic, wait and deferred work of the allocators and the swap
 * path, under the kernel's names. Nothing else in backends/ or in the swap path
 * touches a raw lock, atomic or thread primitive, so that the same source can
 * be compiled for real threads (native) or for virtual CPUs.
 *
 * Rules that let kernel code run on it unchanged:
 * - locks are plain values: 4 bytes (spinlock_t) or 8 bytes (rwlock_t); there
 *   is no destroy call, no heap state, no table keyed by a lock's address, so
 *   a lock may be freed with its frame or copied to another frame;
 * - the lock class is known at the call site: its name is the macro's argument
 *   without the "&", so spin_lock(&class->lock) counts for "class->lock", and
 *   a variable is named as the kernel names it;
 * - spinlocks, rwlocks and bit locks disable preemption while held, as in a
 *   kernel without PREEMPT_RT; that time is the atomic section;
 * - code waits only in cpu_relax(), cond_resched() and the lock calls.
 */
#ifndef ZLAB_SYNC_H
#define ZLAB_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/sync/debug.h"
#include "backends/sync/flavour.h"
#include SYNC_FLAVOUR
#include "backends/sync/call.h"

/**
 * DOC: CPUs
 *
 * smp_processor_id() is the number of the CPU the caller runs on, below
 * SYNC_MAX_CPUS. The main thread is CPU 0. Another native thread calls
 * sync_cpu_attach() once before it touches a pool and sync_cpu_detach() at its
 * end; no other thread has its number in between.
 *
 * preempt_disable(), preempt_enable(): bracket an atomic section; they nest.
 *
 * DOC: locks
 *
 * spin_lock_init(l), spin_lock(l), spin_trylock(l), spin_unlock(l),
 * spin_is_locked(l), spin_is_contended(l)
 * spin_lock_nested(l, n), write_lock_nested(l, n), down_write_nested(s, n):
 *	n = 1 while another lock of the same class is held
 *
 * rwlock_init(l), read_lock(l), read_trylock(l), read_unlock(l),
 * read_lock_as(l, order), write_lock(l), write_trylock(l), write_unlock(l),
 * rwlock_is_contended(l):
 * a waiting writer keeps new readers out, as the kernel's queued rwlock does.
 * read_lock_as() is for locks of a class that in some pools nest in another
 * order: checks know the lock's place in the order by the name @order.
 *
 * init_rwsem(s), down_read(s), down_read_trylock(s), up_read(s),
 * down_write(s), down_write_trylock(s), up_write(s), rwsem_is_contended(s):
 * sleep; must not be called in an atomic section.
 *
 * bit_spin_lock(bit, addr), bit_spin_trylock(bit, addr),
 * bit_spin_unlock(bit, addr): a lock in one bit of an unsigned long.
 *
 * The try forms return true when they took the lock.
 *
 * DOC: assertions
 *
 * A build with ZLAB_DEBUG checks every lock call, see sync/debug.h, and the
 * assertions about held locks below; other builds do not evaluate these, and
 * they cost nothing:
 *
 * lockdep_assert_held(l), assert_spin_locked(l): the thread holds the lock
 * lockdep_assert_held_read(l), lockdep_assert_held_write(l): in that mode
 * lockdep_assert_not_held(l): the thread does not hold the lock
 * lockdep_assert(cond): @cond is true; only @cond may use lockdep_is_held(l),
 *	combined with any other expression
 * sync_assert_none_held(): the thread holds no lock; an operation's end
 *
 * DOC: atomics
 *
 * READ_ONCE, WRITE_ONCE, smp_load_acquire, smp_store_release, and on atomic_t
 * (int), atomic_long_t (long): atomic_read, atomic_set, atomic_add, atomic_sub,
 * atomic_inc, atomic_dec, all relaxed; atomic_set_release,
 * atomic_dec_return_release; atomic_xchg, atomic_cmpxchg, atomic_add_return,
 * fully ordered or with _acquire or _relaxed behind them; atomic_dec_and_test,
 * fully ordered; and the same with atomic_long_.
 */

/**
 * struct work - one piece of deferred work
 * @fn: the function to run; gets the work and may queue it again
 * @key: identifies the work's subject (a frame number), so that a replay can
 *	 run a chosen work; set by the owner before queueing
 *
 * Embedded in the object it works on; 32 bytes, as the kernel's, because some
 * are stored in a frame. Queueing a queued work does nothing. Before the first
 * use, @pprev must be zero (clear the structure or call work_init()).
 */
struct work {
	void (*fn)(struct work *work);
	unsigned long key;
	struct work *next;
	struct work **pprev;
};

/** work_init() - initialize a work: not queued, no particular key */
static inline void work_init(struct work *work, void (*fn)(struct work *work))
{
	work->fn = fn;
	work->key = ~0ul;
	work->pprev = NULL;
}

/** work_pending() - whether @work is queued and has not started to run */
static inline bool work_pending(const struct work *work)
{
	return READ_ONCE(work->pprev) != NULL;
}

/**
 * struct workqueue - works waiting to be run, oldest first
 *
 * Nothing runs by itself: the harness decides when, so that replays repeat.
 * @lock guards the list and is released while a work runs.
 */
struct workqueue {
	spinlock_t lock;
	struct work *head;
	struct work **tail;
};

/** workqueue_init() - make @wq empty */
void workqueue_init(struct workqueue *wq);

/**
 * queue_work() - put @work at the end of @wq unless it is queued already
 *
 * Any context, also with spinlocks held. Return: true when it was added.
 */
bool queue_work(struct workqueue *wq, struct work *work);

/**
 * cancel_work() - take @work out of @wq
 *
 * Takes the lock only if the work is queued. Return: true when it was.
 */
bool cancel_work(struct workqueue *wq, struct work *work);

/**
 * workqueue_run_one() - run the oldest work in the caller, with no lock held
 *
 * Takes the queue's lock only if there is a work. Return: true when there was
 * one.
 */
bool workqueue_run_one(struct workqueue *wq);

/**
 * workqueue_run_key() - run the oldest work whose key is @key
 *
 * Return: true when there was one.
 */
bool workqueue_run_key(struct workqueue *wq, unsigned long key);

/**
 * workqueue_drain() - run works until none is left
 *
 * Return: how many ran.
 */
size_t workqueue_drain(struct workqueue *wq);

/**
 * struct lock_stat - statistics of one lock class, as in the kernel's lock_stat
 * @name: the class, e.g. "pool->lock"; readers and writers of a rwlock are
 *	  counted separately, as "name-R" and "name-W"
 * @con_bounces: contentions in which the lock moved to another CPU; counted in
 *		 detail mode only
 * @contentions: acquisitions that had to wait
 * @waittime_min_ns: shortest wait, over acquisitions that had to wait
 * @waittime_max_ns: longest wait
 * @waittime_total_ns: all waits together
 * @acq_bounces: acquisitions by another CPU than the last owner's; counted in
 *		 detail mode only
 * @acquisitions: all of them, exact
 * @hold_samples: acquisitions whose hold time was measured
 * @holdtime_min_ns: shortest measured hold
 * @holdtime_max_ns: longest measured hold
 * @holdtime_total_ns: estimate for all acquisitions, scaled from the samples
 */
struct lock_stat {
	const char *name;
	uint64_t con_bounces;
	uint64_t contentions;
	uint64_t waittime_min_ns, waittime_max_ns, waittime_total_ns;
	uint64_t acq_bounces;
	uint64_t acquisitions;
	uint64_t hold_samples;
	uint64_t holdtime_min_ns, holdtime_max_ns, holdtime_total_ns;
};

/**
 * lock_stats_read() - sum every class over all CPUs
 * @out: receives up to @max classes that were taken at least once, sorted by
 *	 total wait, then by name
 * @max: room in @out; there are never more than SYNC_MAX_CLASSES
 *
 * Exact when no other thread runs. Return: number of classes written.
 */
size_t lock_stats_read(struct lock_stat *out, size_t max);

struct hist;

/**
 * lock_hists_read() - the waits and the measured holds of one class, all CPUs
 * @name: the class
 * @wait: receives the waits of acquisitions that had to wait
 * @hold: receives the measured holds
 *
 * Exact when no other thread runs. Return: false when there is no such class;
 * then both are empty.
 */
bool lock_hists_read(const char *name, struct hist *wait, struct hist *hold);

/** lock_stats_reset() - start every count at zero; no other thread runs */
void lock_stats_reset(void);

/**
 * lock_stats_detail() - time every section and hold, and count bounces
 * @on: false: one atomic section of SYNC_SAMPLE_PERIOD on average is timed,
 *	with all locks taken in it
 *
 * Bounces are counted with a table of last owners, in which two locks may share
 * an entry; then some are missed. Call it while no other thread runs.
 */
void lock_stats_detail(bool on);

/**
 * atomic_section_read() - time with preemption off, depth 0 to 1 and back
 * @out: receives the sections that were timed: all of them in detail mode
 *
 * Of all CPUs, since the last lock_stats_reset(). Exact when no other thread
 * runs.
 */
void atomic_section_read(struct hist *out);

/**
 * lock_wait_ns() - time the calling CPU has waited for locks since its start
 *
 * The harness reads it before and after an operation to split sys time.
 */
uint64_t lock_wait_ns(void);

#endif
