// SPDX-License-Identifier: GPL-2.0-or-later
/* Exhaustive search: programs, points, and what is told; see exhaust.h. */
#include <errno.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/explore/exhaust.h"

#define PROGRAMS_MOST 1000000.0
/* Equal rounds of a loop after which a CPU that waits in it gives way. */
#define ROUNDS_RELAX 1
/* More with cond_resched(), which is also called where work goes on. */
#define ROUNDS_YIELD 16

/* Points. */

static bool counts(const struct exhaust *x, const struct xpoint *p)
{
	switch (p->kind) {
	case XDO_READ:
	case XDO_WRITE:
		return x->all;
	case XDO_FENCE:
	case XDO_RELAX:
	case XDO_YIELD:
		return false;
	default:
		return true;
	}
}

static bool waits_count(const struct exhaust *x, const void *lock)
{
	unsigned i;

	for (i = 0; i < x->nr_waits; i++)
		if (x->waits[i] == lock)
			return true;
	return false;
}

/*
 * That a CPU waits for a lock matters only where someone asks for it, and for
 * readers, which wait for a writer that waits for others. Where it does not, a
 * CPU takes a lock when it is free, which leaves half of the schedules. Of two
 * CPUs, one comes to a lock to wait, which is a step, while the other has it.
 */
static void see_waits(struct exhaust *x, const struct xpoint *p)
{
	if (p->kind != XDO_CONTENDED &&
	    !(p->kind == XDO_LOCK && p->shared && x->cpus > 2))
		return;
	if (waits_count(x, p->addr) || x->nr_waits == EXHAUST_WAITS)
		return;
	x->waits[x->nr_waits++] = p->addr;
	x->again = true;
}

static bool is_held(const struct exhaust *x, unsigned by_others,
		    const struct xpoint *p)
{
	const struct xlock *held;
	unsigned i, k, nr;

	if (p->kind == XDO_WAIT)
		return *(const unsigned *)p->addr;
	for (i = 0; i < x->cpus; i++) {
		nr = i == by_others ? 0 : xcpu_held(i, &held);
		for (k = 0; k < nr; k++)
			if (held[k].lock == p->addr &&
			    !(held[k].shared && p->shared))
				return true;
	}
	return false;
}

/* What is done under the locks of frames and slabs is not told. */
static bool is_quiet(const struct lock_site *site)
{
	static const char *const files[] = { "mem/page.c", "mem/slab.c" };
	size_t len = site ? strlen(site->file) : 0, i, n;

	for (i = 0; i < 2; i++) {
		n = strlen(files[i]);
		if (len >= n && !strcmp(site->file + len - n, files[i]))
			return true;
	}
	return false;
}

/* What the code at a place does, where the kind of the point does not say it. */
static enum dpor_kind kind_at(const struct xpoint *p, enum dpor_kind kind)
{
	static const struct {
		const char *name;
		enum dpor_kind kind;
	} names[] = {
		{ "atomic_add", DPOR_ADD },
		{ "atomic_sub", DPOR_ADD },
		{ "atomic_long_add", DPOR_ADD },
		{ "atomic_long_sub", DPOR_ADD },
		{ "mem_taken", DPOR_TAKEN },
		{ "mem_freed", DPOR_TAKEN },
	};
	static struct {
		const void *pc;
		enum dpor_kind kind;
	} seen[256];
	size_t at = ((uintptr_t)p->pc >> 2) % 256, i;
	char name[FUNCTIONS_LEN];

	if (seen[at].pc == p->pc)
		return seen[at].kind;
	place_functions(p->pc, name, sizeof(name));
	name[strcspn(name, " \n")] = '\0';
	seen[at].pc = p->pc;
	seen[at].kind = kind;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i].name))
			seen[at].kind = names[i].kind;
	return seen[at].kind;
}

