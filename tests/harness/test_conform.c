// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every log of a real kernel, replayed with the backend that tests/vectors/index
 * names for it, and the tool itself: that it finds a difference where there is
 * one, and what it says of a bad log.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/zpool.h"
#include "harness/verify/conform.h"

#define VECTORS "tests/vectors/"
#define MAX_VECTORS 64

struct vector {
	char name[64], backend[128];
	char *path, *title;
	struct conform_config config;
};

static struct vector vector[MAX_VECTORS];

static void test_vector(void **state)
{
	struct vector *v = *state;
	struct conform_result r;
	struct err err = { "" };

	if (conform_run(&v->config, &r, &err))
		fail_msg("%s", err.text);
	if (r.total)
		fail_msg("%s: %lu differences; first: %s", v->name,
			 (unsigned long)r.total, r.first);
	assert_true(r.compared[CONFORM_MARKS] > 1);
	assert_true(r.compared[CONFORM_BYTES] > 10000);
	if (v->config.settle_every == CONFORM_BY_LOG) {
		assert_true(r.compared[CONFORM_PAGES] > 20000);
		assert_true(r.compared[CONFORM_FRAMES] > 10000);
		assert_true(r.compared[CONFORM_SLOTS] > 10000);
	}
}

static size_t read_index(void)
{
	char line[512], when[16];
	size_t n = 0;
	double percent;
	FILE *f = fopen(VECTORS "index", "r");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f) && n < MAX_VECTORS) {
		struct vector *v = &vector[n];

		if (*line == '#' || sscanf(line, "%63s %127s %15s %lf", v->name,
					   v->backend, when, &percent) != 4)
			continue;
		if (asprintf(&v->path, VECTORS "%s.csv.zst", v->name) < 0 ||
		    asprintf(&v->title, "%s on %s by %s", v->name, v->backend,
			     when) < 0)
			abort();
		v->config.log = v->path;
		v->config.backend = v->backend;
		v->config.tolerance = percent / 100;
		v->config.settle_every = strcmp(when, "log")
						 ? ZPOOL_SETTLE_EVERY
						 : CONFORM_BY_LOG;
		n++;
	}
	fclose(f);
	return n;
}

/* Replays @rows as a log of the harmless backend zbud. */
static int run_log(const char *rows, struct conform_result *r, struct err *err)
{
	struct conform_config config = { .backend = "zbud" };
	char path[] = "conform-log-XXXXXX", full[4096];
	const char *dir = getenv("TMPDIR");
	int fd, ret;

	snprintf(full, sizeof(full), "%s/%s", dir ? dir : "/tmp", path);
	fd = mkstemp(full);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, rows, strlen(rows)), strlen(rows));
	close(fd);
	config.log = full;
	ret = conform_run(&config, r, err);
	unlink(full);
	return ret;
}

#define HEADER "op,id,size,pages,before,page,at,note\n"

static void expect_difference(const char *rows, enum conform_kind kind)
{
	struct conform_result r;
	struct err err = { "" };

	assert_int_equal(run_log(rows, &r, &err), 0);
	if (r.differences[kind] != 1 || r.total != 1)
		fail_msg("%s: %lu %s differences of %lu, first: %s", rows,
			 (unsigned long)r.differences[kind],
			 conform_kind_name[kind], (unsigned long)r.total,
			 r.first);
	assert_non_null(strstr(r.first, "line "));
}

