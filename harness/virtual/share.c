// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Coordination of virtual CPUs: distribution of the events, order of a key's
 * operations, barriers at marks, orders for the compacting CPU.
 */
#include <errno.h>

#include "harness/virtual/internal.h"

/* Whether the CPU that carries out orders sleeps. */
static bool asleep;

static int await_turn(struct replay_worker *w, uint32_t key, uint32_t turn)
{
	uint64_t t = vcpu_now();

	while (w->r->done[key] != turn) {
		if (replay_stopping(w->r))
			return -ECANCELED;
		cpu_relax();
	}
	w->order_wait_ns += (vcpu_now() - t) / 1000;
	return 0;
}

/*
 * Return: the worker's next event of [@from, @to), or @to. @turn: how many
 * events had its key before. If no order is kept, other events are skipped.
 */
static size_t next_mine(struct replay_worker *w, const struct zlt_batch *b,
			size_t from, size_t to, uint32_t *turn)
{
	if (!w->mine)
		return trace_mine(w, from, to);
	for (; from < to; from++) {
		*turn = w->mine[b->key[from]]++;
		if (replay_owner(w->r, b, from) == w->id)
			break;
	}
	return from;
}

ssize_t replay_share(struct replay_worker *w, const struct zlt_batch *b,
		     size_t from, size_t to)
{
	struct replay *r = w->r;
	uint32_t turn = 0;
	size_t i, ahead;
	ssize_t n;
	int ret;

	for (i = next_mine(w, b, from, to, &turn); i < to;
	     i = next_mine(w, b, i + 1, to, &turn)) {
		w->ops_in++;
		/* Other CPUs run before the next event: time to prefetch. */
		ahead = w->mine ? to : trace_ahead(w);
		if (ahead < to)
			__builtin_prefetch(&r->swap->slots[b->key[ahead]]);
		if (r->config->speed > 0)
			vcpu_sleep_until((uint64_t)((double)b->time_ns[i] *
						    1000 / r->config->speed));
		if (w->mine) {
			ret = await_turn(w, b->key[i], turn);
			if (ret)
				return ret;
		}
		n = replay_perform(w, b->op + i, b->key + i, b->object + i, 1);
		if (n < 0)
			return n;
		if (w->mine)
			r->done[b->key[i]] = turn + 1;
	}
	return (ssize_t)(to - from);
}

int replay_barrier(struct replay *r)
{
	uint64_t meeting = r->meetings;
	unsigned i;

	if (++r->arrived == r->config->threads) {
		r->arrived = 0;
		r->meetings++;
		for (i = 0; i < r->config->threads; i++)
			if (i != smp_processor_id())
				vcpu_unpark(i);
		return replay_stopping(r) ? -ECANCELED : 0;
	}
	while (r->meetings == meeting && !r->failed)
		vcpu_park("the other CPUs at a mark");
	return replay_stopping(r) ? -ECANCELED : 0;
}

void share_await_orders(void)
{
	asleep = true;
	vcpu_park("something to compact");
}

void share_wake(struct replay *r)
{
	if (!asleep)
		return;
	asleep = false;
	vcpu_unpark(r->config->threads);
}

void replay_order(struct replay *r, uint64_t compactions, uint64_t migrations)
{
	r->compact_orders += compactions;
	r->migrate_orders += migrations;
	share_wake(r);
}
