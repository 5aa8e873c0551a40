// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "harness/capture/plan.h"

/* More threads than this in a function at one time: returns are missed. */
#define THREADS "256"

bool plan_watched(const struct plan_call *c)
{
	return !*c->why;
}

/* ---- the functions of the kernel ---------------------------------------- */

static void count(unsigned char seen[], const char *name)
{
	size_t i;

	for (i = 0; calls[i].name; i++)
		if (!strcmp(calls[i].name, name) && seen[i] < 2)
			seen[i]++;
}

/* "ADDRESS TYPE NAME [MODULE]"; what was made of a function has another name. */
static void read_symbols(FILE *symbols, unsigned char seen[])
{
	char line[1024], *at;

	while (fgets(line, sizeof(line), symbols)) {
		at = strchr(line, ' ');
		if (!at || !at[1] || !strchr("tTwW", at[1]) || at[2] != ' ')
			continue;
		at += 3;
		at[strcspn(at, "\t\n ")] = '\0';
		count(seen, at);
	}
}

/* ---- how their arguments are fetched ------------------------------------ */

static bool add(char *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool add(char *to, const char *fmt, ...)
{
	size_t len = strlen(to);
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(to + len, PLAN_TEXT - len, fmt, args);
	va_end(args);
	return n >= 0 && (size_t)n < PLAN_TEXT - len;
}

/* As hexadecimal digits of a whole register, unless it is known to be less. */
static const char *width(size_t bytes)
{
	return bytes == 4 ? "x32" : bytes == 2 ? "x16" : "x64";
}

/* Without this a call tells nothing; a count of pages is for the log only. */
static bool must(const struct call_arg *arg)
{
	return arg->field != CALL_PAGES;
}

static void plan_member(struct plan_call *c, const struct call_arg *arg,
			unsigned at, struct types *types)
{
	size_t bytes = 0;
	long offset = types_member(types, c->call->module, arg->type,
				   arg->member, &bytes);

	if (offset >= 0)
		add(c->args, " %s=+%ld($arg%u):%s", arg->name, offset, at,
		    width(bytes));
	else if (must(arg))
		add(c->why, "BTF has no %s of struct %s", arg->member,
		    arg->type);
}

/* The position of an argument from 1; 0 with @why set. */
static unsigned plan_find(struct plan_call *c, const struct call_arg *arg,
			  struct types *types, size_t *bytes)
{
	const char *name = arg->of ?: arg->name, *module = c->call->module;
	unsigned at;

	if (types_function(types, module, c->call->name)) {
		at = types_parameter(types, module, c->call->name, name, bytes);
		if (!at)
			add(c->why, "it has no argument \"%s\" in this kernel",
			    name);
		return at;
	}
	c->assumed = true;
	if (!arg->known)
		add(c->why, "BTF does not have it");
	return arg->known;
}

static void plan_arg(struct plan_call *c, const struct call_arg *arg,
		     struct types *types, enum plan_way way)
{
	size_t bytes = 0;
	unsigned at = plan_find(c, arg, types, &bytes);

	if (!at)
		return;
	if (way == PLAN_FUNCTION) {
		if (arg->member && must(arg))
			add(c->why, "the function tracer follows no pointers");
		return;
	}
	if (arg->member) {
		plan_member(c, arg, at, types);
		return;
	}
	add(c->args, " %s=$arg%u:%s", arg->name, at, width(bytes));
	if (arg->field == CALL_HANDLE && c->call->place)
		add(c->args, " place=+0($arg%u):x64", at);
}

static void plan_call(struct plan *plan, const struct call *call,
		      struct types *types, int seen)
{
	struct plan_call *c = &plan->calls[plan->nr++];
	int i;

	memset(c, 0, sizeof(*c));
	c->call = call;
	if (seen > 1)
		add(c->why, "there are several of that name");
	for (i = 0; i < CALL_ARGS && call->args[i].name && !*c->why; i++)
		plan_arg(c, &call->args[i], types, plan->way);
	/* The function tracer prints what BTF says, or nothing. */
	if (plan->way == PLAN_FUNCTION && c->assumed && !*c->why)
		add(c->why, "BTF does not have it");
	if (plan->way == PLAN_FUNCTION)
		return;
	if (call->returns)
		add(c->ret, " ret=$retval:x64%s",
		    call->place ? " place=+0($retval):x64" : "");
}

/* ---- the plan ----------------------------------------------------------- */

static bool has(const unsigned char seen[], const char *name)
{
	size_t i;

	for (i = 0; name && calls[i].name; i++)
		if (seen[i] && !strcmp(calls[i].name, name))
			return true;
	return false;
}

static void choose(struct plan *plan, const unsigned char seen[],
		   struct types *types)
{
	size_t i;

	for (i = 0; calls[i].name && plan->nr < PLAN_CALLS; i++) {
		if (!seen[i])
			continue;
		/* Returns say the handle, and writes are not needed. */
		if (calls[i].kind == CALL_WRITE && plan->way != PLAN_FUNCTION)
			continue;
		plan_call(plan, &calls[i], types, seen[i]);
		plan->calls[plan->nr - 1].first =
			has(seen, calls[i].first_with);
		if (!plan_watched(&plan->calls[plan->nr - 1]))
			continue;
		if (calls[i].kind == CALL_PUT || calls[i].kind == CALL_OWN)
			plan->keys = true;
	}
}

static const struct plan_call *of_kind(const struct plan *plan,
				       enum call_kind kind, bool watched)
{
	size_t i;

	for (i = 0; i < plan->nr; i++)
		if (plan->calls[i].call->kind == kind &&
		    plan_watched(&plan->calls[i]) == watched)
			return &plan->calls[i];
	return NULL;
}

/* A trace needs both of these; without reads it has no loads. */
static int check(const struct plan *plan, struct err *err)
{
	static const enum call_kind needs[] = { CALL_MALLOC, CALL_FREE };
	const struct plan_call *bad;
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (of_kind(plan, needs[i], true))
			continue;
		bad = of_kind(plan, needs[i], false);
		if (!bad)
			return err_set(err, -ENOENT,
				       "no allocator is loaded in this kernel: "
				       "neither zsmalloc, zbud nor z3fold; "
				       "start zram or zswap first, as with "
				       "modprobe zram");
		return err_set(err, -ENOTSUP, "%s cannot be watched: %s",
			       bad->call->name, bad->why);
	}
	return 0;
}

