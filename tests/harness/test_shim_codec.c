// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compressors of a kernel tree as codecs, with sources of this project's own in
 * the kernel's style: what is compiled, how it is called, what it is named, and
 * what a bad tree is told. test_codec runs the same codecs over pages and damage.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/kernel/files.h"
#include "harness/kernel/shim_build.h"
#include "harness/swap/codec.h"

#define TREE "tests/shim_src/codecs"

static const char *scratch(void)
{
	const char *dir = getenv("TMPDIR");

	return dir ? dir : "/tmp";
}

static struct shim_object built(const char *tree, enum shim_codec codec)
{
	struct shim_request req = { .tree = tree,
				    .page_shift = 12,
				    .codec = codec };
	struct shim_object obj;
	struct err err = { "" };

	if (shim_build(&req, &obj, &err))
		fail_msg("%s", err.text);
	return obj;
}

static struct codec *codec_of(const struct shim_object *obj, const char *opts)
{
	char spec[PATH_MAX + 64];
	struct err err = { "" };
	struct codec *c;

	snprintf(spec, sizeof(spec), "%s%s", obj->spec, opts);
	c = codec_create(spec, &err);
	if (!c)
		fail_msg("%s", err.text);
	return c;
}

/* A compressor of this tree begins an object with how it was called. */
static unsigned long word_of(const struct shim_object *obj, const char *opts)
{
	static unsigned char page[CODEC_PAGE_SIZE], dst[CODEC_DST_SIZE];
	struct codec *c = codec_of(obj, opts);

	memset(page, 7, sizeof(page));
	assert_true(codec_compress(c, page, dst) > 4);
	codec_destroy(c);
	return (unsigned long)dst[0] << 24 | (unsigned long)dst[1] << 16 |
	       (unsigned long)dst[2] << 8 | dst[3];
}

static void test_calls(void **state)
{
	struct shim_object obj = built(TREE, SHIM_LZ4);

	assert_int_equal(word_of(&obj, ""), 1);
	assert_int_equal(word_of(&obj, ":level=9"), 9);
	/* The form that keeps to the room, where there is one. */
	obj = built(TREE, SHIM_LZO_RLE);
	assert_int_equal(word_of(&obj, ""), 0x21);
	obj = built(TREE, SHIM_LZO);
	assert_int_equal(word_of(&obj, ""), 0x10);
	/* Set by the module's init. */
	obj = built(TREE, SHIM_842);
	assert_int_equal(word_of(&obj, ""), 0x842);
	/* The level and the expected size are those of the tree's users. */
	obj = built(TREE, SHIM_ZSTD);
	assert_int_equal(word_of(&obj, ""), 5ul << 24 | 1ul << 18);
	assert_int_equal(word_of(&obj, ":user=zram,level=7"), 7ul << 24 | 4096);
}

/* The crc32_be() that 842 stores, bit by bit. */
static uint32_t crc_of(const unsigned char *at, size_t len)
{
	uint32_t crc = 0;
	size_t bit;

	for (bit = 0; bit < 8 * len; bit++) {
		unsigned in = at[bit / 8] >> (7 - bit % 8) & 1;

		crc = crc << 1 ^ ((crc >> 31 ^ in) ? 0x04c11db7u : 0);
	}
	return crc;
}

static void test_crc(void **state)
{
	struct shim_object obj = built(TREE, SHIM_842);
	unsigned char page[CODEC_PAGE_SIZE], dst[CODEC_DST_SIZE], *end;
	struct codec *c = codec_of(&obj, "");
	int i, n;

	for (i = 0; i < CODEC_PAGE_SIZE; i++)
		page[i] = (unsigned char)(i / 9);
	n = codec_compress(c, page, dst);
	assert_true(n > 4);
	end = dst + n - 4;
	assert_int_equal((uint32_t)end[0] << 24 | end[1] << 16 | end[2] << 8 |
				 end[3],
			 crc_of(page, sizeof(page)));
	codec_destroy(c);
}

static void test_names(void **state)
{
	struct shim_object obj = built(TREE, SHIM_ZSTD), lzo, rle;
	struct codec *c = codec_of(&obj, ":level=2");
	char name[96];

	snprintf(name, sizeof(name), "shim-zstd-%.12s:level=2,user=zswap",
		 obj.sha256);
	assert_string_equal(codec_name(c), name);
	assert_non_null(strstr(codec_source(c), obj.sha256));
	assert_non_null(strstr(codec_source(c), "\"lib/zstd\""));
	codec_destroy(c);
	assert_string_equal(obj.source, "lib/zstd");
	assert_non_null(strstr(obj.settings, "-O3"));
	/* One folder, two compressors. */
	lzo = built(TREE, SHIM_LZO);
	rle = built(TREE, SHIM_LZO_RLE);
	assert_string_equal(lzo.sha256, rle.sha256);
	assert_string_not_equal(lzo.name, rle.name);
	assert_string_not_equal(lzo.path, rle.path);
	lzo = built(TREE, SHIM_LZO);
	assert_true(lzo.cached);
}

static void copy_tree(char *to, size_t len)
{
	char command[3 * PATH_MAX];

	snprintf(to, len, "%s/tree.XXXXXX", scratch());
	assert_non_null(mkdtemp(to));
	snprintf(command, sizeof(command), "cp -r %s/. %s", TREE, to);
	assert_int_equal(system(command), 0);
}

static void put(const char *dir, const char *name, const char *text)
{
	struct err err = { "" };

	if (file_write(dir, name, "", text, &err))
		fail_msg("%s", err.text);
}

