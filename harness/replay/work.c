// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The loop of one worker: batches of the trace, cut where something other than
 * an operation is due.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/replay/internal.h"
#include "harness/virtual/virtual.h"
#include "lib/random.h"

#define CHECK_EVERY 65536
#define NEVER UINT64_MAX

bool replay_stopping(struct replay *r)
{
	return READ_ONCE(r->failed) || cli_stopped();
}

/* The pools now; what is live is what the swap path itself counted. */
void replay_stats(struct replay *r, struct zpool_stats *stats)
{
	struct swap_counts sum = { 0 };
	struct zswap_stats front;
	unsigned i;

	swap_stats(r->swap, stats);
	if (r->swap->zswap) {
		zswap_stats(r->swap->zswap, &front);
		stats->objects = front.stored_pages - front.same_filled_pages;
		stats->object_bytes = front.object_bytes;
		return;
	}
	for (i = 0; i < r->config->threads; i++) {
		const struct swap_counts *c = &r->workers[i].cpu->counts;

		sum.stored_pages += READ_ONCE(c->stored_pages);
		sum.stored_same += READ_ONCE(c->stored_same);
		sum.object_bytes += READ_ONCE(c->object_bytes);
	}
	stats->objects = (uint64_t)(sum.stored_pages - sum.stored_same);
	stats->object_bytes = (uint64_t)sum.object_bytes;
}

static int add_point(struct replay *r, struct replay_points *p, uint64_t event,
		     const char *label)
{
	struct replay_point *at;
	size_t room = p->room ? 2 * p->room : 64;

	if (p->count == p->room) {
		at = realloc(p->at, room * sizeof(*at));
		if (!at)
			return -ENOMEM;
		p->at = at;
		p->room = room;
	}
	at = &p->at[p->count];
	at->event = event;
	at->time_ns = REPLAY_VIRTUAL ? clock_to_ns(clock_ticks()) : 0;
	at->label = label ? strdup(label) : NULL;
	if (label && !at->label)
		return -ENOMEM;
	replay_stats(r, &at->stats);
	p->count++;
	return 0;
}

void replay_compact(struct replay *r)
{
	struct replay_result *res = r->res;
	uint64_t t = clock_cpu_ns(), ns;

	if (!r->swap->driver->compact)
		return;
	if (r->config->swap.settle != SWAP_SETTLE_NEVER)
		swap_settle(r->swap);
	res->compacted_pages += swap_compact(r->swap);
	ns = clock_cpu_ns() - t;
	res->compactions++;
	res->compact_ns += ns;
	hist_add(&res->compact_latency, ns);
}

void replay_migrate(struct replay *r, uint64_t *random)
{
	struct swap *s = r->swap;
	struct zpool *pool = s->pool[random_xorshift(random) % s->nr_pools];
	struct zpool_stats stats;

	if (!s->driver->migrate || !pool->arena)
		return;
	/* Frames are handed out from 0 up, so in-use ones lie below the peak. */
	s->driver->stats(pool, &stats);
	if (stats.pages_peak)
		s->driver->migrate(pool, (pfn_t)(random_xorshift(random) %
						 stats.pages_peak));
}

static int at_mark(struct replay_worker *w, const struct zlt_batch *b, size_t i)
{
	struct replay *r = w->r;
	int ret = 0;

	if (replay_meet(r))
		return 0;
	if (!w->id) {
		if (r->config->swap.settle != SWAP_SETTLE_NEVER)
			swap_settle(r->swap);
		ret = add_point(r, &r->res->marks, b->first + i,
				b->labels[b->object[i]]);
		if (ret)
			err_set(&w->err, ret, "out of memory for a mark");
		virtual_mark();
	}
	replay_meet(r);
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

/* What is due after @event events; only the first worker does it. */
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
		if (add_point(r, &r->res->series, event, NULL))
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

ssize_t replay_loop(struct replay_worker *w, const uint8_t *op,
		    const uint32_t *key, const uint32_t *object, size_t n)
{
	uint64_t t = clock_cpu_ns();
	ssize_t done = swap_run(w->cpu, op, key, object, n);

	w->loop_ns += clock_cpu_ns() - t;
	return done;
}

/* Perform from event @from up to @to or a special one. */
static ssize_t run(struct replay_worker *w, const struct zlt_batch *b,
		   size_t from, size_t to)
{
	ssize_t n;
	int ret;

	if (w->r->config->threads == 1 && !(w->r->config->speed > 0)) {
		n = replay_loop(w, b->op + from, b->key + from,
				b->object + from, to - from);
		if (n > 0) {
			w->ops_in += (uint64_t)n;
			w->ops_done += (uint64_t)n;
		}
	} else {
		to = find_special(b, from, to);
		ret = replay_share(w, b, from, to);
		n = ret ? ret : (ssize_t)(to - from);
	}
	if (n < 0)
		w->err = w->cpu->err;
	return n;
}

static int batch(struct replay_worker *w, const struct zlt_batch *b)
{
	size_t at = 0, stop, count = b->count;
	ssize_t n;
	int ret;

	if (b->first + count > w->r->end)
		count = (size_t)(w->r->end - b->first);
	while (at < count) {
		stop = next_stop(w, b, count);
		n = run(w, b, at, stop);
		if (n < 0)
			return (int)n;
		at += (size_t)n;
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
		ret = REPLAY_NEXT(w, &b);
		w->decode_ns += clock_cpu_ns() - t;
		if (ret <= 0)
			break;
		ret = batch(w, &b);
		if (ret || b.first + b.count >= w->r->end)
			break;
	}
	w->cpu_ns = clock_cpu_ns() - start;
	w->wait_ns = lock_wait_ns() - wait;
	return ret;
}
