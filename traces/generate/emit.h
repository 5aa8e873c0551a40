/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of one event: random numbers, time, object, the batch. All of it is
 * inlined to the loops of the kinds, once for each mode.
 */
#ifndef ZLAB_TRACES_GENERATE_EMIT_H
#define ZLAB_TRACES_GENERATE_EMIT_H

#include <math.h>

#include "traces/generate/internal.h"

/* First virtual page number of the simulated program. */
#define FIRST_VPN 0x7f0000000ull
#define FIRST_TID 1000

/* Have the numbers of @events events ready; before anything is drawn. */
gen_hot_loop void gen_need(struct generate_run *run, struct gen_hot *h,
			   size_t events)
{
	struct gen_hot copy;

	if (__builtin_expect(h->draw + events * GEN_DRAWS <= GEN_AHEAD, 1))
		return;
	copy = *h;
	gen_draw_more(run, &copy);
	*h = copy;
}

/* Any number. */
gen_hot_loop uint64_t gen_random(const struct generate_run *run,
				 struct gen_hot *h)
{
	return run->random.ahead[h->draw++];
}

/* A number in the range [0, 1). */
gen_hot_loop double gen_share(const struct generate_run *run, struct gen_hot *h)
{
	return (double)(gen_random(run, h) >> 11) * 0x1p-53;
}

/* In 0..@n-1. */
gen_hot_loop uint64_t gen_below(const struct generate_run *run,
				struct gen_hot *h, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)gen_random(run, h) * n) >> 64);
}

gen_hot_loop long long gen_burst(const struct generate_run *run,
				 struct gen_hot *h)
{
	return 1 +
	       (long long)gen_below(run, h, (uint64_t)(2 * run->p->burst - 1));
}

gen_hot_loop void gen_begin_burst(const struct generate_run *run,
				  struct gen_hot *h, enum gen_mode mode)
{
	const struct gen_params *p = run->p;

	h->burst_left = gen_burst(run, h);
	h->cpu = h->thread = (uint32_t)gen_below(run, h, (uint64_t)p->threads);
	if (mode == GEN_COLUMNS || mode == GEN_WRITE)
		h->time_ns += 0.9 * (1e9 / p->rate) * (double)h->burst_left;
}

/* Time, CPU and thread of the next event. */
gen_hot_loop void gen_moment(struct generate_run *run, struct gen_hot *h,
			     enum gen_mode mode)
{
	const struct gen_params *p = run->p;
	bool timed = mode == GEN_COLUMNS || mode == GEN_WRITE;
	/* Events in a burst are a tenth of the mean time per event apart. */
	double mean = timed ? 1e9 / p->rate : 0;

	if (__builtin_expect(p->cpus, 0)) {
		struct gen_hot copy = *h;

		gen_next_of_many(run, &copy);
		*h = copy;
		return;
	}
	if (__builtin_expect(!h->burst_left, 0))
		gen_begin_burst(run, h, mode);
	h->burst_left--;
	if (timed)
		h->time_ns += 0.2 * mean * gen_share(run, h);
	else
		h->draw++;
}

/*
 * Quantiles of object sizes, with the shapes found in recorded programs; not
 * the sizes of any particular program.
 */
struct gen_quantile {
	double share;
	double size;
};

#define GEN_QUANTILES 6
extern const struct gen_quantile gen_shapes[][GEN_QUANTILES];

gen_hot_loop uint32_t gen_compressed(const struct generate_run *run,
				     struct gen_hot *h)
{
	const struct gen_params *p = run->p;
	const struct gen_quantile *q = gen_shapes[p->sizes];
	uint64_t range = (uint64_t)(p->max - p->min + 1);
	double share;
	int i, above = 0;

	if (p->sizes == SIZE_FIXED)
		return (uint32_t)p->size;
	if (p->sizes == SIZE_UNIFORM && !p->classes)
		return (uint32_t)p->min + (uint32_t)gen_below(run, h, range);
	share = gen_share(run, h);
	/* @classes equally likely sizes, at the centres of equal parts. */
	if (p->classes)
		share = (floor(share * (double)p->classes) + 0.5) /
			(double)p->classes;
	if (p->sizes == SIZE_UNIFORM)
		return (uint32_t)p->min + (uint32_t)(share * (double)range);
	/* Without branches: which quantile is next cannot be predicted. */
	for (i = 1; i < GEN_QUANTILES - 1; i++)
		above += q[i].share < share;
	q += above;
	share = (share - q[0].share) / (q[1].share - q[0].share);
	return (uint32_t)(q[0].size + share * (q[1].size - q[0].size));
}

