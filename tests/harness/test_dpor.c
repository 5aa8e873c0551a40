// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The search for all schedules that differ, on programs of a tiny machine whose
 * schedules can all be run: both must end in the same states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "harness/explore/steps.h"
#include "lib/random.h"

#define CPUS 3
#define OPS 8
#define VARS 4
#define FINALS 4096
#define RUNS_MOST 2000000u

/* What a CPU does. Each has a register, whose last values are its result. */
enum what {
	READ, /* register := 7 * register + variable */
	WRITE, /* variable := value */
	ADD, /* variable := 3 * variable + value; register as READ */
	LOCK, /* wait until lock is free */
	TRY, /* take a lock if it is free; then skip @value operations if not */
	UNLOCK,
	IF, /* as READ; then skip @value operations if the variable is 0 */
	TAKE, /* memory is taken: variable := 0, and nobody else knows it */
	ASK, /* register := 7 * register + whether another one waits for a lock */
	PLUS, /* variable := variable + value, and nobody looks at it */
	SPIN, /* wait in a loop until the variable is not 0 */
	SPIN2, /* the same, and each round reads the next variable, too */
};

struct insn {
	enum what what;
	unsigned var;
	int value;
};

struct code {
	unsigned cpus;
	unsigned nr[CPUS];
	struct insn insn[CPUS][OPS];
};

struct machine {
	int var[VARS], reg[CPUS], owner[VARS]; /* CPU + 1 */
	unsigned at[CPUS];
	bool relaxed[CPUS], half[CPUS], seen[CPUS]; /* of SPIN2 */
	bool waits[CPUS]; /* has come to a lock that someone asks for */
};

/* Bits of a machine at its end: values and who stands where. */
static uint64_t final_of(const struct code *c, const struct machine *m)
{
	uint64_t h = 1;
	unsigned i;

	for (i = 0; i < VARS; i++)
		h = (h ^ (unsigned)m->var[i]) * 0x100000001b3ull;
	for (i = 0; i < c->cpus; i++)
		h = (h ^ (unsigned)m->reg[i] ^ m->at[i] << 24) *
		    0x100000001b3ull;
	return h;
}

struct finals {
	uint64_t state[FINALS];
	unsigned nr;
	unsigned runs, cut;
};

static void add_final(struct finals *f, uint64_t state)
{
	unsigned i;

	for (i = 0; i < f->nr; i++)
		if (f->state[i] == state)
			return;
	assert_true(f->nr < FINALS);
	f->state[f->nr++] = state;
}

/* Whether anyone asks who waits for a lock. */
static bool is_asked(const struct code *c, unsigned lock)
{
	unsigned i, k;

	for (i = 0; i < c->cpus; i++)
		for (k = 0; k < c->nr[i]; k++)
			if (c->insn[i][k].what == ASK &&
			    c->insn[i][k].var == lock)
				return true;
	return false;
}

static bool can_go(const struct code *c, const struct machine *m, unsigned cpu)
{
	const struct insn *i = &c->insn[cpu][m->at[cpu]];

	if (m->at[cpu] >= c->nr[cpu])
		return false;
	return i->what != LOCK || !m->owner[i->var] ||
	       (!m->waits[cpu] && is_asked(c, i->var));
}

