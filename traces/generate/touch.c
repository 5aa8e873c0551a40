// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kinds that touch one key after another, picked at random.
 */
#include <math.h>

#include "traces/generate/emit.h"

/*
 * The next event of a page under memory pressure: a page in memory is stored, a
 * stored page is loaded, and occasionally a page is freed.
 */
gen_hot_loop void touch(struct generate_run *run, struct gen_hot *h, uint64_t k,
			enum gen_mode mode)
{
	const struct gen_params *p = run->p;
	enum zlt_op op = ZLT_STORE;
	double dice;

	if (run->state[k] != KEY_NONE) {
		dice = gen_share(run, h);
		if (dice < p->frees)
			op = ZLT_INVALIDATE;
		else if (run->state[k] == KEY_STORED &&
			 dice < p->frees + (1 - p->frees) * p->reads)
			op = ZLT_LOAD;
	}
	gen_emit(run, h, op, k, mode);
}

gen_hot_loop void uniform_step(struct generate_run *run, enum gen_mode mode)
{
	struct gen_hot h = run->hot;
	long long i;

	for (i = run->done; i < run->p->ops && !gen_full(run, &h, 1, mode);
	     i++) {
		gen_need(run, &h, 1);
		touch(run, &h, gen_below(run, &h, (uint64_t)run->p->keys),
		      mode);
	}
	run->hot = h;
	run->done = i;
	run->over = i == run->p->ops;
}

/*
 * Ranks with probability proportional to rank^-skew, by rejection from the
 * integral of that curve (Hoermann and Derflinger, 1996).
 */
static double zipf_integral(const struct gen_zipf *z, double x)
{
	double e = 1 - z->skew, log_x = log(x);

	return fabs(e * log_x) < 1e-8 ? log_x : expm1(e * log_x) / e;
}

static double zipf_inverse(const struct gen_zipf *z, double y)
{
	double e = 1 - z->skew;

	return fabs(e * y) < 1e-8 ? exp(y) : exp(log1p(e * y) / e);
}

void gen_zipf_init(struct gen_zipf *z, double skew, uint64_t keys)
{
	z->skew = skew;
	z->keys = (double)keys;
	z->low = zipf_integral(z, 1.5) - 1;
	z->high = zipf_integral(z, z->keys + 0.5);
	z->first = 2 - zipf_inverse(z, zipf_integral(z, 2.5) - pow(2, -skew));
}

static uint64_t zipf_rank(struct generate_run *run, struct gen_hot *h)
{
	const struct gen_zipf *z = &run->zipf;

	for (;;) {
		double x, y, rank;

		gen_need(run, h, 1);
		y = z->low + gen_share(run, h) * (z->high - z->low);
		x = zipf_inverse(z, y);
		rank = floor(x + 0.5);

		if (rank < 1)
			rank = 1;
		if (rank > z->keys)
			rank = z->keys;
		if (rank - x <= z->first ||
		    y >= zipf_integral(z, rank + 0.5) - pow(rank, -z->skew))
			return (uint64_t)rank - 1;
	}
}

gen_hot_loop void zipf_step(struct generate_run *run, enum gen_mode mode)
{
	uint64_t keys = (uint64_t)run->p->keys, rank;
	struct gen_hot h = run->hot, copy;
	long long i;

	for (i = run->done; i < run->p->ops && !gen_full(run, &h, 1, mode);
	     i++) {
		copy = h;
		rank = zipf_rank(run, &copy);
		h = copy;
		/* A prime above every rank spreads popular keys. */
		touch(run, &h, rank * 4294967291u % keys, mode);
	}
	run->hot = h;
	run->done = i;
	run->over = i == run->p->ops;
}

static double uniform_events(const struct gen_params *p)
{
	return (double)p->ops;
}

#define zipf_events uniform_events

#define TOUCH_OPTIONS                                                          \
	OPS_OPTION,                                                            \
		REAL(reads, "0.9", 0, 1,                                       \
		     "chance that a stored page is loaded, else stored anew"), \
		REAL(frees, "0.05", 0, 1,                                      \
		     "chance that a known page is given up")

static const struct spec_option uniform_options[] = {
	COMMON_OPTIONS,
	TOUCH_OPTIONS,
	{ .name = NULL },
};

static const struct spec_option zipf_options[] = {
	COMMON_OPTIONS,
	TOUCH_OPTIONS,
	REAL(skew, "0.99", 0, 10,
	     "the key of rank r is picked with a chance of r^-skew"),
	{ .name = NULL },
};

GENERATOR_AS(uniform, "uniform", uniform_step, false,
	     "every key is touched equally often");
GENERATOR_AS(zipf, "zipf", zipf_step, false,
	     "few keys are touched often, most seldom");
