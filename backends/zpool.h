/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface between the swap path and an allocator of compressed pages.
 *
 * The calls have the names and behaviour of the kernel's zpool (removed in
 * 6.18): map and unmap as up to 6.14, obj_read_begin, obj_read_end and
 * obj_write as from 6.15. An allocator does not know its caller.
 *
 * A new allocator is one file with one struct zpool_driver, declared in
 * drivers.h and listed in zpool.c, or a shared object that exports
 *	const struct zpool_driver zlab_backend;
 * built against this directory's headers and loaded with --backend ./mine.so.
 */
#ifndef ZLAB_ZPOOL_H
#define ZLAB_ZPOOL_H

#include <stdio.h>

#include "backends/page.h"
#include "lib/spec.h"

/* Increment after any change of the interface or of inline code. */
#define ZPOOL_ABI_VERSION 7

/**
 * enum zpool_flavour - build options that change these headers' inline code
 * @ZPOOL_DEBUG: ZLAB_DEBUG: every lock call is checked
 * @ZPOOL_NO_STATS: SYNC_NO_STATS: locks are not counted
 * @ZPOOL_VIRTUAL: SYNC_VIRTUAL: for virtual CPUs
 * @ZPOOL_GHOST: ARENA_GHOST: for frames without memory
 */
enum zpool_flavour {
	ZPOOL_DEBUG = 1,
	ZPOOL_NO_STATS = 2,
	ZPOOL_VIRTUAL = 4,
	ZPOOL_GHOST = 8,
};

#ifdef ZLAB_DEBUG
#define ZPOOL_ABI_DEBUG ZPOOL_DEBUG
#else
#define ZPOOL_ABI_DEBUG 0
#endif
#ifdef SYNC_NO_STATS
#define ZPOOL_ABI_STATS ZPOOL_NO_STATS
#else
#define ZPOOL_ABI_STATS 0
#endif
#define ZPOOL_ABI_GHOST (FRAMES_GHOST ? ZPOOL_GHOST : 0)
#ifdef SYNC_VIRTUAL
#define ZPOOL_ABI_VIRTUAL ZPOOL_VIRTUAL
#define ZPOOL_ABI_SPIN "virtual"
#define ZPOOL_ABI_CPU(X)
#else
#define ZPOOL_ABI_TEXT_(x) #x
#define ZPOOL_ABI_TEXT(x) ZPOOL_ABI_TEXT_(x)
#define ZPOOL_ABI_VIRTUAL 0
#define ZPOOL_ABI_SPIN ZPOOL_ABI_TEXT(SYNC_SPIN)
#define ZPOOL_ABI_CPU(X) X(sync_cpu)
#endif

/* The structures that a backend and these headers' inline code access. */
#define ZPOOL_ABI_STRUCTS(X) \
	X(zpool_driver)      \
	X(zpool)             \
	X(zpool_config)      \
	X(zpool_stats) X(spec_option) X(arena) X(lock_site) ZPOOL_ABI_CPU(X)
#define ZPOOL_ABI_ENUM(name) ZPOOL_ABI_##name,
#define ZPOOL_ABI_SIZE(name) [ZPOOL_ABI_##name] = sizeof(struct name),

enum zpool_abi_struct {
	ZPOOL_ABI_STRUCTS(ZPOOL_ABI_ENUM) ZPOOL_ABI_SIZES
};

/**
 * struct zpool_abi - the headers and options a backend was compiled with
 * @version: ZPOOL_ABI_VERSION
 * @flavour: enum zpool_flavour, or'ed
 * @spin: the kind of spinlock, as SPIN= names it
 * @size: bytes of each structure
 */
struct zpool_abi {
	unsigned version, flavour;
	const char *spin;
	unsigned size[ZPOOL_ABI_SIZES];
};

#define ZPOOL_ABI                                               \
	(&(const struct zpool_abi){                             \
		.version = ZPOOL_ABI_VERSION,                   \
		.flavour = ZPOOL_ABI_DEBUG | ZPOOL_ABI_STATS |  \
			   ZPOOL_ABI_VIRTUAL | ZPOOL_ABI_GHOST, \
		.spin = ZPOOL_ABI_SPIN,                         \
		.size = { ZPOOL_ABI_STRUCTS(ZPOOL_ABI_SIZE) } })

/**
 * enum zpool_mapmode - what a mapping is for
 * @ZPOOL_MM_RW: read and write
 * @ZPOOL_MM_RO: read; nothing is copied out at unmap
 * @ZPOOL_MM_WO: write; nothing is copied in at map, all of it is overwritten
 */
