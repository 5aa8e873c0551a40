// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Store, load and invalidate. Writeback is in zswap_reclaim.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/swap/hooks.h"
#include "harness/swap/zswap_internal.h"

void slot_lock(struct zswap *z, uint32_t slot)
{
	while (!slot_trylock(z, slot))
		cond_resched();
}

bool slot_trylock(struct zswap *z, uint32_t slot)
{
	int old = atomic_read(&z->slots[slot]) & ~SLOT_LOCKED;

	/* Acquire: pairs with the release of slot_unlock(). */
	return atomic_cmpxchg_acquire(&z->slots[slot], old,
				      old | SLOT_LOCKED) == old;
}

void slot_unlock(struct zswap *z, uint32_t slot)
{
	int state = atomic_read(&z->slots[slot]);

	assert(state & SLOT_LOCKED);
	smp_store_release(&z->slots[slot].counter, state & ~SLOT_LOCKED);
}

void slot_set_in_file(struct zswap *z, uint32_t slot, bool in_file)
{
	assert_slot_locked(z, slot);
	atomic_set(&z->slots[slot], SLOT_LOCKED | (in_file ? SLOT_IN_FILE : 0));
}

struct zswap_buffers *zswap_buffers(struct zswap *z)
{
	struct zswap_buffers **mine = &z->buffers[smp_processor_id()];

