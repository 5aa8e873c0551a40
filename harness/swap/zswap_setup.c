// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making, freeing, counting and checking a front end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/swap/zswap_internal.h"

static int make_pools(struct zswap *z, struct err *err)
{
	struct zpool_config config = z->config.pool;
	struct zpool *pool;
	unsigned i;
	int ret;

	config.evict = zswap_evict;
	config.evict_arg = z;
	ret = pools_create(&z->pools, z->config.backend, z->config.pools,
			   &config, z->config.api, err);
	if (ret)
		return ret;
	for (i = 0; i < z->pools.nr; i++) {
		pool = z->pools.at[i];
		z->largest[i] = pool->driver->largest
					? pool->driver->largest(pool)
					: SWAP_PAGE_SIZE;
	}
	if (z->config.reclaim != ZSWAP_RECLAIM_BACKEND)
		return 0;
	pool = z->pools.at[0];
	if (!(pool->caps & ZPOOL_EVICTABLE))
		return err_set(err, -EINVAL,
			       "backend %s cannot evict; reclaim=backend takes "
			       "one that can (zbud:lru=on, z3fold:lru=on)",
			       pool->spec);
	z->header = sizeof(struct zswap_header);
	return 0;
}

static int make_tables(struct zswap *z, struct err *err)
{
	/* Entries have as much room as a pool's metadata. */
	struct arena_config none = {
		.capacity = 1,
		.slab_capacity = z->config.pool.arena.slab_capacity,
		.huge = true,
	};

	z->arena = arena_create(&none, err);
	if (!z->arena)
		return -ENOMEM;
	z->entries = slab_create(z->arena, "zswap_entry",
				 sizeof(struct zswap_entry), 8, err);
	if (!z->entries)
		return -ENOMEM;
	z->slots = calloc(z->config.slots, sizeof(*z->slots));
	if (!z->slots ||
	    zswap_index_init(&z->index, z->config.index, z->config.slots))
		return err_set(err, -ENOMEM,
			       "out of memory for %llu swap slots",
			       (unsigned long long)z->config.slots);
	return 0;
}

struct zswap *zswap_create(const struct zswap_config *config, struct err *err)
{
	struct zswap *z;

	if (config->slots > UINT32_MAX || config->accept_percent > 100) {
		err_set(err, -EINVAL,
			"a swap area has at most %u slots, and the acceptance "
			"threshold is 0..100 percent",
			UINT32_MAX);
		return NULL;
	}
	z = aligned_alloc(64, (sizeof(*z) + 63) / 64 * 64);
	if (!z) {
		err_set(err, -ENOMEM, "out of memory for a front end");
		return NULL;
	}
	memset(z, 0, sizeof(*z));
	z->config = *config;
	if (!z->config.slots)
		z->config.slots = 1;
	spin_lock_init(&z->pool.lru_lock);
	TAILQ_INIT(&z->pool.list);
	if (make_tables(z, err) || make_pools(z, err)) {
		zswap_destroy(z);
		return NULL;
	}
	return z;
}

static void free_entries(struct zswap *z)
{
	struct zswap_entry *entry;
	struct zswap_tree *tree;
	size_t i;

	for (i = 0; z->index.trees && i < z->index.nr_trees; i++) {
		tree = &z->index.trees[i];
		while ((entry = zswap_first(tree))) {
			spin_lock(&tree->lock);
			zswap_erase(tree, entry);
			spin_unlock(&tree->lock);
			zswap_entry_free(z, entry);
		}
	}
}

uint64_t zswap_destroy(struct zswap *z)
{
	uint64_t leaked;
	unsigned i;

	if (!z)
		return 0;
	if (z->pools.nr)
		free_entries(z);
	leaked = slab_destroy(z->entries);
	pools_destroy(&z->pools);
	zswap_index_destroy(&z->index);
	arena_destroy(z->arena);
	for (i = 0; i < SYNC_MAX_CPUS; i++)
		free(z->buffers[i]);
	free(z->slots);
	free(z);
	return leaked;
}

static uint64_t sum(const struct zswap *z, enum zswap_counter what)
{
	int64_t n = 0;
	unsigned cpu;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		n += READ_ONCE(z->counters[cpu].n[what]);
	return n;
}