enum zpool_mapmode {
	ZPOOL_MM_RW,
	ZPOOL_MM_RO,
	ZPOOL_MM_WO
};

/**
 * enum zpool_caps - what a pool, with its options, can do
 * @ZPOOL_EVICTABLE: shrink evicts objects through the evict callback
 * @ZPOOL_MOVABLE: migrate can replace a frame
 * @ZPOOL_COMPACTABLE: compact can free pages
 * @ZPOOL_SLEEP_MAPPED: the caller may sleep between map and unmap
 * @ZPOOL_NEEDS_FRAMES: frames must have memory (they hold links or headers)
 * @ZPOOL_DEFERS: queues deferred work that settle or run_work runs
 * @ZPOOL_NO_CONTENTS: keeps no bytes; what is read back is undefined
 */
enum zpool_caps {
	ZPOOL_EVICTABLE = 1,
	ZPOOL_MOVABLE = 2,
	ZPOOL_COMPACTABLE = 4,
	ZPOOL_SLEEP_MAPPED = 8,
	ZPOOL_NEEDS_FRAMES = 16,
	ZPOOL_DEFERS = 32,
	ZPOOL_NO_CONTENTS = 64,
};

/* What a pool says of frames whose bytes it uses by page.h's calls alone. */
#define ZPOOL_IN_FRAMES (FRAMES_GHOST ? ZPOOL_NO_CONTENTS : ZPOOL_NEEDS_FRAMES)

struct zpool;

/**
 * typedef zpool_evict_t - asks the pool's user to write an object back
 * @pool: the pool that evicts the object
 * @handle: the object; the user frees it with the driver's free when it is
 *	    written
 * @object: its bytes, or NULL when the user has to map it to see them. Another
 *	    CPU may be writing them for the first time or have freed them just
 *	    now, so only words stored with WRITE_ONCE may be read
 * @arg: what was given to zpool_create()
 *
 * Called from shrink without any lock of the pool held. Return: 0 when the
 * object was freed, or a negative errno when it must stay.
 */
typedef int (*zpool_evict_t)(struct zpool *pool, unsigned long handle,
			     const void *object, void *arg);

/**
 * struct zpool_config - configuration common to all allocators
 * @arena: the pool's frames; desc_size is ignored, the allocator sets it
 * @evict: called by shrink for each object to evict, or NULL
 * @evict_arg: argument of @evict
 */
struct zpool_config {
	struct arena_config arena;
	zpool_evict_t evict;
	void *evict_arg;
};

/**
 * struct zpool_stats - the state of a pool
 * @pages: frames in use, in units of the arena's page size
 * @pages_peak: most frames that were in use at once
 * @objects: live objects
 * @object_bytes: sum of their requested sizes; 0 where the allocator does not
 *		  record sizes (the kernel's do not)
 * @slots: objects that fit into the pages in use (zs obj_allocated); 0 where
 *	   the allocator has no slots
 * @metadata_bytes: handles, descriptors and tables, outside the frames
 * @resident_bytes: resident memory of the pool, where it is not pages times
 *		    page size (jemalloc); 0 = pages times page size
 * @compacted_pages: pages that compaction freed since creation
 * @moved_objects: objects that were copied to another place since creation
 * @moved_bytes: bytes of those copies
 * @migrated_pages: frames replaced since creation
 * @migrate_busy: failed attempts to replace a frame, because it was in use
 */
struct zpool_stats {
	uint64_t pages, pages_peak;
	uint64_t objects, object_bytes;
	uint64_t slots;
	uint64_t metadata_bytes;
	uint64_t resident_bytes;
	uint64_t compacted_pages;
	uint64_t moved_objects, moved_bytes;
	uint64_t migrated_pages, migrate_busy;
};

/**
 * struct zpool_location - where an object is
 * @pfn: frame of its first byte
 * @at: its index in its zspage (zsmalloc) or its byte offset in the frame
 * @indexed: @at is an index
 */
struct zpool_location {
	pfn_t pfn;
	unsigned at;
	bool indexed;
};

/**
 * struct zpool_class - one size class, for the table of "zlab classes"
 * @slot: number of the logical class
 * @index: class that serves this size (equals @slot unless merged)
 * @size: bytes of a slot
 * @pages: pages of a zspage
 * @objects: slots of a zspage
 * @waste: bytes at the end of a zspage that no slot covers
 * @spanning: slots of a zspage that cross a page boundary
 * @huge: a single object that fills a single page
 * @inuse: live objects now
 * @allocated: slots in existence now
 */
