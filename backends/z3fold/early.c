// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The form of 4.9 and 4.10. A handle is the page's address plus the buddy's
 * number, turned by first_num so that it stays right when a middle object
 * becomes the first. A page is compacted when one of its objects is freed.
 *
 * lock=pool: pool->lock guards all of it.
 * lock=page: the lock that was put into each page at the end of 2016, with what
 * its review asked for. pool->lock guards lists and LRU, a page's lock its
 * header; page_lock is taken first. Whoever takes a page off its list owns it
 * and puts it back: somebody who frees an object of a page that is on no list
 * leaves everything else to the owner.
 */
#include <errno.h>

#include "backends/z3fold/z3fold.h"

static void whole_lock(struct z3fold_pool *p)
{
	if (!p->page_locks)
		spin_lock_named(&p->lock, "pool->lock");
}

static void whole_unlock(struct z3fold_pool *p)
{
	if (!p->page_locks)
		spin_unlock(&p->lock);
}

static void lists_lock(struct z3fold_pool *p)
{
	if (p->page_locks)
		spin_lock_named(&p->lock, "pool->lock");
}

static void lists_unlock(struct z3fold_pool *p)
{
	if (p->page_locks)
		spin_unlock(&p->lock);
}

static void page_lock(struct z3fold_pool *p, struct z3fold_header *zhdr)
{
	if (p->page_locks)
		spin_lock_named(&zhdr->page_lock, "zhdr->page_lock");
}

static void page_unlock(struct z3fold_pool *p, struct z3fold_header *zhdr)
{
	if (p->page_locks)
		spin_unlock(&zhdr->page_lock);
}

static unsigned long encode(const struct z3fold_header *zhdr, enum buddy bud)
{
	return (unsigned long)zhdr + ((bud + zhdr->first_num) & 3);
}

static enum buddy handle_buddy(const struct z3fold_header *zhdr,
			       unsigned long handle)
{
	return (handle - zhdr->first_num) & 3;
}

static struct list_head *list_of(struct z3fold_pool *p,
				 const struct z3fold_header *zhdr)
{
	return z3fold_full(zhdr) ? &p->buddied
				 : &p->unbuddied[z3fold_free_chunks(p, zhdr)];
}

void z3fold_early_init(struct z3fold_pool *p)
{
	unsigned i;

	for (i = 0; i < TOTAL_CHUNKS; i++)
		INIT_LIST_HEAD(&p->unbuddied[i]);
	INIT_LIST_HEAD(&p->buddied);
}

/* Takes a page with room off its list; pool->lock is held. */
static struct z3fold_header *take_page(struct z3fold_pool *p, unsigned chunks)
{
	struct z3fold_header *zhdr;
	unsigned i;

	for (i = chunks; i <= p->nchunks; i++) {
		if (list_empty(&p->unbuddied[i]))
			continue;
		zhdr = list_first_entry(&p->unbuddied[i], struct z3fold_header,
					buddy);
		list_del_init(&zhdr->buddy);
		return zhdr;
	}
	return NULL;
}

int z3fold_early_malloc(struct zpool *pool, size_t size, unsigned long *handle)
{
	struct z3fold_pool *p = z3fold(pool);
	struct z3fold_header *zhdr;
	enum buddy bud = FIRST;
	unsigned chunks;

	if (!size)
		return -EINVAL;
	if (size > page_bytes(p))
		return -ENOSPC;
	chunks = (size + (1u << p->chunk_shift) - 1) >> p->chunk_shift;
	if (size > (size_t)(p->nchunks - 1) << p->chunk_shift) {
		zhdr = z3fold_malloc_headless(p);
		*handle = (unsigned long)zhdr;
		return zhdr ? 0 : -ENOMEM;
	}
	whole_lock(p);
	lists_lock(p);
	zhdr = take_page(p, chunks);
	lists_unlock(p);
	if (zhdr) {
		page_lock(p, zhdr);
		bud = z3fold_free_buddy(p, zhdr, chunks);
	} else {
		whole_unlock(p);
		zhdr = z3fold_new_page(p, false);
		if (!zhdr)
			return -ENOMEM;
		whole_lock(p);
		page_lock(p, zhdr);
	}
	z3fold_place(p, zhdr, bud, chunks);
	*handle = encode(zhdr, bud);
	atomic_long_inc(&p->objects);
	lists_lock(p);
	list_add(&zhdr->buddy, list_of(p, zhdr));
	z3fold_lru_touch(p, zhdr);
	lists_unlock(p);
	page_unlock(p, zhdr);
	whole_unlock(p);
	return 0;
}

/* Debug builds: looks at what needs no lock. */
static void check_address(struct z3fold_pool *p, const char *call,
			  unsigned long handle)
{
	struct arena *a = p->zpool.arena;
	const char *why = NULL;

	if (!chunk_debug())
		return;
	if (!addr_in_arena(a, (void *)handle) ||
	    addr_pfn(a, (void *)handle) >= READ_ONCE(a->never_used) ||
	    (handle & (page_bytes(p) - 1)) > 3)
		why = "no such handle was ever given out";
	else if (!atomic_read(&page_desc(p, page_of(p, handle))->note.used))
		why = "its page was freed";
	z3fold_bad_handle(p, call, HEADLESS, handle, why);
}

