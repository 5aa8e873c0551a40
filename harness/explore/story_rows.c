// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From events to rows: told are operations, locks, switches, and all that
 * touches the address that the finding is about.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explore/story.h"

static const char *const does[] = {
	[XDO_READ] = "reads",
	[XDO_WRITE] = "writes",
	[XDO_ATOMIC_READ] = "reads",
	[XDO_ATOMIC_WRITE] = "writes",
	[XDO_RMW] = "changes",
	[XDO_FENCE] = "orders by a fence",
	[XDO_LOCK] = "locks",
	[XDO_TRYLOCK] = "tries to lock",
	[XDO_UNLOCK] = "unlocks",
	[XDO_RELAX] = "waits in a loop",
	[XDO_YIELD] = "lets others go first",
	[XDO_CONTENDED] = "asks who waits",
	[XDO_WAIT] = "waits",
};

static bool touches(const struct xpoint *p, const struct xpoint *what)
{
	const char *a = p->addr, *b = what->addr;

	return a && b && a < b + what->len && b < a + p->len;
}

static bool is_lock(const struct event *e)
{
	return e->what == EVENT_POINT &&
	       (e->p.kind == XDO_LOCK || e->p.kind == XDO_TRYLOCK ||
		e->p.kind == XDO_UNLOCK);
}

static bool is_at(const struct event *e, unsigned cpu, const void *pc)
{
	return e->what == EVENT_POINT && e->cpu == cpu && e->p.pc == pc;
}

/* The last event of a CPU at a place, before another one; nr_events for none. */
static size_t last_at(const struct story *s, size_t before, unsigned cpu,
		      const void *pc)
{
	size_t i = before;

	while (i-- > 0)
		if (is_at(&s->event[i], cpu, pc) &&
		    touches(&s->event[i].p, &s->f.at))
			return i;
	return s->nr_events;
}

static int by_lock(const void *a, const void *b)
{
	const struct use *l = a, *r = b;

	return l->lock < r->lock ? -1 : l->lock > r->lock;
}

/* Which CPUs have to do with a lock. */
static void find_uses(struct story *s)
{
	struct use *last = NULL, *u;
	size_t i, n = 0;

	s->use = malloc((s->nr_events + 1) * sizeof(*s->use));
	if (!s->use)
		return;
	for (i = 0; i < s->nr_events; i++)
		if (is_lock(&s->event[i]))
			s->use[n++] = (struct use){ s->event[i].p.addr,
						    1u << s->event[i].cpu };
	qsort(s->use, n, sizeof(*s->use), by_lock);
	for (u = s->use; u < s->use + n; u++)
		if (last && last->lock == u->lock)
			last->cpus |= u->cpus;
		else
			*(last = last ? last + 1 : s->use) = *u;
	s->nr_uses = last ? (size_t)(last - s->use) + 1 : 0;
	for (u = s->use; u < s->use + s->nr_uses; u++)
		s->shares |= u->cpus & (u->cpus - 1);
}

static bool is_about_locks(enum xfound kind)
{
	return (kind >= XFOUND_UNLOCK && kind <= XFOUND_LOST_WAKEUP) ||
	       kind == XFOUND_SECTION;
}

/* Locks of one CPU alone order nothing, unless there are no others. */
static bool is_shared(const struct story *s, const void *lock)
{
	struct use key = { .lock = lock }, *u;

	if (!s->shares || is_about_locks(s->f.kind))
		return true;
	u = bsearch(&key, s->use, s->nr_uses, sizeof(key), by_lock);
	return u && u->cpus & (u->cpus - 1);
}

static bool matters(const struct story *s, const struct event *e)
{
	return e->what != EVENT_POINT || touches(&e->p, &s->f.at) ||
	       (is_lock(e) && is_shared(s, e->p.addr));
}

static const char *lock_name(const struct lock_site *site)
{
	if (!site)
		return "a lock";
	return *site->name == '&' ? site->name + 1 : site->name;
}

/* A class of its own for readers has it in its name. */
static const char *as_reader(const struct lock_site *site, bool shared)
{
	size_t len = strlen(lock_name(site));

	if (!shared || (len > 2 && !strcmp(lock_name(site) + len - 2, "-R")))
		return "";
	return " to read";
}

static void name_held(char *to, size_t len, const struct xlock *held,
		      unsigned nr)
{
	unsigned i;
	size_t n = 0;

	*to = '\0';
	for (i = 0; i < nr && n < len; i++)
		n += (size_t)snprintf(to + n, len - n, "%s%s%s",
				      i ? ", " : "holds ",
				      lock_name(held[i].site),
				      as_reader(held[i].site, held[i].shared));
}