/* Returns whether the CPU goes round in a loop. */
static bool go(const struct code *c, struct machine *m, unsigned cpu)
{
	const struct insn *i = &c->insn[cpu][m->at[cpu]];
	unsigned k;

	switch (i->what) {
	case READ:
		m->reg[cpu] = 7 * m->reg[cpu] + m->var[i->var];
		break;
	case WRITE:
		m->var[i->var] = i->value;
		break;
	case ADD:
		m->reg[cpu] = 7 * m->reg[cpu] + m->var[i->var];
		m->var[i->var] = 3 * m->var[i->var] + i->value;
		break;
	case PLUS:
		m->var[i->var] += i->value;
		break;
	case IF:
		m->reg[cpu] = 7 * m->reg[cpu] + m->var[i->var];
		if (!m->var[i->var])
			m->at[cpu] += (unsigned)i->value;
		break;
	case TAKE:
		m->var[i->var] = 0;
		break;
	case ASK:
		m->reg[cpu] *= 7;
		for (k = 0; k < c->cpus; k++)
			m->reg[cpu] += m->waits[k] &&
				       c->insn[k][m->at[k]].var == i->var;
		break;
	case LOCK:
		m->waits[cpu] = m->owner[i->var];
		if (m->waits[cpu])
			return false;
		m->owner[i->var] = (int)cpu + 1;
		break;
	case TRY:
		if (m->owner[i->var])
			m->at[cpu] += (unsigned)i->value;
		else
			m->owner[i->var] = (int)cpu + 1;
		break;
	case UNLOCK:
		m->owner[i->var] = 0;
		for (k = 0; k < c->cpus; k++)
			if (m->at[k] < c->nr[k] &&
			    c->insn[k][m->at[k]].var == i->var)
				m->waits[k] = false;
		break;
	case SPIN:
		if (!m->var[i->var])
			return true;
		break;
	case SPIN2:
		m->half[cpu] = !m->half[cpu];
		if (m->half[cpu]) {
			m->seen[cpu] = m->var[i->var];
			return false;
		}
		if (!m->seen[cpu])
			return true;
		break;
	}
	m->at[cpu]++;
	return false;
}

/* All schedules, one after the other. A loop's rounds that see 0 are skipped. */
static void naive(const struct code *c, const struct machine *m,
		  struct finals *f)
{
	struct machine next;
	bool went = false;
	unsigned i;

	for (i = 0; i < c->cpus; i++) {
		if (!can_go(c, m, i))
			continue;
		next = *m;
		/* A round after which nothing is new is not needed. */
		if (go(c, &next, i) && !m->var[c->insn[i][m->at[i]].var])
			continue;
		went = true;
		naive(c, &next, f);
	}
	if (went)
		return;
	f->runs++;
	add_final(f, final_of(c, m));
}

static struct dpor_next next_of(const struct code *c, const struct machine *m,
				unsigned cpu)
{
	static const enum dpor_kind kinds[] = {
		[READ] = DPOR_READ,   [WRITE] = DPOR_WRITE,
		[PLUS] = DPOR_ADD,    [IF] = DPOR_READ,
		[TAKE] = DPOR_TAKEN,  [ASK] = DPOR_ASK,
		[ADD] = DPOR_WRITE,   [LOCK] = DPOR_LOCK,
		[TRY] = DPOR_TRYLOCK, [UNLOCK] = DPOR_UNLOCK,
		[SPIN] = DPOR_READ,   [SPIN2] = DPOR_READ,
	};
	const struct insn *i = &c->insn[cpu][m->at[cpu]];
	struct dpor_next next = { .state = DPOR_READY };
	bool lock;

	if (m->at[cpu] >= c->nr[cpu]) {
		next.state = DPOR_ENDED;
		return next;
	}
	if (m->relaxed[cpu])
		return next;
	lock = i->what == LOCK || i->what == TRY || i->what == UNLOCK ||
	       i->what == ASK;
	next.access = (struct dpor_access){
		.kind = kinds[i->what],
		.addr = 8 * (i->var + m->half[cpu]) + (lock ? 1000 : 0) + 8,
		.len = 8,
		.pc = 2 * m->at[cpu] + m->half[cpu],
	};
	if (!can_go(c, m, cpu))
		next.state = DPOR_WAITS;
	if (i->what == LOCK && m->owner[i->var] && can_go(c, m, cpu)) {
		next.access.kind = DPOR_ADD;
		next.access.addr |= DPOR_WAITERS;
	}
	return next;
}

