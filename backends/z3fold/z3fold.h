/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * z3fold: code shared by its two forms. A page has a header and up to three
 * objects: FIRST behind the header, LAST at the end, MIDDLE between them. An
 * object too large to leave a free chunk beside the header gets a page without
 * a header (HEADLESS).
 *
 * form=early (4.9, 4.10): one set of lists; a handle encodes page and buddy; a
 * page is compacted when one of its objects is freed.
 * form=late (5.5 to 6.14): lists per CPU; a handle is the address of a slot
 * that holds the object's location; deferred work compacts pages and moves an
 * object that is alone in its page into another page.
 */
#ifndef ZLAB_Z3FOLD_H
#define ZLAB_Z3FOLD_H

#include <errno.h>

#include "backends/chunk.h"
#include "backends/list.h"

/* The words that handles of form=late point to; see late.c. */
struct z3fold_buddy_slots;

/**
 * struct z3fold_header - a page's header
 * @buddy: link in a list of pages by free chunks; on no list while a thread
 *	   owns the page exclusively
 * @page_lock: guards all of the header but @buddy (lock=page)
 * @first_chunks: length of the first object, 0 = none
 * @middle_chunks: length of the middle object, 0 = none
 * @last_chunks: length of the last object, 0 = none
 * @start_middle: chunk in which the middle object starts, from the page's start
 * @first_num: added to a buddy's number in handles; counts how often a middle
 *	       object has become the first
 * @claimed: the page is being reclaimed
 * @needs_compacting: compaction of the page is queued
 * @foreign_handles: objects whose slot belongs to another page
 * @freed: buddies freed while the page was claimed, one bit each; their bytes
 *	   stay readable until the reclaim ends
 * @mapped: open mappings
 * @middle_mapped: open mappings of the middle object, which prevent moving it
 * @refcount: from here on form=late only: one reference for each object, and
 *	      one for each temporary user
 * @cpu: CPU whose list the page is on, or -1
 * @work: compaction
 * @slots: the words of the page's own handles, or NULL
 * @pool: the page's pool, for @work
 */
struct z3fold_header {
	struct list_head buddy;
	spinlock_t page_lock;
	uint16_t first_chunks, middle_chunks, last_chunks, start_middle;
	uint8_t first_num : 2, claimed : 1, needs_compacting : 1,
		foreign_handles : 2;
	uint8_t freed;
	uint8_t mapped, middle_mapped;

	atomic_t refcount;
	int16_t cpu;
	struct work work;
	struct z3fold_buddy_slots *slots;
	struct z3fold_pool *pool;
};
#define Z3FOLD_EARLY_HEADER offsetof(struct z3fold_header, refcount)
_Static_assert(Z3FOLD_EARLY_HEADER == 32, "as in 4.10");
_Static_assert(sizeof(struct z3fold_header) == 88, "as in 6.1");

/**
 * struct z3fold_page - descriptor of a frame
 * @note: state for debug builds; @note.used is kept by all builds
 * @lru: place in the pool's LRU; guarded by pool->lock
 * @headless: one object and no header; constant while the frame is used
 * @claimed: a headless page is being reclaimed; guarded by pool->lock
 * @freed: a headless page's object was freed while the page was claimed
 */
struct z3fold_page {
	struct chunk_note note;
	struct list_head lru;
	bool headless, claimed, freed;
};

struct z3fold_params {
	long long form, lock, header, slide, lru, leak, relist;
};

enum {
	FORM_EARLY,
	FORM_LATE
};
enum {
	LOCK_POOL,
	LOCK_PAGE
};

struct late_cpu;

/**
 * struct z3fold_pool - a pool
 * @lock: guards lists, LRU and page->claimed; with lock=pool everything
 * @page_locks: lock=page
 * @slide: compaction moves a middle object next to its neighbour
 * @late: form=late
 * @keep_lru: lru=on
 * @leak: leak=on
 * @chunk_shift: log2 of a chunk's bytes
 * @zhdr_chunks: chunks of a header
 * @nchunks: chunks behind it
 * @lru: pages, the page of the last allocation first
 * @unbuddied: form=early: pages by free chunks
 * @buddied: form=early: pages with three objects
 * @c_handle: form=late: handles
 * @wq: form=late: compaction of pages, and @work
 * @stale_lock: form=late: guards @stale
 * @stale: form=late: pages without objects, whose frames @work frees
 * @work: form=late: frees them
 * @cpu: form=late: lists per CPU
 * @cpus: form=late: 1 + the highest CPU that has used its lists
 */
