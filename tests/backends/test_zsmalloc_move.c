// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zsmalloc moves objects: compaction and migration beside readers, pinned
 * objects and frees, and how much each algorithm copies.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/zsmalloc/zsmalloc.h"
#include "tests/lib/pool.h"
#include "tests/lib/random.h"

#define PAGE OBJECT_MAX
#define NR(a) (sizeof(a) / sizeof((a)[0]))

/* Half-empty zspages of one class; returns handles that stay. */
static unsigned sparse(struct zpool *pool, unsigned long *kept, size_t size)
{
	unsigned long handle[600];
	unsigned i, n = 0;

	for (i = 0; i < NR(handle); i++) {
		assert_int_equal(pool->driver->malloc(pool, size, &handle[i]),
				 0);
		object_write(pool, handle[i], size, i / 3);
	}
	for (i = 0; i < NR(handle); i++) {
		if (i % 3)
			pool->driver->free(pool, handle[i]);
		else
			kept[n++] = handle[i];
	}
	return n;
}

static void read_kept(struct zpool *pool, unsigned long *kept, unsigned n,
		      size_t size)
{
	unsigned i;

	for (i = 0; i < n; i++)
		object_check(pool, kept[i], size, i);
}

/* A reader stops compaction of its class, in the forms that only try. */
static void test_busy_source(void **state)
{
	static const char *const zspage[] = { "rwsem", "atomic", "preempt" };
	unsigned long kept[600], freed;
	char spec[64], copy[PAGE];
	struct zpool *pool;
	unsigned i, j, n;
	void *mem[200];

	for (i = 0; i < NR(zspage); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@7.3:zspage=%s",
			 zspage[i]);
#ifdef ZLAB_DEBUG
		/* Another form may have taught another lock order. */
		sync_debug_forget();
#endif
		pool = pool_new(spec);
		assert_true(pool->caps & ZPOOL_SLEEP_MAPPED);
		n = sparse(pool, kept, 500);
		for (j = 0; j < n; j++)
			mem[j] = zpool_read_begin(pool, kept[j], 500, copy);
		assert_true(pool->driver->can_compact(pool) > 0);
		assert_int_equal(pool->driver->compact(pool), 0);
		for (j = 0; j < n; j++)
			zpool_read_end(pool, kept[j], 500, mem[j]);
		pool_validate(pool);
		freed = pool->driver->can_compact(pool);
		assert_int_equal(pool->driver->compact(pool), freed);
		pool_validate(pool);
		read_kept(pool, kept, n, 500);
		zpool_destroy(pool);
	}
}

struct mapper {
	struct zpool *pool;
	unsigned long handle;
	pthread_barrier_t meet;
};

/* A mapping is an atomic section, so another thread has to have it. */
static void *keep_mapped(void *arg)
{
	struct mapper *m = arg;

	sync_cpu_attach();
	m->pool->driver->map(m->pool, m->handle, ZPOOL_MM_RO);
	pthread_barrier_wait(&m->meet);
	pthread_barrier_wait(&m->meet);
	m->pool->driver->unmap(m->pool, m->handle);
	sync_cpu_detach();
	return NULL;
}

/* A pinned object stays; compaction ends all the same. */
static void test_pinned_object(void **state)
{
	static const char *const compact[] = { "old", "new" };
	struct zpool_location before, after;
	unsigned long kept[600];
	struct mapper m;
	pthread_t thread;
	struct zpool *pool;
	char spec[64];
	unsigned i, n;

	pthread_barrier_init(&m.meet, NULL, 2);
	for (i = 0; i < NR(compact); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@5.10:compact=%s",
			 compact[i]);
		pool = pool_new(spec);
		n = sparse(pool, kept, 500);
		pool->driver->locate(pool, kept[1], &before);
		m.pool = pool;
		m.handle = kept[1];
		pthread_create(&thread, NULL, keep_mapped, &m);
		pthread_barrier_wait(&m.meet);
		assert_true(pool->driver->compact(pool) > 0);
		pool->driver->locate(pool, kept[1], &after);
		assert_int_equal(before.pfn, after.pfn);
		assert_int_equal(before.at, after.at);
		pthread_barrier_wait(&m.meet);
		pthread_join(thread, NULL);
		pool_validate(pool);
		read_kept(pool, kept, n, 500);
		zpool_destroy(pool);
	}
	pthread_barrier_destroy(&m.meet);
}

