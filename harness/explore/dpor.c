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

/*
 * @did: the step of @cpu
 * @next: what each CPU was about to do
 * @clock: of @cpu after the step: steps of each CPU that are ordered before it
 * @nth: of each CPU: its steps before this node
 * @enabled: CPUs that could go on
 * @noted: those to be explored; @done: those that were; @sleep: need not be
 */
struct node {
	unsigned cpu;
	struct dpor_access did, next[DPOR_CPUS];
	uint32_t clock[DPOR_CPUS], nth[DPOR_CPUS];
	uint8_t enabled, noted, done, sleep;
};

/*
 * A CPU in the run. @round is the hash of its steps since it last waited in a
 * loop, at @pc, which began at depth @from; @last is that of the round before.
 */
struct cpu {
	uint32_t clock[DPOR_CPUS], steps;
	uint64_t round, last;
	size_t from;
	uintptr_t pc;
	unsigned rounds;
	bool gives_way;
};

struct dpor {
	unsigned cpus;
	struct node *node;
	size_t nr, room; /* of the stack */
	size_t depth; /* steps of this run */
	size_t most;
	unsigned turn; /* who has last gone on while all give way */
	bool diverged;
	struct cpu cpu[DPOR_CPUS];
};

struct dpor *dpor_new(unsigned cpus)
{
	struct dpor *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->cpus = cpus;
	return d;
}

void dpor_free(struct dpor *d)
{
	if (d)
		free(d->node);
	free(d);
}

void dpor_begin(struct dpor *d)
{
	d->depth = 0;
	d->turn = 0;
	memset(d->cpu, 0, sizeof(d->cpu));
}

/* Whether the order of the two can matter. */
static bool conflict(const struct dpor_access *a, const struct dpor_access *b)
{
	if (a->kind == DPOR_LOCAL || b->kind == DPOR_LOCAL)
		return false;
	if (a->kind == DPOR_READ && b->kind == DPOR_READ)
		return false;
	if (a->shared && b->shared)
		return false;
	return a->addr < b->addr + b->len && b->addr < a->addr + a->len;
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
			    conflict(&d->node[i].did, &d->node[k].did))
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
			    conflict(&d->node[k].did, &n->did))
				c->gives_way = false;
		if (!c->gives_way)
			c->from = at + 1;
	}
}

/* Races. */

/*
 * The CPUs that can begin a run in which step @at comes after what is about to
 * be done by @cpu: those whose first step, of all that are not ordered after
 * @at, is ordered after none of them.
 */
static unsigned beginners(const struct dpor *d, size_t at, unsigned cpu,
			  const struct dpor_access *access)
{
	const struct node *first = &d->node[at], *n, *m;
	uint32_t clock[DPOR_CPUS];
	unsigned seen = 0, can = 0, i;

	memcpy(clock, d->cpu[cpu].clock, sizeof(clock));
	for (n = first + 1; n <= d->node + d->depth; n++) {
		bool last = n == d->node + d->depth, ordered = false;
		const uint32_t *of = last ? clock : n->clock;
		unsigned who = last ? cpu : n->cpu;

		if (!last && before(first, of))
			continue;
		for (m = first + 1; m < n && !ordered; m++)
			ordered = m->cpu != who && !before(first, m->clock) &&
				  before(m, of);
		if (!(seen & 1u << who) && !ordered)
			can |= 1u << who;
		seen |= 1u << who;
		if (!last && n->cpu != cpu && conflict(&n->did, access))
			for (i = 0; i < d->cpus; i++)
				if (n->clock[i] > clock[i])
					clock[i] = n->clock[i];
	}
	return can;
}

/* Step @at could have come after what @cpu is about to do. */
static void reverse(struct dpor *d, size_t at, unsigned cpu,
		    const struct dpor_access *access)
{
	struct node *n = &d->node[at];
	unsigned can = beginners(d, at, cpu, access) & n->enabled;

	if (!can)
		n->noted |= n->enabled;
	else if (!(n->noted & can))
		n->noted |= can & 1u << cpu ? 1u << cpu : can & -can;
}

