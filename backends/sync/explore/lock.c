// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The locks of the explorer's CPUs. A lock is its word, as in the other flavours;
 * who waits for it is known by its address. An unlock wakes all that wait, and
 * any of them, or a CPU that comes just then, may take the lock: every order
 * that some kind of lock allows can happen.
 *
 * A reader waits while a writer waits, as in the kernel's queued rwlock and its
 * rw-semaphore.
 */
#include <string.h>

#include "backends/sync/explore/shadow.h"

#define PC __builtin_return_address(0)
#define RW_WRITER 0x80000000u

void sync_at(const struct lock_site *site)
{
	if (x.me)
		x.me->site = site;
}

static void enter(struct xcpu *me)
{
	if (!me->depth++)
		me->section_since = xcpu_steps(me->id);
}

static void leave(struct xcpu *me, const void *pc)
{
	uint64_t n;

	if (!me->depth) {
		xreport(XFOUND_UNLOCK, pc,
			"preemption is switched on and was not off");
		return;
	}
	if (--me->depth)
		return;
	n = xcpu_steps(me->id) - me->section_since;
	if (n > x.longest)
		x.longest = n;
	if (n > x.limits.section)
		xreport(XFOUND_SECTION, pc,
			"preemption was off for %llu points; the bound is %llu",
			(unsigned long long)n,
			(unsigned long long)x.limits.section);
}

void sync_preempt_disable(void)
{
	if (x.me)
		enter(x.me);
}

void sync_preempt_enable(void)
{
	if (x.me)
		leave(x.me, PC);
}

void sync_relax_virtual(void)
{
	if (x.me)
		xrelax(XDO_RELAX, PC);
	else if (!--x.outside_left)
		xoutside_long();
}

static const char *name_of(const struct lock_site *site)
{
	if (!site)
		return "a lock";
	return *site->base == '&' ? site->base + 1 : site->base;
}

static void must_not_be_atomic(struct xcpu *me, const char *what,
			       const void *pc)
{
	const struct xlock *l = me->nr_held ? &me->held[me->nr_held - 1] : NULL;

	if (!me->depth)
		return;
	xreport(XFOUND_SLEEP, pc,
		"%s may sleep, and preemption is off; the last lock taken is "
		"%s (%s:%d)",
		what, l ? name_of(l->site) : "none",
		l && l->site ? l->site->file : "-",
		l && l->site ? l->site->line : 0);
}

void sync_cond_resched(void)
{
	if (!x.me)
		return;
	must_not_be_atomic(x.me, "cond_resched()", PC);
	xrelax(XDO_YIELD, PC);
}

void xlock_touch(const void *lock, size_t len, bool write, const void *pc)
{
	size_t at = xindex((uintptr_t)lock);

	if (at == XNONE)
		return;
	if (write)
		xdirty(at, len);
	if (x.me)
		xshadow_access(x.me, at, len, write, true, pc);
}

static const struct xlock *holds(const struct xcpu *me, const void *lock)
{
	unsigned i = me->nr_held;

	while (i-- > 0)
		if (me->held[i].lock == lock)
			return &me->held[i];
	return NULL;
}

static void took(struct xcpu *me, const void *lock, bool shared)
{
	xorder_lock(me, lock, shared);
	if (me->nr_held == XHELD_MAX) {
		xreport(XFOUND_LEFT, NULL, "%u locks are held at once",
			me->nr_held);
		return;
	}
	me->held[me->nr_held++] = (struct xlock){ lock, me->site, shared };
}

/* Return: whether the CPU held it. */
static bool dropped(struct xcpu *me, const void *lock, bool shared,
		    const void *pc)
{
	unsigned i = me->nr_held;

	while (i-- > 0) {
		if (me->held[i].lock != lock || me->held[i].shared != shared)
			continue;
		xorder_unlock(me, lock, shared);
		memmove(&me->held[i], &me->held[i + 1],
			(--me->nr_held - i) * sizeof(me->held[0]));
		return true;
	}
	xreport(XFOUND_UNLOCK, pc,
		"a lock is released%s that the CPU does not hold%s",
		shared ? " by a reader" : "", shared ? " for reading" : "");
	return false;
}

/* The point of a lock call, and what is wrong about it at any time. */
static void about_to_take(struct xcpu *me, const void *lock, bool shared,
			  const void *pc)
{
	const struct xlock *held;

	xpoint(XDO_LOCK, 0, shared, lock, 4, pc, me->site);
	held = holds(me, lock);
	if (held)
		xreport(XFOUND_RECURSION, pc,
			"%s is taken, and the CPU holds it since %s:%d",
			name_of(me->site), held->site ? held->site->file : "?",
			held->site ? held->site->line : 0);
	xlockorder_take(me, me->site);
}

/* Outside of a schedule nobody could ever give the lock back. */
static void must_be_free(bool taken, const void *pc)
{
	if (taken)
		xreport(XFOUND_RECURSION, pc,
			"a lock is taken outside of a schedule, and is held");
}