static void test_migrate(void **state)
{
	struct zpool *pool = pool_new("zsmalloc@7.3");
	struct zpool_location where, moved;
	struct zpool_stats stats;
	unsigned long handle[9];
	char copy[PAGE];
	unsigned i;
	void *mem;

	for (i = 0; i < 9; i++) {
		assert_int_equal(pool->driver->malloc(pool, 3600, &handle[i]),
				 0);
		object_write(pool, handle[i], 3600, i);
	}
	pool->driver->locate(pool, handle[3], &where);
	mem = zpool_read_begin(pool, handle[5], 3600, copy);
	assert_int_equal(pool->driver->migrate(pool, where.pfn), -EAGAIN);
	zpool_read_end(pool, handle[5], 3600, mem);
	assert_int_equal(pool->driver->migrate(pool, where.pfn), 0);
	pool->driver->locate(pool, handle[3], &moved);
	assert_int_equal(where.at, moved.at);
	assert_int_not_equal(where.pfn, moved.pfn);
	assert_int_equal(pool->driver->migrate(pool, where.pfn), -ENOENT);
	assert_int_equal(pool->driver->migrate(pool, PFN_NONE), -ENOENT);
	for (i = 0; i < 9; i++)
		object_check(pool, handle[i], 3600, i);
	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.migrated_pages, 1);
	assert_int_equal(stats.migrate_busy, 1);
	pool_validate(pool);
	zpool_destroy(pool);
}

struct migrator {
	struct zpool *pool;
	pfn_t pfn;
	int ret;
};

static void *migrate_thread(void *arg)
{
	struct migrator *m = arg;

	sync_cpu_attach();
	m->ret = m->pool->driver->migrate(m->pool, m->pfn);
	sync_cpu_detach();
	return NULL;
}

/* The frame is freed while migration waits for the locks. */
static void test_migrate_freed(void **state)
{
	struct zpool *zpool = pool_new("zsmalloc@7.3");
	struct zs_pool *pool = (struct zs_pool *)zpool;
	struct migrator m = { .pool = zpool };
	struct zpool_location where;
	unsigned long handle;
	pthread_t thread;

	assert_int_equal(zpool->driver->malloc(zpool, PAGE, &handle), 0);
	zpool->driver->locate(zpool, handle, &where);
	m.pfn = where.pfn;
	read_lock(&pool->migrate_lock);
	pthread_create(&thread, NULL, migrate_thread, &m);
	while (!rwlock_is_contended(&pool->migrate_lock))
		sched_yield();
	zpool->driver->free(zpool, handle);
	read_unlock(&pool->migrate_lock);
	pthread_join(thread, NULL);
	assert_int_equal(m.ret, -EAGAIN);
	pool_validate(zpool);
	assert_int_equal(arena_used(zpool->arena), 0);
	zpool_destroy(zpool);
}

/* The new algorithm copies less than the old one on the same pool. */
static void test_copies(void **state)
{
	static const char *const spec[] = {
		"zsmalloc@6.10:groups=4,compact=old",
		"zsmalloc@6.10:groups=4,compact=new",
		"zsmalloc@6.10:groups=12,compact=new",
	};
	static unsigned long handle[30000];
	uint64_t copies[3], rng;
	struct zpool_stats stats;
	struct zpool *pool;
	unsigned i, j, n;

	for (i = 0; i < 3; i++) {
		rng = 0;
		pool = pool_new(spec[i]);
		for (j = 0; j < NR(handle); j++)
			assert_int_equal(pool->driver->malloc(
						 pool, 40 + next(&rng) % 3500,
						 &handle[j]),
					 0);
		for (j = 0, n = 0; j < NR(handle); j++) {
			if (next(&rng) % 100 < 50)
				pool->driver->free(pool, handle[j]);
			else
				handle[n++] = handle[j];
		}
		pool->driver->compact(pool);
		pool_validate(pool);
		pool->driver->stats(pool, &stats);
		copies[i] = stats.moved_objects;
		for (j = 0; j < n; j++)
			pool->driver->free(pool, handle[j]);
		pool_validate(pool);
		zpool_destroy(pool);
	}
	assert_true(copies[1] < copies[0]);
	assert_true(copies[2] < copies[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busy_source),
		cmocka_unit_test(test_pinned_object),
		cmocka_unit_test(test_migrate),
		cmocka_unit_test(test_migrate_freed),
		cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests_name("zsmalloc_move", tests, NULL, NULL);
}
