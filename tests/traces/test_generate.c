// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Synthetic traces have the shape that was asked for, twice the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "harness/verify/classes.h"
#include "tests/lib/sample.h"
#include "traces/generate.h"
#include "traces/summary.h"

#define SUM_OF_UNIFORM 0x61225f6703cdcd1eull
#define WANT (ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS)

static const char *make(const char *spec)
{
	const char *path = temp_path("gen.zlt");
	struct err err = { "" };

	if (generate_trace(spec, path, &err))
		fail_msg("%s: %s", spec, err.text);
	return path;
}

static struct zlt_reader *must_open(const char *path)
{
	struct err err = { "" };
	struct zlt_reader *r = zlt_open(path, WANT, &err);

	if (!r)
		fail_msg("%s", err.text);
	return r;
}

/* What every kind promises: a swapped page alternates, time goes on. */
static void check_sound(const char *spec)
{
	struct zlt_reader *r = must_open(make(spec));
	const struct zlt_info *info = zlt_info(r);
	uint8_t *stored = calloc(info->keys + 1, 1);
	uint64_t last = 0, n = 0;
	struct zlt_batch b;
	size_t i;

	assert_non_null(stored);
	assert_string_equal(
		json_string_value(json_object_get(info->meta, "keys")),
		"address");
	assert_non_null(json_object_get(info->meta, "generator"));
	while (zlt_next(r, &b, NULL) == 1) {
		for (i = 0; i < b.count; i++) {
			uint8_t *s = &stored[b.key[i]];

			assert_true(b.time_ns[i] >= last);
			last = b.time_ns[i];
			if (!strstr(spec, "cpus="))
				assert_int_equal(b.tid[i] - 1000, b.cpu[i]);
			if (b.op[i] == ZLT_STORE) {
				*s = 1;
				continue;
			}
			/* A load is only of what is there even if the load
			 * before it freed it.
			 */
			if (b.op[i] == ZLT_LOAD)
				assert_int_equal(*s, 1);
			if (b.op[i] == ZLT_LOAD)
				*s = 2;
			if (b.op[i] == ZLT_INVALIDATE)
				*s = 0;
		}
		n += b.count;
	}
	assert_int_equal(n, info->events);
	free(stored);
	zlt_reader_close(r);
}

static void test_sound(void **state)
{
	check_sound("uniform:keys=500,ops=20000,threads=3");
	check_sound("zipf:keys=500,ops=20000,threads=3");
	check_sound("zipf:keys=500,ops=2000,contents=on,threads=2");
	check_sound("churn:keys=500,rounds=3,compact=on");
	check_sound("heavy-swap:keys=500,rounds=2");
	check_sound("aged:keys=500,threads=3");
	check_sound("scan:keys=500,ops=20000,window=50");
	check_sound("scan:keys=1,ops=100");
	check_sound("scan:keys=7,ops=100,window=7");
	check_sound("uniform:keys=1,ops=1000");
	check_sound("zipf:keys=500,ops=20000,threads=5,cpus=3,burst=1");
	check_sound("churn:keys=500,rounds=3,threads=4,cpus=4,classes=3");
	check_sound("uniform:ops=0");
	check_sound("churn:keys=1,share=1,rounds=2");
}

static void test_same_again(void **state)
{
	static const char *const specs[] = {
		"uniform:keys=50,ops=3000",
		"zipf:keys=50,ops=3000,sizes=uniform",
		"churn:keys=90",
		"heavy-swap:keys=90",
		"aged:keys=90",
		"scan:keys=90,ops=300",
		"zipf:keys=50,ops=500,contents=on",
		"zipf:keys=50,ops=3000,threads=9,cpus=4,classes=7",
	};
	size_t i, len[3];
	uint8_t *data[3];
	char other[128];

	for (i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
		data[0] = file_load(make(specs[i]), &len[0]);
		data[1] = file_load(make(specs[i]), &len[1]);
		strcpy(other, specs[i]);
		strcat(other, ",seed=2");
		data[2] = file_load(make(other), &len[2]);
		assert_int_equal(len[0], len[1]);
		assert_memory_equal(data[0], data[1], len[0]);
		assert_true(len[0] != len[2] ||
			    memcmp(data[0], data[2], len[0]) != 0);
		free(data[0]);
		free(data[1]);
		free(data[2]);
	}
}

