// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zsmalloc alone on one CPU: the class table beside a real kernel's, every
 * size, a random model with compaction and migration, memory that runs out at
 * each allocation.
 *
 * ZLAB_TEST_SCALE scales the steps of each combination, in percent.
 */
#include <errno.h>
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

static const char *const PRESETS[] = { "4.0",  "5.10", "6.1", "6.10",
				       "6.12", "7.2",  "7.3" };
#define NR(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t rng;

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
	static const char *const kernel[] = { "5.10", "6.1", "6.12", "7.2",
					      "7.3" };
	char file[64];
	unsigned i;

	for (i = 0; i < NR(kernel); i++) {
		snprintf(file, sizeof(file),
			 "tests/vectors/%s-zsmalloc-classes.csv", kernel[i]);
		check_table(kernel[i], file);
	}
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
		object_write(pool, handle[i], i, i);
		order[i - 1] = i;
	}
	pool_validate(pool);
	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.objects, PAGE);
	assert_true(stats.slots >= PAGE);
	for (i = PAGE - 1; i; i--) {
		j = next(&rng) % (i + 1);
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	for (i = 0; i < PAGE; i++) {
		object_check(pool, handle[order[i]], order[i], order[i]);
		pool->driver->free(pool, handle[order[i]]);
		if (i % 512 == 0)
			pool_validate(pool);
	}
	pool_validate(pool);
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
		object_write(pool, handle[i], size, i);
	}
	for (i = 0; i < 9; i++) {
		object_fill(want, size, i);
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_RO);
		assert_memory_equal(p, want, size);
		pool->driver->unmap(pool, handle[i]);
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_RW);
		assert_memory_equal(p, want, size);
		((unsigned char *)p)[0] ^= 1;
		((unsigned char *)p)[size - 1] ^= 1;
		pool->driver->unmap(pool, handle[i]);
		pool_validate(pool);
		want[0] ^= 1;
		want[size - 1] ^= 1;
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_RO);
		assert_memory_equal(p, want, size);
		pool->driver->unmap(pool, handle[i]);
		p = pool->driver->map(pool, handle[i], ZPOOL_MM_WO);
		object_fill(p, size, i + 100);
		pool->driver->unmap(pool, handle[i]);
		object_check(pool, handle[i], size, i + 100);
	}
	for (i = 0; i < 9; i++)
		object_check(pool, handle[i], size, i + 100);
	pool_validate(pool);
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
	switch (next(&rng) % 8) {
	case 0:
		return 1 + next(&rng) % PAGE;
	case 1:
		return PAGE;
	case 2:
		return 1 + next(&rng) % 64;
	default:
		return 64 + next(&rng) % 3500;
	}
}

static void read_all(struct zpool *pool, const struct object *o)
{
	unsigned i;

	for (i = 0; i < LIVE; i++)
		if (o[i].handle)
			object_check(pool, o[i].handle, o[i].size, o[i].seed);
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
	object_check(pool, o->handle, o->size, o->seed);
}

static void model_step(struct zpool *pool, struct object *objects)
{
	struct object *o = &objects[next(&rng) % LIVE];
	unsigned what = next(&rng) % 1000;
	unsigned long freed;
	size_t used;
	int ret;

	if (what < 5 && pool->driver->compact) {
		used = arena_used(pool->arena);
		freed = pool->driver->can_compact(pool);
		ret = (int)pool->driver->compact(pool);
		assert_true((unsigned long)ret <= freed);
		assert_int_equal(arena_used(pool->arena), used - ret);
		pool_validate(pool);
		read_all(pool, objects);
	} else if (what < 60) {
		migrate_one(pool, o);
	} else if (o->handle && what < 300) {
		object_check(pool, o->handle, o->size, o->seed);
	} else if (o->handle) {
		object_check(pool, o->handle, o->size, o->seed);
		pool->driver->free(pool, o->handle);
		o->handle = 0;
	} else {
		o->size = random_size();
		o->seed = next(&rng);
		ret = pool->driver->malloc(pool, o->size, &o->handle);
		if (ret == -ENOMEM) {
			assert_true(arena_used(pool->arena) >= 400 - 16);
			o->handle = 0;
			return;
		}
		assert_int_equal(ret, 0);
		object_write(pool, o->handle, o->size, o->seed);
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
	pool_validate(pool);
	read_all(pool, objects);
	for (i = 0; i < LIVE; i++)
		if (objects[i].handle)
			pool->driver->free(pool, objects[i].handle);
	pool_validate(pool);
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
			 map[i / 45], release[next(&rng) % 2],
			 next(&rng) % 2 ? "4" : "12",
			 next(&rng) % 2 ? "percent" : "waste",
			 (unsigned)(1 + next(&rng) % 16));
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
			object_fill(buf, size, j);
			assert_int_equal(
				pool->driver->malloc(pool, size * (j + 1) / 64,
						     &handle[j]),
				0);
			zpool_write(pool, handle[j], buf, size * (j + 1) / 64);
		}
		pool_validate(pool);
		for (j = 0; j < 64; j++) {
			object_fill(buf, size, j);
			got = zpool_read_begin(pool, handle[j],
					       size * (j + 1) / 64, copy);
			assert_memory_equal(got, buf, size * (j + 1) / 64);
			zpool_read_end(pool, handle[j], size * (j + 1) / 64,
				       got);
			pool->driver->free(pool, handle[j]);
		}
		pool_validate(pool);
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
		object_write(pool, handle[n], 700, n);
		n++;
	}
	assert_int_equal(ret, -ENOMEM);
	pool_validate(pool);
	/* Migration needs a frame for a moment. */
	assert_true(arena_used(pool->arena) > 64 - 8);
	for (i = 0; i < n; i++)
		object_check(pool, handle[i], 700, i);
	for (i = 0; i < n; i += 2)
		pool->driver->free(pool, handle[i]);
	pool->driver->compact(pool);
	pool_validate(pool);
	for (i = 1; i < n; i += 2)
		object_check(pool, handle[i], 700, i);
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
			pool_validate(pool);
			if (!ret)
				break;
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(arena_used(pool->arena), used);
			failures++;
		}
		assert_true(failures >= 2);
		kept[i] = handle;
		object_write(pool, handle, sizes[i], i);
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
		pool_validate(pool);
	}
	for (i = 0; i < NR(sizes); i++)
		object_check(pool, kept[i], sizes[i], i);
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

