// SPDX-License-Identifier: GPL-2.0-or-later
/* Strategies. What is random comes from the stream of the schedule alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explore/exhaust.h"
#include "harness/explore/strategy.h"
#include "lib/random.h"

#define DEPTH_MOST 32
/* How often a slice is as long as 2^0 .. 2^7 points. */
#define STICKS 8

static uint64_t below(struct strategy *s, uint64_t n)
{
	return (random_splitmix(&s->random) >> 32) * n >> 32;
}

int strategy_parse(struct strategy *s, const char *text, struct err *err)
{
	static const struct {
		const char *name;
		enum strategy_kind kind;
		bool depth;
	} known[] = {
		{ "random", STRATEGY_RANDOM, false },
		{ "mix", STRATEGY_MIX, false },
		{ "exhaustive", STRATEGY_EXHAUSTIVE, false },
		{ "pct", STRATEGY_PCT, true },
		{ "delay", STRATEGY_DELAY, true },
	};
	size_t i, len = strcspn(text, ":");
	char *end;
	long depth;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i].name) != len ||
		    strncmp(known[i].name, text, len))
			continue;
		s->kind = known[i].kind;
		if (!known[i].depth && !text[len])
			return 0;
		if (!known[i].depth || !text[len])
			break;
		depth = strtol(text + len + 1, &end, 10);
		if (*end || end == text + len + 1 || depth < 1 ||
		    depth > DEPTH_MOST)
			break;
		s->depth = (unsigned)depth;
		return 0;
	}
	return err_set(err, -EINVAL,
		       "no strategy is \"%.40s\"; there are random, mix, "
		       "exhaustive, pct:D and delay:D, with D from 1 to %d",
		       text, DEPTH_MOST);
}

static int by_size(const void *a, const void *b)
{
	uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;

	return l < r ? -1 : l > r;
}

/* Points of the schedule, in order, at which something happens. */
static void points_at(struct strategy *s, unsigned nr)
{
	uint64_t most = s->points ? s->points : 1000;
	unsigned i;

	s->nr_at = nr;
	for (i = 0; i < nr; i++)
		s->at[i] = 1 + below(s, most);
	qsort(s->at, nr, sizeof(s->at[0]), by_size);
}

static unsigned first_of(unsigned mask)
{
	return (unsigned)__builtin_ctz(mask);
}

/*
 * The CPUs of each mask, in order. Which it is cannot be foreseen, so it is looked
 * up without a branch.
 */
static struct {
	uint8_t nr, cpu[XCPU_MAX];
} sets[1u << XCPU_MAX];

static void fill_sets(void)
{
	unsigned mask, rest;

	for (mask = 1; mask < 1u << XCPU_MAX; mask++) {
		sets[mask].nr = 0;
		for (rest = mask; rest; rest &= rest - 1)
			sets[mask].cpu[sets[mask].nr++] =
				(uint8_t)first_of(rest);
	}
}

void strategy_begin(struct strategy *s, unsigned cpus, uint64_t seed)
{
	unsigned i, k, t;

	if (!sets[1].nr)
		fill_sets();
	s->random = seed;
	s->cpus = cpus;
	s->done = 0;
	s->nr_at = 0;
	s->now = s->kind;
	memset(s->next, 0, sizeof(s->next));
	if (s->kind == STRATEGY_MIX) {
		s->now = below(s, 4) ? STRATEGY_RANDOM : STRATEGY_PCT;
		s->depth = 3;
	}
	switch (s->now) {
	case STRATEGY_RANDOM:
		s->stick = (unsigned)below(s, STICKS);
		break;
	case STRATEGY_PCT:
		for (i = 0; i < cpus; i++)
			s->priority[i] = DEPTH_MOST + i;
		for (i = cpus; i-- > 1;) {
			k = (unsigned)below(s, i + 1);
			t = s->priority[i];
			s->priority[i] = s->priority[k];
			s->priority[k] = t;
		}
		s->lowest = 1u << 30;
		points_at(s, s->depth - 1);
		break;
	case STRATEGY_DELAY:
		points_at(s, s->depth);
		break;
	default:
		break;
	}
}

/* The one after @cpu, round all of them. */
static unsigned after(const struct strategy *s, unsigned mask, unsigned cpu)
{
	unsigned i, at;

	if (cpu == XCPU_MAX)
		return first_of(mask);
	for (i = 1; i <= s->cpus; i++) {
		at = (cpu + i) % s->cpus;
		if (mask & 1u << at)
			return at;
	}
	return first_of(mask);
}

