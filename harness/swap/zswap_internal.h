/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the front end share. */
#ifndef ZLAB_ZSWAP_INTERNAL_H
#define ZLAB_ZSWAP_INTERNAL_H

#include "harness/swap/zswap.h"

/* An evicting backend knows only handles, so the slot precedes the object. */
struct zswap_header {
	uint64_t slot;
};

enum zswap_counter {
	Z_STORED,
	Z_SAME_FILLED,
	Z_COMPRESS_POOR,
	Z_ALLOC_FAIL,
	Z_ENTRY_FAIL,
	Z_RECLAIM_FAIL,
	Z_LIMIT_HIT,
	Z_WRITTEN_BACK,
	Z_DUPLICATE,
	Z_REJECTED,
	Z_POOL_LOAD,
	Z_FILE_LOAD,
	Z_LOST_LOAD,
	Z_FREED,
	Z_WRITE_ERROR,
	Z_ENTRIES,
	Z_SAME_STORES,
	Z_OBJECT_BYTES,
	Z_COUNTERS
};

/* Buffers to compress and expand; used by their own CPU only. */
struct zswap_buffers {
	char page[SWAP_PAGE_SIZE] __attribute__((aligned(SWAP_PAGE_SIZE)));
	char object[2 * SWAP_PAGE_SIZE];
	char copy[2 * SWAP_PAGE_SIZE];
};

struct zswap_counters {
	int64_t n[Z_COUNTERS];
	struct stage_clock *clock;
} __attribute__((aligned(64)));

TAILQ_HEAD(zswap_lru, zswap_entry);

struct zswap_lru_list {
	spinlock_t lru_lock;
	struct zswap_lru list;
} __attribute__((aligned(64)));

/* Bits of a slot's state. */
#define SLOT_LOCKED 1
#define SLOT_IN_FILE 2

/* Refcount of a freed entry, which exposes a use after free. */
#define ZSWAP_FREED 0xdeadf4eeu

struct zswap {
	struct zswap_config config;
	struct swap_pools pools;
	struct arena *arena;
	struct slab *entries;
	struct zswap_index index;
	struct zswap_lru_list pool;
	size_t header;
	/* Virtual CPUs model cache lines: alignment affects their results. */
	size_t largest[SWAP_MAX_POOLS] __attribute__((aligned(16)));
	atomic_t *slots;
	atomic_t reached_full;
	atomic_t reclaim_queued;
	atomic_t next_pool;
	struct zswap_buffers *buffers[SYNC_MAX_CPUS];
	struct zswap_counters counters[SYNC_MAX_CPUS];
};

static inline void zswap_count(struct zswap *z, enum zswap_counter what,
			       int64_t n)
{
	int64_t *count = &z->counters[smp_processor_id()].n[what];

	/* Other CPUs may read the counter at the same time. */
	WRITE_ONCE(*count, *count + n);
}

/* Charge the time from now on to @stage, if the operation is timed. */
static inline void zswap_stage(struct zswap *z, enum stage stage)
{
	struct stage_clock *clock = z->counters[smp_processor_id()].clock;

	if (__builtin_expect(clock != NULL, 0))
		stage_switch(clock, stage);
}

/* The calling CPU's buffers, allocated at first use; NULL if out of memory. */
struct zswap_buffers *zswap_buffers(struct zswap *z);

/* Stands for the folio lock; may sleep. */
void slot_lock(struct zswap *z, uint32_t slot);
bool slot_trylock(struct zswap *z, uint32_t slot);
void slot_unlock(struct zswap *z, uint32_t slot);

/* The debug build's lock checks do not know the slot lock, which may sleep. */
static inline void assert_slot_locked(struct zswap *z, uint32_t slot)
{
	lockdep_assert(atomic_read(&z->slots[slot]) & SLOT_LOCKED);
}

static inline bool slot_in_file(struct zswap *z, uint32_t slot)
{
	assert_slot_locked(z, slot);
	return atomic_read(&z->slots[slot]) & SLOT_IN_FILE;
}

void slot_set_in_file(struct zswap *z, uint32_t slot, bool in_file);

/* Put a page into the swap file; uses the CPU's page buffer. */
int zswap_write_slot(struct zswap *z, uint32_t slot, const void *page);

uint64_t zswap_total_bytes(struct zswap *z);
bool zswap_can_accept(struct zswap *z);

bool zswap_entry_drop(struct zswap_entry *entry);

/*
 * Drop one reference. Return: true if it was the last one; the caller then
 * calls zswap_entry_free() after it has released the lock of the entry's tree.
 */
static inline bool zswap_entry_put(struct zswap_tree *tree,
				   struct zswap_entry *entry)
{
	lockdep_assert_held(&tree->lock);
	return zswap_entry_drop(entry);
}

/* Free an entry that has no references. */
void zswap_entry_free(struct zswap *z, struct zswap_entry *entry);

/* Add a live entry at the newest end of the LRU. Takes pool->lru_lock. */
void zswap_lru_add(struct zswap *z, struct zswap_entry *entry);
void zswap_lru_rotate(struct zswap *z, struct zswap_entry *entry);

/* Expand an entry into @page; the caller keeps the entry from being freed. */
int zswap_expand(struct zswap *z, struct zswap_entry *entry, void *page);

/* The backend's evict callback. */
int zswap_evict(struct zpool *pool, unsigned long handle, const void *object,
		void *arg);

#endif
