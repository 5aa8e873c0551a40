// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How threads share the work: assigning events, keeping a key's operations in
 * order, the barrier at a mark, orders to the background thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "harness/replay/internal.h"

/* A waiter yields the CPU after this many polls. */
#define SPINS 2000
#define NAP_NS 60000

static bool stopping(void *arg)
{
	return replay_stopping(arg);
}

int replay_next(struct replay_worker *w, struct zlt_batch *b)
{
	struct replay *r = w->r;

	if (r->config->threads == 1)
		return source_next(r->source, b, &w->err);
	return feed_next(&r->feed, w->batches++, b, stopping, r, &w->err);
}

static int make_room(struct replay_worker *w, size_t n)
{
	if (n <= w->room)
		return 0;
	free(w->op);
	free(w->key);
	free(w->object);
	w->op = malloc(n);
	w->key = malloc(n * sizeof(*w->key));
	w->object = malloc(n * sizeof(*w->object));
	w->room = n;
	if (w->op && w->key && w->object)
		return 0;
	w->room = 0;
	return err_set(&w->err, -ENOMEM, "out of memory for a batch");
}

/* Wait until all earlier operations on the key are done. */
static int await_turn(struct replay_worker *w, uint32_t key, uint32_t turn)
{
	uint32_t *done = &w->r->done[key];
	unsigned looks = 0;
	uint64_t t;

	if (smp_load_acquire(done) == turn)
		return 0;
	t = clock_wall_ns();
	while (smp_load_acquire(done) != turn) {
		cpu_relax();
		if (++looks % SPINS)
			continue;
		if (replay_stopping(w->r))
			return -ECANCELED;
		cond_resched();
	}
	w->order_wait_ns += clock_wall_ns() - t;
	return 0;
}

/* Wait until the time that the trace gives for the event. */
static int await_time(struct replay_worker *w, uint64_t time_ns)
{
	uint64_t due = w->r->start_ns +
		       (uint64_t)((double)time_ns / w->r->config->speed);
	uint64_t now = clock_wall_ns();
	struct timespec ts;

	while (now < due) {
		if (replay_stopping(w->r))
			return -ECANCELED;
		if (due - now > NAP_NS) {
			ts.tv_nsec = (long)(due - now - NAP_NS);
			if (ts.tv_nsec > 50000000)
				ts.tv_nsec = 50000000;
			ts.tv_sec = 0;
			nanosleep(&ts, NULL);
		} else {
			cpu_relax();
		}
		now = clock_wall_ns();
	}
	if (now - due > w->late_max_ns)
		w->late_max_ns = now - due;
	return 0;
}

/*
 * Perform events one by one: in the key's order, or at the trace's times. CPU
 * time is not measured: a clock reading costs as much as an operation.
 */
static ssize_t singly(struct replay_worker *w, const struct zlt_batch *b,
		      size_t from, size_t to)
{
	struct replay *r = w->r;
	uint32_t turn = 0;
	ssize_t n;
	size_t i;
	int ret;

	for (i = from; i < to; i++) {
		if (w->mine)
			turn = w->mine[b->key[i]]++;
		if (replay_owner(r, b, i) != w->id)
			continue;
		w->ops_in++;
		if (r->config->speed > 0) {
			ret = await_time(w, b->time_ns[i]);
			if (ret)
				return ret;
		}
		if (w->mine) {
			ret = await_turn(w, b->key[i], turn);
			if (ret)
				return ret;
		}
		n = swap_run(w->cpu, b->op + i, b->key + i, b->object + i, 1);
		if (n < 0) {
			w->err = w->cpu->err;
			return n;
		}
		w->ops_done++;
		if (w->mine)
			smp_store_release(&r->done[b->key[i]], turn + 1);
	}
	return (ssize_t)(to - from);
}

ssize_t replay_share(struct replay_worker *w, const struct zlt_batch *b,
		     size_t from, size_t to)
{
	ssize_t done;
	size_t i, n = 0;

	if (w->mine || w->r->config->speed > 0)
		return singly(w, b, from, to);
	if (make_room(w, to - from))
		return -ENOMEM;
	for (i = from; i < to; i++) {
		w->op[n] = b->op[i];
		w->key[n] = b->key[i];
		w->object[n] = b->object[i];
		n += replay_owner(w->r, b, i) == w->id;
	}
	w->ops_in += n;
	done = replay_perform(w, w->op, w->key, w->object, n);
	return done < 0 ? done : (ssize_t)(to - from);
}

int replay_barrier(struct replay *r)
{
	struct timespec ts;
	uint64_t meeting;
	int ret = 0;

	if (r->config->threads == 1)
		return 0;
	pthread_mutex_lock(&r->mutex);
	meeting = r->meetings;
	if (++r->arrived == r->config->threads) {
		r->arrived = 0;
		r->meetings++;
		pthread_cond_broadcast(&r->cond);
	}
	while (r->meetings == meeting && !ret) {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += 50000000;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_nsec -= 1000000000;
			ts.tv_sec++;
		}
		pthread_cond_timedwait(&r->cond, &r->mutex, &ts);
		if (replay_stopping(r))
			ret = -ECANCELED;
	}
	pthread_mutex_unlock(&r->mutex);
	return ret;
}

void replay_order(struct replay *r, uint64_t compactions, uint64_t migrations)
{
	pthread_mutex_lock(&r->mutex);
	r->compact_orders += compactions;
	r->migrate_orders += migrations;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->mutex);
}