static unsigned random_of(struct strategy *s, unsigned mask)
{
	return sets[mask].cpu[below(s, sets[mask].nr)];
}

static unsigned pick_random(struct strategy *s, unsigned runnable,
			    uint64_t *slice)
{
	*slice = 1 + below(s, (2ull << s->stick) - 1);
	return random_of(s, runnable);
}

/* Whether the point that is next on the list is reached. */
static bool is_due(struct strategy *s)
{
	bool due = false;

	while (s->nr_at && s->at[0] <= s->done) {
		memmove(s->at, s->at + 1, --s->nr_at * sizeof(s->at[0]));
		due = true;
	}
	return due;
}

static unsigned pick_pct(struct strategy *s, enum xwhy why, unsigned runnable,
			 unsigned current, uint64_t *slice)
{
	unsigned i, best = first_of(runnable);

	s->done = xcpu_points();
	/* Lower numbers are higher priorities here. */
	if (current != XCPU_MAX &&
	    ((why == XWHY_SLICE && is_due(s)) || why == XWHY_RELAX))
		s->priority[current] = s->lowest++;
	for (i = 0; i < s->cpus; i++)
		if (runnable & 1u << i && s->priority[i] < s->priority[best])
			best = i;
	*slice = s->nr_at ? s->at[0] - s->done : ~0ull;
	return best;
}

static unsigned pick_delay(struct strategy *s, enum xwhy why, unsigned runnable,
			   unsigned current, uint64_t *slice)
{
	unsigned next = current;

	s->done = xcpu_points();
	if (why != XWHY_SLICE || is_due(s))
		next = after(s, runnable, current);
	*slice = s->nr_at ? s->at[0] - s->done : ~0ull;
	return next;
}

/*
 * Choices are found by CPU and point, so what is left of them still means
 * something when others were dropped. Where none is given, a CPU goes on as long
 * as it can.
 *
 * A preemption comes before its point is done, a forced choice after it: one is
 * never taken for the other.
 */
static const struct choice *given(const struct strategy *s, unsigned cpu,
				  uint64_t step, bool forced)
{
	const struct choices *c = s->given;
	size_t i = s->next[cpu];

	while (i < c->nr && (c->at[i].cpu != cpu || c->at[i].step < step ||
			     c->at[i].forced != forced))
		i++;
	return i < c->nr ? &c->at[i] : NULL;
}

static unsigned first_given(const struct strategy *s, unsigned runnable)
{
	const struct choices *c = s->given;

	/* The first choice of all is that of no CPU. */
	if (c->nr && c->at[0].cpu == XCPU_MAX && runnable & 1u << c->at[0].next)
		return c->at[0].next;
	return first_of(runnable);
}

static unsigned pick_replay(struct strategy *s, enum xwhy why,
			    unsigned runnable, unsigned current,
			    uint64_t *slice)
{
	bool forced = why != XWHY_SLICE;
	const struct choice *c;
	uint64_t step;
	unsigned next;

	if (current == XCPU_MAX) {
		next = first_given(s, runnable);
	} else {
		step = xcpu_steps(current);
		c = given(s, current, step, forced);
		next = forced ? after(s, runnable, current) : current;
		if (c && c->step == step) {
			s->next[current] = (size_t)(c - s->given->at) + 1;
			if (runnable & 1u << c->next)
				next = c->next;
		}
	}
	/* Up to the next preemption; what forces a choice comes by itself. */
	c = given(s, next, xcpu_steps(next) + 1, false);
	*slice = c ? c->step - xcpu_steps(next) : ~0ull;
	return next;
}

unsigned strategy_pick(struct strategy *s, enum xwhy why, unsigned runnable,
		       unsigned current, uint64_t *slice)
{
	unsigned others = runnable;

	if (why == XWHY_RELAX && others & ~(1u << current))
		others &= ~(1u << current);
	switch (s->now) {
	case STRATEGY_REPLAY:
		return pick_replay(s, why, runnable, current, slice);
	case STRATEGY_EXHAUSTIVE:
		return exhaust_pick(s->exhaust, why, runnable, slice);
	case STRATEGY_PCT:
		return pick_pct(s, why, runnable, current, slice);
	case STRATEGY_DELAY:
		return pick_delay(s, why, others, current, slice);
	default:
		return pick_random(s, others, slice);
	}
}
