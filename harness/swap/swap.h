/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap path: a trace's operations, performed on a page, its slot and its
 * object. The path has four forms: through zswap, through zram, to a device
 * outside this program, and the direct form, which works like zswap without an
 * index, LRU or limit above the allocator. The direct form finds a slot by the trace's dense
 * key, so nearly all of its cost is the allocator and the codec.
 *
 * The direct form mirrors zswap_store(), zswap_load() and zswap_invalidate(): a
 * store to a live slot allocates the new object before it frees the old one; a
 * failed store frees the old object too, since it is stale; with exclusive
 * loads (the only form since 6.9) a load frees the object.
 *
 * Only one caller uses a slot at a time, as with the kernel's folio lock: a
 * replay with threads keeps the operations of a key in order.
 */
#ifndef ZLAB_SWAP_H
#define ZLAB_SWAP_H

#include <sys/types.h>

#include "harness/swap/codec.h"
#include "lib/hist.h"
#include "harness/measure/stage.h"
#include "harness/swap/pools.h"
#include "harness/swap/zram_disk.h"
#include "harness/swap/zswap.h"
#include "traces/zlt.h"

#define SWAP_PATTERN_SIZE 65536u /* every 16-bit offset */

/**
 * enum swap_object - meaning of the object column of a trace
 * @SWAP_SIZES: the object's size; its bytes are made up
 * @SWAP_TABLE: a content id; a table has its size, and its bytes are made up
 * @SWAP_PAGES: a content id whose page is compressed
 */
enum swap_object {
	SWAP_SIZES,
	SWAP_TABLE,
	SWAP_PAGES
};

/**
 * enum swap_settle - when an allocator's deferred work runs
 * @SWAP_SETTLE_OP: after each operation
 * @SWAP_SETTLE_KERNEL: after ZPOOL_SETTLE_EVERY operations of a CPU
 * @SWAP_SETTLE_MARK: at marks, compactions and the end
 * @SWAP_SETTLE_NEVER: at the end only
 */
enum swap_settle {
	SWAP_SETTLE_OP,
	SWAP_SETTLE_KERNEL,
	SWAP_SETTLE_MARK,
	SWAP_SETTLE_NEVER
};

/**
 * struct swap_device - keeps pages outside this program, such as a block device
 *
 * It compresses and allocates by itself; the path's own pools stay empty. The
 * calls are made by several CPUs at once, but never by two for the same key.
 *
 * @store: keep a page. Return: 0 or a negative errno
 * @load: read a page back; one that is not kept reads as anything. Return: the
 *	  same
 * @discard: forget a page, if it is kept. Return: the same
 * @compact: as swap_compact(). Optional
 * @stats: as swap_stats()
 * @arg: passed to all calls
 * @blank: store one repeated word instead of each page, and compare nothing
 *
 * Pages are CODEC_PAGE_SIZE bytes at an address that is a multiple of it.
 */
struct swap_device {
	int (*store)(void *arg, uint32_t key, const void *page);
	int (*load)(void *arg, uint32_t key, void *page);
	int (*discard)(void *arg, uint32_t key);
	uint64_t (*compact)(void *arg);
	void (*stats)(void *arg, struct zpool_stats *stats);
	void *arg;
	bool blank;
};

/**
 * struct swap_config - one swap path; the caller owns all pointers
 * @backend: spec of the allocator
 * @pools: pools, 1..SWAP_MAX_POOLS; a hash of the key chooses one
 * @pool: configuration of each pool
 * @codec: compressor, for SWAP_PAGES
 * @object: what the trace's objects are
 * @sizes: size by content id, for SWAP_TABLE
 * @infos: information on every content, or NULL; it lets SWAP_TABLE pages be
 *	   same-filled and SWAP_PAGES pages be verified
 * @contents: number of entries of @sizes and @infos
 * @keys: all keys are below this number
 * @exclusive: a load frees the object
 * @drop_unchanged: a store of the content that the slot already holds does
 *		    nothing, as when the swap cache kept an unchanged page
 * @keep_incompressible: a page whose object has at least @huge_limit bytes is
 *			 kept as it is, 4096 bytes, instead of being rejected
 * @huge_limit: 0 = a page. zram has its allocator's, see struct class_table.
 *		Direct path only, and not for SWAP_SIZES
 * @same_filled: pages of one repeated word are kept as a value
 * @free_first: a store frees what its slot holds before it makes the new object.
 *		Direct path only, and not for SWAP_SIZES
 * @verify: compare every load with what was stored
 * @api: calls that read and write objects
 * @settle: when deferred work runs
 * @sample: one of this many operations is timed; 1 = all, 0 = none
 * @seed: seed of made-up bytes and of the choice of samples
 * @zswap: the front end to go through, of which index, reclaim, second_chance,
 *	   max_pool_bytes, accept_percent and swap are read; NULL for the direct
 *	   path
 * @zram: the disk to go through, of which params, secondary, nr_secondary,
 *	  backing and blocks are read; or NULL. Then there is one pool
 * @device: the device to go to instead of the pools, or NULL
 * @reclaim_here: run the reclaim that a store queued right after it
 */
