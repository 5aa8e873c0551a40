// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kinds that fill a pool, free a part of it and fill it again.
 */
#include <math.h>

#include "traces/generate/emit.h"

/*
 * The loops below return true when they have passed over all keys, and false
 * when the batch is full.
 */
gen_hot_loop bool passed(struct generate_run *run, const struct gen_hot *h,
			 uint64_t k)
{
	bool all = k == (uint64_t)run->p->keys;

	run->hot = *h;
	run->at = all ? 0 : k;
	return all;
}

/* Keys that are looked at together: their numbers are there then. */
#define TOGETHER (GEN_AHEAD / GEN_DRAWS / 2)

/* How many keys a loop looks at before it asks again for room and numbers. */
gen_hot_loop uint64_t together(struct generate_run *run, struct gen_hot *h,
			       uint64_t k, enum gen_mode mode)
{
	uint64_t most = (uint64_t)run->p->keys - k;

	if (most > TOGETHER)
		most = TOGETHER;
	if ((mode == GEN_EVENTS || mode == GEN_COLUMNS) &&
	    most > run->out.room - h->count)
		most = run->out.room - h->count;
	gen_need(run, h, TOGETHER);
	return most;
}

/* Stores of @n keys that are not stored; no key is loaded here. */
gen_hot_loop void count_stores(struct generate_run *run, struct gen_hot *h,
			       const uint64_t *todo, size_t n)
{
	struct gen_totals *t = &run->total;
	size_t i;

	if (!n)
		return;
	for (i = 0; i < n; i++) {
		gen_moment(run, h, GEN_COUNT);
		gen_skip_size(run, h);
		run->state[todo[i]] = KEY_STORED;
	}
	t->ops[ZLT_STORE] += n;
	t->live += n;
	t->live_exclusive += n;
	if (t->live > t->live_peak)
		t->live_peak = t->live_exclusive_peak = t->live;
	if (todo[n - 1] >= t->keys)
		t->keys = todo[n - 1] + 1;
}

/*
 * Which keys are stored is random, and so is which are given up. A branch on
 * that costs more than all else, so both loops have none.
 */
gen_hot_loop bool fill(struct generate_run *run, enum gen_mode mode)
{
	uint64_t k = run->at, keys = (uint64_t)run->p->keys, end;
	struct gen_hot h = run->hot;
	uint64_t todo[TOGETHER] = { 0 };
	size_t n, i;

	while (k < keys && !gen_full(run, &h, 1, mode)) {
		end = k + together(run, &h, k, mode);
		for (n = 0; k < end; k++) {
			todo[n] = k;
			n += run->state[k] != KEY_STORED;
		}
		if (mode == GEN_COUNT) {
			count_stores(run, &h, todo, n);
			continue;
		}
		for (i = 0; i < n && !(mode == GEN_WRITE && run->rc); i++) {
			if (mode == GEN_WRITE)
				gen_need(run, &h, 1);
			gen_emit(run, &h, ZLT_STORE, todo[i], mode);
		}
	}
	return passed(run, &h, k);
}

/* As give_up() for events with more to them than a choice and a moment. */
gen_hot_loop bool give_up_slowly(struct generate_run *run, double share,
				 enum gen_mode mode)
{
	uint64_t k, keys = (uint64_t)run->p->keys;
	struct gen_hot h = run->hot;

	for (k = run->at; k < keys && !gen_full(run, &h, 1, mode); k++) {
		gen_need(run, &h, 1);
		if (gen_share(run, &h) < share)
			gen_emit(run, &h, ZLT_INVALIDATE, k, mode);
	}
	return passed(run, &h, k);
}

/* One key. @freed: all bits, or none. */
gen_hot_loop void choose(struct generate_run *run, struct gen_hot *h,
			 uint64_t k, uint64_t freed, double step,
			 enum gen_mode mode)
{
	/* One branch, since the second of two could be foreseen no better. */
	if (__builtin_expect(!((uint64_t)h->burst_left | ~freed), 0))
		gen_begin_burst(run, h, mode);
	h->burst_left += (long long)freed;
	if (mode == GEN_COLUMNS && freed)
		h->time_ns += step * gen_share(run, h);
	else
		h->draw -= freed;
	if (mode != GEN_COUNT)
		gen_append(run, h, ZLT_INVALIDATE, (uint32_t)k, 0,
			   zlt_key(1, FIRST_VPN + k), mode);
	h->count -= mode == GEN_COUNT ? freed : freed + 1;
	run->state[k] &= (uint8_t)~freed;
}

gen_hot_loop bool give_up(struct generate_run *run, double share,
			  enum gen_mode mode)
{
	uint64_t k = run->at, keys = (uint64_t)run->p->keys, end;
	/* gen_share() < share, without numbers that are not whole. */
	uint64_t limit = (uint64_t)ceil(share * 0x1p53), freed, live = 0;
	double step = 0.2 * (1e9 / run->p->rate);
	struct gen_hot h = run->hot;

