// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The form of 4.9 and 4.10. A handle is the page's address plus the buddy's
 * number, to which first_num is added modulo 4, so that the handle stays valid
 * when a middle object becomes the first. A page is compacted when one of its
 * objects is freed.
 *
 * lock=pool: pool->lock guards all of it.
 * lock=page: the per-page lock proposed at the end of 2016, with the changes
 * asked for in its review. pool->lock guards lists and LRU, a page's lock its
 * header; page_lock is taken first. A thread that takes a page off its list
 * owns the page and puts it back. A thread that frees an object of a page that
 * is on no list leaves everything else to the owner.
 */
#include <errno.h>

#include "backends/z3fold/z3fold.h"

static void whole_lock(struct z3fold_pool *pool)
{
	if (!pool->page_locks)
		spin_lock(&pool->lock);
}

static void whole_unlock(struct z3fold_pool *pool)
{
	if (!pool->page_locks)
		spin_unlock(&pool->lock);
}

static void lists_lock(struct z3fold_pool *pool)
{
	if (pool->page_locks)
		spin_lock(&pool->lock);
}

static void lists_unlock(struct z3fold_pool *pool)
{
	if (pool->page_locks)
		spin_unlock(&pool->lock);
}

static void z3fold_page_lock(struct z3fold_pool *pool,
			     struct z3fold_header *zhdr)
{
	if (pool->page_locks)
		spin_lock(&zhdr->page_lock);
}

static void z3fold_page_unlock(struct z3fold_pool *pool,
			       struct z3fold_header *zhdr)
{
	if (pool->page_locks)
		spin_unlock(&zhdr->page_lock);
}

static unsigned long encode_handle(const struct z3fold_pool *pool,
				   const struct z3fold_header *zhdr,
				   enum buddy bud)
{
	return (unsigned long)page_addr(pool, zhdr) +
	       ((bud + zhdr->first_num) & 3);
}

static enum buddy handle_to_buddy(const struct z3fold_header *zhdr,
				  unsigned long handle)
{
	return (handle - zhdr->first_num) & 3;
}

static struct list_head *list_of(struct z3fold_pool *pool,
				 const struct z3fold_header *zhdr)
{
	return z3fold_full(zhdr)
		       ? &pool->buddied
		       : &pool->unbuddied[z3fold_num_free_chunks(pool, zhdr)];
}

/* Lists the page, so that it can be found, and puts it first in the LRU. */
static inline __attribute__((always_inline)) void
list_page(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	z3fold_assert_locked(pool, zhdr);
	lists_lock(pool);
	list_add(&zhdr->buddy, list_of(pool, zhdr));
	z3fold_lru_touch(pool, zhdr);
	lists_unlock(pool);
}

void z3fold_early_init(struct z3fold_pool *pool)
{
	unsigned i;

	for (i = 0; i < TOTAL_CHUNKS; i++)
		INIT_LIST_HEAD(&pool->unbuddied[i]);
	INIT_LIST_HEAD(&pool->buddied);
}

/* Takes a page with room off its list. */
static struct z3fold_header *take_page(struct z3fold_pool *pool,
				       unsigned chunks)
{
	struct z3fold_header *zhdr;
	unsigned i;

	lockdep_assert_held(&pool->lock);
	for (i = chunks; i <= pool->nchunks; i++) {
		if (list_empty(&pool->unbuddied[i]))
			continue;
		zhdr = list_first_entry(&pool->unbuddied[i],
					struct z3fold_header, buddy);
		list_del_init(&zhdr->buddy);
		return zhdr;
	}
	return NULL;
}

int z3fold_early_malloc(struct zpool *zpool, size_t size, unsigned long *handle)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr;
	enum buddy bud = FIRST;
	unsigned chunks;
	int ret;

	ret = z3fold_refuses(pool, size);
	if (ret)
		return ret;
	chunks = size_to_chunks(size, pool->chunk_shift);
	if (z3fold_headless(pool, size)) {
		zhdr = z3fold_malloc_headless(pool);
		*handle = (unsigned long)page_addr(pool, zhdr);
		return zhdr ? 0 : -ENOMEM;
	}
	whole_lock(pool);
	lists_lock(pool);
	zhdr = take_page(pool, chunks);
	lists_unlock(pool);
	if (zhdr) {
		z3fold_page_lock(pool, zhdr);
		bud = z3fold_get_free_buddy(pool, zhdr, chunks);
	} else {
		whole_unlock(pool);
		zhdr = z3fold_new_page(pool, false);
		if (!zhdr)
			return -ENOMEM;
		whole_lock(pool);
		z3fold_page_lock(pool, zhdr);
	}
	z3fold_place(pool, zhdr, bud, chunks);
	*handle = encode_handle(pool, zhdr, bud);
	atomic_long_inc(&pool->objects);
	list_page(pool, zhdr);
	z3fold_page_unlock(pool, zhdr);
	whole_unlock(pool);
	return 0;
}

