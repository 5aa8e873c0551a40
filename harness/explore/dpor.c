// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The search is a stack of nodes: the steps of the run, and for each the CPUs
 * that could have gone on instead. A step that conflicts with an earlier one of
 * another CPU, and is not ordered after it by others between, could have come
 * first: at the earlier node a CPU is noted that leads to that. Source sets
 * (Abdulla and others, 2014) say which one; a CPU whose step was explored from a
 * node sleeps in the later ones until something conflicts with that step.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/explore/dpor.h"

struct range {
	uintptr_t from, to;
};

struct ranges {
	struct range *at;
	unsigned nr, room;
};

/*
 * A lock of a step. @net: how often it is held more at the end; @tried: perhaps
 * once more.
 */
struct hold {
	uintptr_t addr;
	int net;
	bool shared, tried;
};

/*
 * What a step has done. @all: bytes that it touched but for what it has added to;
 * @writes: those written; @adds: those added to.
 */
struct foot {
	unsigned refs;
	struct ranges all, writes, adds;
	struct hold *hold;
	unsigned nr, room;
};

/*
 * @did: the first access of the step of @cpu
 * @next: what each CPU was about to do
 * @foot: the step; NULL until it was done
 * @asleep: of those that sleep or are done: their steps from here
 * @clock: of @cpu after the step: steps of each CPU that are ordered before it
 * @nth: of each CPU: its steps before this node
 * @enabled: CPUs that could go on
 * @noted: those to be explored; @done: those that were; @sleep: need not be
 */
struct node {
	unsigned cpu;
	struct dpor_access did, next[DPOR_CPUS];
	struct foot *foot, *asleep[DPOR_CPUS];
	uint32_t clock[DPOR_CPUS], nth[DPOR_CPUS];
	uint8_t enabled, noted, done, sleep;
};

/*
 * A CPU in the run. @round is the hash of its accesses since it last waited in a
 * loop, at @pc, which began at depth @from; @last is that of the round before.
 */
struct cpu {
	uint32_t clock[DPOR_CPUS], steps;
	uint64_t round, last;
	size_t from;
	uintptr_t pc;
	unsigned rounds;
	bool gives_way;
	struct foot *early; /* of its next step: what it has done before it */
};

/*
 * @depth: steps of this run that are done
 * @turn: who has last gone on while all give way
 * @running: the CPU whose step runs, or DPOR_NONE
 * @local: a CPU goes on whose step has not begun
 * @with: of the step on top: which earlier ones it depends on
 */
struct dpor {
	unsigned cpus;
	struct node *node;
	size_t nr, room; /* of the stack */
	size_t depth, most;
	unsigned turn, running, local;
	bool diverged;
	bool *with;
	size_t with_room;
	struct cpu cpu[DPOR_CPUS];
};

/* Steps: what they do. */

static void *grown(void *at, unsigned nr, unsigned *room, size_t size)
{
	if (nr < *room)
		return at;
	*room = *room ? 2 * *room : 16;
	at = realloc(at, *room * size);
	if (!at)
		abort();
	return at;
}

static void ranges_add(struct ranges *r, uintptr_t from, uintptr_t to)
{
	struct range *last = r->nr ? &r->at[r->nr - 1] : NULL;

	if (last && from >= last->from && from <= last->to) {
		if (to > last->to)
			last->to = to;
		return;
	}
	r->at = grown(r->at, r->nr, &r->room, sizeof(*r->at));
	r->at[r->nr++] = (struct range){ from, to };
}

static int by_address(const void *a, const void *b)
{
	const struct range *l = a, *r = b;

	return l->from < r->from ? -1 : l->from > r->from;
}

/* In order, each byte once. */
static void ranges_sort(struct ranges *r)
{
	unsigned nr = r->nr, i;

	if (!nr)
		return;
	qsort(r->at, nr, sizeof(*r->at), by_address);
	r->nr = 1;
	for (i = 1; i < nr; i++)
		ranges_add(r, r->at[i].from, r->at[i].to);
}

static bool meet(const struct ranges *a, const struct ranges *b)
{
	unsigned i = 0, k = 0;

	while (i < a->nr && k < b->nr) {
		if (a->at[i].to <= b->at[k].from)
			i++;
		else if (b->at[k].to <= a->at[i].from)
			k++;
		else
			return true;
	}
	return false;
}

