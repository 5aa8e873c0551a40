// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pools during a replay: their state at a point, and the operations on them
 * that are not in the trace.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/replay/internal.h"
#include "harness/swap/hooks.h"
#include "lib/random.h"

bool replay_stopping(struct replay *r)
{
	return READ_ONCE(r->failed) || cli_stopped();
}

/* The pools' current state; live objects are as counted by the swap path. */
void replay_stats(struct replay *r, struct zpool_stats *stats)
{
	struct swap_counts sum = { 0 };
	struct zram_disk_stats disk;
	struct zswap_stats front;
	unsigned i;

	swap_stats(r->swap, stats);
	if (r->swap->zswap) {
		zswap_stats(r->swap->zswap, &front);
		stats->objects = front.stored_pages - front.same_filled_pages;
		stats->object_bytes = front.object_bytes;
		return;
	}
	if (r->swap->zram) {
		zram_disk_stats(r->swap->zram, &disk);
		stats->objects = disk.objects;
		stats->object_bytes = disk.compr_data_size;
		return;
	}
	if (r->config->swap.device)
		return;
	for (i = 0; i < r->config->threads; i++) {
		const struct swap_counts *c = &r->workers[i].cpu->counts;

		sum.stored_pages += READ_ONCE(c->stored_pages);
		sum.stored_same += READ_ONCE(c->stored_same);
		sum.object_bytes += READ_ONCE(c->object_bytes);
	}
	stats->objects = (uint64_t)(sum.stored_pages - sum.stored_same);
	stats->object_bytes = (uint64_t)sum.object_bytes;
}

int replay_add_point(struct replay *r, struct replay_points *p, uint64_t event,
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
	at->time_ns = hook_time_ns();
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

	if (!swap_compacts(r->swap))
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
	const struct swap_pools *pools = &r->swap->pools;
	struct zpool *pool = pools->at[random_xorshift(random) % pools->nr];
	struct zpool_stats stats;

	if (!pool->driver->migrate || !pool->arena)
		return;
	/* Frames are handed out from 0 up, so in-use ones lie below the peak. */
	pool->driver->stats(pool, &stats);
	if (stats.pages_peak)
		pool->driver->migrate(pool, (pfn_t)(random_xorshift(random) %
						    stats.pages_peak));
}
