// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zsmalloc alone on one CPU: the class table beside a real kernel's, every
 * size, a random model with compaction and migration, memory that runs out at
 * each allocation, busy objects, bad options, and a walk that finds damage.
 *
 * ZLAB_TEST_SCALE scales the steps of each combination, in percent.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/zsmalloc.h"

#define PAGE 4096u

static const char *const PRESETS[] = { "4.0",  "5.10", "6.1", "6.10",
				       "6.12", "7.2",  "7.3" };
#define NR(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t rng;

static uint64_t next(void)
{
	uint64_t z = (rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static long scaled(long steps)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");

	return scale ? steps * atol(scale) / 100 : steps;
}

static struct zpool *pool_limited(const char *spec, size_t limit)
{
	struct zpool_config config = {
		.arena = { .capacity = 1u << 17, .limit = limit },
	};
	struct err err = { "" };
	struct zpool *pool = zpool_create(spec, &config, &err);

	if (!pool)
		fail_msg("%s: %s", spec, err.text);
	return pool;
}

static struct zpool *pool_new(const char *spec)
{
	return pool_limited(spec, 0);
}

static void validate(struct zpool *pool)
{
	struct err err = { "" };

	if (pool->driver->validate(pool, &err))
		fail_msg("%s: %s", pool->spec, err.text);
}

static void fill(unsigned char *buf, size_t size, uint64_t seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

static void write_object(struct zpool *pool, unsigned long handle, size_t size,
			 uint64_t seed)
{
	unsigned char buf[PAGE];

	fill(buf, size, seed);
	zpool_write(pool, handle, buf, size);
}

static void read_object(struct zpool *pool, unsigned long handle, size_t size,
			uint64_t seed)
{
	unsigned char want[PAGE], copy[PAGE], *got;

	fill(want, size, seed);
	got = zpool_read_begin(pool, handle, size, copy);
	if (memcmp(got, want, size))
		fail_msg("%s: wrong bytes in an object of %zu bytes",
			 pool->spec, size);
	zpool_read_end(pool, handle, size, got);
}

/* Classes. */

static void check_table(const char *preset, const char *file)
{
	char spec[64], line[128];
	unsigned slot = 0, at, index, size, objs, pages;
	struct zpool_class class;
	struct zpool *pool;
	FILE *f = fopen(file, "r");

	if (!f)
		fail_msg("%s: %s", file, strerror(errno));
	snprintf(spec, sizeof(spec), "zsmalloc@%s", preset);
	pool = pool_new(spec);
	assert_non_null(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		assert_int_equal(sscanf(line, "%u,%u,%u,%u,%u", &at, &index,
					&size, &objs, &pages),
				 5);
		assert_int_equal(pool->driver->size_class(pool, slot, &class),
				 0);
		assert_int_equal(class.slot, at);
		assert_int_equal(class.index, index);
		assert_int_equal(class.size, size);
		assert_int_equal(class.objects, objs);
		assert_int_equal(class.pages, pages);
		slot++;
	}
	assert_int_equal(pool->driver->size_class(pool, slot, &class), -ENOENT);
	assert_int_equal(slot, 255);
	fclose(f);
	zpool_destroy(pool);
}

static void test_class_table(void **state)
{
	check_table("6.1", "tests/vectors/6.1-zsmalloc-classes.csv");
	check_table("6.12", "tests/vectors/6.12-zsmalloc-classes.csv");
}

static void count_classes(const char *rule, unsigned chain, unsigned want,
			  unsigned want_largest)
{
	unsigned slot, n = 0, largest = 0;
	struct zpool_class class;
	struct zpool *pool;
	char spec[64];

	snprintf(spec, sizeof(spec), "zsmalloc:chain=%u,rule=%s", chain, rule);
	pool = pool_new(spec);
	for (slot = 0; !pool->driver->size_class(pool, slot, &class); slot++) {
		if (class.index != slot)
			continue;
		n++;
		if (!class.huge && class.size > largest)
			largest = class.size;
		assert_int_equal(class.waste + class.objects * class.size,
				 class.pages * PAGE);
		assert_true(class.spanning < class.pages);
	}
	assert_int_equal(n, want);
	assert_int_equal(largest, want_largest);
	zpool_destroy(pool);
}

/* The published counts, and the largest class below a whole page. */
static void test_class_counts(void **state)
{
	static const unsigned percent[] = { 69,	 86,  93,  112, 123, 140, 143,
					    159, 164, 180, 183, 188, 191 };
	static const unsigned waste[] = { 69,  86,  94,	 110, 119, 136, 141,
					  153, 159, 173, 179, 186, 192 };
	static const unsigned largest[] = { 3264, 3408, 3504, 3584, 3632,
					    3680, 3712, 3744, 3776, 3792,
					    3808, 3840, 3840 };
	unsigned i;

	for (i = 0; i < NR(waste); i++) {
		count_classes("percent", i + 4, percent[i], largest[i]);
		count_classes("waste", i + 4, waste[i], largest[i]);
	}
}

/* Sizes. */

static void every_size(const char *spec)
{
	static unsigned long handle[PAGE + 1];
	static uint16_t order[PAGE];
	struct zpool *pool = pool_new(spec);
	unsigned long none = 0;
	struct zpool_stats stats;
	unsigned i, j;
	uint16_t t;

	assert_int_equal(pool->driver->malloc(pool, 0, &none), -EINVAL);
	assert_int_equal(pool->driver->malloc(pool, PAGE + 1, &none), -ENOSPC);
	assert_int_equal(pool->driver->largest(pool), PAGE);
	for (i = 1; i <= PAGE; i++) {
		assert_int_equal(pool->driver->malloc(pool, i, &handle[i]), 0);
		assert_true(handle[i]);
		write_object(pool, handle[i], i, i);
		order[i - 1] = i;
	}
	validate(pool);
	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.objects, PAGE);
	assert_true(stats.slots >= PAGE);
	for (i = PAGE - 1; i; i--) {
		j = next() % (i + 1);
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	for (i = 0; i < PAGE; i++) {
		read_object(pool, handle[order[i]], order[i], order[i]);
		pool->driver->free(pool, handle[order[i]]);
		if (i % 512 == 0)
			validate(pool);
	}
	validate(pool);
	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.pages, 0);
	assert_int_equal(stats.objects, 0);
	assert_int_equal(stats.slots, 0);
	zpool_destroy(pool);
}

static void test_every_size(void **state)
{
	char spec[64];
	unsigned i;

	for (i = 0; i < NR(PRESETS); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", PRESETS[i]);
		every_size(spec);
	}
}

/* map hands out what obj_write wrote and the other way round. */
static void test_map_modes(void **state)
{
	struct zpool *pool = pool_new("zsmalloc:chain=8");
	unsigned char want[PAGE];
	unsigned long handle[9];
	unsigned i, size = 3600;
	void *p;

	for (i = 0; i < 9; i++) {
		assert_int_equal(pool->driver->malloc(pool, size, &handle[i]),
				 0);
		write_object(pool, handle[i], size, i);
	}
	for (i = 0; i < 9; i++) {
		fill(want, size, i);
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_RO);
		assert_memory_equal(p, want, size);
		pool->driver->unmap(pool, handle[i]);
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_RW);
		assert_memory_equal(p, want, size);
		((unsigned char *)p)[0] ^= 1;
		((unsigned char *)p)[size - 1] ^= 1;
		pool->driver->unmap(pool, handle[i]);
		validate(pool);
		want[0] ^= 1;
		want[size - 1] ^= 1;
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_RO);
		assert_memory_equal(p, want, size);
		pool->driver->unmap(pool, handle[i]);
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_WO);
		fill(p, size, i + 100);
		pool->driver->unmap(pool, handle[i]);
		read_object(pool, handle[i], size, i + 100);
	}
	for (i = 0; i < 9; i++)
		read_object(pool, handle[i], size, i + 100);
	validate(pool);
	zpool_destroy(pool);
}

