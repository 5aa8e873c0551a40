// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * z3fold: where an object goes, what compaction moves, and that a handle stays
 * right through it. The cases about reclaim are those that versions of 2016 and
 * 2017 got wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/zpool.h"
#include "tests/lib/pool.h"

#define CHUNK 64

static const char *const early_specs[] = {
	"z3fold@4.10",
	"z3fold@4.10:lock=page",
};

static struct zpool *pool;
static unsigned long evicted[16];
static int nr_evicted, refuse_from;
static unsigned long free_meanwhile, gone;

/*
 * @free_meanwhile is freed by somebody else while its page is reclaimed. When
 * it is asked for, its bytes can still be looked at, all of them 'b'.
 */
static int evict(struct zpool *p, unsigned long handle, const void *object,
		 void *arg)
{
	unsigned long other = free_meanwhile;

	assert_non_null(object);
	if (other) {
		free_meanwhile = 0;
		gone = other;
		p->driver->free(p, other);
		if (other == handle)
			return 0;
	} else if (gone == handle) {
		gone = 0;
		assert_int_equal(*(const char *)object, 'b');
		assert_ptr_equal(p->driver->map(p, handle, ZPOOL_MM_RO),
				 object);
		p->driver->unmap(p, handle);
		return 0;
	}
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
	refuse_from = 16;
	free_meanwhile = 0;
	gone = 0;
}

static void validate(void)
{
	struct err err = { "" };

	if (pool->driver->validate(pool, &err))
		fail_msg("%s", err.text);
}

static void close_pool(void)
{
	validate();
	zpool_destroy(pool);
}

/* An object of @chunks, filled with the byte @mark. */
static unsigned long put(unsigned chunks, int mark)
{
	unsigned char bytes[4096];
	unsigned long handle;

	memset(bytes, mark, chunks * CHUNK);
	assert_int_equal(pool->driver->malloc(pool, chunks * CHUNK, &handle),
			 0);
	zpool_write(pool, handle, bytes, chunks * CHUNK);
	return handle;
}

static void drop(unsigned long handle)
{
	pool->driver->free(pool, handle);
}

static struct zpool_location where(unsigned long handle)
{
	struct zpool_location loc;

	pool->driver->locate(pool, handle, &loc);
	return loc;
}

static void assert_at(unsigned long handle, pfn_t pfn, unsigned chunk)
{
	struct zpool_location loc = where(handle);

	assert_int_equal(loc.pfn, pfn);
	assert_int_equal(loc.at, chunk * CHUNK);
}

static void assert_mark(unsigned long handle, unsigned chunks, int mark)
{
	unsigned char want[4096], *got;

	memset(want, mark, sizeof(want));
	got = pool->driver->map(pool, handle, ZPOOL_MM_RO);
	assert_memory_equal(got, want, chunks * CHUNK);
	pool->driver->unmap(pool, handle);
}

static struct zpool_stats stats(void)
{
	struct zpool_stats s;

	pool->driver->stats(pool, &s);
	return s;
}

static void settle(void)
{
	if (pool->driver->settle)
		pool->driver->settle(pool);
}

/* The longest object that shares a page, and the ones beyond it. */
static void test_limits(void **state)
{
	static const struct {
		const char *spec;
		unsigned longest, first_at;
	} want[] = {
		{ "z3fold@4.10", 3968, 1 },
		{ "z3fold@5.10", 3904, 2 },
		{ "z3fold@6.1", 3904, 2 },
		{ "z3fold@6.12", 3904, 2 },
		{ "z3fold:form=early,header=2", 3904, 2 },
	};
	unsigned long handle;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		open_pool(want[i].spec);
		assert_int_equal(pool->driver->malloc(pool, want[i].longest,
						      &handle),
				 0);
		assert_int_equal(where(handle).at, want[i].first_at * CHUNK);
		assert_int_equal(pool->driver->malloc(pool, want[i].longest + 1,
						      &handle),
				 0);
		assert_int_equal(where(handle).at, 0);
		assert_int_equal(pool->driver->malloc(pool, 4096, &handle), 0);
		assert_int_equal(where(handle).at, 0);
		assert_int_equal(pool->driver->malloc(pool, 4097, &handle),
				 -ENOSPC);
		close_pool();
	}
}

