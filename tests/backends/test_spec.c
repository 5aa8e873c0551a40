// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/spec.h"

struct params {
	long long count, bytes, on, word;
	double real;
};

static const char *const words[] = { "pool", "class", "class-free", NULL };

static const struct spec_option options[] = {
	{ "count", SPEC_INT, offsetof(struct params, count), "8", 1, 16, NULL,
	  "a number" },
	{ "bytes", SPEC_SIZE, offsetof(struct params, bytes), "64K", 0, 1e15,
	  NULL, "a size" },
	{ "on", SPEC_BOOL, offsetof(struct params, on), "off", 0, 0, NULL,
	  "a switch" },
	{ "word", SPEC_CHOICE, offsetof(struct params, word), "class", 0, 0,
	  words, "a choice" },
	{ "real", SPEC_REAL, offsetof(struct params, real), "0.5", 0, 1, NULL,
	  "a share" },
	{ NULL },
};

static const struct spec_preset presets[] = {
	{ "6.1", "word=pool,count=4", "old" },
	{ "7.3", "word=class-free", "new" },
	{ NULL },
};

static const struct spec_desc desc = {
	.name = "thing",
	.what = "backend",
	.options = options,
	.presets = presets,
	.params_size = sizeof(struct params),
};

static void good(void **state)
{
	static const struct {
		const char *spec;
		struct params want;
	} cases[] = {
		{ "thing", { 8, 65536, 0, 1, 0.5 } },
		{ "thing:count=1", { 1, 65536, 0, 1, 0.5 } },
		{ "thing:count=16,on=on", { 16, 65536, 1, 1, 0.5 } },
		{ "thing@6.1", { 4, 65536, 0, 0, 0.5 } },
		{ "thing@6.1:count=9", { 9, 65536, 0, 0, 0.5 } },
		{ "thing@7.3:bytes=3M,real=1", { 8, 3 << 20, 0, 2, 1 } },
		{ "thing:bytes=2g", { 8, 2ll << 30, 0, 1, 0.5 } },
		{ "thing:bytes=0", { 8, 0, 0, 1, 0.5 } },
		{ "thing:real=1e-3", { 8, 65536, 0, 1, 1e-3 } },
		{ "./dir/thing.so:count=2", { 2, 65536, 0, 1, 0.5 } },
		{ "/a@b/c:d/thing.so@6.1", { 4, 65536, 0, 0, 0.5 } },
	};
	struct params p;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (spec_parse(&desc, cases[i].spec, &p, &err))
			fail_msg("%s: %s", cases[i].spec, err.text);
		if (memcmp(&p, &cases[i].want, sizeof(p)))
			fail_msg("%s gave %lld %lld %lld %lld %g",
				 cases[i].spec, p.count, p.bytes, p.on, p.word,
				 p.real);
	}
}

/* Every error names what is wrong and what would be right. */
static void bad(void **state)
{
	static const struct {
		const char *spec, *names, *right;
	} cases[] = {
		{ "thing:cuont=1", "\"cuont\"",
		  "count, bytes, on, word, real" },
		{ "thing:count=0", "count=0", "1..16" },
		{ "thing:count=17", "count=17", "1..16" },
		{ "thing:count=", "count=", "1..16" },
		{ "thing:count=1x", "count=1x", "1..16" },
		{ "thing:count=99999999999999999999", "count=", "1..16" },
		{ "thing:count", "\"count\"", "OPTION=VALUE" },
		{ "thing:=1", "\"\"", "count" },
		{ "thing:count=1,count=2", "count", "twice" },
		{ "thing:count=1,", "comma", "" },
		{ "thing:", "colon", "" },
		{ "thing:bytes=1Q", "bytes=1Q", "K M G T" },
		{ "thing:bytes=-1", "bytes=-1", "K M G T" },
		{ "thing:bytes=1KK", "bytes=1KK", "K M G T" },
		{ "thing:bytes=99999999T", "bytes=", "K M G T" },
		{ "thing:on=yes", "on=yes", "on | off" },
		{ "thing:word=clas", "word=clas", "pool | class | class-free" },
		{ "thing:real=2", "real=2", "0..1" },
		{ "thing:real=nan", "real=nan", "0..1" },
		{ "thing:real=inf", "real=inf", "0..1" },
		{ "thing@6.2", "@6.2", "@6.1, @7.3" },
		{ "thing@", "\"@\"", "@6.1, @7.3" },
		{ "thing@6.1:x=1", "\"x\"", "count" },
		{ "thing:count=1;on=on", "count=1;on=on", "1..16" },
	};
	struct params p;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err.text[0] = '\0';
		if (!spec_parse(&desc, cases[i].spec, &p, &err))
			fail_msg("%s was accepted", cases[i].spec);
		if (!strstr(err.text, cases[i].names) ||
		    !strstr(err.text, cases[i].right) || strchr(err.text, '\n'))
			fail_msg("%s: %s", cases[i].spec, err.text);
		assert_true(spec_parse(&desc, cases[i].spec, &p, NULL) < 0);
	}
}