/* The model: a pool against a dictionary. */

#define LIVE 700

struct object {
	unsigned long handle;
	uint64_t seed;
	unsigned size;
};

static unsigned random_size(void)
{
	switch (next() % 8) {
	case 0:
		return 1 + next() % PAGE;
	case 1:
		return PAGE;
	case 2:
		return 1 + next() % 64;
	default:
		return 64 + next() % 3500;
	}
}

static void read_all(struct zpool *pool, const struct object *o)
{
	unsigned i;

	for (i = 0; i < LIVE; i++)
		if (o[i].handle)
			read_object(pool, o[i].handle, o[i].size, o[i].seed);
}

static void migrate_one(struct zpool *pool, const struct object *o)
{
	struct zpool_location where;
	size_t used = arena_used(pool->arena);
	int ret;

	if (!o->handle || !pool->driver->migrate)
		return;
	pool->driver->locate(pool, o->handle, &where);
	ret = pool->driver->migrate(pool, where.pfn);
	assert_true(ret == 0 || (ret == -ENOMEM && used >= 400));
	assert_int_equal(arena_used(pool->arena), used);
	read_object(pool, o->handle, o->size, o->seed);
}

static void model_step(struct zpool *pool, struct object *objects)
{
	struct object *o = &objects[next() % LIVE];
	unsigned what = next() % 1000;
	unsigned long freed;
	size_t used;
	int ret;

	if (what < 5 && pool->driver->compact) {
		used = arena_used(pool->arena);
		freed = pool->driver->can_compact(pool);
		ret = (int)pool->driver->compact(pool);
		assert_true((unsigned long)ret <= freed);
		assert_int_equal(arena_used(pool->arena), used - ret);
		validate(pool);
		read_all(pool, objects);
	} else if (what < 60) {
		migrate_one(pool, o);
	} else if (o->handle && what < 300) {
		read_object(pool, o->handle, o->size, o->seed);
	} else if (o->handle) {
		read_object(pool, o->handle, o->size, o->seed);
		pool->driver->free(pool, o->handle);
		o->handle = 0;
	} else {
		o->size = random_size();
		o->seed = next();
		ret = pool->driver->malloc(pool, o->size, &o->handle);
		if (ret == -ENOMEM) {
			assert_true(arena_used(pool->arena) >= 400 - 16);
			o->handle = 0;
			return;
		}
		assert_int_equal(ret, 0);
		write_object(pool, o->handle, o->size, o->seed);
	}
}