/* The access that is done by a CPU at @next: to take a lock is to have come. */
static void does(const struct code *c, const struct machine *m, struct dpor *d,
		 unsigned cpu, const struct dpor_next *next)
{
	const struct insn *i = &c->insn[cpu][m->at[cpu]];
	struct dpor_access a = next->access;

	dpor_did(d, &a);
	if (i->what != LOCK || a.kind == DPOR_ADD || !is_asked(c, i->var))
		return;
	a.kind = DPOR_ADD;
	a.addr |= DPOR_WAITERS;
	dpor_did(d, &a);
}

static unsigned held_by(const struct code *c, const struct machine *m,
			unsigned cpu, struct steps_held *held)
{
	unsigned i, n = 0;

	for (i = 0; i < VARS; i++)
		if (m->owner[i] == (int)cpu + 1)
			held[n++] = (struct steps_held){ 8 * i + 1008, false };
	return n;
}

/*
 * The step of @cpu: one access; with @s, as long as it goes. Return: false where
 * the search has to begin again.
 */
static bool step(const struct code *c, struct machine *m, struct dpor *d,
		 struct steps *s, unsigned cpu)
{
	struct steps_held held[VARS];
	struct dpor_next next;
	bool first = true, waits;

	for (;; first = false) {
		next = next_of(c, m, cpu);
		if (next.state == DPOR_ENDED ||
		    (!first && (!s || steps_ends(s, cpu, &next.access))))
			return true;
		if (s)
			steps_did(s, cpu, &next.access, held,
				  held_by(c, m, cpu, held));
		does(c, m, d, cpu, &next);
		if (s && steps_learned(s))
			return false;
		if (next.state == DPOR_WAITS)
			return true;
		waits = m->owner[c->insn[cpu][m->at[cpu]].var] &&
			c->insn[cpu][m->at[cpu]].what == LOCK;
		if (go(c, m, cpu)) {
			m->relaxed[cpu] = dpor_relax(d, cpu, m->at[cpu], 1);
			if (m->relaxed[cpu])
				return true;
		}
		if (waits)
			return true;
	}
}

/* Return: false where the search has to begin again. */
static bool run(const struct code *c, struct dpor *d, struct steps *s,
		struct finals *f)
{
	struct dpor_next next[DPOR_CPUS];
	struct machine m = { 0 };
	unsigned i, cpu, steps = 0;

	dpor_begin(d);
	if (s)
		steps_run(s);
	for (;;) {
		for (i = 0; i < c->cpus; i++)
			next[i] = next_of(c, &m, i);
		cpu = dpor_step(d, next);
		if (cpu == DPOR_CUT) {
			f->cut++;
			return true;
		}
		if (cpu == DPOR_NONE || steps++ > 1000)
			break;
		if (m.relaxed[cpu]) {
			m.relaxed[cpu] = false;
			continue;
		}
		if (s)
			steps_begin(s, cpu);
		if (!step(c, &m, d, s, cpu))
			return false;
	}
	f->runs++;
	add_final(f, final_of(c, &m));
	return true;
}

static void search(const struct code *c, struct finals *f, bool whole)
{
	struct steps *s = whole ? steps_new() : NULL;
	struct dpor *d = dpor_new(c->cpus);
	bool more = true;

	memset(f, 0, sizeof(*f));
	while (more) {
		if (run(c, d, s, f)) {
			more = dpor_more(d);
		} else {
			dpor_free(d);
			d = dpor_new(c->cpus);
			memset(f, 0, sizeof(*f));
		}
		assert_true(f->runs + f->cut < RUNS_MOST);
	}
	assert_false(dpor_diverged(d));
	dpor_free(d);
	steps_free(s);
}

static void print_code(const struct code *c)
{
	static const char *const names[] = {
		"read", "write", "add", "lock", "try",	"unlock",
		"if",	"take",	 "ask", "plus", "spin", "spin2"
	};
	unsigned i, k;

	for (i = 0; i < c->cpus; i++) {
		printf("# CPU %u:", i);
		for (k = 0; k < c->nr[i]; k++)
			printf(" %s %u %d;", names[c->insn[i][k].what],
			       c->insn[i][k].var, c->insn[i][k].value);
		printf("\n");
	}
}