static void remove_file(const char *dir, const char *name)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static void test_other_trees(void **state)
{
	struct shim_object obj = built(TREE, SHIM_ZSTD), other;
	char dir[PATH_MAX];
	struct codec *c;

	copy_tree(dir, sizeof(dir));
	/* Without zram's own caller there is one user, and none to choose. */
	remove_file(dir, "drivers/block/zram/backend_zstd.c");
	put(dir, "crypto/zstd.c", "p = zstd_get_params(ZSTD_DEF_LEVEL, 0);\n");
	other = built(dir, SHIM_ZSTD);
	/* Other calls make other objects, so that it is another codec. */
	assert_string_not_equal(other.sha256, obj.sha256);
	assert_int_equal(word_of(&other, ""), 3ul << 24);
	c = codec_of(&other, "");
	assert_null(strstr(codec_name(c), "user"));
	codec_destroy(c);
	/* A source more is compiled, too. */
	put(dir, "lib/zstd/compress/more.c",
	    "#include <linux/zstd.h>\n"
	    "unsigned int more(void);\n"
	    "unsigned int more(void) { return 1; }\n");
	other = built(dir, SHIM_ZSTD);
	assert_string_not_equal(other.sha256, obj.sha256);
	/* A form that keeps to the room is called only where it is. */
	remove_file(dir, "lib/lzo/lzo1x_compress_safe.c");
	put(dir, "include/linux/lzo.h",
	    "#define LZO1X_MEM_COMPRESS 32\n"
	    "#define LZO_E_OK 0\n"
	    "#define LZO_E_ERROR (-1)\n"
	    "#define lzo1x_worst_compress(n) (4 + (n))\n"
	    "int lzo1x_1_compress(const unsigned char *src, size_t len,\n"
	    "	unsigned char *dst, size_t *n, void *work);\n"
	    "int lzorle1x_1_compress(const unsigned char *src, size_t len,\n"
	    "	unsigned char *dst, size_t *n, void *work);\n"
	    "int lzo1x_decompress_safe(const unsigned char *src, size_t len,\n"
	    "	unsigned char *dst, size_t *n);\n");
	other = built(dir, SHIM_LZO_RLE);
	assert_int_equal(word_of(&other, ""), 0x20);
}

static void assert_refused(const char *tree, enum shim_codec codec,
			   const char *says)
{
	struct shim_request req = { .tree = tree,
				    .page_shift = 12,
				    .codec = codec };
	struct shim_object obj;
	struct err err = { "" };

	assert_int_not_equal(shim_build(&req, &obj, &err), 0);
	if (!strstr(err.text, says))
		fail_msg("said \"%s\", not \"%s\"", err.text, says);
	assert_null(strchr(err.text, '\n'));
}

static void test_bad_trees(void **state)
{
	char dir[PATH_MAX], extra[PATH_MAX + 16];
	struct shim_request req = { .page_shift = 12, .codec = SHIM_LZ4 };
	struct shim_object obj;
	struct err err = { "" };
	char *source, *bad;

	assert_refused("/nowhere", SHIM_LZ4, "/nowhere is not a directory");
	assert_refused("tests/shim_src/old", SHIM_LZ4,
		       "has no lib/lz4/lz4_compress.c with the sources of lz4");
	copy_tree(dir, sizeof(dir));
	remove_file(dir, "include/linux/sw842.h");
	assert_refused(dir, SHIM_842, "include/linux/sw842.h is missing");
	put(dir, "include/linux/zstd.h", "typedef int zstd_parameters;\n");
	assert_refused(dir, SHIM_ZSTD,
		       "does not declare ZSTD_compressCCtx(), "
		       "through which the shim calls zstd");
	put(dir, "include/linux/lzo.h", "int old_lzorle1x_1_compress(void);\n");
	assert_refused(dir, SHIM_LZO_RLE,
		       "does not declare lzorle1x_1_compress()");
	put(dir, "lib/lzo/lzo1x_compress.c",
	    "#include \"../../../outside.h\"\n");
	assert_refused(dir, SHIM_LZO, "outside.h\"; the shim takes headers of");

	/* Names that a newer kernel or a patch brings, in one of its sources. */
	source = file_read(TREE "/lib/lz4/lz4_decompress.c");
	assert_non_null(source);
	assert_true(asprintf(&bad,
			     "%s\nint patch(int a);\nint patch(int a)\n"
			     "{\n\treturn totally_new(a);\n}\n",
			     source) > 0);
	put(dir, "lib/lz4/lz4_decompress.c", bad);
	assert_refused(dir, SHIM_LZ4,
		       "lib/lz4/lz4_decompress.c uses totally_new, which the "
		       "shim does not offer; add it with --include");
	snprintf(extra, sizeof(extra), "%s/extra.h", dir);
	put(dir, "extra.h", "#define totally_new(a) ((a) + 1)\n");
	req.tree = dir;
	req.include[0] = extra;
	req.nr_include = 1;
	if (shim_build(&req, &obj, &err))
		fail_msg("%s", err.text);
	free(bad);
	free(source);

	/* What is declared and nowhere defined. */
	put(dir, "lib/lz4/lz4_decompress.c", "int LZ4_no_decompress;\n");
	assert_refused(dir, SHIM_LZ4, "lib/lz4 uses LZ4_decompress_safe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_other_trees),
		cmocka_unit_test(test_bad_trees),
	};
	char cache[PATH_MAX];

	snprintf(cache, sizeof(cache), "%s/codec-cache.XXXXXX", scratch());
	if (!mkdtemp(cache))
		return 1;
	setenv("XDG_CACHE_HOME", cache, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
