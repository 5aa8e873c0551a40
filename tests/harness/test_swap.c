// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The path of a page: what it stores whole, what it counts, and what it says of
 * an allocator that fails or gives back other bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/replay/replay.h"
#include "lib/random.h"
#include "tests/lib/sample.h"

#define KEYS 400

static struct swap *open_path(const char *backend, struct swap_config *config)
{
	struct err err = { "" };
	struct swap *s;

	config->backend = backend;
	config->pools = 1;
	config->keys = KEYS;
	config->exclusive = true;
	config->verify = true;
	s = swap_create(config, &err);
	if (!s)
		fail_msg("%s", err.text);
	return s;
}

static void test_api_holds_in_the_front_end_too(void **unused)
{
	struct zswap_config z = { .index = ZSWAP_XARRAY };
	struct swap_config config = { .object = SWAP_SIZES,
				      .api = SWAP_API_MAP,
				      .zswap = &z };
	struct swap *s = open_path("zsmalloc", &config);

	assert_null(pools_driver(&s->pools)->obj_write);
	swap_destroy(s);
}

static const struct zpool_driver *real;

static void spoil_write(struct zpool *pool, unsigned long handle,
			const void *mem, size_t len)
{
	char copy[CODEC_DST_SIZE];

	memcpy(copy, mem, len);
	copy[len / 2] ^= 1;
	real->obj_write(pool, handle, copy, len);
}

static void test_a_changed_byte_is_found(void **unused)
{
	static const uint8_t op[] = { ZLT_STORE, ZLT_STORE, ZLT_LOAD,
				      ZLT_LOAD };
	static const uint32_t key[] = { 7, 9, 7, 9 };
	static const uint32_t object[] = { 100, 3000, 0, 0 };
	struct swap_config config = { .object = SWAP_SIZES };
	struct swap *s = open_path("zsmalloc", &config);
	struct swap_cpu *c = swap_cpu_create(s, NULL, NULL);
	struct zpool_driver spoilt = *pools_driver(&s->pools);

	assert_int_equal(swap_run(c, op, key, object, 4), 4);
	real = pools_driver(&s->pools);
	spoilt.obj_write = spoil_write;
	s->pools.at[0]->driver = &spoilt;
	assert_int_equal(swap_run(c, op, key, object, 4), -EIO);
	assert_non_null(strstr(c->err.text, "gave back other bytes: key 7"));
	s->config.verify = false;
	assert_true(swap_run(c, op, key, object, 4) == 4);
	s->pools.at[0]->driver = real;
	swap_cpu_destroy(c);
	swap_destroy(s);
}

/* A page is compared with its hash in the trace, not with a copy. */
static void test_a_changed_page_is_found(void **unused)
{
	static const uint8_t op[] = { ZLT_STORE, ZLT_LOAD };
	static const uint32_t key[] = { 7, 7 }, object[] = { 60, 0 };
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES };
	struct sample *t = sample_make(3000, ZLT_OBJECT_PAGES, 5);
	const char *path = temp_path("pages.zlt");
	struct swap_config config = { .object = SWAP_PAGES,
				      .keep_incompressible = true };
	struct zpool_driver spoilt;
	struct zlt_cursor *cursor;
	struct zlt_reader *r;
	struct swap_cpu *c;
	struct swap *s;

	sample_write(t, path, &opts);
	sample_free(t);
	r = zlt_open(path, 0, NULL);
	assert_non_null(r);
	cursor = zlt_cursor_open(r, 0, NULL);
	assert_non_null(cursor);
	assert_int_equal(zlt_page_infos(r, &config.infos, NULL), 0);
	config.codec = codec_create("none", NULL);
	s = open_path("zsmalloc", &config);
	c = swap_cpu_create(s, cursor, NULL);
	assert_int_equal(swap_run(c, op, key, object, 2), 2);
	assert_int_equal(c->counts.verified, 1);
	real = pools_driver(&s->pools);
	spoilt = *real;
	spoilt.obj_write = spoil_write;
	s->pools.at[0]->driver = &spoilt;
	assert_int_equal(swap_run(c, op, key, object, 2), -EIO);
	assert_non_null(strstr(c->err.text, "gave back another page: key 7"));
	s->pools.at[0]->driver = real;
	swap_cpu_destroy(c);
	swap_destroy(s);
	codec_destroy(config.codec);
	zlt_cursor_close(cursor);
	zlt_reader_close(r);
}