static struct dpor_access access_of(const struct exhaust *x,
				    const struct xpoint *p)
{
	static const enum dpor_kind kinds[] = {
		[XDO_READ] = DPOR_READ,	       [XDO_WRITE] = DPOR_WRITE,
		[XDO_ATOMIC_READ] = DPOR_READ, [XDO_ATOMIC_WRITE] = DPOR_WRITE,
		[XDO_RMW] = DPOR_WRITE,	       [XDO_LOCK] = DPOR_LOCK,
		[XDO_TRYLOCK] = DPOR_TRYLOCK,  [XDO_UNLOCK] = DPOR_UNLOCK,
		[XDO_CONTENDED] = DPOR_READ,   [XDO_WAIT] = DPOR_LOCK,
	};
	struct dpor_access a = {
		.kind = kinds[p->kind],
		.shared = p->shared,
		.addr = (uintptr_t)p->addr,
		.len = p->len,
		.pc = (uintptr_t)p->pc,
		.plain = p->kind <= XDO_WRITE && !x->all,
	};

	if (p->kind == XDO_ATOMIC_WRITE || p->kind == XDO_RMW)
		a.kind = kind_at(p, a.kind);
	a.quiet = a.kind >= DPOR_LOCK && is_quiet(p->site);
	if (p->kind == XDO_CONTENDED && x->cpus == 2)
		a.kind = DPOR_ASK;
	if (x->cpus > 2 && a.kind >= DPOR_LOCK && waits_count(x, p->addr)) {
		a.kind = DPOR_WRITE;
		a.shared = false;
	}
	return a;
}

/* To come to a lock whose waiters count; @a is the lock call, or the coming. */
static bool comes_to_wait(const struct exhaust *x, const struct xpoint *p,
			  struct dpor_access *a)
{
	if (x->cpus > 2 || p->kind != XDO_LOCK || !waits_count(x, p->addr))
		return false;
	a->kind = DPOR_ADD;
	a->quiet = a->shared = false;
	a->addr |= DPOR_WAITERS;
	a->len = 1;
	return true;
}

static struct dpor_next next_of(const struct exhaust *x, unsigned cpu,
				unsigned runnable)
{
	const struct xpoint *p = xcpu_point(cpu);
	struct dpor_next next = { .state = DPOR_READY };
	unsigned bit = 1u << cpu;

	if (x->ended & bit) {
		next.state = DPOR_ENDED;
		return next;
	}
	if (!(x->started & bit) || x->relaxed & bit)
		return next;
	next.access = access_of(x, p);
	if (!(runnable & bit))
		next.state = DPOR_WAITS;
	else if (next.access.kind == DPOR_LOCK && is_held(x, cpu, p))
		next.state = comes_to_wait(x, p, &next.access) ? DPOR_READY
							       : DPOR_WAITS;
	return next;
}

static unsigned give_up(unsigned runnable)
{
	xcpu_report(XFOUND_NONE, "all that could follow was seen");
	return (unsigned)__builtin_ctz(runnable);
}

/* Calls of locks have no order; what the harness visits has. */
static bool is_own(const struct xpoint *p)
{
	return p->kind == XDO_WAIT ||
	       (p->kind >= XDO_LOCK && p->order == __ATOMIC_SEQ_CST);
}

static void own(struct exhaust *x, unsigned cpu, const struct xpoint *p)
{
	unsigned i, *nr = &x->nr_own[cpu];

	if (p->kind == XDO_UNLOCK) {
		for (i = 0; i < *nr; i++)
			if (x->own[cpu][i] == p->addr)
				x->own[cpu][i] = x->own[cpu][--*nr];
		return;
	}
	if (p->kind == XDO_TRYLOCK && *(const unsigned *)p->addr)
		return;
	if (*nr < EXHAUST_OWN)
		x->own[cpu][(*nr)++] = p->addr;
}

static unsigned held_by(const struct exhaust *x, unsigned cpu,
			struct steps_held *held)
{
	const struct xlock *l;
	unsigned nr = xcpu_held(cpu, &l), n = 0, i;

	for (i = 0; i < nr && n < STEPS_HELD; i++)
		held[n++] = (struct steps_held){ (uintptr_t)l[i].lock,
						 l[i].shared };
	for (i = 0; i < x->nr_own[cpu] && n < STEPS_HELD; i++)
		held[n++] =
			(struct steps_held){ (uintptr_t)x->own[cpu][i], false };
	return n;
}