/* Locks and metadata. */

#ifdef SYNC_NO_STATS
#define COUNTS 0
#else
#define COUNTS 1
#endif

static void test_free_locks(void **state)
{
	static const struct {
		const char *preset;
		unsigned zspage, pool, class;
	} eras[] = {
		{ "5.10", 1, 0, 1 },
		{ "6.1", 0, 1, 0 },
		{ "6.12", 0, 0, 1 },
		{ "7.3", 0, 0, 1 },
	};
	uint64_t zspage, lock, class;
	unsigned long handle;
	struct zpool *pool;
	char spec[32];
	size_t i;

	if (!COUNTS)
		skip();
	for (i = 0; i < NR(eras); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", eras[i].preset);
		pool = pool_new(spec);
		assert_int_equal(pool->driver->malloc(pool, 100, &handle), 0);
		zspage = acquisitions("zspage->lock-R");
		lock = acquisitions("pool->lock");
		class = acquisitions("class->lock");
		pool->driver->free(pool, handle);
		assert_int_equal(acquisitions("zspage->lock-R") - zspage,
				 eras[i].zspage);
		assert_int_equal(acquisitions("pool->lock") - lock,
				 eras[i].pool);
		assert_int_equal(acquisitions("class->lock") - class,
				 eras[i].class);
		zpool_destroy(pool);
	}
}

static uint64_t metadata(struct zpool *pool)
{
	struct zpool_stats stats;

	pool->driver->stats(pool, &stats);
	return stats.metadata_bytes;
}

/*
 * An empty pool: its structure, its name, its classes, a buffer of the CPU. A
 * zspage of one page each: 85 descriptors of 48 bytes fit into a page of slab,
 * but only 73 of 56.
 */
static void test_metadata(void **state)
{
	static const struct {
		const char *preset;
		unsigned classes, class, buffer, descriptors;
	} eras[] = {
		{ "4.0", 69, 192, PAGE, 0 },	{ "5.10", 69, 192, PAGE, 85 },
		{ "6.1", 69, 128, PAGE, 73 },	{ "6.10", 119, 512, PAGE, 73 },
		{ "6.12", 119, 512, PAGE, 73 }, { "7.2", 119, 512, 0, 73 },
		{ "7.3", 119, 512, 0, 73 },
	};
	uint64_t empty, handles;
	unsigned long handle;
	struct zpool *pool;
	unsigned n;
	char spec[32];
	size_t i;

	for (i = 0; i < NR(eras); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", eras[i].preset);
		pool = pool_new(spec);
		empty = metadata(pool);
		assert_int_equal(empty,
				 4096 + 8 + eras[i].buffer +
					 eras[i].classes * eras[i].class);
		handles = eras[i].descriptors ? 4096 : 0;
		for (n = 1; n <= 86; n++) {
			assert_int_equal(
				pool->driver->malloc(pool, PAGE, &handle), 0);
			if (!eras[i].descriptors)
				assert_int_equal(metadata(pool), empty);
			else
				assert_int_equal(
					metadata(pool),
					empty + handles +
						(n > eras[i].descriptors
							 ? 2 * 4096
							 : 4096));
		}
		zpool_destroy(pool);
	}
}

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
		cmocka_unit_test(test_free_locks),
		cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests_name("zsmalloc", tests, NULL, NULL);
}