/* Debug builds: the page's lock is held. */
static void check_object(struct z3fold_pool *p, const char *call,
			 struct z3fold_header *zhdr, enum buddy bud,
			 unsigned long handle)
{
	if (!chunk_debug())
		return;
	if (bud == HEADLESS || !*z3fold_chunks(zhdr, bud))
		z3fold_bad_handle(p, call, bud, handle,
				  "it was freed already or never given out");
}

static void check_unmapped(struct z3fold_pool *p, struct z3fold_header *zhdr,
			   enum buddy bud, unsigned long handle)
{
	if (chunk_debug() && atomic_read(&page_desc(p, zhdr)->note.mapped[bud]))
		z3fold_bad_handle(p, "free", bud, handle, "it is mapped");
}

/* The page is ours, off its list, and has lost an object. */
static void put_back(struct z3fold_pool *p, struct z3fold_header *zhdr)
{
	z3fold_compact_page(p, zhdr);
	lists_lock(p);
	list_add(&zhdr->buddy, list_of(p, zhdr));
	lists_unlock(p);
}

/* Returns whether the page is empty and ours to free. */
static bool free_object(struct z3fold_pool *p, struct z3fold_header *zhdr,
			enum buddy bud)
{
	bool owned, empty;

	if (zhdr->claimed) {
		zhdr->freed |= 1 << bud;
		return false;
	}
	*z3fold_chunks(zhdr, bud) = 0;
	if (bud == MIDDLE)
		zhdr->start_middle = 0;
	empty = z3fold_empty(zhdr);
	lists_lock(p);
	owned = list_empty(&zhdr->buddy);
	if (!owned) {
		list_del_init(&zhdr->buddy);
		if (empty)
			list_del_init(&page_desc(p, zhdr)->lru);
	}
	lists_unlock(p);
	if (owned)
		return false;
	if (!empty)
		put_back(p, zhdr);
	return empty;
}

void z3fold_early_free(struct zpool *pool, unsigned long handle)
{
	struct z3fold_pool *p = z3fold(pool);
	struct z3fold_header *zhdr = page_of(p, handle);
	enum buddy bud;
	bool last;

	check_address(p, "free", handle);
	if (page_desc(p, zhdr)->headless) {
		check_unmapped(p, zhdr, HEADLESS, handle);
		z3fold_free_headless(p, zhdr);
		return;
	}
	whole_lock(p);
	page_lock(p, zhdr);
	bud = handle_buddy(zhdr, handle);
	check_object(p, "free", zhdr, bud, handle);
	check_unmapped(p, zhdr, bud, handle);
	atomic_long_dec(&p->objects);
	last = free_object(p, zhdr, bud);
	page_unlock(p, zhdr);
	whole_unlock(p);
	if (last)
		z3fold_free_page(p, zhdr);
}

void *z3fold_early_map(struct zpool *pool, unsigned long handle,
		       enum zpool_mapmode mode)
{
	struct z3fold_pool *p = z3fold(pool);
	struct z3fold_header *zhdr = page_of(p, handle);
	enum buddy bud;
	char *addr;

	check_address(p, "map", handle);
	if (page_desc(p, zhdr)->headless) {
		z3fold_note_map(p, zhdr, HEADLESS, handle, true, mode);
		return zhdr;
	}
	whole_lock(p);
	page_lock(p, zhdr);
	bud = handle_buddy(zhdr, handle);
	check_object(p, "map", zhdr, bud, handle);
	z3fold_note_map(p, zhdr, bud, handle, true, mode);
	z3fold_mapped(zhdr, bud, 1);
	addr = (char *)zhdr + z3fold_offset(p, zhdr, bud);
	page_unlock(p, zhdr);
	whole_unlock(p);
	return addr;
}

void z3fold_early_unmap(struct zpool *pool, unsigned long handle)
{
	struct z3fold_pool *p = z3fold(pool);
	struct z3fold_header *zhdr = page_of(p, handle);
	enum buddy bud;

	check_address(p, "unmap", handle);
	if (page_desc(p, zhdr)->headless) {
		z3fold_note_map(p, zhdr, HEADLESS, handle, false, ZPOOL_MM_RO);
		return;
	}
	whole_lock(p);
	page_lock(p, zhdr);
	bud = handle_buddy(zhdr, handle);
	check_object(p, "unmap", zhdr, bud, handle);
	z3fold_note_map(p, zhdr, bud, handle, false, ZPOOL_MM_RO);
	z3fold_mapped(zhdr, bud, -1);
	page_unlock(p, zhdr);
	whole_unlock(p);
}