/* Two objects of 1000 bytes share a page: zbud puts them at 64 and 3072. */
static void test_finds_each_difference(void **state)
{
	struct conform_result r;
	struct err err = { "" };

	assert_int_equal(run_log(HEADER "a,0,1000,,0,7,64,\n"
					"a,1,1000,,1,7,3072,\n"
					"a,2,1000,,1,3,64,\n"
					"r,,4000,,2,,,-28\n"
					"f,0,,,2,,,\n"
					"m,,,2,,,,end\n",
				 &r, &err),
			 0);
	assert_int_equal(r.total, 0);
	assert_int_equal(r.rows, 6);

	expect_difference(HEADER "a,0,1000,,1,7,64,\n", CONFORM_PAGES);
	expect_difference(HEADER "a,0,1000,,0,7,64,\nm,,,2,,,,x\n",
			  CONFORM_MARKS);
	expect_difference(HEADER "a,0,1000,,0,7,128,\n", CONFORM_SLOTS);
	expect_difference(HEADER "a,0,1000,,0,7,64,\na,1,1000,,1,8,3072,\n",
			  CONFORM_FRAMES);
	expect_difference(HEADER "a,0,3000,,0,7,64,\na,1,3000,,1,7,64,\n",
			  CONFORM_FRAMES);
	expect_difference(HEADER "r,,4000,,0,,,-12\n", CONFORM_ERRNOS);
	expect_difference(HEADER "a,0,4000,,0,7,64,\n", CONFORM_ERRNOS);
	expect_difference(HEADER "c,,,,0,,5,\n", CONFORM_COMPACTIONS);
	expect_difference(HEADER "a,0,9,,0,7,64,\nw,,,,1,7,,\n", CONFORM_WORKS);
	/* A frame that was freed may come back under any name. */
	assert_int_equal(run_log(HEADER "a,0,3000,,0,7,64,\nf,0,,,1,,,\n"
					"a,1,3000,,0,9,64,\n"
					"a,2,3000,,1,7,64,\n",
				 &r, &err),
			 0);
	assert_int_equal(r.total, 0);
}

static void expect_error(const char *rows, const char *says)
{
	struct conform_result r;
	struct err err = { "" };

	assert_true(run_log(rows, &r, &err) < 0);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void test_bad_logs(void **state)
{
	struct conform_config config = { .log = "no/such.csv",
					 .backend = "zbud" };
	struct conform_result r;
	struct err err = { "" };

	assert_true(conform_run(&config, &r, &err) < 0);
	assert_non_null(strstr(err.text, "no/such.csv"));
	expect_error("", "column");
	expect_error("op,id,size\n", "column \"pages\"");
	expect_error(HEADER "a,0\n", "line 2: fewer than");
	expect_error(HEADER "x,0,,,,,,\n", "line 2: unknown op");
	expect_error(HEADER "aa,0,,,,,,\n", "line 2: op \"aa\"");
	expect_error(HEADER "a,0,9x,,,,,\n", "column 3 (size): \"9x\"");
	expect_error(HEADER "a,0,,,,,,\n", "needs a number in size");
	expect_error(HEADER "a,,9,,,,,\n", "needs a number in id");
	expect_error(HEADER "a,0,4097,,,,,\n", "over a page");
	expect_error(HEADER "f,3,,,,,,\n", "object 3 was never allocated");
	expect_error(HEADER "a,0,9,,,,,\na,0,9,,,,,\n", "allocated twice");
	expect_error("\x28\xb5\x2f\xfd", "zstd");
	expect_error("\x1f\x8b\x08", "gzip");
}

/* What must not pass, or the vectors would prove nothing. */
static void test_wrong_backends(void **state)
{
	static const struct {
		const char *log, *backend;
	} wrong[] = {
		{ VECTORS "6.1-zbud-lz4-s1.csv.zst", "null" },
		{ VECTORS "6.1-zbud-lz4-s1.csv.zst", "z3fold@6.1" },
		{ VECTORS "6.1-z3fold-lz4-s1.csv.zst", "z3fold@4.10" },
		{ VECTORS "6.1-z3fold-lz4-s1.csv.zst", "z3fold:slide=off" },
		{ VECTORS "6.1-zsmalloc-lz4-s1.csv.zst", "zsmalloc@6.12" },
		{ VECTORS "6.12-zsmalloc-lz4-s1.csv.zst", "zsmalloc@6.1" },
		{ VECTORS "6.12-zram-lz4-s4-rand50.csv.zst",
		  "zsmalloc@6.12:groups=4" },
	};
	struct conform_config config = { 0 };
	struct conform_result r;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		config.log = wrong[i].log;
		config.backend = wrong[i].backend;
		if (conform_run(&config, &r, &err))
			fail_msg("%s", err.text);
		if (r.total < 100)
			fail_msg("%s passes on %s", config.log, config.backend);
	}
}

int main(void)
{
	static struct CMUnitTest tests[MAX_VECTORS + 3];
	size_t i, n = read_index();

	for (i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ vector[i].title, test_vector,
						NULL, NULL, &vector[i] };
	tests[n++] =
		(struct CMUnitTest)cmocka_unit_test(test_finds_each_difference);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_bad_logs);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_wrong_backends);
	if (n == 3) {
		fprintf(stderr, "no vectors in " VECTORS "index\n");
		return 1;
	}
	return _cmocka_run_group_tests("conform", tests, n, NULL, NULL);
}