/* The same spec gives the same trace on every machine and in every version. */
static void test_same_forever(void **state)
{
	struct zlt_reader *r =
		must_open(make("uniform:keys=50,ops=3000,threads=2"));
	struct zlt_batch b;
	uint64_t sum;

	assert_int_equal(zlt_next(r, &b, NULL), 1);
	assert_int_equal(b.count, 3000);
	sum = XXH3_64bits(b.op, b.count) ^
	      XXH3_64bits(b.orig, b.count * sizeof(*b.orig)) ^
	      XXH3_64bits(b.tid, b.count * sizeof(*b.tid));
	if (sum != SUM_OF_UNIFORM)
		fail_msg("%#llx", (unsigned long long)sum);
	zlt_reader_close(r);
}

/* Shares of the events that touch the most popular keys. */
static double top_share(const char *spec, uint64_t tops)
{
	struct zlt_reader *r = must_open(make(spec));
	uint64_t keys = zlt_info(r)->keys, top = 0, n = 0, best;
	uint32_t *touches = calloc(keys, sizeof(*touches));
	struct zlt_batch b;
	size_t i, k;

	assert_non_null(touches);
	while (zlt_next(r, &b, NULL) == 1)
		for (i = 0; i < b.count; i++, n++)
			touches[b.key[i]]++;
	while (tops--) {
		best = 0;
		for (k = 0; k < keys; k++)
			if (touches[k] > touches[best])
				best = k;
		top += touches[best];
		touches[best] = 0;
	}
	free(touches);
	zlt_reader_close(r);
	return (double)top / (double)n;
}

static void check_skew(const char *spec, uint64_t tops, double share)
{
	double found = top_share(spec, tops);

	if (found < share - 0.008 || found > share + 0.008)
		fail_msg("%s: %.4f instead of %.4f", spec, found, share);
}

static void test_skew(void **state)
{
	double flat = top_share("uniform:keys=200,ops=50000", 20);
	double none = top_share("zipf:keys=200,ops=50000,skew=0", 20);

	assert_true(flat > 0.1 && flat < 0.12);
	assert_true(none > 0.1 && none < 0.12);
	/* Sums of rank^-skew: of the first 20 or the first, of all 200. */
	check_skew("zipf:keys=200,ops=50000,skew=1", 20, 3.59774 / 5.87803);
	check_skew("zipf:keys=200,ops=50000,skew=1", 1, 1 / 5.87803);
	check_skew("zipf:keys=200,ops=50000,skew=2", 1, 1 / 1.63995);
	check_skew("zipf:keys=200,ops=50000,skew=3", 1, 1 / 1.20204);
}

static void test_mix(void **state)
{
	struct zlt_reader *r;
	const uint64_t *ops;

	r = must_open(make("uniform:keys=100,ops=10000,reads=1,frees=0"));
	ops = zlt_info(r)->ops;
	/* Store and load in turn. */
	assert_true(ops[ZLT_STORE] - ops[ZLT_LOAD] <= 100);
	assert_int_equal(ops[ZLT_INVALIDATE], 0);
	zlt_reader_close(r);
	r = must_open(make("uniform:keys=100,ops=10000,reads=0,frees=0.5"));
	ops = zlt_info(r)->ops;
	assert_int_equal(ops[ZLT_LOAD], 0);
	assert_int_equal(ops[ZLT_STORE] + ops[ZLT_INVALIDATE], 10000);
	assert_true(ops[ZLT_INVALIDATE] > 3000 && ops[ZLT_INVALIDATE] < 3700);
	zlt_reader_close(r);
}

