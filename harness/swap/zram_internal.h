/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of zram's path share. */
#ifndef ZLAB_ZRAM_INTERNAL_H
#define ZLAB_ZRAM_INTERNAL_H

#include "backends/sync.h"
#include "harness/swap/buffers.h"
#include "harness/swap/zram_disk.h"

/* An entry's flags: the object's bytes in the lowest bits, and these. */
#define ENTRY_SIZE 0x1fffu
#define ENTRY_SAME (1u << 13) /* the handle is the word that fills the page */
#define ENTRY_WB (1u << 14) /* the handle is a block of the backing file */
#define ENTRY_UNDER_WB (1u << 15) /* is being written back; ZRAM_POST_SCAN */
#define ENTRY_CHOSEN \
	(1u << 16) /* for writeback, recompression; the other form */
#define ENTRY_HUGE (1u << 17) /* the object is the page itself */
#define ENTRY_IDLE (1u << 18)
#define ENTRY_INCOMPRESSIBLE (1u << 19)
#define ENTRY_PRIORITY_SHIFT 20
#define ENTRY_PRIORITY (3u << ENTRY_PRIORITY_SHIFT)

/* The bit of a lock; the half of the word above the flags is the lock's. */
#define ENTRY_LOCK_NR 63
#define ENTRY_LOCK (1ul << ENTRY_LOCK_NR)

/* No block of the backing file. */
#define NO_BLOCK UINT32_MAX

/**
 * struct zram_table_entry - a page of the disk
 * @handle: what the flags say: an object, a word, a block
 * @flags: flags and lock, in the two forms that are a bit
 * @sleep: the same, for the lock's waiters that sleep
 * @attr: flags, where the lock is a spinlock
 * @lock: the spinlock
 *
 * Only the lock's holder accesses the handle and changes the flags. Of the same
 * size as the kernel's.
 */
struct zram_table_entry {
	unsigned long handle;
	union {
		unsigned long flags;
		atomic_long_t sleep;
		struct {
			uint32_t attr;
			spinlock_t lock;
		};
	};
};
_Static_assert(sizeof(struct zram_table_entry) == 16, "as the kernel's");

enum zram_counter {
	/* All CPUs share these, as in the kernel. */
	R_STORED,
	R_COMPR_DATA,
	R_SAME,
	R_HUGE,
	R_HUGE_SINCE,
	R_USED_MAX,
	R_BD_COUNT,
	R_BD_READS,
	R_BD_WRITES,
	R_FAILED_READS,
	R_FAILED_WRITES,
	R_NOTIFY_FREE,
	R_MISS_FREE,
	R_WRITESTALL,
	R_SHARED,
	/* Each CPU has its own of these: they are zlab's. */
	R_WRITES = R_SHARED,
	R_READS,
	R_SAME_WRITES,
	R_REPLACED,
	R_REJECT_LIMIT,
	R_REJECT_ALLOC,
	R_REJECT_SIZE,
	R_LOST_READS,
	R_RECOMPRESSED,
	R_WRITE_ERRORS,
	R_COUNTERS
};

struct zram_cpu {
	struct swap_buffers *buffers;
	struct stage_clock *clock;
	long n[R_COUNTERS - R_SHARED];
} __attribute__((aligned(64)));

/**
 * struct zram_disk - a disk
 * @config: its configuration
 * @pools: its pool; one
 * @pool: the same
 * @lock: form of the entries' lock
 * @huge: from this size on a page is kept uncompressed
 * @limit: of the pool's bytes; 0 = none
 * @codec: by priority; the first is the one that pages are written with
 * @nr_codecs: how many
 * @class: size class of an object by its bytes; NULL if the allocator has none
 * @table: entry of each page
 * @block: of each block of the backing file, how often it was taken or given
 *	   back: odd while it is taken
 * @nr_blocks: how many
 * @block_hint: none below it is free, unless one was given back just now
 * @post: a CPU writes back or recompresses
 * @wb_left: pages that may still be written back; negative: any number
 * @n: counters that all CPUs share
 */
