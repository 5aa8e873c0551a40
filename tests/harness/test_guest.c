// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of the program in the virtual machine that need no kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/vm/guest.h"

#define DECODE(bytes) \
	counter_decode((const uint8_t *)(bytes), sizeof(bytes) - 1)

/* As compilers write "return pool->counter" for a traced kernel. */
static void accessors(void **state)
{
	assert_int_equal(DECODE("\x0f\x1f\x44\x00\x00\x48\x8b\x87\x10\x08\x00"
				"\x00\xe9"),
			 0x810);
	assert_int_equal(DECODE("\xf3\x0f\x1e\xfa\xe8\x01\x02\x03\x04\x48\x8b"
				"\x47\x70\xc3"),
			 0x70);
	assert_int_equal(DECODE("\x66\x66\x66\x66\x90\x55\x48\x89\xe5\x48\x8b"
				"\x07\x5d\xc3"),
			 0);
	assert_int_equal(DECODE("\x3e\x8d\x74\x26\x00\x48\x8b\x47\x08\xc3"), 8);
}

static void other_code(void **state)
{
	/* xor %eax,%eax; a negative offset; an instruction that is cut */
	assert_int_equal(DECODE("\x31\xc0\xc3"), -ENOEXEC);
	assert_int_equal(DECODE("\x48\x8b\x47\xf8\xc3"), -ENOEXEC);
	assert_int_equal(DECODE("\x48\x8b\x87\x10\x08"), -ENOEXEC);
	assert_int_equal(DECODE("\x48\x8b\x87\xff\xff\xff\xff"), -ENOEXEC);
	assert_int_equal(DECODE(""), -ENOEXEC);
}

static int read_plan(const char *text, struct guest_plan *plan, struct err *err)
{
	char path[] = "/tmp/zlab-plan-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ret = plan_read(path, plan, err);
	unlink(path);
	return ret;
}

static void plan_free(struct guest_plan *plan)
{
	size_t i;

	for (i = 0; i < GUEST_MODULES; i++)
		free(plan->module[i]);
}

static void plans(void **state)
{
	struct guest_plan plan;
	struct err err = { "" };

	assert_int_equal(read_plan("user zswap\nallocator zbud\ncodec lz4\n"
				   "trace /trace.zlt\nprefix own_\n"
				   "counter 72\n"
				   "swap_kb 1024\nmodule /m/a.ko\n"
				   "module /m/b.ko x=1 y=2\n",
				   &plan, &err),
			 0);
	assert_string_equal(plan.user, "zswap");
	assert_string_equal(plan.allocator, "zbud");
	assert_string_equal(plan.trace, "/trace.zlt");
	assert_string_equal(plan.prefix, "own_");
	assert_int_equal(plan.counter, 72);
	assert_int_equal(plan.swap_kb, 1024);
	assert_string_equal(plan.module[1], "/m/b.ko x=1 y=2");
	assert_null(plan.module[2]);
	plan_free(&plan);
	assert_int_equal(read_plan("tool /bin/a 1\n", &plan, &err), 0);
	assert_string_equal(plan.tool[0], "/bin/a 1");
	assert_null(plan.program[0]);
	free(plan.tool[0]);
	assert_int_equal(read_plan("user zram\n", &plan, &err), 0);
	assert_int_equal(plan.counter, -1);
	assert_string_equal(plan.prefix, "");
}

static void bad_plans(void **state)
{
	struct guest_plan plan;
	struct err err = { "" };

	assert_int_equal(read_plan("usr zram\n", &plan, &err), -EINVAL);
	assert_non_null(strstr(err.text, "usr"));
	assert_int_equal(read_plan("user\n", &plan, &err), -EINVAL);
	assert_int_equal(read_plan("user zramzramzramzramzramzramzramzram"
				   "zramzramzramzramzramzramzramzramzram\n",
				   &plan, &err),
			 -E2BIG);
	assert_int_equal(plan_read("/nonexistent", &plan, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accessors),
		cmocka_unit_test(other_code),
		cmocka_unit_test(plans),
		cmocka_unit_test(bad_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
