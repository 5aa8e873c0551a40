// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a step ends: what is guarded, and by which lock; see steps.h. */
#include <stdlib.h>
#include <string.h>

#include "harness/explore/steps.h"

#define GRAIN 4 /* bytes, as of the smallest lock */
#define GUARDS 8
#define NESTS 1024
#define FRESH 64

/* The locks that all accesses so far had; too many are cut off. */
struct guards {
	uintptr_t lock[GUARDS];
	unsigned nr;
	bool any; /* there was an access */
};

/*
 * What was seen of a piece of memory. Sets of CPUs: @readers and @writers of its
 * value; @outside those that did not hold it as a lock, which it may be, too;
 * @lockers have called it as a lock, @tryers have tried.
 *
 * @quiet: under it something is written that is not told
 * @open: nothing guards the value; @open_lock: nor the lock
 * @seen: it can be seen whether the lock is held
 * @crossed: it nests with another one in both orders
 */
struct piece {
	uintptr_t addr;
	uint8_t readers, writers, adders, outside, lockers, tryers;
	struct guards value, lock;
	bool quiet, open, open_lock, seen, crossed;
};

/* Someone took @to and held @from. */
struct nest {
	uintptr_t from, to;
};

/*
 * Memory that @cpu has taken when it had shown @shown things to others. Until it
 * shows the next one, nobody else can know of it.
 */
struct fresh {
	uintptr_t from, to;
	unsigned cpu;
	uint64_t shown;
};

/*
 * @shown: of each CPU: how often it did what others can see; @before: at the
 * beginning of its step
 */
struct steps {
	struct piece *piece;
	size_t room, nr;
	struct nest nest[NESTS];
	unsigned nests;
	bool learned, too_many;
	struct fresh fresh[FRESH];
	unsigned nr_fresh;
	uint64_t shown[DPOR_CPUS], before[DPOR_CPUS];
};

struct steps *steps_new(void)
{
	struct steps *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->room = 1024;
	s->piece = calloc(s->room, sizeof(*s->piece));
	if (!s->piece)
		abort();
	return s;
}

void steps_free(struct steps *s)
{
	if (s)
		free(s->piece);
	free(s);
}

void steps_forget(struct steps *s)
{
	memset(s->piece, 0, s->room * sizeof(*s->piece));
	s->nr = s->nests = 0;
	s->learned = s->too_many = false;
}

void steps_run(struct steps *s)
{
	s->nr_fresh = 0;
	memset(s->shown, 0, sizeof(s->shown));
	memset(s->before, 0, sizeof(s->before));
}

void steps_begin(struct steps *s, unsigned cpu)
{
	s->before[cpu] = s->shown[cpu];
}

bool steps_learned(struct steps *s)
{
	bool learned = s->learned;

	s->learned = false;
	return learned;
}

static size_t slot_of(const struct steps *s, uintptr_t addr)
{
	size_t at = (addr / GRAIN * 0x9e3779b97f4a7c15ull) >> 20;

	for (at &= s->room - 1; s->piece[at].addr;
	     at = (at + 1) & (s->room - 1))
		if (s->piece[at].addr == addr)
			break;
	return at;
}

static void grow(struct steps *s)
{
	struct piece *old = s->piece;
	size_t room = s->room, i;

	s->room *= 2;
	s->piece = calloc(s->room, sizeof(*s->piece));
	if (!s->piece)
		abort();
	for (i = 0; i < room; i++)
		if (old[i].addr)
			s->piece[slot_of(s, old[i].addr)] = old[i];
	free(old);
}

static struct piece *piece_of(struct steps *s, uintptr_t addr)
{
	size_t at;

	addr &= ~(uintptr_t)(GRAIN - 1);
	at = slot_of(s, addr);
	if (s->piece[at].addr)
		return &s->piece[at];
	if (2 * ++s->nr > s->room) {
		grow(s);
		at = slot_of(s, addr);
	}
	s->piece[at].addr = addr;
	return &s->piece[at];
}

