// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The load of the machine: what is counted as others', and when it is told. The
 * starting values of a span are set by hand, so that what the machine does
 * during the test is little beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "harness/measure/load.h"

#define S 1000000000ull
/* Ticks that pass meanwhile, as a share. */
#define NEAR 0.01

static void near(double is, double want)
{
	if (fabs(is - want) > NEAR * want + NEAR)
		fail_msg("%f, not %f", is, want);
}

static void test_others(void **unused)
{
	struct load l, now;
	double all;

	load_begin(&now);
	if (!now.busy_ns)
		skip();
	/* A second that has all that the machine did since it started. */
	all = (double)now.busy_ns / S;
	l = now;
	l.wall_ns -= S;
	l.busy_ns = 1;
	near(load_others(&l), all);
	/* What this process took is not others'. */
	l.own_ns -= now.busy_ns / 2;
	near(load_others(&l), all / 2);
	/* Over a longer span it is less. */
	l.wall_ns -= 9 * S;
	near(load_others(&l), all / 20);
	/* More own time than the kernel's ticks have seen is no load. */
	l.own_ns -= now.busy_ns;
	assert_true(load_others(&l) == 0);
}

static void test_unknown(void **unused)
{
	struct load l;

	load_begin(&l);
	l.wall_ns -= S / 10;
	if (load_others(&l) >= 0)
		fail_msg("a tenth of a second is too short");
	l.wall_ns -= S;
	l.busy_ns = 0;
	assert_true(load_others(&l) == -1);
}

static void test_note(void **unused)
{
	char text[LOAD_NOTE];

	assert_false(load_note(-1, 2, text));
	assert_string_equal(text, "");
	assert_false(load_note(0.19, 2, text));
	assert_true(load_note(0.21, 2, text));
	assert_non_null(strstr(text, "0.2 of 2 CPUs"));
	assert_false(load_note(3, 64, text));
	assert_string_equal(text, "");
	assert_true(load_note(7.5, 64, text));
	assert_non_null(strstr(text, "7.5 of 64 CPUs"));
	assert_true(load_cpus() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