/* A CPU does what it stands at. */
static void does(struct exhaust *x, unsigned cpu, const struct xpoint *p)
{
	struct steps_held held[STEPS_HELD];
	struct dpor_access a;

	if (p->kind == XDO_FENCE || p->kind == XDO_RELAX ||
	    p->kind == XDO_YIELD)
		return;
	a = access_of(x, p);
	a.quiet = steps_did(x->steps, cpu, &a, held, held_by(x, cpu, held));
	/* Who only comes to wait does not take the lock yet. */
	if (p->kind != XDO_LOCK || !is_held(x, cpu, p) || x->cpus > 2 ||
	    !waits_count(x, p->addr))
		dpor_did(x->dpor, &a);
	if (comes_to_wait(x, p, &a))
		dpor_did(x->dpor, &a);
	if (is_own(p))
		own(x, cpu, p);
	x->again |= steps_learned(x->steps);
}

static void on_event(void *arg, unsigned cpu, const struct xpoint *p)
{
	does(arg, cpu, p);
}

/* Something was learned, and the search begins again: see more of the program. */
static unsigned look_on(enum xwhy why, unsigned runnable)
{
	unsigned current = xcpu_current(), others = runnable;

	if (why == XWHY_SLICE)
		return current;
	if (why == XWHY_RELAX && runnable & ~(1u << current))
		others &= ~(1u << current);
	return (unsigned)__builtin_ctz(others);
}

unsigned exhaust_pick(struct exhaust *x, enum xwhy why, unsigned runnable,
		      uint64_t *slice)
{
	unsigned current = xcpu_current(), cpu;
	struct dpor_next next[XCPU_MAX];
	const struct xpoint *p;
	struct dpor_access a;

	*slice = 1;
	if (x->again)
		return look_on(why, runnable);
	if (why == XWHY_SLICE) {
		p = xcpu_point(current);
		see_waits(x, p);
		if (!counts(x, p))
			return current;
		a = access_of(x, p);
		if (!(x->early & 1u << current) &&
		    !steps_ends(x->steps, current, &a))
			return current;
	} else if (why == XWHY_RELAX) {
		p = xcpu_point(current);
		if (!dpor_relax(x->dpor, current, (uintptr_t)p->pc,
				p->kind == XDO_YIELD ? ROUNDS_YIELD
						     : ROUNDS_RELAX))
			return current;
		x->relaxed |= 1u << current;
	} else if (why == XWHY_BLOCKED) {
		x->blocked |= 1u << current;
	} else if (why == XWHY_ENDED) {
		x->ended |= 1u << current;
	}
	for (cpu = 0; cpu < x->cpus; cpu++)
		next[cpu] = next_of(x, cpu, runnable);
	cpu = dpor_step(x->dpor, next);
	if (cpu == DPOR_CUT) {
		x->cut++;
		return give_up(runnable);
	}
	/* All wait: the machine says for what. */
	if (cpu == DPOR_NONE)
		return (unsigned)__builtin_ctz(runnable);
	x->started |= 1u << cpu;
	x->relaxed &= ~(1u << cpu);
	x->early &= ~(1u << cpu);
	if (!dpor_new_step(x->dpor)) {
		x->early |= 1u << cpu;
		return cpu;
	}
	steps_begin(x->steps, cpu);
	/* A lock that it has waited for has no point of its own. */
	if (x->blocked & 1u << cpu) {
		x->blocked &= ~(1u << cpu);
		does(x, cpu, xcpu_point(cpu));
	}
	return cpu;
}

/* Programs. */

static void letter(struct exhaust *x, enum op_kind kind, unsigned what,
		   unsigned size)
{
	x->letter[x->letters++] =
		(struct op){ .kind = kind, .what = what, .size = size };
}

/*
 * Two pages of two objects each, from which one is freed: objects to overwrite,
 * to add and to move, so that the last of a page goes and two pages become one.
 */
