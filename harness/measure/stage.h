/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the time of one swap operation goes. A clock reading costs as much as a
 * cheap operation, so only sampled operations are timed; the code between two
 * readings is charged to the stage that was entered last, less the reading's
 * own cost and less what the locks say they waited meanwhile.
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
 * @STAGE_LOCK: waiting for any lock, taken out of the other stages
 * @STAGE_OFF: not the kernel's work: verification; never counted as sys
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
 * @last: when it began, ticks
 * @wait: lock_wait_ns() then
 * @readings: clock readings so far, which cost time that is in no stage
 * @ns: time by stage
 */
struct stage_clock {
	enum stage cur;
	uint64_t last;
	uint64_t wait;
	uint64_t readings;
	uint64_t ns[STAGES];
};

/** stage_switch() - the current stage ends, @next begins */
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

/** stage_begin() - an operation starts in @first */
static inline void stage_begin(struct stage_clock *k, enum stage first)
{
	int i;

	for (i = 0; i < STAGES; i++)
		k->ns[i] = 0;
	k->cur = first;
	k->wait = lock_wait_ns();
	k->last = clock_ticks();
}

/** stage_end() - it is over. Return: its time without STAGE_OFF, ns */
static inline uint64_t stage_end(struct stage_clock *k)
{
	stage_switch(k, STAGE_OFF);
	return k->ns[STAGE_FRONT] + k->ns[STAGE_CODEC] + k->ns[STAGE_ALLOC] +
	       k->ns[STAGE_LOCK];
}

#endif
