// SPDX-License-Identifier: GPL-2.0-or-later
/* The pools of a swap path: which one a slot goes to, and by which calls. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "harness/swap/pools.h"

static const struct zpool_config config;

static void make(struct swap_pools *p, const char *backend, unsigned n,
		 enum swap_api api)
{
	struct err err = { "" };

	if (pools_create(p, backend, n, &config, api, &err))
		fail_msg("%s", err.text);
	assert_int_equal(p->nr, n);
}

/* Committed results with several pools rest on these. */
static void test_a_slot_keeps_its_pool(void **unused)
{
	static const unsigned of_8[] = { 0, 1, 2, 4, 5, 7, 0, 2, 3, 5, 6, 0 };
	static const uint32_t far[] = { 1000, 65536, 1u << 20, UINT32_MAX };
	static const unsigned of_far[] = { 25, 10, 7, 27 };
	struct swap_pools p = { .nr = 8 };
	size_t i;

	for (i = 0; i < sizeof(of_8) / sizeof(of_8[0]); i++)
		assert_int_equal(pools_index(&p, (uint32_t)i), of_8[i]);
	p.nr = 32;
	for (i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		assert_int_equal(pools_index(&p, far[i]), of_far[i]);
	p.nr = 1;
	assert_int_equal(pools_index(&p, UINT32_MAX), 0);
}

static void round_trip(struct swap_pools *p, const char *text)
{
	struct zpool *pool = p->at[p->nr - 1];
	char copy[64], *mem;
	unsigned long handle;

	assert_int_equal(pool->driver->malloc(pool, sizeof(copy), &handle), 0);
	memset(copy, 0, sizeof(copy));
	strcpy(copy, text);
	zpool_write(pool, handle, copy, sizeof(copy));
	mem = zpool_read_begin(pool, handle, sizeof(copy), copy);
	assert_string_equal(mem, text);
	zpool_read_end(pool, handle, sizeof(copy), mem);
	pool->driver->free(pool, handle);
}

static unsigned mapped;
static void *(*real_map)(struct zpool *, unsigned long, enum zpool_mapmode);

static void *count_map(struct zpool *pool, unsigned long handle,
		       enum zpool_mapmode mode)
{
	mapped++;
	return real_map(pool, handle, mode);
}

static void test_map_leaves_no_obj_calls(void **unused)
{
	const struct zpool_driver *theirs;
	struct zpool_driver counting;
	struct swap_pools p;

	make(&p, "zsmalloc:zspage=rwlock", 3, SWAP_API_AUTO);
	assert_non_null(pools_driver(&p)->obj_write);
	assert_false(p.copy_first);
	round_trip(&p, "as it comes");
	pools_destroy(&p);

	make(&p, "zsmalloc:zspage=rwlock", 3, SWAP_API_MAP);
	assert_null(pools_driver(&p)->obj_read_begin);
	assert_null(p.at[2]->driver->obj_write);
	assert_true(p.copy_first);
	theirs = p.at[2]->driver;
	counting = *theirs;
	real_map = counting.map;
	counting.map = count_map;
	p.at[2]->driver = &counting;
	mapped = 0;
	round_trip(&p, "mapped");
	assert_int_equal(mapped, 2);
	p.at[2]->driver = theirs;
	pools_destroy(&p);
}

static void refused(const char *backend, unsigned n, enum swap_api api,
		    const char *line)
{
	struct err err = { "" };
	struct swap_pools p;

	assert_int_equal(pools_create(&p, backend, n, &config, api, &err),
			 -EINVAL);
	if (!strstr(err.text, line))
		fail_msg("\"%s\" says nothing of \"%s\"", err.text, line);
	pools_destroy(&p);
}

static void test_what_cannot_be_is_refused(void **unused)
{
	refused("zbud", 1, SWAP_API_OBJ, "zbud has no obj_read_begin");
	refused("zbud", 0, SWAP_API_AUTO, "pools=0; it takes 1..32");
	refused("zbud", 33, SWAP_API_AUTO, "pools=33; it takes 1..32");
	refused("zbud:nothing=1", 2, SWAP_API_AUTO, "nothing");
}

static void test_states_add_up(void **unused)
{
	struct zpool_stats sum, one;
	unsigned long handle;
	struct swap_pools p;
	unsigned i, k;

	make(&p, "zbud", 3, SWAP_API_AUTO);
	for (i = 0; i < 3; i++)
		for (k = 0; k <= i; k++)
			assert_int_equal(p.at[i]->driver->malloc(p.at[i], 3000,
								 &handle),
					 0);
	pools_stats(&p, &sum);
	p.at[2]->driver->stats(p.at[2], &one);
	assert_int_equal(one.objects, 3);
	assert_int_equal(sum.objects, 6);
	assert_int_equal(sum.pages, 6);
	assert_int_equal(pools_validate(&p, NULL), 0);
	pools_destroy(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slot_keeps_its_pool),
		cmocka_unit_test(test_map_leaves_no_obj_calls),
		cmocka_unit_test(test_what_cannot_be_is_refused),
		cmocka_unit_test(test_states_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