struct z3fold_pool {
	struct zpool zpool;
	spinlock_t lock;
	bool page_locks, slide, late, keep_lru, leak;
	unsigned chunk_shift, zhdr_chunks, nchunks;
	struct list_head lru;
	atomic_long_t pages, objects, moved_objects, moved_bytes;
	struct list_head unbuddied[TOTAL_CHUNKS], buddied;
	struct slab *c_handle;
	struct workqueue wq;
	spinlock_t stale_lock;
	struct list_head stale;
	struct work work;
	struct late_cpu *cpu;
	atomic_t cpus;
};

static inline struct z3fold_pool *z3fold(struct zpool *zpool)
{
	return (struct z3fold_pool *)zpool;
}

static inline size_t page_bytes(const struct z3fold_pool *pool)
{
	return arena_page_size(pool->zpool.arena);
}

static inline struct z3fold_header *
handle_to_z3fold_header(const struct z3fold_pool *pool, unsigned long value)
{
	return addr_head(pool->zpool.arena, value,
			 sizeof(struct z3fold_header));
}

static inline pfn_t header_pfn(const struct z3fold_pool *pool,
			       const struct z3fold_header *zhdr)
{
	return head_pfn(pool->zpool.arena, zhdr, sizeof(*zhdr));
}

/** page_addr() - address of a page's first byte */
static inline char *page_addr(const struct z3fold_pool *pool,
			      const struct z3fold_header *zhdr)
{
	return head_addr(pool->zpool.arena, zhdr, sizeof(*zhdr));
}

static inline struct z3fold_page *page_desc(const struct z3fold_pool *pool,
					    const struct z3fold_header *zhdr)
{
	return pfn_desc(pool->zpool.arena, header_pfn(pool, zhdr));
}

/** z3fold_chunks() - length of one of a page's objects, in chunks */
static inline uint16_t *z3fold_chunks(struct z3fold_header *zhdr,
				      enum buddy bud)
{
	return bud == FIRST  ? &zhdr->first_chunks
	       : bud == LAST ? &zhdr->last_chunks
			     : &zhdr->middle_chunks;
}

/** z3fold_offset() - byte of the page at which one of its objects starts */
static inline size_t z3fold_offset(const struct z3fold_pool *pool,
				   const struct z3fold_header *zhdr,
				   enum buddy bud)
{
	size_t chunk = bud == FIRST  ? pool->zhdr_chunks
		       : bud == LAST ? TOTAL_CHUNKS - zhdr->last_chunks
				     : zhdr->start_middle;

	return chunk << pool->chunk_shift;
}

/** z3fold_object() - where one of a page's objects starts */
static inline void *z3fold_object(const struct z3fold_pool *pool,
				  const struct z3fold_header *zhdr,
				  enum buddy bud)
{
	return page_addr(pool, zhdr) + z3fold_offset(pool, zhdr, bud);
}

/** z3fold_full() - whether a page has all three objects */
static inline bool z3fold_full(const struct z3fold_header *zhdr)
{
	return zhdr->first_chunks && zhdr->middle_chunks && zhdr->last_chunks;
}

/** z3fold_empty() - whether a page has no object */
static inline bool z3fold_empty(const struct z3fold_header *zhdr)
{
	return !zhdr->first_chunks && !zhdr->middle_chunks &&
	       !zhdr->last_chunks;
}

/* Asserts that the lock that guards a page's header is held. */
static inline void z3fold_assert_locked(const struct z3fold_pool *pool,
					const struct z3fold_header *zhdr)
{
	if (pool->page_locks)
		lockdep_assert_held(&zhdr->page_lock);
	else
		lockdep_assert_held(&pool->lock);
}