/* Whether the states of a search are those that are reached. */
static void same(const struct code *c, const struct finals *all,
		 struct finals *f)
{
	unsigned i, before = f->nr;

	for (i = 0; i < all->nr; i++)
		add_final(f, all->state[i]);
	if (f->nr == before && before == all->nr)
		return;
	print_code(c);
	fail_msg("%u states are reached and %u were found", all->nr, before);
}

/*
 * All schedules, and the searches @f, of steps of one access, and @whole, of
 * steps as long as they go.
 */
static void compare(const struct code *c, struct finals *all, struct finals *f,
		    struct finals *whole)
{
	struct machine m = { 0 };

	memset(all, 0, sizeof(*all));
	naive(c, &m, all);
	search(c, f, false);
	same(c, all, f);
	search(c, whole, true);
	same(c, all, whole);
}

static void add(struct code *c, unsigned cpu, enum what what, unsigned var,
		int value)
{
	c->insn[cpu][c->nr[cpu]++] = (struct insn){ what, var, value };
	if (c->cpus <= cpu)
		c->cpus = cpu + 1;
}

static struct finals all, found, whole;

/* Programs whose number of runs that differ is known. */
static void test_counts(void **state)
{
	struct code c = { 0 };
	unsigned i;

	/* Nothing in common: one run. */
	for (i = 0; i < 3; i++) {
		add(&c, 0, WRITE, 0, 1);
		add(&c, 1, WRITE, 1, 1);
	}
	compare(&c, &all, &found, &whole);
	assert_int_equal(found.runs, 1);
	assert_int_equal(found.cut, 0);
	assert_int_equal(all.runs, 20);

	/* Readers are in no order: the writer is before, between or behind. */
	memset(&c, 0, sizeof(c));
	add(&c, 0, READ, 0, 0);
	add(&c, 0, READ, 0, 0);
	add(&c, 1, WRITE, 0, 1);
	add(&c, 2, READ, 0, 0);
	compare(&c, &all, &found, &whole);
	assert_int_equal(found.runs, 6);
	assert_int_equal(all.runs, 12);

	/* Two critical sections each: C(4, 2) orders. */
	memset(&c, 0, sizeof(c));
	for (i = 0; i < 4; i++) {
		add(&c, i / 2, LOCK, 0, 0);
		add(&c, i / 2, ADD, 1, (int)i);
		add(&c, i / 2, UNLOCK, 0, 0);
	}
	compare(&c, &all, &found, &whole);
	assert_int_equal(found.runs, 6);

	/* Every order of writes counts: C(6, 3). */
	memset(&c, 0, sizeof(c));
	for (i = 0; i < 6; i++)
		add(&c, i / 3, ADD, 0, 1 + (int)i);
	compare(&c, &all, &found, &whole);
	assert_int_equal(found.runs, 20);
	assert_int_equal(all.runs, 20);
}

/* Two locks in both orders: the deadlock is one of the ends. */
static void test_deadlock(void **state)
{
	struct code c = { 0 };

	add(&c, 0, LOCK, 0, 0);
	add(&c, 0, LOCK, 1, 0);
	add(&c, 0, UNLOCK, 1, 0);
	add(&c, 0, UNLOCK, 0, 0);
	add(&c, 1, LOCK, 1, 0);
	add(&c, 1, LOCK, 0, 0);
	add(&c, 1, UNLOCK, 0, 0);
	add(&c, 1, UNLOCK, 1, 0);
	compare(&c, &all, &found, &whole);
	assert_int_equal(all.nr, 2);
	assert_int_equal(found.runs, 3);
}