/* Whether step @at of another CPU may come after what @cpu is about to do. */
static bool can_reverse(const struct dpor *d, size_t at, unsigned cpu,
			const struct dpor_access *access)
{
	const struct node *n = &d->node[at];

	if (access->kind == DPOR_LOCK && n->did.kind == DPOR_UNLOCK)
		return false;
	return n->enabled & 1u << cpu || n->nth[cpu] != d->cpu[cpu].steps;
}

static void races_with(struct dpor *d, unsigned cpu, unsigned other,
		       const struct dpor_access *access)
{
	const struct node *n;
	size_t i;

	for (i = d->depth; i-- > 0;) {
		n = &d->node[i];
		if (n->cpu != other)
			continue;
		if (before(n, d->cpu[cpu].clock))
			return;
		if (!conflict(&n->did, access) ||
		    !can_reverse(d, i, cpu, access))
			continue;
		reverse(d, i, cpu, access);
		return;
	}
}

static void races(struct dpor *d, unsigned cpu,
		  const struct dpor_access *access)
{
	unsigned i;

	for (i = 0; i < d->cpus; i++)
		if (i != cpu)
			races_with(d, cpu, i, access);
}

/* Steps. */

/* Clock of the step on top of the stack, which @cpu does. */
static void stamp(struct dpor *d, struct node *n)
{
	struct cpu *c = &d->cpu[n->cpu];
	unsigned i, missing = (1u << d->cpus) - 1;
	const struct node *m;

	for (i = 0; i < d->cpus; i++)
		n->nth[i] = d->cpu[i].steps;
	memcpy(n->clock, c->clock, sizeof(n->clock));
	n->clock[n->cpu]++;
	missing &= ~(1u << n->cpu);
	/* What is ordered before a CPU's step is before its later ones. */
	for (m = n; m-- > d->node && missing;) {
		if (!(missing & 1u << m->cpu) || !conflict(&m->did, &n->did))
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
		if (mask & 1u << i && !conflict(&n->next[i], &n->did))
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
	for (i = 0; i < d->cpus; i++)
		n->next[i] = next[i].access;
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

/* Nobody goes on any more; what they wait to do could have come earlier. */
static void stuck(struct dpor *d, const struct dpor_next *next)
{
	unsigned i;

	for (i = 0; i < d->cpus; i++)
		if (next[i].state == DPOR_WAITS)
			races(d, i, &next[i].access);
}

unsigned dpor_step(struct dpor *d, const struct dpor_next *next)
{
	unsigned ready = 0, enabled = 0, cpu, i;
	struct node *n;
	bool new;

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
	if (cpu != DPOR_NONE)
		return cpu;
	new = d->depth == d->nr;
	if (new &&explore(d, next, enabled) == DPOR_CUT)
		return DPOR_CUT;
	n = &d->node[d->depth];
	cpu = n->cpu;
	if (n->enabled != enabled || !same(&n->next[cpu], &next[cpu].access)) {
		d->diverged = true;
		return DPOR_CUT;
	}
	n->did = next[cpu].access;
	d->cpu[cpu].gives_way = false;
	/* The last node of the stack is new, or has another CPU than before. */
	if (d->depth + 1 == d->nr) {
		races(d, cpu, &n->did);
		stamp(d, n);
	}
	memcpy(d->cpu[cpu].clock, n->clock, sizeof(n->clock));
	d->cpu[cpu].steps++;
	d->cpu[cpu].round =
		mix(mix(mix(d->cpu[cpu].round, n->did.kind), n->did.addr),
		    n->did.pc);
	d->depth++;
	if (d->depth > d->most)
		d->most = d->depth;
	wake(d, d->depth - 1);
	return cpu;
}

bool dpor_more(struct dpor *d)
{
	struct node *n;
	unsigned left;

	if (d->diverged)
		return false;
	d->nr = d->depth;
	while (d->nr) {
		n = &d->node[d->nr - 1];
		n->done |= 1u << n->cpu;
		left = n->noted & ~n->done & ~n->sleep;
		if (left) {
			n->cpu = first_of(left);
			return true;
		}
		d->nr--;
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
