// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes into a trace comes out of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "tests/lib/sample.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)

static struct zlt_reader *must_open(const char *path, unsigned int want)
{
	struct err err = { "" };
	struct zlt_reader *r = zlt_open(path, want, &err);

	if (!r)
		fail_msg("%s", err.text);
	return r;
}

static void must_read(const struct sample *s, struct zlt_reader *r,
		      uint64_t from)
{
	struct err err = { "" };
	uint64_t read;

	if (sample_check(s, r, from, &read, &err))
		fail_msg("%s", err.text);
	assert_int_equal(read, s->count - from);
}

static void round_trip(size_t count, const struct zlt_options *opts,
		       unsigned int want)
{
	struct sample *s = sample_make(count, opts->objects, count + want);
	const char *path = temp_path("round.zlt");
	const struct zlt_info *info;
	struct zlt_reader *r;
	uint64_t ops[ZLT_OPS] = { 0 }, parts = 0;
	size_t i;

	sample_write(s, path, opts);
	r = must_open(path, want);
	info = zlt_info(r);
	assert_true(info->finished);
	assert_string_equal(info->note, "");
	assert_string_equal(info->name, "sample");
	assert_int_equal(info->events, count);
	assert_int_equal(info->columns, opts->columns);
	assert_int_equal(info->objects, opts->objects);
	assert_int_equal(
		json_integer_value(json_object_get(info->meta, "count")),
		count);
	assert_true(json_is_true(json_object_get(info->stats, "ended")));
	for (i = 0; i < count; i++)
		ops[s->events[i].op]++;
	for (i = 0; i < ZLT_OPS; i++)
		assert_int_equal(info->ops[i], ops[i]);
	for (i = 0; i < ZLT_PARTS; i++)
		parts += info->part_bytes[i];
	assert_int_equal(parts, info->file_bytes);
	must_read(s, r, 0);
	zlt_reader_close(r);
	sample_free(s);
}

static void test_round_trips(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 63, 64, 65, 1000 };
	size_t i, objects;
	unsigned int columns;

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		for (objects = 0; objects <= ZLT_OBJECT_HASHES; objects++) {
			for (columns = 0; columns <= ALL; columns++) {
				struct zlt_options opts = {
					.columns = columns,
					.objects = objects,
					.block_events = 64,
					.block_pages = 1 + (uint32_t)i,
				};

				round_trip(counts[i], &opts, ALL | ZLT_KEYS);
				round_trip(counts[i], &opts, columns & ZLT_CPU);
			}
		}
	}
}

static void test_default_blocks(void **state)
{
	struct zlt_options opts = { .columns = ALL };

	round_trip(50000, &opts, ALL | ZLT_KEYS);
}

static void test_seek(void **state)
{
	struct zlt_options opts = { .columns = ALL, .block_events = 100 };
	struct sample *s = sample_make(950, ZLT_OBJECT_SIZES, 3);
	const char *path = temp_path("seek.zlt");
	struct err err = { "" };
	struct zlt_reader *r;
	uint64_t at;

	sample_write(s, path, &opts);
	r = must_open(path, ALL | ZLT_KEYS);
	/* Backwards, so that original keys are needed before they were seen. */
	for (at = s->count + 1; at-- > 0; at -= at > 7 ? 7 : 0) {
		assert_int_equal(zlt_seek(r, at, &err), 0);
		must_read(s, r, at);
	}
	assert_int_equal(zlt_seek(r, s->count + 1, &err), -ERANGE);
	assert_non_null(strstr(err.text, "no event 951"));
	zlt_reader_close(r);
	sample_free(s);
}

static void test_keys(void **state)
{
	struct zlt_options opts = { .block_events = 50 };
	struct sample *s = sample_make(700, ZLT_OBJECT_SIZES, 4);
	const char *path = temp_path("keys.zlt");
	const uint64_t *keys;
	struct zlt_batch b;
	struct zlt_reader *r;
	uint32_t seen = 0;
	size_t i;

	sample_write(s, path, &opts);
	r = must_open(path, 0);
	assert_int_equal(zlt_keys(r, &keys, NULL), 0);
	while (zlt_next(r, &b, NULL) == 1) {
		assert_null(b.orig);
		assert_null(b.time_ns);
		for (i = 0; i < b.count; i++) {
			if (b.op[i] >= ZLT_COMPACT)
				continue;
			assert_true(keys[b.key[i]] ==
				    s->events[b.first + i].key);
			/* Dense, in order of first appearance. */
			assert_true(b.key[i] <= seen);
			seen += b.key[i] == seen;
		}
	}
	assert_int_equal(seen, zlt_info(r)->keys);
	zlt_reader_close(r);
	sample_free(s);
}

