// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kinds that fill a pool, free a part of it and fill it again.
 */
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

gen_hot_loop bool fill(struct generate_run *run, enum gen_mode mode)
{
	uint64_t k, keys = (uint64_t)run->p->keys;
	struct gen_hot h = run->hot;

	for (k = run->at; k < keys && !gen_full(run, &h, 1, mode); k++)
		if (run->state[k] != KEY_STORED)
			gen_emit(run, &h, ZLT_STORE, k, mode);
	return passed(run, &h, k);
}

gen_hot_loop bool give_up(struct generate_run *run, double share,
			  enum gen_mode mode)
{
	uint64_t k, keys = (uint64_t)run->p->keys;
	struct gen_hot h = run->hot;

	for (k = run->at; k < keys && !gen_full(run, &h, 1, mode); k++)
		if (gen_share(&h) < share)
			gen_emit(run, &h, ZLT_INVALIDATE, k, mode);
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
