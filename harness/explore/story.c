// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The story of a finding: its schedule once more, with a column for each CPU,
 * from top to bottom as it happened. Told are operations, locks, switches, and
 * all that touches the address that the finding is about; at the end what was
 * done last, and what should have been.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/explore/front.h"
#include "harness/explore/story.h"
#include "harness/explore/strategy.h"

static const char *const expected[XFOUNDS] = {
	[XFOUND_RACE] = "a lock that both hold, or an order between them",
	[XFOUND_FREED] = "memory that is in use until its last access",
	[XFOUND_DOUBLE_FREE] = "one free of what was allocated once",
	[XFOUND_UNLOCK] = "an unlock by the CPU that holds the lock",
	[XFOUND_RECURSION] = "a lock that the CPU does not hold yet",
	[XFOUND_SLEEP] = "preemption on, and no spinlock held",
	[XFOUND_ORDER] = "lock classes that are always taken in one order",
	[XFOUND_LEFT] = "no lock held and preemption on after an operation",
	[XFOUND_DEADLOCK] = "a CPU that can go on",
	[XFOUND_LOST_WAKEUP] = "an unlock that wakes who waits",
	[XFOUND_LIVELOCK] = "an end",
	[XFOUND_SECTION] = "preemption on again, sooner",
	[XFOUND_CRASH] = "no crash",
	[XFOUND_SAID] = "no warning",
	[XFOUND_CONTENTS] = "the bytes that were stored last",
	[XFOUND_INVALID] = "a pool whose lists and counts agree",
	[XFOUND_LEAK] = "nothing left when all objects are freed",
	[XFOUND_RESULT] = "a result that the contract of the call allows",
};

void __attribute__((noinline)) story_here(void)
{
	__asm__ volatile("" ::: "memory");
}

static unsigned holds(unsigned cpu, struct xlock *to)
{
	const struct xlock *held;
	unsigned n = xcpu_held(cpu, &held);

	n = n < HELD ? n : HELD;
	memcpy(to, held, n * sizeof(*to));
	return n;
}

static unsigned holder(const struct story *s, unsigned cpu,
		       const struct xpoint *p)
{
	const struct xlock *held;
	unsigned i, n;

	for (i = 0; i < s->program->cpus; i++) {
		n = i == cpu ? 0 : xcpu_held(i, &held);
		while (n-- > 0)
			if (held[n].lock == p->addr &&
			    !(held[n].shared && p->shared))
				return i;
	}
	return NOBODY;
}

/* Operations may have no points between them. */
#define OP_EVENTS (2 * XCPU_MAX * PROGRAM_OPS)

/*
 * Room for one more event and for all operations. Not to be called where malloc()
 * gives memory of the world, as it does when an operation begins.
 */
static void make_room(struct story *s)
{
	struct event *to;

	if (s->room > s->nr_events + OP_EVENTS)
		return;
	to = realloc(s->event, (2 * s->room + 2 * OP_EVENTS) * sizeof(*to));
	if (!to)
		return;
	s->event = to;
	s->room = 2 * s->room + 2 * OP_EVENTS;
}

static struct event *add_event(struct story *s, unsigned cpu)
{
	struct event *to;

	if (s->nr_events == s->room)
		return NULL;
	to = &s->event[s->nr_events++];
	*to = (struct event){ .cpu = cpu, .by = NOBODY };
	to->step = xcpu_steps(cpu);
	to->nr_held = holds(cpu, to->held);
	return to;
}

static void on_point(void *arg, unsigned cpu, const struct xpoint *p)
{
	struct story *s = arg;
	struct event *to;

	make_room(s);
	to = add_event(s, cpu);
	if (to) {
		to->what = EVENT_POINT;
		to->p = *p;
		if (p->kind == XDO_LOCK || p->kind == XDO_TRYLOCK)
			to->by = holder(s, cpu, p);
		if (s->f.at.pc && cpu == s->f.cpu && to->step == s->f.step) {
			s->told = true;
			story_here();
		}
	}
}

static void on_op(void *arg, unsigned cpu, const struct op *op)
{
	struct event *to = add_event(arg, cpu);

	if (to) {
		to->what = op ? EVENT_OP : EVENT_END;
		to->op = op;
	}
}

static void on_hit(void *arg, const struct xfinding *f)
{
	struct story *s = arg;
	unsigned i;

	s->f = *f;
	s->came = true;
	s->frame = f->at.addr ? s->e->front->frame(f->at.addr) : -1;
	for (i = 0; i < s->program->cpus; i++) {
		s->nr_held[i] = holds(i, s->held[i]);
		s->stands[i] = xcpu_point(i)->pc;
	}
	if (!s->told)
		story_here();
}

static void tell_setup(struct story *s)
{
	const struct program *p = s->program;
	size_t n = 0, len = sizeof(s->setup);
	char op[64];
	unsigned i;

	if (s->e->front->options)
		n = (size_t)snprintf(s->setup, len, "%s%s%s; ",
				     s->e->front->name,
				     *p->options ? " with " : "", p->options);
	/* Lines are broken at spaces. */
	for (i = 0; i < n; i++)
		if (s->setup[i] == ',')
			s->setup[i] = ' ';
	for (i = 0; i < p->nr_setup && n < len; i++)
		n += (size_t)snprintf(s->setup + n, len - n, "%s%s",
				      i ? "; " : "",
				      op_name(&p->setup[i], op, sizeof(op)));
	if (!p->nr_setup)
		n += (size_t)snprintf(s->setup + n, len - n, "an empty pool");
	if (p->spare && n < len)
		n += (size_t)snprintf(s->setup + n, len - n,
				      "; then %u more frames at most",
				      p->spare);
	if (p->fail_nth && n < len)
		n += (size_t)snprintf(s->setup + n, len - n,
				      "; then allocation %u fails",
				      p->fail_nth);
	if (p->fail_nth && p->fail_every && n < len)
		n += (size_t)snprintf(s->setup + n, len - n,
				      ", and each %u after it", p->fail_every);
	if (p->destroy && n < len)
		snprintf(s->setup + n, len - n,
			 "; in the end the pool is destroyed while in use");
}

static void watch(struct story *s, struct found *f)
{
	struct strategy replay = { .kind = STRATEGY_REPLAY,
				   .given = &f->choices };
	struct explorer *e = s->e;

	e->only = f->key;
	e->hit = false;
	e->reads = f->reads;
	e->event = on_point;
	e->at_op = on_op;
	e->at_hit = on_hit;
	e->event_arg = s;
	strategy_begin(&replay, f->program.cpus, 0);
	if (runner_setup(e, &f->program, f->seed))
		runner_schedule(e, &replay);
	e->event = NULL;
	e->at_op = NULL;
	e->at_hit = NULL;
	e->only = 0;
}

struct story *story_make(struct explorer *e, struct found *f)
{
	struct story *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->e = e;
	s->program = &f->program;
	s->f = f->f;
	make_room(s);
	watch(s, f);
	if (s->came)
		f->f = s->f;
	s->kind = found_name(f->f.kind);
	s->expected = expected[f->f.kind];
	s->backend = e->backend;
	snprintf(s->text, sizeof(s->text), "%s%s", f->f.text,
		 s->came ? "" : " (it did not come again)");
	tell_setup(s);
	if (story_rows(s)) {
		story_free(s);
		return NULL;
	}
	return s;
}

void story_free(struct story *s)
{
	if (!s)
		return;
	free(s->event);
	free(s->row);
	free(s->use);
	free(s);
}
