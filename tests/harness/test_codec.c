// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every codec gives back what it was given, finds what is not its own, and
 * takes no memory once it runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <string.h>

#include "harness/swap/codec.h"
#include "lib/random.h"

static const char *const specs[] = { "lz4", "zstd", "zstd:1", "zstd:19",
				     "none" };
#define NR_SPECS (sizeof(specs) / sizeof(specs[0]))

static uint64_t state = 1;

static uint64_t rnd(void)
{
	return random_xorshift(&state);
}

/* A page of which about @noise of 100 bytes are random. */
static void make_page(char *page, unsigned noise)
{
	size_t i;

	for (i = 0; i < CODEC_PAGE_SIZE; i++)
		page[i] = rnd() % 100 < noise ? (char)rnd() : "pattern "[i % 8];
}

static struct codec *must_create(const char *spec)
{
	struct err err = { "" };
	struct codec *c = codec_create(spec, &err);

	if (!c)
		fail_msg("%s", err.text);
	return c;
}

static void test_round_trip(void **unused)
{
	char page[CODEC_PAGE_SIZE], back[CODEC_PAGE_SIZE], dst[CODEC_DST_SIZE];
	unsigned noise;
	struct codec *c;
	size_t i;
	int n;

	for (i = 0; i < NR_SPECS; i++) {
		c = must_create(specs[i]);
		for (noise = 0; noise <= 100; noise += 5) {
			make_page(page, noise);
			n = codec_compress(c, page, dst);
			assert_in_range(n, 1, CODEC_DST_SIZE);
			assert_int_equal(codec_size(c, page), n);
			memset(back, 0x55, sizeof(back));
			assert_int_equal(
				codec_decompress(c, dst, (size_t)n, back), 0);
			assert_memory_equal(page, back, sizeof(page));
			/* What is cut off is not a page. */
			assert_int_equal(codec_decompress(c, dst, (size_t)n / 2,
							  back),
					 -EIO);
		}
		codec_destroy(c);
	}
}

static void test_sizes_tell_codecs_apart(void **unused)
{
	struct codec *lz4 = must_create("lz4"), *zstd = must_create("zstd");
	struct codec *none = must_create("none");
	char page[CODEC_PAGE_SIZE];

	make_page(page, 30);
	assert_true(codec_size(zstd, page) < codec_size(lz4, page));
	assert_true(codec_size(lz4, page) < CODEC_PAGE_SIZE);
	assert_int_equal(codec_size(none, page), CODEC_PAGE_SIZE);
	make_page(page, 100);
	assert_true(codec_size(lz4, page) >= CODEC_PAGE_SIZE);
	codec_destroy(lz4);
	codec_destroy(zstd);
	codec_destroy(none);
}

static void test_names(void **unused)
{
	static const char *const names[][3] = {
		{ "lz4", "lz4", NULL },
		{ "zstd", "zstd:3", NULL },
		{ "zstd:12", "zstd:12", NULL },
		{ "none", "none", NULL },
		{ "sizes:lz4", "sizes:lz4", "lz4" },
		{ "sizes:zstd", "sizes:zstd:3", "zstd:3" },
		{ "sizes:zstd:9", "sizes:zstd:9", "zstd:9" },
	};
	struct codec *c;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		c = must_create(names[i][0]);
		assert_string_equal(codec_name(c), names[i][1]);
		if (names[i][2])
			assert_string_equal(codec_table(c), names[i][2]);
		else
			assert_null(codec_table(c));
		codec_destroy(c);
	}
}

static void test_bad_specs(void **unused)
{
	static const char *const bad[][2] = {
		{ "lzo", "there are lz4, zstd" },
		{ "", "there are lz4, zstd" },
		{ "lz4x", "there are lz4, zstd" },
		{ "lz4:3", "only zstd has levels" },
		{ "none:1", "only zstd has levels" },
		{ "zstd:", "takes 1 to 22" },
		{ "zstd:0", "takes 1 to 22" },
		{ "zstd:23", "takes 1 to 22" },
		{ "zstd:3x", "takes 1 to 22" },
		{ "sizes:", "there are lz4, zstd" },
		{ "sizes:lzo", "there are lz4, zstd" },
		{ "sizes:sizes:lz4", "there are lz4, zstd" },
	};
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(codec_create(bad[i][0], &err));
		assert_non_null(strstr(err.text, bad[i][1]));
		assert_null(strchr(err.text, '\n'));
	}
	assert_null(codec_create("lzo", NULL));
}

static void test_sizes_cannot_compress(void **unused)
{
	char page[CODEC_PAGE_SIZE] = { 0 }, dst[CODEC_DST_SIZE];
	struct codec *c = must_create("sizes:lz4");

	assert_int_equal(codec_compress(c, page, dst), -EINVAL);
	assert_int_equal(codec_decompress(c, dst, 10, page), -EINVAL);
	codec_destroy(c);
}

static uint64_t allocated(void)
{
	uint64_t bytes = 0;
	size_t len = sizeof(bytes);

	assert_int_equal(mallctl("thread.allocated", &bytes, &len, NULL, 0), 0);
	return bytes;
}

static void test_running_takes_no_memory(void **unused)
{
	char page[CODEC_PAGE_SIZE], back[CODEC_PAGE_SIZE], dst[CODEC_DST_SIZE];
	struct codec *c;
	uint64_t before;
	unsigned noise;
	size_t i;
	int n;

	for (i = 0; i < NR_SPECS; i++) {
		c = must_create(specs[i]);
		assert_int_equal(codec_attach(c), 0);
		before = allocated();
		for (noise = 0; noise <= 100; noise++) {
			make_page(page, noise);
			n = codec_compress(c, page, dst);
			assert_true(n > 0);
			assert_int_equal(
				codec_decompress(c, dst, (size_t)n, back), 0);
		}
		assert_int_equal(allocated(), before);
		codec_destroy(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_sizes_tell_codecs_apart),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_specs),
		cmocka_unit_test(test_sizes_cannot_compress),
		cmocka_unit_test(test_running_takes_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