static void test_churn(void **state)
{
	static const char *const labels[] = { "filled",	     "freed 1",
					      "compacted 1", "refilled 1",
					      "freed 2",     "compacted 2",
					      "refilled 2" };
	struct zlt_reader *r = must_open(
		make("churn:keys=1000,rounds=2,share=0.25,compact=on"));
	const uint64_t *ops = zlt_info(r)->ops;
	struct zlt_batch b;
	size_t i, mark = 0;

	assert_int_equal(zlt_info(r)->keys, 1000);
	assert_int_equal(zlt_info(r)->live_peak, 1000);
	assert_int_equal(ops[ZLT_COMPACT], 2);
	assert_int_equal(ops[ZLT_STORE] - ops[ZLT_INVALIDATE], 1000);
	assert_true(ops[ZLT_INVALIDATE] > 400 && ops[ZLT_INVALIDATE] < 600);
	while (zlt_next(r, &b, NULL) == 1)
		for (i = 0; i < b.count; i++)
			if (b.op[i] == ZLT_MARK)
				assert_string_equal(b.labels[b.object[i]],
						    labels[mark++]);
	assert_int_equal(mark, sizeof(labels) / sizeof(*labels));
	zlt_reader_close(r);
}

static void test_scan(void **state)
{
	struct zlt_reader *r =
		must_open(make("scan:keys=100,ops=1000,window=10"));
	uint64_t next = 0, first = 0;
	struct zlt_batch b;
	size_t i;

	/* The loads go through the keys in order. */
	while (zlt_next(r, &b, NULL) == 1) {
		for (i = 0; i < b.count; i++) {
			if (b.op[i] != ZLT_LOAD)
				continue;
			if (!first)
				first = next = b.orig[i];
			assert_true(b.orig[i] == next);
			next = first + (next - first + 1) % 100;
		}
	}
	assert_true(zlt_info(r)->ops[ZLT_LOAD] > 400);
	/* What is in memory is not stored. */
	assert_int_equal(zlt_info(r)->live_peak_exclusive, 90);
	zlt_reader_close(r);
}

static void check_sizes(const char *spec, uint32_t low, uint32_t high,
			double mean_low, double mean_high)
{
	struct zlt_reader *r = must_open(make(spec));
	uint32_t min = UINT32_MAX, max = 0;
	double sum = 0, n = 0;
	struct zlt_batch b;
	size_t i;

	while (zlt_next(r, &b, NULL) == 1) {
		for (i = 0; i < b.count; i++) {
			if (b.op[i] != ZLT_STORE)
				continue;
			min = b.object[i] < min ? b.object[i] : min;
			max = b.object[i] > max ? b.object[i] : max;
			sum += b.object[i];
			n++;
		}
	}
	assert_int_equal(min, low);
	assert_int_equal(max, high);
	assert_true(sum / n >= mean_low && sum / n <= mean_high);
	zlt_reader_close(r);
}

static void test_sizes(void **state)
{
	check_sizes("uniform:sizes=fixed,size=77,ops=1000", 77, 77, 77, 77);
	check_sizes("uniform:sizes=uniform,min=10,max=20,ops=5000", 10, 20,
		    14.8, 15.2);
	check_sizes("uniform:ops=300000", 40, 4095, 1650, 1800);
	check_sizes("uniform:sizes=zstd,ops=300000", 30, 4095, 1050, 1250);
}