struct swap_config {
	const char *backend;
	unsigned pools;
	struct zpool_config pool;
	struct codec *codec;
	enum swap_object object;
	const uint16_t *sizes;
	const struct zlt_page_info *infos;
	uint64_t contents;
	uint64_t keys;
	bool exclusive;
	bool drop_unchanged;
	bool keep_incompressible;
	unsigned huge_limit;
	bool same_filled;
	bool free_first;
	bool verify;
	enum swap_api api;
	enum swap_settle settle;
	unsigned sample;
	uint64_t seed;
	const struct zswap_config *zswap;
	const struct zram_disk_config *zram;
	const struct swap_device *device;
	bool reclaim_here;
};

/* The slot holds a page. */
#define SWAP_LIVE 1
/* The slot's handle is the word that fills the page. */
#define SWAP_SAME 2
/* The slot's object is the page itself, uncompressed. */
#define SWAP_RAW 4

struct swap_slot {
	unsigned long handle;
	uint32_t content;
	uint16_t length;
	uint16_t flags;
};
_Static_assert(sizeof(struct swap_slot) <= 24, "the replayer's memory bar");

/**
 * struct swap_counts - counters of one CPU, named as in zswap where possible
 * @op: operations by enum zlt_op, the first three only
 * @same_filled_pages: stores that kept a value
 * @reject_compress_poor: stores refused since the page did not shrink, or the
 *			  allocator never accepts its size
 * @reject_compress_fail: stores refused since the codec failed
 * @reject_alloc_fail: stores refused since the allocator had no memory
 * @duplicate_entry: stores to a slot that held something
 * @unchanged: stores dropped since the slot held the same content
 * @incompressible: stores kept as 4096 bytes
 * @load_miss: loads of a slot that held nothing (released or never stored)
 * @invalidate_miss: invalidates of such a slot
 * @verified: loads that were compared
 * @stored_pages: slots filled less slots emptied
 * @stored_same: the part of @stored_pages that holds a value
 * @object_bytes: bytes of objects made less bytes of objects freed
 *
 * Other CPUs read the last three while this CPU is running.
 */
struct swap_counts {
	uint64_t op[3];
	uint64_t same_filled_pages;
	uint64_t reject_compress_poor;
	uint64_t reject_compress_fail;
	uint64_t reject_alloc_fail;
	uint64_t duplicate_entry;
	uint64_t unchanged;
	uint64_t incompressible;
	uint64_t load_miss;
	uint64_t invalidate_miss;
	uint64_t verified;
	int64_t stored_pages;
	int64_t stored_same;
	int64_t object_bytes;
};

/**
 * struct swap_times - the sampled operations of one CPU, by enum zlt_op
 * @samples: operations that were timed
 * @preempted: timed operations that were left out because the thread was
 *	       preempted
 * @ns: their time by operation and stage
 * @latency: their time in the swap path
 * @reclaim_ns: time of all reclaim by stage, exact
 */
struct swap_times {
	uint64_t samples[3];
	uint64_t preempted;
	uint64_t ns[3][STAGES];
	struct hist latency[3];
	uint64_t reclaim_ns[STAGES];
};

struct swap_cpu;

/**
 * typedef swap_form_t - performs operations in one form of the path
 *
 * As swap_run(), but runs deferred work only if due after every operation.
 */
typedef ssize_t (*swap_form_t)(struct swap_cpu *c, const uint8_t *op,
			       const uint32_t *key, const uint32_t *object,
			       size_t n);

