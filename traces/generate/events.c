// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events that are not in the hot loops: with several busy CPUs, marks, requests
 * to compact, and those that go to a file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "traces/generate/emit.h"

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoshiro256**; committed traces and baselines depend on this sequence. */
void gen_draw_more(struct generate_run *run, struct gen_hot *h)
{
	uint64_t *ahead = run->random.ahead, *s = run->random.state;
	uint64_t s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3], t;
	size_t left = GEN_AHEAD - h->draw, i;

	memmove(ahead, ahead + h->draw, left * sizeof(*ahead));
	for (i = left; i < GEN_AHEAD; i++) {
		ahead[i] = rotate(s1 * 5, 7) * 9;
		t = s1 << 17;
		s2 ^= s0;
		s3 ^= s1;
		s1 ^= s2;
		s0 ^= s3;
		s2 ^= t;
		s3 = rotate(s3, 45);
	}
	s[0] = s0;
	s[1] = s1;
	s[2] = s2;
	s[3] = s3;
	h->draw = 0;
}

/* Start a burst on an idle CPU, by a thread that runs on no other CPU. */
static void begin_burst(struct generate_run *run, struct gen_hot *h,
			struct busy_cpu *cpu, double mean)
{
	uint64_t threads = (uint64_t)run->p->threads;

	cpu->burst_left = gen_burst(run, h);
	cpu->thread = (uint32_t)gen_below(run, h, threads);
	while (run->runs[cpu->thread])
		cpu->thread = (cpu->thread + 1) % (uint32_t)threads;
	run->runs[cpu->thread] = true;
	cpu->time_ns += 0.9 * mean * (double)cpu->burst_left;
}

/* Each busy CPU has its own time; the earliest CPU makes the next event. */
void gen_next_of_many(struct generate_run *run, struct gen_hot *h)
{
	double mean = 1e9 / run->p->rate * (double)run->p->cpus;
	struct busy_cpu *cpu = run->busy;
	long long i;

	for (i = 1; i < run->p->cpus; i++)
		if (run->busy[i].time_ns < cpu->time_ns)
			cpu = &run->busy[i];
	h->time_ns = cpu->time_ns;
	h->thread = cpu->thread;
	h->cpu = (uint32_t)(cpu - run->busy);
	if (!--cpu->burst_left) {
		run->runs[cpu->thread] = false;
		begin_burst(run, h, cpu, mean);
	}
	cpu->time_ns += 0.2 * mean * gen_share(run, h);
}

void gen_start_cpus(struct generate_run *run)
{
	const struct gen_params *p = run->p;
	double mean = 1e9 / p->rate * (double)p->cpus;
	long long i;

	for (i = 0; i < p->threads; i++)
		run->runs[i] = false;
	for (i = 0; i < p->cpus; i++) {
		gen_need(run, &run->hot, 1);
		/* The share is drawn before the burst's length. */
		run->busy[i] = (struct busy_cpu){ 0 };
		begin_burst(run, &run->hot, &run->busy[i],
			    mean * gen_share(run, &run->hot));
	}
}

void gen_write(struct generate_run *run, struct gen_hot *h, enum zlt_op op,
	       uint64_t k, const char *label)
{
	struct zlt_event event = {
		.key = zlt_key(1, FIRST_VPN + k),
		.time_ns = (uint64_t)h->time_ns,
		.tid = FIRST_TID + h->thread,
		.cpu = (uint16_t)h->cpu,
		.op = (uint8_t)op,
		.label = label,
	};

	if (op == ZLT_STORE && run->p->contents)
		run->rc = gen_page_object(run, h, k, &event.object);
	else if (op == ZLT_STORE)
		event.object = gen_size(run, h);
	if (!run->rc)
		run->rc = zlt_event(run->w, &event, run->err);
	h->count++;
}

/* An event that is not of a key. */
static void special(struct generate_run *run, enum zlt_op op, const char *label,
		    enum gen_mode mode)
{
	struct gen_columns *out = &run->out;
	struct gen_hot *h = &run->hot;
	uint32_t object = 0;

	gen_need(run, h, 1);
	gen_moment(run, h, mode);
	if (mode == GEN_WRITE) {
		gen_write(run, h, op, 0, label);
		return;
	}
	if (mode == GEN_COUNT) {
		gen_count(run, op, 0, KEY_NONE);
		return;
	}
	if (label) {
		object = (uint32_t)out->nr_labels++;
		snprintf(out->label[object], sizeof(out->label[object]), "%s",
			 label);
		out->labels[object] = out->label[object];
	}
	gen_append(run, h, op, 0, object, 0, mode);
}

void gen_mark(struct generate_run *run, const char *what, long long round,
	      enum gen_mode mode)
{
	char label[64];

	snprintf(label, sizeof(label), round ? "%s %lld" : "%s", what, round);
	special(run, ZLT_MARK, label, mode);
}

void gen_compact(struct generate_run *run, enum gen_mode mode)
{
	special(run, ZLT_COMPACT, NULL, mode);
}