	if (!*mine)
		*mine = aligned_alloc(SWAP_PAGE_SIZE, sizeof(**mine));
	return *mine;
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

uint64_t zswap_total_bytes(struct zswap *z)
{
	uint64_t total = 0;
	unsigned i;

	for (i = 0; i < z->pools.nr; i++)
		total += pool_bytes(z->pools.at[i]);
	return total;
}

bool zswap_can_accept(struct zswap *z)
{
	return zswap_total_bytes(z) <=
	       z->config.max_pool_bytes / 100 * z->config.accept_percent;
}

/* Once the limit was hit, the pools count as full down to the threshold. */
static bool is_full(struct zswap *z)
{
	if (!z->config.max_pool_bytes)
		return false;
	if (zswap_total_bytes(z) >= z->config.max_pool_bytes) {
		zswap_count(z, Z_LIMIT_HIT, 1);
		atomic_set(&z->reached_full, 1);
	} else if (atomic_read(&z->reached_full) && zswap_can_accept(z)) {
		atomic_set(&z->reached_full, 0);
	}
	if (!atomic_read(&z->reached_full))
		return false;
	atomic_set(&z->reclaim_queued, 1);
	return true;
}

bool zswap_entry_drop(struct zswap_entry *entry)
{
	assert(entry->refcount && entry->refcount != ZSWAP_FREED);
	return !--entry->refcount;
}

void zswap_lru_add(struct zswap *z, struct zswap_entry *entry)
{
	struct zswap_lru_list *pool = &z->pool;

	assert(entry->refcount != ZSWAP_FREED);
	spin_lock(&pool->lru_lock);
	TAILQ_INSERT_HEAD(&pool->list, entry, lru);
	spin_unlock(&pool->lru_lock);
}

void zswap_lru_rotate(struct zswap *z, struct zswap_entry *entry)
{
	struct zswap_lru_list *pool = &z->pool;

	assert(entry->refcount != ZSWAP_FREED);
	spin_lock(&pool->lru_lock);
	TAILQ_REMOVE(&pool->list, entry, lru);
	TAILQ_INSERT_HEAD(&pool->list, entry, lru);
	spin_unlock(&pool->lru_lock);
}

void zswap_entry_free(struct zswap *z, struct zswap_entry *entry)
{
	struct zswap_lru_list *pool = &z->pool;
	struct zpool *zpool = z->pools.at[entry->pool];

	lockdep_assert_not_held(&zswap_tree(&z->index, entry->slot)->lock);
	if (entry->length) {
		spin_lock(&pool->lru_lock);
		TAILQ_REMOVE(&pool->list, entry, lru);
		spin_unlock(&pool->lru_lock);
		zswap_stage(z, STAGE_ALLOC);
		zpool->driver->free(zpool, entry->handle);
		zswap_stage(z, STAGE_FRONT);
		zswap_count(z, Z_OBJECT_BYTES, -(int64_t)entry->length);
	} else {
		zswap_count(z, Z_SAME_FILLED, -1);
	}
	entry->refcount = ZSWAP_FREED;
	slab_free(z->entries, entry);
	zswap_count(z, Z_ENTRIES, -1);
}

/* Free an entry whose last reference was dropped, and its page. */
static void release(struct zswap *z, struct zswap_entry *entry)
{
	zswap_count(z, Z_STORED, -1);
	zswap_entry_free(z, entry);
}

/* Remove the slot's entry from the pool, if there is any. */
static void drop_slot(struct zswap *z, uint32_t slot)
{
	struct zswap_tree *tree = zswap_tree(&z->index, slot);
	struct zswap_entry *entry;

	assert_slot_locked(z, slot);
	spin_lock(&tree->lock);
	entry = zswap_search(tree, slot);
	if (entry) {
		zswap_erase(tree, entry);
		if (!zswap_entry_put(tree, entry))
			entry = NULL;
	}
	spin_unlock(&tree->lock);
	if (entry)
		release(z, entry);
}

void zswap_time(struct zswap *z, struct stage_clock *clock)
{
	z->counters[smp_processor_id()].clock = clock;
}

/* O_DIRECT needs aligned memory, but a caller's page may be unaligned. */
static bool is_aligned(const void *page)
{
	return (uintptr_t)page % SWAP_PAGE_SIZE == 0;
}

int zswap_write_slot(struct zswap *z, uint32_t slot, const void *page)
{
	struct zswap_buffers *b = zswap_buffers(z);
	int ret;

	assert_slot_locked(z, slot);
	if (z->config.swap) {
		if (!b)
			return -ENOMEM;
		zswap_stage(z, STAGE_OFF);
		if (!is_aligned(page))
			page = memcpy(b->page, page, SWAP_PAGE_SIZE);
		ret = swapfile_write(z->config.swap, slot, page);
		zswap_stage(z, STAGE_FRONT);
		if (ret) {
			zswap_count(z, Z_WRITE_ERROR, 1);
			return ret;
		}
	}
	slot_set_in_file(z, slot, true);
	return 0;
}

/* Eviction reads the header without a lock, hence the WRITE_ONCE. */
static void write_behind_header(struct zswap *z, struct zswap_entry *entry,
				const char *object, size_t length)
{
	struct zpool *pool = z->pools.at[entry->pool];
	struct zswap_header *header;

	header = pool->driver->map(pool, entry->handle, ZPOOL_MM_WO);
	WRITE_ONCE(header->slot, entry->slot);
	memcpy(header + 1, object + sizeof(*header), length - sizeof(*header));
	pool->driver->unmap(pool, entry->handle);
}

/* Return: bytes of the object, or a negative errno when none can be made. */
static int make_object(struct zswap *z, const struct zswap_entry *entry,
		       const void *page, size_t sized, char *object)
{
	int length;

	if (sized) {
		memcpy(object, page, sized);
		zswap_stage(z, STAGE_CODEC);
		hook_codec(NULL, false, sized);
		zswap_stage(z, STAGE_FRONT);
		return (int)sized;
	}
	zswap_stage(z, STAGE_CODEC);
	length = codec_compress(z->config.codec, page, object);
	if (length > 0)
		hook_codec(NULL, false, (size_t)length);
	zswap_stage(z, STAGE_FRONT);
	if (length > 0 && length < SWAP_PAGE_SIZE)
		return length;
	if (!z->config.keep_incompressible ||
	    SWAP_PAGE_SIZE + z->header > z->largest[entry->pool]) {
		zswap_count(z, Z_COMPRESS_POOR, 1);
		return -ENOSPC;
	}
	memcpy(object, page, SWAP_PAGE_SIZE);
	return SWAP_PAGE_SIZE;
}

/* Store the page as an object, behind a header if the backend needs it. */
static int put_object(struct zswap *z, struct zswap_entry *entry,
		      const void *page, size_t sized, char *object)
{
	struct zpool *pool;
	int length, ret;

	length = make_object(z, entry, page, sized, object + z->header);
	if (length < 0)
		return length;
	length += z->header;
	pool = z->pools.at[entry->pool];
	zswap_stage(z, STAGE_ALLOC);
	hook_begin(HOOK_MALLOC);
	ret = pool->driver->malloc(pool, length, &entry->handle);
	hook_end(HOOK_MALLOC);
	if (ret) {
		zswap_stage(z, STAGE_FRONT);
		zswap_count(z, ret == -ENOSPC ? Z_COMPRESS_POOR : Z_ALLOC_FAIL,
			    1);
		return ret;
	}
	if (!pools_is_handle(&entry->handle))
		return -EBADF;
	entry->length = length;
	hook_begin(HOOK_WRITE);
	if (z->header)
		write_behind_header(z, entry, object, length);
	else
		zpool_write(pool, entry->handle, object, length);
	hook_end(HOOK_WRITE);
	zswap_stage(z, STAGE_FRONT);
	zswap_count(z, Z_OBJECT_BYTES, length);
	return 0;
}

/* What make_entry() returns after an allocator gave handle 0. */
#define NO_HANDLE ((struct zswap_entry *)-1)

static struct zswap_entry *make_entry(struct zswap *z, uint32_t slot,
				      const void *page, size_t sized)
{
	struct zswap_buffers *b;
	struct zswap_entry *entry;
	int ret;

	if (is_full(z))
		return NULL;
	entry = slab_alloc(z->entries);
	if (!entry) {
		zswap_count(z, Z_ENTRY_FAIL, 1);
		return NULL;
	}
	entry->slot = slot;
	entry->refcount = 1;
	entry->pool = pools_index(&z->pools, slot);
	entry->referenced = true;
	b = zswap_buffers(z);
	entry->length = 0;
	if (!sized && page_same_filled(page, &entry->handle)) {
		zswap_count(z, Z_SAME_FILLED, 1);
		zswap_count(z, Z_SAME_STORES, 1);
	} else {
		ret = b ? put_object(z, entry, page, sized, b->object)
			: -ENOMEM;
		if (ret) {
			slab_free(z->entries, entry);
			return ret == -EBADF ? NO_HANDLE : NULL;
		}
	}
	zswap_count(z, Z_ENTRIES, 1);
	return entry;
}

/* Free an entry that was never indexed, and so is on no list either. */
static void discard_entry(struct zswap *z, struct zswap_entry *entry)
{
	struct zpool *pool = z->pools.at[entry->pool];

	if (entry->length) {
		pool->driver->free(pool, entry->handle);
		zswap_count(z, Z_OBJECT_BYTES, -(int64_t)entry->length);
	} else {
		zswap_count(z, Z_SAME_FILLED, -1);
	}
	slab_free(z->entries, entry);
	zswap_count(z, Z_ENTRIES, -1);
}

/* The slot's old entry is freed after the lock is released. */
static int index_entry(struct zswap *z, struct zswap_entry *entry)
{
	struct zswap_tree *tree = zswap_tree(&z->index, entry->slot);
	struct zswap_entry *old = NULL;
	int ret;

	spin_lock(&tree->lock);
	ret = zswap_insert(tree, entry, &old);
	if (!ret) {
		if (entry->length)
			zswap_lru_add(z, entry);
		if (old && !zswap_entry_put(tree, old))
			old = NULL;
	}
	spin_unlock(&tree->lock);
	if (ret) {
		zswap_count(z, Z_ENTRY_FAIL, 1);
		discard_entry(z, entry);
		return ret;
	}
	if (old) {
		zswap_count(z, Z_DUPLICATE, 1);
		zswap_entry_free(z, old);
	} else {
		zswap_count(z, Z_STORED, 1);
	}
	return 0;
}

int zswap_store(struct zswap *z, uint64_t slot, const void *page, size_t length)
{
	struct zswap_entry *entry;
	int ret;

	slot_lock(z, slot);
	entry = make_entry(z, slot, page, length);
	if (entry == NO_HANDLE) {
		slot_unlock(z, slot);
		return -EBADF;
	}
	ret = entry ? index_entry(z, entry) : -ENOMEM;
	if (!ret) {
		slot_set_in_file(z, slot, false);
	} else {
		/* The slot's old page is stale now, in pool or file. */
		drop_slot(z, slot);
		slot_set_in_file(z, slot, false);
		ret = zswap_write_slot(z, slot, page);
		if (!ret)
			zswap_count(z, Z_REJECTED, 1);
	}
	slot_unlock(z, slot);
	return ret;
}

int zswap_expand(struct zswap *z, struct zswap_entry *entry, void *page)
{
	struct zpool *pool = z->pools.at[entry->pool];
	struct zswap_buffers *b = zswap_buffers(z);
	size_t length = entry->length - z->header;
	char *mem, *object;
	int ret = 0;

	if (!entry->length) {
		page_fill(page, entry->handle);
		return 0;
	}
	if (!b)
		return -ENOMEM;
	zswap_stage(z, STAGE_ALLOC);
	mem = object =
		zpool_read_begin(pool, entry->handle, entry->length, b->copy);
	if (z->pools.copy_first) {
		object = memcpy(b->copy, mem, entry->length);
		zpool_read_end(pool, entry->handle, entry->length, mem);
	}
	zswap_stage(z, STAGE_CODEC);
	hook_codec(NULL, true, length);
	if (z->config.sized || length == SWAP_PAGE_SIZE)
		memcpy(page, object + z->header, length);
	else if (!FRAMES_GHOST)
		ret = codec_decompress(z->config.codec, object + z->header,
				       length, page);
	zswap_stage(z, STAGE_ALLOC);
	if (!z->pools.copy_first)
		zpool_read_end(pool, entry->handle, entry->length, mem);
	zswap_stage(z, STAGE_FRONT);
	return ret;
}

/*
 * Releases tree->lock. The entry is removed from the index before it is read,
 * so that the lock is taken only once. The slot lock keeps other CPUs from
 * looking up the slot meanwhile. The entry is not accessed after it was freed.
 */
static int load_exclusive(struct zswap *z, struct zswap_tree *tree,
			  struct zswap_entry *entry, void *page)
{
	struct zswap_entry *none;
	int ret;

