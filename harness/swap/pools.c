// SPDX-License-Identifier: GPL-2.0-or-later
/* Creates and frees the pools; operations on all of them at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/swap/page.h"
#include "harness/swap/pools.h"

/* Replace the driver by a copy without the obj calls, which 6.15 added. */
static int take_obj_calls_away(struct swap_pools *p, struct err *err)
{
	struct zpool_driver *d = malloc(sizeof(*d));
	unsigned i;

	if (!d)
		return err_set(err, -ENOMEM, "out of memory for a driver");
	*d = *pools_driver(p);
	d->obj_read_begin = NULL;
	d->obj_read_end = NULL;
	d->obj_write = NULL;
	p->own_driver = true;
	p->at[0]->driver = d;
	for (i = 1; i < p->nr; i++)
		p->at[i]->driver = d;
	return 0;
}

static int choose_api(struct swap_pools *p, enum swap_api api, struct err *err)
{
	const struct zpool_driver *d = pools_driver(p);
	const char *missing = !d->obj_read_begin ? "obj_read_begin"
			      : !d->obj_write	 ? "obj_write"
						 : NULL;

	if (api == SWAP_API_OBJ && missing)
		return err_set(err, -EINVAL,
			       "backend %s has no %s; use --api map or auto",
			       d->spec.name, missing);
	if (api == SWAP_API_MAP)
		return take_obj_calls_away(p, err);
	return 0;
}

int pools_create(struct swap_pools *p, const char *backend, unsigned n,
		 const struct zpool_config *config, enum swap_api api,
		 struct err *err)
{
	int ret;

	memset(p, 0, sizeof(*p));
	if (!n || n > SWAP_MAX_POOLS)
		return err_set(err, -EINVAL, "pools=%u; it takes 1..%d", n,
			       SWAP_MAX_POOLS);
	for (; p->nr < n; p->nr++) {
		p->at[p->nr] = zpool_create(backend, config, err);
		if (!p->at[p->nr])
			return -EINVAL;
	}
	ret = choose_api(p, api, err);
	if (ret)
		return ret;
	p->copy_first = !pools_driver(p)->obj_read_begin &&
			!(p->at[0]->caps & ZPOOL_SLEEP_MAPPED);
	p->contents = !(p->at[0]->caps & ZPOOL_NO_CONTENTS);
	return 0;
}

void pools_destroy(struct swap_pools *p)
{
	const struct zpool_driver *own = p->own_driver ? pools_driver(p) : NULL;
	unsigned i;

	for (i = 0; i < p->nr; i++)
		zpool_destroy(p->at[i]);
	free((void *)own);
	p->nr = 0;
}

static uint64_t pool_bytes(struct zpool *pool)
{
	struct zpool_stats stats;

	if (pool->arena)
		return (uint64_t)arena_used(pool->arena)
		       << pool->arena->page_shift;
	pool->driver->stats(pool, &stats);
	return stats.resident_bytes ? stats.resident_bytes : stats.object_bytes;
}

uint64_t pools_bytes(const struct swap_pools *p)
{
	uint64_t total = 0;
	unsigned i;

	for (i = 0; i < p->nr; i++)
		total += pool_bytes(p->at[i]);
	return total;
}

/* A class of the allocator. Return: false after the last one. */
static bool class_at(const struct swap_pools *p, unsigned slot,
		     struct zpool_class *class)
{
	struct zpool *pool = p->at[0];

	return pool->driver->size_class &&
	       !pool->driver->size_class(pool, slot, class);
}

/* An object that is not huge has its handle in front of it, if there is one. */
static size_t handle_bytes(const struct swap_pools *p)
{
	return strstr(p->at[0]->spec, "handle=direct") ? 0 : sizeof(long);
}

size_t pools_huge_limit(const struct swap_pools *p)
{
	size_t limit = SWAP_PAGE_SIZE;
	struct zpool_class class;
	unsigned slot;

	for (slot = 0; class_at(p, slot, &class); slot++)
		if (class.pages > 1 && class.objects > 1)
			limit = class.size - sizeof(long) + 1;
	return limit < SWAP_PAGE_SIZE ? limit : SWAP_PAGE_SIZE;
}

int pools_classes(const struct swap_pools *p, uint16_t **table, struct err *err)
{
	size_t len = 0, handle = handle_bytes(p);
	struct zpool_class class;
	unsigned slot, last = 0;

	*table = NULL;
	if (!class_at(p, 0, &class))
		return 0;
	*table = calloc(SWAP_PAGE_SIZE + 1, sizeof(**table));
	if (!*table)
		return err_set(err, -ENOMEM, "out of memory for size classes");
	for (slot = 0; class_at(p, slot, &class); slot++) {
		last = class.index;
		while (len <= SWAP_PAGE_SIZE && len + handle <= class.size)
			(*table)[len++] = (uint16_t)last;
	}
	while (len <= SWAP_PAGE_SIZE)
		(*table)[len++] = (uint16_t)last;
	return 0;
}

uint64_t pools_compact(const struct swap_pools *p)
{
	uint64_t freed = 0;
	unsigned i;

	for (i = 0; i < p->nr && pools_driver(p)->compact; i++)
		freed += p->at[i]->driver->compact(p->at[i]);
	return freed;
}

bool pools_is_handle(const unsigned long *handle)
{
	return *handle;
}

void pools_stats(const struct swap_pools *p, struct zpool_stats *stats)
{
	uint64_t *sum = (uint64_t *)stats;
	struct zpool_stats one;
	const uint64_t *add = (const uint64_t *)&one;
	unsigned i;
	size_t w;

	memset(stats, 0, sizeof(*stats));
	for (i = 0; i < p->nr; i++) {
		p->at[i]->driver->stats(p->at[i], &one);
		for (w = 0; w < sizeof(one) / sizeof(*sum); w++)
			sum[w] += add[w];
	}
}

int pools_validate(const struct swap_pools *p, struct err *err)
{
	unsigned i;
	int ret = 0;

	for (i = 0; i < p->nr && !ret; i++)
		if (p->at[i]->driver->validate)
			ret = p->at[i]->driver->validate(p->at[i], err);
	return ret;
}