static void model(const char *spec, long steps)
{
	static struct object objects[LIVE];
	struct zpool *pool = pool_limited(spec, 400);
	unsigned long i;

	memset(objects, 0, sizeof(objects));
	while (steps--)
		model_step(pool, objects);
	validate(pool);
	read_all(pool, objects);
	for (i = 0; i < LIVE; i++)
		if (objects[i].handle)
			pool->driver->free(pool, objects[i].handle);
	validate(pool);
	assert_int_equal(arena_used(pool->arena), 0);
	zpool_destroy(pool);
}

static void test_model_presets(void **state)
{
	char spec[64];
	unsigned i;

	for (i = 0; i < NR(PRESETS); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", PRESETS[i]);
		model(spec, scaled(40000));
	}
}

static void test_model_axes(void **state)
{
	static const char *const lock[] = { "pool", "class", "class-free" };
	static const char *const zspage[] = { "pin", "rwlock", "rwsem",
					      "atomic", "preempt" };
	static const char *const compact[] = { "old", "new", "none" };
	static const char *const map[] = { "buffer", "obj" };
	static const char *const release[] = { "inside", "after" };
	char spec[160];
	unsigned i;

	for (i = 0; i < 3 * 5 * 3 * 2; i++) {
		snprintf(spec, sizeof(spec),
			 "zsmalloc:lock=%s,zspage=%s,compact=%s,map=%s,"
			 "release=%s,groups=%s,rule=%s,chain=%u",
			 lock[i % 3], zspage[i / 3 % 5], compact[i / 15 % 3],
			 map[i / 45], release[next() % 2],
			 next() % 2 ? "4" : "12",
			 next() % 2 ? "percent" : "waste",
			 (unsigned)(1 + next() % 16));
		model(spec, scaled(4000));
	}
	for (i = 0; i < 12; i++) {
		snprintf(spec, sizeof(spec),
			 "zsmalloc:handle=direct,zspage=none,compact=none,"
			 "lock=%s,map=%s,release=%s",
			 lock[i % 3], map[i / 3 % 2], release[i / 6]);
		model(spec, scaled(4000));
	}
}