static void test_three_in_a_page(void **state)
{
	unsigned long a, b, c;
	pfn_t pfn;

	open_pool("z3fold");
	a = put(10, 'a');
	pfn = where(a).pfn;
	b = put(20, 'b');
	c = put(30, 'c');
	assert_at(a, pfn, 2);
	assert_at(b, pfn, 64 - 20);
	assert_at(c, pfn, 2 + 10);
	assert_int_equal(stats().pages, 1);
	close_pool();
}

/* A page that was full is compacted in the free itself, others later. */
static void test_middle_becomes_first(void **state)
{
	unsigned long a, b, c;
	pfn_t pfn;

	open_pool("z3fold");
	a = put(10, 'a');
	pfn = where(a).pfn;
	b = put(20, 'b');
	c = put(20, 'c');
	assert_at(c, pfn, 12);
	/* Middle and last remain: the middle one slides up against the last */
	drop(a);
	assert_at(c, pfn, 64 - 20 - 20);
	drop(b);
	assert_at(c, pfn, 64 - 20 - 20);
	settle();
	/* Alone, it becomes the first, under the same handle. */
	assert_at(c, pfn, 2);
	assert_mark(c, 20, 'c');
	/* New objects of the page do not take its handle's place. */
	a = put(20, 'A');
	b = put(22, 'B');
	assert_at(a, pfn, 64 - 20);
	assert_at(b, pfn, 2 + 20);
	assert_mark(c, 20, 'c');
	assert_mark(a, 20, 'A');
	assert_mark(b, 22, 'B');
	drop(c);
	assert_mark(a, 20, 'A');
	assert_mark(b, 22, 'B');
	close_pool();
}

/* A gap of fewer than three chunks is not worth a copy. */
static void test_small_gap_stays(void **state)
{
	unsigned long a, b, c;
	pfn_t pfn;

	open_pool("z3fold");
	a = put(10, 'a');
	pfn = where(a).pfn;
	b = put(20, 'b');
	c = put(30, 'c');
	drop(a);
	settle();
	assert_at(c, pfn, 12);
	assert_at(b, pfn, 44);
	assert_int_equal(stats().moved_objects, 0);
	close_pool();
}

static void test_lone_object_moves(void **state)
{
	unsigned long a, b, lone;
	pfn_t pfn, old;

	open_pool("z3fold");
	a = put(40, 'a');
	pfn = where(a).pfn;
	lone = put(30, 'l');
	b = put(25, 'b');
	old = where(lone).pfn;
	assert_int_not_equal(old, pfn);
	assert_int_equal(where(b).pfn, old);
	assert_int_equal(stats().pages, 2);
	/* b's room is not needed: 30 chunks do not fit beside 40. */
	drop(b);
	settle();
	assert_at(lone, old, 2);
	drop(a);
	settle();
	b = put(20, 'b');
	assert_at(b, old, 64 - 20);
	a = put(40, 'a');
	pfn = where(a).pfn;
	drop(lone);
	settle();
	/* b was alone, and found room beside a. */
	assert_at(b, pfn, 64 - 20);
	assert_mark(b, 20, 'b');
	assert_mark(a, 40, 'a');
	assert_int_equal(stats().pages, 1);
	assert_int_equal(stats().moved_objects, 1);
	assert_int_equal(stats().moved_bytes, 20 * CHUNK);
	validate();
	drop(b);
	settle();
	drop(a);
	settle();
	assert_int_equal(stats().pages, 0);
	close_pool();
}

