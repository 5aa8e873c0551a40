// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The loop of one worker: it reads batches of the trace and splits them where
 * something other than an operation is due.
 */
#include <errno.h>

#include "harness/replay/internal.h"
#include "harness/swap/hooks.h"

#define CHECK_EVERY 65536
#define NEVER UINT64_MAX

static int at_mark(struct replay_worker *w, const struct zlt_batch *b, size_t i)
{
	struct replay *r = w->r;
	int ret = 0;

	if (replay_barrier(r))
		return 0;
	if (!w->id) {
		if (r->config->swap.settle != SWAP_SETTLE_NEVER)
			swap_settle(r->swap);
		ret = replay_add_point(r, &r->res->marks, b->first + i,
				       b->labels[b->object[i]]);
		if (ret)
			err_set(&w->err, ret, "out of memory for a mark");
		hook_mark();
	}
	replay_barrier(r);
	return ret;
}

static int special(struct replay_worker *w, const struct zlt_batch *b, size_t i)
{
	if (b->op[i] == ZLT_MARK)
		return at_mark(w, b, i);
	if (w->id)
		return 0;
	if (w->r->has_background)
		replay_order(w->r, 1, 0);
	else
		replay_compact(w->r);
	return 0;
}

/* Do the work due after @event events; only the first worker has any. */
static int due(struct replay_worker *w, uint64_t event)
{
	const struct replay_config *config = w->r->config;
	struct replay *r = w->r;

	if (event == w->next_check) {
		w->next_check += CHECK_EVERY;
		if (!w->id)
			progress_update(&r->progress, event);
	}
	if (event == w->next_compact) {
		w->next_compact += config->compact_every;
		if (r->has_background)
			replay_order(r, 1, 0);
		else
			replay_compact(r);
	}
	if (event == w->next_migrate) {
		w->next_migrate += config->migrate_every;
		if (r->has_background)
			replay_order(r, 0, 1);
		else
			replay_migrate(r, &w->random);
	}
	if (event == w->next_series) {
		w->next_series += r->config->series_every;
		if (replay_add_point(r, &r->res->series, event, NULL))
			return err_set(&w->err, -ENOMEM,
				       "out of memory for the series");
	}
	return 0;
}

static void plan(struct replay_worker *w)
{
	const struct replay_config *c = w->r->config;

	w->next_check = CHECK_EVERY;
	w->next_series = w->next_compact = w->next_migrate = NEVER;
	if (w->id)
		return;
	if (c->series_every)
		w->next_series = c->series_every;
	if (c->compact_every)
		w->next_compact = c->compact_every;
	if (c->migrate_every)
		w->next_migrate = c->migrate_every;
}

static size_t next_stop(const struct replay_worker *w,
			const struct zlt_batch *b, size_t count)
{
	uint64_t stop = w->next_check;

	if (w->next_series < stop)
		stop = w->next_series;
	if (w->next_compact < stop)
		stop = w->next_compact;
	if (w->next_migrate < stop)
		stop = w->next_migrate;
	stop -= b->first;
	return stop < count ? (size_t)stop : count;
}

/* First special event of [@from, @to), or @to. */
static size_t find_special(const struct zlt_batch *b, size_t from, size_t to)
{
	while (from < to && b->op[from] <= ZLT_INVALIDATE)
		from++;
	return from;
}

static int play_batch(struct replay_worker *w, const struct zlt_batch *b)
{
	const struct replay_config *c = w->r->config;
	bool alone = c->threads == 1 && !(c->speed > 0);
	size_t at = 0, stop, count = b->count;
	ssize_t n;
	int ret;

	if (b->first + count > w->r->end)
		count = (size_t)(w->r->end - b->first);
	while (at < count) {
		stop = next_stop(w, b, count);
		if (alone)
			n = replay_perform(w, b->op + at, b->key + at,
					   b->object + at, stop - at);
		else
			n = replay_share(w, b, at, find_special(b, at, stop));
		if (n < 0)
			return (int)n;
		if (alone)
			w->ops_in += (uint64_t)n;
		at += (size_t)n;
		w->events = b->first + at;
		if (at < stop) {
			ret = special(w, b, at++);
			if (ret)
				return ret;
		}
		ret = due(w, b->first + at);
		if (ret)
			return ret;
		w->events = b->first + at;
		if (replay_stopping(w->r))
			return -ECANCELED;
	}
	return 0;
}

int replay_work(struct replay_worker *w)
{
	uint64_t start = clock_cpu_ns(), wait = lock_wait_ns(), t;
	struct zlt_batch b;
	int ret;

	plan(w);
	for (;;) {
		t = clock_cpu_ns();
		ret = replay_next(w, &b);
		w->decode_ns += clock_cpu_ns() - t;
		if (ret <= 0)
			break;
		ret = play_batch(w, &b);
		if (ret || b.first + b.count >= w->r->end)
			break;
	}
	w->cpu_ns = clock_cpu_ns() - start;
	w->wait_ns = lock_wait_ns() - wait;
	return ret;
}