/* Takes the oldest page that nobody owns off lists and LRU. */
static struct z3fold_header *take_oldest(struct z3fold_pool *p)
{
	struct z3fold_header *zhdr;
	struct z3fold_page *page;
	struct list_head *node;

	for (node = p->lru.prev; node != &p->lru; node = node->prev) {
		page = list_entry(node, struct z3fold_page, lru);
		zhdr = pfn_addr(p->zpool.arena, desc_pfn(p->zpool.arena, page));
		if (page->headless) {
			page->claimed = true;
		} else {
			if (list_empty(&zhdr->buddy))
				continue;
			list_del_init(&zhdr->buddy);
		}
		list_del_init(&page->lru);
		return zhdr;
	}
	return NULL;
}

/* The page is off lists and LRU, and locked. Returns whether it was freed. */
static bool reclaim_objects(struct z3fold_pool *p, struct z3fold_header *zhdr)
{
	unsigned long handle[BUDDIES] = { 0 };
	enum buddy bud;
	bool empty;

	zhdr->claimed = true;
	for (bud = FIRST; bud < BUDDIES; bud++)
		if (*z3fold_chunks(zhdr, bud))
			handle[bud] = encode(zhdr, bud);
	page_unlock(p, zhdr);
	whole_unlock(p);

	z3fold_evict(p, zhdr, handle);

	whole_lock(p);
	page_lock(p, zhdr);
	for (bud = FIRST; bud < BUDDIES; bud++)
		if (zhdr->freed & 1 << bud)
			*z3fold_chunks(zhdr, bud) = 0;
	if (!zhdr->middle_chunks)
		zhdr->start_middle = 0;
	zhdr->freed = 0;
	zhdr->claimed = false;
	empty = z3fold_empty(zhdr);
	if (!empty) {
		lists_lock(p);
		list_add(&zhdr->buddy, list_of(p, zhdr));
		z3fold_lru_touch(p, zhdr);
		lists_unlock(p);
	}
	page_unlock(p, zhdr);
	whole_unlock(p);
	if (empty)
		z3fold_free_page(p, zhdr);
	return empty;
}

static int reclaim_page(struct z3fold_pool *p)
{
	struct z3fold_header *zhdr;
	int i;

	if (!p->zpool.evict)
		return -EINVAL;
	for (i = 0; i < RECLAIM_TRIES; i++) {
		spin_lock_named(&p->lock, "pool->lock");
		if (list_empty(&p->lru)) {
			spin_unlock(&p->lock);
			return -EINVAL;
		}
		zhdr = take_oldest(p);
		if (!zhdr || page_desc(p, zhdr)->headless || p->page_locks)
			spin_unlock(&p->lock);
		if (!zhdr)
			break;
		if (page_desc(p, zhdr)->headless) {
			if (!z3fold_evict_headless(p, zhdr,
						   (unsigned long)zhdr))
				return 0;
			continue;
		}
		page_lock(p, zhdr);
		if (reclaim_objects(p, zhdr))
			return 0;
	}
	return -EAGAIN;
}

int z3fold_early_shrink(struct zpool *pool, unsigned pages, unsigned *reclaimed)
{
	int ret = -EINVAL;

	for (*reclaimed = 0; *reclaimed < pages; ++*reclaimed) {
		ret = reclaim_page(z3fold(pool));
		if (ret)
			break;
	}
	return ret;
}

void z3fold_early_locate(struct zpool *pool, unsigned long handle,
			 struct zpool_location *loc)
{
	struct z3fold_pool *p = z3fold(pool);
	struct z3fold_header *zhdr = page_of(p, handle);

	loc->pfn = header_pfn(p, zhdr);
	loc->indexed = false;
	loc->at = 0;
	if (page_desc(p, zhdr)->headless)
		return;
	whole_lock(p);
	page_lock(p, zhdr);
	loc->at = z3fold_offset(p, zhdr, handle_buddy(zhdr, handle));
	page_unlock(p, zhdr);
	whole_unlock(p);
}

static int check_listed(struct z3fold_pool *p, struct z3fold_header *zhdr,
			struct err *err)
{
	if (!list_empty(&zhdr->buddy))
		return 0;
	return err_set(err, -EIO, "z3fold: page %u is on no list",
		       header_pfn(p, zhdr));
}

int z3fold_early_validate(struct zpool *pool, struct err *err)
{
	struct z3fold_pool *p = z3fold(pool);
	struct z3fold_header *zhdr;
	struct list_head *node;
	unsigned i;

	for (i = 0; i < TOTAL_CHUNKS; i++)
		if (z3fold_check_list(p, &p->unbuddied[i], i, err))
			return -EIO;
	list_for_each (node, &p->buddied) {
		zhdr = list_entry(node, struct z3fold_header, buddy);
		if (!z3fold_full(zhdr))
			return err_set(err, -EIO,
				       "z3fold: page %u has room, and is on "
				       "the list of full pages",
				       header_pfn(p, zhdr));
	}
	return z3fold_check_pages(p, check_listed, err);
}
