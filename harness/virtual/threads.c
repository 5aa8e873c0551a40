// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The workers of a replay on virtual CPUs: CPU n performs the operations of
 * worker n; one more CPU compacts and migrates.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/virtual/internal.h"

/* Minimum range of the random start times: 20 us, some tens of operations. */
#define START_PS 20000000ull

struct virtual_config virtual_config;
struct virtual_result virtual_result;

static unsigned ended;

unsigned replay_cpus(void)
{
	return SYNC_MAX_CPUS;
}

static void background(void *arg)
{
	struct replay *r = arg;
	uint64_t random = r->config->swap.seed | 1;

	for (;;) {
		if (r->compact_orders) {
			r->compact_orders--;
			replay_compact(r);
		}
		if (r->migrate_orders) {
			r->migrate_orders--;
			replay_migrate(r, &random);
		}
		if (r->compact_orders || r->migrate_orders)
			continue;
		if (r->background_quit)
			break;
		share_await_orders();
	}
	r->background_ns = clock_cpu_ns();
}

static void worker(void *arg)
{
	struct replay_worker *w = arg;
	struct replay *r = w->r;
	uint64_t spread;
	unsigned i;

	/* CPUs do not start in step either, even without think time. */
	spread = virtual_config.think_ps * virtual_config.burst + 1;
	if (spread < START_PS)
		spread = START_PS;
	vcpu_sleep_until(1000 + hooks_jitter(w->id, spread));
	w->ret = replay_work(w);
	if (w->ret) {
		r->failed = true;
		for (i = 0; i < r->config->threads; i++)
			vcpu_unpark(i);
	}
	virtual_result.user_ns += vcpu_user() / 1000;
	virtual_result.idle_ns += vcpu_idle() / 1000;
	if (++ended < r->config->threads)
		return;
	r->background_quit = true;
	share_wake(r);
}

static int prepare(struct replay *r, struct err *err)
{
	struct replay_worker *w;
	unsigned i;

	for (i = 0; i < r->config->threads; i++) {
		w = &r->workers[i];
		w->cpu = swap_cpu_create(r->swap, w->cursor, err);
		if (!w->cpu)
			return -ENOMEM;
		if (!r->done)
			continue;
		w->mine = calloc(r->info->keys + 1, sizeof(*w->mine));
		if (!w->mine)
			return err_set(err, -ENOMEM,
				       "out of memory for the order of keys");
	}
	return 0;
}

static void account(struct replay *r)
{
	uint64_t end;
	unsigned i;

	for (i = 0; i < r->config->threads; i++) {
		end = vcpu_end(i) / 1000;
		if (end > virtual_result.end_ns)
			virtual_result.end_ns = end;
		virtual_result.since_mark_ns += end - hooks_last_mark();
	}
	virtual_result.lines = vmem_lines();
	virtual_result.bytes = vmem_bytes();
	virtual_result.switches = vcpu_switches();
	virtual_result.hash = vcpu_hash();
}

int replay_workers(struct replay *r, struct err *err)
{
	struct vmachine machine = virtual_config.machine;
	unsigned i, n = r->config->threads;
	int ret;

	if (r->info->keys < n)
		return err_set(err, -EINVAL,
			       "trace %s has %llu keys, too few for %u virtual "
			       "CPUs to have something to do",
			       r->info->name, (unsigned long long)r->info->keys,
			       n);
	memset(&virtual_result, 0, sizeof(virtual_result));
	machine.cost = virtual_config.profile.cost;
	machine.cpus = n + 1;
	machine.helpers = 1;
	ret = vcpu_start(&machine, err);
	if (!ret)
		ret = prepare(r, err);
	if (ret)
		goto out;
	r->has_background = true;
	ended = 0;
	hooks_start(n + 1);
	for (i = 0; i < n; i++)
		vcpu_spawn(i, worker, &r->workers[i]);
	vcpu_spawn(n, background, r);
	ret = vcpu_run(err);
	account(r);
out:
	for (i = 0; i < n; i++) {
		free(r->workers[i].mine);
		r->workers[i].mine = NULL;
	}
	return ret;
}