/* 16 and 64 KiB frames: objects of up to a frame. */
static void test_page_sizes(void **state)
{
	static const unsigned shifts[] = { 14, 16 };
	struct zpool_config config = { .arena = { .capacity = 1u << 12 } };
	struct err err = { "" };
	unsigned long handle[64];
	struct zpool *pool;
	unsigned char *buf = malloc(1u << 16), *copy = malloc(1u << 16), *got;
	size_t size;
	unsigned i, j;

	assert_true(buf && copy);
	for (i = 0; i < NR(shifts); i++) {
		config.arena.page_shift = shifts[i];
		pool = zpool_create("zsmalloc@7.3", &config, &err);
		assert_non_null(pool);
		size = pool->driver->largest(pool);
		assert_int_equal(size, 1u << shifts[i]);
		for (j = 0; j < 64; j++) {
			fill(buf, size, j);
			assert_int_equal(
				pool->driver->malloc(pool, size * (j + 1) / 64,
						     &handle[j]),
				0);
			zpool_write(pool, handle[j], buf, size * (j + 1) / 64);
		}
		validate(pool);
		for (j = 0; j < 64; j++) {
			fill(buf, size, j);
			got = zpool_read_begin(pool, handle[j],
					       size * (j + 1) / 64, copy);
			assert_memory_equal(got, buf, size * (j + 1) / 64);
			zpool_read_end(pool, handle[j], size * (j + 1) / 64,
				       got);
			pool->driver->free(pool, handle[j]);
		}
		validate(pool);
		zpool_destroy(pool);
	}
	free(buf);
	free(copy);
}

/* Memory. */

static void test_out_of_frames(void **state)
{
	struct zpool *pool = pool_limited("zsmalloc@7.3", 64);
	struct zpool_stats stats;
	unsigned long handle[4096];
	unsigned n = 0, i;
	int ret;

	while (!(ret = pool->driver->malloc(pool, 700, &handle[n]))) {
		write_object(pool, handle[n], 700, n);
		n++;
	}
	assert_int_equal(ret, -ENOMEM);
	validate(pool);
	/* Migration needs a frame for a moment. */
	assert_true(arena_used(pool->arena) > 64 - 8);
	for (i = 0; i < n; i++)
		read_object(pool, handle[i], 700, i);
	for (i = 0; i < n; i += 2)
		pool->driver->free(pool, handle[i]);
	pool->driver->compact(pool);
	validate(pool);
	for (i = 1; i < n; i += 2)
		read_object(pool, handle[i], 700, i);
	pool->driver->stats(pool, &stats);
	assert_true(stats.compacted_pages > 0);
	assert_int_equal(stats.moved_bytes % stats.moved_objects, 0);
	zpool_destroy(pool);
}

/* Each allocation that malloc makes fails once. */
static void failing(const char *spec)
{
	struct zpool *pool = pool_new(spec);
	size_t sizes[] = { 24, 700, 3600, 4096 };
	unsigned long handle = 0, kept[NR(sizes)];
	unsigned i, nth, failures;
	int ret;

	for (i = 0; i < NR(sizes); i++) {
		failures = 0;
		for (nth = 1;; nth++) {
			size_t used = arena_used(pool->arena);

			arena_fail(pool->arena, nth, 0);
			ret = pool->driver->malloc(pool, sizes[i], &handle);
			arena_fail(pool->arena, 0, 0);
			validate(pool);
			if (!ret)
				break;
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(arena_used(pool->arena), used);
			failures++;
		}
		assert_true(failures >= 2);
		kept[i] = handle;
		write_object(pool, handle, sizes[i], i);
		arena_fail(pool->arena, 1, 1);
		if (pool->driver->compact)
			pool->driver->compact(pool);
		if (pool->driver->migrate) {
			struct zpool_location where;

			pool->driver->locate(pool, handle, &where);
			assert_int_equal(pool->driver->migrate(pool, where.pfn),
					 -ENOMEM);
		}
		arena_fail(pool->arena, 0, 0);
		validate(pool);
	}
	for (i = 0; i < NR(sizes); i++)
		read_object(pool, kept[i], sizes[i], i);
	zpool_destroy(pool);
}

static void test_failing_allocations(void **state)
{
	char spec[64];
	unsigned i;

	for (i = 0; i < NR(PRESETS); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", PRESETS[i]);
		failing(spec);
	}
}

/* Moving. */

