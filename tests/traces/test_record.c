/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records programs and reads the traces: every event must fit what went before,
 * and every page must be one that the program wrote.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/programs/pattern.h"
#include "lib/self.h"
#include "traces/record/internal.h"

#define PAGE_WORDS (ZLT_PAGE_SIZE / sizeof(uint64_t))

static char program[PATH_MAX], trace[PATH_MAX];

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	if (data_path(program, sizeof(program), "tests/programs/memory", NULL))
		return -1;
	snprintf(trace, sizeof(trace), "%s/record-%d.zlt", tmp ? tmp : "/tmp",
		 (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	unlink(trace);
	return 0;
}

/* Where recording is not possible the test says why and is skipped. */
static void need_userfaultfd(void)
{
	struct err err = { "" };

	if (record_check_kernel(&err)) {
		print_message("# SKIP %s\n", err.text);
		skip();
	}
}

/* Where our standard output goes from here on. Return: where it went. */
static int output_to(int fd)
{
	int before = dup(STDOUT_FILENO);

	fflush(stdout);
	assert_true(fd >= 0 && before >= 0);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	return before;
}

static void run_share(char *const *argv, uint64_t limit, unsigned int percent,
		      bool contents, struct record_result *result)
{
	static const struct zlt_sizer none;
	struct record_options opts = {
		.argv = argv,
		.output = trace,
		.limit = limit,
		.percent = percent,
		.inactive_permille = 120,
		.contents = contents,
		.verify = true,
		.sizers = &none,
	};
	struct err err = { "" };
	int out = output_to(open("/dev/null", O_WRONLY));
	int ret = record_run(&opts, result, &err);

	close(output_to(out));
	if (ret)
		fail_msg("%s", err.text);
	assert_int_equal(result->status, 0);
}

static void run(char *const *argv, uint64_t limit, bool contents,
		struct record_result *result)
{
	run_share(argv, limit, 0, contents, result);
}

static struct zlt_reader *open_trace(unsigned int want)
{
	struct err err = { "" };
	struct zlt_reader *r = zlt_open(trace, want, &err);

	if (!r)
		fail_msg("%s", err.text);
	assert_true(zlt_info(r)->finished);
	return r;
}

static void step(uint8_t *stored, const struct zlt_batch *b, size_t i)
{
	uint8_t *is = &stored[b->key[i]];

	switch (b->op[i]) {
	case ZLT_STORE:
		assert_false(*is);
		*is = 1;
		break;
	case ZLT_LOAD:
	case ZLT_INVALIDATE:
		assert_true(*is);
		*is = 0;
		break;
	default:
		fail_msg("op %d in a recording", b->op[i]);
	}
}

/* A page goes out only when it is in, and comes back only when it is out. */
static void model(const struct record_result *result)
{
	struct zlt_reader *r = open_trace(ZLT_TIME | ZLT_KEYS | ZLT_TID);
	const struct zlt_info *info = zlt_info(r);
	uint8_t *stored = calloc(info->keys + 1, 1);
	uint64_t last = 0, i;
	struct zlt_batch b;
	int ret;

	assert_non_null(stored);
	assert_int_equal(info->events, result->events);
	assert_int_equal(info->ops[ZLT_STORE], result->counts.stores);
	assert_int_equal(info->ops[ZLT_LOAD], result->counts.loads);
	assert_int_equal(info->ops[ZLT_INVALIDATE], result->counts.invalidates);
	while ((ret = zlt_next(r, &b, NULL)) > 0)
		for (i = 0; i < b.count; i++) {
			step(stored, &b, i);
			assert_true(b.time_ns[i] >= last);
			last = b.time_ns[i];
			assert_true(zlt_key_asid(b.orig[i]) > 0);
			assert_true(b.tid[i] > 1);
		}
	assert_int_equal(ret, 0);
	for (i = 0; i < info->keys; i++)
		assert_false(stored[i]);
	free(stored);
	zlt_reader_close(r);
}

static void test_model(void **state)
{
	char *argv[] = { program, "300", NULL };
	struct record_result result;

	need_userfaultfd();
	run(argv, 1 << 20, false, &result);
	assert_true(result.counts.stores > 1000);
	assert_true(result.counts.loads > 1000);
	assert_int_equal(result.counts.mismatches, 0);
	assert_int_equal(result.counts.violations, 0);
	/* It counts forked children as processes of their own. */
	assert_true(result.counts.processes >= 3);
	model(&result);
}

static bool is_page(const uint64_t *p, uint64_t page)
{
	size_t i;

	for (i = 0; i < PAGE_WORDS; i++)
		if (p[i] != word(EAT_SEED, page, i))
			return false;
	return true;
}

/* Every page of the program's own block is in the trace, as it was written. */
static void test_contents(void **state)
{
	enum {
		PAGES = 4 * 256
	};
	char *argv[] = { program, "eat", "4", NULL };
	struct record_result result;
	struct zlt_reader *r;
	struct zlt_cursor *c;
	bool seen[PAGES] = { false };
	const void *page;
	uint64_t id, n, found = 0;

	need_userfaultfd();
	run(argv, 1 << 20, true, &result);
	r = open_trace(0);
	c = zlt_cursor_open(r, 0, NULL);
	assert_non_null(c);
	for (id = 0; id < zlt_info(r)->contents; id++) {
		assert_int_equal(zlt_content(c, (uint32_t)id, &page, NULL), 0);
		for (n = 0; n < PAGES; n++)
			if (!seen[n] && is_page(page, n)) {
				seen[n] = true;
				found++;
			}
	}
	assert_int_equal(found, PAGES);
	/* The rest: heap, library data, pages that were not yet full. */
	assert_true(zlt_info(r)->contents < PAGES + 200);
	zlt_cursor_close(c);
	zlt_reader_close(r);
	model(&result);
}

static void test_captured(void **state)
{
	char *argv[] = { program, "eat", "32", NULL };
	struct record_result result;
	const struct record_counts *n = &result.counts;

	need_userfaultfd();
	run(argv, 16 << 20, false, &result);
	assert_true(n->anon_bytes >= 32u << 20);
	assert_true(n->captured_bytes * 100 >= n->anon_bytes * 95);
	assert_true(n->captured_bytes <= n->anon_bytes + (1u << 20));
	/* One process never exceeds its limit by more than a page or two. */
	assert_true(n->resident_peak <= (16u << 20) / RECORD_PAGE + 8);
}

/* Many processes share one limit, less than any of them needs. */
static void test_many(void **state)
{
	const uint64_t limit = 3 << 20;
	char script[PATH_MAX * 2];
	char *argv[] = { "sh", "-c", script, NULL };
	struct record_result result;
	const struct record_counts *n = &result.counts;

	need_userfaultfd();
	snprintf(script, sizeof(script),
		 "for i in 1 2 3 4; do %s eat 4 & done; wait", program);
	run(argv, limit, false, &result);
	assert_true(n->processes >= 5);
	assert_true(n->stores > 4 * 512);
	/* Beyond the slack, each may keep the few pages it needs to run. */
	assert_true(n->resident_peak * RECORD_PAGE <= limit + limit / 2);
	model(&result);
}

/* The limit is a share of the peak so far, from the first pages on. */
static void test_share(void **state)
{
	const uint64_t floor = 1 << 20, pages = 16 * 256;
	char *argv[] = { program, "eat", "16", NULL };
	struct record_result result;
	const struct record_counts *n = &result.counts;

	need_userfaultfd();
	run_share(argv, floor, 40, false, &result);
	assert_in_range(n->live_peak, pages, pages + 200);
	assert_int_equal(n->limit, n->live_peak * 40 / 100);
	assert_true(n->resident_peak <= n->limit + 8);
	/* While it grew, what was above the limit of the moment went out. */
	assert_true(n->stores >= pages);
	model(&result);
	/* A small program has what the limit says at least. */
	argv[2] = "1";
	run_share(argv, floor * 4, 40, false, &result);
	assert_int_equal(n->limit, floor * 4 / RECORD_PAGE);
	assert_int_equal(n->stores, 0);
	/* Memory that was released counts no more. */
	argv[1] = "600";
	argv[2] = "once";
	run_share(argv, floor, 100, false, &result);
	assert_int_equal(n->limit, n->live_peak);
	assert_int_equal(n->stores, 0);
	assert_true(n->fresh > 2 * n->live_peak);
}

/* What left the command is recorded to its end. */
static void test_daemon(void **state)
{
	char *argv[] = { program, "daemon", "4", NULL };
	struct record_result result;

	need_userfaultfd();
	run(argv, 1 << 20, false, &result);
	assert_true(result.counts.processes >= 2);
	assert_true(result.counts.stores >= 4 * 256);
	assert_int_equal(result.left_running, 0);
	model(&result);
}

/* Time without CPU is waiting, as far as the faults explain it. */
static void test_waited(void **state)
{
	const uint64_t second = 1000000000;
	uint64_t own;

	assert_int_equal(record_waited(second, second, 0, &own), 0);
	assert_int_equal(own, second);
	assert_int_equal(record_waited(2 * second, second, 0, &own), 0);
	/* 20,000 faults take a fifth of the CPU time ... */
	assert_int_equal(record_waited(2 * second, second, 20000, &own),
			 second + second / 5);
	assert_int_equal(own, second - second / 5);
	/* ... and not all of an hour; more than nothing on many CPUs. */
	assert_int_equal(record_waited(3600 * second, second, 20000, &own),
			 2 * second);
	assert_int_equal(record_waited(second / 4, second, 20000, &own),
			 second * 3 / 10);
	record_waited(second, second, 1000000, &own);
	assert_true(own > 0 && own < second / 10);
}

static void test_programs(void **state)
{
	static const char go[] = "no such interpreter";
	struct err err = { "" };
	char path[PATH_MAX];

	assert_int_equal(record_find_program("sh", path, sizeof(path), &err),
			 0);
	assert_int_equal(path[0], '/');
	assert_int_equal(record_check_program(path, &err), 0);
	assert_int_equal(record_find_program("", path, sizeof(path), &err),
			 -ENOENT);
	assert_int_equal(record_find_program("/", path, sizeof(path), &err),
			 -EACCES);
	assert_int_equal(record_find_program(go, path, sizeof(path), &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, go));
	strcpy(strrchr(strcpy(path, program), '/'), "/static");
	assert_int_equal(record_check_program(path, &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "statically linked"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_waited),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_captured),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_daemon),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
