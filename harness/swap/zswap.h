/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code above the allocators, as in the kernel: which pages are stored,
 * which are written back, and the locks held. Mirrors mm/zswap.c:
 * reclaim=backend as in 6.1, reclaim=lru as in 6.5 to 6.7, the second chance of
 * 6.12, the incompressible pages of 6.18.
 *
 * A slot is in at most one of three states: in the pool, in the swap file, or
 * empty. The slot lock stands for the kernel's lock on the swap-cache folio: it
 * keeps store, load, invalidate and writeback of one slot apart.
 *
 * Lock order: slot lock, tree->lock, pool->lru_lock; an allocator's own locks
 * are taken with none of the latter two held.
 */
#ifndef ZLAB_ZSWAP_H
#define ZLAB_ZSWAP_H

#include "harness/measure/stage.h"
#include "harness/swap/codec.h"
#include "harness/swap/pools.h"
#include "harness/swap/swapfile.h"
#include "harness/swap/zswap_index.h"

enum zswap_reclaim {
	ZSWAP_RECLAIM_LRU,
	ZSWAP_RECLAIM_BACKEND
};

/**
 * struct zswap_config - one front end
 * @backend: spec of the allocator
 * @pools: allocator pools, 1..SWAP_MAX_POOLS; a hash of the slot chooses one
 * @codec: compressor; not owned; may be NULL when @sized
 * @sized: for traces without contents: each page comes with the length of its
 *	   object, which is the page's first bytes; nothing is compressed
 * @pool: limits of each pool's arena; evict and evict_arg are set by zswap
 * @index: form of the index
 * @reclaim: what chooses the entries to write back
 * @exclusive: a load releases the entry (always so since 6.9)
 * @second_chance: reclaim skips an entry once if it was stored or loaded since
 *		   reclaim last examined it
 * @keep_incompressible: pages that do not shrink are kept as they are instead
 *			 of being rejected
 * @api: calls that read and write objects
 * @max_pool_bytes: limit of all pools together; 0 = none
 * @accept_percent: after the limit was hit, stores are refused until the pools
 *		    are at or below this share of it, 0..100
 * @slots: number of swap slots; all slot numbers are below it
 * @swap: swap file for pages that leave the pool; NULL counts them without I/O
 *	  and discards their contents
 */
struct zswap_config {
	const char *backend;
	unsigned pools;
	struct codec *codec;
	bool sized;
	struct zpool_config pool;
	enum zswap_index_kind index;
	enum zswap_reclaim reclaim;
	bool exclusive;
	bool second_chance;
	bool keep_incompressible;
	enum swap_api api;
	uint64_t max_pool_bytes;
	unsigned accept_percent;
	uint64_t slots;
	struct swapfile *swap;
};

/**
 * struct zswap_stats - zswap's counters under zswap's names, and a few more
 * @stored_pages: entries now
 * @same_filled_pages: entries now that hold one repeated word
 * @reject_compress_poor: stores refused because the page did not shrink, or
 *			  its size is one the allocator never takes
 * @reject_alloc_fail: stores refused because the allocator had no memory
 * @reject_kmemcache_fail: stores refused because an entry could not be made
 * @reject_reclaim_fail: tries of writeback that failed
 * @pool_limit_hit: stores that found the pools at their limit
 * @pool_total_size: bytes of pages of all pools
 * @written_back_pages: entries that left for the swap file
 * @duplicate_entry: stores that replaced an entry
 * @rejected_pages: stores that went to the swap file directly
 * @pool_loads: loads answered from the pool
 * @file_loads: loads answered from the swap file
 * @lost_loads: loads of pages that left with no swap file to keep them
 * @pages_freed_by_writeback: pool pages that writeback freed
 * @write_errors: writes to the swap file that failed
 * @max_pool_bytes: the limit
 * @same_filled_stores: stores that kept a repeated word
 * @object_bytes: sizes of the objects in the pools now
 * @entry_bytes: memory of entries, index and slot states
 */
struct zswap_stats {
	uint64_t stored_pages;
	uint64_t same_filled_pages;
	uint64_t reject_compress_poor;
	uint64_t reject_alloc_fail;
	uint64_t reject_kmemcache_fail;
	uint64_t reject_reclaim_fail;
	uint64_t pool_limit_hit;
	uint64_t pool_total_size;
	uint64_t written_back_pages;
	uint64_t duplicate_entry;
	uint64_t rejected_pages;
	uint64_t pool_loads;
	uint64_t file_loads;
	uint64_t lost_loads;
	uint64_t pages_freed_by_writeback;
	uint64_t write_errors;
	uint64_t max_pool_bytes;
	uint64_t same_filled_stores;
	uint64_t object_bytes;
	uint64_t entry_bytes;
};