struct zpool_class {
	unsigned slot, index, size, pages, objects, waste, spanning;
	bool huge;
	uint64_t inuse, allocated;
};

/*
 * Number of operations between two runs of all deferred work, where neither the
 * caller nor a kernel's log determines it. A kernel's worker runs when it gets
 * the CPU. With 300, z3fold's page counts at the settled checkpoints of 6.1's
 * logs are reproduced within 1 % or one page; values from 140 to 400 are nearly
 * as good. With 1 the error is at most 1.2 % where the pool is not nearly
 * empty, with 1000 it is 2.5 %.
 */
#define ZPOOL_SETTLE_EVERY 300u

/**
 * struct zpool_driver - an allocator
 *
 * Optional calls may be NULL; map and unmap may be NULL where obj_read_begin,
 * obj_read_end and obj_write are set. No call may be made with a lock of the
 * pool held. Several CPUs may make calls on one pool at once, except create,
 * destroy and validate.
 *
 * @abi: ZPOOL_ABI: the headers and options the driver was compiled with
 * @spec: its name, options and presets
 * @summary: one line for "zlab backends"
 * @source: describes the source code when it is not part of this project: a
 *	    JSON object (file, sha256, git, flags) that is written to result
 *	    records as "source"; NULL otherwise
 * @create: make a pool. @params is what spec_parse() filled from @spec. Return:
 *	    the pool, first member struct zpool filled in (arena, caps), or NULL
 *	    with the error set (options that contradict each other, no memory).
 *	    It may set the pool's driver to a table of its own, whose calls are
 *	    made for these options; the table lives as long as the pool
 * @destroy: free the pool and all objects still in it
 * @malloc: allocate @size bytes; a handle is not 0. Return: 0; -EINVAL for size
 *	    0; -ENOSPC when @size is larger than this allocator's largest size;
 *	    -ENOMEM
 * @free: free an object, which must not be mapped
 * @map: address of the object's bytes, valid on this CPU until unmap; one
 *	 mapping per CPU at a time unless ZPOOL_SLEEP_MAPPED
 * @unmap: end a mapping
 * @obj_read_begin: address of @len readable bytes, either in place or in
 *		    @local_copy, which has room for them; the object stays where
 *		    it is until read_end; several may be open at once where the
 *		    pool is ZPOOL_SLEEP_MAPPED. Optional
 * @obj_read_end: end of reading what read_begin returned as @mem. Optional
 * @obj_write: copy @len bytes into the object. Optional
 * @stats: fill in @stats; cheap enough to call at every checkpoint
 * @compact: move objects together and free pages. Return: pages freed; 0 at
 *	     once when another compaction is running. Optional
 * @can_compact: pages that compaction could free at most (the shrinker's
 *		 estimate). Optional
 * @shrink: evict objects until @pages pages were freed; *@reclaimed counts
 *	    them. Return: 0, -EINVAL nothing to evict, -EAGAIN gave up. Optional
 * @migrate: replace the frame @pfn by another one, as memory compaction does.
 *	     Return: 0, -EAGAIN when it is in use now, -ENOENT when the frame
 *	     holds no object of the pool, -ENOMEM. Optional
 * @settle: run all deferred work. Return: works run. Optional
 * @run_work: run the deferred work about the frame @pfn. Return: whether there
 *	      was one. Optional
 * @locate: where an object is now. Optional
 * @validate: walk every list, slot and handle. Return: 0, or -EIO with the
 *	      first contradiction in @err. Nothing else may run. Optional
 * @size_class: describe the logical class @slot. Return: 0, or -ENOENT after
 *		the last class. Optional
 * @largest: largest size that malloc takes, for @pool's options
 */
