// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sampled times of the native locks.
 */
#include <string.h>

#include "backends/sync.h"
#include "backends/sync/clock.h"
#include "backends/sync/stat.h"

#define HELD_MAX 16
#define OWNERS 4096

struct hold {
	const void *lock;
	unsigned class;
	uint64_t since;
};

/* The times that a CPU is taking now, in ticks; used by that CPU alone. */
static struct sample {
	uint64_t section_since;
	uint64_t waited; /* for the lock that is being taken */
	bool contended; /* the lock was waited for */
	bool timing; /* times an atomic section */
	unsigned skip; /* sections left before one is timed */
	unsigned until_sleep;
	uint32_t random;
	unsigned nr_held;
	struct hold held[HELD_MAX];
	struct hold slept[HELD_MAX];
} __attribute__((aligned(64))) samples[SYNC_MAX_CPUS];

static unsigned period = SYNC_SAMPLE_PERIOD;

/*
 * The CPU that last took a lock, by a hash of the lock's address. Another lock
 * may overwrite the entry; then a bounce is missed. Only used in detail mode.
 */
static uint64_t owners[OWNERS];

void lock_stats_detail(bool on)
{
	WRITE_ONCE(period, on ? 1 : SYNC_SAMPLE_PERIOD);
}

/*
 * Return: a random number from 0 to 2 * (mean - 1): with a fixed distance, a
 * periodic workload would have the same lock sampled every time.
 */
static unsigned draw(struct sample *s, unsigned mean)
{
	s->random = s->random * 1664525u + 1013904223u;
	return (unsigned)((uint64_t)s->random * (2 * mean + 1) >> 32);
}

static unsigned draw_period(struct sample *s)
{
	unsigned p = READ_ONCE(period);

	return p == 1 ? 0 : draw(s, p - 1);
}

static void bounce(struct sync_cpu *me, const void *l, unsigned class,
		   bool contended)
{
	uintptr_t key = (uintptr_t)l >> 2;
	uint64_t *at = &owners[(key ^ key >> 12) % OWNERS];
	uint64_t was = READ_ONCE(*at);
	uint64_t mine = (uint64_t)key << 10 | me->id;

	if (was == mine)
		return;
	WRITE_ONCE(*at, mine);
	if (was >> 10 == mine >> 10)
		sync_stat_bounce(me->id, class, contended);
}

/* A wait adds this to the state, so that its take uses the slow path once. */
#define FORCE (SYNC_COUNTDOWN << 40)

/* Ends the wait before a take. Return: how long the wait was, in ticks. */
static uint64_t take_wait(struct sync_cpu *me, struct sample *s, bool spins)
{
	uint64_t waited = s->waited;

	if (s->contended && spins)
		me->state += FORCE;
	s->contended = false;
	s->waited = 0;
	return waited;
}

void sync_took_slow(struct sync_cpu *me, const void *l, unsigned class)
{
	struct sample *s = &samples[me->id];
	bool contended = s->contended && l;
	uint64_t waited = contended ? take_wait(me, s, true) : 0;

	if (me->state >= 0)
		return;
	if (!s->timing) {
		/* Due, but this is not the outermost take of a section. */
		if ((me->state & SYNC_DEPTH) != 1)
			return;
		if (s->skip) {
			s->skip--;
			return;
		}
		s->timing = true;
		s->nr_held = 0;
		s->section_since = clock_ticks() - waited;
	}
	if (!l)
		return;
	if (READ_ONCE(period) == 1)
		bounce(me, l, class, contended);
	if (s->nr_held < HELD_MAX)
		s->held[s->nr_held++] = (struct hold){ .lock = l,
						       .class = class,
						       .since = clock_ticks() };
}

void sync_dropped_slow(struct sync_cpu *me, const void *l)
{
	struct sample *s = &samples[me->id];
	uint64_t now;
	unsigned i;

	if (!s->timing)
		return;
	now = clock_ticks();
	for (i = s->nr_held; l && i-- > 0;) {
		if (s->held[i].lock != l)
			continue;
		sync_stat_hold(me->id, s->held[i].class,
			       clock_to_ns(now - s->held[i].since));
		s->held[i] = s->held[--s->nr_held];
		break;
	}
	if (me->state & SYNC_DEPTH)
		return;
	sync_stat_section(me->id, clock_to_ns(now - s->section_since));
	s->timing = false;
	me->state = (int64_t)draw_period(s) * SYNC_COUNTDOWN;
	/* Else the section after the one with most takes is always timed. */
	s->skip = READ_ONCE(period) == 1 ? 0 : draw(s, 4);
}

void sync_sleep_begin(struct sync_cpu *me, const void *l, unsigned class)
{
	struct sample *s = &samples[me->id];

	bool contended = s->contended;

	take_wait(me, s, false);
	if (READ_ONCE(period) == 1)
		bounce(me, l, class, contended);
	if (s->until_sleep) {
		s->until_sleep--;
		return;
	}
	s->until_sleep = draw_period(s);
	if (me->nr_slept < HELD_MAX)
		s->slept[me->nr_slept++] = (struct hold){
			.lock = l, .class = class, .since = clock_ticks()
		};
}

void sync_sleep_end(struct sync_cpu *me, const void *l)
{
	struct sample *s = &samples[me->id];
	unsigned i = me->nr_slept;

	while (i-- > 0) {
		if (s->slept[i].lock != l)
			continue;
		sync_stat_hold(me->id, s->slept[i].class,
			       clock_to_ns(clock_ticks() - s->slept[i].since));
		s->slept[i] = s->slept[--me->nr_slept];
		return;
	}
}

void sync_waited(unsigned class, uint64_t since, bool spins)
{
	uint64_t ticks = clock_ticks() - since, ns = clock_to_ns(ticks);
	struct sync_cpu *me = sync_me;
#ifndef SYNC_NO_STATS
	struct sample *s = &samples[me->id];

	s->waited = ticks;
	s->contended = true;
	if (spins)
		me->state -= FORCE;
	sync_stat_wait(me->id, class, ns);
#endif
	me->wait_ns += ns;
}

uint64_t lock_wait_ns(void)
{
	return sync_me->wait_ns;
}

uint64_t sync_flavour_acquisitions(unsigned class)
{
	unsigned cpu, cpus = sync_cpus_seen();
	uint64_t n = 0;

	for (cpu = 0; cpu < cpus; cpu++)
		n += READ_ONCE(sync_cpu_of(cpu)->acquisitions[class]);
	return n;
}

void sync_flavour_reset(void)
{
	unsigned cpu, i, cpus = sync_cpus_seen();

	for (cpu = 0; cpu < cpus; cpu++) {
		struct sync_cpu *c = sync_cpu_of(cpu);

		for (i = 0; i < SYNC_MAX_CLASSES; i++)
			c->acquisitions[i] = 0;
		c->wait_ns = 0;
		c->state &= SYNC_DEPTH;
		samples[cpu].timing = false;
		samples[cpu].skip = 0;
		samples[cpu].until_sleep = 0;
		samples[cpu].random = cpu;
	}
	memset(owners, 0, sizeof(owners));
}
