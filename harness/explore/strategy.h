/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strategies: who runs at a point. */
#ifndef ZLAB_EXPLORE_STRATEGY_H
#define ZLAB_EXPLORE_STRATEGY_H

#include "harness/explore/explore.h"

/** enum strategy_kind - how a CPU is chosen */
enum strategy_kind {
	STRATEGY_RANDOM, /* a random walk, whose mean slice is 2^0 to 2^7 points */
	STRATEGY_PCT, /* priorities, and @depth - 1 points at which they change */
	STRATEGY_DELAY, /* one after the other, and @depth delays */
	STRATEGY_MIX, /* of four schedules one is PCT 3, the others random */
	STRATEGY_REPLAY, /* given choices */
	STRATEGY_EXHAUSTIVE, /* all that differ, see exhaust.h */
};

/**
 * struct strategy - a strategy and its state in a schedule
 * @kind: which
 * @depth: of PCT and delays
 * @random: the stream of the schedule
 * @points: points to expect of a schedule
 * @given: choices to repeat; the strategy does not own them
 * @sync_only: it chooses before atomics and lock calls alone
 * @exhaust: of STRATEGY_EXHAUSTIVE; the strategy does not own it
 */
struct strategy {
	enum strategy_kind kind, now;
	unsigned depth;
	uint64_t random, points;
	const struct choices *given;
	struct exhaust *exhaust;
	bool sync_only;
	/* Of the schedule. */
	unsigned cpus, stick;
	unsigned priority[XCPU_MAX], lowest;
	unsigned nr_at;
	uint64_t at[32], done;
	size_t next[XCPU_MAX];
};

/**
 * strategy_parse() - random, mix, exhaustive, pct:D or delay:D, D from 1 to 32
 *
 * Return: 0 or -EINVAL with @err set.
 */
int strategy_parse(struct strategy *s, const char *text, struct err *err);

/** strategy_begin() - a schedule of @cpus CPUs, with the stream of @seed */
void strategy_begin(struct strategy *s, unsigned cpus, uint64_t seed);

/**
 * strategy_pick() - see struct xhooks
 * @current: the CPU that stopped; XCPU_MAX at the start
 */
unsigned strategy_pick(struct strategy *s, enum xwhy why, unsigned runnable,
		       unsigned current, uint64_t *slice);

#endif
