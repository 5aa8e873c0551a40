// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No allocator: returns numbers as handles and keeps no bytes. The cost of a
 * replay with it is the cost of the harness itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/drivers.h"

/* Per CPU: a shared counter would cost more than everything else here. */
struct null_count {
	long objects;
} __attribute__((aligned(64)));

struct null_pool {
	struct zpool zpool;
	struct null_count count[SYNC_MAX_CPUS];
	char page[4096];
};

static void count(struct zpool *zpool, long by)
{
	struct null_pool *pool = (struct null_pool *)zpool;
	long *n = &pool->count[smp_processor_id()].objects;

	WRITE_ONCE(*n, *n + by);
}

static struct zpool *null_create(const struct zpool_config *config,
				 const void *params, struct err *err)
{
	struct null_pool *pool = aligned_alloc(64, sizeof(*pool));

	if (!pool) {
		err_set(err, -ENOMEM, "out of memory for a null pool");
		return NULL;
	}
	memset(pool, 0, sizeof(*pool));
	pool->zpool.caps = ZPOOL_SLEEP_MAPPED | ZPOOL_NO_CONTENTS;
	return &pool->zpool;
}

static void null_destroy(struct zpool *zpool)
{
	free(zpool);
}

static int null_malloc(struct zpool *zpool, size_t size, unsigned long *handle)
{
	struct null_pool *pool = (struct null_pool *)zpool;

	if (!size)
		return -EINVAL;
	if (size > sizeof(pool->page))
		return -ENOSPC;
	count(zpool, 1);
	*handle = size;
	return 0;
}

static void null_free(struct zpool *zpool, unsigned long handle)
{
	count(zpool, -1);
}

static void *null_map(struct zpool *zpool, unsigned long handle,
		      enum zpool_mapmode mode)
{
	return ((struct null_pool *)zpool)->page;
}

static void null_unmap(struct zpool *zpool, unsigned long handle)
{
}

static void null_write(struct zpool *zpool, unsigned long handle,
		       const void *mem, size_t len)
{
}

static void null_stats(struct zpool *zpool, struct zpool_stats *stats)
{
	struct null_pool *pool = (struct null_pool *)zpool;
	long n = 0;
	unsigned cpu;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		n += READ_ONCE(pool->count[cpu].objects);
	*stats = (struct zpool_stats){ .objects = n < 0 ? 0 : (uint64_t)n };
}

static size_t null_largest(struct zpool *zpool)
{
	return sizeof(((struct null_pool *)zpool)->page);
}

const struct zpool_driver null_driver = {
	.abi = ZPOOL_ABI,
	.spec = { .name = "null", .what = "backend" },
	.summary = "no allocator: the harness's own cost",
	.create = null_create,
	.destroy = null_destroy,
	.malloc = null_malloc,
	.free = null_free,
	.map = null_map,
	.unmap = null_unmap,
	.obj_write = null_write,
	.stats = null_stats,
	.largest = null_largest,
};