static void make_setup(struct exhaust *x, const struct program_limits *limits,
		       unsigned size)
{
	struct program *p = &x->setup;
	unsigned i;

	memset(p, 0, sizeof(*p));
	p->cpus = limits->cpus;
	for (i = 0; i < 4; i++)
		p->setup[p->nr_setup++] = (struct op){ .kind = OP_STORE,
						       .what = i,
						       .size = size };
	for (i = 1; i < 4; i += 2)
		p->setup[p->nr_setup++] =
			(struct op){ .kind = OP_FREE, .what = i };
	if (limits->caps & ZPOOL_DEFERS)
		p->setup[p->nr_setup++] = (struct op){ .kind = OP_WORK };
}

static double power(double of, unsigned to)
{
	double n = 1;

	while (to--)
		n *= of;
	return n;
}

/* How many words of 1 to @ops letters there are. */
static double words(const struct exhaust *x, unsigned ops)
{
	double n = 0;
	unsigned i;

	for (i = 1; i <= ops; i++)
		n += power(x->letters, i);
	return n;
}

int exhaust_plan(struct exhaust *x, const struct program_limits *limits,
		 struct err *err)
{
	unsigned page =
		limits->largest > 4096 ? (unsigned)limits->largest : 4096;
	unsigned size = 2000 * (page / 4096), caps = limits->caps, i;
	double n;

	make_setup(x, limits, size);
	x->cpus = limits->cpus;
	letter(x, OP_STORE, 0, size);
	letter(x, OP_STORE, 1, size);
	letter(x, OP_STORE, 1, size / 6);
	letter(x, OP_LOAD, 0, 0);
	letter(x, OP_LOAD, 2, 0);
	letter(x, OP_FREE, 0, 0);
	letter(x, OP_FREE, 2, 0);
	if (caps & ZPOOL_COMPACTABLE)
		letter(x, OP_COMPACT, 0, 0);
	for (i = 0; caps & ZPOOL_MOVABLE && i < 2; i++)
		letter(x, OP_MIGRATE, i, 0);
	if (caps & ZPOOL_EVICTABLE || limits->reclaims)
		letter(x, OP_RECLAIM, 0, 0);
	if (caps & ZPOOL_DEFERS)
		letter(x, OP_WORK, 0, 0);
	/* Programs whose CPUs are exchanged are one. */
	n = words(x, limits->ops);
	x->programs = 1;
	for (i = 0; i < limits->cpus; i++)
		x->programs *= (n + i) / (i + 1);
	if (x->programs <= PROGRAMS_MOST)
		return 0;
	return err_set(err, -E2BIG,
		       "%u CPUs with up to %u of %u operations each are %.4g "
		       "programs; exhaustive search takes %.0f, so they are "
		       "%.3g times too many",
		       limits->cpus, limits->ops, x->letters, x->programs,
		       PROGRAMS_MOST, x->programs / PROGRAMS_MOST);
}

/* Word @nr, shorter ones first. Return: its length. */
static unsigned word(const struct exhaust *x, uint64_t nr, struct op *op)
{
	uint64_t of_len = x->letters;
	unsigned len = 1, i;

	for (; nr >= of_len; len++) {
		nr -= of_len;
		of_len *= x->letters;
	}
	for (i = len; i-- > 0; nr /= x->letters)
		op[i] = x->letter[nr % x->letters];
	return len;
}