static double pages_ratio(const char *spec, uint64_t *same, uint64_t *contents)
{
	struct zlt_reader *r = must_open(make(spec));
	const struct zlt_page_info *infos;
	struct zlt_cursor *c = zlt_cursor_open(r, 0, NULL);
	uint8_t out[2 * ZLT_PAGE_SIZE];
	const void *page;
	double bytes = 0;
	uint32_t i;

	assert_non_null(c);
	assert_int_equal(zlt_page_infos(r, &infos, NULL), 0);
	*contents = zlt_info(r)->contents;
	*same = 0;
	for (i = 0; i < *contents; i++) {
		*same += infos[i].same_filled;
		assert_int_equal(zlt_content(c, i, &page, NULL), 0);
		bytes += (double)ZSTD_compress(out, sizeof(out), page,
					       ZLT_PAGE_SIZE, 1);
	}
	zlt_cursor_close(c);
	zlt_reader_close(r);
	return bytes / (double)*contents / ZLT_PAGE_SIZE;
}

static void test_contents(void **state)
{
	uint64_t same, contents;
	double ratio;

	ratio = pages_ratio("churn:contents=on,keys=1000,rounds=0,entropy=0,"
			    "same=0",
			    &same, &contents);
	assert_int_equal(contents, 1000);
	assert_int_equal(same, 0);
	assert_true(ratio < 0.2);
	ratio = pages_ratio("churn:contents=on,keys=1000,rounds=0,entropy=0.5,"
			    "same=0",
			    &same, &contents);
	assert_true(ratio > 0.45 && ratio < 0.65);
	ratio = pages_ratio("churn:contents=on,keys=1000,rounds=1,share=1,"
			    "unchanged=1,same=1",
			    &same, &contents);
	/* Most are the zero page; each key keeps the page it had. */
	assert_true(contents > 150 && contents < 350);
	assert_int_equal(same, contents);
	assert_true(ratio < 0.05);
}

static struct summary must_sum_up(const char *spec)
{
	struct source *r = source_open(make(spec), WANT, NULL);
	struct summary s;

	assert_int_equal(summary_make(r, &s, NULL), 0);
	source_close(r);
	return s;
}

static void must_be_near(const char *spec, const char *what, double found,
			 double low, double high)
{
	if (found < low || found > high)
		fail_msg("%s: %s is %.3f, not %.3f to %.3f", spec, what, found,
			 low, high);
}

/*
 * What is asked for is what a summary then finds. Bursts of one CPU that follow
 * each other at once count as one, so their mean is up to one higher.
 */
static void check_activity(const char *spec, double burst, double rate,
			   uint64_t threads, double cpus)
{
	struct summary s = must_sum_up(spec);
	const struct activity *a = &s.activity;

	must_be_near(spec, "burst", a->bursts.mean, burst * 0.93,
		     burst * 1.07 + 1);
	must_be_near(spec, "rate", a->rate, rate * 0.95, rate * 1.05);
	assert_int_equal(a->threads, threads);
	must_be_near(spec, "busy CPUs", a->busy_cpus.mean, cpus * 0.95, cpus);
	must_be_near(spec, "CPUs", (double)a->busy_cpus.max, cpus, cpus);
	must_be_near(spec, "rate of a CPU", a->busy_rate, rate / cpus * 0.95,
		     rate / cpus * 1.1);
	summary_free(&s);
}

static void test_activity(void **state)
{
	check_activity("uniform:ops=100000,burst=32", 32, 1e5, 1, 1);
	check_activity("uniform:ops=100000,burst=32,threads=4", 32, 1e5, 4, 4);
	check_activity("uniform:ops=100000,burst=8,threads=4", 8, 1e5, 4, 4);
	check_activity("uniform:ops=100000,burst=32,threads=16,rate=4e5", 32,
		       4e5, 16, 16);
	check_activity("uniform:ops=100000,burst=32,threads=4,cpus=4", 32, 1e5,
		       4, 4);
	check_activity("churn:keys=50000,burst=8,threads=40,cpus=6,rate=2e5", 8,
		       2e5, 40, 6);
	/* Threads that take turns would hardly ever meet at such a rate. */
	check_activity("zipf:ops=100000,burst=2,threads=9,cpus=8,rate=8e3", 2,
		       8e3, 9, 8);
}

