/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The zspage lock keeps the objects of a zspage in place while they are
 * accessed. Readers are mappings; writers are compaction and page migration.
 * Every function takes the lock kind as an argument that is constant at the
 * call, so the compiler selects the code.
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
 * @ZS_LOCK_RELAXED: @ZS_LOCK_ATOMIC without any ordering. This is a deliberate
 *		     bug, built only where ZS_PLANT_RELAXED is defined, so that
 *		     a test can show that the tools detect it
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
#define zs_inline static inline __attribute__((always_inline))

/*
 * The lock kinds. The functions of each kind get a pointer named zspage, so
 * that the lock's name is zspage->lock in all of them. Every kind has
 *	read_lock, read_unlock: keep the objects in place
 *	write_lock: exclude readers; return whether the lock was taken
 *	write_unlock: release after a successful write_lock
 *	is_free: no reader and no writer
 */

/* A spinning rwlock; a writer waits for readers, as in 5.17 .. 6.14. */
struct zspage_rwlock {
	rwlock_t lock;
};

zs_inline void zspage_rwlock_init(struct zspage_rwlock *zspage)
{
	rwlock_init(&zspage->lock);
}

zs_inline void zspage_rwlock_read_lock(struct zspage_rwlock *zspage)
{
	read_lock(&zspage->lock);
}

/* With pinned objects it is taken before the class's lock, elsewhere after. */
zs_inline void zspage_pin_read_lock(struct zspage_rwlock *zspage)
{
	read_lock_as(&zspage->lock, "zspage->lock of pinned objects");
}

zs_inline void zspage_rwlock_read_unlock(struct zspage_rwlock *zspage)
{
	read_unlock(&zspage->lock);
}

zs_inline bool zspage_rwlock_write_lock(struct zspage_rwlock *zspage,
					unsigned nest)
{
	write_lock_nested(&zspage->lock, nest);
	return true;
}

zs_inline bool zspage_rwlock_write_trylock(struct zspage_rwlock *zspage)
{
	return write_trylock(&zspage->lock);
}

zs_inline void zspage_rwlock_write_unlock(struct zspage_rwlock *zspage)
{
	write_unlock(&zspage->lock);
}

zs_inline bool zspage_rwlock_is_free(const struct zspage_rwlock *zspage)
{
	return !zspage->lock.cnts;
}

/*
 * A sleeping semaphore. A reader takes it in an atomic section and must not
 * sleep, so it spins; the lookup lock that it holds keeps writers out.
 */
struct zspage_rwsem {
	struct rw_semaphore lock;
};

zs_inline void zspage_rwsem_init(struct zspage_rwsem *zspage)
{
	init_rwsem(&zspage->lock);
}

zs_inline void zspage_rwsem_read_lock(struct zspage_rwsem *zspage)
{
	while (!down_read_trylock(&zspage->lock))
		cpu_relax();
}

zs_inline void zspage_rwsem_read_unlock(struct zspage_rwsem *zspage)
{
	up_read(&zspage->lock);
}

zs_inline bool zspage_rwsem_write_lock(struct zspage_rwsem *zspage,
				       unsigned nest)
{
	(void)nest;
	return down_write_trylock(&zspage->lock);
}

zs_inline void zspage_rwsem_write_unlock(struct zspage_rwsem *zspage)
{
	up_write(&zspage->lock);
}

zs_inline bool zspage_rwsem_is_free(const struct zspage_rwsem *zspage)
{
	return !zspage->lock.cnt;
}

/* @lock is the number of readers, or ZS_WRITE_LOCKED. */
struct zspage_atomic {
	atomic_t lock;
};

zs_inline void zspage_atomic_init(struct zspage_atomic *zspage)
{
	atomic_set(&zspage->lock, 0);
}