/* A loop that waits ends, in whatever order, and in few runs. */
static void test_spin(void **state)
{
	struct code c = { 0 };

	add(&c, 0, WRITE, 1, 5);
	add(&c, 0, WRITE, 0, 1);
	add(&c, 0, WRITE, 1, 6);
	add(&c, 1, SPIN, 0, 0);
	add(&c, 1, READ, 1, 0);
	compare(&c, &all, &found, &whole);
	assert_int_equal(all.nr, 2);
	assert_true(found.runs <= 6);

	/* What a round has read may be old when it ends. */
	c.insn[1][0].what = SPIN2;
	compare(&c, &all, &found, &whole);
	assert_int_equal(all.nr, 2);
	c.insn[1][0].what = SPIN;

	/* Nobody writes: both ends are seen although none goes on. */
	c.nr[0] = 1;
	add(&c, 0, SPIN, 2, 0);
	search(&c, &found, false);
	assert_int_equal(found.nr, 1);
	search(&c, &found, true);
	assert_int_equal(found.nr, 1);
}

static unsigned below(uint64_t *random, unsigned n)
{
	return (unsigned)(random_splitmix(random) >> 33) % n;
}

/* A CPU's code: accesses, some of them in critical sections. */
static void random_cpu(struct code *c, unsigned cpu, unsigned most,
		       uint64_t *random)
{
	unsigned vars = 1 + below(random, 3), lock;
	int inner;

	c->cpus = cpu + 1;
	while (c->nr[cpu] < most) {
		lock = below(random, 2);
		switch (below(random, 8)) {
		case 0:
		case 1:
			if (c->nr[cpu] + 3 > OPS)
				return;
			inner = (int)below(random, 2);
			add(c, cpu, below(random, 2) ? LOCK : TRY, lock,
			    1 + inner);
			if (inner)
				add(c, cpu, ADD, below(random, vars), 1);
			add(c, cpu, UNLOCK, lock, 0);
			break;
		case 2:
			if (c->nr[cpu] + 4 > OPS)
				return;
			add(c, cpu, LOCK, lock, 0);
			add(c, cpu, LOCK, !lock, 0);
			add(c, cpu, UNLOCK, !lock, 0);
			add(c, cpu, UNLOCK, lock, 0);
			break;
		case 3:
			add(c, cpu, below(random, 4) ? READ : SPIN,
			    below(random, vars), 0);
			break;
		default:
			add(c, cpu,
			    below(random, 5) ? (enum what)below(random, 3)
					     : PLUS,
			    below(random, vars), 1 + (int)below(random, 3));
			break;
		}
	}
}

/* Random programs: no end is missed, and none is made up. */
static void test_random(void **state)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");
	unsigned n = 3 * (scale ? (unsigned)atoi(scale) : 100), i, cpu, cpus;
	uint64_t random = 7, full = 0, runs = 0, cut = 0, of_whole = 0;
	struct code c;

	for (i = 0; i < n; i++) {
		memset(&c, 0, sizeof(c));
		cpus = 2 + below(&random, 2);
		for (cpu = 0; cpu < cpus; cpu++)
			random_cpu(&c, cpu, cpus == 2 ? 5 : 3, &random);
		compare(&c, &all, &found, &whole);
		full += all.runs;
		runs += found.runs;
		cut += found.cut;
		of_whole += whole.runs + whole.cut;
	}
	printf("# %u programs, %llu schedules, of which %llu and %llu in part "
	       "were run, %llu of longer steps\n",
	       n, (unsigned long long)full, (unsigned long long)runs,
	       (unsigned long long)cut, (unsigned long long)of_whole);
	assert_true(runs + cut < full / 2);
	assert_true(of_whole <= runs + cut);
}

/* A critical section of lock @lock, whose variables it guards. */
static void section(struct code *c, unsigned cpu, unsigned lock, bool asks,
		    uint64_t *random)
{
	static const enum what whats[] = { READ, WRITE, ADD, PLUS };
	unsigned n = below(random, 3);

	add(c, cpu, LOCK, lock, 0);
	if (asks && below(random, 2))
		add(c, cpu, ASK, lock, 0);
	while (n-- && c->nr[cpu] < OPS - 1)
		add(c, cpu, whats[below(random, 4)], lock, 2);
	add(c, cpu, UNLOCK, lock, 0);
}