static bool changes(const struct hold *h)
{
	return h->net || h->tried;
}

static struct hold *hold_of(const struct foot *f, uintptr_t addr)
{
	unsigned i;

	for (i = 0; i < f->nr; i++)
		if (f->hold[i].addr == addr)
			return &f->hold[i];
	return NULL;
}

/* Whether the order of the two can matter. */
static bool conflict(const struct foot *a, const struct foot *b)
{
	const struct hold *h, *other;

	for (h = a->hold; h < a->hold + a->nr; h++) {
		other = hold_of(b, h->addr);
		if (other && (changes(h) || changes(other)) &&
		    !(h->shared && other->shared))
			return true;
	}
	return meet(&a->writes, &b->all) || meet(&a->all, &b->writes) ||
	       meet(&a->adds, &b->all) || meet(&a->all, &b->adds);
}

static void foot_lock(struct foot *f, const struct dpor_access *a)
{
	struct hold *h = hold_of(f, a->addr);

	if (!h) {
		f->hold = grown(f->hold, f->nr, &f->room, sizeof(*f->hold));
		h = &f->hold[f->nr++];
		*h = (struct hold){ .addr = a->addr, .shared = true };
	}
	h->shared &= a->shared;
	if (a->kind == DPOR_LOCK)
		h->net++;
	else if (a->kind == DPOR_TRYLOCK)
		h->tried = true;
	else if (h->tried)
		h->tried = false;
	else
		h->net--;
}

static void foot_add(struct foot *f, const struct dpor_access *a)
{
	bool lock = a->kind >= DPOR_LOCK;
	uintptr_t at = a->addr;

	if (a->kind == DPOR_ASK)
		at |= DPOR_WAITERS;
	if (lock)
		foot_lock(f, a);
	if (lock && !a->quiet)
		return;
	if (a->kind == DPOR_ADD) {
		ranges_add(&f->adds, at, at + a->len);
		return;
	}
	ranges_add(&f->all, at, at + a->len);
	if (a->kind != DPOR_READ && a->kind != DPOR_ASK)
		ranges_add(&f->writes, at, at + a->len);
}

static struct foot *foot_new(void)
{
	struct foot *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->refs = 1;
	return f;
}

static void foot_drop(struct foot *f)
{
	if (!f || --f->refs)
		return;
	free(f->all.at);
	free(f->writes.at);
	free(f->adds.at);
	free(f->hold);
	free(f);
}

struct dpor *dpor_new(unsigned cpus)
{
	struct dpor *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->cpus = cpus;
	return d;
}

static void pop(struct dpor *d)
{
	struct node *n = &d->node[--d->nr];
	unsigned i;

	foot_drop(n->foot);
	for (i = 0; i < d->cpus; i++)
		foot_drop(n->asleep[i]);
}

void dpor_free(struct dpor *d)
{
	if (!d)
		return;
	while (d->nr)
		pop(d);
	dpor_begin(d);
	free(d->node);
	free(d->with);
	free(d);
}

void dpor_begin(struct dpor *d)
{
	unsigned i;

	for (i = 0; i < d->cpus; i++)
		foot_drop(d->cpu[i].early);
	d->depth = 0;
	d->turn = 0;
	d->running = d->local = DPOR_NONE;
	memset(d->cpu, 0, sizeof(d->cpu));
}

/* Whether step @n is ordered before what has the clock @clock. */
static bool before(const struct node *n, const uint32_t *clock)
{
	return clock[n->cpu] > n->nth[n->cpu];
}

/* Spin loops. */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

/* Whether a step of another CPU has come between, or after, the last round. */
static bool is_stale(const struct dpor *d, unsigned cpu)
{
	size_t i, k;

	for (i = d->cpu[cpu].from; i < d->depth; i++) {
		if (d->node[i].cpu != cpu)
			continue;
		for (k = i + 1; k < d->depth; k++)
			if (d->node[k].cpu != cpu &&
			    conflict(d->node[i].foot, d->node[k].foot))
				return true;
	}
	return false;
}