static bool run_program(struct exhaust *x, struct explorer *e,
			const struct program *p, bool (*more)(void *),
			void *arg)
{
	struct strategy s = { .kind = STRATEGY_EXHAUSTIVE,
			      .exhaust = x,
			      .sync_only = !x->all };
	struct exhaust_row *row = &x->row[program_ops(p)];
	uint64_t runs = 0, cut = x->cut;
	bool left, go_on = true;
	double estimate;

	row->programs++;
	x->nr_waits = 0;
	steps_forget(x->steps);
	if (!runner_setup(e, p, 0))
		return more(arg);
	x->dpor = dpor_new(p->cpus);
	do {
		strategy_begin(&s, p->cpus, 0);
		dpor_begin(x->dpor);
		x->started = x->relaxed = x->ended = 0;
		x->blocked = x->early = 0;
		memset(x->nr_own, 0, sizeof(x->nr_own));
		steps_run(x->steps);
		x->again = false;
		runner_schedule(e, &s);
		if (x->again) {
			/* It has to be known from the start. */
			dpor_free(x->dpor);
			x->dpor = dpor_new(p->cpus);
			left = true;
			continue;
		}
		runs++;
		left = dpor_more(x->dpor);
		go_on = more(arg);
	} while (left && go_on && runs < x->most);
	if (!left && !dpor_diverged(x->dpor))
		row->complete++;
	else if (runs >= x->most) {
		x->too_large++;
		estimate = (double)runs / dpor_share(x->dpor);
		if (estimate > x->estimate) {
			x->estimate = estimate;
			x->largest = *p;
		}
	}
	runs -= x->cut - cut;
	row->executions += runs;
	if (runs > row->most)
		row->most = runs;
	if (dpor_steps(x->dpor) > row->steps)
		row->steps = dpor_steps(x->dpor);
	go_on &= !dpor_diverged(x->dpor);
	return go_on;
}

/* The next of all rising lists of words. Return: whether there is one. */
static bool advance(uint64_t *at, unsigned cpus, uint64_t nr)
{
	unsigned i = cpus, k;

	while (i-- > 0) {
		if (at[i] + 1 == nr)
			continue;
		at[i]++;
		for (k = i + 1; k < cpus; k++)
			at[k] = at[i];
		return true;
	}
	return false;
}

static void sum_up(struct exhaust *x)
{
	const struct exhaust_row *r;
	unsigned i;

	for (i = 0; i <= EXHAUST_OPS; i++) {
		r = &x->row[i];
		x->total.programs += r->programs;
		x->total.complete += r->complete;
		x->total.executions += r->executions;
		if (r->most > x->total.most)
			x->total.most = r->most;
		if (r->steps > x->total.steps)
			x->total.steps = r->steps;
	}
}

int exhaust_search(struct exhaust *x, struct explorer *e, bool (*more)(void *),
		   void *arg, struct err *err)
{
	uint64_t nr = (uint64_t)words(x, e->limits.ops), at[XCPU_MAX] = { 0 };
	static struct program p;
	bool go_on, diverged;
	unsigned i;

	e->visits = true;
	e->event = on_event;
	e->event_arg = x;
	x->steps = steps_new();
	do {
		p = x->setup;
		for (i = 0; i < p.cpus; i++)
			p.nr[i] = word(x, at[i], p.op[i]);
		x->dpor = NULL;
		go_on = run_program(x, e, &p, more, arg);
		diverged = x->dpor && dpor_diverged(x->dpor);
		dpor_free(x->dpor);
	} while (go_on && advance(at, p.cpus, nr));
	e->event = NULL;
	steps_free(x->steps);
	sum_up(x);
	if (!diverged)
		return 0;
	return err_set(err, -EINVAL,
		       "equal choices led to other accesses in program %llu: "
		       "what the backend does depends on more than the "
		       "schedule, so its search proves nothing",
		       (unsigned long long)x->total.programs);
}

bool exhaust_complete(const struct exhaust *x)
{
	return (double)x->total.complete == x->programs;
}

/* What is told. */

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_row(FILE *out, const char *name, const struct exhaust_row *r)
{
	fprintf(out, "%10s  %10llu  %10llu  %12llu  %11llu  %10llu\n", name,
		(unsigned long long)r->programs,
		(unsigned long long)r->complete,
		(unsigned long long)r->executions, (unsigned long long)r->most,
		(unsigned long long)r->steps);
}

static void print_ops(FILE *out, const char *head, const struct op *op,
		      unsigned nr)
{
	char name[64];
	unsigned i, at = (unsigned)fprintf(out, "%s", head);

	for (i = 0; i < nr; i++) {
		op_name(&op[i], name, sizeof(name));
		if (at + strlen(name) > 76)
			at = (unsigned)fprintf(out, "\n ") - 1;
		at += (unsigned)fprintf(out, " %s%s", name,
					i + 1 < nr ? "," : "\n");
	}
}

