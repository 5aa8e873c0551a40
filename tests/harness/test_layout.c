// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/layout.h"

/* @text, folded; to be freed. */
static char *folded(const char *text, int width)
{
	char *got = NULL;
	size_t len, at;
	FILE *to = open_memstream(&got, &len), *page;

	assert_non_null(to);
	page = layout_open(to, width);
	assert_non_null(page);
	/* However it comes. */
	for (at = 0; at < strlen(text); at += 7)
		fprintf(page, "%.7s", text + at);
	assert_int_equal(layout_close(page), 0);
	assert_int_equal(fclose(to), 0);
	return got;
}

static void check_fold(const char *text, int width, const char *want)
{
	char *got = folded(text, width);

	assert_string_equal(got, want);
	free(got);
}

static void test_short_lines_stay(void **state)
{
	check_fold("a line\n\n  and one\n", 20, "a line\n\n  and one\n");
	check_fold("without an end", 20, "without an end\n");
	check_fold("", 20, "");
	check_fold("12345678901234567890\n", 20, "12345678901234567890\n");
}

static void test_any_width(void **state)
{
	char text[400];

	memset(text, 'x', sizeof(text) - 2);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	text[200] = ' ';
	check_fold(text, 0, text);
}

static void test_broken_at_blanks(void **state)
{
	check_fold("one two three four five six\n", 13,
		   "one two three\nfour five six\n");
	check_fold("  one two three\n", 10, "  one two\n  three\n");
}

static void test_below_its_text(void **state)
{
	check_fold("  name   what it is for\n", 18,
		   "  name   what it\n         is for\n");
	check_fold("key  1,222,333,444\n", 13, "key  1,222,\n     333,444\n");
}

static void test_words_that_are_too_long(void **state)
{
	check_fold("no-blank-and-no-comma here\n", 10,
		   "no-blank-and-no-comma\nhere\n");
	check_fold("a=1,bb=22,ccc=333\n", 11, "a=1,bb=22,\nccc=333\n");
}

static const char *const heads[] = { "\nname", "first\nms", "\nsecond",
				     "third\n%" };

static char *table(const char *label, int width)
{
	struct layout_table *t = layout_table(heads, 4);
	char *got = NULL;
	size_t len;
	FILE *to = open_memstream(&got, &len);

	layout_cell(t, "%s", label);
	layout_cell(t, "%d", 1);
	layout_cell(t, "%.1f", 22.5);
	layout_cell(t, "-");
	layout_cell(t, "b");
	layout_cell(t, "%d", 100000);
	assert_int_equal(layout_table_print(t, to, width), 0);
	assert_int_equal(fclose(to), 0);
	return got;
}

static void check_table(const char *label, int width, const char *want)
{
	char *got = table(label, width);

	assert_string_equal(got, want);
	free(got);
}

static void test_table_in_one_piece(void **state)
{
	static const char want[] = "       first          third\n"
				   "name      ms  second      %\n"
				   "a          1    22.5      -\n"
				   "b     100000\n";

	check_table("a", 0, want);
	check_table("a", 27, want);
}

static void test_label_of_its_own_line(void **state)
{
	check_table("a-long-one", 27,
		    "       first          third\n"
		    "name      ms  second      %\n"
		    "a-long-one\n"
		    "           1    22.5      -\n"
		    "b     100000\n");
}

static void test_stacked(void **state)
{
	check_table("a", 20,
		    "       first\n"
		    "name      ms  second\n"
		    "a          1    22.5\n"
		    "b     100000\n"
		    "\n"
		    "      third\n"
		    "name      %\n"
		    "a         -\n"
		    "b\n");
}

/* What names hold neither steers the terminal nor moves a column. */
static void test_foreign_letters(void **state)
{
	static const char *const two[] = { "name", "n" };
	struct layout_table *t = layout_table(two, 2);
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	layout_cell(t, "\xe6\x97\xa5\xe6\x9c\xac");
	layout_cell(t, "1");
	layout_cell(t, "a\x1b[2J\n");
	layout_cell(t, "22");
	assert_int_equal(layout_table_print(t, out, 80), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(got, "name           n\n"
				 "\xe6\x97\xa5\xe6\x9c\xac           1\n"
				 "a\\x1b[2J\\x0a  22\n");
	free(got);
	check_fold("a\x1b[2J\n", 80, "a\\x1b[2J\n");
}

static void test_no_table(void **state)
{
	layout_cell(NULL, "nothing");
	assert_int_not_equal(layout_table_print(NULL, stdout, 80), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_lines_stay),
		cmocka_unit_test(test_any_width),
		cmocka_unit_test(test_broken_at_blanks),
		cmocka_unit_test(test_below_its_text),
		cmocka_unit_test(test_words_that_are_too_long),
		cmocka_unit_test(test_table_in_one_piece),
		cmocka_unit_test(test_label_of_its_own_line),
		cmocka_unit_test(test_stacked),
		cmocka_unit_test(test_foreign_letters),
		cmocka_unit_test(test_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