/* The name of a lock that is dropped is that by which it was taken. */
static const struct lock_site *site_of(const struct event *e)
{
	unsigned i = e->nr_held;

	while (!e->p.site && i-- > 0)
		if (e->held[i].lock == e->p.addr)
			return e->held[i].site;
	return e->p.site;
}

static void tell_lock(struct row *r, const struct event *e)
{
	const struct lock_site *site = site_of(e);
	int n = snprintf(r->does, sizeof(r->does), "%s %s%s", does[e->p.kind],
			 lock_name(site), as_reader(site, e->p.shared));

	r->kind = ROW_LOCK;
	if (e->p.kind != XDO_UNLOCK)
		r->lock = e->p.addr;
	if (e->by != NOBODY && (size_t)n < sizeof(r->does))
		snprintf(r->does + n, sizeof(r->does) - (size_t)n,
			 e->p.kind == XDO_LOCK ? ", waits for CPU %u"
					       : ", in vain: CPU %u has it",
			 e->by);
}

static bool is_atomic(const struct xpoint *p)
{
	return p->kind == XDO_ATOMIC_READ || p->kind == XDO_ATOMIC_WRITE ||
	       p->kind == XDO_RMW;
}

static struct row make_row(const struct event *e)
{
	struct row r = { .cpu = e->cpu, .times = 1 };

	if (e->what == EVENT_OP) {
		r.kind = ROW_OP;
		op_name(e->op, r.does, sizeof(r.does));
		return r;
	}
	if (e->what == EVENT_END) {
		r.kind = ROW_END;
		snprintf(r.does, sizeof(r.does), "done");
		return r;
	}
	place_name(e->p.pc, r.place, sizeof(r.place));
	if (is_lock(e)) {
		tell_lock(&r, e);
		return r;
	}
	r.kind = ROW_ACCESS;
	if (e->p.len)
		snprintf(r.does, sizeof(r.does), "%s %zu bytes%s",
			 does[e->p.kind], e->p.len,
			 is_atomic(&e->p) ? " atomically" : "");
	else
		snprintf(r.does, sizeof(r.does), "%s", does[e->p.kind]);
	name_held(r.held, sizeof(r.held), e->held, e->nr_held);
	return r;
}

/* What says nothing new is told with the row before it. */
static bool joins(struct row *last, const struct row *r, const struct event *e)
{
	if (last->cpu != r->cpu || r->marked || last->marked)
		return false;
	if (last->kind == r->kind && last->kind != ROW_OP &&
	    !strcmp(last->does, r->does) && !strcmp(last->place, r->place) &&
	    !strcmp(last->held, r->held)) {
		last->times++;
		return true;
	}
	if (last->kind == ROW_LOCK && e->what == EVENT_POINT &&
	    e->p.kind == XDO_UNLOCK && last->lock == e->p.addr &&
	    last->times == 1 && !strncmp(last->does, "locks ", 6)) {
		memmove(last->does + 18, last->does + 6,
			sizeof(last->does) - 18);
		memcpy(last->does, "locks and unlocks ", 18);
		last->does[sizeof(last->does) - 1] = '\0';
		last->lock = NULL;
		return true;
	}
	return false;
}

static void add_row(struct story *s, struct row r, const struct event *e)
{
	struct row *last;

	r.number = 1;
	if (s->nr_rows) {
		last = &s->row[s->nr_rows - 1];
		if (e && joins(last, &r, e))
			return;
		r.number = last->number + (r.kind != ROW_SWITCH);
	}
	s->row[s->nr_rows++] = r;
}

static bool was_preempted(const struct story *s, unsigned cpu, uint64_t step)
{
	const struct choices *c = &s->e->made;
	size_t i;

	for (i = 0; i < c->nr; i++)
		if (c->at[i].cpu == cpu && c->at[i].step == step)
			return !c->at[i].forced;
	return false;
}

