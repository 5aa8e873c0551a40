// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every input that the fuzzers found worth keeping, through the same entry
 * points.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <stdlib.h>

#include "tests/lib/fuzz_entry.h"
#include "tests/lib/sample.h"

static void run_corpus(const char *pattern,
		       void (*entry)(const uint8_t *data, size_t len))
{
	size_t len, i;
	uint8_t *data;
	glob_t found;

	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 10);
	for (i = 0; i < found.gl_pathc; i++) {
		data = file_load(found.gl_pathv[i], &len);
		entry(data, len);
		free(data);
	}
	globfree(&found);
}

static void test_zlt(void **state)
{
	run_corpus("tests/corpus/zlt/*", fuzz_zlt);
}

static void test_csv(void **state)
{
	run_corpus("tests/corpus/csv/*", fuzz_csv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zlt),
		cmocka_unit_test(test_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
