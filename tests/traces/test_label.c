// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "traces/label.h"

#define A "aaaaaaaa11111111"
#define B "bbbbbbbb22222222"
#define C "cccccccc33333333"
/* Begins as A does. */
#define D "aaaaaaaa44444444"

/* Up to three traces as name, hash, label. */
static void check(size_t n, const char *const words[][3])
{
	struct label all[3] = { { 0 } };
	size_t i;

	for (i = 0; i < n; i++)
		all[i] = (struct label){ .name = words[i][0],
					 .sha256 = words[i][1] };
	assert_int_equal(label_traces(all, n), 0);
	for (i = 0; i < n; i++)
		assert_string_equal(all[i].text, words[i][2]);
	label_free(all, n);
}

#define CHECK(...)                                                     \
	do {                                                           \
		static const char *const words[][3] = { __VA_ARGS__ }; \
                                                                       \
		check(sizeof(words) / sizeof(words[0]), words);        \
	} while (0)

static void test_names_alone(void **state)
{
	CHECK({ "churn", A, "churn" });
	CHECK({ "churn", A, "churn" }, { "redis", B, "redis" });
	CHECK({ "a.b", A, "a.b" }, { "a_b", B, "a_b" }, { "a-b", C, "a-b" });
	CHECK({ "\xc3\xa4", A, "\xc3\xa4" }, { "\xc3\xb6", B, "\xc3\xb6" });
	label_traces(NULL, 0);
}

static void test_namesakes(void **state)
{
	CHECK({ "churn", A, "churn aaaaaaaa" },
	      { "churn", B, "churn bbbbbbbb" }, { "redis", C, "redis" });
	CHECK({ "a b", A, "a b aaaaaaaa" }, { "a|b", B, "a|b bbbbbbbb" });
	CHECK({ "a\x1b", A, "a\\x1b aaaaaaaa" },
	      { "a\\x1b", B, "a\\x1b bbbbbbbb" });
}

static void test_one_trace_twice(void **state)
{
	CHECK({ "churn", A, "churn" }, { "churn", A, "churn" });
	CHECK({ "churn", A, "churn aaaaaaaa" },
	      { "churn", A, "churn aaaaaaaa" },
	      { "churn", B, "churn bbbbbbbb" });
}

static void test_more_digits(void **state)
{
	CHECK({ "churn", A, "churn " A }, { "churn", D, "churn " D },
	      { "churn", B, "churn bbbbbbbb" });
	/* A name that looks like the label of another trace. */
	CHECK({ "churn", A, "churn " A }, { "churn", B, "churn bbbbbbbb" },
	      { "churn aaaaaaaa", C, "churn aaaaaaaa " C });
}

/* What is no hash, from a file of records, does not go on for ever. */
static void test_no_hash(void **state)
{
	struct label all[] = { { .name = "x", .sha256 = "/" },
			       { .name = "x", .sha256 = "|" } };

	assert_int_equal(label_traces(all, 2), 0);
	label_free(all, 2);
}

static void test_json(void **state)
{
	json_t *text = label_json("\xc3\xa4\x1b");

	assert_string_equal(json_string_value(text), "\xc3\xa4\x1b");
	json_decref(text);
	text = label_json("a\xff\x1b");
	assert_string_equal(json_string_value(text), "a?\x1b");
	json_decref(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_alone),
		cmocka_unit_test(test_namesakes),
		cmocka_unit_test(test_one_trace_twice),
		cmocka_unit_test(test_more_digits),
		cmocka_unit_test(test_no_hash),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