/* Sizer: something that depends on the page and counts its calls. */
static int first_byte(void *arg, const void *page)
{
	int *calls = arg;

	++*calls;
	return 1 + *(const uint8_t *)page;
}

static void test_contents(void **state)
{
	int calls = 0;
	struct zlt_sizer sizers[] = { { "first", first_byte, &calls } };
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES,
				    .block_events = 40,
				    .block_pages = 4,
				    .sizers = sizers,
				    .sizer_count = 1 };
	struct sample *s = sample_make(900, ZLT_OBJECT_PAGES, 5);
	const char *path = temp_path("contents.zlt");
	const struct zlt_page_info *infos;
	const struct zlt_info *info;
	const uint16_t *sizes;
	struct err err = { "" };
	struct zlt_cursor *c;
	struct zlt_reader *r;
	const uint8_t *page;
	uint32_t id, round, same = 0;

	sample_write(s, path, &opts);
	r = must_open(path, 0);
	info = zlt_info(r);
	/* Every page of the sample is stored some time, and kept once. */
	assert_int_equal(info->contents, s->page_count);
	assert_int_equal(calls, s->page_count);
	assert_int_equal(info->codec_count, 1);
	assert_string_equal(info->codecs[0].name, "first");
	assert_int_equal(info->codecs[0].known, info->contents);
	assert_int_equal(zlt_sizes(r, "first", &sizes, &err), 0);
	assert_int_equal(zlt_sizes(r, "last", &sizes, &err), -ENOENT);
	assert_int_equal(zlt_page_infos(r, &infos, &err), 0);
	for (round = 0; round < 2; round++) {
		/* A cache of two blocks, then one that holds all. */
		c = zlt_cursor_open(r, round ? 0 : 8 * ZLT_PAGE_SIZE, &err);
		assert_non_null(c);
		for (id = 0; id < 4 * info->contents; id++) {
			uint32_t at = id * 37 % (uint32_t)info->contents;
			const void *got;

			assert_int_equal(zlt_content(c, at, &got, &err), 0);
			page = got;
			assert_true(infos[at].hash ==
				    XXH3_128bits(page, ZLT_PAGE_SIZE).low64);
			assert_int_equal(sizes[at], 1 + page[0]);
			assert_true(infos[at].same_filled ==
				    !memcmp(page, page + 8, ZLT_PAGE_SIZE - 8));
			assert_true(!infos[at].same_filled ||
				    !memcmp(&infos[at].fill, page, 8));
			same += infos[at].same_filled;
			/* The same page again comes from the same place. */
			assert_int_equal(zlt_content(c, at, &got, &err), 0);
			assert_ptr_equal(got, page);
		}
		assert_int_equal(zlt_content(c, (uint32_t)info->contents,
					     (const void **)&page, &err),
				 -ERANGE);
		zlt_cursor_close(c);
	}
	assert_int_equal(same, 2 * 4 * 2);
	zlt_reader_close(r);
	sample_free(s);
}

/* A cache of n blocks keeps the n that were used last. */
static void test_cache_keeps(void **state)
{
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES,
				    .block_events = 1000,
				    .block_pages = 2 };
	struct sample *s = sample_make(900, ZLT_OBJECT_PAGES, 15);
	const char *path = temp_path("cache.zlt");
	static const uint32_t order[] = { 0, 1, 2, 1, 3 };
	uint32_t limit, i, j, n;
	const void *first, *page, *at[5];
	struct zlt_cursor *c;
	struct zlt_reader *r;

	sample_write(s, path, &opts);
	r = must_open(path, 0);
	n = (uint32_t)zlt_info(r)->contents / 2;
	for (limit = 1; limit < 8; limit++) {
		c = zlt_cursor_open(r, (size_t)limit * 2 * ZLT_PAGE_SIZE, NULL);
		assert_non_null(c);
		for (i = 0; i < 200; i++) {
			assert_int_equal(
				zlt_content(c, i * 7 % n * 2, &first, NULL), 0);
			for (j = 1; j < limit; j++)
				assert_int_equal(
					zlt_content(c, (i * 7 + j * 3) % n * 2,
						    &page, NULL),
					0);
			assert_int_equal(zlt_content(c, i * 7 % n * 2 + 1,
						     &page, NULL),
					 0);
			assert_ptr_equal((const char *)first + ZLT_PAGE_SIZE,
					 page);
		}
		zlt_cursor_close(c);
	}
	/* Of 0 1 2 1, a fourth pushes out 0; a fifth, after a look at 2, 1. */
	c = zlt_cursor_open(r, (size_t)3 * 2 * ZLT_PAGE_SIZE, NULL);
	assert_non_null(c);
	for (i = 0; i < 5; i++) {
		assert_int_equal(zlt_content(c, order[i] * 2, &page, NULL), 0);
		at[order[i]] = page;
	}
	assert_int_equal(zlt_content(c, 2 * 2, &page, NULL), 0);
	assert_ptr_equal(page, at[2]);
	assert_int_equal(zlt_content(c, 4 * 2, &page, NULL), 0);
	assert_ptr_equal(page, at[1]);
	assert_int_equal(zlt_content(c, 2 * 2, &page, NULL), 0);
	assert_ptr_equal(page, at[2]);
	zlt_cursor_close(c);
	zlt_reader_close(r);
	sample_free(s);
}