/* Mapped objects stay where they are. */
static void test_mapped_stays(void **state)
{
	unsigned long a, b, c;
	pfn_t pfn;
	char *addr;

	open_pool("z3fold");
	a = put(10, 'a');
	pfn = where(a).pfn;
	b = put(20, 'b');
	c = put(20, 'c');
	addr = pool->driver->map(pool, c, ZPOOL_MM_RO);
	drop(a);
	drop(b);
	settle();
	assert_at(c, pfn, 12);
	assert_int_equal(addr[0], 'c');
	pool->driver->unmap(pool, c);
	assert_mark(c, 20, 'c');
	close_pool();
}

/* Work about an emptied page frees it; until then it counts. */
static void test_work_by_page(void **state)
{
	unsigned long a, b;
	pfn_t pfn;

	open_pool("z3fold@6.1");
	a = put(40, 'a');
	b = put(10, 'b');
	pfn = where(a).pfn;
	assert_false(pool->driver->run_work(pool, pfn));
	drop(a);
	drop(b);
	assert_int_equal(stats().pages, 1);
	assert_int_equal(stats().objects, 0);
	validate();
	assert_false(pool->driver->run_work(pool, pfn + 1));
	assert_true(pool->driver->run_work(pool, pfn));
	assert_int_equal(stats().pages, 0);
	close_pool();
}

/* Early form: only a lone middle object moves, at once. */
static void test_early(void **state)
{
	unsigned long a, b, c;
	size_t i;
	pfn_t pfn;

	for (i = 0; i < 2; i++) {
		open_pool(early_specs[i]);
		a = put(10, 'a');
		pfn = where(a).pfn;
		b = put(20, 'b');
		c = put(20, 'c');
		assert_at(a, pfn, 1);
		assert_at(b, pfn, 44);
		assert_at(c, pfn, 11);
		drop(a);
		assert_at(c, pfn, 11);
		drop(b);
		assert_at(c, pfn, 1);
		a = put(20, 'A');
		b = put(20, 'B');
		assert_at(a, pfn, 44);
		assert_at(b, pfn, 21);
		assert_mark(a, 20, 'A');
		assert_mark(b, 20, 'B');
		assert_mark(c, 20, 'c');
		drop(c);
		drop(b);
		drop(a);
		assert_int_equal(stats().pages, 0);
		close_pool();
	}
}

static const char *const lru_specs[] = {
	"z3fold@4.10",
	"z3fold@4.10:lock=page",
	"z3fold@6.1",
};

static void test_reclaim_order(void **state)
{
	unsigned long a, b, c, big;
	unsigned reclaimed;
	size_t i;

	for (i = 0; i < 3; i++) {
		open_pool(lru_specs[i]);
		a = put(10, 'a');
		b = put(20, 'b');
		c = put(15, 'c');
		big = put(63, 'x');
		assert_int_equal(stats().pages, 2);
		assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), 0);
		assert_int_equal(nr_evicted, 3);
		assert_int_equal(evicted[0], c);
		assert_int_equal(evicted[1], a);
		assert_int_equal(evicted[2], b);
		/* A page without a header counts, too, when it has gone. */
		assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), 0);
		assert_int_equal(evicted[3], big);
		assert_int_equal(stats().pages, 0);
		assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed),
				 -EINVAL);
		close_pool();
	}
}

/* A refused object stays, whole, and its page can be used again. */
static void test_reclaim_refused(void **state)
{
	unsigned long a, b, big;
	unsigned reclaimed;
	size_t i;

	for (i = 0; i < 3; i++) {
		open_pool(lru_specs[i]);
		a = put(10, 'a');
		b = put(20, 'b');
		big = put(63, 'x');
		refuse_from = 1;
		assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed),
				 -EAGAIN);
		assert_int_equal(reclaimed, 0);
		assert_int_equal(nr_evicted, 1);
		assert_int_equal(evicted[0], a);
		settle();
		validate();
		assert_mark(b, 20, 'b');
		assert_mark(big, 63, 'x');
		assert_int_equal(stats().pages, 2);
		a = put(11, 'A');
		assert_int_equal(where(a).pfn, where(b).pfn);
		assert_mark(a, 11, 'A');
		assert_mark(b, 20, 'b');
		drop(a);
		drop(b);
		drop(big);
		settle();
		assert_int_equal(stats().pages, 0);
		close_pool();
	}
}