/* Half-empty zspages of one class; returns handles that stay. */
static unsigned sparse(struct zpool *pool, unsigned long *kept, size_t size)
{
	unsigned long handle[600];
	unsigned i, n = 0;

	for (i = 0; i < NR(handle); i++) {
		assert_int_equal(pool->driver->malloc(pool, size, &handle[i]),
				 0);
		write_object(pool, handle[i], size, i / 3);
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
		read_object(pool, kept[i], size, i);
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
		validate(pool);
		freed = pool->driver->can_compact(pool);
		assert_int_equal(pool->driver->compact(pool), freed);
		validate(pool);
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
		validate(pool);
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
		write_object(pool, handle[i], 3600, i);
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
		read_object(pool, handle[i], 3600, i);
	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.migrated_pages, 1);
	assert_int_equal(stats.migrate_busy, 1);
	validate(pool);
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
	validate(zpool);
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
	uint64_t copies[3], start = rng;
	struct zpool_stats stats;
	struct zpool *pool;
	unsigned i, j, n;

	for (i = 0; i < 3; i++) {
		rng = start;
		pool = pool_new(spec[i]);
		for (j = 0; j < NR(handle); j++)
			assert_int_equal(
				pool->driver->malloc(pool, 40 + next() % 3500,
						     &handle[j]),
				0);
		for (j = 0, n = 0; j < NR(handle); j++) {
			if (next() % 100 < 50)
				pool->driver->free(pool, handle[j]);
			else
				handle[n++] = handle[j];
		}
		pool->driver->compact(pool);
		validate(pool);
		pool->driver->stats(pool, &stats);
		copies[i] = stats.moved_objects;
		for (j = 0; j < n; j++)
			pool->driver->free(pool, handle[j]);
		validate(pool);
		zpool_destroy(pool);
	}
	assert_true(copies[1] < copies[0]);
	assert_true(copies[2] < copies[1]);
}

/* Bad input. */

static void test_bad_options(void **state)
{
	static const char *const bad[][2] = {
		{ "zsmalloc:handle=direct", "zspage=none" },
		{ "zsmalloc:handle=direct,zspage=none", "compact=none" },
		{ "zsmalloc@4.0:compact=new", "compact=none" },
		{ "zsmalloc@4.0:zspage=pin", "zspage=none" },
		{ "zsmalloc:zspage=none", "preempt" },
		{ "zsmalloc:zspage=relaxed", "preempt" },
		{ "zsmalloc:chain=17", "1..16" },
		{ "zsmalloc:chain=0", "1..16" },
		{ "zsmalloc:lock=none", "class-free" },
	};
	struct zpool_config config = { .arena = { .capacity = 64 } };
	struct err err;
	unsigned i;

	for (i = 0; i < NR(bad); i++) {
		err.text[0] = '\0';
		assert_null(zpool_create(bad[i][0], &config, &err));
		if (!strstr(err.text, bad[i][1]))
			fail_msg("%s: \"%s\" does not say %s", bad[i][0],
				 err.text, bad[i][1]);
	}
}

/* Each kind of damage must be found. */
static void test_validate_finds(void **state)
{
	struct zpool *zpool = pool_new("zsmalloc@7.3");
	struct zs_pool *pool = (struct zs_pool *)zpool;
	struct zs_class *class = pool->slot[(700 + 8 - 32 + 15) / 16];
	unsigned long handle[20], *slot, loc, kept;
	struct zspage *zspage;
	struct err err;
	unsigned i;

	for (i = 0; i < 20; i++)
		assert_int_equal(zpool->driver->malloc(zpool, 700, &handle[i]),
				 0);
	zpool->driver->free(zpool, handle[3]);
	zpool->driver->free(zpool, handle[7]);
	validate(zpool);
	loc = zs_word(handle[0]);
	slot = zs_slot_addr(pool, class, loc);
	zspage = zs_desc(pool, zs_loc_pfn(loc))->zspage;
#define DAMAGE(field, value)                                                  \
	do {                                                                  \
		kept = (unsigned long)(field);                                \
		(field) = (__typeof__(field))(value);                         \
		assert_int_equal(zpool->driver->validate(zpool, &err), -EIO); \
		(field) = (__typeof__(field))kept;                            \
		validate(zpool);                                              \
	} while (0)
	DAMAGE(*slot, *slot ^ ZS_TAG);
	DAMAGE(*slot, handle[1] | ZS_TAG);
	DAMAGE(*slot, 1);
	DAMAGE(*(unsigned long *)handle[0], zs_word(handle[1]));
	DAMAGE(*zs_slot_addr(pool, class, zspage->free), ZS_LINK_END);
	DAMAGE(*zs_slot_addr(pool, class, zspage->free), zspage->free);
	DAMAGE(zspage->free, loc);
	DAMAGE(zspage->inuse, zspage->inuse + 1);
	DAMAGE(zspage->group, zspage->group + 1);
	DAMAGE(zspage->class, zspage->class + 1);
	DAMAGE(zspage->magic, 0);
	DAMAGE(zspage->lock.preempt.cnt, 1);
	DAMAGE(zs_desc(pool, zspage->first)->first, 16);
	DAMAGE(zs_desc(pool, zspage->first)->next, PFN_NONE);
	DAMAGE(zs_desc(pool, zspage->first)->zspage, NULL);
	DAMAGE(class->inuse, class->inuse + 1);
	DAMAGE(class->allocated, class->allocated - 1);
	DAMAGE(class->nonempty, 0);
	DAMAGE(zpool->arena->used.counter, 1000);
	zpool_destroy(zpool);
}