struct reading {
	struct zlt_reader *r;
	const struct zlt_page_info *infos;
	uint32_t step;
	int wrong;
};

static void *read_pages(void *arg)
{
	struct reading *me = arg;
	struct zlt_cursor *c = zlt_cursor_open(me->r, 6 * ZLT_PAGE_SIZE, NULL);
	uint32_t i, n = (uint32_t)zlt_info(me->r)->contents;
	const void *page;

	for (i = 0; c && i < 3000; i++) {
		uint32_t id = i * me->step % n;

		if (zlt_content(c, id, &page, NULL) ||
		    XXH3_128bits(page, ZLT_PAGE_SIZE).low64 !=
			    me->infos[id].hash)
			me->wrong++;
	}
	if (!c)
		me->wrong = -1;
	zlt_cursor_close(c);
	return NULL;
}

static void test_cursors_in_threads(void **state)
{
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES,
				    .block_pages = 3 };
	struct sample *s = sample_make(900, ZLT_OBJECT_PAGES, 6);
	const char *path = temp_path("threads.zlt");
	const struct zlt_page_info *infos;
	struct reading readings[3];
	pthread_t threads[3];
	struct zlt_reader *r;
	uint32_t i;

	sample_write(s, path, &opts);
	r = must_open(path, 0);
	assert_int_equal(zlt_page_infos(r, &infos, NULL), 0);
	for (i = 0; i < 3; i++) {
		readings[i] = (struct reading){ r, infos, 7 + 6 * i, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, read_pages,
						&readings[i]),
				 0);
	}
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(readings[i].wrong, 0);
	}
	zlt_reader_close(r);
	sample_free(s);
}

static void test_sized_pages(void **state)
{
	struct zlt_sizer sizers[] = { { "a", NULL, NULL },
				      { "b", NULL, NULL } };
	struct zlt_options opts = { .objects = ZLT_OBJECT_HASHES,
				    .sizers = sizers,
				    .sizer_count = 2 };
	const char *path = temp_path("sized.zlt");
	const struct zlt_page_info *infos;
	const uint16_t *sizes;
	struct err err = { "" };
	struct zlt_writer *w = zlt_create(path, NULL, &opts, &err);
	const uint16_t none[2] = { 0, 0 };
	struct zlt_reader *r;
	uint32_t i, id;

	assert_non_null(w);
	for (i = 0; i < 5000; i++) {
		uint16_t pair[2] = { (uint16_t)(1 + i), (uint16_t)(i % 2) };
		struct zlt_event e = { .op = ZLT_STORE, .key = i, .object = i };

		assert_int_equal(zlt_page_sized(w, pair, &id, &err), 0);
		assert_int_equal(id, i);
		assert_int_equal(zlt_event(w, &e, &err), 0);
	}
	/* Many that no event refers to. */
	for (; i < 80000; i++)
		assert_int_equal(zlt_page_sized(w, none, &id, &err), 0);
	assert_int_equal(zlt_contents(w), 80000);
	assert_int_equal(zlt_close(w, NULL, &err), 0);
	r = must_open(path, 0);
	assert_int_equal(zlt_sizes(r, "a", &sizes, &err), 0);
	for (i = 0; i < 5000; i++)
		assert_int_equal(sizes[i], 1 + i);
	assert_int_equal(zlt_sizes(r, "b", &sizes, &err), 0);
	for (i = 0; i < 5000; i++)
		assert_int_equal(sizes[i], i % 2);
	assert_int_equal(zlt_page_infos(r, &infos, &err), 0);
	assert_int_equal(infos[4999].hash, 0);
	assert_null(zlt_cursor_open(r, 0, &err));
	assert_non_null(strstr(err.text, "holds no page contents"));
	zlt_reader_close(r);
}

