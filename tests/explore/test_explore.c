// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The explorer from inside: the world goes back to exactly what was saved,
 * choices repeat a schedule, a program survives its file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/explore/front.h"
#include "harness/explore/history.h"
#include "harness/explore/strategy.h"

static struct explorer explorer = {
	.limits = { .cpus = 3, .ops = 6 },
	.bounds = { .steps = 100000, .section = 20000 },
};

static const char *const specs[] = {
	"zbud@6.1",	"zbud@6.12",	"z3fold@4.10",	 "z3fold@6.1:leak=off",
	"zsmalloc@4.0", "zsmalloc@6.1", "zsmalloc@6.12", "zsmalloc@7.3",
};

/* One backend to a process. Return: 0, or the line that failed. */
static int in_child(int (*test)(const char *spec), const char *front,
		    const char *spec)
{
	struct err err = { "" };
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (explorer_open(&explorer, front, spec, &err))
			_exit(1);
		_exit(test(spec));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#define TRUE(cond)                                 \
	do {                                       \
		if (!(cond))                       \
			return __LINE__ % 250 + 1; \
	} while (0)

static int goes_back(const char *spec)
{
	static struct program p;
	struct strategy s = { .kind = STRATEGY_MIX };
	unsigned i, k;

	for (i = 0; i < 12; i++) {
		explorer_program(&explorer, &p, i);
		TRUE(runner_setup(&explorer, &p, i));
		for (k = 0; k < 12; k++) {
			strategy_begin(&s, p.cpus, i * 100 + k);
			TRUE(!runner_schedule(&explorer, &s));
			TRUE(!xworld_check());
		}
	}
	return 0;
}

static int repeats(const char *spec)
{
	static struct program p;
	struct strategy s = { .kind = STRATEGY_RANDOM };
	struct strategy again = { .kind = STRATEGY_REPLAY };
	struct choices made = { 0 };
	uint64_t hash, points;
	unsigned i;

	for (i = 0; i < 36; i++) {
		if (i % 6 == 0) {
			explorer_program(&explorer, &p, 7 + i);
			TRUE(runner_setup(&explorer, &p, 7 + i));
		}
		explorer.hash = 0;
		strategy_begin(&s, p.cpus, i);
		runner_schedule(&explorer, &s);
		hash = explorer.hash;
		points = xcpu_points();
		choices_copy(&made, &explorer.made, explorer.made.nr);
		again.given = &made;
		explorer.hash = 0;
		strategy_begin(&again, p.cpus, 0);
		runner_schedule(&explorer, &again);
		TRUE(explorer.hash == hash && xcpu_points() == points);
	}
	choices_free(&made);
	return 0;
}

/* Whatever ran before, a program begins with memory that is zero. */
static int begins_anew(const char *spec)
{
	static struct program p;
	struct strategy s = { .kind = STRATEGY_MIX };
	uint64_t hash[2], points[2];
	unsigned i, k;

	for (i = 0; i < 2; i++) {
		explorer_program(&explorer, &p, 7);
		TRUE(runner_setup(&explorer, &p, 7));
		explorer.hash = 0;
		strategy_begin(&s, p.cpus, 1);
		runner_schedule(&explorer, &s);
		hash[i] = explorer.hash;
		points[i] = xcpu_points();
		for (k = 8; k < 20; k++) {
			explorer_program(&explorer, &p, k);
			TRUE(runner_setup(&explorer, &p, k));
			strategy_begin(&s, p.cpus, k);
			TRUE(!runner_schedule(&explorer, &s));
		}
	}
	TRUE(hash[0] == hash[1] && points[0] == points[1]);
	return 0;
}

static void test_reset(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(in_child(begins_anew, "pool", specs[i]), 0);
		assert_int_equal(in_child(begins_anew, "zswap", specs[i]), 0);
	}
}

static void test_world(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(in_child(goes_back, "pool", specs[i]), 0);
		assert_int_equal(in_child(goes_back, "zswap", specs[i]), 0);
	}
}

static void test_choices(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(in_child(repeats, "pool", specs[i]), 0);
		assert_int_equal(in_child(repeats, "zswap", specs[i]), 0);
	}
}

/* Not local: the compiler must not know that nobody else has the memory. */
unsigned char *taken;

/* Stores of this file are not seen, like those of a library. */
static int library(const char *spec)
{
	unsigned char *p, *more;
	unsigned i;

	xworld_reset();
	xworld_enter();
	xworld_library(true);
	taken = malloc(2000);
	p = taken;
	memset(p, 1, 2000);
	xworld_library(false);
	xworld_leave();
	xworld_save();
	xworld_enter();
	xworld_library(true);
	memset(p, 2, 2000);
	more = malloc(100);
	xworld_library(false);
	xworld_leave();
	TRUE(more > p + 2000 || more + 100 <= p);
	xworld_restore();
	for (i = 0; i < 2000; i++)
		TRUE(p[i] == 1);
	return 0;
}

