/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A litmus test as its reader leaves it for its runner. */
#ifndef ZLAB_LITMUS_INTERNAL_H
#define ZLAB_LITMUS_INTERNAL_H

#include "backends/sync/weak.h"
#include "harness/litmus/litmus.h"

#define LITMUS_NAME 64
#define LITMUS_VARS 16
#define LITMUS_REGS 16
#define LITMUS_CODE 64
#define LITMUS_NODES 256

/** enum litmus_do - an instruction */
enum litmus_do {
	LITMUS_SET, /* a register from an expression */
	LITMUS_JUMP_UNLESS, /* the expression holds */
	LITMUS_JUMP,
	LITMUS_PLAIN_READ,
	LITMUS_PLAIN_WRITE,
	LITMUS_READ,
	LITMUS_WRITE,
	LITMUS_ADD, /* a read-modify-write: gives the new value */
	LITMUS_FETCH_ADD, /* the same, gives the old one */
	LITMUS_EXCHANGE,
	LITMUS_COMPARE, /* writes @b where @a was read; gives the old value */
	LITMUS_FENCE,
	LITMUS_LOCK,
	LITMUS_UNLOCK,
};

/**
 * struct litmus_op - an instruction
 * @does: what it does
 * @order: __ATOMIC_*
 * @var: the variable
 * @reg: where its value goes, or -1
 * @a: the first expression, or -1
 * @b: the second one, or -1
 * @to: the target of a jump
 */
struct litmus_op {
	enum litmus_do does;
	int order, var, reg, a, b, to;
};

/** enum litmus_node_kind - of a node of an expression or of the clause */
enum litmus_node_kind {
	LITMUS_NUMBER,
	LITMUS_REG, /* of process @a; @b is its number */
	LITMUS_VAR, /* in the clause alone */
	LITMUS_NOT,
	LITMUS_MINUS,
	LITMUS_PLUS,
	LITMUS_EQ,
	LITMUS_NE,
	LITMUS_LT,
	LITMUS_GT,
	LITMUS_BIT_AND,
	LITMUS_BIT_OR,
	LITMUS_AND,
	LITMUS_OR,
};

struct litmus_node {
	enum litmus_node_kind kind;
	int a, b;
	int64_t value;
};

struct litmus_process {
	char reg[LITMUS_REGS][LITMUS_NAME];
	unsigned regs, count;
	struct litmus_op op[LITMUS_CODE];
};

struct litmus {
	char name[LITMUS_NAME];
	enum litmus_verdict expected;
	char var[LITMUS_VARS][LITMUS_NAME];
	int64_t init[LITMUS_VARS];
	unsigned vars, processes, nodes;
	struct litmus_process process[WEAK_CPUS];
	struct litmus_node node[LITMUS_NODES];
	int clause;
};

#endif
