// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The smallest backend: a page for each object, and a handle that is the page's
 * address. docs/add-a-backend.md walks through it.
 */
#include <errno.h>
#include <stdlib.h>

#include "backends/zpool.h"

struct onepage_params {
	long long scrub;
};

struct onepage_pool {
	struct zpool zpool; /* first */
	spinlock_t lock;
	bool scrub;
	uint64_t objects;
};

static struct zpool *onepage_create(const struct zpool_config *config,
				    const void *params, struct err *err)
{
	const struct onepage_params *want = params;
	struct onepage_pool *pool = calloc(1, sizeof(*pool));

	if (!pool) {
		err_set(err, -ENOMEM, "out of memory for a onepage pool");
		return NULL;
	}
	pool->zpool.arena = arena_create(&config->arena, err);
	if (!pool->zpool.arena) {
		free(pool);
		return NULL;
	}
	pool->zpool.caps = ZPOOL_SLEEP_MAPPED;
	pool->scrub = want->scrub;
	spin_lock_init(&pool->lock);
	return &pool->zpool;
}

static void onepage_destroy(struct zpool *zpool)
{
	arena_destroy(zpool->arena);
	free(zpool);
}

static int onepage_malloc(struct zpool *zpool, size_t size,
			  unsigned long *handle)
{
	struct onepage_pool *pool = (struct onepage_pool *)zpool;
	pfn_t pfn;

	if (!size)
		return -EINVAL;
	if (size > arena_page_size(zpool->arena))
		return -ENOSPC;
	pfn = frame_alloc(zpool->arena);
	if (pfn == PFN_NONE)
		return -ENOMEM;
	*handle = (unsigned long)pfn_addr(zpool->arena, pfn);
	spin_lock(&pool->lock);
	pool->objects++;
	spin_unlock(&pool->lock);
	return 0;
}

static void onepage_free(struct zpool *zpool, unsigned long handle)
{
	struct onepage_pool *pool = (struct onepage_pool *)zpool;
	void *page = (void *)handle;

	if (pool->scrub)
		__builtin_memset(page, 0, arena_page_size(zpool->arena));
	frame_free(zpool->arena, addr_pfn(zpool->arena, page));
	spin_lock(&pool->lock);
	pool->objects--;
	spin_unlock(&pool->lock);
}

static void *onepage_map(struct zpool *zpool, unsigned long handle,
			 enum zpool_mapmode mode)
{
	return (void *)handle;
}

static void onepage_unmap(struct zpool *zpool, unsigned long handle)
{
}

static void onepage_stats(struct zpool *zpool, struct zpool_stats *stats)
{
	struct onepage_pool *pool = (struct onepage_pool *)zpool;

	spin_lock(&pool->lock);
	*stats = (struct zpool_stats){
		.pages = arena_used(zpool->arena),
		.pages_peak = atomic_long_read(&zpool->arena->peak),
		.objects = pool->objects,
	};
	spin_unlock(&pool->lock);
}

static size_t onepage_largest(struct zpool *zpool)
{
	return arena_page_size(zpool->arena);
}

static const struct spec_option options[] = {
	{ .name = "scrub",
	  .kind = SPEC_BOOL,
	  .offset = offsetof(struct onepage_params, scrub),
	  .def = "off",
	  .help = "clear a page when its object is freed" },
	{ 0 },
};

const struct zpool_driver zlab_backend = {
	.abi = ZPOOL_ABI,
	.spec = { .name = "onepage",
		  .what = "backend",
		  .options = options,
		  .params_size = sizeof(struct onepage_params) },
	.summary = "one page for each object",
	.create = onepage_create,
	.destroy = onepage_destroy,
	.malloc = onepage_malloc,
	.free = onepage_free,
	.map = onepage_map,
	.unmap = onepage_unmap,
	.stats = onepage_stats,
	.largest = onepage_largest,
};