static void test_sizes_later(void **state)
{
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES,
				    .block_events = 64 };
	struct sample *s = sample_make(300, ZLT_OBJECT_PAGES, 7);
	const char *path = temp_path("later.zlt");
	uint16_t sizes[128];
	const uint16_t *got;
	struct err err = { "" };
	struct zlt_writer *w;
	struct zlt_reader *r;
	uint32_t i, n;

	for (i = 0; i < 128; i++)
		sizes[i] = (uint16_t)(i * i + 1);
	w = zlt_create(path, NULL, &opts, &err);
	assert_non_null(w);
	assert_int_equal(sample_put(s, w, true, &err), 0);
	n = zlt_contents(w);
	assert_true(n > 20 && n <= 128);
	assert_int_equal(zlt_sizes_add(w, "x", 0, 10, sizes, &err), 0);
	assert_int_equal(zlt_sizes_add(w, "x", 11, 1, sizes, &err), -EINVAL);
	assert_int_equal(zlt_sizes_add(w, "x", 10, n - 9, sizes, &err),
			 -EINVAL);
	assert_int_equal(zlt_sizes_add(w, "x", 10, n - 10, sizes + 10, &err),
			 0);
	assert_int_equal(zlt_close(w, NULL, &err), 0);

	assert_int_equal(zlt_append_sizes(path, "y", sizes + 1, n, &err), 0);
	assert_int_equal(zlt_append_sizes(path, "y", sizes, n, &err), -EEXIST);
	assert_int_equal(zlt_append_sizes(path, "z", sizes, n - 1, &err),
			 -EINVAL);
	assert_int_equal(zlt_append_sizes("/nowhere", "z", sizes, n, &err),
			 -ENOENT);
	r = must_open(path, ZLT_KEYS);
	assert_int_equal(zlt_info(r)->codec_count, 2);
	assert_int_equal(zlt_sizes(r, "x", &got, &err), 0);
	assert_memory_equal(got, sizes, n * sizeof(*sizes));
	assert_int_equal(zlt_sizes(r, "y", &got, &err), 0);
	assert_memory_equal(got, sizes + 1, n * sizeof(*sizes));
	must_read(s, r, 0);
	zlt_reader_close(r);
	sample_free(s);
}

static void test_live_peaks(void **state)
{
	static const struct {
		uint8_t op;
		uint64_t key;
	} steps[] = {
		{ ZLT_STORE, 1 },      { ZLT_STORE, 2 }, { ZLT_LOAD, 1 },
		{ ZLT_STORE, 3 },      { ZLT_STORE, 3 }, { ZLT_INVALIDATE, 2 },
		{ ZLT_INVALIDATE, 2 }, { ZLT_LOAD, 3 },	 { ZLT_STORE, 4 },
	};
	const char *path = temp_path("live.zlt");
	struct zlt_writer *w = zlt_create(path, NULL, NULL, NULL);
	const struct zlt_info *info;
	struct zlt_reader *r;
	size_t i;

	assert_non_null(w);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct zlt_event e = { .op = steps[i].op,
				       .key = steps[i].key,
				       .object = 100 };

		assert_int_equal(zlt_event(w, &e, NULL), 0);
	}
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	r = must_open(path, 0);
	info = zlt_info(r);
	assert_int_equal(info->keys, 4);
	assert_int_equal(info->live_peak, 3);
	assert_int_equal(info->live_peak_exclusive, 2);
	assert_true(json_is_object(info->meta));
	assert_null(info->stats);
	zlt_reader_close(r);
}

