// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zsmalloc is used wrongly: bad options, a walk that finds damage, and what a
 * debug build says of a caller's fault before it ends.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/zsmalloc/zsmalloc.h"
#include "tests/lib/pool.h"

#define PAGE OBJECT_MAX
#define NR(a) (sizeof(a) / sizeof((a)[0]))

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
	struct size_class *class = pool->size_class[(700 + 8 - 32 + 15) / 16];
	unsigned long handle[20], *slot, loc, kept;
	struct zspage *zspage;
	struct err err;
	unsigned i;

	for (i = 0; i < 20; i++)
		assert_int_equal(zpool->driver->malloc(zpool, 700, &handle[i]),
				 0);
	zpool->driver->free(zpool, handle[3]);
	zpool->driver->free(zpool, handle[7]);
	pool_validate(zpool);
	loc = zs_word(handle[0]);
	slot = zs_slot_addr(pool, class, loc);
	zspage = zs_desc(pool, zs_loc_pfn(loc))->zspage;
#define DAMAGE(field, value)                                                  \
	do {                                                                  \
		kept = (unsigned long)(field);                                \
		(field) = (__typeof__(field))(value);                         \
		assert_int_equal(zpool->driver->validate(zpool, &err), -EIO); \
		(field) = (__typeof__(field))kept;                            \
		pool_validate(zpool);                                         \
	} while (0)
	DAMAGE(*slot, *slot ^ ZS_TAG);
	DAMAGE(*slot, handle[1] | ZS_TAG);
	DAMAGE(*slot, 1);
	DAMAGE(*(unsigned long *)handle[0], zs_word(handle[1]));
	DAMAGE(*zs_slot_addr(pool, class, zspage->freeobj), ZS_LINK_END);
	DAMAGE(*zs_slot_addr(pool, class, zspage->freeobj), zspage->freeobj);
	DAMAGE(zspage->freeobj, loc);
	DAMAGE(zspage->inuse, zspage->inuse + 1);
	DAMAGE(zspage->fullness, zspage->fullness + 1);
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
static const char *const PRESETS[] = { "4.0",  "5.10", "6.1", "6.10",
				       "6.12", "7.2",  "7.3" };

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
	object_write(pool, handle, 700, 1);
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
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_validate_finds),
#ifdef ZLAB_DEBUG
		cmocka_unit_test(test_debug_messages),
#endif
	};

	return cmocka_run_group_tests_name("zsmalloc_misuse", tests, NULL,
					   NULL);
}
