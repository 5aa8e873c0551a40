// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writeback: the unified LRU in the front end, and the allocators' own.
 */
#include <errno.h>

#include "harness/swap/zswap_internal.h"

#define MAX_RECLAIM_RETRIES 16
#define MAX_SCAN 32

/*
 * Write an entry back. Consumes the caller's reference to the entry. On failure
 * the entry stays as it was.
 */
static int writeback_entry(struct zswap *z, struct zswap_entry *entry)
{
	struct zswap_tree *tree = zswap_tree(&z->index, entry->slot);
	struct zswap_buffers *b = zswap_buffers(z);
	bool last;
	int ret;

	assert_slot_locked(z, entry->slot);
	ret = b ? zswap_expand(z, entry, b->page) : -ENOMEM;
	if (!ret)
		ret = zswap_write_slot(z, entry->slot, b->page);
	spin_lock(&tree->lock);
	if (!ret) {
		zswap_erase(tree, entry);
		zswap_entry_put(tree, entry);
	}
	last = zswap_entry_put(tree, entry);
	spin_unlock(&tree->lock);
	if (last) {
		zswap_count(z, Z_STORED, -1);
		zswap_count(z, Z_WRITTEN_BACK, 1);
		zswap_entry_free(z, entry);
	}
	return ret;
}

/*
 * Take the oldest entry that has used up its second chance. The entry is moved
 * to the newest end before the lock is dropped: afterwards it may be freed.
 * Return: NULL when there is none, else the entry, with its slot in *@slot. The
 * caller may compare the pointer, but must not dereference it.
 */
static struct zswap_entry *take_oldest(struct zswap *z, uint32_t *slot)
{
	struct zswap_lru_list *pool = &z->pool;
	struct zswap_entry *entry;
	unsigned scanned = 0;
	bool pass;

	spin_lock(&pool->lru_lock);
	do {
		entry = TAILQ_LAST(&pool->list, zswap_lru);
		if (!entry)
			break;
		pass = z->config.second_chance && READ_ONCE(entry->referenced);
		WRITE_ONCE(entry->referenced, false);
		TAILQ_REMOVE(&pool->list, entry, lru);
		TAILQ_INSERT_HEAD(&pool->list, entry, lru);
		*slot = entry->slot;
	} while (pass && ++scanned < MAX_SCAN);
	spin_unlock(&pool->lru_lock);
	return entry;
}

int zswap_writeback_one(struct zswap *z)
{
	struct zswap_tree *tree;
	struct zswap_entry *entry;
	uint32_t slot;
	int ret;

	entry = take_oldest(z, &slot);
	if (!entry)
		return -ENOENT;
	if (!slot_trylock(z, slot))
		return -EEXIST;
	tree = zswap_tree(&z->index, slot);
	spin_lock(&tree->lock);
	ret = zswap_search(tree, slot) == entry ? 0 : -EAGAIN;
	if (!ret)
		entry->refcount++;
	spin_unlock(&tree->lock);
	if (!ret)
		ret = writeback_entry(z, entry);
	slot_unlock(z, slot);
	if (ret)
		zswap_count(z, Z_RECLAIM_FAIL, 1);
	return ret;
}

/* Return: the object's slot; garbage unless the object is live and written. */
static uint64_t evicted_slot(struct zpool *pool, unsigned long handle,
			     const void *object)
{
	const struct zswap_header *header = object;
	uint64_t slot;

	if (header)
		return READ_ONCE(header->slot);
	header = pool->driver->map(pool, handle, ZPOOL_MM_RO);
	slot = READ_ONCE(header->slot);
	pool->driver->unmap(pool, handle);
	return slot;
}

int zswap_evict(struct zpool *pool, unsigned long handle, const void *object,
		void *arg)
{
	struct zswap_entry *entry;
	struct zswap_tree *tree;
	struct zswap *z = arg;
	uint64_t slot = evicted_slot(pool, handle, object);
	int ret = 0;

	if (slot >= z->config.slots)
		return -EAGAIN;
	if (!slot_trylock(z, slot))
		return -EEXIST;
	tree = zswap_tree(&z->index, slot);
	spin_lock(&tree->lock);
	entry = zswap_search(tree, slot);
	/* The object may have been freed while the backend was choosing it. */
	if (entry && (!entry->length || entry->handle != handle ||
		      z->pools.at[entry->pool] != pool))
		entry = NULL;
	if (entry)
		entry->refcount++;
	spin_unlock(&tree->lock);
	if (entry)
		ret = writeback_entry(z, entry);
	slot_unlock(z, slot);
	return ret;
}

static uint64_t reclaim_lru(struct zswap *z)
{
	uint64_t written = 0;
	unsigned failures = 0;
	int ret;

	do {
		ret = zswap_writeback_one(z);
		if (ret == -ENOENT)
			break;
		if (!ret)
			written++;
		else if (++failures == MAX_RECLAIM_RETRIES)
			break;
		/* In the kernel, workers free pages meanwhile. */
		pools_settle(&z->pools);
		zswap_stage(z, STAGE_OFF);
		cond_resched();
		zswap_stage(z, STAGE_FRONT);
	} while (!zswap_can_accept(z));
	return written;
}

static uint64_t reclaim_backend(struct zswap *z)
{
	struct zswap_counters *c = &z->counters[smp_processor_id()];
	int64_t before = c->n[Z_WRITTEN_BACK];
	unsigned reclaimed = 0, turn;
	struct zpool *pool;

	/* Relaxed: the counter orders no other memory accesses. */
	turn = (unsigned)atomic_add_return_relaxed(1, &z->next_pool);
	pool = z->pools.at[turn % z->pools.nr];
	if (pool->driver->shrink(pool, 1, &reclaimed))
		zswap_count(z, Z_RECLAIM_FAIL, 1);
	return c->n[Z_WRITTEN_BACK] - before;
}

bool zswap_reclaim_queued(struct zswap *z)
{
	return atomic_read(&z->reclaim_queued);
}

uint64_t zswap_reclaim(struct zswap *z)
{
	uint64_t before, after, written;

	/* Relaxed: the queueing CPU publishes only this flag. */
	if (!atomic_xchg_relaxed(&z->reclaim_queued, 0))
		return 0;
	before = zswap_total_bytes(z);
	written = z->config.reclaim == ZSWAP_RECLAIM_LRU ? reclaim_lru(z)
							 : reclaim_backend(z);
	pools_settle(&z->pools);
	after = zswap_total_bytes(z);
	if (before > after)
		zswap_count(z, Z_FREED, (before - after) / SWAP_PAGE_SIZE);
	return written;
}