/* Behind event @i another CPU went on. */
static void tell_switch(struct story *s, size_t i)
{
	const struct event *e = &s->event[i], *next = e + 1;
	struct row r = { .kind = ROW_SWITCH, .cpu = e->cpu };
	const void *at = s->stands[e->cpu];
	uint64_t step = e->step + 1;

	while (next < s->event + s->nr_events && next->cpu != e->cpu)
		next++;
	if (next == s->event + s->nr_events)
		next = NULL;
	if (next && next->what == EVENT_POINT)
		at = next->p.pc;
	if (was_preempted(s, e->cpu, step)) {
		snprintf(r.does, sizeof(r.does), "-- preempted before");
		place_name(at, r.place, sizeof(r.place));
		if (next)
			name_held(r.held, sizeof(r.held), next->held,
				  next->nr_held);
		else
			name_held(r.held, sizeof(r.held), s->held[e->cpu],
				  s->nr_held[e->cpu]);
	} else {
		snprintf(r.does, sizeof(r.does), "%s",
			 next || e->what != EVENT_END ? "-- waits"
						      : "-- has ended");
	}
	add_row(s, r, NULL);
}

static void account_for(struct story *s, const struct event *e,
			const char *during)
{
	struct account *a = &s->account[s->nr_accounts++];
	struct row r = make_row(e);
	char frame[40] = "";

	/* What is told last is told as it was when it was noticed. */
	if (s->nr_accounts == 1 && s->came)
		name_held(r.held, sizeof(r.held), s->held[e->cpu],
			  s->nr_held[e->cpu]);
	else
		name_held(r.held, sizeof(r.held), e->held, e->nr_held);
	if (s->frame >= 0)
		snprintf(frame, sizeof(frame), " of frame %ld", s->frame);
	snprintf(a->who, sizeof(a->who), "CPU %u%s%s%s%s", e->cpu,
		 *during ? ", " : "", during, *r.held ? ", " : "", r.held);
	snprintf(a->does, sizeof(a->does), "%s%s in %s", r.does, frame,
		 r.place);
	place_source(e->p.pc, a->source, sizeof(a->source));
}

/* The operation that event @i is part of. */
static const char *op_of(const struct story *s, size_t i, char *buf, size_t len)
{
	unsigned cpu = s->event[i].cpu;

	*buf = '\0';
	while (i-- > 0)
		if (s->event[i].cpu == cpu && s->event[i].what == EVENT_OP)
			return op_name(s->event[i].op, buf, len);
	return buf;
}

static void learn(struct story *s, size_t here)
{
	const void **pc = malloc((s->nr_events + XCPU_MAX) * sizeof(*pc));
	size_t i, n = 0;

	if (!pc)
		return;
	for (i = 0; i < s->nr_events; i++)
		if (s->event[i].what == EVENT_POINT &&
		    (i == here || matters(s, &s->event[i]) || !i ||
		     s->event[i - 1].cpu != s->event[i].cpu))
			pc[n++] = s->event[i].p.pc;
	memcpy(pc + n, s->stands, sizeof(s->stands));
	place_learn(pc, n + s->program->cpus);
	free(pc);
}

static void make_rows(struct story *s)
{
	size_t none = s->nr_events, i, here = none, there = none;
	const struct event *e;
	char op[64];
	struct row r;

	if (s->f.cpu < XCPU_MAX)
		for (here = none; here > 0; here--)
			if (s->event[here - 1].what == EVENT_POINT &&
			    s->event[here - 1].cpu == s->f.cpu)
				break;
	here = here && here <= none && s->f.cpu < XCPU_MAX ? here - 1 : none;
	if (s->f.other_pc && here < none)
		there = last_at(s, here, s->f.other, s->f.other_pc);
	learn(s, here);
	for (i = 0; i < none; i++) {
		e = &s->event[i];
		if (i == here || i == there || matters(s, e)) {
			r = make_row(e);
			r.marked = i == here || i == there;
			add_row(s, r, e);
		}
		if (i + 1 < none && e[1].cpu != e->cpu)
			tell_switch(s, i);
	}
	if (here < none)
		account_for(s, &s->event[here], op_of(s, here, op, sizeof(op)));
	if (there < none)
		account_for(s, &s->event[there],
			    op_of(s, there, op, sizeof(op)));
}

static void make_columns(struct story *s)
{
	bool acts[XCPU_MAX] = { false };
	unsigned i;
	size_t k;

	for (k = 0; k < s->nr_rows; k++)
		acts[s->row[k].cpu] = true;
	for (i = 0; i < s->program->cpus; i++) {
		s->column[i] = s->nr_columns;
		if (acts[i])
			s->cpu[s->nr_columns++] = i;
	}
}

int story_rows(struct story *s)
{
	/* A row and a switch for each event at most. */
	s->row = calloc(2 * s->nr_events + 1, sizeof(*s->row));
	if (!s->row)
		return -ENOMEM;
	find_uses(s);
	make_rows(s);
	make_columns(s);
	return 0;
}
