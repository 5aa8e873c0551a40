/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the replayer share. */
#ifndef ZLAB_REPLAY_INTERNAL_H
#define ZLAB_REPLAY_INTERNAL_H

#include <pthread.h>

#include "harness/cli/progress.h"
#include "harness/replay/replay.h"

struct replay;

/*
 * One thread of a replay. It reads the whole trace by itself and leaves out
 * what is not its own: that costs a few nanoseconds per event and needs no
 * queue that the threads would meet at.
 *
 * @mine: how many operations each key has seen, as far as this worker has read
 * @op, @key, @object: the worker's own events of a batch, one after the other
 */
struct replay_worker {
	struct replay *r;
	unsigned id;
	pthread_t thread;
	struct zlt_reader *reader;
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
 * @failed: some worker gave up, so nobody waits for it any more
 */
struct replay {
	const struct replay_config *config;
	struct replay_result *res;
	struct zlt_reader *reader;
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

	/* Meeting of all workers, and the background thread's orders. */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned arrived;
	uint64_t meetings;
	pthread_t background;
	bool has_background, background_quit;
	uint64_t compact_orders, migrate_orders;
	uint64_t background_ns;
};

/* Read to the end of the trace and do one's part. */
int replay_work(struct replay_worker *w);

/*
 * Who performs event @i of @b. Keys are mixed apart from how pools choose
 * theirs, or each worker would have pools of its own.
 */
static inline unsigned replay_owner(const struct replay *r,
				    const struct zlt_batch *b, size_t i)
{
	unsigned n = r->config->threads;
	uint32_t x;

	/* For one alone, the columns are not read. */
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

/* swap_run() for a worker, with its CPU time noted. */
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
 * What each kind of CPUs does in its own way. On real ones threads.c starts the
 * workers, and share.c is what these call down into.
 */

/* Start all workers, and whoever works behind their backs; wait for all. */
int replay_workers(struct replay *r, struct err *err);

/* How many workers read the trace; the others see what the first one reads. */
unsigned replay_readers(const struct replay *r);

/* The worker's next batch. Return: 1, 0 at the end, or a negative errno. */
int replay_next(struct replay_worker *w, struct zlt_batch *b);

/*
 * Perform a worker's part of events [@from, @to) of @b, none of them special.
 * Return: how many events that were, or a negative errno.
 */
ssize_t replay_share(struct replay_worker *w, const struct zlt_batch *b,
		     size_t from, size_t to);

/* Wait until all workers are here. Return: 0 or -ECANCELED. */
int replay_barrier(struct replay *r);

/* Leave a compaction or a migration to whoever works behind their backs. */
void replay_order(struct replay *r, uint64_t compactions, uint64_t migrations);

/* One compaction, one migration, by the caller. */
void replay_compact(struct replay *r);
void replay_migrate(struct replay *r, uint64_t *random);

/* The pools' state, and what is live according to all workers. */
void replay_stats(struct replay *r, struct zpool_stats *stats);

/* Keep it among @p, as of @event events. Return: 0 or -ENOMEM. */
int replay_add_point(struct replay *r, struct replay_points *p, uint64_t event,
		     const char *label);

/* Whether everybody should stop: a failure or Ctrl-C. */
bool replay_stopping(struct replay *r);

#endif