/* Debug builds: checks that need no lock. */
static void check_address(struct z3fold_pool *pool, const char *call,
			  unsigned long handle)
{
	struct arena *a = pool->zpool.arena;
	const char *why = NULL;

	if (!chunk_debug())
		return;
	if (!addr_in_arena(a, (void *)handle) ||
	    addr_pfn(a, (void *)handle) >= READ_ONCE(a->never_used) ||
	    (handle & (page_bytes(pool) - 1)) > 3)
		why = "no such handle was ever given out";
	else if (!atomic_read(
			 &page_desc(pool, handle_to_z3fold_header(pool, handle))
				  ->note.used))
		why = "its page was freed";
	z3fold_bad_handle(pool, call, HEADLESS, handle, why);
}

/* Debug builds: checks the header. */
static void check_object(struct z3fold_pool *pool, const char *call,
			 struct z3fold_header *zhdr, enum buddy bud,
			 unsigned long handle)
{
	z3fold_assert_locked(pool, zhdr);
	if (!chunk_debug())
		return;
	if (bud == HEADLESS || !*z3fold_chunks(zhdr, bud))
		z3fold_bad_handle(pool, call, bud, handle,
				  "it was freed already or never given out");
}

/* The caller owns the page, which is off its list and has lost an object. */
static void put_back(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	z3fold_compact_page(pool, zhdr);
	lists_lock(pool);
	list_add(&zhdr->buddy, list_of(pool, zhdr));
	lists_unlock(pool);
}

/* Return: whether the page is empty and the caller has to free it. */
static bool free_object(struct z3fold_pool *pool, struct z3fold_header *zhdr,
			enum buddy bud)
{
	bool owned, empty;

	z3fold_assert_locked(pool, zhdr);
	if (zhdr->claimed) {
		zhdr->freed |= 1 << bud;
		return false;
	}
	*z3fold_chunks(zhdr, bud) = 0;
	if (bud == MIDDLE)
		zhdr->start_middle = 0;
	empty = z3fold_empty(zhdr);
	lists_lock(pool);
	owned = list_empty(&zhdr->buddy);
	if (!owned) {
		list_del_init(&zhdr->buddy);
		if (empty)
			list_del_init(&page_desc(pool, zhdr)->lru);
	}
	lists_unlock(pool);
	if (owned)
		return false;
	if (!empty)
		put_back(pool, zhdr);
	return empty;
}

void z3fold_early_free(struct zpool *zpool, unsigned long handle)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr = handle_to_z3fold_header(pool, handle);
	enum buddy bud;
	bool last;

	check_address(pool, "free", handle);
	if (page_desc(pool, zhdr)->headless) {
		z3fold_check_unmapped(pool, zhdr, HEADLESS, handle);
		z3fold_free_headless(pool, zhdr);
		return;
	}
	whole_lock(pool);
	z3fold_page_lock(pool, zhdr);
	bud = handle_to_buddy(zhdr, handle);
	check_object(pool, "free", zhdr, bud, handle);
	z3fold_check_unmapped(pool, zhdr, bud, handle);
	atomic_long_dec(&pool->objects);
	last = free_object(pool, zhdr, bud);
	z3fold_page_unlock(pool, zhdr);
	whole_unlock(pool);
	if (last)
		z3fold_free_page(pool, zhdr);
}

/* A mapping begins or ends. */
static inline __attribute__((always_inline)) void *
change_mapping(struct zpool *zpool, unsigned long handle, bool begins,
	       enum zpool_mapmode mode)
{
	const char *call = begins ? "map" : "unmap";
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr = handle_to_z3fold_header(pool, handle);
	enum buddy bud;
	char *addr;

