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
#include "harness/explore/strategy.h"
#include "lib/text.h"

/* Locks that are named at a step. */
#define HELD 4
#define NOBODY XCPU_MAX

struct event {
	enum {
		EVENT_OP,
		EVENT_END,
		EVENT_POINT
	} what;
	unsigned cpu, by; /* the CPU that has the lock that is wanted */
	uint64_t step;
	const struct op *op;
	struct xpoint p;
	unsigned nr_held;
	struct xlock held[HELD];
};

enum row_kind {
	ROW_OP,
	ROW_END,
	ROW_LOCK,
	ROW_ACCESS,
	ROW_SWITCH
};

/* A line of the story; switches have no number. */
struct row {
	enum row_kind kind;
	unsigned cpu, number, times;
	const void *lock; /* that a ROW_LOCK takes */
	bool marked; /* it is what the finding is about */
	char does[160], place[264], held[200];
};

/* One of the two accesses of a race, or what was done last. */
struct account {
	char who[320], does[440], source[200];
};

/* The CPUs, as a mask, that call for a lock. */
struct use {
	const void *lock;
	unsigned cpus;
};

struct story {
	struct event *event;
	size_t nr_events, room;
	struct use *use;
	size_t nr_uses;
	unsigned shares; /* not 0: there are locks that several CPUs call for */
	struct row *row;
	size_t nr_rows;
	struct account account[2];
	unsigned nr_accounts;
	const struct program *program;
	unsigned cpu[XCPU_MAX], nr_columns; /* CPUs that do something */
	unsigned column[XCPU_MAX];
	const char *kind, *expected, *backend;
	char text[440], setup[1200];
	/* While it is made. */
	struct explorer *e;
	struct xfinding f; /* as it came this time */
	bool came, told;
	long frame; /* in which it was, or -1 */
	const void *stands[XCPU_MAX]; /* where CPUs are in the end */
	unsigned nr_held[XCPU_MAX];
	struct xlock held[XCPU_MAX][HELD];
	uint64_t stop;
};

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

void __attribute__((noinline)) story_here(void)
{
	__asm__ volatile("" ::: "memory");
}

/* What happens, as it happens. */

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

/* From events to rows. */

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