bool dpor_relax(struct dpor *d, unsigned cpu, uintptr_t pc, unsigned rounds)
{
	struct cpu *c = &d->cpu[cpu];

	c->rounds = c->pc == pc && c->round == c->last ? c->rounds + 1 : 0;
	if (c->rounds >= rounds && !is_stale(d, cpu))
		c->gives_way = true;
	c->pc = pc;
	c->last = c->round;
	c->round = 0;
	/* One that gives way is woken by what its last round has read. */
	if (!c->gives_way)
		c->from = d->depth;
	return c->gives_way;
}

static void wake(struct dpor *d, size_t at)
{
	const struct node *n = &d->node[at];
	struct cpu *c;
	unsigned i;
	size_t k;

	for (i = 0; i < d->cpus; i++) {
		c = &d->cpu[i];
		if (!c->gives_way || i == n->cpu)
			continue;
		for (k = c->from; k < at && c->gives_way; k++)
			if (d->node[k].cpu == i &&
			    conflict(d->node[k].foot, n->foot))
				c->gives_way = false;
		if (!c->gives_way)
			c->from = at + 1;
	}
}

/* Races. */

/*
 * The CPUs that can begin a run in which step @at comes after the one on top:
 * those whose first step, of all that are not ordered after @at, is ordered after
 * none of them.
 */
static unsigned beginners(const struct dpor *d, size_t at)
{
	const struct node *first = &d->node[at], *top = &d->node[d->depth];
	const struct node *n, *m;
	uint32_t clock[DPOR_CPUS];
	unsigned seen = 0, can = 0, i;

	memcpy(clock, d->cpu[top->cpu].clock, sizeof(clock));
	for (n = first + 1; n <= top; n++) {
		const uint32_t *of = n == top ? clock : n->clock;
		bool ordered = false;

		if (n != top && before(first, of))
			continue;
		for (m = first + 1; m < n && !ordered; m++)
			ordered = m->cpu != n->cpu &&
				  !before(first, m->clock) && before(m, of);
		if (!(seen & 1u << n->cpu) && !ordered)
			can |= 1u << n->cpu;
		seen |= 1u << n->cpu;
		if (n != top && n->cpu != top->cpu && d->with[n - d->node])
			for (i = 0; i < d->cpus; i++)
				if (n->clock[i] > clock[i])
					clock[i] = n->clock[i];
	}
	return can;
}

/* Step @at could have come after the one on top. */
static void reverse(struct dpor *d, size_t at)
{
	struct node *n = &d->node[at];
	unsigned cpu = d->node[d->depth].cpu;
	unsigned can = beginners(d, at) & n->enabled;

	if (!can)
		n->noted |= n->enabled;
	else if (!((n->noted | n->sleep) & can))
		n->noted |= can & 1u << cpu ? 1u << cpu : can & -can;
}

/* Whether step @at of another CPU may come after the one on top. */
static bool can_reverse(const struct dpor *d, size_t at)
{
	const struct node *n = &d->node[at], *top = &d->node[d->depth];
	const struct hold *h;

	/* It has waited for what @at gave back, unless @at asked who waits. */
	if (top->did.kind == DPOR_LOCK) {
		h = hold_of(n->foot, top->did.addr);
		if (h && h->net < 0 && !meet(&n->foot->all, &top->foot->adds))
			return false;
	}
	return n->enabled & 1u << top->cpu ||
	       n->nth[top->cpu] != d->cpu[top->cpu].steps;
}

static void races_with(struct dpor *d, unsigned other)
{
	const uint32_t *clock = d->cpu[d->node[d->depth].cpu].clock;
	size_t i;

	for (i = d->depth; i-- > 0;) {
		if (d->node[i].cpu != other)
			continue;
		if (before(&d->node[i], clock))
			return;
		if (!d->with[i] || !can_reverse(d, i))
			continue;
		reverse(d, i);
		return;
	}
}

/* Which earlier steps the one on top depends on, and could come before. */
static void races(struct dpor *d)
{
	const struct node *top = &d->node[d->depth];
	size_t i;

	if (d->with_room < d->room) {
		d->with_room = d->room;
		d->with = realloc(d->with, d->room * sizeof(*d->with));
		if (!d->with)
			abort();
	}
	for (i = 0; i < d->depth; i++)
		d->with[i] = d->node[i].cpu != top->cpu &&
			     conflict(d->node[i].foot, top->foot);
	for (i = 0; i < d->cpus; i++)
		if (i != top->cpu)
			races_with(d, (unsigned)i);
}