static void test_bad_events(void **state)
{
	static const struct {
		struct zlt_event e;
		int code;
		const char *says;
	} bad[] = {
		{ { .op = ZLT_LOAD, .key = 5 }, -ENOENT, "load of key 5" },
		{ { .op = ZLT_INVALIDATE, .key = 6 }, -ENOENT, "never stored" },
		{ { .op = ZLT_STORE, .object = 0 }, -EINVAL, "size 0" },
		{ { .op = ZLT_STORE, .object = 4097 }, -EINVAL, "1..4096" },
		{ { .op = ZLT_OPS }, -EINVAL, "unknown op 5" },
		{ { .op = ZLT_MARK }, -EINVAL, "label" },
		{ { .op = ZLT_MARK, .label = "" }, -EINVAL, "label" },
		{ { .op = ZLT_MARK, .label = "\x80" }, -EINVAL, "UTF-8" },
		{ { .op = ZLT_MARK, .label = "\xc3" }, -EINVAL, "UTF-8" },
		{ { .op = ZLT_MARK, .label = "\xc1\xa4" }, -EINVAL, "UTF-8" },
		{ { .op = ZLT_MARK, .label = "\xed\xa0\x80" },
		  -EINVAL,
		  "UTF-8" },
		{ { .op = ZLT_MARK, .label = "\xf5\x80\x80\x80" },
		  -EINVAL,
		  "UTF-8" },
		{ { .op = ZLT_MARK, .label = "a\nb" }, -EINVAL, "label" },
	};
	const struct zlt_event good = { .op = ZLT_STORE,
					.key = 1,
					.object = 9 };
	const char *path = temp_path("bad.zlt");
	struct zlt_options pages = { .objects = ZLT_OBJECT_PAGES };
	struct err err;
	struct zlt_writer *w = zlt_create(path, NULL, NULL, NULL);
	struct zlt_reader *r;
	size_t i;

	assert_non_null(w);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		assert_int_equal(zlt_event(w, &bad[i].e, &err), bad[i].code);
		if (!strstr(err.text, bad[i].says))
			fail_msg("\"%s\" lacks \"%s\"", err.text, bad[i].says);
		assert_int_equal(zlt_event(w, &good, &err), 0);
	}
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	r = must_open(path, 0);
	assert_int_equal(zlt_info(r)->events, i);
	zlt_reader_close(r);

	w = zlt_create(path, NULL, &pages, NULL);
	assert_int_equal(zlt_event(w, &good, &err), -EINVAL);
	assert_non_null(strstr(err.text, "content id 9 does not exist"));
	zlt_abort(w);
}

static void test_bad_options(void **state)
{
	struct zlt_sizer twice[] = { { "a", NULL, NULL }, { "a", NULL, NULL } };
	struct zlt_sizer empty[] = { { "", NULL, NULL } };
	const struct zlt_options bad[] = {
		{ .columns = ZLT_KEYS },
		{ .objects = ZLT_OBJECT_HASHES + 1 },
		{ .block_events = (1 << 20) + 1 },
		{ .block_pages = 65 },
		{ .level = 20 },
		{ .sizers = empty, .sizer_count = 1 },
		{ .objects = 1, .sizers = empty, .sizer_count = 1 },
		{ .objects = 1, .sizers = twice, .sizer_count = 2 },
	};
	json_t *array = json_array();
	struct err err = { "" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		errno = 0;
		assert_null(
			zlt_create(temp_path("opt.zlt"), NULL, &bad[i], &err));
		assert_int_equal(errno, EINVAL);
	}
	assert_null(zlt_create(temp_path("opt.zlt"), array, NULL, &err));
	assert_non_null(strstr(err.text, "not a JSON object"));
	assert_null(zlt_create("/nowhere/x.zlt", NULL, NULL, &err));
	assert_non_null(strstr(err.text, "/nowhere/x.zlt: cannot be written"));
	json_decref(array);
}

static void test_same_bytes_again(void **state)
{
	struct zlt_options opts = { .columns = ALL,
				    .objects = ZLT_OBJECT_PAGES,
				    .block_events = 32 };
	struct sample *s = sample_make(500, ZLT_OBJECT_PAGES, 8);
	const char *path[] = { temp_path("one.zlt"), temp_path("two.zlt") };
	uint8_t *data[2];
	size_t len[2], i;

	for (i = 0; i < 2; i++) {
		sample_write(s, path[i], &opts);
		data[i] = file_load(path[i], &len[i]);
	}
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(data[0], data[1], len[0]);
	free(data[0]);
	free(data[1]);
	sample_free(s);
}

static void test_pipe(void **state)
{
	struct sample *s = sample_make(100, ZLT_OBJECT_SIZES, 9);
	const char *path = temp_path("pipe.zlt");
	static uint8_t bytes[65536];
	struct zlt_writer *w;
	struct zlt_reader *r;
	ssize_t len;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	w = zlt_create_fd(ends[1], "pipe", NULL, NULL, NULL);
	assert_non_null(w);
	assert_int_equal(sample_put(s, w, false, NULL), 0);
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	/* Small enough for the pipe to take it whole. */
	len = read(ends[0], bytes, sizeof(bytes));
	assert_true(len > 0);
	close(ends[0]);
	file_save(path, bytes, (size_t)len);
	r = must_open(path, ZLT_KEYS);
	must_read(s, r, 0);
	zlt_reader_close(r);
	sample_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_default_blocks),
		cmocka_unit_test(test_seek),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_cache_keeps),
		cmocka_unit_test(test_cursors_in_threads),
		cmocka_unit_test(test_sized_pages),
		cmocka_unit_test(test_sizes_later),
		cmocka_unit_test(test_live_peaks),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_same_bytes_again),
		cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