/* Why no page can hold an object: -EINVAL without bytes, -ENOSPC. */
static inline __attribute__((always_inline)) int
z3fold_refuses(const struct z3fold_pool *pool, size_t size)
{
	if (!size)
		return -EINVAL;
	return size > page_bytes(pool) ? -ENOSPC : 0;
}

/* Whether an object leaves no free chunk beside a header. */
static inline __attribute__((always_inline)) bool
z3fold_headless(const struct z3fold_pool *pool, size_t size)
{
	return size > (size_t)(pool->nchunks - 1) << pool->chunk_shift;
}

/* z3fold.c */

/** z3fold_new_page() - take a frame. Return: its page, or NULL if none left */
struct z3fold_header *z3fold_new_page(struct z3fold_pool *pool, bool headless);

/** z3fold_forget_page() - the page is gone; the caller frees its frame later */
void z3fold_forget_page(struct z3fold_pool *pool, struct z3fold_header *zhdr);

/** z3fold_free_page() - free the frame; the page must be on no list */
void z3fold_free_page(struct z3fold_pool *pool, struct z3fold_header *zhdr);

/** z3fold_num_free_chunks() - largest object that surely fits, in chunks */
unsigned z3fold_num_free_chunks(const struct z3fold_pool *pool,
				const struct z3fold_header *zhdr);

/** z3fold_get_free_buddy() - buddy for an object of @chunks; HEADLESS = none */
enum buddy z3fold_get_free_buddy(const struct z3fold_pool *pool,
				 const struct z3fold_header *zhdr,
				 unsigned chunks);

/** z3fold_place() - make @bud an object of @chunks */
void z3fold_place(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		  enum buddy bud, unsigned chunks);

/** z3fold_compact_page() - move a middle object so that free chunks join */
void z3fold_compact_page(struct z3fold_pool *pool, struct z3fold_header *zhdr);

/** z3fold_lru_touch() - put a page first in the LRU */
static inline void z3fold_lru_touch(struct z3fold_pool *pool,
				    struct z3fold_header *zhdr)
{
	struct z3fold_page *page = page_desc(pool, zhdr);

	lockdep_assert_held(&pool->lock);
	if (!pool->keep_lru)
		return;
	list_del_init(&page->lru);
	list_add(&page->lru, &pool->lru);
}

/**
 * z3fold_malloc_headless() - allocate a page for one object
 *
 * Return: its page, or NULL when there is no frame.
 */
struct z3fold_header *z3fold_malloc_headless(struct z3fold_pool *pool);

/** z3fold_free_headless() - free a headless page's object */
void z3fold_free_headless(struct z3fold_pool *pool, struct z3fold_header *zhdr);

/**
 * z3fold_evict() - evict the objects of a claimed page: MIDDLE, FIRST, LAST
 * @handle: handles by buddy, 0 where there is no object
 */
void z3fold_evict(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		  const unsigned long *handle);

/**
 * z3fold_reclaim_page() - evict the objects of the oldest page that is free to
 * claim
 * @pool: the pool
 * @claim: claims a page with a header, found in the LRU, and takes it off its
 *	   list; returns whether it succeeded. Called with pool->lock held
 * @objects: evicts the objects; returns whether the page was freed. With
 *	     lock=pool it is called with pool->lock held and releases it
 * @mark: or'ed to a headless page's address to make its handle
 *
 * Return: 0 when a page was freed; -EINVAL without pages or evict callback;
 * -EAGAIN when all tries failed.
 */
int z3fold_reclaim_page(struct z3fold_pool *pool,
			bool (*claim)(struct z3fold_pool *pool,
				      struct z3fold_header *zhdr),
			bool (*objects)(struct z3fold_pool *pool,
					struct z3fold_header *zhdr),
			unsigned long mark);

/** z3fold_check_page() - check a page's header. Return: 0 or -EIO */
int z3fold_check_page(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		      struct err *err);

/**
 * z3fold_check_pages() - walk every frame in use
 * @check: the form's own check of a page with a header; may be NULL
 */