/* Clock of the step on top of the stack. */
static void stamp(struct dpor *d, struct node *n)
{
	unsigned i, missing = (1u << d->cpus) - 1;
	const struct node *m;

	memcpy(n->clock, d->cpu[n->cpu].clock, sizeof(n->clock));
	n->clock[n->cpu]++;
	missing &= ~(1u << n->cpu);
	/* What is ordered before a CPU's step is before its later ones. */
	for (m = n; m-- > d->node && missing;) {
		if (!(missing & 1u << m->cpu) || !d->with[m - d->node])
			continue;
		missing &= ~(1u << m->cpu);
		for (i = 0; i < d->cpus; i++)
			if (m->clock[i] > n->clock[i])
				n->clock[i] = m->clock[i];
	}
}

static struct node *push(struct dpor *d)
{
	if (d->nr == d->room) {
		d->room = d->room ? 2 * d->room : 512;
		d->node = realloc(d->node, d->room * sizeof(*d->node));
		if (!d->node)
			abort();
	}
	memset(&d->node[d->nr], 0, sizeof(d->node[0]));
	return &d->node[d->nr++];
}

static unsigned first_of(unsigned mask)
{
	return (unsigned)__builtin_ctz(mask);
}

/* Those that sleep still after the step below. */
static unsigned sleepers(const struct dpor *d, const struct node *n)
{
	unsigned mask = (n->sleep | n->done) & ~(1u << n->cpu), i, left = 0;

	for (i = 0; i < d->cpus; i++)
		if (mask & 1u << i && !conflict(n->asleep[i], n->foot))
			left |= 1u << i;
	return left;
}

/* A node that no run has reached before. Return: the CPU, or DPOR_CUT. */
static unsigned explore(struct dpor *d, const struct dpor_next *next,
			unsigned enabled)
{
	unsigned sleep = 0, can, was = DPOR_CPUS, cpu, i;
	struct node *n;

	if (d->depth) {
		was = d->node[d->depth - 1].cpu;
		sleep = sleepers(d, &d->node[d->depth - 1]);
	}
	can = enabled & ~sleep;
	if (!can)
		return DPOR_CUT;
	cpu = was < DPOR_CPUS && can & 1u << was ? was : first_of(can);
	n = push(d);
	n->cpu = cpu;
	n->sleep = (uint8_t)sleep;
	n->enabled = (uint8_t)enabled;
	n->noted = (uint8_t)(1u << cpu);
	for (i = 0; i < d->cpus; i++) {
		n->nth[i] = d->cpu[i].steps;
		n->next[i] = next[i].access;
		if (!(sleep & 1u << i))
			continue;
		n->asleep[i] = d->node[d->depth - 1].asleep[i];
		n->asleep[i]->refs++;
	}
	return cpu;
}

static bool same(const struct dpor_access *a, const struct dpor_access *b)
{
	return a->kind == b->kind && a->addr == b->addr && a->pc == b->pc;
}

/* A CPU whose next step concerns nobody goes on at once; all take turns. */
static unsigned local(struct dpor *d, const struct dpor_next *next,
		      unsigned mask)
{
	unsigned i, cpu;

	for (i = 1; i <= d->cpus; i++) {
		cpu = (d->turn + i) % d->cpus;
		if (!(mask & 1u << cpu) || next[cpu].access.kind != DPOR_LOCAL)
			continue;
		d->cpu[cpu].gives_way = false;
		d->turn = cpu;
		return cpu;
	}
	return DPOR_NONE;
}

/* The step that runs is over. */
static void close_step(struct dpor *d)
{
	struct node *n = &d->node[d->depth];
	unsigned cpu = d->running;

	d->running = DPOR_NONE;
	if (cpu == DPOR_NONE)
		return;
	/* The last node of the stack is new, or has another CPU than before. */
	if (d->depth + 1 == d->nr) {
		ranges_sort(&n->foot->all);
		ranges_sort(&n->foot->writes);
		ranges_sort(&n->foot->adds);
		races(d);
		stamp(d, n);
	}
	memcpy(d->cpu[cpu].clock, n->clock, sizeof(n->clock));
	d->cpu[cpu].steps++;
	d->depth++;
	if (d->depth > d->most)
		d->most = d->depth;
	wake(d, d->depth - 1);
}

