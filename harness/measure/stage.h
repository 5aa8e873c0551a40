/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Divides the time of one swap operation into stages. A clock reading costs as
 * much as a cheap operation, so only sampled operations are timed. The time
 * between two readings is charged to the stage that was entered last, minus the
 * cost of the reading and minus the time spent waiting for locks.
 */
#ifndef ZLAB_STAGE_H
#define ZLAB_STAGE_H

#include "backends/sync.h"
#include "backends/sync/clock.h"

/**
 * enum stage - parts of an operation
 * @STAGE_FRONT: the swap path's own work: lookup, same-filled check, counters
 * @STAGE_CODEC: compressing and expanding
 * @STAGE_ALLOC: inside the allocator
 * @STAGE_LOCK: waiting for any lock, subtracted from the other stages
 * @STAGE_OFF: work that the kernel does not do, such as verification; never
 *	       counted as sys
 */
enum stage {
	STAGE_FRONT,
	STAGE_CODEC,
	STAGE_ALLOC,
	STAGE_LOCK,
	STAGE_OFF,
	STAGES
};

/**
 * struct stage_clock - one operation's times
 * @cur: the stage being timed
 * @last: start of the stage, in ticks
 * @wait: lock_wait_ns() at that time
 * @readings: clock readings so far, whose cost is in no stage
 * @ns: time by stage
 */
struct stage_clock {
	enum stage cur;
	uint64_t last;
	uint64_t wait;
	uint64_t readings;
	uint64_t ns[STAGES];
};

/** stage_switch() - end the current stage, begin @next */
static inline void stage_switch(struct stage_clock *k, enum stage next)
{
	uint64_t now = clock_ticks();
	uint64_t wait = lock_wait_ns();
	uint64_t t = now - k->last;
	uint64_t waited = wait - k->wait;

	t = t > zclock.cost ? clock_to_ns(t - zclock.cost) : 0;
	if (waited > t)
		waited = t;
	k->ns[STAGE_LOCK] += waited;
	k->ns[k->cur] += t - waited;
	k->cur = next;
	k->wait = wait;
	k->readings += 2;
	k->last = clock_ticks();
}

/** stage_begin() - start timing an operation, in stage @first */
static inline void stage_begin(struct stage_clock *k, enum stage first)
{
	int i;

	for (i = 0; i < STAGES; i++)
		k->ns[i] = 0;
	k->cur = first;
	k->wait = lock_wait_ns();
	k->last = clock_ticks();
}

/** stage_end() - end an operation. Return: its time without STAGE_OFF, ns */
static inline uint64_t stage_end(struct stage_clock *k)
{
	stage_switch(k, STAGE_OFF);
	return k->ns[STAGE_FRONT] + k->ns[STAGE_CODEC] + k->ns[STAGE_ALLOC] +
	       k->ns[STAGE_LOCK];
}

#endif
