/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap path: a trace's operations, performed on a page, its slot and its
 * object. It has two forms: through zswap, and the direct one, which does what
 * zswap does without an index, LRU or limit above the allocator. There a slot is
 * found by the trace's dense key, so the path itself costs next to nothing and
 * what is left is the allocator and the codec.
 *
 * The direct form mirrors zswap_store(), zswap_load() and zswap_invalidate(): a store to a live
 * slot takes room for the new object first and frees the old one afterwards; a
 * failed store frees the old one too, since it is stale; with exclusive loads
 * (the only form since 6.9) a load frees the object.
 *
 * A slot belongs to one caller at a time: the kernel's folio lock. Whoever
 * replays with threads keeps the operations of a key in order.
 */
#ifndef ZLAB_SWAP_H
#define ZLAB_SWAP_H

#include <sys/types.h>

#include "harness/swap/codec.h"
#include "lib/hist.h"
#include "harness/measure/stage.h"
#include "harness/swap/pools.h"
#include "harness/swap/zswap.h"
#include "traces/zlt.h"

#define SWAP_PATTERN_SIZE 65536u /* every 16-bit offset */

/**
 * enum swap_object - what the object column of a trace means to the path
 * @SWAP_SIZES: the object's size; its bytes are made up
 * @SWAP_TABLE: a content id whose size stands in a table; bytes made up
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
 * struct swap_config - one swap path; all pointers stay the caller's
 * @backend: spec of the allocator
 * @pools: pools, 1..SWAP_MAX_POOLS; a hash of the key chooses one
 * @pool: what each pool takes
 * @codec: compressor, for SWAP_PAGES
 * @object: what the trace's objects are
 * @sizes: size by content id, for SWAP_TABLE
 * @infos: what is known of every content, or NULL; with it a page of
 *	   SWAP_TABLE can be same-filled and one of SWAP_PAGES is verified
 * @contents: entries of @sizes and @infos
 * @keys: keys are below it
 * @exclusive: a load frees the object
 * @drop_unchanged: a store of what the slot holds already does nothing, as when
 *		    the swap cache kept an unchanged page
 * @keep_incompressible: a page that does not shrink is kept as 4096 bytes
 *			 instead of being rejected
 * @same_filled: pages of one repeated word are kept as a value
 * @verify: compare every load with what was stored
 * @api: calls that carry the bytes
 * @settle: when deferred work runs
 * @sample: one of this many operations is timed; 1 = all, 0 = none
 * @seed: of made-up bytes and of the choice of samples
 * @zswap: the front end to go through, of which index, reclaim, second_chance,
 *	   max_pool_bytes, accept_percent and swap are read; NULL for the direct
 *	   path
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
	bool same_filled;
	bool verify;
	enum swap_api api;
	enum swap_settle settle;
	unsigned sample;
	uint64_t seed;
	const struct zswap_config *zswap;
	bool reclaim_here;
};

/* What a slot holds. */
#define SWAP_LIVE 1
/* Its handle is the word that fills the page. */
#define SWAP_SAME 2
/* Its object is the page itself. */
#define SWAP_RAW 4

struct swap_slot {
	unsigned long handle;
	uint32_t content;
	uint16_t length;
	uint16_t flags;
};
_Static_assert(sizeof(struct swap_slot) <= 24, "the replayer's memory bar");

/**
 * struct swap_counts - what one CPU did; names as zswap's where it has them
 * @op: operations by enum zlt_op, of the first three
 * @same_filled_pages: stores that kept a value
 * @reject_compress_poor: stores refused since the page did not shrink, or is
 *			  of a size the allocator never takes
 * @reject_compress_fail: stores refused since the codec failed
 * @reject_alloc_fail: stores refused since the allocator had no memory
 * @duplicate_entry: stores to a slot that held something
 * @unchanged: stores dropped since the slot held the same
 * @incompressible: stores kept as 4096 bytes
 * @load_miss: loads of a slot that held nothing (released or never stored)
 * @invalidate_miss: invalidates of such a slot
 * @verified: loads that were compared
 * @stored_pages: slots filled less slots emptied
 * @stored_same: those of them that hold a value
 * @object_bytes: bytes of objects made less bytes of objects freed
 *
 * The last three are read by others while the CPU works.
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
 * @preempted: timed operations that were left out because the scheduler took
 *	       the CPU away meanwhile
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
 * As swap_run(), but leaves deferred work alone that is not due after every
 * operation.
 */
