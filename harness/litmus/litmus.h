/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Litmus tests in the format of the kernel's tools/memory-model/litmus-tests,
 * run through all executions of backends/sync/weak.h.
 *
 * Read are: the name, comments, an initial state of integers, atomic_t and
 * spinlock_t, up to eight processes, and one "exists" clause. A process has
 * registers, "if", and the accesses of litmus_parse.c's table. An access stands
 * alone or is all of the right side of an assignment. There are no loops and no
 * pointers in registers.
 */
#ifndef ZLAB_LITMUS_H
#define ZLAB_LITMUS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct litmus;

/** enum litmus_verdict - in how many executions the clause holds */
enum litmus_verdict {
	LITMUS_NEVER,
	LITMUS_SOMETIMES,
	LITMUS_ALWAYS,
	LITMUS_DATARACE, /* a plain access races: the clause says nothing */
	LITMUS_DEADLOCK, /* no execution ends */
	LITMUS_VERDICTS
};

extern const char *const litmus_verdicts[LITMUS_VERDICTS];

/**
 * struct litmus_result - all executions of a test
 * @verdict: what holds of them
 * @executions: how many there are, of those that end
 * @holding: in how many of them the clause holds
 * @deadlocks: executions in which no process can go on
 * @races: executions with a data race
 */
struct litmus_result {
	enum litmus_verdict verdict;
	uint64_t executions, holding, deadlocks, races;
};

/**
 * litmus_read() - read a test
 *
 * The caller frees the result with litmus_free(). Return: NULL with the file,
 * the line and what would be right in @err.
 */
struct litmus *litmus_read(const char *path, struct err *err);
void litmus_free(struct litmus *l);

/** litmus_name() - the name in its first line */
const char *litmus_name(const struct litmus *l);

/** litmus_expected() - the verdict of its "Result:" line, or LITMUS_VERDICTS */
enum litmus_verdict litmus_expected(const struct litmus *l);

/**
 * litmus_run() - run all executions
 * @most: stop with -E2BIG when there are more executions
 *
 * Return: 0, -E2BIG or -ENOMEM.
 */
int litmus_run(const struct litmus *l, uint64_t most, struct litmus_result *res,
	       struct err *err);

#endif
