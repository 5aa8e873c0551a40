// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CSV in, CSV out, and what is wrong with bad CSV.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/lib/sample.h"
#include "lib/table.h"
#include "traces/csv.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)

static void must_import(const char *from, const char *to)
{
	struct err err = { "" };

	if (csv_import(from, to, 0, NULL, &err))
		fail_msg("%s", err.text);
}

static void must_export(const char *trace, const char *codec, const char *to)
{
	struct err err = { "" };
	struct source *r = source_open(trace, ALL | ZLT_KEYS, &err);
	FILE *out = fopen(to, "w");

	if (!r)
		fail_msg("%s", err.text);
	assert_non_null(out);
	if (csv_export(r, codec, out, &err))
		fail_msg("%s", err.text);
	assert_int_equal(fclose(out), 0);
	source_close(r);
}

static void same_files(const char *a, const char *b)
{
	size_t len_a, len_b;
	uint8_t *data_a = file_load(a, &len_a), *data_b = file_load(b, &len_b);

	assert_int_equal(len_a, len_b);
	assert_memory_equal(data_a, data_b, len_a);
	free(data_a);
	free(data_b);
}

static void import_text(const char *text, size_t len, const char *to)
{
	const char *from = temp_path("text.csv");

	file_save(from, text, len);
	must_import(from, to);
}

static void test_round_trip(void **state)
{
	const char *csv1 = temp_path("a.csv"), *csv2 = temp_path("b.csv");
	const char *zlt1 = temp_path("a.zlt"), *zlt2 = temp_path("b.zlt");
	const char *zlt0 = temp_path("0.zlt");
	unsigned int columns;

	for (columns = 0; columns <= ALL; columns++) {
		struct zlt_options opts = { .columns = columns };
		struct sample *s = sample_make(2000, ZLT_OBJECT_SIZES, columns);
		struct zlt_reader *r;
		uint64_t read;

		sample_write(s, zlt0, &opts);
		must_export(zlt0, NULL, csv1);
		must_import(csv1, zlt1);
		r = zlt_open(zlt1, ALL | ZLT_KEYS, NULL);
		assert_non_null(r);
		assert_int_equal(zlt_info(r)->columns, columns);
		assert_int_equal(sample_check(s, r, 0, &read, NULL), 0);
		assert_int_equal(read, s->count);
		zlt_reader_close(r);
		must_export(zlt1, NULL, csv2);
		same_files(csv1, csv2);
		must_import(csv2, zlt2);
		same_files(zlt1, zlt2);
		sample_free(s);
	}
}

/* One of each, written in ways that must be understood. */
static const char liberal[] =
	"\xef\xbb\xbf"
	"label,tid,op,size,key,cpu,time_ns\r\n"
	",4294967295,store,1,0x10,65535,18446744073709551615\r\n"
	"\r\n"
	",7,store,4096,18446744073709551615,0,0\n"
	"ignored,7,load,,0xFFFFFFFFFFFFFFFF,0,1\n"
	"\"x,\"\"y\"\"\",7,mark,,,0,2\n"
	",7,mark,,5,0,3\n"
	"\"\",7,\"compact\",0,,0,4\n"
	",7,store,2,16,0,5\n"
	",7,invalidate,9999,0X10,0,6";

static void check_liberal(const char *trace)
{
	static const uint8_t ops[] = { ZLT_STORE, ZLT_STORE,	 ZLT_LOAD,
				       ZLT_MARK,  ZLT_MARK,	 ZLT_COMPACT,
				       ZLT_STORE, ZLT_INVALIDATE };
	static const uint64_t keys[] = { 16, UINT64_MAX, UINT64_MAX, 0,
					 0,  0,		 16,	     16 };
	static const uint32_t objects[] = { 1, 4096, 0, 0, 1, 0, 2, 0 };
	struct zlt_reader *r = zlt_open(trace, ALL | ZLT_KEYS, NULL);
	struct zlt_batch b;

	assert_non_null(r);
	assert_int_equal(zlt_info(r)->columns, ALL);
	assert_int_equal(zlt_next(r, &b, NULL), 1);
	assert_int_equal(b.count, sizeof(ops));
	assert_memory_equal(b.op, ops, sizeof(ops));
	assert_memory_equal(b.orig, keys, sizeof(keys));
	assert_memory_equal(b.object, objects, sizeof(objects));
	assert_true(b.time_ns[0] == UINT64_MAX);
	assert_int_equal(b.time_ns[7], 6);
	assert_int_equal(b.cpu[0], 65535);
	assert_true(b.tid[0] == UINT32_MAX);
	assert_string_equal(b.labels[0], "x,\"y\"");
	assert_string_equal(b.labels[1], "mark 2");
	/* A key that is stored twice is replaced. */
	assert_int_equal(zlt_info(r)->keys, 2);
	assert_int_equal(zlt_info(r)->live_peak, 2);
	zlt_reader_close(r);
}

