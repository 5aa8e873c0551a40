// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a litmus test. The first error is kept and ends the text, so that the
 * functions below need not look at it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/litmus/internal.h"
#include "lib/text.h"

#define MOST_BYTES (64u << 10)
#define MOST_DEEP 64

const char *const litmus_verdicts[LITMUS_VERDICTS] = { "Never", "Sometimes",
						       "Always", "DATARACE",
						       "DEADLOCK" };

struct parser {
	const char *path, *at;
	struct err *err;
	struct litmus *l;
	struct litmus_process *p; /* NULL outside of one */
	unsigned line, deep;
	int rc;
	char token[LITMUS_NAME];
};

/* How a name of the kernel accesses memory. */
struct primitive {
	const char *name;
	enum litmus_do does;
	int order;
	unsigned args; /* with the variable */
	bool value_first; /* the variable is the last argument */
	int number; /* what is added when no argument says it */
};

#define RELAXED __ATOMIC_RELAXED
#define ACQUIRE __ATOMIC_ACQUIRE
#define RELEASE __ATOMIC_RELEASE
#define FULL __ATOMIC_SEQ_CST

static const struct primitive primitives[] = {
	{ "READ_ONCE", LITMUS_READ, RELAXED, 1, false, 0 },
	{ "WRITE_ONCE", LITMUS_WRITE, RELAXED, 2, false, 0 },
	{ "smp_load_acquire", LITMUS_READ, ACQUIRE, 1, false, 0 },
	{ "smp_store_release", LITMUS_WRITE, RELEASE, 2, false, 0 },
	{ "atomic_read", LITMUS_READ, RELAXED, 1, false, 0 },
	{ "atomic_read_acquire", LITMUS_READ, ACQUIRE, 1, false, 0 },
	{ "atomic_set", LITMUS_WRITE, RELAXED, 2, false, 0 },
	{ "atomic_set_release", LITMUS_WRITE, RELEASE, 2, false, 0 },
	{ "atomic_inc", LITMUS_ADD, RELAXED, 1, false, 1 },
	{ "atomic_dec", LITMUS_ADD, RELAXED, 1, false, -1 },
	{ "atomic_add", LITMUS_ADD, RELAXED, 2, true, 0 },
	{ "atomic_inc_return", LITMUS_ADD, FULL, 1, false, 1 },
	{ "atomic_inc_return_acquire", LITMUS_ADD, ACQUIRE, 1, false, 1 },
	{ "atomic_inc_return_relaxed", LITMUS_ADD, RELAXED, 1, false, 1 },
	{ "atomic_dec_return", LITMUS_ADD, FULL, 1, false, -1 },
	{ "atomic_dec_return_release", LITMUS_ADD, RELEASE, 1, false, -1 },
	{ "atomic_dec_return_relaxed", LITMUS_ADD, RELAXED, 1, false, -1 },
	{ "atomic_add_return", LITMUS_ADD, FULL, 2, true, 0 },
	{ "atomic_fetch_add", LITMUS_FETCH_ADD, FULL, 2, true, 0 },
	{ "xchg", LITMUS_EXCHANGE, FULL, 2, false, 0 },
	{ "xchg_acquire", LITMUS_EXCHANGE, ACQUIRE, 2, false, 0 },
	{ "xchg_release", LITMUS_EXCHANGE, RELEASE, 2, false, 0 },
	{ "xchg_relaxed", LITMUS_EXCHANGE, RELAXED, 2, false, 0 },
	{ "atomic_xchg_acquire", LITMUS_EXCHANGE, ACQUIRE, 2, false, 0 },
	{ "cmpxchg", LITMUS_COMPARE, FULL, 3, false, 0 },
	{ "cmpxchg_acquire", LITMUS_COMPARE, ACQUIRE, 3, false, 0 },
	{ "cmpxchg_release", LITMUS_COMPARE, RELEASE, 3, false, 0 },
	{ "cmpxchg_relaxed", LITMUS_COMPARE, RELAXED, 3, false, 0 },
	{ "atomic_cmpxchg", LITMUS_COMPARE, FULL, 3, false, 0 },
	{ "atomic_cmpxchg_acquire", LITMUS_COMPARE, ACQUIRE, 3, false, 0 },
	{ "atomic_cmpxchg_release", LITMUS_COMPARE, RELEASE, 3, false, 0 },
	{ "atomic_cmpxchg_relaxed", LITMUS_COMPARE, RELAXED, 3, false, 0 },
	{ "spin_lock", LITMUS_LOCK, ACQUIRE, 1, false, 0 },
	{ "spin_unlock", LITMUS_UNLOCK, RELEASE, 1, false, 0 },
	{ "smp_mb", LITMUS_FENCE, FULL, 0, false, 0 },
	{ "smp_mb__before_atomic", LITMUS_FENCE, FULL, 0, false, 0 },
	{ "smp_mb__after_atomic", LITMUS_FENCE, FULL, 0, false, 0 },
	{ "smp_mb__after_spinlock", LITMUS_FENCE, FULL, 0, false, 0 },
	{ "smp_wmb", LITMUS_FENCE, RELEASE, 0, false, 0 },
	{ "smp_rmb", LITMUS_FENCE, ACQUIRE, 0, false, 0 },
	{ 0 },
};