void dpor_did(struct dpor *d, const struct dpor_access *a)
{
	unsigned cpu = d->running == DPOR_NONE ? d->local : d->running;
	struct cpu *c;

	if (cpu == DPOR_NONE)
		return;
	c = &d->cpu[cpu];
	if (!a->plain)
		c->round = mix(mix(mix(c->round, a->kind), a->addr), a->pc);
	if (d->running != DPOR_NONE) {
		if (d->depth + 1 == d->nr)
			foot_add(d->node[d->depth].foot, a);
		return;
	}
	if (!c->early)
		c->early = foot_new();
	foot_add(c->early, a);
}

bool dpor_new_step(const struct dpor *d)
{
	return d->running != DPOR_NONE;
}

/*
 * Nobody goes on any more; what they wait to do could have come earlier: each
 * wait is taken for a step that takes the lock.
 */
static void stuck(struct dpor *d, const struct dpor_next *next)
{
	struct node *n;
	unsigned i;

	for (i = 0; i < d->cpus; i++) {
		if (next[i].state != DPOR_WAITS || d->depth != d->nr)
			continue;
		n = push(d);
		n->cpu = i;
		n->did = next[i].access;
		n->foot = foot_new();
		foot_add(n->foot, &n->did);
		races(d);
		pop(d);
	}
}

unsigned dpor_step(struct dpor *d, const struct dpor_next *next)
{
	unsigned ready = 0, enabled = 0, cpu, i;
	struct node *n;

	close_step(d);
	d->local = DPOR_NONE;
	for (i = 0; i < d->cpus; i++) {
		if (next[i].state != DPOR_READY)
			continue;
		ready |= 1u << i;
		if (!d->cpu[i].gives_way)
			enabled |= 1u << i;
	}
	if (!enabled)
		enabled = ready;
	if (!enabled) {
		stuck(d, next);
		return DPOR_NONE;
	}
	cpu = local(d, next, enabled);
	if (cpu != DPOR_NONE) {
		d->local = cpu;
		return cpu;
	}
	if (d->depth == d->nr && explore(d, next, enabled) == DPOR_CUT)
		return DPOR_CUT;
	n = &d->node[d->depth];
	cpu = n->cpu;
	if (n->enabled != enabled || !same(&n->next[cpu], &next[cpu].access)) {
		d->diverged = true;
		return DPOR_CUT;
	}
	n->did = next[cpu].access;
	if (!n->foot)
		n->foot = d->cpu[cpu].early ? d->cpu[cpu].early : foot_new();
	else
		foot_drop(d->cpu[cpu].early);
	d->cpu[cpu].early = NULL;
	d->cpu[cpu].gives_way = false;
	d->running = cpu;
	return cpu;
}

bool dpor_more(struct dpor *d)
{
	struct node *n;
	unsigned left;

	close_step(d);
	if (d->diverged)
		return false;
	while (d->nr > d->depth)
		pop(d);
	while (d->nr) {
		n = &d->node[d->nr - 1];
		n->done |= 1u << n->cpu;
		foot_drop(n->asleep[n->cpu]);
		n->asleep[n->cpu] = n->foot;
		n->foot = NULL;
		left = n->noted & ~n->done & ~n->sleep;
		if (left) {
			n->cpu = first_of(left);
			return true;
		}
		pop(d);
	}
	return false;
}

double dpor_share(const struct dpor *d)
{
	const struct node *n;
	double share = 0;
	size_t i;

	/* The node on top has just been given its next CPU. */
	for (i = d->nr; i-- > 0;) {
		n = &d->node[i];
		share += __builtin_popcount(n->done & ~(1u << n->cpu));
		share /= __builtin_popcount(n->noted & ~n->sleep);
	}
	return share;
}

size_t dpor_steps(const struct dpor *d)
{
	return d->most;
}

bool dpor_diverged(const struct dpor *d)
{
	return d->diverged;
}
