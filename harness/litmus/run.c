// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All executions of a litmus test: one after the other, each made of choices
 * that are counted up like digits. A choice is who goes on at an access to
 * memory, or which store a read returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/litmus/internal.h"

#define CHOICES 512

/* Who has accessed a variable, for races of plain accesses. */
struct touched {
	uint32_t write, plain_write, read[WEAK_CPUS], plain_read[WEAK_CPUS];
	unsigned writer, plain_writer;
};

struct state {
	const struct litmus *l;
	struct weak weak;
	int64_t memory[LITMUS_VARS], reg[WEAK_CPUS][LITMUS_REGS];
	struct touched touched[LITMUS_VARS];
	int64_t locks[LITMUS_VARS]; /* addresses alone */
	unsigned at[WEAK_CPUS];
	bool raced, too_deep;

	unsigned depth, depths;
	struct {
		uint16_t is, of;
	} choice[CHOICES];
};

static unsigned choose(void *arg, unsigned n)
{
	struct state *s = arg;

	if (s->depth == CHOICES) {
		s->too_deep = true;
		return 0;
	}
	if (s->depth == s->depths) {
		s->choice[s->depth].is = 0;
		s->choice[s->depth].of = (uint16_t)n;
		s->depths++;
	}
	return s->choice[s->depth++].is;
}

/* Return: whether there is another execution. */
static bool count_up(struct state *s)
{
	while (s->depths &&
	       s->choice[s->depths - 1].is + 1 == s->choice[s->depths - 1].of)
		s->depths--;
	if (!s->depths)
		return false;
	s->choice[s->depths - 1].is++;
	return true;
}

static int64_t value(const struct state *s, int at)
{
	const struct litmus_node *n = &s->l->node[at];
	int64_t a, b;

	switch (n->kind) {
	case LITMUS_NUMBER:
		return n->value;
	case LITMUS_REG:
		return s->reg[n->a][n->b];
	case LITMUS_VAR:
		return s->memory[n->a];
	case LITMUS_NOT:
		return !value(s, n->a);
	default:
		break;
	}
	a = value(s, n->a);
	b = value(s, n->b);
	switch (n->kind) {
	case LITMUS_MINUS:
		return (int64_t)((uint64_t)a - (uint64_t)b);
	case LITMUS_PLUS:
		return (int64_t)((uint64_t)a + (uint64_t)b);
	case LITMUS_EQ:
		return a == b;
	case LITMUS_NE:
		return a != b;
	case LITMUS_LT:
		return a < b;
	case LITMUS_GT:
		return a > b;
	case LITMUS_BIT_AND:
		return a & b;
	case LITMUS_BIT_OR:
		return a | b;
	case LITMUS_AND:
		return a && b;
	default:
		return a || b;
	}
}

static bool unordered(const struct state *s, unsigned cpu, unsigned other,
		      uint32_t time)
{
	return time && !weak_before(&s->weak, cpu, other, time);
}

/* An access that must be ordered with plain ones, and a plain one with all. */
static void touch(struct state *s, unsigned cpu, int var, bool write,
		  bool plain)
{
	struct touched *t = &s->touched[var];
	uint32_t now = s->weak.cpu[cpu].now.at[cpu];
	unsigned i;

	s->raced |= unordered(s, cpu, t->plain_writer, t->plain_write) ||
		    (plain && unordered(s, cpu, t->writer, t->write));
	for (i = 0; write && i < WEAK_CPUS; i++)
		s->raced |= unordered(s, cpu, i, t->plain_read[i]) ||
			    (plain && unordered(s, cpu, i, t->read[i]));
	if (write && plain) {
		t->plain_write = now;
		t->plain_writer = cpu;
	} else if (write) {
		t->write = now;
		t->writer = cpu;
	} else if (plain) {
		t->plain_read[cpu] = now;
	} else {
		t->read[cpu] = now;
	}
}

static int64_t read_modify_write(struct state *s, unsigned cpu,
				 const struct litmus_op *op)
{
	int64_t *at = &s->memory[op->var], old = *at, new, a = value(s, op->a);

	if (op->does == LITMUS_COMPARE && old != a) {
		weak_rmw_failed(&s->weak, cpu, at, sizeof(*at), (uint64_t)old,
				__ATOMIC_RELAXED);
		return old;
	}
	new = op->does == LITMUS_COMPARE ? value(s, op->b)
	      : op->does == LITMUS_EXCHANGE
		      ? a
		      : (int64_t)((uint64_t)old + (uint64_t)a);
	weak_rmw(&s->weak, cpu, at, sizeof(*at), (uint64_t)old, (uint64_t) new,
		 op->order);
	*at = new;
	return op->does == LITMUS_ADD ? new : old;
}

static int64_t read_memory(struct state *s, unsigned cpu,
			   const struct litmus_op *op)
{
	const int64_t *at = &s->memory[op->var];

	return (int64_t)weak_load(&s->weak, cpu, at, sizeof(*at), (uint64_t)*at,
				  op->order);
}

