/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declarations shared by the files of the replayer. */
#ifndef ZLAB_REPLAY_INTERNAL_H
#define ZLAB_REPLAY_INTERNAL_H

#include <pthread.h>

#include "harness/cli/progress.h"
#include "harness/replay/feed.h"
#include "harness/replay/replay.h"

struct replay;

/*
 * One thread of a replay. Each worker goes through all batches and skips the
 * events of other workers: that costs a nanosecond per event and avoids a queue
 * of events that all threads would contend for.
 *
 * @batches: batches it has had
 * @mine: operations on each key, in the part of the trace read by this worker
 * @op, @key, @object: the worker's own events of a batch, stored contiguously
 */
struct replay_worker {
	struct replay *r;
	unsigned id;
	pthread_t thread;
	uint64_t batches;
	struct zlt_cursor *cursor;
	struct swap_cpu *cpu;
	uint32_t *mine;
	uint8_t *op;
	uint32_t *key, *object;
	size_t room;
	uint64_t next_series, next_compact, next_migrate, next_check;
	uint64_t random;
	uint64_t events, ops_in, ops_done;
	uint64_t cpu_ns, decode_ns, loop_ns, wait_ns, order_wait_ns;
	uint64_t late_max_ns;
	int ret;
	struct err err;
} __attribute__((aligned(64)));

/*
 * @done: operations performed on each key, when threads share keys
 * @failed: a worker failed, so no other worker may wait for it
 */
struct replay {
	const struct replay_config *config;
	struct replay_result *res;
	struct source *source;
	struct feed feed;
	const struct zlt_info *info;
	struct codec *codec;
	struct swap_config swap_config;
	struct zswap_config zswap;
	struct swapfile *swapfile;
	struct swap_times background_times;
	struct swap *swap;
	unsigned want;
	uint64_t end;
	uint64_t start_ns;
	uint32_t *done;
	bool failed;
	struct replay_worker *workers;
	struct progress progress;

	/* Protects the workers' barrier and the background thread's orders. */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned arrived;
	uint64_t meetings;
	pthread_t background;
	bool has_background, background_quit;
	uint64_t compact_orders, migrate_orders;
	uint64_t background_ns;
};

/* Read to the end of the trace and perform the worker's own events. */
int replay_work(struct replay_worker *w);

/*
 * The worker that performs event @i of @b. The hash of a key differs from the
 * hash that chooses its pool; otherwise workers would not share pools.
 */
static inline unsigned replay_owner(const struct replay *r,
				    const struct zlt_batch *b, size_t i)
{
	unsigned n = r->config->threads;
	uint32_t x;

	/* A single worker need not read the columns. */
	if (n == 1)
		return 0;
	switch (r->config->assign) {
	case REPLAY_BY_TID:
		return b->tid[i] % n;
	case REPLAY_BY_CPU:
		return b->cpu[i] % n;
	default:
		x = b->key[i] * 0x85ebca6bu;
		x ^= x >> 15;
		return (unsigned)(((uint64_t)(x * 0xc2b2ae35u) * n) >> 32);
	}
}

/* swap_run() for a worker; adds the CPU time to w->loop_ns. */
static inline ssize_t replay_perform(struct replay_worker *w, const uint8_t *op,
				     const uint32_t *key,
				     const uint32_t *object, size_t n)
{
	uint64_t t = clock_cpu_ns();
	ssize_t done = swap_run(w->cpu, op, key, object, n);

	w->loop_ns += clock_cpu_ns() - t;
	if (done < 0)
		w->err = w->cpu->err;
	else
		w->ops_done += (uint64_t)done;
	return done;
}

/*
 * Functions that real and virtual CPUs implement differently. For real CPUs
 * they are in threads.c, which starts the workers, and in share.c.
 */

/* Start all workers and the background thread, if any; wait for all. */
int replay_workers(struct replay *r, struct err *err);

/* The worker's next batch. Return: 1, 0 at the end, or a negative errno. */
int replay_next(struct replay_worker *w, struct zlt_batch *b);

/*
 * Perform a worker's part of events [@from, @to) of @b, none of them special.
 * Return: the number of events performed, or a negative errno.
 */
ssize_t replay_share(struct replay_worker *w, const struct zlt_batch *b,
		     size_t from, size_t to);

/* Wait until all workers have arrived. Return: 0 or -ECANCELED. */
int replay_barrier(struct replay *r);

/* Order compactions or migrations from the background thread. */
void replay_order(struct replay *r, uint64_t compactions, uint64_t migrations);

/* Run one compaction or one migration in the calling thread. */
void replay_compact(struct replay *r);
void replay_migrate(struct replay *r, uint64_t *random);

/* The pools' state, with the live objects as counted by all workers. */
void replay_stats(struct replay *r, struct zpool_stats *stats);

/* Add the pools' state after @event events to @p. Return: 0 or -ENOMEM. */
int replay_add_point(struct replay *r, struct replay_points *p, uint64_t event,
		     const char *label);

/* Whether all workers should stop: a failure or Ctrl-C. */
bool replay_stopping(struct replay *r);

#endif