	check_address(pool, call, handle);
	if (page_desc(pool, zhdr)->headless) {
		z3fold_note_map(pool, zhdr, HEADLESS, handle, begins, mode);
		return page_addr(pool, zhdr);
	}
	whole_lock(pool);
	z3fold_page_lock(pool, zhdr);
	bud = handle_to_buddy(zhdr, handle);
	check_object(pool, call, zhdr, bud, handle);
	addr = z3fold_mapping(pool, zhdr, bud, handle, begins, mode);
	z3fold_page_unlock(pool, zhdr);
	whole_unlock(pool);
	return addr;
}

void *z3fold_early_map(struct zpool *zpool, unsigned long handle,
		       enum zpool_mapmode mode)
{
	return frame_map(zpool->arena,
			 change_mapping(zpool, handle, true, mode), handle,
			 mode != ZPOOL_MM_RO);
}

void z3fold_early_unmap(struct zpool *zpool, unsigned long handle)
{
	change_mapping(zpool, handle, false, ZPOOL_MM_RO);
	frame_unmap(zpool->arena, handle);
}

/* A page on no list is already owned by another thread. */
static bool claim(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	lockdep_assert_held(&pool->lock);
	if (list_empty(&zhdr->buddy))
		return false;
	list_del_init(&zhdr->buddy);
	return true;
}

/*
 * The page is off lists and LRU. With lock=pool, pool->lock is held on entry
 * and released here. Return: whether the page was freed.
 */
static bool reclaim_objects(struct z3fold_pool *pool,
			    struct z3fold_header *zhdr)
{
	unsigned long handle[BUDDIES] = { 0 };
	enum buddy bud;
	bool empty;

	z3fold_page_lock(pool, zhdr);
	z3fold_assert_locked(pool, zhdr);
	zhdr->claimed = true;
	for (bud = FIRST; bud < BUDDIES; bud++)
		if (*z3fold_chunks(zhdr, bud))
			handle[bud] = encode_handle(pool, zhdr, bud);
	z3fold_page_unlock(pool, zhdr);
	whole_unlock(pool);

	z3fold_evict(pool, zhdr, handle);

	whole_lock(pool);
	z3fold_page_lock(pool, zhdr);
	for (bud = FIRST; bud < BUDDIES; bud++)
		if (zhdr->freed & 1 << bud)
			*z3fold_chunks(zhdr, bud) = 0;
	if (!zhdr->middle_chunks)
		zhdr->start_middle = 0;
	zhdr->freed = 0;
	zhdr->claimed = false;
	empty = z3fold_empty(zhdr);
	if (!empty)
		list_page(pool, zhdr);
	z3fold_page_unlock(pool, zhdr);
	whole_unlock(pool);
	if (empty)
		z3fold_free_page(pool, zhdr);
	return empty;
}

static int reclaim_page(struct zpool *zpool)
{
	return z3fold_reclaim_page(z3fold(zpool), claim, reclaim_objects, 0);
}

int z3fold_early_shrink(struct zpool *zpool, unsigned pages,
			unsigned *reclaimed)
{
	return chunk_shrink(zpool, pages, reclaimed, reclaim_page);
}

void z3fold_early_locate(struct zpool *zpool, unsigned long handle,
			 struct zpool_location *loc)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr = handle_to_z3fold_header(pool, handle);

	loc->pfn = header_pfn(pool, zhdr);
	loc->indexed = false;
	loc->at = 0;
	if (page_desc(pool, zhdr)->headless)
		return;
	whole_lock(pool);
	z3fold_page_lock(pool, zhdr);
	loc->at = z3fold_offset(pool, zhdr, handle_to_buddy(zhdr, handle));
	z3fold_page_unlock(pool, zhdr);
	whole_unlock(pool);
}

static int check_listed(struct z3fold_pool *pool, struct z3fold_header *zhdr,
			struct err *err)
{
	if (!list_empty(&zhdr->buddy))
		return 0;
	return err_set(err, -EIO, "z3fold: page %u is on no list",
		       header_pfn(pool, zhdr));
}

int z3fold_early_validate(struct zpool *zpool, struct err *err)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr;
	struct list_head *node;
	unsigned i;

	for (i = 0; i < TOTAL_CHUNKS; i++)
		if (z3fold_check_list(pool, &pool->unbuddied[i], i, err))
			return -EIO;
	list_for_each (node, &pool->buddied) {
		zhdr = list_entry(node, struct z3fold_header, buddy);
		if (!z3fold_full(zhdr))
			return err_set(err, -EIO,
				       "z3fold: page %u has room, and is on "
				       "the list of full pages",
				       header_pfn(pool, zhdr));
	}
	return z3fold_check_pages(pool, check_listed, err);
}