	assert_slot_locked(z, entry->slot);
	lockdep_assert_held(&tree->lock);
	zswap_erase(tree, entry);
	spin_unlock(&tree->lock);
	ret = zswap_expand(z, entry, page);
	if (ret) {
		spin_lock(&tree->lock);
		if (zswap_insert(tree, entry, &none))
			ret = -ENOMEM;
		spin_unlock(&tree->lock);
		if (ret != -ENOMEM)
			return ret;
	}
	release(z, entry);
	return ret;
}

/* Releases tree->lock. The entry stays and moves to the LRU's newest end. */
static int load_keep(struct zswap *z, struct zswap_tree *tree,
		     struct zswap_entry *entry, void *page)
{
	bool last;
	int ret;

	lockdep_assert_held(&tree->lock);
	entry->refcount++;
	spin_unlock(&tree->lock);
	ret = zswap_expand(z, entry, page);
	WRITE_ONCE(entry->referenced, true);
	spin_lock(&tree->lock);
	if (entry->length)
		zswap_lru_rotate(z, entry);
	last = zswap_entry_put(tree, entry);
	spin_unlock(&tree->lock);
	if (last)
		release(z, entry);
	return ret;
}

static int load_from_file(struct zswap *z, uint32_t slot, void *page)
{
	struct zswap_buffers *b = zswap_buffers(z);
	int ret;

	if (!slot_in_file(z, slot))
		return -ENOENT;
	if (!z->config.swap) {
		zswap_count(z, Z_LOST_LOAD, 1);
		return -ENODATA;
	}
	zswap_count(z, Z_FILE_LOAD, 1);
	zswap_stage(z, STAGE_OFF);
	ret = swapfile_read(z->config.swap, slot, b->page);
	if (!ret)
		memcpy(page, b->page, SWAP_PAGE_SIZE);
	zswap_stage(z, STAGE_FRONT);
	return ret;
}

int zswap_load(struct zswap *z, uint64_t slot, void *page)
{
	struct zswap_tree *tree = zswap_tree(&z->index, slot);
	struct zswap_entry *entry;
	int ret;

	if (!zswap_buffers(z))
		return -ENOMEM;
	slot_lock(z, slot);
	spin_lock(&tree->lock);
	entry = zswap_search(tree, slot);
	if (entry) {
		zswap_count(z, Z_POOL_LOAD, 1);
		ret = z->config.exclusive ? load_exclusive(z, tree, entry, page)
					  : load_keep(z, tree, entry, page);
	} else {
		spin_unlock(&tree->lock);
		ret = load_from_file(z, slot, page);
	}
	slot_unlock(z, slot);
	return ret;
}

void zswap_invalidate(struct zswap *z, uint64_t slot)
{
	slot_lock(z, slot);
	drop_slot(z, slot);
	slot_set_in_file(z, slot, false);
	slot_unlock(z, slot);
}