	if (mode == GEN_WRITE || run->p->cpus)
		return give_up_slowly(run, share, mode);
	while (k < keys && !gen_full(run, &h, 1, mode)) {
		end = k + together(run, &h, k, mode);
		for (; k < end; k++) {
			freed = 0 -
				(uint64_t)(gen_random(run, &h) >> 11 < limit);
			live += run->state[k] & freed;
			choose(run, &h, k, freed, step, mode);
		}
	}
	if (mode == GEN_COUNT) {
		run->total.ops[ZLT_INVALIDATE] += h.count;
		run->total.live -= live / KEY_STORED;
		run->total.live_exclusive -= live / KEY_STORED;
		h.count = 0;
	}
	return passed(run, &h, k);
}

enum churn_phase {
	CHURN_FILL,
	CHURN_FILLED,
	CHURN_FREE,
	CHURN_FREED,
	CHURN_COMPACT,
	CHURN_COMPACTED,
	CHURN_REFILL,
	CHURN_REFILLED
};

gen_hot_loop void churn_step(struct generate_run *run, enum gen_mode mode)
{
	switch (run->phase) {
	case CHURN_FILL:
	case CHURN_REFILL:
		run->phase += fill(run, mode);
		return;
	case CHURN_FREE:
		run->phase += give_up(run, run->p->share, mode);
		return;
	case CHURN_FREED:
		gen_mark(run, "freed", run->done, mode);
		run->phase = run->p->compact ? CHURN_COMPACT : CHURN_REFILL;
		return;
	case CHURN_COMPACT:
		gen_compact(run, mode);
		run->phase++;
		return;
	case CHURN_COMPACTED:
		gen_mark(run, "compacted", run->done, mode);
		run->phase++;
		return;
	case CHURN_FILLED:
		gen_mark(run, "filled", 0, mode);
		break;
	default:
		gen_mark(run, "refilled", run->done, mode);
		break;
	}
	run->over = run->done++ == run->p->rounds;
	run->phase = CHURN_FREE;
}

enum worn_phase {
	WORN_FILL,
	WORN_FILLED,
	WORN_TURN,
	WORN_REFILL,
	WORN_ROUND,
	WORN_FREE,
	WORN_END
};

/*
 * A swap device after long use: pages are freed and stored again in rounds, and
 * at the end some are freed for good.
 */
gen_hot_loop void worn_step(struct generate_run *run, enum gen_mode mode)
{
	switch (run->phase) {
	case WORN_FILL:
	case WORN_REFILL:
		run->phase += fill(run, mode);
		return;
	case WORN_TURN:
		run->phase += give_up(run, run->p->turnover, mode);
		return;
	case WORN_FREE:
		run->phase += give_up(run, run->p->share, mode);
		return;
	case WORN_END:
		gen_mark(run, "worn", 0, mode);
		run->over = true;
		return;
	case WORN_FILLED:
		gen_mark(run, "filled", 0, mode);
		break;
	default:
		gen_mark(run, "round", run->done, mode);
		break;
	}
	run->phase = run->done++ == run->p->rounds ? WORN_FREE : WORN_TURN;
}

static double churn_events(const struct gen_params *p)
{
	return (double)p->keys * (1 + 2 * p->share * (double)p->rounds);
}

static double worn_events(const struct gen_params *p)
{
	return (double)p->keys *
	       (1 + 2 * p->turnover * (double)p->rounds + p->share);
}

#define heavy_swap_events worn_events
#define aged_events worn_events

static const struct spec_option churn_options[] = {
	COMMON_OPTIONS,
	REAL(share, "0.5", 0, 1, "share of the keys that is freed in a round"),
	INT(rounds, "10", 0, 1e9, "how often keys are freed and stored again"),
	BOOL(compact, "off", "compact the pool after freeing"),
	{ .name = NULL },
};

/* clang-format off */
#define WORN_OPTIONS(rounds_, turnover_, share_, raw_, whole_)                 \
	INT(rounds, rounds_, 0, 1e9, "how often pages leave and come back"),   \
	REAL(turnover, turnover_, 0, 1, "share of the keys in such a round"),  \
	REAL(share, share_, 0, 1, "share of the keys that leaves at the end"), \
	REAL(raw, raw_, 0, 1,                                                  \
	    "share of pages that do not compress (not with contents)"),        \
	INT(whole, whole_, 1, ZLT_PAGE_SIZE,                                   \
	    "a larger size is stored as a whole page (not with contents)")
/* clang-format on */

static const struct spec_option heavy_swap_options[] = {
	SIZED_OPTIONS("1842000", "uniform", "24", "96"),
	WORN_OPTIONS("1", "0.5", "0.456", "0", "3072"),
	{ .name = NULL },
};

static const struct spec_option aged_options[] = {
	SIZED_OPTIONS("70200", "lz4", "1", "4096"),
	WORN_OPTIONS("4", "0.3", "0.065", "0.28", "3072"),
	{ .name = NULL },
};

GENERATOR_AS(churn, "churn", churn_step, true,
	     "fill, free a share at random, refill, in rounds");
GENERATOR_AS(heavy_swap, "heavy-swap", worn_step, true,
	     "an 8 GiB zram of well compressed pages, half of them gone; share "
	     "is tuned to the frag ratio published before compaction, 42.98 "
	     "%, min and max to the one after it, 79.03 %");
GENERATOR_AS(aged, "aged", worn_step, true,
	     "a zram in long use with few holes; share is tuned to the frag "
	     "ratio published before compaction, 94 %, raw to the one after "
	     "it, 97 %");