static void print_meaning(FILE *out, const struct exhaust *x)
{
	fprintf(out,
		"Complete: every order in which the CPUs' %s can\n"
		"take effect was run, or one that differs from it only where "
		"it makes no\n"
		"difference. Left out: other operations, sizes and set-ups; "
		"memory that is out;\n"
		"reordering by CPUs and compilers; rounds of a loop that waits "
		"while nothing\n"
		"changes.%s\n",
		x->all ? "memory accesses, atomics and lock calls"
		       : "atomics and lock calls",
		x->all ? ""
		       : " Plain accesses are checked for races in each run.");
}

static void print_too_large(FILE *out, const struct exhaust *x)
{
	char head[32];
	unsigned i;

	if (!x->too_large)
		return;
	fprintf(out,
		"%llu program%s too large: more than %llu executions. The "
		"largest has about %.2g or\nmore, which is %.2g times too "
		"many:\n",
		(unsigned long long)x->too_large,
		x->too_large == 1 ? " is" : "s are",
		(unsigned long long)x->most, x->estimate,
		x->estimate / (double)x->most);
	for (i = 0; i < x->largest.cpus; i++) {
		snprintf(head, sizeof(head), "  CPU %u:", i);
		print_ops(out, head, x->largest.op[i], x->largest.nr[i]);
	}
}

void exhaust_print(FILE *out, const struct exhaust *x, const struct explorer *e)
{
	char name[16];
	unsigned i;

	print_ops(out, "set-up:", x->setup.setup, x->setup.nr_setup);
	print_ops(out, "operations:", x->letter, x->letters);
	fprintf(out, "%10s  %10s  %10s  %12s  %11s  %10s\n", "operations",
		"programs", "complete", "executions", "most of one",
		"most steps");
	for (i = 0; i <= EXHAUST_OPS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (x->row[i].programs)
			print_row(out, name, &x->row[i]);
	}
	print_row(out, "all", &x->total);
	print_too_large(out, x);
	if (exhaust_complete(x))
		fprintf(out, "explored completely: %llu program%s",
			(unsigned long long)x->total.programs,
			plural(x->total.programs));
	else
		fprintf(out, "explored in part: %llu of %.0f programs",
			(unsigned long long)x->total.complete, x->programs);
	fprintf(out, ", %llu execution%s, %zu finding%s\n",
		(unsigned long long)x->total.executions,
		plural(x->total.executions), e->nr_found, plural(e->nr_found));
	print_meaning(out, x);
}

static json_t *row_json(unsigned ops, const struct exhaust_row *r)
{
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I}", "operations",
			 (int)ops, "programs", (json_int_t)r->programs,
			 "complete", (json_int_t)r->complete, "executions",
			 (json_int_t)r->executions, "most", (json_int_t)r->most,
			 "steps", (json_int_t)r->steps);
}

static json_t *ops_json(const struct op *op, unsigned nr)
{
	json_t *a = json_array();
	char name[64];

	for (; nr--; op++)
		json_array_append_new(
			a, json_string(op_name(op, name, sizeof(name))));
	return a;
}

json_t *exhaust_json(const struct exhaust *x)
{
	json_t *rows = json_array();
	unsigned i;

	for (i = 0; i <= EXHAUST_OPS; i++)
		if (x->row[i].programs)
			json_array_append_new(rows, row_json(i, &x->row[i]));
	return json_pack(
		"{s:s, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}",
		"points", x->all ? "all" : "sync", "setup",
		ops_json(x->setup.setup, x->setup.nr_setup), "operations",
		ops_json(x->letter, x->letters), "complete",
		exhaust_complete(x), "programs", (json_int_t)x->programs,
		"programs_complete", (json_int_t)x->total.complete,
		"executions", (json_int_t)x->total.executions, "cut",
		(json_int_t)x->cut, "most", (json_int_t)x->most, "too_large",
		(json_int_t)x->too_large, "largest_estimate", x->estimate,
		"rows", rows);
}