static void test_a_failed_store_leaves_nothing(void **unused)
{
	static const uint8_t op[] = { ZLT_STORE, ZLT_STORE, ZLT_LOAD };
	static const uint32_t key[] = { 7, 7, 7 };
	static const uint32_t object[] = { 2000, 4000, 0 };
	struct swap_config config = { .object = SWAP_SIZES };
	struct swap *s = open_path("zsmalloc", &config);
	struct swap_cpu *c = swap_cpu_create(s, NULL, NULL);
	struct zpool_stats stats;

	assert_int_equal(swap_run(c, op, key, object, 1), 1);
	arena_fail(s->pools.at[0]->arena, 1, 1);
	assert_int_equal(swap_run(c, op + 1, key + 1, object + 1, 1), 1);
	arena_fail(s->pools.at[0]->arena, 0, 0);
	assert_int_equal(c->counts.reject_alloc_fail, 1);
	assert_int_equal(c->counts.stored_pages, 0);
	assert_int_equal(c->counts.object_bytes, 0);
	assert_int_equal(swap_run(c, op + 2, key + 2, object + 2, 1), 1);
	assert_int_equal(c->counts.load_miss, 1);
	swap_stats(s, &stats);
	assert_int_equal(stats.objects, 0);
	assert_int_equal(stats.pages, 0);
	swap_cpu_destroy(c);
	swap_destroy(s);
}

static unsigned settled;

static size_t count_settle(struct zpool *pool)
{
	settled++;
	return 0;
}

static void test_deferred_work_runs_when_asked(void **unused)
{
	static const uint8_t op[] = { ZLT_STORE, ZLT_LOAD, ZLT_INVALIDATE };
	static const uint32_t key[] = { 1, 1, 1 }, object[] = { 50, 0, 0 };
	struct swap_config config = { .object = SWAP_SIZES };
	struct swap *s = open_path("zbud", &config);
	struct swap_cpu *c = swap_cpu_create(s, NULL, NULL);
	struct zpool_driver counting = *pools_driver(&s->pools);

	counting.settle = count_settle;
	s->pools.at[0]->driver = &counting;
	s->pools.at[0]->caps |= ZPOOL_DEFERS;
	settled = 0;
	assert_int_equal(swap_run(c, op, key, object, 3), 3);
	assert_int_equal(settled, 0);
	s->settle_op = true;
	assert_int_equal(swap_run(c, op, key, object, 3), 3);
	assert_int_equal(settled, 3);
	swap_settle(s);
	assert_int_equal(settled, 4);
	s->settle_op = false;
	s->settle_every = 2;
	assert_int_equal(swap_run(c, op, key, object, 3), 3);
	assert_int_equal(settled, 5);
	assert_int_equal(swap_run(c, op, key, object, 3), 3);
	assert_int_equal(settled, 7);
	swap_cpu_destroy(c);
	swap_destroy(s);
}

static void test_samples(void **unused)
{
	enum {
		N = 30000
	};
	struct swap_config config = { .object = SWAP_SIZES, .sample = 1 };
	uint8_t *op = malloc(N);
	uint32_t *key = malloc(2 * N * sizeof(*key)), *object = key + N;
	struct swap *s;
	struct swap_cpu *c;
	uint64_t n, state = 1;
	size_t i, every;

	for (i = 0; i < N; i++) {
		op[i] = (uint8_t)(i % 3);
		key[i] = (uint32_t)(i / 3 % KEYS);
		object[i] = 1 + (uint32_t)(random_xorshift(&state) % 4000);
	}
	for (every = 0; every <= 100; every += every < 2 ? 1 : 49) {
		config.sample = (unsigned)every;
		s = open_path("zsmalloc", &config);
		c = swap_cpu_create(s, NULL, NULL);
		assert_int_equal(swap_run(c, op, key, object, N), N);
		n = c->times.samples[0] + c->times.samples[1] +
		    c->times.samples[2] + c->times.preempted;
		if (every < 2)
			assert_int_equal(n, every * N);
		else
			assert_in_range(n, N / every * 8 / 10,
					N / every * 12 / 10);
		assert_int_equal(c->times.latency[0].count,
				 c->times.samples[0]);
		swap_cpu_destroy(c);
		swap_destroy(s);
	}
	free(op);
	free(key);
}