/* What is printed, parsed again, is the same to the last bit. */
static void round_trip(void **state)
{
	struct params p, q;
	char text[256], again[256], tiny[10];
	unsigned random = 1, i;

	for (i = 0; i < 10000; i++) {
		random = random * 1664525u + 1013904223u;
		memset(&p, 0, sizeof(p));
		p.count = 1 + (random >> 8) % 16;
		p.bytes = (long long)random * 31;
		p.on = random >> 31;
		p.word = (random >> 12) % 3;
		p.real = random / 4294967296.0;
		spec_print(&desc, &p, text, sizeof(text));
		assert_int_equal(spec_parse(&desc, text, &q, NULL), 0);
		assert_memory_equal(&p, &q, sizeof(p));
		spec_print(&desc, &q, again, sizeof(again));
		assert_string_equal(text, again);
	}
	/* Too little room cuts, and terminates. */
	spec_print(&desc, &p, tiny, sizeof(tiny));
	assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
}

static void no_options(void **state)
{
	const struct spec_desc bare = { .name = "bare", .what = "codec" };
	struct err err;
	char text[32];

	assert_int_equal(spec_parse(&bare, "bare", NULL, &err), 0);
	assert_true(spec_parse(&bare, "bare:a=1", NULL, &err) < 0);
	assert_non_null(strstr(err.text, "none"));
	assert_string_equal(spec_print(&bare, NULL, text, sizeof(text)),
			    "bare");
}

static void help_names_all(void **state)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *f = open_memstream(&text, &len);

	spec_help(&desc, f);
	fclose(f);
	for (i = 0; options[i].name; i++) {
		assert_non_null(strstr(text, options[i].name));
		assert_non_null(strstr(text, options[i].help));
		assert_non_null(strstr(text, options[i].def));
	}
	for (i = 0; presets[i].name; i++) {
		assert_non_null(strstr(text, presets[i].name));
		assert_non_null(strstr(text, presets[i].opts));
	}
	free(text);
}

/* Any bytes: an answer, never a crash. */
static void noise(void **state)
{
	static const char alphabet[] = "thing:@=,/.0189countbyesKMGT-on ";
	struct params p;
	struct err err;
	char spec[40];
	unsigned random = 7, i, k;

	for (i = 0; i < 200000; i++) {
		for (k = 0; k < sizeof(spec) - 1; k++) {
			random = random * 1664525u + 1013904223u;
			spec[k] = alphabet[(random >> 10) %
					   (sizeof(alphabet) - 1)];
			if (random >> 27 == 0)
				break;
		}
		spec[k] = '\0';
		memcpy(spec, "thing:", k < 6 ? k : 6);
		spec_parse(&desc, spec, &p, &err);
	}
}

/* A line is put before another; what has no room is cut at the end. */
static void prefix(void **state)
{
	struct {
		struct err err;
		char after;
	} at = { .after = 'x' };
	size_t room = sizeof(at.err.text);
	char text[1024];

	assert_int_equal(err_set(&at.err, -5, "no %s", "sizes"), -5);
	err_prefix(&at.err, "trace %d", 7);
	assert_string_equal(at.err.text, "trace 7: no sizes");
	memset(text, 'a', sizeof(text));
	text[room - 1] = '\0';
	err_set(&at.err, -5, "%s", text);
	err_prefix(&at.err, "b");
	assert_int_equal(strlen(at.err.text), room - 1);
	assert_memory_equal(at.err.text, "b: aaa", 6);
	text[room - 1] = 'a';
	text[room - 2] = '\0';
	err_prefix(&at.err, "%s", text);
	assert_int_equal(strlen(at.err.text), room - 1);
	assert_int_equal(at.err.text[room - 2], ':');
	assert_int_equal(at.after, 'x');
	err_prefix(NULL, "nobody asks");
}

static void lists(void **state)
{
	static const char *const cases[][4] = {
		{ "a", "a" },
		{ "a,b:3,c", "a", "b:3", "c" },
		{ "./a.so:level=2,user=x,b", "./a.so:level=2,user=x", "b" },
		{ "a,./b=c.so", "a", "./b=c.so" },
		{ "a,b:c=1", "a", "b:c=1" },
		{ "a,,b", "a", "", "b" },
		{ "", "" },
	};
	char text[64], *rest;
	size_t i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(text, cases[i][0]);
		rest = text;
		for (k = 1; k < 4 && cases[i][k]; k++)
			assert_string_equal(spec_next(&rest), cases[i][k]);
		assert_null(spec_next(&rest));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	      cmocka_unit_test(lists),
		cmocka_unit_test(bad),	      cmocka_unit_test(round_trip),
		cmocka_unit_test(no_options), cmocka_unit_test(help_names_all),
		cmocka_unit_test(noise),      cmocka_unit_test(prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
