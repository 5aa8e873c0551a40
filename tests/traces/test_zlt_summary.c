// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The summary of a trace whose every figure is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/sample.h"
#include "traces/summary.h"

static int fake_size(void *arg, const void *page)
{
	const uint8_t *at = page;

	if (*at)
		return 1000;
	return at[100] ? 5000 : 3000;
}

/*
 * Two CPUs, three threads, two address spaces; pages A (compressible), B (not)
 * and Z (zero).
 */
static void write_known(const char *path)
{
	static const struct {
		uint8_t op, asid, page, cpu, tid;
		uint32_t vpn;
		uint64_t time;
	} steps[] = {
		{ ZLT_STORE, 1, 'A', 0, 1, 10, 5000 },
		{ ZLT_STORE, 1, 'Z', 0, 1, 11, 6000 },
		{ ZLT_STORE, 2, 'A', 1, 2, 10, 6500 },
		{ ZLT_STORE, 1, 'B', 0, 1, 12, 7000 },
		{ ZLT_LOAD, 1, 0, 0, 3, 10, 8000 },
		{ ZLT_STORE, 1, 'A', 0, 3, 10, 9000 },
		{ ZLT_STORE, 2, 'B', 1, 2, 10, 9500 },
		{ ZLT_MARK, 0, 0, 0, 3, 0, 9600 },
		{ ZLT_INVALIDATE, 1, 0, 0, 3, 11, 4000 },
		{ ZLT_INVALIDATE, 1, 0, 0, 3, 11, 9900 },
	};
	struct zlt_sizer sizers[] = { { "fake", fake_size, NULL } };
	struct zlt_options opts = { .columns = ZLT_TIME | ZLT_CPU | ZLT_TID,
				    .objects = ZLT_OBJECT_PAGES,
				    .sizers = sizers,
				    .sizer_count = 1 };
	json_t *meta = json_pack("{s:s, s:i}", "keys", "address", "limit", 64);
	struct zlt_writer *w = zlt_create(path, meta, &opts, NULL);
	uint8_t page[ZLT_PAGE_SIZE];
	size_t i;

	assert_non_null(w);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct zlt_event e = {
			.op = steps[i].op,
			.key = zlt_key(steps[i].asid, steps[i].vpn),
			.time_ns = steps[i].time,
			.cpu = steps[i].cpu,
			.tid = steps[i].tid,
			.label = "here",
		};

		memset(page, 0, sizeof(page));
		if (steps[i].page != 'Z')
			page[100] = 1;
		page[0] = steps[i].page == 'A';
		if (e.op == ZLT_STORE)
			assert_int_equal(zlt_page(w, page, &e.object, NULL), 0);
		assert_int_equal(zlt_event(w, &e, NULL), 0);
	}
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	json_decref(meta);
}

static void must_run(const struct activity_runs *runs, uint64_t count,
		     uint64_t sum, uint64_t p50, uint64_t p90, uint64_t max)
{
	assert_int_equal(runs->count, count);
	assert_true(runs->mean == (double)sum / (double)count);
	assert_int_equal(runs->p50, p50);
	assert_int_equal(runs->p90, p90);
	assert_int_equal(runs->max, max);
}

/* The sizes 1000 and 5000 are in different classes. */
static size_t by_thousands(const void *arg, size_t size)
{
	assert_ptr_equal(arg, by_thousands);
	return size / 1000;
}