/* What is told apart: two large objects of one key, there at once or not. */
static void test_free_first(void **unused)
{
	static uint8_t page[2][ZLT_PAGE_SIZE];
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES };
	const char *path = temp_path("twice.zlt");
	struct zlt_event e = { .key = 1, .op = ZLT_STORE };
	struct replay_config config = {
		.trace = path,
		.codec = "lz4",
		.threads = 1,
		.swap = { .backend = "zsmalloc",
			  .pools = 1,
			  .keep_incompressible = true,
			  .sample = 1,
			  .seed = 1 },
	};
	struct zlt_writer *w = zlt_create(path, NULL, &opts, NULL);
	struct replay_result res;
	struct err err = { "" };
	uint32_t i, k;

	for (i = 0; i < 2; i++) {
		for (k = 0; k < ZLT_PAGE_SIZE; k++)
			page[i][k] = (uint8_t)random();
		assert_int_equal(zlt_page(w, page[i], &e.object, &err), 0);
		assert_int_equal(zlt_event(w, &e, &err), 0);
	}
	assert_int_equal(zlt_close(w, NULL, &err), 0);
	for (i = 0; i < 2; i++) {
		config.swap.free_first = i;
		assert_int_equal(replay_run(&config, &res, &err), 0);
		assert_int_equal(res.end.pages_peak, 2 - i);
		assert_int_equal(res.end.pages, 1);
		assert_int_equal(res.raw, 1);
		assert_int_equal(res.counts.duplicate_entry, 1);
		replay_result_free(&res);
	}
}

/*
 * The limit decides what is kept as a page. Sizes of the caller's own stand for
 * a codec.
 */
static void test_huge_limit(void **unused)
{
	static const uint16_t sizes[70] = { [0 ... 34] = 3624,
					    [35 ... 69] = 3625 };
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES };
	struct sample *s = sample_make(3000, ZLT_OBJECT_PAGES, 3);
	const char *path = temp_path("limit.zlt");
	struct replay_config config = {
		.trace = path,
		.codec = "none",
		.threads = 1,
		.swap = { .backend = "zsmalloc@7.2",
			  .pools = 1,
			  .sizes = sizes,
			  .keep_incompressible = true,
			  .sample = 1,
			  .seed = 1 },
	};
	struct replay_result low, high;
	struct err err = { "" };

	sample_write(s, path, &opts);
	config.swap.huge_limit = 3625;
	assert_int_equal(replay_run(&config, &low, &err), 0);
	config.swap.huge_limit = 0;
	assert_int_equal(replay_run(&config, &high, &err), 0);
	assert_true(low.raw > 0);
	assert_int_equal(high.raw, 0);
	assert_true(low.counts.incompressible > low.raw);
	assert_int_equal(low.end.objects, high.end.objects);
	assert_int_equal(low.end.object_bytes - high.end.object_bytes,
			 low.raw * (4096 - 3625));
	replay_result_free(&low);
	replay_result_free(&high);
	sample_free(s);
}
static int setup(void **unused)
{
	clock_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api_holds_in_the_front_end_too),
		cmocka_unit_test(test_a_changed_byte_is_found),
		cmocka_unit_test(test_a_changed_page_is_found),
		cmocka_unit_test(test_a_failed_store_leaves_nothing),
		cmocka_unit_test(test_deferred_work_runs_when_asked),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_free_first),
		cmocka_unit_test(test_huge_limit),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