static void write_memory(struct state *s, unsigned cpu,
			 const struct litmus_op *op, int64_t new)
{
	int64_t *at = &s->memory[op->var];

	weak_store(&s->weak, cpu, at, sizeof(*at), (uint64_t)*at,
		   (uint64_t) new, op->order);
	*at = new;
}

/* Whether the next instruction needs no choice of who goes on. */
static bool is_local(const struct litmus_op *op)
{
	return op->does == LITMUS_SET || op->does == LITMUS_JUMP ||
	       op->does == LITMUS_JUMP_UNLESS;
}

static bool reads_only(const struct litmus_op *op)
{
	return op->does == LITMUS_READ || op->does == LITMUS_PLAIN_READ;
}

static void step(struct state *s, unsigned cpu)
{
	const struct litmus_op *op = &s->l->process[cpu].op[s->at[cpu]++];
	bool plain =
		op->does == LITMUS_PLAIN_READ || op->does == LITMUS_PLAIN_WRITE;
	int64_t got = 0;

	if (!is_local(op) && op->does != LITMUS_FENCE)
		touch(s, cpu, op->var, !reads_only(op), plain);
	switch (op->does) {
	case LITMUS_SET:
		got = value(s, op->a);
		break;
	case LITMUS_JUMP_UNLESS:
		if (!value(s, op->a))
			s->at[cpu] = (unsigned)op->to;
		break;
	case LITMUS_JUMP:
		s->at[cpu] = (unsigned)op->to;
		break;
	case LITMUS_PLAIN_READ:
	case LITMUS_READ:
		got = read_memory(s, cpu, op);
		break;
	case LITMUS_PLAIN_WRITE:
	case LITMUS_WRITE:
		write_memory(s, cpu, op, value(s, op->a));
		break;
	case LITMUS_ADD:
	case LITMUS_FETCH_ADD:
	case LITMUS_EXCHANGE:
	case LITMUS_COMPARE:
		got = read_modify_write(s, cpu, op);
		break;
	case LITMUS_FENCE:
		weak_fence(&s->weak, cpu, op->order);
		break;
	case LITMUS_LOCK:
		weak_acquire(&s->weak, cpu, &s->locks[op->var]);
		s->memory[op->var] = 1;
		break;
	case LITMUS_UNLOCK:
		weak_release(&s->weak, cpu, &s->locks[op->var]);
		s->memory[op->var] = 0;
		break;
	}
	if (op->reg >= 0)
		s->reg[cpu][op->reg] = got;
}

static void run_local(struct state *s, unsigned cpu)
{
	const struct litmus_process *p = &s->l->process[cpu];

	while (s->at[cpu] < p->count && is_local(&p->op[s->at[cpu]]))
		step(s, cpu);
}

static bool can_go_on(const struct state *s, unsigned cpu)
{
	const struct litmus_process *p = &s->l->process[cpu];
	const struct litmus_op *op = &p->op[s->at[cpu]];

	return s->at[cpu] < p->count &&
	       (op->does != LITMUS_LOCK || !s->memory[op->var]);
}

/* Return: whether all processes have ended. */
static bool execute(struct state *s)
{
	unsigned cpu, n, can[WEAK_CPUS];
	bool ended;

	s->depth = 0;
	s->raced = false;
	memcpy(s->memory, s->l->init, sizeof(s->memory));
	memset(s->reg, 0, sizeof(s->reg));
	memset(s->touched, 0, sizeof(s->touched));
	memset(s->at, 0, sizeof(s->at));
	weak_begin(&s->weak);
	for (;;) {
		ended = true;
		n = 0;
		for (cpu = 0; cpu < s->l->processes; cpu++) {
			run_local(s, cpu);
			ended &= s->at[cpu] == s->l->process[cpu].count;
			if (can_go_on(s, cpu))
				can[n++] = cpu;
		}
		if (!n)
			return ended;
		step(s, can[n > 1 ? choose(s, n) : 0]);
	}
}

static void sum_up(struct litmus_result *res)
{
	if (res->races)
		res->verdict = LITMUS_DATARACE;
	else if (!res->executions)
		res->verdict = LITMUS_DEADLOCK;
	else if (!res->holding)
		res->verdict = LITMUS_NEVER;
	else if (res->holding == res->executions)
		res->verdict = LITMUS_ALWAYS;
	else
		res->verdict = LITMUS_SOMETIMES;
}

int litmus_run(const struct litmus *l, uint64_t most, struct litmus_result *res,
	       struct err *err)
{
	struct state *s = calloc(1, sizeof(*s));
	uint64_t n = 0;
	int rc = 0;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	memset(res, 0, sizeof(*res));
	s->l = l;
	s->weak.choose = choose;
	s->weak.arg = s;
	do {
		if (++n > most || s->too_deep) {
			rc = err_set(err, -E2BIG,
				     "test %s has more than %llu executions",
				     l->name, (unsigned long long)most);
			break;
		}
		if (execute(s)) {
			res->executions++;
			res->holding += value(s, l->clause) != 0;
		} else {
			res->deadlocks++;
		}
		res->races += s->raced;
	} while (count_up(s));
	if (!rc)
		sum_up(res);
	free(s);
	return rc;
}