int z3fold_check_pages(struct z3fold_pool *pool,
		       int (*check)(struct z3fold_pool *pool,
				    struct z3fold_header *zhdr,
				    struct err *err),
		       struct err *err);

/** z3fold_check_list() - check that each page on a list has @chunks free */
int z3fold_check_list(struct z3fold_pool *pool, const struct list_head *list,
		      unsigned chunks, struct err *err);

/** z3fold_bad_handle() - exit with a message when @why is not NULL */
static inline void z3fold_bad_handle(struct z3fold_pool *pool, const char *call,
				     enum buddy bud, unsigned long handle,
				     const char *why)
{
	static const char *const name[] = { "headless", "first", "middle",
					    "last" };

	if (why)
		chunk_bad_handle(&pool->zpool, call, name[bud], handle, why);
}

/** z3fold_check_unmapped() - debug builds: exit if a freed object is mapped */
static inline void z3fold_check_unmapped(struct z3fold_pool *pool,
					 struct z3fold_header *zhdr,
					 enum buddy bud, unsigned long handle)
{
	if (chunk_debug() &&
	    atomic_read(&page_desc(pool, zhdr)->note.mapped[bud]))
		z3fold_bad_handle(pool, "free", bud, handle, "it is mapped");
}

/** z3fold_note_map() - debug builds: a mapping of @bud begins or ends */
void z3fold_note_map(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		     enum buddy bud, unsigned long handle, bool begins,
		     enum zpool_mapmode mode);

/** z3fold_mapping() - a mapping begins or ends. Return: the object's address */
static inline void *z3fold_mapping(struct z3fold_pool *pool,
				   struct z3fold_header *zhdr, enum buddy bud,
				   unsigned long handle, bool begins,
				   enum zpool_mapmode mode)
{
	int by = begins ? 1 : -1;

	z3fold_assert_locked(pool, zhdr);
	z3fold_note_map(pool, zhdr, bud, handle, begins, mode);
	zhdr->mapped += by;
	if (bud == MIDDLE)
		zhdr->middle_mapped += by;
	return z3fold_object(pool, zhdr, bud);
}

/* early.c */
void z3fold_early_init(struct z3fold_pool *pool);
int z3fold_early_malloc(struct zpool *zpool, size_t size,
			unsigned long *handle);
void z3fold_early_free(struct zpool *zpool, unsigned long handle);
void *z3fold_early_map(struct zpool *zpool, unsigned long handle,
		       enum zpool_mapmode mode);
void z3fold_early_unmap(struct zpool *zpool, unsigned long handle);
int z3fold_early_shrink(struct zpool *zpool, unsigned pages,
			unsigned *reclaimed);
void z3fold_early_locate(struct zpool *zpool, unsigned long handle,
			 struct zpool_location *loc);
int z3fold_early_validate(struct zpool *zpool, struct err *err);

/* late.c */
int z3fold_late_init(struct z3fold_pool *pool, struct err *err);
void z3fold_late_exit(struct z3fold_pool *pool);
size_t z3fold_late_bytes(struct z3fold_pool *pool);
int z3fold_late_malloc(struct zpool *zpool, size_t size, unsigned long *handle);
void z3fold_late_free(struct zpool *zpool, unsigned long handle);
void z3fold_late_free_510(struct zpool *zpool, unsigned long handle);
void *z3fold_late_map(struct zpool *zpool, unsigned long handle,
		      enum zpool_mapmode mode);
void z3fold_late_unmap(struct zpool *zpool, unsigned long handle);
int z3fold_late_shrink(struct zpool *zpool, unsigned pages,
		       unsigned *reclaimed);
int z3fold_late_shrink_510(struct zpool *zpool, unsigned pages,
			   unsigned *reclaimed);
size_t z3fold_late_settle(struct zpool *zpool);
bool z3fold_late_run_work(struct zpool *zpool, pfn_t pfn);
void z3fold_late_locate(struct zpool *zpool, unsigned long handle,
			struct zpool_location *loc);
int z3fold_late_validate(struct zpool *zpool, struct err *err);

#endif