struct zram_disk {
	struct zram_disk_config config;
	struct swap_pools pools;
	struct zpool *pool;
	enum zram_lock lock;
	size_t huge;
	uint64_t limit;
	struct codec *codec[1 + ZRAM_MAX_SECONDARY];
	unsigned nr_codecs;
	uint16_t *class;
	struct zram_table_entry *table;
	atomic_t *block;
	uint32_t nr_blocks;
	atomic_t block_hint;
	atomic_t post;
	long wb_left;
	struct zram_cpu cpu[SYNC_MAX_CPUS];
	atomic_long_t n[R_SHARED];
};

static inline void zram_count(struct zram_disk *z, enum zram_counter what,
			      long n)
{
	long *mine;

	if (what < R_SHARED) {
		atomic_long_add(n, &z->n[what]);
		return;
	}
	mine = &z->cpu[smp_processor_id()].n[what - R_SHARED];
	/* Other CPUs may read the counter at the same time. */
	WRITE_ONCE(*mine, *mine + n);
}

/* Charge the time from now on to @stage, if the operation is timed. */
static inline void zram_stage(struct zram_disk *z, enum stage stage)
{
	struct stage_clock *clock = z->cpu[smp_processor_id()].clock;

	if (__builtin_expect(clock != NULL, 0))
		stage_switch(clock, stage);
}

/* The calling CPU's buffers; NULL if out of memory. */
static inline struct swap_buffers *zram_buffers(struct zram_disk *z)
{
	return swap_buffers_get(&z->cpu[smp_processor_id()].buffers);
}

void entry_lock(struct zram_disk *z, struct zram_table_entry *entry);
bool entry_trylock(struct zram_disk *z, struct zram_table_entry *entry);
void entry_unlock(struct zram_disk *z, struct zram_table_entry *entry);

/* The debug build's lock checks do not know the lock that sleeps. */
static inline void assert_entry_locked(struct zram_disk *z,
				       struct zram_table_entry *entry)
{
	lockdep_assert(z->lock == ZRAM_LOCK_SPIN ? lockdep_is_held(&entry->lock)
		       : z->lock == ZRAM_LOCK_BIT
			       ? lockdep_is_held(&entry->flags)
			       : READ_ONCE(entry->flags) & ENTRY_LOCK);
}

/*
 * Flags of an entry that the caller has locked. A bit lock shares their word
 * with CPUs that try to take it, which leave the other bits as they are.
 */
static inline uint32_t entry_flags(struct zram_disk *z,
				   struct zram_table_entry *entry)
{
	assert_entry_locked(z, entry);
	return z->lock == ZRAM_LOCK_SPIN ? entry->attr
					 : (uint32_t)READ_ONCE(entry->flags);
}

static inline void entry_set(struct zram_disk *z,
			     struct zram_table_entry *entry, uint32_t flags)
{
	assert_entry_locked(z, entry);
	if (z->lock == ZRAM_LOCK_SPIN)
		entry->attr = flags;
	else
		WRITE_ONCE(entry->flags, ENTRY_LOCK | flags);
}

/* Whether flags say that a page is stored. */
static inline bool is_stored(uint32_t flags)
{
	return flags & (ENTRY_SIZE | ENTRY_SAME | ENTRY_WB);
}

/* The page was accessed: no longer idle, nor chosen for writeback. */
static inline void entry_accessed(struct zram_disk *z,
				  struct zram_table_entry *entry)
{
	entry_set(z, entry,
		  entry_flags(z, entry) & ~(ENTRY_IDLE | ENTRY_CHOSEN));
}

/* Free what a locked entry holds. */
void zram_free_entry(struct zram_disk *z, struct zram_table_entry *entry);

/*
 * Read the page of a locked entry that is in memory. Return: 0 or -EIO.
 */
int zram_read_entry(struct zram_disk *z, struct zram_table_entry *entry,
		    struct swap_buffers *b, void *page);

/* Write bytes to a new object. Return: as the allocator's malloc, or -EBADF. */
int zram_make_object(struct zram_disk *z, const void *from, size_t len,
		     unsigned long *handle);

/* Give a block of the backing file back. */
void zram_free_block(struct zram_disk *z, uint32_t block);

#endif