struct zpool_driver {
	const struct zpool_abi *abi;
	struct spec_desc spec;
	const char *summary;
	const char *source;
	struct zpool *(*create)(const struct zpool_config *config,
				const void *params, struct err *err);
	void (*destroy)(struct zpool *pool);
	int (*malloc)(struct zpool *pool, size_t size, unsigned long *handle);
	void (*free)(struct zpool *pool, unsigned long handle);
	void *(*map)(struct zpool *pool, unsigned long handle,
		     enum zpool_mapmode mode);
	void (*unmap)(struct zpool *pool, unsigned long handle);
	void *(*obj_read_begin)(struct zpool *pool, unsigned long handle,
				size_t len, void *local_copy);
	void (*obj_read_end)(struct zpool *pool, unsigned long handle,
			     size_t len, void *mem);
	void (*obj_write)(struct zpool *pool, unsigned long handle,
			  const void *mem, size_t len);
	void (*stats)(struct zpool *pool, struct zpool_stats *stats);
	unsigned long (*compact)(struct zpool *pool);
	unsigned long (*can_compact)(struct zpool *pool);
	int (*shrink)(struct zpool *pool, unsigned pages, unsigned *reclaimed);
	int (*migrate)(struct zpool *pool, pfn_t pfn);
	size_t (*settle)(struct zpool *pool);
	bool (*run_work)(struct zpool *pool, pfn_t pfn);
	void (*locate)(struct zpool *pool, unsigned long handle,
		       struct zpool_location *loc);
	int (*validate)(struct zpool *pool, struct err *err);
	int (*size_class)(struct zpool *pool, unsigned slot,
			  struct zpool_class *class);
	size_t (*largest)(struct zpool *pool);
};

/**
 * struct zpool - common part of all pools; first member of an allocator's own
 * @driver: its allocator
 * @arena: its frames; NULL for an allocator without frames (jemalloc, null)
 * @caps: enum zpool_caps
 * @spec: its full spec, with all defaults; set by zpool_create()
 * @evict: called by shrink for each object to evict; set by zpool_create()
 * @evict_arg: argument of @evict
 */
struct zpool {
	const struct zpool_driver *driver;
	struct arena *arena;
	unsigned caps;
	char *spec;
	zpool_evict_t evict;
	void *evict_arg;
};

/**
 * zpool_driver_find() - the allocator a spec names
 * @spec: "zbud", "zsmalloc@6.12:chain=4", "./mine.so:opt=1"
 * @err: receives the error line
 *
 * A name with a "/" is loaded as a shared object and stays loaded.
 * Return: the driver, or NULL with @err set (unknown name, with the list of
 * known names; not loadable; no zlab_backend in it; compiled with other headers
 * or options; no create or destroy in it).
 */
const struct zpool_driver *zpool_driver_find(const char *spec, struct err *err);

/**
 * zpool_driver_next() - walk the built-in allocators
 * @prev: the last one returned, or NULL for the first
 */
const struct zpool_driver *zpool_driver_next(const struct zpool_driver *prev);

/**
 * zpool_create() - make a pool from a spec
 *
 * Return: the pool, owned by the caller, or NULL with @err set; also where a
 * call that all pools need is missing, which the error line names.
 */
struct zpool *zpool_create(const char *spec, const struct zpool_config *config,
			   struct err *err);

/** zpool_destroy() - free a pool; NULL is allowed */
void zpool_destroy(struct zpool *pool);

/**
 * zpool_full_spec() - expand a spec to all options, without creating a pool
 * @spec: as for zpool_create()
 * @buf: receives it
 * @len: bytes in @buf
 * @err: receives the error line
 *
 * Return: 0 or a negative errno with @err set.
 */
int zpool_full_spec(const char *spec, char *buf, size_t len, struct err *err);

/**
 * zpool_read_begin() - read an object with obj_read_begin, or else with map
 * @pool: the pool
 * @handle: the object
 * @len: its size
 * @copy: room for @len bytes, used when the object is not in one piece
 *
 * Return: address of the bytes, valid until zpool_read_end().
 */
static inline void *zpool_read_begin(struct zpool *pool, unsigned long handle,
				     size_t len, void *copy)
{
	if (pool->driver->obj_read_begin)
		return pool->driver->obj_read_begin(pool, handle, len, copy);
	return pool->driver->map(pool, handle, ZPOOL_MM_RO);
}

/** zpool_read_end() - the end of zpool_read_begin(), which returned @mem */
static inline void zpool_read_end(struct zpool *pool, unsigned long handle,
				  size_t len, void *mem)
{
	if (pool->driver->obj_read_end)
		pool->driver->obj_read_end(pool, handle, len, mem);
	else
		pool->driver->unmap(pool, handle);
}

/** zpool_write() - fill an object with @len bytes of @mem */
static inline void zpool_write(struct zpool *pool, unsigned long handle,
			       const void *mem, size_t len)
{
	if (pool->driver->obj_write) {
		pool->driver->obj_write(pool, handle, mem, len);
		return;
	}
	__builtin_memcpy(pool->driver->map(pool, handle, ZPOOL_MM_WO), mem,
			 len);
	pool->driver->unmap(pool, handle);
}

#endif
