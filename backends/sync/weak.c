// SPDX-License-Identifier: GPL-2.0-or-later
/* Weakly ordered memory; weak.h says what it allows. */
#include <string.h>

#include "backends/sync/weak.h"

static void join(struct weak_clock *to, const struct weak_clock *from)
{
	unsigned i;

	for (i = 0; i < WEAK_CPUS; i++)
		if (to->at[i] < from->at[i])
			to->at[i] = from->at[i];
}

void weak_begin(struct weak *w)
{
	unsigned i;

	w->round++;
	w->seq = 0;
	w->lost = false;
	memset(&w->full, 0, sizeof(w->full));
	memset(w->cpu, 0, sizeof(w->cpu));
	for (i = 0; i < WEAK_CPUS; i++)
		w->cpu[i].now.at[i] = 1;
}

/* Return: the place of @addr, in use or free; NULL without room. */
static struct weak_location *place_of(struct weak *w, uintptr_t addr)
{
	size_t at = (addr >> 2) * 0x9e3779b97f4a7c15ull >> 54, i;
	struct weak_location *l;

	for (i = 0; i < WEAK_LOCATIONS; i++) {
		l = &w->location[(at + i) % WEAK_LOCATIONS];
		if (l->round != w->round || l->addr == addr)
			return l;
	}
	return NULL;
}

/* Return: the location, which begins with @value when nothing is known. */
static struct weak_location *find(struct weak *w, const void *addr, size_t len,
				  uint64_t value)
{
	struct weak_location *l = place_of(w, (uintptr_t)addr);

	if (!l)
		w->lost = true;
	if (!l || (l->round == w->round && l->len == len &&
		   l->store[(l->count - 1) % WEAK_STORES].value == value))
		return l;
	l->addr = (uintptr_t)addr;
	l->len = (uint32_t)len;
	l->round = w->round;
	l->count = 1;
	l->store[0] = (struct weak_store){ .value = value, .cpu = WEAK_CPUS };
	memset(l->read, 0, sizeof(l->read));
	return l;
}

/* The number of the oldest store that @cpu may read. */
static uint64_t oldest(const struct weak *w, unsigned cpu,
		       const struct weak_location *l)
{
	uint64_t n = l->count, low;
	const struct weak_store *s;
	unsigned i;

	low = n > WEAK_STORES ? n - WEAK_STORES : 0;
	while (--n > low) {
		s = &l->store[n % WEAK_STORES];
		if (s->cpu == WEAK_CPUS || s->seq <= w->cpu[cpu].floor ||
		    weak_before(w, cpu, s->cpu, s->time))
			low = n;
	}
	for (i = 0; i < WEAK_CPUS; i++)
		if (l->read[i].store > low && l->read[i].time &&
		    weak_before(w, cpu, i, l->read[i].time))
			low = l->read[i].store;
	return low;
}

static bool acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL ||
	       order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL ||
	       order == __ATOMIC_SEQ_CST;
}

/* The CPU has read store @n. */
static void note_read(struct weak *w, unsigned cpu, struct weak_location *l,
		      uint64_t n, int order)
{
	const struct weak_store *s = &l->store[n % WEAK_STORES];
	struct weak_cpu *me = &w->cpu[cpu];

	join(acquires(order) ? &me->now : &me->read, &s->releases);
	l->read[cpu].store = n;
	l->read[cpu].time = me->now.at[cpu];
}

/* @sequence: what the store continues, of a read-modify-write; or NULL */
static void add(struct weak *w, unsigned cpu, struct weak_location *l,
		uint64_t value, const struct weak_clock *sequence, int order)
{
	struct weak_store *s = &l->store[l->count % WEAK_STORES];
	struct weak_cpu *me = &w->cpu[cpu];
	struct weak_clock told = releases(order) ? me->now : me->fence;

	if (sequence)
		join(&told, sequence);
	*s = (struct weak_store){ .value = value,
				  .releases = told,
				  .time = me->now.at[cpu],
				  .seq = ++w->seq,
				  .cpu = cpu };
	l->count++;
	/* What the CPU does from now on is not part of what it has told. */
	me->now.at[cpu]++;
}

uint64_t weak_load(struct weak *w, unsigned cpu, const void *addr, size_t len,
		   uint64_t newest, int order)
{
	struct weak_location *l = find(w, addr, len, newest);
	uint64_t low, n;

	if (!l)
		return newest;
	low = oldest(w, cpu, l);
	n = l->count - 1;
	if (n > low)
		n -= w->choose(w->arg, (unsigned)(n - low + 1));
	note_read(w, cpu, l, n, order);
	return l->store[n % WEAK_STORES].value;
}

void weak_store(struct weak *w, unsigned cpu, const void *addr, size_t len,
		uint64_t old, uint64_t value, int order)
{
	struct weak_location *l = find(w, addr, len, old);

	if (l)
		add(w, cpu, l, value, NULL, order);
}

void weak_rmw(struct weak *w, unsigned cpu, const void *addr, size_t len,
	      uint64_t old, uint64_t value, int order)
{
	struct weak_location *l = find(w, addr, len, old);
	struct weak_clock sequence;

	if (order == __ATOMIC_SEQ_CST)
		weak_fence(w, cpu, order);
	if (l) {
		sequence = l->store[(l->count - 1) % WEAK_STORES].releases;
		note_read(w, cpu, l, l->count - 1, order);
		add(w, cpu, l, value, &sequence, order);
	}
	if (order == __ATOMIC_SEQ_CST)
		weak_fence(w, cpu, order);
}

void weak_rmw_failed(struct weak *w, unsigned cpu, const void *addr, size_t len,
		     uint64_t old, int order)
{
	struct weak_location *l = find(w, addr, len, old);

	if (l)
		note_read(w, cpu, l, l->count - 1, order);
}

void weak_acquire(struct weak *w, unsigned cpu, const void *addr)
{
	struct weak_location *l = find(w, addr, 0, 0);
	struct weak_cpu *me = &w->cpu[cpu];
	const struct weak_clock *told;

	join(&me->fence, &me->unlocked);
	if (!l)
		return;
	told = &l->store[(l->count - 1) % WEAK_STORES].releases;
	join(&me->fence, told);
	join(&me->now, told);
}

void weak_release(struct weak *w, unsigned cpu, const void *addr)
{
	struct weak_location *l = find(w, addr, 0, 0);
	struct weak_cpu *me = &w->cpu[cpu];

	me->unlocked = me->now;
	if (l)
		add(w, cpu, l, 0,
		    &l->store[(l->count - 1) % WEAK_STORES].releases,
		    __ATOMIC_RELEASE);
	else
		me->now.at[cpu]++;
}

void weak_fence(struct weak *w, unsigned cpu, int order)
{
	struct weak_cpu *me = &w->cpu[cpu];

	if (acquires(order))
		join(&me->now, &me->read);
	if (order == __ATOMIC_SEQ_CST) {
		join(&me->now, &w->full);
		w->full = me->now;
	}
	if (releases(order))
		me->fence = me->now;
	me->now.at[cpu]++;
}

void weak_refresh(struct weak *w, unsigned cpu)
{
	w->cpu[cpu].floor = w->seq;
}