/* Without incompressible pages no random number may be drawn for them. */
gen_hot_loop uint32_t gen_size(const struct generate_run *run,
			       struct gen_hot *h)
{
	const struct gen_params *p = run->p;
	uint32_t size;

	if (p->raw > 0 && gen_share(run, h) < p->raw)
		return ZLT_PAGE_SIZE;
	size = gen_compressed(run, h);
	return p->whole && size > p->whole ? ZLT_PAGE_SIZE : size;
}

/* The random numbers that gen_size() draws. */
gen_hot_loop void gen_skip_size(const struct generate_run *run,
				struct gen_hot *h)
{
	const struct gen_params *p = run->p;

	if (p->raw > 0 && gen_share(run, h) < p->raw)
		return;
	h->draw += p->sizes != SIZE_FIXED;
}

/* The dense id of a key, in order of first appearance. */
gen_hot_loop uint32_t gen_id(struct generate_run *run, uint64_t k)
{
	if (!run->id)
		return (uint32_t)k;
	if (!run->id[k])
		run->id[k] = ++run->keys;
	return run->id[k] - 1;
}

gen_hot_loop void gen_count(struct generate_run *run, enum zlt_op op,
			    uint64_t k, uint8_t was)
{
	struct gen_totals *t = &run->total;

	t->ops[op]++;
	switch (op) {
	case ZLT_STORE:
		if (k >= t->keys)
			t->keys = k + 1;
		t->live += was == KEY_NONE;
		t->live_exclusive += was != KEY_STORED;
		if (t->live > t->live_peak)
			t->live_peak = t->live;
		if (t->live_exclusive > t->live_exclusive_peak)
			t->live_exclusive_peak = t->live_exclusive;
		break;
	case ZLT_LOAD:
		t->live_exclusive -= was == KEY_STORED;
		break;
	case ZLT_INVALIDATE:
		t->live -= was != KEY_NONE;
		t->live_exclusive -= was == KEY_STORED;
		break;
	default:
		break;
	}
}

/* Append an event to the batch. @key, @object: as in struct zlt_batch. */
gen_hot_loop void gen_append(struct generate_run *run, struct gen_hot *h,
			     enum zlt_op op, uint32_t key, uint32_t object,
			     uint64_t orig, enum gen_mode mode)
{
	struct gen_columns *out = &run->out;
	size_t i = h->count++;

	out->op[i] = (uint8_t)op;
	out->key[i] = key;
	out->object[i] = object;
	if (mode != GEN_COLUMNS)
		return;
	if (out->time_ns)
		out->time_ns[i] = (uint64_t)h->time_ns;
	if (out->cpu)
		out->cpu[i] = (uint16_t)h->cpu;
	if (out->tid)
		out->tid[i] = FIRST_TID + h->thread;
	if (out->orig)
		out->orig[i] = orig;
}

/* A store, load or invalidate of key @k. */
gen_hot_loop void gen_emit(struct generate_run *run, struct gen_hot *h,
			   enum zlt_op op, uint64_t k, enum gen_mode mode)
{
	uint8_t was = run->state[k];
	uint32_t object = 0;

	gen_moment(run, h, mode);
	run->state[k] = op == ZLT_STORE	 ? KEY_STORED
			: op == ZLT_LOAD ? KEY_LOADED
					 : KEY_NONE;
	if (mode == GEN_WRITE) {
		struct gen_hot copy = *h;

		gen_write(run, &copy, op, k, NULL);
		*h = copy;
		return;
	}
	if (mode == GEN_COUNT) {
		gen_count(run, op, k, was);
		if (run->id)
			gen_id(run, k);
		if (op == ZLT_STORE)
			gen_skip_size(run, h);
		return;
	}
	if (op == ZLT_STORE)
		object = gen_size(run, h);
	gen_append(run, h, op, gen_id(run, k), object,
		   zlt_key(1, FIRST_VPN + k), mode);
}

/* Events that fit in the batch; a loop may make @at_once of them in a step. */
gen_hot_loop bool gen_full(const struct generate_run *run,
			   const struct gen_hot *h, size_t at_once,
			   enum gen_mode mode)
{
	if (mode == GEN_WRITE && run->rc)
		return true;
	return mode != GEN_COUNT && h->count + at_once > run->out.room;
}

#endif