static const struct steps_held *held_at(const struct steps_held *held,
					unsigned nr, uintptr_t addr)
{
	unsigned i;

	for (i = 0; i < nr; i++)
		if (held[i].addr == addr)
			return &held[i];
	return NULL;
}

/* Keep the guards that this access had, too. */
static void narrow(struct guards *g, bool write, const struct steps_held *held,
		   unsigned nr)
{
	const struct steps_held *h;
	unsigned i, left = 0;

	if (!g->any) {
		g->any = true;
		for (h = held; h < held + nr && g->nr < GUARDS; h++)
			if (!(write && h->shared))
				g->lock[g->nr++] = h->addr;
		return;
	}
	for (i = 0; i < g->nr; i++) {
		h = held_at(held, nr, g->lock[i]);
		if (h && !(write && h->shared))
			g->lock[left++] = g->lock[i];
	}
	g->nr = left;
}

/* Whether more than one of them, or one that is not the only one of @others. */
static bool are_two(uint8_t cpus, uint8_t others)
{
	return cpus && (cpus | others) & ((cpus | others) - 1);
}

static void learn(struct steps *s, bool *what, bool now)
{
	if (*what || !now)
		return;
	*what = true;
	s->learned = true;
}

/* What is done under a quiet lock is as good as done when it is given back. */
static void learn_seen(struct steps *s, struct piece *p)
{
	bool looks = p->outside && !p->quiet;

	learn(s, &p->seen,
	      (looks || p->tryers) && are_two(p->lockers, p->outside));
}

/* Memory that was just taken is of no concern to others. */
static bool is_own(const struct steps *s, unsigned cpu, const struct piece *p)
{
	const struct fresh *f = s->fresh + s->nr_fresh;

	while (f-- > s->fresh)
		if (p->addr >= f->from && p->addr < f->to)
			return f->cpu == cpu && s->shown[cpu] == f->shown;
	return false;
}

/* Its last place in the list counts; the oldest is forgotten. */
static void did_take(struct steps *s, unsigned cpu, const struct dpor_access *a)
{
	if (s->nr_fresh == FRESH)
		memmove(s->fresh, s->fresh + 1,
			--s->nr_fresh * sizeof(s->fresh[0]));
	s->fresh[s->nr_fresh++] = (struct fresh){
		.from = a->addr,
		.to = a->addr + a->len,
		.cpu = cpu,
		.shown = s->shown[cpu],
	};
}

static void did_value(struct steps *s, unsigned cpu, uintptr_t at,
		      enum dpor_kind kind, const struct steps_held *held,
		      unsigned nr)
{
	struct piece *p = piece_of(s, at);
	bool write = kind != DPOR_READ;
	uint8_t readers;

	if (is_own(s, cpu, p))
		return;
	if (kind == DPOR_ADD)
		p->adders |= (uint8_t)(1u << cpu);
	else if (write)
		p->writers |= (uint8_t)(1u << cpu);
	else
		p->readers |= (uint8_t)(1u << cpu);
	if (!held_at(held, nr, p->addr))
		p->outside |= (uint8_t)(1u << cpu);
	narrow(&p->value, write, held, nr);
	/* Who adds is in no order with others that add. */
	readers = p->readers | p->writers;
	learn(s, &p->open,
	      !p->value.nr && (are_two(p->writers, readers | p->adders) ||
			       (readers && are_two(p->adders, readers))));
	learn_seen(s, p);
}

/* Whether a way leads from @from to @to. */
static bool leads(const struct steps *s, uintptr_t from, uintptr_t to,
		  unsigned deep)
{
	unsigned i;

	for (i = 0; i < s->nests; i++)
		if (s->nest[i].from == from &&
		    (s->nest[i].to == to ||
		     (deep && leads(s, s->nest[i].to, to, deep - 1))))
			return true;
	return false;
}

