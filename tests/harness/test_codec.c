// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every codec gives back what it was given, finds what is not its own, takes no
 * memory once it runs, and neither reads nor writes outside of what it was given,
 * whatever an object holds.
 *
 * test_codec SPEC...   these codecs, for instance of a kernel tree, in place of
 *			zlab's own
 *
 * ZLAB_TEST_SCALE scales the damaged objects, in percent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/codec.h"
#include "harness/swap/codec.h"
#include "lib/random.h"

#define MAX_SPECS 64
#define DAMAGES 200

static const char *specs[MAX_SPECS] = { "lz4", "zstd", "zstd:1", "zstd:19",
					"none" };
static size_t nr_specs = 5;
static char faulty[4096]; /* path of a codec of the test's own */

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

	for (i = 0; i < nr_specs; i++) {
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

/* @bytes that end where no memory is. */
static char *guarded(size_t bytes)
{
	size_t room = (bytes + 4095) / 4096 * 4096;
	char *at = mmap(NULL, room + 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + room, 4096, PROT_NONE), 0);
	return at + room - bytes;
}

static void unguard(char *at, size_t bytes)
{
	size_t room = (bytes + 4095) / 4096 * 4096;

	assert_int_equal(munmap(at + bytes - room, room + 4096), 0);
}

/* Other bytes in place of some, or another length. Return: the length. */
static size_t damage(char *object, size_t len)
{
	size_t i, n = 1 + rnd() % 8;

	switch (rnd() % 4) {
	case 0:
		return rnd() % len;
	case 1:
		for (i = 0; i < len; i++)
			object[i] = (char)rnd();
		return len;
	default:
		for (i = 0; i < n; i++)
			object[rnd() % len] = (char)rnd();
		return len;
	}
}

static unsigned scaled(unsigned n)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");

	return scale ? n * (unsigned)atoi(scale) / 100 + 1 : n;
}

/* An error or a whole page: never an access outside, which would end the test. */
static void test_damaged_objects(void **unused)
{
	char page[CODEC_PAGE_SIZE], dst[CODEC_DST_SIZE], object[CODEC_DST_SIZE];
	char *back = guarded(CODEC_PAGE_SIZE), *src = guarded(CODEC_DST_SIZE);
	unsigned noise, i, n = scaled(DAMAGES);
	struct codec *c;
	size_t k, cut;
	char *at;
	int len;

	for (k = 0; k < nr_specs; k++) {
		c = must_create(specs[k]);
		for (noise = 0; noise <= 100; noise += 10) {
			make_page(page, noise);
			len = codec_compress(c, page, dst);
			assert_in_range(len, 1, CODEC_DST_SIZE);
			for (i = 0; i < n; i++) {
				memcpy(object, dst, (size_t)len);
				cut = damage(object, (size_t)len);
				at = src + CODEC_DST_SIZE - cut;
				memcpy(at, object, cut);
				codec_decompress(c, at, cut, back);
			}
			/* What was damaged before leaves nothing behind. */
			assert_int_equal(
				codec_decompress(c, dst, (size_t)len, back), 0);
			assert_memory_equal(page, back, sizeof(page));
		}
		codec_destroy(c);
	}
	unguard(back, CODEC_PAGE_SIZE);
	unguard(src, CODEC_DST_SIZE);
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
		{ "sizes:shim-x:level=1", "sizes:shim-x:level=1",
		  "shim-x:level=1" },
	};
	char spec[sizeof(faulty) + 32];
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
	c = must_create(faulty);
	assert_string_equal(codec_name(c), "faulty:fault=none,at=1");
	assert_non_null(strstr(codec_source(c), "codec_faulty.c"));
	codec_destroy(c);
	snprintf(spec, sizeof(spec), "sizes:%s:at=7", faulty);
	c = must_create(spec);
	assert_string_equal(codec_table(c), "faulty:fault=none,at=7");
	codec_destroy(c);
	c = must_create("lz4");
	assert_null(codec_source(c));
	codec_destroy(c);
}