static void fail(struct parser *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct parser *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (p->rc)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->rc = err_set(p->err, -EINVAL, "%s:%u: %s", PLAIN(p->path), p->line,
			text);
	p->at = "";
	p->token[0] = '\0';
}

/* Goes behind @end, which closes a comment. */
static void comment(struct parser *p, const char *end)
{
	const char *to = strstr(p->at, end);

	if (!to) {
		fail(p, "a comment without an end, %s", end);
		return;
	}
	for (to += strlen(end); p->at < to; p->at++)
		p->line += *p->at == '\n';
}

/* In a process "(*" begins an argument, elsewhere a comment. */
static void skip(struct parser *p)
{
	for (;;)
		if (isspace((unsigned char)*p->at))
			p->line += *p->at++ == '\n';
		else if (!p->p && !strncmp(p->at, "(*", 2))
			comment(p, "*)");
		else if (!strncmp(p->at, "/*", 2))
			comment(p, "*/");
		else if (!strncmp(p->at, "//", 2))
			p->at += strcspn(p->at, "\n");
		else
			return;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Goes on to the next token; an empty one is the end. */
static void next(struct parser *p)
{
	static const char *const pairs[] = { "/\\", "\\/", "==",
					     "!=",  "&&",  "||" };
	size_t n = 0, i;

	skip(p);
	while (in_word(p->at[n]))
		n++;
	for (i = 0; !n && i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!strncmp(p->at, pairs[i], 2))
			n = 2;
	if (!n && *p->at)
		n = 1;
	if (n >= sizeof(p->token)) {
		fail(p, "a name of %zu characters; the most are %zu", n,
		     sizeof(p->token) - 1);
		return;
	}
	memcpy(p->token, p->at, n);
	p->token[n] = '\0';
	p->at += n;
}

static bool is(const struct parser *p, const char *token)
{
	return !strcmp(p->token, token);
}

/* Takes @token if it is the next one. */
static bool take(struct parser *p, const char *token)
{
	if (!is(p, token))
		return false;
	next(p);
	return true;
}

static void need(struct parser *p, const char *token)
{
	if (!take(p, token))
		fail(p, "'%s' where '%s' should be", PLAIN(p->token), token);
}

static bool is_name(const struct parser *p)
{
	return isalpha((unsigned char)p->token[0]) || p->token[0] == '_';
}

static bool is_number(const struct parser *p)
{
	return isdigit((unsigned char)p->token[0]);
}

static int64_t number(struct parser *p)
{
	bool minus = take(p, "-");
	char *end = p->token;
	int64_t n = 0;

	errno = 0;
	if (is_number(p))
		n = strtol(p->token, &end, 0);
	if (end == p->token || *end || errno)
		fail(p, "'%s' where a number should be", PLAIN(p->token));
	next(p);
	return minus ? -n : n;
}

static int find(char names[][LITMUS_NAME], unsigned count, const char *name)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

/* Return: the number of a variable, a new one where @add. */
static int variable(struct parser *p, bool add)
{
	int n = find(p->l->var, p->l->vars, p->token);

	if (n < 0 && add && is_name(p) && p->l->vars < LITMUS_VARS) {
		n = (int)p->l->vars++;
		memcpy(p->l->var[n], p->token, LITMUS_NAME);
	}
	if (n < 0)
		fail(p, "'%s' is no variable%s", PLAIN(p->token),
		     add ? ", or one of too many" : "");
	next(p);
	return n < 0 ? 0 : n;
}

static int node(struct parser *p, enum litmus_node_kind kind, int a, int b,
		int64_t value)
{
	struct litmus *l = p->l;

	if (l->nodes == LITMUS_NODES) {
		fail(p, "more than %d parts of expressions", LITMUS_NODES);
		return 0;
	}
	l->node[l->nodes] = (struct litmus_node){ kind, a, b, value };
	return (int)l->nodes++;
}

static int expression(struct parser *p, unsigned level);

/* What nests is counted, so that no text can exhaust the stack. */
static void deeper(struct parser *p)
{
	if (++p->deep > MOST_DEEP)
		fail(p, "nested more than %d deep", MOST_DEEP);
}

/* In the clause "1:r0" is a register and a name alone a variable. */
static int clause_leaf(struct parser *p)
{
	int64_t of;
	int reg;

	if (!is_number(p) || *p->at != ':') {
		if (is_name(p))
			return node(p, LITMUS_VAR, variable(p, false), 0, 0);
		return node(p, LITMUS_NUMBER, 0, 0, number(p));
	}
	of = number(p);
	need(p, ":");
	if (of >= p->l->processes) {
		fail(p, "there is no process %d", (int)of);
		return 0;
	}
	reg = find(p->l->process[of].reg, p->l->process[of].regs, p->token);
	if (reg < 0)
		fail(p, "process %d has no register '%s'", (int)of,
		     PLAIN(p->token));
	next(p);
	return node(p, LITMUS_REG, (int)of, reg, 0);
}

static int leaf(struct parser *p)
{
	int n, reg;

	if (is(p, "(") || is(p, "!") || is(p, "~")) {
		deeper(p);
		if (take(p, "(")) {
			n = expression(p, 0);
			need(p, ")");
		} else {
			next(p);
			n = node(p, LITMUS_NOT, leaf(p), 0, 0);
		}
		p->deep--;
		return n;
	}
	if (!p->p)
		return clause_leaf(p);
	if (!is_name(p))
		return node(p, LITMUS_NUMBER, 0, 0, number(p));
	reg = find(p->p->reg, p->p->regs, p->token);
	if (reg < 0)
		fail(p,
		     "'%s' is no register; memory is read alone, as in "
		     "r0 = READ_ONCE(*x);",
		     PLAIN(p->token));
	next(p);
	return node(p, LITMUS_REG, (int)(p->p - p->l->process), reg, 0);
}

/* From what binds least to what binds most. */
static const struct {
	const char *token;
	enum litmus_node_kind kind;
	unsigned level;
} operators[] = {
	{ "||", LITMUS_OR, 0 },	   { "\\/", LITMUS_OR, 0 },
	{ "&&", LITMUS_AND, 1 },   { "/\\", LITMUS_AND, 1 },
	{ "|", LITMUS_BIT_OR, 2 }, { "&", LITMUS_BIT_AND, 3 },
	{ "==", LITMUS_EQ, 4 },	   { "=", LITMUS_EQ, 4 },
	{ "!=", LITMUS_NE, 4 },	   { "<", LITMUS_LT, 5 },
	{ ">", LITMUS_GT, 5 },	   { "+", LITMUS_PLUS, 6 },
	{ "-", LITMUS_MINUS, 6 },
};
#define LEVELS 7

static int expression(struct parser *p, unsigned level)
{
	size_t i, n = sizeof(operators) / sizeof(operators[0]);
	int left;

	if (level == LEVELS)
		return leaf(p);
	left = expression(p, level + 1);
	for (i = 0; i < n && !p->rc; i++)
		if (operators[i].level == level &&
		    take(p, operators[i].token)) {
			left = node(p, operators[i].kind, left,
				    expression(p, level + 1), 0);
			i = (size_t)-1;
		}
	return left;
}

static struct litmus_op *emit(struct parser *p, enum litmus_do does)
{
	static struct litmus_op nowhere;
	struct litmus_op *op;

	if (p->p->count == LITMUS_CODE) {
		fail(p, "more than %d steps of a process", LITMUS_CODE);
		return &nowhere;
	}
	op = &p->p->op[p->p->count++];
	*op = (struct litmus_op){ .does = does, .reg = -1, .a = -1, .b = -1 };
	return op;
}

/* An argument that names memory: "*x", "x" or "&x". */
static int memory(struct parser *p)
{
	if (!take(p, "*"))
		take(p, "&");
	return variable(p, false);
}

static void access(struct parser *p, const struct primitive *how, int reg)
{
	struct litmus_op *op = emit(p, how->does);

	op->order = how->order;
	op->reg = reg;
	need(p, "(");
	if (how->number)
		op->a = node(p, LITMUS_NUMBER, 0, 0, how->number);
	if (how->value_first) {
		op->a = expression(p, 0);
		need(p, ",");
	}
	if (how->args)
		op->var = memory(p);
	if (how->args > 1 && !how->value_first) {
		need(p, ",");
		op->a = expression(p, 0);
	}
	if (how->args > 2) {
		need(p, ",");
		op->b = expression(p, 0);
	}
	need(p, ")");
}

static const struct primitive *primitive(const struct parser *p)
{
	const struct primitive *how;

	for (how = primitives; how->name; how++)
		if (is(p, how->name))
			return how;
	return NULL;
}

/* What comes behind "reg =". */
static void assign(struct parser *p, int reg)
{
	const struct primitive *how = primitive(p);
	struct litmus_op *op;
	int a;

	if (how) {
		next(p);
		access(p, how, reg);
		return;
	}
	if (take(p, "*")) {
		op = emit(p, LITMUS_PLAIN_READ);
		op->var = variable(p, false);
		op->reg = reg;
		return;
	}
	a = expression(p, 0);
	op = emit(p, LITMUS_SET);
	op->a = a;
	op->reg = reg;
}

static int new_register(struct parser *p)
{
	struct litmus_process *of = p->p;
	int n = -1;

	if (is_name(p) && of->regs < LITMUS_REGS) {
		n = (int)of->regs++;
		memcpy(of->reg[n], p->token, LITMUS_NAME);
	} else {
		fail(p, "'%s' where a register should be, one of at most %d",
		     PLAIN(p->token), LITMUS_REGS);
	}
	next(p);
	return n;
}

static void statement(struct parser *p);

static void branch(struct parser *p)
{
	struct litmus_op *unless, *jump;
	int a;

	need(p, "(");
	a = expression(p, 0);
	need(p, ")");
	unless = emit(p, LITMUS_JUMP_UNLESS);
	unless->a = a;
	statement(p);
	unless->to = (int)p->p->count;
	if (!take(p, "else"))
		return;
	jump = emit(p, LITMUS_JUMP);
	unless->to = (int)p->p->count;
	statement(p);
	jump->to = (int)p->p->count;
}

static void statement(struct parser *p)
{
	const struct primitive *how = primitive(p);
	struct litmus_op *op;
	int reg;

	if (is(p, "{") || is(p, "if")) {
		deeper(p);
		if (take(p, "if"))
			branch(p);
		else if (take(p, "{"))
			while (!p->rc && !take(p, "}"))
				statement(p);
		p->deep--;
		return;
	}
	if (how) {
		next(p);
		access(p, how, -1);
	} else if (take(p, "int")) {
		reg = new_register(p);
		if (take(p, "="))
			assign(p, reg);
	} else if (take(p, "*")) {
		op = emit(p, LITMUS_PLAIN_WRITE);
		op->var = variable(p, false);
		need(p, "=");
		op->a = expression(p, 0);
	} else {
		reg = find(p->p->reg, p->p->regs, p->token);
		if (reg < 0)
			fail(p, "'%s' begins no statement that is known here",
			     PLAIN(p->token));
		next(p);
		need(p, "=");
		assign(p, reg);
	}
	need(p, ";");
}

static void process(struct parser *p)
{
	struct litmus *l = p->l;
	char want[16];

	snprintf(want, sizeof(want), "P%u", l->processes);
	if (l->processes == WEAK_CPUS) {
		fail(p, "more than %d processes", WEAK_CPUS);
		return;
	}
	need(p, want);
	need(p, "(");
	while (!p->rc && !take(p, ")")) {
		if (!take(p, "int") && !take(p, "atomic_t") &&
		    !take(p, "spinlock_t"))
			fail(p,
			     "'%s' where int, atomic_t or spinlock_t "
			     "should be",
			     PLAIN(p->token));
		need(p, "*");
		variable(p, true);
		take(p, ",");
	}
	p->p = &l->process[l->processes++];
	need(p, "{");
	while (!p->rc && !take(p, "}"))
		statement(p);
	p->p = NULL;
}

/* { int x = 1; y = 2; atomic_t v = ATOMIC_INIT(3); spinlock_t s; } */
static void initial(struct parser *p)
{
	int var;

	need(p, "{");
	while (!p->rc && !take(p, "}")) {
		if (take(p, ";"))
			continue;
		if (!take(p, "int") && !take(p, "atomic_t"))
			take(p, "spinlock_t");
		var = variable(p, true);
		if (!take(p, "="))
			continue;
		if (take(p, "ATOMIC_INIT")) {
			need(p, "(");
			p->l->init[var] = number(p);
			need(p, ")");
		} else {
			p->l->init[var] = number(p);
		}
	}
}

static enum litmus_verdict expected(const char *text)
{
	const char *at = strstr(text, "Result:");
	int i;

	if (at)
		at += strspn(at + 7, " \t") + 7;
	for (i = 0; at && i < LITMUS_VERDICTS; i++)
		if (!strncmp(at, litmus_verdicts[i],
			     strlen(litmus_verdicts[i])))
			return (enum litmus_verdict)i;
	return LITMUS_VERDICTS;
}

static void whole(struct parser *p)
{
	size_t n;

	next(p);
	need(p, "C");
	/* The name may hold +, - and dots. */
	p->at -= strlen(p->token);
	n = strcspn(p->at, " \t\r\n");
	snprintf(p->l->name, sizeof(p->l->name), "%.*s", (int)n, p->at);
	p->at += n;
	next(p);
	initial(p);
	while (!p->rc && !is(p, "exists") && !is(p, "locations"))
		process(p);
	if (take(p, "locations"))
		while (!p->rc && !take(p, "]"))
			next(p);
	need(p, "exists");
	if (!p->l->processes)
		fail(p, "a test without processes");
	p->l->clause = expression(p, 0);
	if (!p->rc && p->token[0])
		fail(p, "'%s' behind the end", PLAIN(p->token));
}

static int read_text(const char *path, char *text, struct err *err)
{
	FILE *f = fopen(path, "re");
	size_t n;
	int rc = 0;

	if (!f)
		return err_set(err, -errno, "%s: %s", PLAIN(path),
			       strerror(errno));
	n = fread(text, 1, MOST_BYTES, f);
	text[n < MOST_BYTES ? n : MOST_BYTES - 1] = '\0';
	if (ferror(f))
		rc = err_set(err, -EIO, "%s: cannot be read", PLAIN(path));
	else if (n == MOST_BYTES)
		rc = err_set(err, -EFBIG, "%s: no litmus test has %u bytes",
			     PLAIN(path), MOST_BYTES);
	else if (memchr(text, 0, n))
		rc = err_set(err, -EINVAL, "%s: not a text", PLAIN(path));
	fclose(f);
	return rc;
}

struct litmus *litmus_read(const char *path, struct err *err)
{
	struct litmus *l = calloc(1, sizeof(*l));
	char *text = malloc(MOST_BYTES);
	struct parser p = { .path = path, .err = err, .l = l, .line = 1 };
	int rc = -ENOMEM;

	if (l && text) {
		rc = read_text(path, text, err);
		p.at = text;
	} else {
		err_set(err, rc, "%s: out of memory", PLAIN(path));
	}
	if (!rc) {
		l->expected = expected(text);
		whole(&p);
		rc = p.rc;
	}
	free(text);
	if (!rc)
		return l;
	free(l);
	return NULL;
}

void litmus_free(struct litmus *l)
{
	free(l);
}

const char *litmus_name(const struct litmus *l)
{
	return l->name;
}

enum litmus_verdict litmus_expected(const struct litmus *l)
{
	return l->expected;
}
