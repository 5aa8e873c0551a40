// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The class tables: against tables read from the memory of running kernels, and
 * against the counts and shares that follow from the kernel's rules.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "harness/verify/classes.h"

static void read_table(const char *spec, unsigned extra, struct class_table *t)
{
	struct zpool_config config = { 0 };
	struct err err = { "" };
	struct zpool *pool = zpool_create(spec, &config, &err);

	if (!pool || class_table_read(pool, extra, t, &err))
		fail_msg("%s", err.text);
	zpool_destroy(pool);
}

static void compare_with_kernel(const char *spec, const char *path)
{
	unsigned slot, index, size, objects, pages;
	struct class_table t;
	size_t rows = 0;
	FILE *f = fopen(path, "r");
	char line[128];

	assert_non_null(f);
	read_table(spec, 32, &t);
	assert_non_null(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		assert_int_equal(sscanf(line, "%u,%u,%u,%u,%u", &slot, &index,
					&size, &objects, &pages),
				 5);
		assert_true(slot < t.nr);
		assert_int_equal(t.class[slot].slot, slot);
		assert_int_equal(t.class[slot].index, index);
		assert_int_equal(t.class[slot].size, size);
		assert_int_equal(t.class[slot].objects, objects);
		assert_int_equal(t.class[slot].pages, pages);
		rows++;
	}
	fclose(f);
	assert_int_equal(rows, t.nr);
	assert_int_equal(rows, 255);
	class_table_free(&t);
}

static void test_kernel_tables(void **state)
{
	static const char *const kernel[] = { "5.10", "6.1", "6.12", "7.2",
					      "7.3" };
	char spec[32], file[64];
	unsigned i;

	for (i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", kernel[i]);
		snprintf(file, sizeof(file),
			 "tests/vectors/%s-zsmalloc-classes.csv", kernel[i]);
		compare_with_kernel(spec, file);
	}
}

/* Rules, chain lengths, and what they give. */
static void test_counts(void **state)
{
	static const struct {
		const char *spec;
		size_t classes;
		unsigned huge_limit;
		double spanning;
	} want[] = {
		{ "zsmalloc:rule=waste,chain=4", 69, 3257, 18.8 },
		{ "zsmalloc:rule=waste,chain=8", 119, 3625, 29.6 },
		{ "zsmalloc:rule=waste,chain=16", 192, 3833, 37.4 },
		{ "zsmalloc:rule=waste,chain=6", 94, 3497, 0 },
		{ "zsmalloc:rule=percent,chain=4", 69, 3257, 0 },
		{ "zsmalloc:rule=percent,chain=8", 123, 3625, 0 },
		{ "zsmalloc:rule=percent,chain=16", 191, 3833, 0 },
	};
	struct class_table t;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		read_table(want[i].spec, 32, &t);
		if (t.physical != want[i].classes ||
		    t.huge_limit != want[i].huge_limit ||
		    (want[i].spanning &&
		     fabs(t.spanning * 100 - want[i].spanning) > 0.05))
			fail_msg("%s: %zu classes, huge from %u, %.2f %% span",
				 want[i].spec, t.physical, t.huge_limit,
				 t.spanning * 100);
		class_table_free(&t);
	}
}

static void expect(const char *spec, const char *over,
		   const struct class_share *got, double mean, double median)
{
	if (fabs(got->mean - mean) > 0.005 ||
	    (median > 0 && fabs(got->median - median) > 0.005))
		fail_msg("%s, %s: %.4f mean, %.4f median, not %.2f and %.2f",
			 spec, over, got->mean, got->median, mean, median);
}

/* 32 bytes more in each zspage, per object. */
static void test_bytes_per_object(void **state)
{
	static const struct {
		const char *spec;
		double classes[2], slots[2], small;
	} want[] = {
		{ "zsmalloc:chain=4", { 3.29, 2.13 }, { 11.20, 6.40 }, 5.87 },
		{ "zsmalloc:chain=8", { 2.63, 1.88 }, { 7.04, 3.20 }, 3.83 },
		{ "zsmalloc:chain=16", { 1.99, 1.39 }, { 4.27, 1.68 }, 2.41 },
	};
	struct class_table t;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		read_table(want[i].spec, 32, &t);
		expect(want[i].spec, "classes", &t.over_physical,
		       want[i].classes[0], want[i].classes[1]);
		expect(want[i].spec, "slots", &t.over_logical, want[i].slots[0],
		       want[i].slots[1]);
		expect(want[i].spec, "not huge", &t.over_small, want[i].small,
		       0);
		assert_true(t.over_logical.max == 32.0);
		class_table_free(&t);
	}
}

static void test_no_classes(void **state)
{
	struct zpool_config config = { 0 };
	struct err err = { "" };
	struct zpool *pool = zpool_create("zbud", &config, &err);
	struct class_table t;

	assert_non_null(pool);
	assert_int_equal(class_table_read(pool, 32, &t, &err), -ENOENT);
	assert_string_equal(err.text, "zbud:lru=off has no size classes");
	zpool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_tables),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bytes_per_object),
		cmocka_unit_test(test_no_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