/* Adds a reader once no writer holds the lock; @ordered: with acquire. */
zs_inline void zspage_counter_read_lock(atomic_t *lock, bool ordered)
{
	int old, seen;

	for (;;) {
		old = atomic_read(lock);
		if (old == ZS_WRITE_LOCKED) {
			cpu_relax();
			continue;
		}
		seen = ordered ? atomic_cmpxchg_acquire(lock, old, old + 1)
			       : atomic_cmpxchg_relaxed(lock, old, old + 1);
		if (seen == old)
			return;
	}
}

zs_inline void zspage_atomic_read_lock(struct zspage_atomic *zspage)
{
	zspage_counter_read_lock(&zspage->lock, true);
}

zs_inline void zspage_atomic_read_unlock(struct zspage_atomic *zspage)
{
	atomic_dec_return_release(&zspage->lock);
}

zs_inline bool zspage_atomic_write_lock(struct zspage_atomic *zspage,
					unsigned nest)
{
	(void)nest;
	preempt_disable();
	if (!atomic_cmpxchg_acquire(&zspage->lock, 0, ZS_WRITE_LOCKED))
		return true;
	preempt_enable();
	return false;
}

zs_inline void zspage_atomic_write_unlock(struct zspage_atomic *zspage)
{
	atomic_set_release(&zspage->lock, 0);
	preempt_enable();
}

zs_inline bool zspage_atomic_is_free(const struct zspage_atomic *zspage)
{
	return !atomic_read(&zspage->lock);
}

/* The same counter without any ordering. */

zs_inline void zspage_relaxed_init(struct zspage_atomic *zspage)
{
	zspage_atomic_init(zspage);
}

zs_inline void zspage_relaxed_read_lock(struct zspage_atomic *zspage)
{
	zspage_counter_read_lock(&zspage->lock, false);
}

zs_inline void zspage_relaxed_read_unlock(struct zspage_atomic *zspage)
{
	atomic_sub(1, &zspage->lock);
}

zs_inline bool zspage_relaxed_write_lock(struct zspage_atomic *zspage,
					 unsigned nest)
{
	(void)nest;
	return !atomic_cmpxchg_relaxed(&zspage->lock, 0, ZS_WRITE_LOCKED);
}

zs_inline void zspage_relaxed_write_unlock(struct zspage_atomic *zspage)
{
	atomic_set(&zspage->lock, 0);
}

zs_inline bool zspage_relaxed_is_free(const struct zspage_atomic *zspage)
{
	return zspage_atomic_is_free(zspage);
}

/* @cnt counts readers and is guarded by @lock, which a writer keeps held. */
struct zspage_preempt {
	spinlock_t lock;
	int cnt;
};
_Static_assert(sizeof(struct zspage_preempt) == sizeof(rwlock_t),
	       "the merged form was chosen for taking no more room");

zs_inline void zspage_preempt_init(struct zspage_preempt *zspage)
{
	spin_lock_init(&zspage->lock);
	zspage->cnt = 0;
}

zs_inline void zspage_preempt_read_lock(struct zspage_preempt *zspage)
{
	spin_lock(&zspage->lock);
	zspage->cnt++;
	spin_unlock(&zspage->lock);
}

zs_inline void zspage_preempt_read_unlock(struct zspage_preempt *zspage)
{
	spin_lock(&zspage->lock);
	zspage->cnt--;
	spin_unlock(&zspage->lock);
}

zs_inline bool zspage_preempt_write_lock(struct zspage_preempt *zspage,
					 unsigned nest)
{
	spin_lock_nested(&zspage->lock, nest);
	if (!zspage->cnt) {
		zspage->cnt = ZS_WRITE_LOCKED;
		return true;
	}
	spin_unlock(&zspage->lock);
	return false;
}

zs_inline void zspage_preempt_write_unlock(struct zspage_preempt *zspage)
{
	lockdep_assert_held(&zspage->lock);
	zspage->cnt = 0;
	spin_unlock(&zspage->lock);
}

zs_inline bool zspage_preempt_is_free(const struct zspage_preempt *zspage)
{
	return !zspage->cnt;
}

union zspage_lock {
	struct zspage_rwlock rwlock;
	struct zspage_rwsem rwsem;
	struct zspage_atomic atomic;
	struct zspage_preempt preempt;
};

