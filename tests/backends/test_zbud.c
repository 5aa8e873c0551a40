// SPDX-License-Identifier: GPL-2.0-or-later
/* zbud: where an object goes, in which page, and which page is reclaimed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "backends/zpool.h"
#include "tests/lib/pool.h"

#define CHUNK 64

static struct zpool *pool;
static unsigned long evicted[8];
static int nr_evicted, refuse_from;

static int evict(struct zpool *p, unsigned long handle, const void *object,
		 void *arg)
{
	assert_ptr_equal((void *)handle, object);
	if (nr_evicted >= refuse_from)
		return -EEXIST;
	evicted[nr_evicted++] = handle;
	p->driver->free(p, handle);
	return 0;
}

static void open_pool(const char *spec)
{
	struct zpool_config config = { .evict = evict };
	struct err err = { "" };

	pool = zpool_create(spec, &config, &err);
	if (!pool)
		fail_msg("%s", err.text);
	nr_evicted = 0;
	refuse_from = 8;
}

static void close_pool(void)
{
	struct err err = { "" };

	if (pool->driver->validate(pool, &err))
		fail_msg("%s", err.text);
	zpool_destroy(pool);
}

static unsigned long put(unsigned chunks)
{
	unsigned long handle;

	assert_int_equal(pool->driver->malloc(pool, chunks * CHUNK, &handle),
			 0);
	return handle;
}

static void drop(unsigned long handle)
{
	pool->driver->free(pool, handle);
}

static void assert_at(unsigned long handle, unsigned long same_page_as,
		      unsigned at)
{
	struct zpool_location loc, other;

	pool->driver->locate(pool, handle, &loc);
	pool->driver->locate(pool, same_page_as, &other);
	assert_int_equal(loc.pfn, other.pfn);
	assert_int_equal(loc.at, at);
	assert_false(loc.indexed);
}

static void assert_other_page(unsigned long a, unsigned long b)
{
	struct zpool_location la, lb;

	pool->driver->locate(pool, a, &la);
	pool->driver->locate(pool, b, &lb);
	assert_int_not_equal(la.pfn, lb.pfn);
}

static unsigned long pages(void)
{
	struct zpool_stats stats;

	pool->driver->stats(pool, &stats);
	return stats.pages;
}

static void test_limits(void **state)
{
	unsigned long handle;

	open_pool("zbud");
	assert_int_equal(pool->driver->largest(pool), 4096 - 2 * CHUNK);
	assert_int_equal(pool->driver->malloc(pool, 3968, &handle), 0);
	assert_at(handle, handle, CHUNK);
	assert_int_equal(pool->driver->malloc(pool, 3969, &handle), -ENOSPC);
	assert_int_equal(pool->driver->malloc(pool, 0, &handle), -EINVAL);
	close_pool();
}

/* First from the front, last against the end; a chunk is rounded up to. */
static void test_both_ends(void **state)
{
	unsigned long a, b;

	open_pool("zbud");
	a = put(10);
	assert_int_equal(pool->driver->malloc(pool, 1, &b), 0);
	assert_at(a, a, CHUNK);
	assert_at(b, a, 4096 - CHUNK);
	assert_int_equal(pages(), 1);
	/* The first leaves, and the next object takes its end. */
	drop(a);
	a = put(62);
	assert_at(a, b, CHUNK);
	drop(a);
	drop(b);
	assert_int_equal(pages(), 0);
	close_pool();
}

/* The page with the least room that is enough, the latest of several. */
static void test_best_fit(void **state)
{
	unsigned long room20, room30, room30b, x;

	open_pool("zbud");
	room30 = put(33);
	room20 = put(43);
	room30b = put(33);
	assert_int_equal(pages(), 3);
	x = put(25);
	assert_at(x, room30b, 4096 - 25 * CHUNK);
	x = put(20);
	assert_at(x, room20, 4096 - 20 * CHUNK);
	x = put(1);
	assert_at(x, room30, 4096 - CHUNK);
	x = put(1);
	assert_other_page(x, room30b);
	assert_int_equal(pages(), 4);
	close_pool();
}

static void test_reclaim_order(void **state)
{
	unsigned long a, b, c, d;
	unsigned reclaimed;

	open_pool("zbud:lru=on");
	a = put(40);
	b = put(41);
	c = put(42);
	/* b's page gets a second object, so c's and a's are older. */
	d = put(22);
	assert_at(d, b, 4096 - 22 * CHUNK);
	assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), 0);
	assert_int_equal(nr_evicted, 1);
	assert_int_equal(evicted[0], a);
	assert_int_equal(pool->driver->shrink(pool, 2, &reclaimed), 0);
	assert_int_equal(reclaimed, 2);
	assert_int_equal(nr_evicted, 4);
	assert_int_equal(evicted[1], c);
	assert_int_equal(evicted[2], b);
	assert_int_equal(evicted[3], d);
	assert_int_equal(pages(), 0);
	assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), -EINVAL);
	close_pool();
}

/* A page that keeps an object goes to the front and can be allocated from. */
static void test_refused(void **state)
{
	unsigned long a, b, c;
	unsigned reclaimed;

	open_pool("zbud@6.1");
	a = put(40);
	b = put(20);
	assert_at(b, a, 4096 - 20 * CHUNK);
	refuse_from = 1;
	assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), -EAGAIN);
	assert_int_equal(nr_evicted, 1);
	assert_int_equal(evicted[0], a);
	assert_int_equal(pages(), 1);
	c = put(43);
	assert_at(c, b, CHUNK);
	close_pool();
}

static void test_no_lru(void **state)
{
	open_pool("zbud@6.12");
	assert_false(pool->caps & ZPOOL_EVICTABLE);
	close_pool();
}

/* Reading the counts takes no lock, so a measurement adds none. */
static void test_stats(void **state)
{
	struct zpool_stats stats;
	unsigned long handle;
	uint64_t taken;

	open_pool("zbud@6.1");
	handle = put(8);
	taken = acquisitions("pool->lock");
	pool->driver->stats(pool, &stats);
	assert_int_equal(acquisitions("pool->lock"), taken);
	assert_int_equal(stats.pages, 1);
	assert_int_equal(stats.objects, 1);
	assert_int_equal(stats.metadata_bytes, 2048);
	drop(handle);
	close_pool();
	open_pool("zbud@6.12");
	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.metadata_bytes, 1024);
	close_pool();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_best_fit),
		cmocka_unit_test(test_reclaim_order),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_lru),
		cmocka_unit_test(test_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
