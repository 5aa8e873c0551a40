// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happened before what: a vector clock for each CPU and for each address
 * that was released to. An entry is found by the address, so nothing is kept in
 * a lock, which may be copied and freed; an entry of an earlier schedule is as
 * good as none, so nothing needs clearing either.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/sync/explore/shadow.h"

/* Addresses of a schedule; it has points for no more. */
#define SYNCS 16384u

/* @shared: released by readers of a lock. */
struct sync {
	bool has_shared;
	struct xclock all, shared;
};

/* Where an address is: few of them are used, so that these stay in the cache. */
struct slot {
	uintptr_t addr;
	uint32_t schedule, at;
};

static struct slot slots[2 * SYNCS];
static struct sync syncs[SYNCS];
static unsigned nr_syncs;

static void join(struct xclock *to, const struct xclock *from)
{
	unsigned i;

	for (i = 0; i < x.nr; i++)
		if (from->at[i] > to->at[i])
			to->at[i] = from->at[i];
}

static struct slot *slot(const void *addr)
{
	unsigned at = (unsigned)((uintptr_t)addr * 0x9e3779b97f4a7c15ull >> 49);

	while (slots[at].schedule == x.schedule &&
	       slots[at].addr != (uintptr_t)addr)
		at = (at + 1) % (2 * SYNCS);
	return &slots[at];
}

static struct sync *find(const void *addr)
{
	const struct slot *s = slot(addr);

	return s->schedule == x.schedule ? &syncs[s->at] : NULL;
}

static struct sync *make(const void *addr)
{
	struct slot *s = slot(addr);
	struct sync *new;

	if (s->schedule == x.schedule)
		return &syncs[s->at];
	if (nr_syncs == SYNCS) {
		fprintf(stderr,
			"zlab: a schedule has more than %u locks and atomics\n",
			SYNCS);
		_exit(1);
	}
	*s = (struct slot){ (uintptr_t)addr, x.schedule, nr_syncs };
	new = &syncs[nr_syncs++];
	new->has_shared = false;
	memset(&new->all, 0, sizeof(new->all));
	return new;
}

/* The CPU's later accesses are not part of what it has released. */
static void tick(struct xcpu *me)
{
	me->now.at[me->id]++;
	xstamp(me);
}

void xorder_acquire(struct xcpu *me, const void *addr)
{
	const struct sync *s = find(addr);

	if (x.weak)
		xweak_acquire(me, addr);
	if (s)
		join(&me->now, &s->all);
}

void xorder_release(struct xcpu *me, const void *addr)
{
	join(&make(addr)->all, &me->now);
	tick(me);
	if (x.weak)
		xweak_release(me, addr);
}

void xorder_init(const void *lock)
{
	struct sync *s = find(lock);

	if (!s)
		return;
	memset(&s->all, 0, sizeof(s->all));
	s->has_shared = false;
}

void xorder_lock(struct xcpu *me, const void *lock, bool shared)
{
	const struct sync *s = find(lock);

	if (x.weak)
		xweak_acquire(me, lock);
	if (!s)
		return;
	join(&me->now, &s->all);
	if (!shared && s->has_shared)
		join(&me->now, &s->shared);
}

void xorder_unlock(struct xcpu *me, const void *lock, bool shared)
{
	struct sync *s = make(lock);

	if (!shared) {
		join(&s->all, &me->now);
	} else {
		if (!s->has_shared)
			memset(&s->shared, 0, sizeof(s->shared));
		s->has_shared = true;
		join(&s->shared, &me->now);
	}
	tick(me);
	if (x.weak)
		xweak_release(me, lock);
}

static bool acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME ||
	       order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL ||
	       order == __ATOMIC_SEQ_CST;
}

static void saw(struct xcpu *me, const void *addr, int order)
{
	const struct sync *s = find(addr);

	if (!s)
		return;
	if (acquires(order)) {
		join(&me->now, &s->all);
		return;
	}
	if (!me->has_read)
		memset(&me->read, 0, sizeof(me->read));
	me->has_read = true;
	join(&me->read, &s->all);
}

static void left(struct xcpu *me, const void *addr, bool rmw, int order)
{
	struct sync *s;

	if (!releases(order) && !me->has_fence && rmw)
		return;
	s = releases(order) || me->has_fence ? make(addr) : find(addr);
	if (!s)
		return;
	/* A store that is no read-modify-write ends what was released before. */
	if (!rmw)
		memset(&s->all, 0, sizeof(s->all));
	if (releases(order)) {
		join(&s->all, &me->now);
		tick(me);
	} else if (me->has_fence) {
		join(&s->all, &me->fence);
	}
}

void xorder_atomic(struct xcpu *me, const void *addr, enum xkind kind,
		   int order)
{
	if (kind != XDO_ATOMIC_WRITE)
		saw(me, addr, order);
	if (kind != XDO_ATOMIC_READ)
		left(me, addr, kind == XDO_RMW, order);
}

void xorder_fence(struct xcpu *me, int order)
{
	if (x.weak)
		xweak_fence(order);
	if (acquires(order) && me->has_read)
		join(&me->now, &me->read);
	if (releases(order)) {
		me->fence = me->now;
		me->has_fence = true;
		tick(me);
	}
}

/* A cell has room for so large a clock; a schedule needs far less. */
#define CLOCK_LAST ((1u << 28) - (1u << 22))

void xorder_begin(void)
{
	unsigned i, k;

	for (i = 0; i < XCPU_MAX; i++)
		for (k = 0; k < XCPU_MAX; k++)
			if (x.cpu[i].now.at[k] > x.base)
				x.base = x.cpu[i].now.at[k];
	if (x.base > CLOCK_LAST || !++x.schedule) {
		xshadow_clear();
		memset(slots, 0, sizeof(slots));
		x.base = 0;
	}
	xshadow_begin(x.base);
	nr_syncs = 0;
	for (i = 0; i < XCPU_MAX; i++) {
		for (k = 0; k < XCPU_MAX; k++)
			x.cpu[i].now.at[k] = x.base;
		x.cpu[i].now.at[i]++;
		xstamp(&x.cpu[i]);
		x.cpu[i].has_read = x.cpu[i].has_fence = false;
	}
}