/* 5.10: such a page has no room for others until something in it is freed. */
static void test_reclaim_refused_510(void **state)
{
	unsigned long a, b;
	unsigned reclaimed;

	open_pool("z3fold@5.10");
	a = put(10, 'a');
	b = put(20, 'b');
	refuse_from = 0;
	assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), -EAGAIN);
	validate();
	assert_int_not_equal(where(put(10, 'c')).pfn, where(a).pfn);
	drop(b);
	settle();
	validate();
	assert_int_equal(where(put(24, 'd')).pfn, where(a).pfn);
	assert_mark(a, 10, 'a');
	zpool_destroy(pool);
}

/* An object that is freed while its page is reclaimed is freed once. */
static void test_freed_meanwhile(void **state)
{
	unsigned long a, b, big;
	unsigned reclaimed;
	size_t i;

	for (i = 0; i < 3; i++) {
		open_pool(lru_specs[i]);
		a = put(10, 'a');
		b = put(20, 'b');
		big = put(63, 'x');
		/* a is asked for first; b goes away meanwhile, a stays. */
		free_meanwhile = b;
		refuse_from = 0;
		assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed),
				 -EAGAIN);
		settle();
		validate();
		assert_int_equal(stats().objects, 2);
		assert_mark(a, 10, 'a');
		refuse_from = 16;
		/* Whichever is asked for next has gone before it is. */
		drop(a);
		settle();
		free_meanwhile = big;
		assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), 0);
		assert_int_equal(nr_evicted, 0);
		assert_int_equal(stats().objects, 0);
		assert_int_equal(stats().pages, 0);
		close_pool();
	}
}

/* Somebody who is asked for an object can tell that it was freed just now. */
static void test_asked_for_freed(void **state)
{
	unsigned reclaimed;
	unsigned long b;
	size_t i;

	for (i = 0; i < 3; i++) {
		open_pool(lru_specs[i]);
		put(10, 'a');
		b = put(20, 'b');
		free_meanwhile = b;
		assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), 0);
		assert_int_equal(nr_evicted, 1);
		assert_int_equal(gone, 0);
		assert_int_equal(stats().objects, 0);
		assert_int_equal(stats().pages, 0);
		close_pool();
	}
}

/* Pages that hold another page's objects are passed over. */
static void test_foreign_not_reclaimed(void **state)
{
	unsigned long a, b, lone;
	unsigned reclaimed;

	open_pool("z3fold@6.1");
	lone = put(40, 'l');
	b = put(20, 'b');
	a = put(40, 'a');
	drop(lone);
	settle();
	assert_int_equal(where(b).pfn, where(a).pfn);
	assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), -EAGAIN);
	assert_int_equal(nr_evicted, 0);
	drop(b);
	settle();
	assert_int_equal(pool->driver->shrink(pool, 1, &reclaimed), 0);
	assert_int_equal(evicted[0], a);
	close_pool();
}

/* Freeing the frame is left to the work, which run_work runs, too. */
static void test_stale_pages(void **state)
{
	struct zpool_stats stats;
	unsigned long handle;
	pfn_t pfn;

	open_pool("z3fold");
	for (pfn = 0; pfn < 2; pfn++) {
		assert_int_equal(pool->driver->malloc(pool, 8 * CHUNK, &handle),
				 0);
		pool->driver->free(pool, handle);
		pool->driver->stats(pool, &stats);
		assert_int_equal(stats.pages, 0);
		assert_int_equal(arena_used(pool->arena), 1);
		validate();
		if (pfn)
			assert_false(pool->driver->run_work(pool, 0));
		else
			assert_int_equal(pool->driver->settle(pool), 1);
		assert_int_equal(arena_used(pool->arena), 0);
		validate();
	}
	zpool_destroy(pool);
}

