// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Time, CPU and thread of each event, and its effect on the key.
 */
#include <errno.h>
#include <stdlib.h>

#include "traces/generate/internal.h"

/* First virtual page number of the simulated program. */
#define FIRST_VPN 0x7f0000000ull
#define FIRST_TID 1000

static long long burst_length(struct generate_run *run)
{
	return 1 + (long long)gen_below(run, (uint64_t)(2 * run->p->burst - 1));
}

/* Start a burst on an idle CPU, by a thread that runs on no other CPU. */
static void begin_burst(struct generate_run *run, struct busy_cpu *cpu,
			double mean)
{
	uint64_t threads = (uint64_t)run->p->threads;

	cpu->burst_left = burst_length(run);
	cpu->thread = (uint32_t)gen_below(run, threads);
	while (run->runs[cpu->thread])
		cpu->thread = (cpu->thread + 1) % (uint32_t)threads;
	run->runs[cpu->thread] = true;
	cpu->time_ns += 0.9 * mean * (double)cpu->burst_left;
}

/* Each busy CPU has its own time; the earliest CPU makes the next event. */
static void next_of_many(struct generate_run *run)
{
	double mean = 1e9 / run->p->rate * (double)run->p->cpus;
	struct busy_cpu *cpu = run->busy;
	long long i;

	for (i = 1; i < run->p->cpus; i++)
		if (run->busy[i].time_ns < cpu->time_ns)
			cpu = &run->busy[i];
	run->time_ns = cpu->time_ns;
	run->thread = cpu->thread;
	run->cpu = (uint32_t)(cpu - run->busy);
	if (!--cpu->burst_left) {
		run->runs[cpu->thread] = false;
		begin_burst(run, cpu, mean);
	}
	cpu->time_ns += 0.2 * mean * gen_share(run);
}

int gen_start_cpus(struct generate_run *run, struct err *err)
{
	const struct gen_params *p = run->p;
	double mean = 1e9 / p->rate * (double)p->cpus;
	long long i;

	run->busy = calloc((size_t)p->cpus, sizeof(*run->busy));
	run->runs = calloc((size_t)p->threads, sizeof(*run->runs));
	if (!run->busy || !run->runs)
		return err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < p->cpus; i++)
		begin_burst(run, &run->busy[i], mean * gen_share(run));
	return 0;
}

static void next_moment(struct generate_run *run)
{
	const struct gen_params *p = run->p;
	/* Events in a burst are a tenth of the mean time per event apart. */
	double mean = 1e9 / p->rate;

	if (p->cpus) {
		next_of_many(run);
		return;
	}
	if (!run->burst_left) {
		run->burst_left = burst_length(run);
		run->cpu = run->thread =
			(uint32_t)gen_below(run, (uint64_t)p->threads);
		run->time_ns += 0.9 * mean * (double)run->burst_left;
	}
	run->burst_left--;
	run->time_ns += 0.2 * mean * gen_share(run);
}

int gen_emit(struct generate_run *run, enum zlt_op op, uint64_t k,
	     const char *label, struct err *err)
{
	struct zlt_event event = {
		.key = zlt_key(1, FIRST_VPN + k),
		.op = (uint8_t)op,
		.label = label,
	};
	int rc;

	next_moment(run);
	event.time_ns = (uint64_t)run->time_ns;
	event.cpu = (uint16_t)run->cpu;
	event.tid = FIRST_TID + run->thread;
	switch (op) {
	case ZLT_STORE:
		rc = gen_object(run, k, &event.object, err);
		if (rc)
			return rc;
		run->state[k] = KEY_STORED;
		break;
	case ZLT_LOAD:
		run->state[k] = KEY_LOADED;
		break;
	case ZLT_INVALIDATE:
		run->state[k] = KEY_NONE;
		break;
	default:
		break;
	}
	return zlt_event(run->w, &event, err);
}

/*
 * The next event of a page under memory pressure: a page in memory is stored, a
 * stored page is loaded, and occasionally a page is freed.
 */
int gen_touch(struct generate_run *run, uint64_t k, struct err *err)
{
	const struct gen_params *p = run->p;
	enum zlt_op op = ZLT_STORE;
	double dice;

	if (run->state[k] != KEY_NONE) {
		dice = gen_share(run);
		if (dice < p->frees)
			op = ZLT_INVALIDATE;
		else if (run->state[k] == KEY_STORED &&
			 dice < p->frees + (1 - p->frees) * p->reads)
			op = ZLT_LOAD;
	}
	return gen_emit(run, op, k, NULL, err);
}

int gen_mark(struct generate_run *run, const char *what, long long round,
	     struct err *err)
{
	char label[64];

	snprintf(label, sizeof(label), round ? "%s %lld" : "%s", what, round);
	return gen_emit(run, ZLT_MARK, 0, label, err);
}
