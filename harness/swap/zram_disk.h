/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zram's path: a disk whose pages are kept as objects of an allocator. Mirrors
 * drivers/block/zram/zram_drv.c as in 5.10 to 7.3; where these differ, an option
 * of the spec chooses, and a preset stands for a kernel.
 *
 * A table has an entry for each page of the disk: an object, a word that fills
 * the page, a block of the backing file, or nothing. The entry's lock keeps
 * apart what several CPUs do to one page; unlike zswap's, it is held while the
 * page is expanded.
 *
 * Lock order: the entry's lock, then the allocator's own.
 */
#ifndef ZLAB_ZRAM_DISK_H
#define ZLAB_ZRAM_DISK_H

#include "harness/measure/stage.h"
#include "harness/swap/codec.h"
#include "harness/swap/pools.h"
#include "harness/swap/swapfile.h"
#include "lib/spec.h"

/* Compressors that pages are compressed again with, as many as a kernel has. */
#define ZRAM_MAX_SECONDARY 3

/**
 * enum zram_lock - form of an entry's lock
 * @ZRAM_LOCK_BIT: a bit spinlock in the entry's flags, to 6.11
 * @ZRAM_LOCK_SPIN: a spinlock, 6.12 to 6.14
 * @ZRAM_LOCK_SLEEP: a bit whose waiters sleep, from 6.15
 */
enum zram_lock {
	ZRAM_LOCK_BIT,
	ZRAM_LOCK_SPIN,
	ZRAM_LOCK_SLEEP
};

/**
 * enum zram_replace - when a write frees the page's old object
 * @ZRAM_REPLACE_AFTER: when the new one is complete
 * @ZRAM_REPLACE_FIRST: before the page is compressed, 6.14 to 6.16
 */
enum zram_replace {
	ZRAM_REPLACE_AFTER,
	ZRAM_REPLACE_FIRST
};

/**
 * enum zram_post - how pages are selected to be written back or recompressed
 * @ZRAM_POST_SCAN: in the order of their numbers, to 6.12
 * @ZRAM_POST_SIZE: all are selected first; the largest objects are done first,
 *		    from 6.13
 */
enum zram_post {
	ZRAM_POST_SCAN,
	ZRAM_POST_SIZE
};

/**
 * enum zram_mode - which pages are written back or recompressed
 * @ZRAM_NOTHING: none
 * @ZRAM_ALL: every page
 * @ZRAM_IDLE: not accessed since zram_disk_mark_idle()
 * @ZRAM_HUGE: kept uncompressed
 * @ZRAM_HUGE_IDLE: both
 * @ZRAM_INCOMPRESSIBLE: no compressor made them smaller; only to write back
 */
enum zram_mode {
	ZRAM_NOTHING,
	ZRAM_ALL,
	ZRAM_IDLE,
	ZRAM_HUGE,
	ZRAM_HUGE_IDLE,
	ZRAM_INCOMPRESSIBLE
};

/**
 * struct zram_params - what a spec "zram[@KERNEL][:OPTION=VALUE,...]" says
 * @lock: enum zram_lock
 * @replace: enum zram_replace
 * @post: enum zram_post
 * @retry: a failed allocation is tried once more, and the page compressed once
 *	   more, to 6.14
 * @limit: mem_limit in bytes; 0 = none
 * @huge: from this size on a page is kept uncompressed; 0: as the allocator's
 *	  classes have it, see pools_huge_limit()
 * @every: operations of a CPU between two rounds of zram_disk_round(); 0: never
 * @writeback: enum zram_mode, what a round writes back
 * @recompress: enum zram_mode, what a round recompresses
 * @threshold: objects below this size are not recompressed, and a larger result
 *	       is not kept; 0 = none
 * @wb_limit: pages that may be written back in all; 0 = any number
 */
struct zram_params {
	long long lock, replace, post, retry;
	long long limit, huge;
	long long every, writeback, recompress, threshold, wb_limit;
};

/** zram_spec - options and presets of the spec */
extern const struct spec_desc zram_spec;

