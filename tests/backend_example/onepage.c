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
	struct onepage_pool *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(err, -ENOMEM, "out of memory for a onepage pool");
		return NULL;
	}
	p->zpool.arena = arena_create(&config->arena, err);
	if (!p->zpool.arena) {
		free(p);
		return NULL;
	}
	p->zpool.caps = ZPOOL_SLEEP_MAPPED;
	p->scrub = want->scrub;
	spin_lock_init(&p->lock);
	return &p->zpool;
}

static void onepage_destroy(struct zpool *pool)
{
	arena_destroy(pool->arena);
	free(pool);
}

static int onepage_malloc(struct zpool *pool, size_t size,
			  unsigned long *handle)
{
	struct onepage_pool *p = (struct onepage_pool *)pool;
	pfn_t pfn;

	if (!size)
		return -EINVAL;
	if (size > arena_page_size(pool->arena))
		return -ENOSPC;
	pfn = frame_alloc(pool->arena);
	if (pfn == PFN_NONE)
		return -ENOMEM;
	*handle = (unsigned long)pfn_addr(pool->arena, pfn);
	spin_lock_named(&p->lock, "pool->lock");
	p->objects++;
	spin_unlock(&p->lock);
	return 0;
}

static void onepage_free(struct zpool *pool, unsigned long handle)
{
	struct onepage_pool *p = (struct onepage_pool *)pool;
	void *page = (void *)handle;

	if (p->scrub)
		__builtin_memset(page, 0, arena_page_size(pool->arena));
	frame_free(pool->arena, addr_pfn(pool->arena, page));
	spin_lock_named(&p->lock, "pool->lock");
	p->objects--;
	spin_unlock(&p->lock);
}

static void *onepage_map(struct zpool *pool, unsigned long handle,
			 enum zpool_mapmode mode)
{
	return (void *)handle;
}

static void onepage_unmap(struct zpool *pool, unsigned long handle)
{
}

static void onepage_stats(struct zpool *pool, struct zpool_stats *stats)
{
	struct onepage_pool *p = (struct onepage_pool *)pool;

	spin_lock_named(&p->lock, "pool->lock");
	*stats = (struct zpool_stats){
		.pages = arena_used(pool->arena),
		.pages_peak = atomic_long_read(&pool->arena->peak),
		.objects = p->objects,
	};
	spin_unlock(&p->lock);
}

static size_t onepage_largest(struct zpool *pool)
{
	return arena_page_size(pool->arena);
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
