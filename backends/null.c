// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No allocator: hands out numbers and keeps no bytes. What a replay costs with
 * it is what the harness itself costs.
 */
#include <errno.h>
#include <stdlib.h>

#include "backends/drivers.h"

struct null_pool {
	struct zpool zpool;
	atomic_long_t objects;
	char page[4096];
};

static struct zpool *null_create(const struct zpool_config *config,
				 const void *params, struct err *err)
{
	struct null_pool *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(err, -ENOMEM, "out of memory for a null pool");
		return NULL;
	}
	p->zpool.caps = ZPOOL_SLEEP_MAPPED | ZPOOL_NO_CONTENTS;
	return &p->zpool;
}

static void null_destroy(struct zpool *pool)
{
	free(pool);
}

static int null_malloc(struct zpool *pool, size_t size, unsigned long *handle)
{
	struct null_pool *p = (struct null_pool *)pool;

	if (!size)
		return -EINVAL;
	if (size > sizeof(p->page))
		return -ENOSPC;
	atomic_long_set(&p->objects, atomic_long_read(&p->objects) + 1);
	*handle = size;
	return 0;
}

static void null_free(struct zpool *pool, unsigned long handle)
{
	struct null_pool *p = (struct null_pool *)pool;

	atomic_long_set(&p->objects, atomic_long_read(&p->objects) - 1);
}

static void *null_map(struct zpool *pool, unsigned long handle,
		      enum zpool_mapmode mode)
{
	return ((struct null_pool *)pool)->page;
}

static void null_unmap(struct zpool *pool, unsigned long handle)
{
}

static void null_write(struct zpool *pool, unsigned long handle,
		       const void *mem, size_t len)
{
}

static void null_stats(struct zpool *pool, struct zpool_stats *stats)
{
	struct null_pool *p = (struct null_pool *)pool;
	long n = atomic_long_read(&p->objects);

	*stats = (struct zpool_stats){ .objects = n < 0 ? 0 : (uint64_t)n };
}

static size_t null_largest(struct zpool *pool)
{
	return sizeof(((struct null_pool *)pool)->page);
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