#ifdef ZLAB_DEBUG
/* What a debug build says, and that it ends with status 1. */
static void dies(const char *spec, void (*fn)(struct zpool *), const char *what)
{
	char text[1024] = "";
	int pipes[2], status;
	ssize_t n, len = 0;
	struct zpool *pool;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		dup2(pipes[1], 2);
		pool = pool_new(spec);
		fn(pool);
		_exit(0);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 ||
	    !strstr(text, what) || !strstr(text, "zlab: pool zsmalloc:"))
		fail_msg("%s: status 0x%x, \"%s\"", spec, status, text);
}

static unsigned long one(struct zpool *pool)
{
	unsigned long handle = 0, other = 0;

	assert_int_equal(pool->driver->malloc(pool, 700, &other), 0);
	assert_int_equal(pool->driver->malloc(pool, 700, &handle), 0);
	write_object(pool, handle, 700, 1);
	return handle;
}

static void free_twice(struct zpool *pool)
{
	unsigned long handle = one(pool);

	pool->driver->free(pool, handle);
	pool->driver->free(pool, handle);
}

static void free_bad(struct zpool *pool)
{
	pool->driver->free(pool, one(pool) + 8 * 65536);
}

static void free_odd(struct zpool *pool)
{
	pool->driver->free(pool, 12346);
}

static void map_freed(struct zpool *pool)
{
	unsigned long handle = one(pool);

	pool->driver->free(pool, handle);
	pool->driver->map(pool, handle, ZPOOL_MM_RO);
}

static void map_twice(struct zpool *pool)
{
	unsigned long handle = one(pool), other = one(pool);

	pool->driver->map(pool, handle, ZPOOL_MM_RO);
	pool->driver->map(pool, other, ZPOOL_MM_RO);
}

static void unmap_other(struct zpool *pool)
{
	unsigned long handle = one(pool), other = one(pool);

	pool->driver->map(pool, handle, ZPOOL_MM_RO);
	pool->driver->unmap(pool, other);
}

static void free_mapped(struct zpool *pool)
{
	unsigned long handle = one(pool);

	pool->driver->map(pool, handle, ZPOOL_MM_RO);
	pool->driver->free(pool, handle);
}

/* Only the object that is still being read is not to be freed. */
static void free_read(struct zpool *pool)
{
	unsigned long handle = one(pool), other = one(pool);
	char copy[4096];
	void *mem;

	mem = pool->driver->obj_read_begin(pool, other, 700, copy);
	pool->driver->obj_read_end(pool, other, 700, mem);
	pool->driver->free(pool, other);
	pool->driver->obj_read_begin(pool, handle, 700, copy);
	pool->driver->free(pool, handle);
}

static void test_debug_messages(void **state)
{
	struct zpool *pool;
	char spec[64];
	bool reads;
	unsigned i;

	for (i = 0; i < NR(PRESETS); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", PRESETS[i]);
		dies(spec, free_twice, "freed already");
		dies(spec, free_bad, "free of handle");
		dies(spec, free_odd, "given out");
		dies(spec, map_twice, "mapped an object already");
		dies(spec, unmap_other, "has not mapped it");
		dies(spec, free_mapped, "this CPU has it mapped");
		pool = pool_new(spec);
		reads = pool->driver->obj_read_begin;
		zpool_destroy(pool);
		if (reads)
			dies(spec, free_read, "its obj_read_begin and");
		if (i)
			dies(spec, map_freed, "freed already");
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class_table),
		cmocka_unit_test(test_class_counts),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_map_modes),
		cmocka_unit_test(test_model_presets),
		cmocka_unit_test(test_model_axes),
		cmocka_unit_test(test_page_sizes),
		cmocka_unit_test(test_out_of_frames),
		cmocka_unit_test(test_failing_allocations),
		cmocka_unit_test(test_busy_source),
		cmocka_unit_test(test_pinned_object),
		cmocka_unit_test(test_migrate),
		cmocka_unit_test(test_migrate_freed),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_validate_finds),
#ifdef ZLAB_DEBUG
		cmocka_unit_test(test_debug_messages),
#endif
	};

	return cmocka_run_group_tests_name("zsmalloc", tests, NULL, NULL);
}
