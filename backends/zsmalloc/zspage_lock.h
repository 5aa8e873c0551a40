/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The zspage lock: what keeps the objects of a zspage where they are while
 * somebody looks at them. Readers are mappings; writers are compaction and page
 * migration. Every function takes the kind as an argument that is constant at
 * the call, so the choice is made by the compiler.
 */
#ifndef ZLAB_ZSMALLOC_LOCK_H
#define ZLAB_ZSMALLOC_LOCK_H

#include "backends/sync.h"

/**
 * enum zs_lock_kind - the zspage lock of an era
 * @ZS_LOCK_NONE: none; nothing can move (handle=direct)
 * @ZS_LOCK_PIN: bit 0 of the handle word pins one object, and a rwlock keeps
 *		 migration away from the zspage (up to 5.16)
 * @ZS_LOCK_RWLOCK: spinning reader-writer lock; a mapping is an atomic section
 *		    (5.17 .. 6.14)
 * @ZS_LOCK_RWSEM: sleeping reader-writer semaphore (a proposal of 2025)
 * @ZS_LOCK_ATOMIC: a counter, acquire on lock and release on unlock (as above)
 * @ZS_LOCK_PREEMPT: a spinlock and a count; the writer only tries (from 6.15)
 * @ZS_LOCK_RELAXED: @ZS_LOCK_ATOMIC without any ordering. It is wrong; it is
 *		     built only where ZS_PLANT_RELAXED is defined, so that a test
 *		     can show that the mistake is found
 */
enum zs_lock_kind {
	ZS_LOCK_NONE,
	ZS_LOCK_PIN,
	ZS_LOCK_RWLOCK,
	ZS_LOCK_RWSEM,
	ZS_LOCK_ATOMIC,
	ZS_LOCK_PREEMPT,
	ZS_LOCK_RELAXED,
	ZS_LOCK_KINDS
};

#define ZS_WRITE_LOCKED (-1)

/* The merged form: @cnt counts readers and is guarded by @lock. */
struct zs_preempt_lock {
	spinlock_t lock;
	int cnt;
};

union zspage_lock {
	rwlock_t rw;
	struct rw_semaphore sem;
	atomic_t counter;
	struct zs_preempt_lock preempt;
};

_Static_assert(sizeof(struct zs_preempt_lock) == sizeof(rwlock_t),
	       "the merged form was chosen for taking no more room");

/**
 * zspage_lock_bytes() - bytes that the lock takes in a zspage
 *
 * The kernel's own sizes, and so a zspage packs into a slab as the kernel's.
 */
static inline size_t zspage_lock_bytes(enum zs_lock_kind kind)
{
	if (kind == ZS_LOCK_NONE)
		return 0;
	return kind == ZS_LOCK_RWSEM ? sizeof(struct rw_semaphore)
				     : sizeof(rwlock_t);
}

static inline void zspage_lock_init(union zspage_lock *l, enum zs_lock_kind k)
{
	switch (k) {
	case ZS_LOCK_NONE:
	case ZS_LOCK_KINDS:
		break;
	case ZS_LOCK_PIN:
	case ZS_LOCK_RWLOCK:
		rwlock_init(&l->rw);
		break;
	case ZS_LOCK_RWSEM:
		init_rwsem(&l->sem);
		break;
	case ZS_LOCK_ATOMIC:
	case ZS_LOCK_RELAXED:
		atomic_set(&l->counter, 0);
		break;
	case ZS_LOCK_PREEMPT:
		spin_lock_init(&l->preempt.lock);
		l->preempt.cnt = 0;
		break;
	}
}

/* One more reader unless a writer has it; the caller chose the ordering. */
static inline __attribute__((always_inline)) void
zs_counter_read_lock(atomic_t *counter, bool ordered)
{
	int old, seen;

	for (;;) {
		old = atomic_read(counter);
		if (old == ZS_WRITE_LOCKED) {
			cpu_relax();
			continue;
		}
		seen = ordered ? atomic_cmpxchg_acquire(counter, old, old + 1)
			       : atomic_cmpxchg_relaxed(counter, old, old + 1);
		if (seen == old)
			return;
	}
}

/**
 * zspage_read_lock() - keep the zspage's objects in place
 *
 * Called with the lock held under which the zspage was looked up (or, for
 * @ZS_LOCK_PIN, with the object pinned), so that the zspage exists. A writer
 * holds the same lock, so in the forms of which only the lookup lock lets a
 * writer in, the wait in here is short; the semaphore in particular never
 * sleeps in that atomic section.
 */