typedef ssize_t (*swap_form_t)(struct swap_cpu *c, const uint8_t *op,
			       const uint32_t *key, const uint32_t *object,
			       size_t n);

/**
 * struct swap - a swap path
 * @config: what it was made of
 * @form: how it performs operations
 * @pools: where objects go; with @zswap they are its own
 * @zswap: the front end, or NULL
 * @slots: of every key; with @zswap only what loads are compared with
 * @slots_bytes: their memory
 * @pattern: what made-up objects are cut from
 * @settle_op: deferred work runs after each operation
 * @settle_every: operations of a CPU between two runs of deferred work, or 0
 */
struct swap {
	struct swap_config config;
	swap_form_t form;
	struct swap_pools pools;
	struct zswap *zswap;
	struct swap_slot *slots;
	size_t slots_bytes;
	char *pattern;
	bool settle_op;
	unsigned settle_every;
};

/**
 * struct swap_cpu - what one CPU works with; nobody else touches it
 * @err: the line of a failed operation
 */
struct swap_cpu {
	struct swap *swap;
	struct zlt_cursor *cursor;
	uint32_t sample_left;
	uint32_t random;
	uint32_t next_content;
	uint32_t unsettled;
	long nivcsw;
	struct stage_clock clock;
	struct swap_counts counts;
	struct swap_times times;
	struct err err;
	char page[CODEC_PAGE_SIZE] __attribute__((aligned(64)));
	char object[CODEC_DST_SIZE] __attribute__((aligned(64)));
	char copy[CODEC_DST_SIZE] __attribute__((aligned(64)));
} __attribute__((aligned(64)));

/**
 * swap_create() - a swap path with its pools
 *
 * Return: it, or NULL with @err set: a bad spec, an api the allocator has not,
 * out of memory.
 */
struct swap *swap_create(const struct swap_config *config, struct err *err);

/** swap_destroy() - free it with all objects; NULL is ignored */
void swap_destroy(struct swap *s);

/**
 * swap_cpu_create() - what the calling CPU needs
 * @cursor: the CPU's own access to pages, for SWAP_PAGES; not owned
 *
 * Return: it, to be freed by swap_cpu_destroy(), or NULL with @err set.
 */
struct swap_cpu *swap_cpu_create(struct swap *s, struct zlt_cursor *cursor,
				 struct err *err);
void swap_cpu_destroy(struct swap_cpu *c);

/**
 * swap_run() - perform consecutive operations
 * @c: the calling CPU's own
 * @op: enum zlt_op of each
 * @key: key of each, below config.keys
 * @object: object of each store
 * @n: how many
 *
 * Stops before an operation that is none of store, load and invalidate.
 * Return: operations performed, or a negative errno with @c->err set: -EIO when
 * an object came back changed.
 */
ssize_t swap_run(struct swap_cpu *c, const uint8_t *op, const uint32_t *key,
		 const uint32_t *object, size_t n);

/** swap_settle() - run all deferred work of all pools */
void swap_settle(struct swap *s);

/**
 * swap_reclaim() - run the reclaim that a full front end queued
 * @times: where its time goes; the calling CPU's own
 *
 * Return: entries written back.
 */
uint64_t swap_reclaim(struct swap *s, struct swap_times *times);

/** swap_compact() - compact all pools. Return: pages freed */
uint64_t swap_compact(struct swap *s);

/**
 * swap_stats() - the pools' states added up
 *
 * Their objects and object_bytes are what the allocators say, where they do.
 */
void swap_stats(const struct swap *s, struct zpool_stats *stats);

/** swap_validate() - check every pool. Return: 0 or -EIO with @err set */
int swap_validate(struct swap *s, struct err *err);

/** swap_counts_add() - @to += @from; exact when @from's CPU does nothing */
void swap_counts_add(struct swap_counts *to, const struct swap_counts *from);

/** swap_times_add() - @to += @from */
void swap_times_add(struct swap_times *to, const struct swap_times *from);

#endif
