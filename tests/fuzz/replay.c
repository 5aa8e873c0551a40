// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every input that a fuzzer found worth keeping, once more. The program's name
 * says which target it is: test_NAME runs tests/corpus/NAME.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/sample.h"

static void test_corpus(void **state)
{
	const char *name = program_invocation_short_name + strlen("test_");
	char pattern[128];
	size_t len, i;
	uint8_t *data;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "tests/corpus/%s/*", name);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 10);
	for (i = 0; i < found.gl_pathc; i++) {
		data = file_load(found.gl_pathv[i], &len);
		fuzz(data, len);
		free(data);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