static inline __attribute__((always_inline)) void
zspage_read_lock(union zspage_lock *l, enum zs_lock_kind kind)
{
	switch (kind) {
	case ZS_LOCK_NONE:
	case ZS_LOCK_KINDS:
		break;
	case ZS_LOCK_PIN:
	case ZS_LOCK_RWLOCK:
		read_lock_named(&l->rw, "zspage->lock");
		break;
	case ZS_LOCK_RWSEM:
		while (!down_read_trylock_named(&l->sem, "zspage->lock"))
			cpu_relax();
		break;
	case ZS_LOCK_ATOMIC:
		zs_counter_read_lock(&l->counter, true);
		break;
	case ZS_LOCK_PREEMPT:
		spin_lock_named(&l->preempt.lock, "zspage->lock");
		l->preempt.cnt++;
		spin_unlock(&l->preempt.lock);
		break;
	case ZS_LOCK_RELAXED:
		zs_counter_read_lock(&l->counter, false);
		break;
	}
}

/** zspage_read_unlock() - the end of zspage_read_lock() */
static inline __attribute__((always_inline)) void
zspage_read_unlock(union zspage_lock *l, enum zs_lock_kind kind)
{
	switch (kind) {
	case ZS_LOCK_NONE:
	case ZS_LOCK_KINDS:
		break;
	case ZS_LOCK_PIN:
	case ZS_LOCK_RWLOCK:
		read_unlock(&l->rw);
		break;
	case ZS_LOCK_RWSEM:
		up_read(&l->sem);
		break;
	case ZS_LOCK_ATOMIC:
		atomic_dec_return_release(&l->counter);
		break;
	case ZS_LOCK_PREEMPT:
		spin_lock_named(&l->preempt.lock, "zspage->lock");
		l->preempt.cnt--;
		spin_unlock(&l->preempt.lock);
		break;
	case ZS_LOCK_RELAXED:
		atomic_sub(1, &l->counter);
		break;
	}
}

/**
 * zspage_write_lock() - keep readers away from a zspage
 * @l: its lock
 * @kind: the form
 * @nest: 1 for the destination of old compaction, which is locked under the
 *	  source; else 0
 *
 * The rwlock forms wait for readers, as their kernels do; the others only try,
 * since the caller is in an atomic section and a reader may sleep.
 * Return: whether it was taken.
 */
static inline bool zspage_write_lock(union zspage_lock *l,
				     enum zs_lock_kind kind, unsigned nest)
{
	switch (kind) {
	case ZS_LOCK_NONE:
	case ZS_LOCK_KINDS:
		return true;
	case ZS_LOCK_PIN:
	case ZS_LOCK_RWLOCK:
		write_lock_nested_named(&l->rw, nest, "zspage->lock");
		return true;
	case ZS_LOCK_RWSEM:
		return down_write_trylock_named(&l->sem, "zspage->lock");
	case ZS_LOCK_ATOMIC:
		preempt_disable();
		if (!atomic_cmpxchg_acquire(&l->counter, 0, ZS_WRITE_LOCKED))
			return true;
		preempt_enable();
		return false;
	case ZS_LOCK_PREEMPT:
		spin_lock_nested_named(&l->preempt.lock, nest, "zspage->lock");
		if (!l->preempt.cnt) {
			l->preempt.cnt = ZS_WRITE_LOCKED;
			return true;
		}
		spin_unlock(&l->preempt.lock);
		return false;
	case ZS_LOCK_RELAXED:
		return !atomic_cmpxchg_relaxed(&l->counter, 0, ZS_WRITE_LOCKED);
	}
	return false;
}

/** zspage_write_unlock() - the end of a zspage_write_lock() that succeeded */
static inline void zspage_write_unlock(union zspage_lock *l,
				       enum zs_lock_kind kind)
{
	switch (kind) {
	case ZS_LOCK_NONE:
	case ZS_LOCK_KINDS:
		break;
	case ZS_LOCK_PIN:
	case ZS_LOCK_RWLOCK:
		write_unlock(&l->rw);
		break;
	case ZS_LOCK_RWSEM:
		up_write(&l->sem);
		break;
	case ZS_LOCK_ATOMIC:
		atomic_set_release(&l->counter, 0);
		preempt_enable();
		break;
	case ZS_LOCK_PREEMPT:
		l->preempt.cnt = 0;
		spin_unlock(&l->preempt.lock);
		break;
	case ZS_LOCK_RELAXED:
		atomic_set(&l->counter, 0);
		break;
	}
}

/** zspage_lock_is_free() - no reader, no writer; when nothing else runs */
static inline bool zspage_lock_is_free(const union zspage_lock *l,
				       enum zs_lock_kind kind)
{
	switch (kind) {
	case ZS_LOCK_NONE:
	case ZS_LOCK_KINDS:
		break;
	case ZS_LOCK_PIN:
	case ZS_LOCK_RWLOCK:
		return !l->rw.cnts;
	case ZS_LOCK_RWSEM:
		return !l->sem.cnt;
	case ZS_LOCK_ATOMIC:
	case ZS_LOCK_RELAXED:
		return !atomic_read(&l->counter);
	case ZS_LOCK_PREEMPT:
		return !l->preempt.cnt;
	}
	return true;
}

#endif