static void test_known(void **state)
{
	const char *path = temp_path("known.zlt");
	const struct activity *a;
	struct summary s;
	struct err err = { "" };
	struct source *r;

	write_known(path);
	r = source_open(path, SUMMARY_WANT, &err);
	assert_non_null(r);
	assert_int_equal(summary_make(r, &s, &err), 0);
	a = &s.activity;
	assert_int_equal(s.live_end, 3);
	assert_true(s.has_contents);
	assert_int_equal(source_info(r)->contents, 3);
	assert_int_equal(s.same_filled, 1);
	assert_int_equal(s.unchanged, 1);
	assert_int_equal(a->duration_ns, 5900);
	assert_true(a->rate > 9 * 1e9 / 5901 && a->rate < 9 * 1e9 / 5899);
	/* Both CPUs are busy all the time. */
	assert_true(a->busy_rate == a->rate / 2);
	assert_int_equal(a->threads, 3);
	assert_int_equal(a->cpus, 2);
	assert_int_equal(s.address_spaces, 2);
	assert_int_equal(a->busy_cpus.windows, 1);
	assert_true(a->busy_cpus.mean == 2.0);
	assert_int_equal(a->busy_cpus.max, 2);
	assert_int_equal(a->busy_threads.max, 3);
	/* CPU 0: three, then one; CPU 1: two, as its neighbour's load is not
	 * its own.
	 */
	must_run(&a->stores, 3, 6, 2, 3, 3);
	must_run(&a->loads, 1, 1, 1, 1, 1);
	/* A CPU's mean gap is 8900 ns / 7; CPU 1 pauses for 3000 ns, and CPU 0
	 * once, behind an event that is late in the file.
	 */
	assert_int_equal(a->pause_ns, 8900 / 7 + 1);
	must_run(&a->bursts, 4, 9, 1, 6, 6);
	assert_int_equal(s.sizes_count, 1);
	assert_string_equal(s.sizes[0].codec, "fake");
	assert_int_equal(s.sizes[0].stores, 6);
	assert_true(s.sizes[0].mean == 16000.0 / 6);
	assert_int_equal(s.sizes[0].min, 1000);
	assert_int_equal(s.sizes[0].p10, 1000);
	assert_int_equal(s.sizes[0].p50, 1000);
	assert_int_equal(s.sizes[0].p90, 5000);
	assert_int_equal(s.sizes[0].max, 5000);
	assert_int_equal(s.sizes[0].incompressible, 2);
	assert_int_equal(s.sizes[0].histogram[3], 3);
	assert_int_equal(s.sizes[0].histogram[11], 1);
	assert_int_equal(s.sizes[0].histogram[15], 2);
	/* B does not shrink; Z, which does, is a value. */
	assert_int_equal(s.sizes[0].objects[3000], 0);
	assert_int_equal(s.sizes[0].objects[1000], 3);
	assert_int_equal(summary_concentrate(&s, "thousands", by_thousands, 6,
					     by_thousands, NULL),
			 0);
	assert_int_equal(s.sizes[0].classes.used, 1);
	assert_true(s.sizes[0].classes.effective == 1.0);
	summary_free(&s);
	source_close(r);
}

static void must_have(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_printed(void **state)
{
	const char *path = temp_path("known.zlt");
	struct summary s;
	struct source *r;
	json_t *json;
	char *text;
	size_t len;
	FILE *out;

	write_known(path);
	r = source_open(path, SUMMARY_WANT, NULL);
	assert_non_null(r);
	assert_int_equal(summary_make(r, &s, NULL), 0);
	out = open_memstream(&text, &len);
	assert_non_null(out);
	summary_print(source_info(r), &s, out);
	fclose(out);
	must_have(text, "events          10\n");
	must_have(text, "store                    6   60.0 %");
	must_have(text, "unique pages    3 (50.0 % of stores)");
	must_have(text, "same-filled     16.67 % of stores");
	must_have(text, "address spaces  2");
	must_have(text, "duration        0.000006 s");
	must_have(text, "operations per second of a busy CPU\n");
	must_have(text, "CPUs            2; busy at once: mean 2.00  max 2\n");
	must_have(text, "bursts          4; operations without a pause");
	must_have(text, "store bursts    3; stores in a row: mean 2.0  p50 2  "
			"p90 3  max 3\n");
	must_have(text, "fake       mean 2666.7  min 1000");
	must_have(text, "limit         64");
	free(text);

	json = summary_json(source_info(r), &s);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json, "ops"), "store")),
			 6);
	assert_int_equal(json_integer_value(json_object_get(json, "events")),
			 10);
	assert_int_equal(json_array_size(json_object_get(json, "sizes")), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json, "unique_pages")), 3);
	json_decref(json);
	summary_free(&s);
	source_close(r);
}

static void test_odd_path(void **state)
{
	struct sample *sample = sample_make(5, ZLT_OBJECT_SIZES, 1);
	const char *path = temp_path("od\xff.zlt");
	struct summary s;
	struct source *r;
	struct zlt_writer *w = zlt_create(path, NULL, NULL, NULL);
	json_t *json;

	assert_non_null(w);
	assert_int_equal(sample_put(sample, w, false, NULL), 0);
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	r = source_open(path, SUMMARY_WANT, NULL);
	assert_non_null(r);
	assert_int_equal(summary_make(r, &s, NULL), 0);
	json = summary_json(source_info(r), &s);
	assert_non_null(json);
	assert_non_null(strstr(json_string_value(json_object_get(json, "path")),
			       "od?.zlt"));
	json_decref(json);
	summary_free(&s);
	source_close(r);
	sample_free(sample);
}

static void test_empty_and_sizes(void **state)
{
	static const size_t counts[] = { 0, 1000 };
	const char *path = temp_path("sizes.zlt");
	struct summary s;
	struct source *r;
	json_t *json;
	FILE *null = fopen("/dev/null", "w");
	size_t i;

	assert_non_null(null);
	for (i = 0; i < 2; i++) {
		struct sample *sample =
			sample_make(counts[i], ZLT_OBJECT_SIZES, 1);

		sample_write(sample, path, NULL);
		r = source_open(path, SUMMARY_WANT, NULL);
		assert_non_null(r);
		assert_int_equal(summary_make(r, &s, NULL), 0);
		assert_int_equal(s.sizes_count, 1);
		assert_string_equal(s.sizes[0].codec, "object");
		assert_int_equal(s.sizes[0].stores,
				 source_info(r)->ops[ZLT_STORE]);
		assert_int_equal(s.activity.threads, 0);
		assert_int_equal(s.activity.duration_ns, 0);
		assert_int_equal(s.activity.bursts.count, 0);
		assert_int_equal(s.activity.busy_cpus.windows, 0);
		assert_false(s.has_contents);
		summary_print(source_info(r), &s, null);
		json = summary_json(source_info(r), &s);
		assert_non_null(json);
		assert_null(json_object_get(json, "unique_pages"));
		json_decref(json);
		summary_free(&s);
		source_close(r);
		sample_free(sample);
	}
	fclose(null);
}

