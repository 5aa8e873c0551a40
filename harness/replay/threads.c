// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several workers: who performs what, in which order, and the thread that
 * compacts and migrates behind their backs.
 */
#include "harness/virtual/virtual.h"

#if !REPLAY_VIRTUAL
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/replay/internal.h"

/* Looks before a waiter lets others run. */
#define SPINS 2000
#define NAP_NS 60000
#define RECLAIM_POLL_NS 200000

unsigned replay_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static void pin(unsigned nth)
{
	cpu_set_t allowed, one;
	unsigned cpu, left;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	left = nth % (unsigned)CPU_COUNT(&allowed);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && !left--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
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
	return err_set(&w->cpu->err, -ENOMEM, "out of memory for a batch");
}

/* Until all earlier operations on the key are done. */
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

/* Until the trace's own time has come. */
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

/* One by one: in the order of the key, or at the trace's time. */
static int singly(struct replay_worker *w, const struct zlt_batch *b,
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
		if (n < 0)
			return (int)n;
		w->ops_done++;
		if (w->mine)
			smp_store_release(&r->done[b->key[i]], turn + 1);
	}
	return 0;
}

int replay_share(struct replay_worker *w, const struct zlt_batch *b,
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
	done = replay_loop(w, w->op, w->key, w->object, n);
	if (done < 0)
		return (int)done;
	w->ops_done += (uint64_t)done;
	return 0;
}

int replay_meet(struct replay *r)
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

/* A store that queues reclaim must not pay for waking anybody, so look. */
static void await_orders(struct replay *r)
{
	struct timespec ts;

	if (!r->swap->zswap) {
		pthread_cond_wait(&r->cond, &r->mutex);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += RECLAIM_POLL_NS;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	pthread_cond_timedwait(&r->cond, &r->mutex, &ts);
}

static void *background(void *arg)
{
	struct replay *r = arg;
	uint64_t random = r->config->swap.seed | 1, start = clock_cpu_ns();
	bool compact, migrate, reclaim;

	if (sync_cpu_attach())
		return NULL;
	pthread_mutex_lock(&r->mutex);
	for (;;) {
		compact = r->compact_orders;
		migrate = r->migrate_orders;
		reclaim =
			r->swap->zswap && zswap_reclaim_queued(r->swap->zswap);
		if (!compact && !migrate && !reclaim) {
			if (r->background_quit)
				break;
			await_orders(r);
			continue;
		}
		r->compact_orders -= compact;
		r->migrate_orders -= migrate;
		pthread_mutex_unlock(&r->mutex);
		if (compact)
			replay_compact(r);
		if (migrate)
			replay_migrate(r, &random);
		if (reclaim)
			swap_reclaim(r->swap, &r->background_times);
		pthread_mutex_lock(&r->mutex);
	}
	pthread_mutex_unlock(&r->mutex);
	r->background_ns = clock_cpu_ns() - start;
	sync_cpu_detach();
	return NULL;
}

static int prepare(struct replay_worker *w)
{
	struct replay *r = w->r;
	int ret = sync_cpu_attach();

	if (ret)
		return err_set(&w->err, ret, "%s",
			       ret == -ENOMEM ? "out of memory for a CPU"
					      : "there is no CPU number left");
	pin(w->id);
	w->cpu = swap_cpu_create(r->swap, w->cursor, &w->err);
	if (!w->cpu)
		return -ENOMEM;
	if (!r->done)
		return 0;
	w->mine = calloc(r->info->keys + 1, sizeof(*w->mine));
	return w->mine ? 0
		       : err_set(&w->err, -ENOMEM,
				 "out of memory for the order of %llu keys",
				 (unsigned long long)r->info->keys);
}

static void *thread(void *arg)
{
	struct replay_worker *w = arg;

	w->ret = prepare(w);
	if (w->ret)
		WRITE_ONCE(w->r->failed, true);
	if (!replay_meet(w->r)) {
		if (!w->id)
			w->r->start_ns = clock_wall_ns();
		if (!replay_meet(w->r))
			w->ret = replay_work(w);
	}
	if (w->ret)
		WRITE_ONCE(w->r->failed, true);
	free(w->mine);
	w->mine = NULL;
	sync_cpu_detach();
	return NULL;
}

int replay_threads(struct replay *r, struct err *err)
{
	unsigned i, started, n = r->config->threads;
	int ret;

	ret = pthread_create(&r->background, NULL, background, r);
	if (ret)
		return err_set(err, -ret, "cannot start a thread: %s",
			       strerror(ret));
	for (started = 0; started < n; started++) {
		ret = pthread_create(&r->workers[started].thread, NULL, thread,
				     &r->workers[started]);
		if (ret) {
			WRITE_ONCE(r->failed, true);
			break;
		}
	}
	for (i = 0; i < started; i++)
		pthread_join(r->workers[i].thread, NULL);
	pthread_mutex_lock(&r->mutex);
	r->background_quit = true;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->mutex);
	pthread_join(r->background, NULL);
	if (ret)
		return err_set(err, -ret, "cannot start %u threads: %s", n,
			       strerror(ret));
	return 0;
}

#endif
