/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a load may give back while others store to the same object: anything that
 * some order of the operations explains in which none comes after one that began
 * when it had ended.
 */
#ifndef ZLAB_EXPLORE_HISTORY_H
#define ZLAB_EXPLORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

/* Operations that overlap, and what may be left of an object after them. */
#define HISTORY_EVENTS 32
#define HISTORY_STATES 32

/** enum history_kind - operations on an object */
enum history_kind {
	HISTORY_STORE,
	HISTORY_LOAD,
	HISTORY_FREE
};

struct history_event {
	enum history_kind kind;
	uint32_t version; /* stored or loaded; 0 = none */
	bool ended;
	uint64_t begin, end;
};

struct history_state {
	uint32_t version; /* 0 = none */
	bool stays; /* a load does not take it */
};

/**
 * struct history - of one object
 * @lost: too much overlaps; whatever comes is explained
 *
 * All zero is that of an object that was never stored.
 */
struct history {
	struct history_state state[HISTORY_STATES];
	struct history_event event[HISTORY_EVENTS];
	unsigned nr_states, nr;
	bool lost;
};

/**
 * history_begin() - an operation begins
 * @now: a number that grows with each call for any object
 * @version: of HISTORY_STORE, which is not 0
 *
 * Return: its number, for history_end().
 */
unsigned history_begin(struct history *h, enum history_kind kind,
		       uint32_t version, uint64_t now);

/**
 * history_end() - it ends
 * @version: that a load gave; 0 for none. Of a store 0 if it failed, which leaves
 *	     nothing
 * @takes: a load takes what it gives, unless it was written back before
 *
 * Return: whether some order explains everything up to now.
 */
bool history_end(struct history *h, unsigned nr, uint32_t version, uint64_t now,
		 bool takes);

#endif
