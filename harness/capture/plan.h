/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which functions of a kernel are watched, and how their arguments are fetched.
 */
#ifndef ZLAB_CAPTURE_PLAN_H
#define ZLAB_CAPTURE_PLAN_H

#include <stdio.h>

#include "harness/capture/calls.h"
#include "harness/capture/types.h"

/**
 * enum plan_way - how a kernel tells of calls
 * @PLAN_KPROBE: events of kprobes
 * @PLAN_FPROBE: events of fprobes, which a kernel may have without kprobes
 * @PLAN_FUNCTION: the function tracer with arguments: no returns, no members
 */
enum plan_way {
	PLAN_KPROBE,
	PLAN_FPROBE,
	PLAN_FUNCTION
};

#define PLAN_CALLS 24
#define PLAN_TEXT 256

/**
 * struct plan_call - a function of the plan
 * @call: the function
 * @args: fetches its arguments, as tracefs takes it
 * @ret: fetches what it returns; empty: its return is not watched
 * @why: why it is not watched; empty: it is
 * @first: a CALL_OWN that comes before the allocation
 * @assumed: BTF does not know the function; its arguments are where they are in
 *	     all kernels known
 */
struct plan_call {
	const struct call *call;
	char args[PLAN_TEXT], ret[PLAN_TEXT], why[PLAN_TEXT];
	bool first, assumed;
};

/**
 * struct plan - what is watched
 * @way: how
 * @calls: functions that the kernel has
 * @nr: how many
 * @keys: zswap or zram can be told from others
 */
struct plan {
	enum plan_way way;
	struct plan_call calls[PLAN_CALLS];
	size_t nr;
	bool keys;
};

/**
 * plan_make() - decide what to watch
 * @plan: receives the plan
 * @way: how
 * @symbols: text as of /proc/kallsyms
 * @types: what is known of the functions' arguments
 * @err: receives the error line
 *
 * Return: 0, -ENOENT when the kernel has no allocator, -ENOTSUP when what is
 * known is not enough for a trace.
 */
int plan_make(struct plan *plan, enum plan_way way, FILE *symbols,
	      struct types *types, struct err *err);

/** plan_watched() - whether a function of the plan is watched */
bool plan_watched(const struct plan_call *c);

/**
 * plan_define() - the line that defines an event
 * @group: of the event
 * @ret: the event of the return; only with PLAN_KPROBE and PLAN_FPROBE
 */
void plan_define(const struct plan *plan, const struct plan_call *c,
		 const char *group, bool ret, char *line, size_t len);

/** plan_print() - what is watched, and what is not and why, as text */
void plan_print(const struct plan *plan, FILE *out);

#endif