static void expect_error(const char *spec, const char *says)
{
	struct err err = { "" };

	assert_null(codec_create(spec, &err));
	if (!strstr(err.text, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", spec, err.text,
			 says);
	assert_null(strchr(err.text, '\n'));
}

static void expect_word(unsigned *word, const char *says)
{
	unsigned kept = *word;

	*word = kept + 8;
	expect_error(faulty, "was built for another zlab");
	expect_error(faulty, says);
	*word = kept;
}

static void test_shared_objects(void **unused)
{
	static const struct {
		size_t at;
		const char *says;
	} calls[] = {
		{ offsetof(struct codec_driver, spec.name),
		  "has no .spec.name" },
		{ offsetof(struct codec_driver, spec.what),
		  "has no .spec.what" },
		{ offsetof(struct codec_driver, prepare), "has no .prepare" },
		{ offsetof(struct codec_driver, release), "has no .release" },
		{ offsetof(struct codec_driver, compress), "has no .compress" },
		{ offsetof(struct codec_driver, decompress),
		  "has no .decompress" },
	};
	void *so = dlopen(faulty, RTLD_NOW | RTLD_LOCAL), **call, *kept;
	char path[sizeof(faulty) + 32];
	struct codec_driver *d;
	size_t i, dir = strlen(faulty) - strlen("codec_faulty.so");

	assert_non_null(so);
	d = dlsym(so, "zlab_codec");
	assert_non_null(d);
	expect_word(&d->version, "its contract has version ");
	expect_word(&d->bytes, "its struct codec_driver has ");
	expect_word(&d->option_bytes, "its struct spec_option has ");
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		call = (void **)((char *)d + calls[i].at);
		kept = *call;
		*call = NULL;
		expect_error(faulty, calls[i].says);
		expect_error(faulty, "codec_faulty.so is not complete");
		*call = kept;
	}
	dlclose(so);
	expect_error("./no_such.so", "./no_such.so cannot be loaded");
	snprintf(path, sizeof(path), "%.*sno_symbol.so", (int)dir, faulty);
	expect_error(path, "exports no \"zlab_codec\"");
	snprintf(path, sizeof(path), "%.*sonepage.so", (int)dir, faulty);
	expect_error(path, "is a backend and no codec");
	snprintf(path, sizeof(path), "%s:level=1", faulty);
	expect_error(path, "has no option \"level\"");
	snprintf(path, sizeof(path), "%s:fault=nonsense", faulty);
	expect_error(path, "fault takes none | ");
}

/* A shared object's code is not believed. */
static void test_wrong_answers(void **unused)
{
	static const struct {
		const char *fault;
		int want;
	} faults[] = { { "no-context", -ENOMEM },
		       { "too-long,at=0", -ENOMEM },
		       { "too-long", -EIO },
		       { "empty", -EIO },
		       { "fail", -EIO } };
	char page[CODEC_PAGE_SIZE] = { 1 }, dst[CODEC_DST_SIZE];
	char spec[sizeof(faulty) + 32];
	struct codec *c;
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		snprintf(spec, sizeof(spec), "%s:fault=%s", faulty,
			 faults[i].fault);
		c = must_create(spec);
		assert_int_equal(codec_compress(c, page, dst), faults[i].want);
		assert_null(codec_running());
		codec_destroy(c);
	}
	c = must_create(faulty);
	assert_int_equal(codec_compress(c, page, dst), 1);
	assert_int_equal(codec_decompress(c, dst, 0, page), -EIO);
	codec_destroy(c);
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

	for (i = 0; i < nr_specs; i++) {
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged_objects),
		cmocka_unit_test(test_sizes_tell_codecs_apart),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_shared_objects),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_bad_specs),
		cmocka_unit_test(test_sizes_cannot_compress),
		cmocka_unit_test(test_running_takes_no_memory),
	};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged_objects),
		cmocka_unit_test(test_running_takes_no_memory),
	};
	int i;

	snprintf(faulty, sizeof(faulty), "%s/../backends/codec_faulty.so",
		 dirname(argv[0]));
	if (argc == 1)
		return cmocka_run_group_tests(tests, NULL, NULL);
	nr_specs = 0;
	for (i = 1; i < argc && nr_specs < MAX_SPECS; i++)
		specs[nr_specs++] = argv[i];
	return cmocka_run_group_tests(others, NULL, NULL);
}