struct zswap;

/**
 * zswap_create() - create a front end with its pools
 *
 * Return: the front end, or NULL with @err set: a bad spec, reclaim=backend
 * over an allocator that cannot evict, out of memory.
 */
struct zswap *zswap_create(const struct zswap_config *config, struct err *err);

/**
 * zswap_destroy() - free everything, entries included
 *
 * Return: live entries that were not reachable through the index (leaks);
 * always 0 unless zlab has a bug.
 */
uint64_t zswap_destroy(struct zswap *z);

/**
 * zswap_store() - swap a page out
 * @z: the front end
 * @slot: its slot; the slot's old page is replaced
 * @page: SWAP_PAGE_SIZE bytes
 * @length: bytes of the object when the front end is sized, 1..SWAP_PAGE_SIZE;
 *	    0 for a same-filled page and when it is not sized
 *
 * A page the pool refuses goes to the swap file. Queues reclaim when the limit
 * is reached. Takes tree->lock, pool->lru_lock; may sleep.
 * Return: 0 when the page is in the pool or the file; a negative errno when the
 * file could not be written; the slot is then empty and the caller has the only
 * copy of the page. -EBADF when the allocator gave handle 0, against its contract.
 */
int zswap_store(struct zswap *z, uint64_t slot, const void *page,
		size_t length);

/**
 * zswap_load() - swap a page in
 * @z: the front end
 * @slot: its slot
 * @page: receives SWAP_PAGE_SIZE bytes; of a sized object only its own bytes
 *
 * With exclusive loads an entry of the pool is released; a copy in the file
 * stays until the slot is stored to or invalidated.
 * Return: 0; -ENOENT when the slot is empty; -ENODATA when the page left the
 * pool and there is no swap file; -EIO when it cannot be read or expanded.
 */
int zswap_load(struct zswap *z, uint64_t slot, void *page);

/**
 * zswap_time() - charge the calling CPU's time to a clock from now on
 * @clock: a clock between stage_begin() and stage_end(), or NULL to stop
 *
 * Transfers to and from the swap file are STAGE_OFF: the kernel only submits
 * them.
 */
void zswap_time(struct zswap *z, struct stage_clock *clock);

/** zswap_invalidate() - the slot was freed; does nothing to an empty one */
void zswap_invalidate(struct zswap *z, uint64_t slot);

/**
 * zswap_writeback_one() - write one entry back, the oldest one
 *
 * One step of the worker with reclaim=lru. The entry is rotated before the LRU
 * lock is dropped, so that it stays on the list after a failure. The entry is
 * then looked up in the index and compared before it is used.
 * Return: 0; -ENOENT nothing to write back; -EAGAIN the entry got a second
 * chance or was freed; -EEXIST its slot is in use; -EIO or the errno of the
 * write, and the entry stays in the pool.
 */
int zswap_writeback_one(struct zswap *z);

/**
 * zswap_reclaim() - the worker: run the reclaim that a full pool queued
 *
 * With reclaim=lru: writes back until the pools are at the acceptance threshold
 * or 16 tries failed. With reclaim=backend: asks one pool for one page, as 6.1
 * did for each queueing. Does nothing when nothing was queued.
 * Return: entries written back.
 */
uint64_t zswap_reclaim(struct zswap *z);

/** zswap_reclaim_queued() - whether zswap_reclaim() has something to do */
bool zswap_reclaim_queued(struct zswap *z);

/** zswap_stats() - sum the counters of all CPUs; exact when no thread runs */
void zswap_stats(struct zswap *z, struct zswap_stats *stats);

/**
 * zswap_object() - the object of a slot's page; nothing else may run
 * @z: the front end
 * @slot: the slot
 * @handle: receives the object
 * @length: receives its bytes
 *
 * Return: false when the pools hold no object for the slot: it is empty, in the
 * file, or same-filled.
 */
bool zswap_object(struct zswap *z, uint32_t slot, unsigned long *handle,
		  size_t *length);

/** zswap_pools() - the front end's pools; it keeps ownership */
const struct swap_pools *zswap_pools(const struct zswap *z);

/**
 * zswap_validate() - check every entry, list and pool; nothing else may run
 *
 * Return: 0, or -EIO with the first contradiction in @err.
 */
int zswap_validate(struct zswap *z, struct err *err);

#endif
