// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kinds that touch one key after another, picked at random.
 */
#include <math.h>

#include "traces/generate/internal.h"

static int run_uniform(struct generate_run *run, struct err *err)
{
	long long i;
	int rc = 0;

	for (i = 0; !rc && i < run->p->ops; i++)
		rc = gen_touch(run, gen_below(run, (uint64_t)run->p->keys),
			       err);
	return rc;
}

/*
 * Ranks with probability proportional to rank^-skew, by rejection from the
 * integral of that curve (Hoermann and Derflinger, 1996).
 */
struct zipf {
	double skew, low, high, first;
	double keys;
};

static double zipf_integral(const struct zipf *z, double x)
{
	double e = 1 - z->skew, log_x = log(x);

	return fabs(e * log_x) < 1e-8 ? log_x : expm1(e * log_x) / e;
}

static double zipf_inverse(const struct zipf *z, double y)
{
	double e = 1 - z->skew;

	return fabs(e * y) < 1e-8 ? exp(y) : exp(log1p(e * y) / e);
}

static void zipf_init(struct zipf *z, double skew, uint64_t keys)
{
	z->skew = skew;
	z->keys = (double)keys;
	z->low = zipf_integral(z, 1.5) - 1;
	z->high = zipf_integral(z, z->keys + 0.5);
	z->first = 2 - zipf_inverse(z, zipf_integral(z, 2.5) - pow(2, -skew));
}

static uint64_t zipf_rank(const struct zipf *z, struct generate_run *run)
{
	for (;;) {
		double y = z->low + gen_share(run) * (z->high - z->low);
		double x = zipf_inverse(z, y), rank = floor(x + 0.5);

		if (rank < 1)
			rank = 1;
		if (rank > z->keys)
			rank = z->keys;
		if (rank - x <= z->first ||
		    y >= zipf_integral(z, rank + 0.5) - pow(rank, -z->skew))
			return (uint64_t)rank - 1;
	}
}

static int run_zipf(struct generate_run *run, struct err *err)
{
	uint64_t keys = (uint64_t)run->p->keys;
	struct zipf z;
	long long i;
	int rc = 0;

	zipf_init(&z, run->p->skew, keys);
	/* Multiplying by a prime above every rank spreads popular keys. */
	for (i = 0; !rc && i < run->p->ops; i++)
		rc = gen_touch(run, zipf_rank(&z, run) * 4294967291u % keys,
			       err);
	return rc;
}

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

GENERATOR(uniform, "every key is touched equally often");
GENERATOR(zipf, "few keys are touched often, most seldom");
