// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The workers on real CPUs: the calling thread, or several threads, and the
 * background thread that compacts and migrates.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/measure/cores.h"
#include "harness/replay/internal.h"

#define RECLAIM_POLL_NS 200000

unsigned replay_cpus(void)
{
	return cores_allowed();
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

/* Poll for reclaim: a store that queues it must not pay for a wakeup. */
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
	if (!replay_barrier(w->r)) {
		if (!w->id)
			w->r->start_ns = clock_wall_ns();
		if (!replay_barrier(w->r))
			w->ret = replay_work(w);
	}
	if (w->ret)
		WRITE_ONCE(w->r->failed, true);
	free(w->mine);
	w->mine = NULL;
	sync_cpu_detach();
	return NULL;
}

/* The caller is the only worker, and there is no background thread. */
static int alone(struct replay_worker *w, struct err *err)
{
	w->cpu = swap_cpu_create(w->r->swap, w->cursor, err);
	if (!w->cpu)
		return -ENOMEM;
	w->r->start_ns = clock_wall_ns();
	w->ret = replay_work(w);
	return 0;
}

int replay_workers(struct replay *r, struct err *err)
{
	unsigned i, started, n = r->config->threads;
	int ret;

	if (n == 1)
		return alone(r->workers, err);
	r->has_background = true;
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
