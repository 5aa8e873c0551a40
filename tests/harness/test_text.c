// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/text.h"

static const char *const pairs[][2] = {
	{ "", "" },
	{ "zsmalloc:chain=4 \\ ~", "zsmalloc:chain=4 \\ ~" },
	{ "\x1b[2Ja", "\\x1b[2Ja" },
	{ "a\r\n\tb\x7f", "a\\x0d\\x0a\\x09b\\x7f" },
	{ "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac",
	  "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac" },
	/* A control sequence as one letter: U+009B, and the byte alone. */
	{ "\xc2\x9b"
	  "2J",
	  "\\x9b2J" },
	{ "\x9b"
	  "2J",
	  "\\x9b2J" },
	{ "cut \xe6\x97", "cut \\xe6\\x97" },
	{ "\xc0\xaf", "\\xc0\\xaf" },
	{ "a\xe2\x80\xae"
	  "b",
	  "a\\u202eb" },
	{ "\xe2\x80\xa8", "\\u2028" },
};

static void test_escapes(void **state)
{
	struct text room;
	char *all;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_string_equal(text_plain(&room, pairs[i][0]),
				    pairs[i][1]);
		all = text_dup(pairs[i][0]);
		assert_non_null(all);
		assert_string_equal(all, pairs[i][1]);
		/* Escaping twice changes nothing. */
		assert_string_equal(text_plain(&room, all), all);
		free(all);
	}
	assert_string_equal(text_plain(&room, NULL), "?");
}

static void test_all_bytes(void **state)
{
	char text[3] = { 0 }, *all, *at;
	int a, b;

	for (a = 1; a < 256; a++)
		for (b = 0; b < 256; b++) {
			text[0] = (char)a;
			text[1] = (char)b;
			all = text_dup(text);
			assert_non_null(all);
			for (at = all; *at; at++)
				assert_true((unsigned char)*at >= ' ' &&
					    *at != 0x7f);
			free(all);
		}
}

static void test_cut(void **state)
{
	char text[3001] = "";
	struct text room;
	size_t i;

	for (i = 0; i < 1000; i++)
		strcat(text, "\xe6\x97\xa5");
	/* 1023 is a whole number of such letters, 1022 is not. */
	assert_int_equal(strlen(text_plain(&room, text)), 1023);
	text[0] = 'a';
	text[1] = 'b';
	text[2] = '\n';
	assert_int_equal(strlen(text_plain(&room, text)), 1023 - 3 + 2 + 1);
}

static void check_cell(const char *text, int width, const char *want)
{
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	assert_non_null(out);
	text_cell(out, text, width);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(got, want);
	free(got);
}

static void test_columns(void **state)
{
	assert_int_equal(text_width("abc", 3), 3);
	assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac", 6), 4);
	/* An accent above the letter before it. */
	assert_int_equal(text_width("e\xcc\x81", 3), 1);
	check_cell("abc", 5, "abc  ");
	check_cell("abcdef", 5, "abcde");
	check_cell("\xe6\x97\xa5\xe6\x9c\xac", 5, "\xe6\x97\xa5\xe6\x9c\xac ");
	check_cell("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5 ");
	check_cell("\n", 5, "\\x0a ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_all_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