int plan_make(struct plan *plan, enum plan_way way, FILE *symbols,
	      struct types *types, struct err *err)
{
	unsigned char seen[PLAN_CALLS] = { 0 };

	memset(plan, 0, sizeof(*plan));
	plan->way = way;
	read_symbols(symbols, seen);
	choose(plan, seen, types);
	return check(plan, err);
}

void plan_define(const struct plan *plan, const struct plan_call *c,
		 const char *group, bool ret, char *line, size_t len)
{
	const char *name = c->call->name;
	const char *tail = ret ? CALL_RETURN : c->first ? CALL_FIRST : "";
	const char *args = ret ? c->ret : c->args;

	switch (plan->way) {
	case PLAN_KPROBE:
		snprintf(line, len, "%s:%s/%s%s %s%s", ret ? "r" THREADS : "p",
			 group, name, tail, name, args);
		return;
	case PLAN_FPROBE:
		snprintf(line, len, "f:%s/%s%s %s%s%s", group, name, tail, name,
			 ret ? "%return" : "", args);
		return;
	case PLAN_FUNCTION:
		snprintf(line, len, "%s", name);
	}
}

void plan_print(const struct plan *plan, FILE *out)
{
	static const char *const ways[] = { "kprobe events", "fprobe events",
					    "the function tracer" };
	const struct plan_call *c;
	char line[3 * PLAN_TEXT];
	size_t i;

	fprintf(out, "%s, keys of %s\n", ways[plan->way],
		plan->keys ? "swap devices or zram devices" : "objects");
	for (i = 0; i < plan->nr; i++) {
		c = &plan->calls[i];
		if (!plan_watched(c)) {
			fprintf(out, "- %s: %s\n", c->call->name, c->why);
			continue;
		}
		plan_define(plan, c, "zlab", false, line, sizeof(line));
		fprintf(out, "%s%s\n", line,
			c->assumed ? "  (not in BTF: arguments as in all "
				     "kernels known)"
				   : "");
		if (!*c->ret)
			continue;
		plan_define(plan, c, "zlab", true, line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
}