/* Most of what is done is guarded, so that long steps are worth while. */
static void test_guarded(void **state)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");
	unsigned n = 3 * (scale ? (unsigned)atoi(scale) : 100), i, cpu;
	uint64_t random = 11, runs = 0, of_whole = 0;
	struct code c;

	for (i = 0; i < n; i++) {
		memset(&c, 0, sizeof(c));
		for (cpu = 0; cpu < 2; cpu++)
			while (c.nr[cpu] < 4) {
				section(&c, cpu, below(&random, 2), i % 3 == 0,
					&random);
				if (c.nr[cpu] < OPS && !below(&random, 4))
					add(&c, cpu, PLUS, 2, 1);
			}
		compare(&c, &all, &found, &whole);
		runs += found.runs + found.cut;
		of_whole += whole.runs + whole.cut;
	}
	printf("# %u programs, %llu schedules, %llu of longer steps\n", n,
	       (unsigned long long)runs, (unsigned long long)of_whole);
	assert_true(of_whole < runs);
}

/* Memory is taken, filled and shown to another CPU, which uses it then. */
static void test_taken(void **state)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");
	unsigned n = 5 * (scale ? (unsigned)atoi(scale) : 100), i, k;
	static const enum what whats[] = { WRITE, ADD, READ };
	uint64_t random = 13;
	struct code c;
	bool lock;

	for (i = 0; i < n; i++) {
		memset(&c, 0, sizeof(c));
		lock = below(&random, 2);
		add(&c, 0, TAKE, 3, 0);
		while (c.nr[0] < 6)
			switch (below(&random, 4)) {
			case 0:
				if (lock)
					add(&c, 0, LOCK, 0, 0);
				add(&c, 0, WRITE, 0, 1);
				if (lock)
					add(&c, 0, UNLOCK, 0, 0);
				break;
			case 1:
				add(&c, 0, WRITE, 1, 1);
				break;
			default:
				add(&c, 0, whats[below(&random, 3)], 3, 1);
			}
		for (k = 0; k < 2; k++) {
			if (lock)
				add(&c, 1, LOCK, 0, 0);
			add(&c, 1, IF, 0, lock ? 2 : 1);
			if (lock)
				add(&c, 1, UNLOCK, 0, 0);
			add(&c, 1, whats[below(&random, 3)],
			    below(&random, 4) ? 3 : 1, 2);
			/* Where it is not shown yet, the lock is kept. */
			if (lock)
				break;
		}
		compare(&c, &all, &found, &whole);
	}
}

/* What part is done rises to 1, and tells how many runs there will be. */
static void test_share(void **state)
{
	struct code c = { 0 };
	struct finals f = { 0 };
	double share, last = 0;
	struct dpor *d;
	unsigned i;

	for (i = 0; i < 8; i++)
		add(&c, i / 4, ADD, 0, 1 + (int)i);
	d = dpor_new(c.cpus);
	run(&c, d, NULL, &f);
	while (dpor_more(d)) {
		share = dpor_share(d);
		assert_true(share > 0 && share < 1);
		last = share;
		run(&c, d, NULL, &f);
	}
	dpor_free(d);
	assert_int_equal(f.runs, 70);
	assert_true(last > 0.5);
}

/* A program that does not repeat is not called explored. */
static void test_diverges(void **state)
{
	struct code c = { 0 };
	struct finals f = { 0 };
	struct dpor *d;

	add(&c, 0, ADD, 0, 1);
	add(&c, 0, ADD, 0, 1);
	add(&c, 1, ADD, 0, 1);
	d = dpor_new(c.cpus);
	run(&c, d, NULL, &f);
	assert_true(dpor_more(d));
	c.insn[0][0].var = 1;
	run(&c, d, NULL, &f);
	assert_false(dpor_more(d));
	assert_true(dpor_diverged(d));
	dpor_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),	cmocka_unit_test(test_deadlock),
		cmocka_unit_test(test_spin),	cmocka_unit_test(test_random),
		cmocka_unit_test(test_guarded), cmocka_unit_test(test_taken),
		cmocka_unit_test(test_share),	cmocka_unit_test(test_diverges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