/**
 * struct zram_disk_config - one disk; the caller owns all pointers
 * @params: what its spec says
 * @backend: spec of the allocator
 * @codec: compressor; may be NULL when @sized
 * @secondary: further compressors, the first ones are tried first
 * @nr_secondary: how many, to ZRAM_MAX_SECONDARY
 * @sized: for traces without contents: each page comes with the length of its
 *	   object, which is the page's first bytes; nothing is compressed
 * @same_filled: a page of one repeated word is kept as the word
 * @pool: limits of the allocator's arena
 * @api: calls that read and write objects
 * @pages: of the disk; all page numbers are below it
 * @backing: file for pages that are written back; NULL counts them without I/O
 *	     and discards their contents
 * @blocks: pages of the backing file; 0: as many as @pages
 */
struct zram_disk_config {
	struct zram_params params;
	const char *backend;
	struct codec *codec;
	struct codec *secondary[ZRAM_MAX_SECONDARY];
	unsigned nr_secondary;
	bool sized;
	bool same_filled;
	struct zpool_config pool;
	enum swap_api api;
	uint64_t pages;
	struct swapfile *backing;
	uint64_t blocks;
};

/**
 * struct zram_disk_stats - counters under the kernel's names
 *
 * Those of mm_stat; orig_data_size and the like are bytes:
 * @orig_data_size: of the pages that are stored
 * @compr_data_size: of their objects
 * @mem_used_total: of the allocator's pages
 * @mem_limit: the limit, or 0
 * @mem_used_max: the most that the allocator's pages were after a write
 * @same_pages: stored pages of one repeated word
 * @pages_compacted: pages that compaction freed
 * @huge_pages: stored pages that are kept uncompressed in memory
 * @huge_pages_since: writes of such pages
 *
 * Those of bd_stat, in pages:
 * @bd_count: in the backing file now
 * @bd_reads: read from there
 * @bd_writes: written to there
 *
 * Those of io_stat and debug_stat:
 * @failed_reads: reads that failed
 * @failed_writes: writes that failed
 * @notify_free: pages that were discarded
 * @miss_free: of them, those whose entry was locked, so that they were kept
 * @writestall: writes that allocated a second time
 *
 * And zlab's own:
 * @num_writes: all writes
 * @num_reads: all reads
 * @same_writes: writes of one repeated word
 * @replaced: writes to a page that was stored
 * @reject_limit: writes refused at the memory limit
 * @reject_alloc_fail: writes refused because the allocator had no memory
 * @reject_size: writes refused because the allocator never takes such an object
 * @lost_reads: reads of pages that left without a file to keep them
 * @recompressed: pages that another compressor made smaller
 * @write_errors: writes to the backing file that failed
 * @objects: stored pages that have an object
 * @table_bytes: memory of the table
 */
struct zram_disk_stats {
	uint64_t orig_data_size, compr_data_size;
	uint64_t mem_used_total, mem_limit, mem_used_max;
	uint64_t same_pages, pages_compacted;
	uint64_t huge_pages, huge_pages_since;
	uint64_t bd_count, bd_reads, bd_writes;
	uint64_t failed_reads, failed_writes;
	uint64_t notify_free, miss_free, writestall;
	uint64_t num_writes, num_reads, same_writes, replaced;
	uint64_t reject_limit, reject_alloc_fail, reject_size;
	uint64_t lost_reads, recompressed, write_errors;
	uint64_t objects, table_bytes;
};

struct zram_disk;

/**
 * zram_disk_create() - create a disk with its pool
 *
 * Return: the disk, or NULL with @err set: a bad spec of the allocator, an api
 * that it lacks, more pages than a disk can have, out of memory.
 */
struct zram_disk *zram_disk_create(const struct zram_disk_config *config,
				   struct err *err);

/** zram_disk_destroy() - free a disk with all pages; NULL is ignored */
void zram_disk_destroy(struct zram_disk *z);

