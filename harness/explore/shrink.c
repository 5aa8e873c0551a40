// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shrinking: operations first, as a smaller program leaves fewer schedules; then
 * a search for few preemptions; then each choice that is not needed is dropped.
 */
#include <string.h>

#include "backends/sync/clock.h"
#include "harness/explore/strategy.h"

#define TRIES 384 /* schedules of each kind, where it has to be found again */
#define OF_A_PROGRAM 16

static bool out_of_time(uint64_t end)
{
	return clock_wall_ns() > end;
}

/* Whether a schedule of @s shows it; then @f has its choices. */
static bool shows(struct explorer *e, struct found *f, struct strategy *s,
		  struct shrink *result)
{
	result->tried++;
	if (!runner_schedule(e, s))
		return false;
	choices_copy(&f->choices, &e->made, e->made.nr);
	return true;
}

/* Search for the finding in a program that has been set up. */
static bool search(struct explorer *e, struct found *f, unsigned cpus,
		   unsigned tries, struct shrink *result, uint64_t end)
{
	struct strategy s = { .kind = STRATEGY_DELAY };
	unsigned i, depth;

	for (depth = 0; depth <= 3; depth++)
		for (i = 0; i < (depth ? tries : 1) && !out_of_time(end); i++) {
			s.kind = STRATEGY_DELAY;
			s.depth = depth;
			strategy_begin(&s, cpus, i * 7919 + depth);
			if (shows(e, f, &s, result))
				return true;
			s.points = xcpu_points();
		}
	s.kind = STRATEGY_RANDOM;
	for (i = 0; i < tries && !out_of_time(end); i++) {
		strategy_begin(&s, cpus, i);
		if (shows(e, f, &s, result))
			return true;
	}
	return false;
}

/* Replays the choices as they are in a program. */
static bool repeats(struct explorer *e, struct found *f,
		    const struct choices *given, struct shrink *result)
{
	struct strategy s = { .kind = STRATEGY_REPLAY, .given = given };

	strategy_begin(&s, e->program->cpus, 0);
	return shows(e, f, &s, result);
}

static bool repeats_alone(struct explorer *e, struct found *f,
			  struct shrink *result)
{
	struct choices given = { 0 };
	bool ok;

	choices_copy(&given, &f->choices, f->choices.nr);
	ok = repeats(e, f, &given, result);
	choices_free(&given);
	return ok;
}

static void drop(struct op *op, unsigned *nr, unsigned at)
{
	memmove(op + at, op + at + 1, (*nr - at - 1) * sizeof(*op));
	--*nr;
}

/* Whether @p shows it, too; then it is @f's program. */
static bool accept(struct explorer *e, struct found *f, const struct program *p,
		   unsigned tries, struct shrink *result, uint64_t end)
{
	struct choices given = { 0 };
	bool ok;

	if (out_of_time(end))
		return false;
	e->hit = false;
	xorder_forget();
	if (!runner_setup(e, p, f->seed)) {
		/* The set-up alone shows it. */
		if (!e->hit)
			return false;
		f->choices.nr = 0;
		f->program = *p;
		return true;
	}
	choices_copy(&given, &f->choices, f->choices.nr);
	ok = repeats(e, f, &given, result) ||
	     search(e, f, p->cpus, tries, result, end);
	choices_free(&given);
	if (ok)
		f->program = *p;
	return ok;
}

/* What a CPU does first may as well be done before all others begin. */
static bool to_setup(struct program *p, unsigned cpu)
{
	if (!p->nr[cpu] || p->nr_setup == PROGRAM_SETUP)
		return false;
	p->setup[p->nr_setup] = p->op[cpu][0];
	p->setup[p->nr_setup++].cpu = cpu;
	drop(p->op[cpu], &p->nr[cpu], 0);
	return true;
}

/* A CPU without operations is none, if it is the last. */
static void trim(struct program *p)
{
	while (p->cpus > 1 && !p->nr[p->cpus - 1])
		p->cpus--;
}

/* Without an option of its front end, which then is as usual. */
static bool drop_option(struct program *p, unsigned nr)
{
	char *at = p->options, *end;

	while (nr-- && at)
		at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
	if (!at || !*at)
		return false;
	end = strchr(at, ',');
	if (end)
		memmove(at, end + 1, strlen(end + 1) + 1);
	else
		*(at > p->options ? at - 1 : at) = '\0';
	return true;
}

static void fewer_ops(struct explorer *e, struct found *f, unsigned tries,
		      struct shrink *result, uint64_t end)
{
	static struct program p;
	unsigned cpu, i;
	bool changed;

