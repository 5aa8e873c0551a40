// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The swap path and the replayer against a plain dictionary, for every backend,
 * kind of object, way of loading and number of threads. With ZLAB_TEST_SCALE
 * below 100 a fifth of the combinations.
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
#define EVENTS 20000
#define PAGES 120
#define SAME_PAGES 10
#define POOR_PAGES 10

static uint64_t state = 1;

static uint64_t rnd(void)
{
	return random_xorshift(&state);
}

/* Every kind: same-filled first, then incompressible, then ordinary. */
static void make_page(uint8_t *page, unsigned nr)
{
	size_t i;

	for (i = 0; i < ZLT_PAGE_SIZE; i++)
		if (nr < SAME_PAGES)
			page[i] = (uint8_t)nr;
		else if (nr < SAME_PAGES + POOR_PAGES)
			page[i] = (uint8_t)rnd();
		else
			page[i] = rnd() % 100 < nr ? (uint8_t)rnd()
						   : (uint8_t)(i / 8);
}

struct model {
	bool live[KEYS];
	uint32_t content[KEYS];
	struct swap_counts counts;
	uint64_t objects, object_bytes;
};

struct input {
	const char *path;
	enum zlt_objects objects;
	uint32_t count;
	struct zlt_event event[EVENTS];
	uint16_t size[PAGES];
};

static struct input *input;

/*
 * A trace of random operations, with a mark after every thousand. Threads and
 * CPUs are random too, so that every key is touched by all of them.
 */
static void make_input(enum zlt_objects objects, const char *codec)
{
	struct zlt_sizer sizer = { .name = codec, .size = codec_size };
	struct zlt_options opts = { .columns = ZLT_TIME | ZLT_CPU | ZLT_TID,
				    .objects = objects,
				    .block_events = 700,
				    .sizers = &sizer,
				    .sizer_count = codec ? 1 : 0 };
	struct codec *c = codec ? codec_create(codec, NULL) : NULL;
	static uint8_t page[ZLT_PAGE_SIZE];
	struct zlt_writer *w;
	struct zlt_event *e;
	bool stored[KEYS] = { false };
	uint32_t id;
	unsigned i;

	sizer.arg = c;
	input->path = temp_path("input.zlt");
	input->objects = objects;
	w = zlt_create(input->path, NULL, &opts, NULL);
	assert_non_null(w);
	for (i = 0; i < PAGES && objects != ZLT_OBJECT_SIZES; i++) {
		make_page(page, i);
		assert_int_equal(zlt_page(w, page, &id, NULL), 0);
		assert_int_equal(id, i);
		if (c)
			input->size[i] = (uint16_t)codec_size(c, page);
	}
	for (i = 0; i < EVENTS; i++) {
		e = &input->event[i];
		*e = (struct zlt_event){ .key = rnd() % KEYS,
					 .time_ns = i * 1000,
					 .tid = (uint32_t)(rnd() % 7),
					 .cpu = (uint16_t)(rnd() % 5),
					 .op = (uint8_t)(rnd() % 3) };
		if (i % 1000 == 999) {
			e->op = ZLT_MARK;
			e->label = "thousand";
		} else if (e->op == ZLT_STORE || !stored[e->key]) {
			e->op = ZLT_STORE;
			e->object = (uint32_t)(objects == ZLT_OBJECT_SIZES
						       ? 1 + rnd() % 4096
						       : rnd() % PAGES);
			stored[e->key] = true;
		}
		assert_int_equal(zlt_event(w, e, NULL), 0);
	}
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	codec_destroy(c);
}

/* Size of what a store gives the allocator; 0 for none, -1 for rejected. */
static int model_size(const struct replay_config *c, uint32_t object,
		      size_t largest)
{
	int size;

	if (input->objects == ZLT_OBJECT_SIZES)
		return object > largest ? -1 : (int)object;
	if (object < SAME_PAGES)
		return 0;
	size = input->size[object];
	if (size >= ZLT_PAGE_SIZE) {
		if (!c->swap.keep_incompressible)
			return -1;
		size = ZLT_PAGE_SIZE;
	}
	return (size_t)size > largest ? -1 : size;
}

static void model_drop(struct model *m, const struct replay_config *c,
		       uint64_t key, size_t largest)
{
	int size;

	if (!m->live[key])
		return;
	size = model_size(c, m->content[key], largest);
	m->live[key] = false;
	m->counts.stored_pages--;
	m->counts.object_bytes -= size;
	if (!size)
		m->counts.stored_same--;
}