static void test_liberal(void **state)
{
	const char *to = temp_path("liberal.zlt");
	const char *gz = temp_path("liberal.csv.gz");
	gzFile f;

	import_text(liberal, sizeof(liberal) - 1, to);
	check_liberal(to);
	f = gzopen(gz, "w");
	assert_non_null(f);
	assert_int_equal(gzwrite(f, liberal, sizeof(liberal) - 1),
			 sizeof(liberal) - 1);
	assert_int_equal(gzclose(f), Z_OK);
	must_import(gz, to);
	check_liberal(to);
}

static void test_no_sizes(void **state)
{
	static const char text[] = "key,op\n1,store\n1,load\n";
	const char *to = temp_path("none.zlt");
	struct zlt_batch b;
	struct zlt_reader *r;

	import_text(text, strlen(text), to);
	r = zlt_open(to, 0, NULL);
	assert_non_null(r);
	assert_int_equal(zlt_next(r, &b, NULL), 1);
	assert_int_equal(b.object[0], 4096);
	assert_int_equal(b.object[1], 0);
	zlt_reader_close(r);
	import_text("op,key\n", 7, to);
	r = zlt_open(to, 0, NULL);
	assert_non_null(r);
	assert_int_equal(zlt_info(r)->events, 0);
	zlt_reader_close(r);
}