	for (cpu = 0; cpu < f->program.cpus; cpu++) {
		p = f->program;
		p.nr[cpu] = 0;
		if (f->program.nr[cpu])
			accept(e, f, &p, tries, result, end);
	}
	do {
		changed = false;
		for (cpu = 0; cpu < f->program.cpus; cpu++)
			for (i = f->program.nr[cpu]; i-- > 0;) {
				p = f->program;
				drop(p.op[cpu], &p.nr[cpu], i);
				changed |= accept(e, f, &p, tries, result, end);
			}
		for (i = f->program.nr_setup; i-- > 0;) {
			p = f->program;
			drop(p.setup, &p.nr_setup, i);
			changed |= accept(e, f, &p, tries, result, end);
		}
		for (cpu = 0; cpu < f->program.cpus; cpu++) {
			p = f->program;
			if (to_setup(&p, cpu))
				changed |= accept(e, f, &p, tries, result, end);
		}
		p = f->program;
		p.fail_nth = p.fail_every = p.spare = 0;
		p.destroy = false;
		if (f->program.fail_nth || f->program.spare ||
		    f->program.destroy)
			changed |= accept(e, f, &p, tries, result, end);
	} while (changed && !out_of_time(end));
	for (i = 0, p = f->program; drop_option(&p, i); p = f->program)
		i += !accept(e, f, &p, tries, result, end);
	for (i = 0; i < f->program.nr_setup; i++)
		if (f->program.setup[i].cpu >= f->program.cpus)
			return;
	p = f->program;
	trim(&p);
	for (i = 0; i < p.nr_setup; i++)
		if (p.setup[i].cpu >= p.cpus)
			return;
	if (p.cpus < f->program.cpus)
		accept(e, f, &p, tries, result, end);
}

/* Fewer preemptions: a search, then one choice after the other is dropped. */
static void fewer_choices(struct explorer *e, struct found *f,
			  struct shrink *result, uint64_t end)
{
	struct choices best = { 0 }, try = { 0 };
	size_t i;

	if (!runner_setup(e, &f->program, f->seed))
		return;
	choices_copy(&best, &f->choices, f->choices.nr);
	if (search(e, f, f->program.cpus, TRIES, result, end) &&
	    choices_preemptions(&f->choices) < choices_preemptions(&best))
		choices_copy(&best, &f->choices, f->choices.nr);
	for (i = best.nr; i-- > 0 && !out_of_time(end);) {
		if (best.at[i].forced)
			continue;
		choices_copy(&try, &best, best.nr);
		memmove(try.at + i, try.at + i + 1,
			(try.nr - i - 1) * sizeof(*try.at));
		try.nr--;
		if (repeats(e, f, &try, result) &&
		    choices_preemptions(&f->choices) <
			    choices_preemptions(&best)) {
			choices_copy(&best, &f->choices, f->choices.nr);
			if (i > best.nr)
				i = best.nr;
		}
	}
	choices_copy(&f->choices, &best, best.nr);
	choices_free(&best);
	choices_free(&try);
}

/*
 * Two orders of locks that were seen in schedules of different programs: look for
 * one program with both.
 */
static void one_program(struct explorer *e, struct found *f,
			struct shrink *result, uint64_t end)
{
	struct strategy s = { .kind = STRATEGY_RANDOM };
	static struct program p;
	uint64_t nr;
	unsigned i;

	e->hit = false;
	if (!runner_setup(e, &f->program, f->seed) ||
	    repeats_alone(e, f, result))
		return;
	for (nr = 0; !out_of_time(end); nr++) {
		program_make(&p, &e->limits, nr);
		if (!runner_setup(e, &p, nr))
			continue;
		for (i = 0; i < OF_A_PROGRAM; i++) {
			strategy_begin(&s, p.cpus, nr * OF_A_PROGRAM + i);
			if (!shows(e, f, &s, result))
				continue;
			f->program = p;
			f->seed = nr;
			return;
		}
	}
}

void shrink_found(struct explorer *e, struct found *f, double seconds,
		  struct shrink *s)
{
	uint64_t now = clock_wall_ns(), end = now + (uint64_t)(seconds * 1e9);
	uint64_t until = now + (uint64_t)(seconds * 7e8);
	unsigned tries;

	memset(s, 0, sizeof(*s));
	e->only = f->key;
	e->reads = f->reads;
	if (f->f.kind == XFOUND_ORDER)
		one_program(e, f, s, now + (uint64_t)(seconds * 5e8));
	/* What can go is mostly seen to at once; then look harder. */
	for (tries = TRIES / 64; tries <= TRIES; tries *= 8)
		fewer_ops(e, f, tries, s, until);
	fewer_choices(e, f, s, end);
	e->only = 0;
	s->ops = program_ops(&f->program);
	s->preemptions = choices_preemptions(&f->choices);
}
