// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kinds that fill a pool, free a part of it and fill it again.
 */
#include "traces/generate/internal.h"

static int churn_fill(struct generate_run *run, struct err *err)
{
	uint64_t k;
	int rc = 0;

	for (k = 0; !rc && k < (uint64_t)run->p->keys; k++)
		if (run->state[k] != KEY_STORED)
			rc = gen_emit(run, ZLT_STORE, k, NULL, err);
	return rc;
}

static int churn_free(struct generate_run *run, double share, struct err *err)
{
	uint64_t k;
	int rc = 0;

	for (k = 0; !rc && k < (uint64_t)run->p->keys; k++)
		if (gen_share(run) < share)
			rc = gen_emit(run, ZLT_INVALIDATE, k, NULL, err);
	return rc;
}

static int run_churn(struct generate_run *run, struct err *err)
{
	long long round;
	int rc;

	rc = churn_fill(run, err) ?: gen_mark(run, "filled", 0, err);
	for (round = 1; !rc && round <= run->p->rounds; round++) {
		rc = churn_free(run, run->p->share, err)
			     ?: gen_mark(run, "freed", round, err);
		if (!rc && run->p->compact)
			rc = gen_emit(run, ZLT_COMPACT, 0, NULL, err)
				     ?: gen_mark(run, "compacted", round, err);
		if (!rc)
			rc = churn_fill(run, err)
				     ?: gen_mark(run, "refilled", round, err);
	}
	return rc;
}

/*
 * A swap device after long use: pages are freed and stored again in rounds, and
 * at the end some are freed for good.
 */
static int run_worn(struct generate_run *run, struct err *err)
{
	long long round;
	int rc;

	rc = churn_fill(run, err) ?: gen_mark(run, "filled", 0, err);
	for (round = 1; !rc && round <= run->p->rounds; round++)
		rc = churn_free(run, run->p->turnover, err)
			     ?: churn_fill(run, err)
			     ?: gen_mark(run, "round", round, err);
	return rc ?: churn_free(run, run->p->share, err)
			     ?: gen_mark(run, "worn", 0, err);
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

GENERATOR(churn, "fill, free a share at random, refill, in rounds");
GENERATOR_AS(heavy_swap, "heavy-swap", run_worn,
	     "an 8 GiB zram of well compressed pages, half of them gone; share "
	     "is tuned to the frag ratio published before compaction, 42.98 "
	     "%, min and max to the one after it, 79.03 %");
GENERATOR_AS(aged, "aged", run_worn,
	     "a zram in long use with few holes; share is tuned to the frag "
	     "ratio published before compaction, 94 %, raw to the one after "
	     "it, 97 %");