static void model_store(struct model *m, const struct replay_config *c,
			const struct zlt_event *e, size_t largest)
{
	int size = model_size(c, e->object, largest);

	if (m->live[e->key] && c->swap.drop_unchanged &&
	    input->objects != ZLT_OBJECT_SIZES &&
	    m->content[e->key] == e->object) {
		m->counts.unchanged++;
		return;
	}
	m->counts.duplicate_entry += m->live[e->key];
	model_drop(m, c, e->key, largest);
	if (input->objects != ZLT_OBJECT_SIZES && size &&
	    c->swap.keep_incompressible &&
	    input->size[e->object] >= ZLT_PAGE_SIZE)
		m->counts.incompressible++;
	if (size < 0) {
		m->counts.reject_compress_poor++;
		return;
	}
	if (!size) {
		m->counts.same_filled_pages++;
		m->counts.stored_same++;
	}
	m->live[e->key] = true;
	m->content[e->key] = e->object;
	m->counts.stored_pages++;
	m->counts.object_bytes += size;
}

static void model_run(struct model *m, const struct replay_config *c,
		      size_t largest, uint32_t events)
{
	const struct zlt_event *e;
	uint32_t i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < events; i++) {
		e = &input->event[i];
		if (e->op == ZLT_MARK)
			continue;
		m->counts.op[e->op]++;
		if (e->op == ZLT_STORE) {
			model_store(m, c, e, largest);
		} else if (!m->live[e->key]) {
			if (e->op == ZLT_LOAD)
				m->counts.load_miss++;
			else
				m->counts.invalidate_miss++;
		} else if (e->op == ZLT_INVALIDATE || c->swap.exclusive) {
			model_drop(m, c, e->key, largest);
		}
	}
	m->objects = (uint64_t)(m->counts.stored_pages - m->counts.stored_same);
	m->object_bytes = (uint64_t)m->counts.object_bytes;
}

static struct replay_config make_config(const char *backend)
{
	struct replay_config c = { .trace = input->path,
				   .threads = 1,
				   .validate = true };

	c.swap.backend = backend;
	c.swap.pools = 1;
	c.swap.exclusive = true;
	c.swap.same_filled = true;
	c.swap.verify = true;
	c.swap.seed = 3;
	c.swap.sample = 16;
	return c;
}

static size_t largest_of(const char *backend)
{
	struct zpool_config config = { 0 };
	struct zpool *pool = zpool_create(backend, &config, NULL);
	size_t n;

	assert_non_null(pool);
	n = pool->driver->largest(pool);
	zpool_destroy(pool);
	return n;
}

static void must_run(const struct replay_config *c, struct replay_result *res)
{
	struct err err = { "" };

	if (replay_run(c, res, &err))
		fail_msg("%s", err.text);
}

static void check_counts(const struct replay_config *c,
			 const struct replay_result *res, size_t largest)
{
	struct model *m = malloc(sizeof(*m));
	struct swap_counts got = res->counts;
	uint32_t i, next = 0;

	model_run(m, c, largest, EVENTS);
	got.verified = 0;
	assert_memory_equal(&got, &m->counts, sizeof(got));
	assert_int_equal(res->end.objects, m->objects);
	assert_int_equal(res->end.object_bytes, m->object_bytes);
	assert_int_equal(res->ops_in, EVENTS - EVENTS / 1000);
	assert_int_equal(res->ops_done, res->ops_in);
	assert_int_equal(res->events, EVENTS);
	assert_int_equal(res->marks.count, EVENTS / 1000);
	for (i = 999; i < EVENTS; i += 1000, next++) {
		model_run(m, c, largest, i);
		assert_int_equal(res->marks.at[next].event, i);
		assert_string_equal(res->marks.at[next].label, "thousand");
		assert_int_equal(res->marks.at[next].stats.objects, m->objects);
		assert_int_equal(res->marks.at[next].stats.object_bytes,
				 m->object_bytes);
	}
	free(m);
}

static void check_verified(const struct replay_result *res)
{
	if (strncmp(res->backend, "null", 4))
		assert_true(res->counts.verified > 300);
}

/* Whether to leave out combination @nr. */
static bool left_out(unsigned nr)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");

	return scale && atoi(scale) < 100 && nr % 5;
}

static void each_way(const char *backend, const char *codec)
{
	struct replay_config c = make_config(backend);
	struct replay_result res;
	size_t largest = largest_of(backend);
	unsigned way;

	c.codec = codec;
	for (way = 0; way < 16; way++) {
		if (left_out(way))
			continue;
		c.swap.exclusive = way & 1;
		c.swap.keep_incompressible = way & 2;
		c.swap.drop_unchanged = way & 4;
		c.swap.api = way & 8 ? SWAP_API_MAP : SWAP_API_AUTO;
		c.swap.pools = way == 5 ? 7 : 1;
		must_run(&c, &res);
		check_counts(&c, &res, largest);
		check_verified(&res);
		replay_result_free(&res);
	}
}