/**
 * zram_disk_write() - write a page
 * @z: the disk
 * @index: the page's number
 * @page: SWAP_PAGE_SIZE bytes
 * @length: bytes of the object when the disk is sized, 1..SWAP_PAGE_SIZE; 0 for
 *	    a same-filled page and when it is not sized
 *
 * Return: 0, or a negative errno: -ENOMEM when the allocator has no memory or
 * the limit is reached, -ENOSPC when it never takes such an object, -EIO when
 * the codec failed. The page then is what it was before, or nothing with
 * ZRAM_REPLACE_FIRST. -EBADF when the allocator gave handle 0.
 */
int zram_disk_write(struct zram_disk *z, uint32_t index, const void *page,
		    size_t length);

/**
 * zram_disk_read() - read a page
 * @z: the disk
 * @index: the page's number
 * @page: receives SWAP_PAGE_SIZE bytes, zeroes if nothing is stored; of a sized
 *	  object only its own bytes
 *
 * Return: 0; -ENODATA when the page was written back and there is no file;
 * -EIO when it cannot be read or expanded; -ENOMEM.
 */
int zram_disk_read(struct zram_disk *z, uint32_t index, void *page);

/** zram_disk_discard() - forget a page, as the block layer asks to */
void zram_disk_discard(struct zram_disk *z, uint32_t index);

/**
 * zram_disk_free_notify() - the page's swap slot was freed
 *
 * As zram_disk_discard(), but does not wait for the entry's lock: if another
 * CPU holds it, the page is kept until it is written again. Return: false then.
 */
bool zram_disk_free_notify(struct zram_disk *z, uint32_t index);

/** zram_disk_compact() - compact the pool. Return: pages freed */
uint64_t zram_disk_compact(struct zram_disk *z);

/** zram_disk_mark_idle() - every page is idle until it is accessed again */
void zram_disk_mark_idle(struct zram_disk *z);

/**
 * zram_disk_writeback() - write pages to the backing file and free their objects
 * @z: the disk
 * @mode: which ones
 * @written: receives their number, also after an error
 *
 * Takes the entry's lock of each page, but not during a transfer; what was
 * accessed meanwhile stays in memory. Return: 0; -EAGAIN while another CPU
 * writes back or recompresses; -ENOSPC when the file is full; -EIO at the limit
 * on writeback; -ENOMEM; or the last error of a transfer.
 */
int zram_disk_writeback(struct zram_disk *z, enum zram_mode mode,
			uint64_t *written);

/**
 * zram_disk_recompress() - compress pages again with the secondary compressors
 * @z: the disk
 * @mode: which ones
 * @done: receives how many got smaller, also after an error
 *
 * An object is replaced when the new one is in a smaller size class. Return: 0;
 * -EINVAL without such a compressor; -EAGAIN while another CPU recompresses or
 * writes back; -ENOMEM; -EIO when a codec failed.
 */
int zram_disk_recompress(struct zram_disk *z, enum zram_mode mode,
			 uint64_t *done);

/**
 * zram_disk_round() - what an administrator's script does from time to time
 *
 * Recompress and write back what the spec says, among the pages that were idle
 * since the last round; then mark all pages idle. A failure to do so is counted
 * and leaves the pages where they are.
 * Return: pages written back.
 */
uint64_t zram_disk_round(struct zram_disk *z);

/** zram_disk_time() - as zswap_time() */
void zram_disk_time(struct zram_disk *z, struct stage_clock *clock);

/** zram_disk_stats() - read the counters; exact when no other thread runs */
void zram_disk_stats(const struct zram_disk *z, struct zram_disk_stats *stats);

/** zram_disk_object() - as zswap_object() */
bool zram_disk_object(const struct zram_disk *z, uint32_t index,
		      unsigned long *handle, size_t *length);

/** zram_disk_pools() - the disk's pool; it keeps ownership */
const struct swap_pools *zram_disk_pools(const struct zram_disk *z);

/**
 * zram_disk_validate() - check every entry and the pool; nothing else may run
 *
 * Return: 0, or -EIO with the first contradiction in @err.
 */
int zram_disk_validate(struct zram_disk *z, struct err *err);

#endif