static void must_be_taken(bool taken, const void *pc)
{
	if (!taken)
		xreport(XFOUND_UNLOCK, pc,
			"a lock is released outside of a schedule, and is not "
			"held");
}

static bool waited_for(const void *lock, bool by_writer)
{
	unsigned i;

	if (likely(!x.waiting))
		return false;
	for (i = 0; i < x.nr; i++)
		if (x.cpu[i].wait && x.cpu[i].wait_for == lock &&
		    (!by_writer || x.cpu[i].wait == XWAIT_WRITE))
			return true;
	return false;
}

void spin_lock_init(spinlock_t *l)
{
	size_t at = xindex((uintptr_t)l);

	if (at != XNONE)
		xdirty(at, sizeof(*l));
	if (x.me && at != XNONE)
		xshadow_access(x.me, at, sizeof(*l), true, false, PC);
	xorder_init(l);
	l->word = 0;
}

void sync_spin_lock(spinlock_t *l, unsigned class)
{
	struct xcpu *me = x.me;

	if (!me) {
		must_be_free(l->word & 0xffff, PC);
		xlock_touch(l, sizeof(*l), true, PC);
		l->word = 1;
		return;
	}
	about_to_take(me, l, false, PC);
	while (l->word & 0xffff)
		xblock(XWAIT_LOCK, l, "a spinlock");
	enter(me);
	xlock_touch(l, sizeof(*l), true, PC);
	l->word = me->id + 1;
	took(me, l, false);
}

bool sync_spin_trylock(spinlock_t *l, unsigned class)
{
	struct xcpu *me = x.me;

	if (!me) {
		if (l->word & 0xffff)
			return false;
		xlock_touch(l, sizeof(*l), true, PC);
		l->word = 1;
		return true;
	}
	xpoint(XDO_TRYLOCK, 0, false, l, sizeof(*l), PC, me->site);
	if (l->word & 0xffff) {
		xlock_touch(l, sizeof(*l), false, PC);
		return false;
	}
	enter(me);
	xlock_touch(l, sizeof(*l), true, PC);
	l->word = me->id + 1;
	took(me, l, false);
	return true;
}

void sync_spin_unlock(spinlock_t *l)
{
	struct xcpu *me = x.me;

	if (!me) {
		must_be_taken(l->word & 0xffff, PC);
		xlock_touch(l, sizeof(*l), true, PC);
		l->word = 0;
		return;
	}
	xpoint(XDO_UNLOCK, 0, false, l, sizeof(*l), PC, NULL);
	/* Before the release, which covers it. */
	xlock_touch(l, sizeof(*l), true, PC);
	if (!dropped(me, l, false, PC))
		return;
	l->word = 0;
	xwake(l);
	leave(me, PC);
}

/* A look at a lock, whose answer another CPU may change. */
static void look(enum xkind kind, const void *lock, const void *pc)
{
	if (x.me)
		xpoint(kind, __ATOMIC_RELAXED, false, lock, 4, pc, NULL);
}

bool spin_is_locked(spinlock_t *l)
{
	look(XDO_ATOMIC_READ, l, PC);
	return l->word & 0xffff;
}

bool spin_is_contended(spinlock_t *l)
{
	look(XDO_CONTENDED, l, PC);
	return x.me && waited_for(l, false);
}

/* Rwlocks, and rw-semaphores with the same word. */

static bool read_must_wait(const rwlock_t *l)
{
	return l->cnts & RW_WRITER || waited_for(l, true);
}

static void rw_set(rwlock_t *l, uint32_t cnts, const void *pc)
{
	xlock_touch(l, sizeof(l->cnts), true, pc);
	l->cnts = cnts;
}

static void rw_take(rwlock_t *l, bool write, bool sleeps, const void *pc)
{
	struct xcpu *me = x.me;

	if (!me) {
		must_be_free(write ? l->cnts : l->cnts & RW_WRITER, pc);
		rw_set(l, write ? RW_WRITER : l->cnts + 1, pc);
		return;
	}
	if (sleeps)
		must_not_be_atomic(me, name_of(me->site), pc);
	about_to_take(me, l, !write, pc);
	while (write ? l->cnts : read_must_wait(l))
		xblock(write ? XWAIT_WRITE : XWAIT_READ, l,
		       "a reader-writer lock");
	if (!sleeps)
		enter(me);
	rw_set(l, write ? RW_WRITER : l->cnts + 1, pc);
	took(me, l, !write);
}

static bool rw_try(rwlock_t *l, bool write, bool sleeps, const void *pc)
{
	struct xcpu *me = x.me;

	if (me)
		xpoint(XDO_TRYLOCK, 0, !write, l, sizeof(l->cnts), pc,
		       me->site);
	if (write ? l->cnts : read_must_wait(l)) {
		xlock_touch(l, sizeof(l->cnts), false, pc);
		return false;
	}
	rw_set(l, write ? RW_WRITER : l->cnts + 1, pc);
	if (!me)
		return true;
	if (!sleeps)
		enter(me);
	took(me, l, !write);
	return true;
}