/**
 * struct swap - a swap path
 * @config: its configuration
 * @form: performs operations
 * @pools: the pools; owned by @zswap or @zram if there is one
 * @zswap: the front end, or NULL
 * @zram: the disk, or NULL
 * @slots: slot of every key; with a front end or a device used only to verify
 *	   loads
 * @slots_bytes: memory of @slots
 * @pattern: bytes that made-up objects are copied from
 * @settle_op: deferred work runs after each operation
 * @settle_every: operations of a CPU between two runs of deferred work, or 0
 */
struct swap {
	struct swap_config config;
	swap_form_t form;
	struct swap_pools pools;
	struct zswap *zswap;
	struct zram_disk *zram;
	struct swap_slot *slots;
	size_t slots_bytes;
	char *pattern;
	bool settle_op;
	unsigned settle_every;
};

/**
 * struct swap_cpu - state of one CPU, used by that CPU only
 * @since_round: operations since the CPU's last zram_disk_round()
 * @aligned: page for a device's calls, or NULL without a device
 * @err: the line of a failed operation
 */
struct swap_cpu {
	struct swap *swap;
	struct zlt_cursor *cursor;
	uint32_t sample_left;
	uint32_t random;
	uint32_t next_content;
	uint32_t unsettled;
	uint32_t since_round;
	long nivcsw;
	struct stage_clock clock;
	struct swap_counts counts;
	struct swap_times times;
	void *aligned;
	struct err err;
	char page[CODEC_PAGE_SIZE] __attribute__((aligned(64)));
	char object[CODEC_DST_SIZE] __attribute__((aligned(64)));
	char copy[CODEC_DST_SIZE] __attribute__((aligned(64)));
} __attribute__((aligned(64)));

/**
 * swap_create() - a swap path with its pools
 *
 * Return: the path, or NULL with @err set: a bad spec, an api that the
 * allocator lacks, out of memory.
 */
struct swap *swap_create(const struct swap_config *config, struct err *err);

/** swap_destroy() - free a path with all objects; NULL is ignored */
void swap_destroy(struct swap *s);

/**
 * swap_cpu_create() - create the state of the calling CPU
 * @cursor: the CPU's own access to pages, for SWAP_PAGES; not owned
 *
 * Return: the state, freed by swap_cpu_destroy(), or NULL with @err set.
 */
struct swap_cpu *swap_cpu_create(struct swap *s, struct zlt_cursor *cursor,
				 struct err *err);
void swap_cpu_destroy(struct swap_cpu *c);

/**
 * swap_run() - perform consecutive operations
 * @c: the calling CPU's state
 * @op: enum zlt_op of each
 * @key: key of each, below config.keys
 * @object: object of each store
 * @n: how many
 *
 * Stops before any operation other than store, load and invalidate.
 * Return: operations performed, or a negative errno with @c->err set: -EIO when
 * a load returned wrong data or the allocator gave handle 0.
 */
ssize_t swap_run(struct swap_cpu *c, const uint8_t *op, const uint32_t *key,
		 const uint32_t *object, size_t n);

/** swap_settle() - run all deferred work of all pools */
void swap_settle(struct swap *s);

/**
 * swap_reclaim() - run the reclaim that a full front end queued
 * @times: receives the reclaim time; the calling CPU's own
 *
 * Return: entries written back.
 */
uint64_t swap_reclaim(struct swap *s, struct swap_times *times);

/** swap_compacts() - whether swap_compact() can do anything */
bool swap_compacts(const struct swap *s);

/** swap_compact() - compact all pools, or the device. Return: pages freed */
uint64_t swap_compact(struct swap *s);

/** swap_raw() - pages that are kept uncompressed now; direct path only */
uint64_t swap_raw(const struct swap *s);

/**
 * swap_stats() - the sum of the pools' statistics, or the device's
 *
 * objects and object_bytes come from the allocators, if they count them.
 */
void swap_stats(const struct swap *s, struct zpool_stats *stats);

/** swap_validate() - check every pool. Return: 0 or -EIO with @err set */
int swap_validate(struct swap *s, struct err *err);

/** swap_counts_add() - @to += @from; exact when @from's CPU is idle */
void swap_counts_add(struct swap_counts *to, const struct swap_counts *from);

/** swap_times_add() - @to += @from */
void swap_times_add(struct swap_times *to, const struct swap_times *from);

#endif