/* No two bursts of threads that take turns overlap; those of CPUs do. */
static double overlap(const char *spec)
{
	struct zlt_reader *r = must_open(make(spec));
	uint64_t changes = 0, n = 0;
	struct zlt_batch b;
	size_t i;

	while (zlt_next(r, &b, NULL) == 1)
		for (i = 1; i < b.count; i++, n++)
			changes += b.cpu[i] != b.cpu[i - 1];
	zlt_reader_close(r);
	return (double)changes / (double)n;
}

static void test_busy_at_once(void **state)
{
	double turns, both;

	turns = overlap("uniform:ops=50000,burst=32,threads=8");
	both = overlap("uniform:ops=50000,burst=32,threads=8,cpus=8");
	must_be_near("threads=8", "changes of the CPU", turns, 0.02, 0.04);
	must_be_near("cpus=8", "changes of the CPU", both, 0.2, 0.7);
}

static size_t class_of(const void *arg, size_t size)
{
	const struct class_table *t = arg;

	return t->class[class_table_find(t, size)].index;
}

static void check_classes(const char *spec, double classes)
{
	struct summary s = must_sum_up(spec);
	struct zpool *pool =
		zpool_create("zsmalloc", &(struct zpool_config){ 0 }, NULL);
	struct class_table table;

	assert_non_null(pool);
	assert_int_equal(class_table_read(pool, 0, &table, NULL), 0);
	assert_int_equal(summary_concentrate(&s, "zsmalloc", class_of, table.nr,
					     &table, NULL),
			 0);
	must_be_near(spec, "classes", (double)s.sizes[0].classes.used, classes,
		     classes);
	must_be_near(spec, "effective classes", s.sizes[0].classes.effective,
		     0.99 * classes, classes * 1.000001);
	class_table_free(&table);
	zpool_destroy(pool);
	summary_free(&s);
}

static void test_classes(void **state)
{
	check_classes("uniform:ops=50000,sizes=fixed", 1);
	check_classes("uniform:ops=50000,classes=1", 1);
	check_classes("uniform:ops=50000,classes=4", 4);
	check_classes("churn:keys=20000,classes=16", 16);
	check_classes("uniform:ops=50000,sizes=zstd,classes=8", 8);
	check_classes("uniform:ops=50000,sizes=uniform,classes=10", 10);
	/* The median of the shape, and of the range. */
	check_sizes("uniform:ops=50000,classes=1", 1500, 1500, 1500, 1500);
	check_sizes("uniform:ops=50000,classes=1,sizes=uniform,min=11,max=31",
		    21, 21, 21, 21);
}

static void test_bad(void **state)
{
	static const struct {
		const char *spec;
		const char *says;
	} bad[] = {
		{ "zap", "no generator \"zap\"; there are uniform, zipf" },
		{ "", "no generator \"\"" },
		{ "zipf:skw=1", "no option \"skw\"" },
		{ "churn:ops=5", "no option \"ops\"" },
		{ "uniform:keys=0", "keys" },
		{ "uniform:cpus=2", "cpus=2 are busy with as many threads" },
		{ "uniform:min=5,max=4,sizes=uniform", "min=5 is larger" },
	};
	const char *path = temp_path("bad.zlt");
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		assert_int_equal(generate_trace(bad[i].spec, path, &err),
				 -EINVAL);
		if (!strstr(err.text, bad[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text,
				 bad[i].says);
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_int_equal(generate_trace("scan", "/nowhere/x.zlt", &err),
			 -ENOENT);
	assert_int_equal(generate_trace("scan", "/dev/full", &err), -ENOSPC);
	assert_int_equal(access("/dev/full", F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_same_forever),
		cmocka_unit_test(test_skew),
		cmocka_unit_test(test_mix),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_activity),
		cmocka_unit_test(test_busy_at_once),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
