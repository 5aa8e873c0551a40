// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The histogram against the sorted values themselves, and the statistics of
 * repeated runs against numbers worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/hist.h"
#include "harness/measure/stats.h"
#include "lib/random.h"

#define N 20000

static uint64_t state = 1;

static uint64_t rnd(void)
{
	return random_xorshift(&state);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void test_buckets_cover_everything(void **unused)
{
	uint64_t v;
	size_t i, k;

	for (i = 0; i < HIST_SIZE; i++) {
		assert_int_equal(hist_index(hist_low(i)), i);
		if (i)
			assert_int_equal(hist_index(hist_low(i) - 1), i - 1);
	}
	for (k = 0; k < N; k++) {
		v = rnd() >> (24 + rnd() % 40);
		i = hist_index(v);
		assert_true(hist_low(i) <= v && v < hist_low(i + 1));
	}
	assert_int_equal(hist_index(UINT64_MAX), HIST_SIZE - 1);
}

static void test_percentiles_of_sorted_values(void **unused)
{
	static const double percents[] = { 0.1, 1, 10, 50, 90, 99, 99.9, 100 };
	struct hist *h = calloc(1, sizeof(*h));
	uint64_t *v = calloc(N, sizeof(*v)), exact, got, sum = 0;
	size_t i, round;

	for (round = 0; round < 4; round++) {
		*h = (struct hist){ 0 };
		sum = 0;
		for (i = 0; i < N; i++) {
			v[i] = round == 0 ? rnd() % 200
					  : rnd() >> (30 + rnd() % (8 * round));
			hist_add(h, v[i]);
			sum += v[i];
		}
		qsort(v, N, sizeof(*v), by_value);
		for (i = 0; i < sizeof(percents) / sizeof(*percents); i++) {
			exact = v[(size_t)ceil(percents[i] / 100 * N) - 1];
			got = hist_percentile(h, percents[i]);
			assert_true(got >= exact);
			assert_true((double)got <=
				    (double)exact * (1 + 1.0 / HIST_HALF) + 1);
		}
		assert_int_equal(h->count, N);
		assert_int_equal(h->sum, sum);
		assert_int_equal(h->min, v[0]);
		assert_int_equal(h->max, v[N - 1]);
		assert_int_equal(hist_percentile(h, 100), v[N - 1]);
	}
	free(v);
	free(h);
}

static void test_merge_is_adding_all(void **unused)
{
	struct hist *a = calloc(3, sizeof(*a)), *b = a + 1, *all = a + 2;
	uint64_t v;
	size_t i;

	for (i = 0; i < N; i++) {
		v = rnd() >> (30 + rnd() % 30);
		hist_add(i % 3 ? a : b, v);
		hist_add(all, v);
	}
	hist_merge(a, b);
	assert_memory_equal(a, all, sizeof(*a));
	*b = (struct hist){ 0 };
	hist_merge(a, b);
	assert_memory_equal(a, all, sizeof(*a));
	assert_int_equal(hist_percentile(b, 50), 0);
	free(a);
}

static void test_summary(void **unused)
{
	double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };
	struct stats_summary s = stats_summary(odd, 3);

	assert_true(s.min == 1 && s.max == 5 && s.median == 3 && s.mean == 3);
	assert_true(fabs(s.stddev - 2) < 1e-12);
	s = stats_summary(even, 4);
	assert_true(s.median == 2.5 && s.mean == 2.5);
	assert_true(fabs(s.stddev - sqrt(5.0 / 3)) < 1e-12);
	s = stats_summary(one, 1);
	assert_true(s.median == 7 && s.stddev == 0);
}

static void test_ratio(void **unused)
{
	double base[] = { 1, 2, 4, 8, 16, 32, 64 };
	double other[] = { 2, 4, 8, 16, 32, 64, 640 };
	struct stats_ratio r;

	/* Rounds are compared with themselves: one wild round is outvoted. */
	assert_int_equal(stats_ratio(base, other, 7, &r), 0);
	assert_true(r.ratio == 2 && r.interval && r.low == 2);
	assert_true(r.high >= 2 && r.high <= 10);
	assert_int_equal(stats_ratio(base, other, 4, &r), 0);
	assert_true(r.ratio == 2 && !r.interval);
	assert_int_equal(stats_ratio(base, other, 0, &r), -EINVAL);
	base[1] = 0;
	assert_int_equal(stats_ratio(base, other, 7, &r), -EINVAL);
}

static void test_interval_holds_the_truth(void **unused)
{
	double base[9], other[9], u;
	struct stats_ratio r;
	int i, k, hit = 0;

	for (k = 0; k < 200; k++) {
		for (i = 0; i < 9; i++) {
			base[i] = 100;
			u = (double)(rnd() % 1000) / 1000 - 0.5;
			other[i] = 150 * (1 + 0.2 * u);
		}
		assert_int_equal(stats_ratio(base, other, 9, &r), 0);
		assert_true(r.low <= r.ratio && r.ratio <= r.high);
		hit += r.low <= 1.5 && 1.5 <= r.high;
	}
	/* 95 % are promised; the bootstrap of 9 is a little short of it. */
	assert_in_range(hit, 178, 200);
}

/* Traces, pools' contents and records were made with these. */
static void test_random_sequences(void **unused)
{
	uint64_t s = 1234567, x = 88172645463325252ull;

	assert_true(random_splitmix(&s) == 6457827717110365317ull);
	assert_true(random_splitmix(&s) == 3203168211198807973ull);
	assert_true(random_xorshift(&x) == 8748534153485358512ull);
	assert_true(random_xorshift(&x) == 3040900993826735515ull);
}

static void test_floor(void **unused)
{
	double same[] = { 3, 3, 3 }, far[] = { 1, 2, 1, 2 };

	assert_true(stats_floor(same, 3) == 1);
	assert_true(stats_floor(far, 4) == 2);
	assert_true(stats_floor(far, 2) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_cover_everything),
		cmocka_unit_test(test_percentiles_of_sorted_values),
		cmocka_unit_test(test_merge_is_adding_all),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_interval_holds_the_truth),
		cmocka_unit_test(test_random_sequences),
		cmocka_unit_test(test_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