static void tell_setup(struct story *s)
{
	const struct program *p = s->program;
	size_t n = 0, len = sizeof(s->setup);
	char op[64];
	unsigned i;

	for (i = 0; i < p->nr_setup && n < len; i++)
		n += (size_t)snprintf(s->setup + n, len - n, "%s%s",
				      i ? "; " : "",
				      op_name(&p->setup[i], op, sizeof(op)));
	if (!p->nr_setup)
		n = (size_t)snprintf(s->setup, len, "an empty pool");
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
	/* A row and a switch for each event at most. */
	s->row = calloc(2 * s->nr_events + 1, sizeof(*s->row));
	if (!s->row) {
		story_free(s);
		return NULL;
	}
	find_uses(s);
	make_rows(s);
	make_columns(s);
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

/* In lines of a width. */

/* Length of the piece of a text that a line of @room columns takes. */
static size_t piece(const char *text, size_t room)
{
	size_t n = strlen(text), at;

	if (n <= room)
		return n;
	for (at = room; at > room / 4; at--)
		if (text[at] == ' ')
			return at;
	return room;
}

/* A paragraph: @first, then lines behind @indent spaces. */
static void put(FILE *out, const char *first, unsigned indent, unsigned width,
		const char *text)
{
	size_t room = width - indent, used = strlen(first), n;

	fputs(first, out);
	while (*text) {
		n = piece(text, used > indent ? width - used : room);
		fprintf(out, "%.*s\n", (int)n, text);
		text += n;
		text += strspn(text, " ");
		used = indent;
		if (*text)
			fprintf(out, "%*s", (int)indent, "");
	}
}

#define MARGIN 5
#define RULE 3
#define NARROW 18
#define WIDEST 400
/* A livelock has thousands of steps. */
#define ROWS_MOST 400

struct page {
	FILE *out;
	const struct story *s;
	unsigned room; /* columns of a cell */
	bool stacked; /* cells would be too narrow: one, with the CPU's number */
};

static void cell(const struct page *p, const char *margin, unsigned cpu,
		 const char *text, size_t len)
{
	char line[2 * WIDEST];
	size_t n = (size_t)snprintf(line, sizeof(line), "%-*s", MARGIN, margin);
	unsigned i;

	if (p->stacked) {
		fprintf(p->out, "%sCPU %u | %.*s\n", line, cpu, (int)len, text);
		return;
	}
	for (i = 0; i < p->s->nr_columns; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%-*.*s",
				      i ? " | " : "", (int)p->room,
				      i == p->s->column[cpu] ? (int)len : 0,
				      text);
	while (line[n - 1] == ' ')
		n--;
	fprintf(p->out, "%.*s\n", (int)n, line);
}

static void cells(const struct page *p, const char *margin, unsigned cpu,
		  unsigned indent, const char *text)
{
	char line[WIDEST + 1];
	bool first = true;
	size_t n;

	while (*text) {
		n = piece(text, p->room - indent);
		n = (size_t)snprintf(line, sizeof(line), "%*s%.*s", (int)indent,
				     "", (int)n, text) -
		    indent;
		cell(p, margin, cpu, line, n + indent);
		text += n;
		text += strspn(text, " ");
		margin = "";
		indent += first ? 2 : 0;
		first = false;
	}
}

static void put_row(const struct page *p, const struct row *r)
{
	char margin[16] = "", text[480];
	unsigned indent = r->kind == ROW_OP || r->kind == ROW_END ? 0 : 2;

	if (r->kind != ROW_SWITCH)
		snprintf(margin, sizeof(margin), "%c%3u", r->marked ? '!' : ' ',
			 r->number % 1000);
	if (r->times > 1)
		snprintf(text, sizeof(text), "%s, %u times", r->does, r->times);
	else
		snprintf(text, sizeof(text), "%s", r->does);
	cells(p, margin, r->cpu, indent, text);
	cells(p, "", r->cpu, indent + 2, r->place);
	cells(p, "", r->cpu, indent + 2, r->held);
}

static void put_columns(const struct story *s, FILE *out, unsigned width)
{
	unsigned i, n = s->nr_columns;
	struct page p = { .out = out, .s = s };
	char name[16];
	size_t k;

	if (!n)
		return;
	p.room = (width - MARGIN - RULE * (n - 1)) / n;
	p.stacked = p.room < NARROW;
	if (p.stacked)
		p.room = width - MARGIN - 8;
	else
		fprintf(out, "%*s", MARGIN, "");
	for (i = 0; i < n && !p.stacked; i++) {
		snprintf(name, sizeof(name), "CPU %u", s->cpu[i]);
		fprintf(out, "%s%-*s", i ? " | " : "",
			i + 1 < n ? (int)p.room : 0, name);
	}
	if (!p.stacked)
		fputc('\n', out);
	k = s->nr_rows > ROWS_MOST ? s->nr_rows - ROWS_MOST : 0;
	if (k)
		fprintf(out, "%*sthe first %zu lines are left out\n", MARGIN,
			"", k);
	for (; k < s->nr_rows; k++)
		put_row(&p, &s->row[k]);
}

/* A command stays one when it is copied. */
static void put_command(FILE *out, const char *first, unsigned width,
			const char *command)
{
	size_t used = strlen(first), n;

	fputs(first, out);
	while (*command) {
		n = piece(command, width - used - RULE);
		fprintf(out, "%.*s", (int)n, command);
		command += n;
		if (*command == ' ')
			fputs(" \\\n    ", out);
		else if (*command)
			fputs("\\\n", out);
		used = *command == ' ' ? 4 : 0;
		command += *command == ' ';
	}
	fputc('\n', out);
}

void story_print(FILE *out, const struct story *s, const char *repeat,
		 unsigned width)
{
	const struct account *a;
	char first[480];

	if (width > WIDEST)
		width = WIDEST;
	snprintf(first, sizeof(first), "%s: %s", s->kind, s->text);
	put(out, "", 2, width, first);
	put(out, "set-up: ", 2, width, s->setup);
	put_columns(s, out, width);
	for (a = s->account; a < s->account + s->nr_accounts; a++) {
		put(out, a == s->account ? "at the end: " : "before it: ", 2,
		    width, a->who);
		put(out, "  ", 4, width, a->does);
		if (*a->source)
			put(out, "    ", 6, width, PLAIN(a->source));
	}
	put(out, "expected: ", 2, width, s->expected);
	put_command(out, "repeat it: ", width, repeat);
}

/* For the page. */

static json_t *row_json(const struct story *s, const struct row *r)
{
	static const char *const kinds[] = {
		[ROW_OP] = "op",	 [ROW_END] = "end",
		[ROW_LOCK] = "lock",	 [ROW_ACCESS] = "access",
		[ROW_SWITCH] = "switch",
	};

	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:b, s:s, s:s, s:s}",
			 "kind", kinds[r->kind], "cpu", (int)r->cpu, "column",
			 (int)s->column[r->cpu], "number", (int)r->number,
			 "times", (int)r->times, "marked", r->marked, "does",
			 r->does, "place", r->place, "held", r->held);
}

json_t *story_json(const struct story *s, const char *repeat)
{
	json_t *rows = json_array(), *accounts = json_array(),
	       *cpus = json_array();
	const struct account *a;
	size_t i;

	for (i = 0; i < s->nr_columns; i++)
		json_array_append_new(cpus, json_integer(s->cpu[i]));
	for (i = 0; i < s->nr_rows; i++)
		json_array_append_new(rows, row_json(s, &s->row[i]));
	for (a = s->account; a < s->account + s->nr_accounts; a++)
		json_array_append_new(accounts,
				      json_pack("{s:s, s:s, s:s}", "who",
						a->who, "does", a->does,
						"source", PLAIN(a->source)));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o}",
			 "kind", s->kind, "text", s->text, "backend",
			 PLAIN(s->backend), "setup", s->setup, "cpus", cpus,
			 "expected", s->expected, "repeat", PLAIN(repeat),
			 "rows", rows, "accounts", accounts);
}