static void rw_drop(rwlock_t *l, bool write, bool sleeps, const void *pc)
{
	struct xcpu *me = x.me;

	if (!me) {
		must_be_taken(write ? l->cnts & RW_WRITER
				    : l->cnts && !(l->cnts & RW_WRITER),
			      pc);
		rw_set(l, write ? 0 : l->cnts - 1, pc);
		return;
	}
	xpoint(XDO_UNLOCK, 0, !write, l, sizeof(l->cnts), pc, NULL);
	rw_set(l, write ? 0 : l->cnts - 1, pc);
	if (!dropped(me, l, !write, pc))
		return;
	if (!l->cnts)
		xwake(l);
	if (!sleeps)
		leave(me, pc);
}

void rwlock_init(rwlock_t *l)
{
	size_t at = xindex((uintptr_t)l);

	if (at != XNONE)
		xdirty(at, sizeof(*l));
	if (x.me && at != XNONE)
		xshadow_access(x.me, at, sizeof(*l), true, false, PC);
	xorder_init(l);
	l->cnts = l->last = 0;
}

void sync_read_lock(rwlock_t *l, unsigned class)
{
	rw_take(l, false, false, PC);
}

bool sync_read_trylock(rwlock_t *l, unsigned class)
{
	return rw_try(l, false, false, PC);
}

void sync_read_unlock(rwlock_t *l)
{
	rw_drop(l, false, false, PC);
}

void sync_write_lock(rwlock_t *l, unsigned class)
{
	rw_take(l, true, false, PC);
}

bool sync_write_trylock(rwlock_t *l, unsigned class)
{
	return rw_try(l, true, false, PC);
}

void sync_write_unlock(rwlock_t *l)
{
	rw_drop(l, true, false, PC);
}

bool rwlock_is_contended(rwlock_t *l)
{
	look(XDO_CONTENDED, l, PC);
	return x.me && waited_for(l, false);
}

void init_rwsem(struct rw_semaphore *s)
{
	size_t at = xindex((uintptr_t)s);

	rwlock_init(&s->rw);
	if (at != XNONE)
		xdirty(at, sizeof(*s));
	memset(s, 0, sizeof(*s));
}

void sync_down_read(struct rw_semaphore *s, unsigned class)
{
	rw_take(&s->rw, false, true, PC);
}

bool sync_down_read_trylock(struct rw_semaphore *s, unsigned class)
{
	return rw_try(&s->rw, false, true, PC);
}

void sync_up_read(struct rw_semaphore *s)
{
	rw_drop(&s->rw, false, true, PC);
}

void sync_down_write(struct rw_semaphore *s, unsigned class)
{
	rw_take(&s->rw, true, true, PC);
}

bool sync_down_write_trylock(struct rw_semaphore *s, unsigned class)
{
	return rw_try(&s->rw, true, true, PC);
}

void sync_up_write(struct rw_semaphore *s)
{
	rw_drop(&s->rw, true, true, PC);
}

bool rwsem_is_contended(struct rw_semaphore *s)
{
	look(XDO_CONTENDED, s, PC);
	return x.me && waited_for(&s->rw, false);
}

/* A lock in one bit of a word, whose other bits its holder may write. */

static void bit_set(int bit, unsigned long *addr, bool on, const void *pc)
{
	xlock_touch(addr, sizeof(*addr), true, pc);
	if (on)
		*addr |= 1ul << bit;
	else
		*addr &= ~(1ul << bit);
}

void sync_bit_lock(int bit, unsigned long *addr, unsigned class)
{
	struct xcpu *me = x.me;

	if (!me) {
		must_be_free(*addr >> bit & 1, PC);
		bit_set(bit, addr, true, PC);
		return;
	}
	about_to_take(me, addr, false, PC);
	while (*addr >> bit & 1)
		xblock(XWAIT_LOCK, addr, "a bit lock");
	enter(me);
	bit_set(bit, addr, true, PC);
	took(me, addr, false);
}

bool sync_bit_trylock(int bit, unsigned long *addr, unsigned class)
{
	struct xcpu *me = x.me;

	if (me)
		xpoint(XDO_TRYLOCK, 0, false, addr, sizeof(*addr), PC,
		       me->site);
	if (*addr >> bit & 1) {
		xlock_touch(addr, sizeof(*addr), false, PC);
		return false;
	}
	bit_set(bit, addr, true, PC);
	if (!me)
		return true;
	enter(me);
	took(me, addr, false);
	return true;
}

void sync_bit_unlock(int bit, unsigned long *addr)
{
	struct xcpu *me = x.me;

	if (!me) {
		must_be_taken(*addr >> bit & 1, PC);
		bit_set(bit, addr, false, PC);
		return;
	}
	xpoint(XDO_UNLOCK, 0, false, addr, sizeof(*addr), PC, NULL);
	bit_set(bit, addr, false, PC);
	if (!dropped(me, addr, false, PC))
		return;
	xwake(addr);
	leave(me, PC);
}
