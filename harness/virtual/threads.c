// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The workers of a replay on virtual CPUs: what replay/threads.c does with
 * threads, in virtual time. CPU n performs the operations of worker n; one
 * more CPU compacts and migrates.
 */
#include "harness/virtual/virtual.h"

#if REPLAY_VIRTUAL
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "harness/replay/internal.h"

#define COMPRESSED_LINES 64
/* Starts are drawn over at least this long: 20 us, some tens of operations. */
#define START_PS 20000000ull

struct virtual_config virtual_config;
struct virtual_result virtual_result;

static struct replay *replay;
/* Drawn per CPU, so that who else runs does not change a CPU's own times. */
static uint64_t randoms[SYNC_MAX_CPUS];
static unsigned left_of_burst[SYNC_MAX_CPUS];
static bool parked_background;
/* When each CPU entered each part, and what it had waited till then, ns. */
static uint64_t last_mark;
static uint64_t part_since[SYNC_MAX_CPUS][VIRTUAL_PARTS];
static uint64_t part_waited[SYNC_MAX_CPUS][VIRTUAL_PARTS];
static unsigned ended;

unsigned replay_cpus(void)
{
	return SYNC_MAX_CPUS;
}

static uint64_t draw(unsigned cpu)
{
	uint64_t *x = &randoms[cpu];

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Between half and one and a half of the mean: no two CPUs stay in step. */
static uint64_t jitter(unsigned cpu, uint64_t mean)
{
	return mean ? mean / 2 + draw(cpu) % mean : 0;
}

void virtual_operation(bool store)
{
	unsigned cpu = smp_processor_id();
	bool alone = virtual_config.burst_stores && !store;

	if (!vcpu_now() && !replay)
		return;
	if (left_of_burst[cpu] && !alone) {
		left_of_burst[cpu]--;
		return;
	}
	left_of_burst[cpu] = alone ? 0 : virtual_config.burst - 1;
	vcpu_think(jitter(cpu, virtual_config.think_ps));
}

void virtual_codec(bool expand, size_t len)
{
	const struct profile_codec *c = virtual_config.codec;

	if (!c)
		return;
	if (expand)
		vcpu_work(c->expand[0] + c->expand[1] * len, COMPRESSED_LINES);
	else
		vcpu_work(c->compress[0] + c->compress[1] * len,
			  COMPRESSED_LINES);
}

void virtual_begin(enum virtual_part part)
{
	unsigned cpu = smp_processor_id();

	part_since[cpu][part] = sync_clock_ns();
	part_waited[cpu][part] = lock_wait_ns();
}

void virtual_end(enum virtual_part part)
{
	unsigned cpu = smp_processor_id();

	virtual_result.part_ns[part] += sync_clock_ns() - part_since[cpu][part];
	virtual_result.part_wait_ns[part] +=
		lock_wait_ns() - part_waited[cpu][part];
}

void virtual_mark(void)
{
	last_mark = sync_clock_ns();
	memset(virtual_result.part_ns, 0, sizeof(virtual_result.part_ns));
	memset(virtual_result.part_wait_ns, 0,
	       sizeof(virtual_result.part_wait_ns));
}

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
 * The worker's next event of [@from, @to), or @to; how often its key came
 * before, in @turn. Without an order to keep the others' are not looked at.
 */
static size_t next_mine(struct replay_worker *w, const struct zlt_batch *b,
			size_t from, size_t to, uint32_t *turn)
{
	if (!w->mine)
		return virtual_mine(w, from, to);
	for (; from < to; from++) {
		*turn = w->mine[b->key[from]]++;
		if (replay_owner(w->r, b, from) == w->id)
			break;
	}
	return from;
}

int replay_share(struct replay_worker *w, const struct zlt_batch *b,
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
		/* Other CPUs' work comes between: time enough to fetch it. */
		ahead = w->mine ? to : virtual_ahead(w);
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
		n = replay_loop(w, b->op + i, b->key + i, b->object + i, 1);
		if (n < 0)
			return (int)n;
		w->ops_done++;
		if (w->mine)
			r->done[b->key[i]] = turn + 1;
	}
	return 0;
}

int replay_meet(struct replay *r)
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

static void wake_background(struct replay *r)
{
	if (!parked_background)
		return;
	parked_background = false;
	vcpu_unpark(r->config->threads);
}

void replay_order(struct replay *r, uint64_t compactions, uint64_t migrations)
{
	r->compact_orders += compactions;
	r->migrate_orders += migrations;
	wake_background(r);
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
		parked_background = true;
		vcpu_park("something to compact");
	}
	r->background_ns = clock_cpu_ns();
}

static void worker(void *arg)
{
	struct replay_worker *w = arg;
	struct replay *r = w->r;
	uint64_t spread;
	unsigned i;

	/* Nobody starts in step either, also where nobody thinks. */
	spread = virtual_config.think_ps * virtual_config.burst + 1;
	if (spread < START_PS)
		spread = START_PS;
	vcpu_sleep_until(1000 + jitter(w->id, spread));
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
	wake_background(r);
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
		virtual_result.since_mark_ns += end - last_mark;
	}
	virtual_result.lines = vmem_lines();
	virtual_result.bytes = vmem_bytes();
	virtual_result.switches = vcpu_switches();
	virtual_result.hash = vcpu_hash();
}

int replay_threads(struct replay *r, struct err *err)
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
	replay = r;
	parked_background = false;
	ended = 0;
	last_mark = 0;
	for (i = 0; i <= n; i++) {
		randoms[i] = (virtual_config.seed + 1) * 0x9e3779b97f4a7c15ull ^
			     (i + 1) * 0xbf58476d1ce4e5b9ull;
		left_of_burst[i] = 0;
	}
	for (i = 0; i < n; i++)
		vcpu_spawn(i, worker, &r->workers[i]);
	vcpu_spawn(n, background, r);
	ret = vcpu_run(err);
	account(r);
	replay = NULL;
out:
	for (i = 0; i < n; i++) {
		free(r->workers[i].mine);
		r->workers[i].mine = NULL;
	}
	return ret;
}
#endif