/* A free that releases the page: the lists twice, the stale list, the queue. */
static void test_free_locks(void **state)
{
#ifdef SYNC_NO_STATS
	skip();
#else
	uint64_t lock, stale, queue;
	unsigned long handle;

	open_pool("z3fold");
	assert_int_equal(pool->driver->malloc(pool, 8 * CHUNK, &handle), 0);
	lock = acquisitions("pool->lock");
	stale = acquisitions("pool->stale_lock");
	queue = acquisitions("wq->lock");
	pool->driver->free(pool, handle);
	assert_int_equal(acquisitions("pool->lock") - lock, 2);
	assert_int_equal(acquisitions("pool->stale_lock") - stale, 1);
	assert_int_equal(acquisitions("wq->lock") - queue, 1);
	pool->driver->settle(pool);
	pool->driver->settle(pool);
	assert_int_equal(acquisitions("pool->lock") - lock, 2);
	assert_int_equal(acquisitions("pool->stale_lock") - stale, 3);
	assert_int_equal(acquisitions("wq->lock") - queue, 2);
	zpool_destroy(pool);
#endif
}

/* A free in a page that is on no list compacts it at once. */
static void test_unlist_locks(void **state)
{
#ifdef SYNC_NO_STATS
	skip();
#else
	static const char *const specs[] = { "z3fold@6.1", "z3fold@5.10" };
	uint64_t lock[2];
	unsigned long a;
	size_t i;

	for (i = 0; i < 2; i++) {
		open_pool(specs[i]);
		a = put(10, 'a');
		put(20, 'b');
		put(20, 'c');
		lock[i] = acquisitions("pool->lock");
		drop(a);
		lock[i] = acquisitions("pool->lock") - lock[i];
		zpool_destroy(pool);
	}
	assert_int_equal(lock[0], 2);
	assert_int_equal(lock[1], 3);
#endif
}

/* The pool's structure, and in the late form the lists of each CPU. */
static void test_metadata(void **state)
{
	static const struct {
		const char *spec;
		unsigned bytes;
	} eras[] = {
		{ "z3fold@4.10", 2048 },
		{ "z3fold@5.10", 192 + 62 * 16 },
		{ "z3fold@6.1", 192 + 62 * 16 },
		{ "z3fold@6.12", 128 + 62 * 16 },
	};
	struct zpool_stats stats;
	size_t i;

	for (i = 0; i < sizeof(eras) / sizeof(eras[0]); i++) {
		open_pool(eras[i].spec);
		pool->driver->stats(pool, &stats);
		assert_int_equal(stats.metadata_bytes, eras[i].bytes);
		zpool_destroy(pool);
	}
}

static void test_contradictions(void **state)
{
	static const struct {
		const char *spec, *says;
	} wrong[] = {
		{ "z3fold:lock=pool", "lock=pool needs form=early" },
		{ "z3fold@6.1:header=1", "header=1 needs form=early" },
		{ "z3fold:form=early,relist=off",
		  "relist=off needs form=late" },
		{ "z3fold:header=3", "header" },
		{ "z3fold:lock=zspage", "pool | page" },
	};
	struct zpool_config config = { 0 };
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err.text[0] = '\0';
		assert_null(zpool_create(wrong[i].spec, &config, &err));
		if (!strstr(err.text, wrong[i].says))
			fail_msg("%s: \"%s\"", wrong[i].spec, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_three_in_a_page),
		cmocka_unit_test(test_middle_becomes_first),
		cmocka_unit_test(test_small_gap_stays),
		cmocka_unit_test(test_lone_object_moves),
		cmocka_unit_test(test_mapped_stays),
		cmocka_unit_test(test_work_by_page),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_reclaim_order),
		cmocka_unit_test(test_reclaim_refused),
		cmocka_unit_test(test_reclaim_refused_510),
		cmocka_unit_test(test_freed_meanwhile),
		cmocka_unit_test(test_asked_for_freed),
		cmocka_unit_test(test_foreign_not_reclaimed),
		cmocka_unit_test(test_stale_pages),
		cmocka_unit_test(test_free_locks),
		cmocka_unit_test(test_unlist_locks),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_contradictions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