/* Events of a list, sizes only, with the columns asked for. */
static void summarise(const struct zlt_event *events, size_t n,
		      unsigned columns, struct summary *s)
{
	struct zlt_options opts = { .columns = columns };
	const char *path = temp_path("list.zlt");
	struct zlt_writer *w = zlt_create(path, NULL, &opts, NULL);
	struct source *r;
	size_t i;

	assert_non_null(w);
	for (i = 0; i < n; i++)
		assert_int_equal(zlt_event(w, &events[i], NULL), 0);
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	r = source_open(path, SUMMARY_WANT, NULL);
	assert_non_null(r);
	assert_int_equal(summary_make(r, s, NULL), 0);
	source_close(r);
}

#define MS 1000000ull

/* Two CPUs swap out in bursts of 32, at times together; threads wander. */
static void test_activity(void **state)
{
	struct zlt_event events[6 * 32] = { 0 };
	static const struct {
		uint64_t at;
		uint16_t cpu;
	} bursts[] = { { 0, 3 },       { 2 * MS, 7 },	{ 20 * MS, 3 },
		       { 55 * MS, 7 }, { 109 * MS, 3 }, { 105 * MS, 7 } };
	struct summary s;
	size_t i;

	for (i = 0; i < 6 * 32; i++)
		events[i] = (struct zlt_event){
			.op = ZLT_STORE,
			.key = i,
			.object = 1 + (uint32_t)i % 100,
			.time_ns = bursts[i / 32].at + i % 32 * 1000,
			.cpu = bursts[i / 32].cpu,
			.tid = 100 + (uint32_t)(i % 3),
		};
	summarise(events, 6 * 32, ZLT_TIME | ZLT_CPU | ZLT_TID, &s);
	must_run(&s.activity.bursts, 6, 6 * 32, 32, 32, 32);
	/* Nothing but stores, whatever the pauses. */
	must_run(&s.activity.stores, 2, 6 * 32, 96, 96, 96);
	assert_int_equal(s.activity.loads.count, 0);
	/* Windows 0, 2, 5 and 10. */
	assert_int_equal(s.activity.busy_cpus.windows, 4);
	assert_true(s.activity.busy_cpus.mean == 1.5);
	assert_int_equal(s.activity.busy_cpus.max, 2);
	assert_true(s.activity.busy_threads.mean == 3.0);
	assert_true(s.activity.busy_rate == 6 * 32 / 0.06);
	summary_free(&s);

	/* Without CPUs, threads take their place. */
	summarise(events, 6 * 32, ZLT_TIME | ZLT_TID, &s);
	must_run(&s.activity.stores, 3, 6 * 32, 64, 64, 64);
	assert_int_equal(s.activity.cpus, 0);
	assert_int_equal(s.activity.busy_cpus.windows, 0);
	assert_true(s.activity.busy_rate == 6 * 32 / 0.12);
	summary_free(&s);
}

static void test_concentration(void **state)
{
	static const uint32_t sizes[] = { 999, 1000, 1999, 1500, 2000,
					  999, 3000, 3001, 3500, 4096 };
	struct zlt_event events[10] = { 0 };
	struct summary s;
	size_t i;

	for (i = 0; i < 10; i++)
		events[i] = (struct zlt_event){ .op = ZLT_STORE,
						.key = i,
						.object = sizes[i] };
	summarise(events, 10, 0, &s);
	assert_int_equal(s.sizes[0].classes.used, 0);
	assert_int_equal(summary_concentrate(&s, "thousands", by_thousands, 6,
					     by_thousands, NULL),
			 0);
	assert_string_equal(s.sizes[0].classes.backend, "thousands");
	assert_int_equal(s.sizes[0].classes.used, 5);
	/* 2, 3, 1, 3 and 1 of 10. */
	assert_float_equal(s.sizes[0].classes.top, 0.3, 1e-9);
	assert_float_equal(s.sizes[0].classes.top5, 1.0, 1e-9);
	assert_float_equal(s.sizes[0].classes.effective,
			   1 / (0.04 + 0.09 + 0.01 + 0.09 + 0.01), 1e-9);
	summary_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_odd_path),
		cmocka_unit_test(test_activity),
		cmocka_unit_test(test_concentration),
		cmocka_unit_test(test_empty_and_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
