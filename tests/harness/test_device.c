// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A replay to a device outside the program, here one in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/replay/replay.h"
#include "tests/lib/sample.h"

/* A device in memory; it can fail at a store, or lose what it has. */
struct memory_device {
	uint8_t page[300][ZLT_PAGE_SIZE];
	bool live[300];
	uint64_t stores, discards, compactions, fail_at;
	bool forgets;
};

static int device_store(void *arg, uint32_t key, const void *page)
{
	struct memory_device *m = arg;
	uint64_t n = __atomic_add_fetch(&m->stores, 1, __ATOMIC_RELAXED);

	assert_int_equal((uintptr_t)page % ZLT_PAGE_SIZE, 0);
	if (n == m->fail_at)
		return -ENOSPC;
	memcpy(m->page[key], page, ZLT_PAGE_SIZE);
	__atomic_store_n(&m->live[key], true, __ATOMIC_RELAXED);
	return 0;
}

static int device_load(void *arg, uint32_t key, void *page)
{
	struct memory_device *m = arg;

	if (m->live[key] && !m->forgets)
		memcpy(page, m->page[key], ZLT_PAGE_SIZE);
	else
		memset(page, 0, ZLT_PAGE_SIZE);
	return 0;
}

static int device_discard(void *arg, uint32_t key)
{
	struct memory_device *m = arg;

	__atomic_add_fetch(&m->discards, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&m->live[key], false, __ATOMIC_RELAXED);
	return 0;
}

static uint64_t device_compact(void *arg)
{
	struct memory_device *m = arg;

	__atomic_add_fetch(&m->compactions, 1, __ATOMIC_RELAXED);
	return 2;
}

static void device_stats(void *arg, struct zpool_stats *stats)
{
	struct memory_device *m = arg;
	size_t i;

	*stats = (struct zpool_stats){ 0 };
	for (i = 0; i < 300; i++)
		stats->pages += __atomic_load_n(&m->live[i], __ATOMIC_RELAXED);
	stats->objects = 3 * stats->pages;
}

static void test_device(void **unused)
{
	static struct memory_device m;
	struct swap_device device = { .store = device_store,
				      .load = device_load,
				      .discard = device_discard,
				      .compact = device_compact,
				      .stats = device_stats,
				      .arg = &m };
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES,
				    .columns = ZLT_CPU };
	struct sample *t = sample_make(4000, ZLT_OBJECT_PAGES, 11);
	const char *path = temp_path("device.zlt");
	struct replay_config config = {
		.trace = path,
		.codec = "none",
		.assign = REPLAY_BY_CPU,
		.swap = { .backend = "null",
			  .pools = 1,
			  .device = &device,
			  .verify = true,
			  .sample = 1,
			  .seed = 1 },
	};
	struct replay_result res;
	struct err err = { "" };
	uint64_t n[ZLT_OPS] = { 0 }, i;

	for (i = 0; i < t->count; i++)
		n[t->events[i].op]++;
	sample_write(t, path, &opts);
	for (config.threads = 1; config.threads < 4; config.threads++) {
		memset(&m, 0, sizeof(m));
		assert_int_equal(replay_run(&config, &res, &err), 0);
		assert_int_equal(m.stores, n[ZLT_STORE]);
		assert_int_equal(m.discards, n[ZLT_INVALIDATE]);
		assert_int_equal(m.compactions, n[ZLT_COMPACT]);
		assert_int_equal(res.compacted_pages, 2 * n[ZLT_COMPACT]);
		assert_int_equal(res.counts.verified + res.counts.load_miss,
				 n[ZLT_LOAD]);
		assert_true(res.counts.verified > res.counts.load_miss);
		assert_true(res.end.pages > 0);
		assert_int_equal(res.end.objects, 3 * res.end.pages);
		assert_int_equal(res.marks.count, n[ZLT_MARK]);
		assert_true(res.times.samples[ZLT_LOAD] > 0);
		replay_result_free(&res);
	}
	config.threads = 1;
	m.forgets = true;
	assert_int_equal(replay_run(&config, &res, &err), -EIO);
	assert_non_null(strstr(err.text, "the device gave back another page"));
	replay_result_free(&res);
	device.blank = true;
	assert_int_equal(replay_run(&config, &res, &err), 0);
	for (i = 0; i < 300; i++)
		if (m.live[i])
			assert_int_equal(memcmp(m.page[i], m.page[i] + 1,
						ZLT_PAGE_SIZE - 1),
					 0);
	replay_result_free(&res);
	m.fail_at = m.stores + 50;
	assert_int_equal(replay_run(&config, &res, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "the device fails to store page"));
	replay_result_free(&res);
	sample_free(t);
}
static int setup(void **unused)
{
	clock_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