/* Locks that nest in both orders can end in a deadlock, which must be seen. */
static void did_nest(struct steps *s, uintptr_t from, uintptr_t to)
{
	unsigned i;

	for (i = 0; i < s->nests; i++)
		if (s->nest[i].from == from && s->nest[i].to == to)
			return;
	if (s->nests == NESTS) {
		learn(s, &s->too_many, true);
		return;
	}
	s->nest[s->nests++] = (struct nest){ from, to };
	if (!leads(s, to, from, DPOR_CPUS))
		return;
	learn(s, &piece_of(s, from)->crossed, true);
	learn(s, &piece_of(s, to)->crossed, true);
}

static void did_lock(struct steps *s, unsigned cpu, const struct dpor_access *a,
		     const struct steps_held *held, unsigned nr)
{
	struct piece *p = piece_of(s, a->addr);
	struct steps_held others[STEPS_HELD];
	unsigned i, n = 0;

	p->quiet |= a->quiet;
	p->lockers |= (uint8_t)(1u << cpu);
	if (a->kind == DPOR_TRYLOCK)
		p->tryers |= (uint8_t)(1u << cpu);
	for (i = 0; i < nr && n < STEPS_HELD; i++)
		if (held[i].addr != a->addr)
			others[n++] = held[i];
	narrow(&p->lock, true, others, n);
	learn(s, &p->open_lock, !p->lock.nr && are_two(p->lockers, 0));
	learn_seen(s, p);
	if (p->quiet && a->kind != DPOR_UNLOCK)
		did_value(s, cpu, a->addr, DPOR_WRITE, others, n);
	for (i = 0; a->kind == DPOR_LOCK && i < n; i++)
		did_nest(s, others[i].addr, a->addr);
}

enum way {
	GUARDED, /* could be done at any time of the step */
	TAKES, /* could be done later */
	GIVES, /* could be done earlier */
	SEEN, /* others can see when it is done */
	ASKS, /* it sees what others do while it holds a lock */
};

static enum way way_of(struct steps *s, unsigned cpu,
		       const struct dpor_access *a)
{
	uintptr_t at = a->addr & ~(uintptr_t)(GRAIN - 1);
	const struct piece *p;

	if (a->kind == DPOR_LOCAL || a->kind == DPOR_TAKEN || a->plain)
		return GUARDED;
	if (a->kind == DPOR_ASK)
		return piece_of(s, at)->open_lock ? ASKS : GUARDED;
	if (a->kind < DPOR_LOCK) {
		for (; at < a->addr + a->len; at += GRAIN)
			if (piece_of(s, at)->open &&
			    !is_own(s, cpu, piece_of(s, at)))
				return SEEN;
		return GUARDED;
	}
	p = piece_of(s, at);
	if (p->crossed || s->too_many)
		return SEEN;
	if (p->quiet && a->kind != DPOR_UNLOCK && p->open)
		return SEEN;
	if (!p->open_lock)
		return GUARDED;
	if (p->seen)
		return SEEN;
	return a->kind == DPOR_UNLOCK ? GIVES : TAKES;
}

bool steps_ends(struct steps *s, unsigned cpu, const struct dpor_access *a)
{
	enum way way = way_of(s, cpu, a);

	return way == ASKS || (s->before[cpu] != s->shown[cpu] &&
			       (way == TAKES || way == SEEN));
}

bool steps_did(struct steps *s, unsigned cpu, const struct dpor_access *a,
	       const struct steps_held *held, unsigned nr)
{
	uintptr_t at = a->addr & ~(uintptr_t)(GRAIN - 1);
	enum way way;

	if (a->kind == DPOR_TAKEN)
		did_take(s, cpu, a);
	if (a->kind == DPOR_LOCAL || a->kind == DPOR_TAKEN || a->plain)
		return false;
	if (a->kind >= DPOR_LOCK)
		did_lock(s, cpu, a, held, nr);
	else if (a->kind != DPOR_ASK)
		for (; at < a->addr + a->len; at += GRAIN)
			did_value(s, cpu, at, a->kind, held, nr);
	way = way_of(s, cpu, a);
	s->shown[cpu] += way == GIVES || way == SEEN || way == ASKS;
	if (a->kind < DPOR_LOCK)
		return false;
	return a->quiet || piece_of(s, a->addr)->outside;
}