static void test_library(void **state)
{
	assert_int_equal(in_child(library, "pool", "zbud"), 0);
}

/*
 * Operations on one object: S stores, F frees, a digit loads this version (they
 * count from 1), and 0 finds nothing. s and f begin alone; a dot ends the one that
 * began first. Return: whether the last one is explained.
 */
static bool explained(const char *ops, bool takes)
{
	uint32_t versions = 0, stored[16] = { 0 };
	unsigned open[16], nr = 0, first = 0, e;
	struct history h = { 0 };
	enum history_kind kind;
	uint64_t now = 0;
	bool ok = true;

	for (; *ops; ops++) {
		if (*ops == '.') {
			ok = history_end(&h, open[first], stored[first], ++now,
					 takes);
			first++;
			continue;
		}
		kind = strchr("Ss", *ops)   ? HISTORY_STORE
		       : strchr("Ff", *ops) ? HISTORY_FREE
					    : HISTORY_LOAD;
		versions += kind == HISTORY_STORE;
		e = history_begin(&h, kind,
				  kind == HISTORY_STORE ? versions : 0, ++now);
		if (strchr("sf", *ops)) {
			stored[nr] = kind == HISTORY_STORE ? versions : 0;
			open[nr++] = e;
			continue;
		}
		ok = history_end(&h, e,
				 kind == HISTORY_STORE	? versions
				 : kind == HISTORY_LOAD ? (uint32_t)(*ops - '0')
							: 0,
				 ++now, takes);
	}
	return ok;
}

static void test_history(void **state)
{
	static const struct {
		const char *ops;
		bool keeps, takes; /* explained if loads do so */
	} cases[] = {
		{ "0", true, true },	     { "1", false, false },
		{ "S1", true, true },	     { "S0", false, false },
		{ "SS1", false, false },     { "SF1", false, false },
		{ "SF0", true, true },	     { "S11", true, true },
		{ "S10", false, true },	     { "S101", false, false },
		{ "S110", false, false },    { "Ss1", true, true },
		{ "Ss2", true, true },	     { "Ss21", false, false },
		{ "Ss12", true, true },	     { "Ss.1", false, false },
		{ "SsS3.2", true, true },    { "SsS3.3", true, true },
		{ "SsS2.2", true, true },    { "SsS2.3", false, false },
		{ "SsS23.2", false, false }, { "Sf0.1", false, false },
		{ "Sf1.0", true, true },     { "ss12..1", false, false },
		{ "ss12..2", true, true },   { "ss..0", false, false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (explained(cases[i].ops, false) != cases[i].keeps)
			fail_msg("%s, loads keep", cases[i].ops);
		if (explained(cases[i].ops, true) != cases[i].takes)
			fail_msg("%s, loads take", cases[i].ops);
	}
}

static void test_program(void **state)
{
	struct program_limits limits = {
		.cpus = 4, .ops = 9, .largest = 4096, .caps = ~0u
	};
	static struct program p, back;
	struct err err = { "" };
	json_t *one, *two;
	unsigned i;

	for (i = 0; i < 200; i++) {
		program_make(&p, &limits, i);
		one = program_json(&p);
		assert_int_equal(program_read(&back, one, &err), 0);
		two = program_json(&back);
		assert_true(json_equal(one, two));
		assert_int_equal(program_ops(&back), 36);
		json_decref(one);
		json_decref(two);
	}
	one = json_pack("{s:i}", "setup", 1);
	assert_int_not_equal(program_read(&back, one, &err), 0);
	assert_non_null(strstr(err.text, "a program has setup"));
	json_decref(one);
}

static void test_strategy(void **state)
{
	static const char *const bad[] = { "",	     "pct",	 "pct:0",
					   "pct:33", "random:2", "delay:x" };
	struct err err = { "" };
	struct strategy s;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(strategy_parse(&s, bad[i], &err), 0);
	assert_int_equal(strategy_parse(&s, "delay:3", &err), 0);
	assert_int_equal(s.kind, STRATEGY_DELAY);
	assert_int_equal(s.depth, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strategy), cmocka_unit_test(test_program),
		cmocka_unit_test(test_library),	 cmocka_unit_test(test_history),
		cmocka_unit_test(test_world),	 cmocka_unit_test(test_reset),
		cmocka_unit_test(test_choices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