void zswap_stats(struct zswap *z, struct zswap_stats *stats)
{
	*stats = (struct zswap_stats){
		.stored_pages = sum(z, Z_STORED),
		.same_filled_pages = sum(z, Z_SAME_FILLED),
		.reject_compress_poor = sum(z, Z_COMPRESS_POOR),
		.reject_alloc_fail = sum(z, Z_ALLOC_FAIL),
		.reject_kmemcache_fail = sum(z, Z_ENTRY_FAIL),
		.reject_reclaim_fail = sum(z, Z_RECLAIM_FAIL),
		.pool_limit_hit = sum(z, Z_LIMIT_HIT),
		.pool_total_size = zswap_total_bytes(z),
		.written_back_pages = sum(z, Z_WRITTEN_BACK),
		.duplicate_entry = sum(z, Z_DUPLICATE),
		.rejected_pages = sum(z, Z_REJECTED),
		.pool_loads = sum(z, Z_POOL_LOAD),
		.file_loads = sum(z, Z_FILE_LOAD),
		.lost_loads = sum(z, Z_LOST_LOAD),
		.pages_freed_by_writeback = sum(z, Z_FREED),
		.write_errors = sum(z, Z_WRITE_ERROR),
		.max_pool_bytes = z->config.max_pool_bytes,
		.same_filled_stores = sum(z, Z_SAME_STORES),
		.object_bytes = sum(z, Z_OBJECT_BYTES),
		.entry_bytes = atomic_long_read(&z->arena->slab_bytes) +
			       zswap_index_bytes(&z->index) +
			       z->config.slots * sizeof(*z->slots),
	};
}

const struct swap_pools *zswap_pools(const struct zswap *z)
{
	return &z->pools;
}

static int check_lru(struct zswap *z, uint64_t with_object, struct err *err)
{
	struct zswap_entry *entry;
	uint64_t n = 0;

	TAILQ_FOREACH (entry, &z->pool.list, lru) {
		if (zswap_peek(zswap_tree(&z->index, entry->slot),
			       entry->slot) != entry)
			return err_set(err, -EIO,
				       "slot %u: an entry on the LRU is not in "
				       "the index",
				       entry->slot);
		n++;
	}
	if (n != with_object)
		return err_set(err, -EIO,
			       "%llu entries on the LRU, %llu should be",
			       (unsigned long long)n,
			       (unsigned long long)with_object);
	return 0;
}

bool zswap_object(struct zswap *z, uint32_t slot, unsigned long *handle,
		  size_t *length)
{
	const struct zswap_entry *entry =
		zswap_peek(zswap_tree(&z->index, slot), slot);

	if (!entry || !entry->length)
		return false;
	*handle = entry->handle;
	*length = entry->length;
	return true;
}

static int check_slots(struct zswap *z, uint64_t *with_object, struct err *err)
{
	struct zswap_entry *entry;
	uint64_t slot, n = 0;

	for (slot = 0; slot < z->config.slots; slot++) {
		entry = zswap_peek(zswap_tree(&z->index, slot), slot);
		if (!entry)
			continue;
		n++;
		*with_object += entry->length != 0;
		if (entry->slot != slot || entry->refcount != 1)
			return err_set(err, -EIO,
				       "slot %llu: its entry says slot %u and "
				       "has %u users",
				       (unsigned long long)slot, entry->slot,
				       entry->refcount);
		if (atomic_read(&z->slots[slot]))
			return err_set(
				err, -EIO, "slot %llu is in the pool and %s",
				(unsigned long long)slot,
				atomic_read(&z->slots[slot]) & SLOT_IN_FILE
					? "in the file"
					: "locked");
	}
	if (n != sum(z, Z_STORED) || n != slab_objects(z->entries))
		return err_set(err, -EIO,
			       "%llu entries in the index, %llu counted, %zu "
			       "allocated",
			       (unsigned long long)n,
			       (unsigned long long)sum(z, Z_STORED),
			       slab_objects(z->entries));
	return 0;
}

int zswap_validate(struct zswap *z, struct err *err)
{
	struct zpool_stats stats;
	uint64_t with_object = 0;
	int ret;

	ret = check_slots(z, &with_object, err);
	if (!ret)
		ret = check_lru(z, with_object, err);
	if (!ret)
		ret = pools_validate(&z->pools, err);
	if (ret)
		return ret;
	pools_stats(&z->pools, &stats);
	if (stats.objects != with_object)
		return err_set(err, -EIO,
			       "%llu objects in the pools, %llu entries",
			       (unsigned long long)stats.objects,
			       (unsigned long long)with_object);
	return 0;
}