#define TEXT(text) text, sizeof(text) - 1

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *says;
	} bad[] = {
		{ TEXT(""), ": empty; the first line must name the columns" },
		{ TEXT("\n\n"), ": empty;" },
		{ TEXT("key,size\n1,2\n"), ": line 1: column op is missing" },
		{ TEXT("op,size\n"), ": line 1: column key is missing" },
		{ TEXT("op,key,sise\n"),
		  ": line 1: column 3: unknown column \"sise\"" },
		{ TEXT("op,key,op\n"), ": line 1: column 3: a second column" },
		{ TEXT("op,key,\n"), ": line 1: column 3: unknown column" },
		{ TEXT("op,key\nstore,1\nput,1\n"),
		  ": line 3, column 1 (op): unknown operation \"put\"" },
		{ TEXT("op,key\nStore,1\n"), "column 1 (op): unknown" },
		{ TEXT("op,key\n,1\n"), "column 1 (op): unknown" },
		{ TEXT("op,key,size\nstore,1,0\n"),
		  ": line 2, column 3 (size): size 0 of a store is not in" },
		{ TEXT("op,key,size\nstore,1,4097\n"),
		  "column 3 (size): size 4097" },
		{ TEXT("op,key,size\nstore,1,\n"), "column 3 (size): empty" },
		{ TEXT("op,key,size\nstore,1,-5\n"),
		  "column 3 (size): \"-5\" is not a whole number" },
		{ TEXT("op,key,size\nstore,1,1\nload,1,x\n"),
		  ": line 3, column 3 (size): \"x\"" },
		{ TEXT("key,op\n1,store\n2,load\n"),
		  ": line 3, column 1 (key): load of key 2, which was never" },
		{ TEXT("op,key\ninvalidate,0x9\n"),
		  ": line 2, column 2 (key): invalidate of key 9" },
		{ TEXT("op,key\nstore,\n"), "column 2 (key): empty" },
		{ TEXT("op,key\nstore,1.5\n"), "column 2 (key): \"1.5\"" },
		{ TEXT("op,key\nstore,0x\n"), "column 2 (key): \"0x\"" },
		{ TEXT("op,key\nstore, 1\n"), "column 2 (key): \" 1\"" },
		{ TEXT("op,key\nstore,+1\n"), "column 2 (key): \"+1\"" },
		{ TEXT("op,key\nstore,18446744073709551616\n"),
		  "column 2 (key): \"18446744073709551616\"" },
		{ TEXT("op,key,cpu\nstore,1,65536\n"),
		  "column 3 (cpu): \"65536\" is not a whole number in "
		  "0..65535" },
		{ TEXT("op,key,tid\nstore,1,4294967296\n"), "column 3 (tid)" },
		{ TEXT("op,key,time_ns\nstore,1,\n"), "column 3 (time_ns)" },
		{ TEXT("op,key,label\nmark,,a\tb\n"),
		  "column 3 (label): a label takes" },
		{ TEXT("op,key,label\nmark,,\xe4\n"),
		  "column 3 (label): a label takes" },
		{ TEXT("op,key\nstore,1,2\n"),
		  ": line 2: 3 columns; the header names 2" },
		{ TEXT("op,key\nstore\n"), ": line 2: 1 columns" },
		{ TEXT("op,key\n\"store,1\n"),
		  ": line 2: column 1: its quotes are not balanced" },
		{ TEXT("op,key\nstore,\"1\"x\n"),
		  ": line 2: column 2: its quotes are not balanced" },
		{ TEXT("op,key\nstore,\"1\"\"\n"), "quotes are not balanced" },
		{ TEXT("op,key\nstore,1\0\n"), ": line 2: a NUL byte" },
		{ TEXT("\0\0\0\0"), ": line 1: a NUL byte" },
	};
	const char *from = temp_path("bad.csv"), *to = temp_path("bad.zlt");
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		file_save(from, bad[i].text, bad[i].len);
		err.text[0] = '\0';
		assert_int_equal(csv_import(from, to, 0, NULL, &err), -EINVAL);
		if (strncmp(err.text, from, strlen(from)) != 0 ||
		    !strstr(err.text, bad[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text,
				 bad[i].says);
		assert_null(strchr(err.text, '\n'));
		assert_int_equal(access(to, F_OK), -1);
	}
}

static void test_long_line(void **state)
{
	char text[TABLE_LINE_MAX + 100];
	const char *from = temp_path("long.csv"), *to = temp_path("long.zlt");
	struct err err = { "" };
	size_t len;

	len = (size_t)sprintf(text, "op,key\nstore,");
	/* The longest line there may be, then one more. */
	memset(text + len, '0', TABLE_LINE_MAX - 7);
	text[len + TABLE_LINE_MAX - 7] = '1';
	text[len + TABLE_LINE_MAX - 6] = '\n';
	import_text(text, len + TABLE_LINE_MAX - 5, to);
	text[len + TABLE_LINE_MAX - 6] = '2';
	text[len + TABLE_LINE_MAX - 5] = '\n';
	file_save(from, text, len + TABLE_LINE_MAX - 4);
	assert_int_equal(csv_import(from, to, 0, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, ": line 2: longer than 4096 bytes"));
}

static void test_broken_gzip(void **state)
{
	const char *gz = temp_path("cut.csv.gz"), *to = temp_path("cut.zlt");
	struct err err = { "" };
	uint8_t *data;
	size_t len;
	gzFile f;
	int i;

	f = gzopen(gz, "w");
	assert_non_null(f);
	gzputs(f, "op,key\n");
	for (i = 0; i < 20000; i++)
		gzprintf(f, "store,%d\n", i * i);
	assert_int_equal(gzclose(f), Z_OK);
	data = file_load(gz, &len);
	file_save(gz, data, len / 2);
	assert_int_equal(csv_import(gz, to, 0, NULL, &err), -EIO);
	assert_non_null(strstr(err.text, ": the gzip data is cut short"));
	data[len / 2] ^= 0x40;
	data[len / 2 + 1] ^= 0x40;
	file_save(gz, data, len);
	assert_int_not_equal(csv_import(gz, to, 0, NULL, &err), 0);
	free(data);
	assert_int_equal(csv_import("/nowhere/x.csv", to, 0, NULL, &err),
			 -ENOENT);
	file_save(gz, "op,key\n", 7);
	assert_int_equal(csv_import(gz, "/nowhere/x.zlt", 0, NULL, &err),
			 -ENOENT);
}