static void each_backend(const char *codec)
{
	const struct zpool_driver *d = NULL;

	while ((d = zpool_driver_next(d)))
		each_way(d->spec.name, codec);
}

static void test_sizes(void **unused)
{
	make_input(ZLT_OBJECT_SIZES, NULL);
	each_backend(NULL);
}

static void test_pages(void **unused)
{
	make_input(ZLT_OBJECT_PAGES, "lz4");
	each_backend("lz4");
	each_backend("sizes:lz4");
}

static void test_hashes(void **unused)
{
	struct replay_config c;
	struct replay_result res;

	make_input(ZLT_OBJECT_HASHES, "zstd:3");
	c = make_config("zbud");
	c.codec = "zstd";
	must_run(&c, &res);
	assert_string_equal(res.codec, "sizes:zstd:3");
	check_counts(&c, &res, largest_of("zbud"));
	check_verified(&res);
	replay_result_free(&res);
}

/* Counts depend on the order per key alone, so threads must not change them. */
static void test_threads(void **unused)
{
	static const char *const backends[] = { "null", "zbud", "zsmalloc" };
	struct replay_config c;
	struct replay_result res;
	unsigned threads, assign, i;

	make_input(ZLT_OBJECT_PAGES, "lz4");
	for (i = 0; i < 3; i++)
		for (threads = 2; threads <= 4; threads++)
			for (assign = 0; assign < 3; assign++) {
				if (left_out(threads + assign + 2 * i))
					continue;
				c = make_config(backends[i]);
				c.threads = threads;
				c.assign = (enum replay_assign)assign;
				c.codec = i == 1 ? "lz4" : "sizes:lz4";
				c.compact_every = 500;
				must_run(&c, &res);
				check_counts(&c, &res, largest_of(backends[i]));
				check_verified(&res);
				assert_int_equal(res.oversubscribed,
						 threads > replay_cpus());
				replay_result_free(&res);
			}
}

static void test_compaction(void **unused)
{
	struct replay_config c;
	struct replay_result with, without;

	make_input(ZLT_OBJECT_SIZES, NULL);
	c = make_config("zsmalloc");
	must_run(&c, &without);
	c.compact_every = 700;
	c.compact_at_end = true;
	must_run(&c, &with);
	check_counts(&c, &with, largest_of("zsmalloc"));
	assert_int_equal(without.compactions, 0);
	assert_int_equal(with.compactions, EVENTS / 700 + 1);
	assert_int_equal(with.compact_latency.count, with.compactions);
	assert_true(with.end.compacted_pages > 0);
	assert_int_equal(with.compacted_pages, with.end.compacted_pages);
	assert_true(with.end.pages <= without.end.pages);
	replay_result_free(&with);
	replay_result_free(&without);
}

static void test_series_and_limit(void **unused)
{
	struct replay_config c;
	struct replay_result res;
	size_t i;

	make_input(ZLT_OBJECT_SIZES, NULL);
	c = make_config("zbud");
	c.series_every = 300;
	c.max_events = 7000;
	must_run(&c, &res);
	assert_int_equal(res.events, 7000);
	assert_int_equal(res.ops_done, 7000 - 7);
	assert_int_equal(res.series.count, 7000 / 300);
	for (i = 0; i < res.series.count; i++)
		assert_int_equal(res.series.at[i].event, 300 * (i + 1));
	replay_result_free(&res);
}

/* A repeated run gives the same pool, page for page. */
static void test_repeats(void **unused)
{
	const struct zpool_driver *d = NULL;
	struct replay_config c;
	struct replay_result a, b;

	make_input(ZLT_OBJECT_SIZES, NULL);
	while ((d = zpool_driver_next(d))) {
		if (!strcmp(d->spec.name, "jemalloc"))
			continue;
		c = make_config(d->spec.name);
		c.compact_every = 1000;
		must_run(&c, &a);
		must_run(&c, &b);
		assert_memory_equal(&a.counts, &b.counts, sizeof(a.counts));
		assert_memory_equal(&a.end, &b.end, sizeof(a.end));
		replay_result_free(&a);
		replay_result_free(&b);
	}
}

static void test_paced(void **unused)
{
	struct replay_config c;
	struct replay_result res;

	make_input(ZLT_OBJECT_SIZES, NULL);
	c = make_config("zbud");
	c.speed = 2;
	must_run(&c, &res);
	check_counts(&c, &res, largest_of("zbud"));
	/* The last event lies at 20 ms and must not have come before. */
	assert_true(res.real_ns >= (EVENTS - 2) * 1000 / 2);
	replay_result_free(&res);
}

static int setup(void **unused)
{
	input = calloc(1, sizeof(*input));
	clock_init();
	return !input;
}

static int teardown(void **unused)
{
	free(input);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_compaction),
		cmocka_unit_test(test_series_and_limit),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_paced),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