/* Returns the result of the kind's @op; without a lock, falls through. */
#define ZSPAGE_LOCK_CALL(kind, l, op, ...)                                \
	switch (kind) {                                                   \
	case ZS_LOCK_NONE:                                                \
	case ZS_LOCK_KINDS:                                               \
		break;                                                    \
	case ZS_LOCK_PIN:                                                 \
	case ZS_LOCK_RWLOCK:                                              \
		return zspage_rwlock_##op(&(l)->rwlock, ##__VA_ARGS__);   \
	case ZS_LOCK_RWSEM:                                               \
		return zspage_rwsem_##op(&(l)->rwsem, ##__VA_ARGS__);     \
	case ZS_LOCK_ATOMIC:                                              \
		return zspage_atomic_##op(&(l)->atomic, ##__VA_ARGS__);   \
	case ZS_LOCK_PREEMPT:                                             \
		return zspage_preempt_##op(&(l)->preempt, ##__VA_ARGS__); \
	case ZS_LOCK_RELAXED:                                             \
		return zspage_relaxed_##op(&(l)->atomic, ##__VA_ARGS__);  \
	}

/** zspage_lock_bytes() - bytes that the lock takes in a kernel's zspage */
static inline size_t zspage_lock_bytes(enum zs_lock_kind kind)
{
	if (kind == ZS_LOCK_NONE)
		return 0;
	return kind == ZS_LOCK_RWSEM ? sizeof(struct rw_semaphore)
				     : sizeof(rwlock_t);
}

static inline void
zspage_lock_init(union zspage_lock *l,
		 enum zs_lock_kind kind){ ZSPAGE_LOCK_CALL(kind, l, init) }

/**
 * zspage_read_lock() - keep the zspage's objects in place
 *
 * The caller holds the lock under which it looked the zspage up (or, for
 * @ZS_LOCK_PIN, has the object pinned), so the zspage cannot be freed. Except
 * for @ZS_LOCK_PIN, a writer also holds that lookup lock for as long as it
 * holds the zspage lock, so the wait in this function is short.
 */
zs_inline void zspage_read_lock(union zspage_lock *l, enum zs_lock_kind kind)
{
	if (kind == ZS_LOCK_PIN)
		return zspage_pin_read_lock(&l->rwlock);
	ZSPAGE_LOCK_CALL(kind, l, read_lock)
}

/** zspage_read_unlock() - the end of zspage_read_lock() */
zs_inline void zspage_read_unlock(union zspage_lock *l, enum zs_lock_kind kind)
{
	ZSPAGE_LOCK_CALL(kind, l, read_unlock)
}

/**
 * zspage_write_lock() - keep readers away from a zspage
 * @l: its lock
 * @kind: the form
 * @nest: 1 for the destination of old compaction, which is locked under the
 *	  source; else 0
 *
 * The rwlock waits for readers, as its kernels do. The others only try, since
 * the caller is in an atomic section and a reader may sleep; and so does
 * @ZS_LOCK_PIN, where a reader takes the class's lock that the caller holds.
 * Return: whether it was taken.
 */
static inline bool zspage_write_lock(union zspage_lock *l,
				     enum zs_lock_kind kind, unsigned nest)
{
	if (kind == ZS_LOCK_PIN)
		return zspage_rwlock_write_trylock(&l->rwlock);
	ZSPAGE_LOCK_CALL(kind, l, write_lock, nest)
	return true;
}

/** zspage_write_unlock() - release after a successful zspage_write_lock() */
static inline void zspage_write_unlock(union zspage_lock *l,
				       enum zs_lock_kind kind)
{
	ZSPAGE_LOCK_CALL(kind, l, write_unlock)
}

/** zspage_lock_is_free() - no reader, no writer; call when nothing else runs */
static inline bool zspage_lock_is_free(const union zspage_lock *l,
				       enum zs_lock_kind kind)
{
	ZSPAGE_LOCK_CALL(kind, l, is_free)
	return true;
}

#endif