/* Whole, cut short anywhere, and with two frames one after the other. */
static void test_zstd(void **state)
{
	static const char head[] = "op,key\n", rows[] = "store,1\nload,1\n";
	const char *path = temp_path("t.csv.zst"), *to = temp_path("t.zlt");
	char packed[512];
	size_t one, len, i;
	struct err err;

	one = ZSTD_compress(packed, sizeof(packed), head, strlen(head), 3);
	len = one + ZSTD_compress(packed + one, sizeof(packed) - one, rows,
				  strlen(rows), 3);
	file_save(path, packed, len);
	must_import(path, to);
	for (i = 4; i < len; i++) {
		if (i == one)
			continue;
		file_save(path, packed, i);
		assert_int_equal(csv_import(path, to, 0, NULL, &err), -EIO);
		assert_non_null(
			strstr(err.text, ": the zstd data is cut short"));
	}
	packed[4] ^= 0xff;
	file_save(path, packed, len);
	assert_int_equal(csv_import(path, to, 0, NULL, &err), -EIO);
}

static int half(void *arg, const void *page)
{
	/* Some over a page, as a codec may give. */
	return 4000 + *(const uint8_t *)page;
}

static void test_export_contents(void **state)
{
	struct zlt_sizer sizers[] = { { "half", half, NULL } };
	struct zlt_options opts = { .objects = ZLT_OBJECT_HASHES,
				    .sizers = sizers,
				    .sizer_count = 1 };
	struct sample *s = sample_make(500, ZLT_OBJECT_HASHES, 3);
	const char *zlt = temp_path("c.zlt"), *csv = temp_path("c.csv");
	const char *back = temp_path("back.zlt");
	struct err err = { "" };
	struct source *r;
	struct zlt_batch b;
	size_t i;

	sample_write(s, zlt, &opts);
	must_export(zlt, "half", csv);
	must_export(zlt, NULL, csv);
	must_import(csv, back);
	r = source_open(back, 0, NULL);
	assert_non_null(r);
	assert_int_equal(source_next(r, &b, NULL), 1);
	for (i = 0; i < s->count; i++) {
		int size =
			s->events[i].op == ZLT_STORE
				? half(NULL,
				       s->pages + (size_t)s->events[i].object *
							  ZLT_PAGE_SIZE)
				: 0;

		if (b.op[i] == ZLT_STORE)
			assert_int_equal(b.object[i],
					 size < 4096 ? size : 4096);
	}
	source_close(r);
	r = source_open(zlt, ALL | ZLT_KEYS, NULL);
	assert_int_equal(csv_export(r, "lz4", stderr, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no sizes for codec lz4"));
	source_close(r);

	opts.sizer_count = 0;
	sample_write(s, zlt, &opts);
	r = source_open(zlt, ALL | ZLT_KEYS, NULL);
	assert_int_equal(csv_export(r, NULL, stderr, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no object sizes"));
	source_close(r);
	sample_free(s);
}

static void test_export_full(void **state)
{
	struct sample *s = sample_make(2000, ZLT_OBJECT_SIZES, 3);
	const char *zlt = temp_path("f.zlt");
	FILE *full = fopen("/dev/full", "w");
	struct err err = { "" };
	struct source *r;

	sample_write(s, zlt, NULL);
	r = source_open(zlt, ZLT_KEYS, NULL);
	assert_non_null(full);
	assert_int_equal(csv_export(r, NULL, full, &err), -EIO);
	fclose(full);
	source_close(r);
	sample_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_liberal),
		cmocka_unit_test(test_no_sizes),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_broken_gzip),
		cmocka_unit_test(test_zstd),
		cmocka_unit_test(test_export_contents),
		cmocka_unit_test(test_export_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
