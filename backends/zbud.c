// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zbud (3.11 to 6.14): at most two objects a page, one from each end, so that a
 * page's free space is always in one piece. A page is 64 chunks, the first of
 * which holds the header. Pages with one object wait on the list of their free
 * chunks; a request takes the head of the first list that is long enough.
 *
 * Mirrors 6.1 (lru=on: pages in the order of their last allocation, and shrink)
 * and 6.12 (lru=off). One lock, pool->lock, for all of it.
 */
#include <errno.h>
#include <stdlib.h>

#include "backends/chunk.h"
#include "backends/drivers.h"
#include "backends/list.h"

#define ZHDR_CHUNKS 1
#define NCHUNKS (TOTAL_CHUNKS - ZHDR_CHUNKS)
#define RECLAIM_TRIES 8

/* At the start of each page; the kernel's without an LRU ends with @last. */
struct zbud_header {
	struct list_head buddy;
	unsigned first_chunks, last_chunks;
	bool under_reclaim;
	struct list_head lru;
};
_Static_assert(sizeof(struct zbud_header) == 48, "as in 6.1");

/*
 * Pages with two objects wait on unbuddied[0]: no page that has room for
 * another object has no free chunk.
 */
struct zbud_pool {
	struct zpool zpool;
	spinlock_t lock;
	struct list_head unbuddied[NCHUNKS];
	struct list_head lru;
	bool keep_lru;
	unsigned chunk_shift;
	uint64_t pages, objects;
};

struct zbud_params {
	long long lru;
};

static inline struct zbud_pool *zbud(struct zpool *pool)
{
	return (struct zbud_pool *)pool;
}

static inline size_t chunk_bytes(const struct zbud_pool *p)
{
	return (size_t)1 << p->chunk_shift;
}

static inline struct zbud_header *handle_page(const struct zbud_pool *p,
					      unsigned long handle)
{
	return (struct zbud_header *)(handle &
				      ~(arena_page_size(p->zpool.arena) - 1));
}

static unsigned long encode(const struct zbud_pool *p, struct zbud_header *page,
			    enum buddy which)
{
	if (which == FIRST)
		return (unsigned long)page + chunk_bytes(p);
	return (unsigned long)page + arena_page_size(p->zpool.arena) -
	       ((unsigned long)page->last_chunks << p->chunk_shift);
}

/* A last object as long as to start there would not leave a first chunk. */
static inline enum buddy handle_buddy(const struct zbud_pool *p,
				      unsigned long handle)
{
	unsigned long at = handle & (arena_page_size(p->zpool.arena) - 1);

	return at == chunk_bytes(p) ? FIRST : LAST;
}

static inline unsigned free_chunks(const struct zbud_header *page)
{
	return NCHUNKS - page->first_chunks - page->last_chunks;
}

static void list_page(struct zbud_pool *p, struct zbud_header *page)
{
	unsigned list = 0;

	if (!page->first_chunks || !page->last_chunks)
		list = free_chunks(page);
	list_add(&page->buddy, &p->unbuddied[list]);
}

static struct zpool *zbud_create(const struct zpool_config *config,
				 const void *params, struct err *err)
{
	const struct zbud_params *want = params;
	struct arena_config arena = config->arena;
	struct zbud_pool *p = calloc(1, sizeof(*p));
	unsigned i;

	if (!p) {
		err_set(err, -ENOMEM, "out of memory for a zbud pool");
		return NULL;
	}
	arena.desc_size = chunk_debug() ? sizeof(struct chunk_note) : 0;
	arena.keep_descs = false;
	p->zpool.arena = arena_create(&arena, err);
	if (!p->zpool.arena) {
		free(p);
		return NULL;
	}
	p->zpool.caps = ZPOOL_SLEEP_MAPPED | ZPOOL_NEEDS_FRAMES |
			(want->lru ? ZPOOL_EVICTABLE : 0);
	p->keep_lru = want->lru;
	p->chunk_shift = p->zpool.arena->page_shift - NCHUNKS_ORDER;
	spin_lock_init(&p->lock);
	for (i = 0; i < NCHUNKS; i++)
		INIT_LIST_HEAD(&p->unbuddied[i]);
	INIT_LIST_HEAD(&p->lru);
	return &p->zpool;
}

static void zbud_destroy(struct zpool *pool)
{
	arena_destroy(pool->arena);
	free(pool);
}

static size_t zbud_largest(struct zpool *pool)
{
	return arena_page_size(pool->arena) - 2 * chunk_bytes(zbud(pool));
}

static struct zbud_header *find_page(struct zbud_pool *p, unsigned chunks)
{
	unsigned i;

	for (i = chunks; i < NCHUNKS; i++)
		if (!list_empty(&p->unbuddied[i]))
			return list_first_entry(&p->unbuddied[i],
						struct zbud_header, buddy);
	return NULL;
}

static struct zbud_header *new_page(struct zbud_pool *p)
{
	pfn_t pfn = frame_alloc(p->zpool.arena);
	struct zbud_header *page;

	if (pfn == PFN_NONE)
		return NULL;
	chunk_note_use(p->zpool.arena, pfn, true);
	page = pfn_addr(p->zpool.arena, pfn);
	page->first_chunks = 0;
	page->last_chunks = 0;
	page->under_reclaim = false;
	INIT_LIST_HEAD(&page->buddy);
	INIT_LIST_HEAD(&page->lru);
	return page;
}

static int zbud_malloc(struct zpool *pool, size_t size, unsigned long *handle)
{
	struct zbud_pool *p = zbud(pool);
	enum buddy which = FIRST;
	struct zbud_header *page;
	unsigned chunks;

	if (!size)
		return -EINVAL;
	if (size > zbud_largest(pool))
		return -ENOSPC;
	chunks = (size + chunk_bytes(p) - 1) >> p->chunk_shift;
	spin_lock_named(&p->lock, "pool->lock");
	page = find_page(p, chunks);
	if (page) {
		list_del_init(&page->buddy);
		if (page->first_chunks)
			which = LAST;
	} else {
		spin_unlock(&p->lock);
		page = new_page(p);
		if (!page)
			return -ENOMEM;
		spin_lock_named(&p->lock, "pool->lock");
		p->pages++;
	}
	if (which == FIRST)
		page->first_chunks = chunks;
	else
		page->last_chunks = chunks;
	list_page(p, page);
	if (p->keep_lru) {
		list_del_init(&page->lru);
		list_add(&page->lru, &p->lru);
	}
	*handle = encode(p, page, which);
	p->objects++;
	spin_unlock(&p->lock);
	return 0;
}

/* Called with pool->lock held, the page on no list. */
static void free_page(struct zbud_pool *p, struct zbud_header *page)
{
	pfn_t pfn = addr_pfn(p->zpool.arena, page);

	chunk_note_use(p->zpool.arena, pfn, false);
	frame_free(p->zpool.arena, pfn);
	p->pages--;
}

/* What is wrong with a handle; pool->lock is held. NULL: nothing. */
static const char *check_handle(struct zbud_pool *p, unsigned long handle)
{
	struct arena *a = p->zpool.arena;
	struct zbud_header *page = handle_page(p, handle);

	if (!addr_in_arena(a, (void *)handle) ||
	    addr_pfn(a, page) >= READ_ONCE(a->never_used))
		return "no such handle was ever given out";
	if (!atomic_read(&chunk_note(a, addr_pfn(a, page))->used))
		return "its page was freed";
	/* Whoever is asked to write an object back may find it freed. */
	if (page->under_reclaim)
		return NULL;
	if (handle_buddy(p, handle) == FIRST)
		return page->first_chunks ? NULL : "it was freed already";
	if (!page->last_chunks || encode(p, page, LAST) != handle)
		return "it was freed already or never given out";
	return NULL;
}

static void check(struct zbud_pool *p, const char *call, unsigned long handle,
		  const char *why)
{
	if (why)
		chunk_bad_handle(&p->zpool, call,
				 handle_buddy(p, handle) == FIRST ? "first"
								  : "last",
				 handle, why);
}

static void zbud_free(struct zpool *pool, unsigned long handle)
{
	struct zbud_pool *p = zbud(pool);
	struct zbud_header *page = handle_page(p, handle);
	enum buddy which = handle_buddy(p, handle);
	pfn_t pfn = addr_pfn(pool->arena, page);

	spin_lock_named(&p->lock, "pool->lock");
	if (chunk_debug()) {
		check(p, "free", handle, check_handle(p, handle));
		if (atomic_read(&chunk_note(pool->arena, pfn)->mapped[which]))
			check(p, "free", handle, "it is mapped");
	}
	if (which == FIRST)
		page->first_chunks = 0;
	else
		page->last_chunks = 0;
	p->objects--;
	/* The reclaimer has it off the lists and decides when it is done. */
	if (!page->under_reclaim) {
		list_del_init(&page->buddy);
		if (page->first_chunks || page->last_chunks) {
			list_page(p, page);
		} else {
			list_del_init(&page->lru);
			free_page(p, page);
		}
	}
	spin_unlock(&p->lock);
}

static void *zbud_map(struct zpool *pool, unsigned long handle,
		      enum zpool_mapmode mode)
{
	struct zbud_pool *p = zbud(pool);

	if (chunk_debug()) {
		spin_lock_named(&p->lock, "pool->lock");
		check(p, "map", handle, check_handle(p, handle));
		check(p, "map", handle,
		      chunk_note_map(pool->arena,
				     addr_pfn(pool->arena, (void *)handle),
				     handle_buddy(p, handle), mode));
		spin_unlock(&p->lock);
	}
	return (void *)handle;
}

static void zbud_unmap(struct zpool *pool, unsigned long handle)
{
	struct zbud_pool *p = zbud(pool);

	if (chunk_debug()) {
		spin_lock_named(&p->lock, "pool->lock");
		check(p, "unmap", handle, check_handle(p, handle));
		check(p, "unmap", handle,
		      chunk_note_unmap(pool->arena,
				       addr_pfn(pool->arena, (void *)handle),
				       handle_buddy(p, handle)));
		spin_unlock(&p->lock);
	}
}

static void zbud_stats(struct zpool *pool, struct zpool_stats *stats)
{
	struct zbud_pool *p = zbud(pool);

	spin_lock_named(&p->lock, "pool->lock");
	*stats = (struct zpool_stats){
		.pages = p->pages,
		.pages_peak = atomic_long_read(&pool->arena->peak),
		.objects = p->objects,
		.slots = 2 * p->pages,
	};
	spin_unlock(&p->lock);
}

/*
 * Asks for the objects of one page, the one whose last allocation is longest
 * ago; a page that keeps an object goes to the front. Mirrors 6.1.
 */
static int reclaim_page(struct zbud_pool *p)
{
	unsigned long first, last;
	struct zbud_header *page;
	int i, ret;

	spin_lock_named(&p->lock, "pool->lock");
	if (!p->zpool.evict || list_empty(&p->lru)) {
		spin_unlock(&p->lock);
		return -EINVAL;
	}
	for (i = 0; i < RECLAIM_TRIES && !list_empty(&p->lru); i++) {
		page = list_last_entry(&p->lru, struct zbud_header, lru);
		list_del_init(&page->lru);
		list_del_init(&page->buddy);
		page->under_reclaim = true;
		first = page->first_chunks ? encode(p, page, FIRST) : 0;
		last = page->last_chunks ? encode(p, page, LAST) : 0;
		spin_unlock(&p->lock);

		ret = 0;
		if (first)
			ret = p->zpool.evict(&p->zpool, first, (void *)first,
					     p->zpool.evict_arg);
		if (!ret && last)
			p->zpool.evict(&p->zpool, last, (void *)last,
				       p->zpool.evict_arg);

		spin_lock_named(&p->lock, "pool->lock");
		page->under_reclaim = false;
		if (!page->first_chunks && !page->last_chunks) {
			free_page(p, page);
			spin_unlock(&p->lock);
			return 0;
		}
		list_page(p, page);
		list_add(&page->lru, &p->lru);
	}
	spin_unlock(&p->lock);
	return -EAGAIN;
}

static int zbud_shrink(struct zpool *pool, unsigned pages, unsigned *reclaimed)
{
	int ret = -EINVAL;

	for (*reclaimed = 0; *reclaimed < pages; ++*reclaimed) {
		ret = reclaim_page(zbud(pool));
		if (ret)
			break;
	}
	return ret;
}

static void zbud_locate(struct zpool *pool, unsigned long handle,
			struct zpool_location *loc)
{
	loc->pfn = addr_pfn(pool->arena, (void *)handle);
	loc->at = handle & (arena_page_size(pool->arena) - 1);
	loc->indexed = false;
}

static int check_page(struct zbud_pool *p, struct zbud_header *page,
		      unsigned list, struct err *err)
{
	pfn_t pfn = addr_pfn(p->zpool.arena, page);
	unsigned used = page->first_chunks + page->last_chunks;
	bool both = page->first_chunks && page->last_chunks;

	if (!used || used > NCHUNKS)
		return err_set(err, -EIO,
			       "zbud: page %u has %u and %u chunks in use of "
			       "%u",
			       pfn, page->first_chunks, page->last_chunks,
			       NCHUNKS);
	if (list != (both ? 0 : free_chunks(page)))
		return err_set(err, -EIO,
			       "zbud: page %u with %u and %u chunks is on list "
			       "%u",
			       pfn, page->first_chunks, page->last_chunks,
			       list);
	if (p->keep_lru && list_empty(&page->lru))
		return err_set(err, -EIO, "zbud: page %u is not in the LRU",
			       pfn);
	return 0;
}

static int zbud_validate(struct zpool *pool, struct err *err)
{
	uint64_t pages = 0, objects = 0, lru = 0;
	struct zbud_pool *p = zbud(pool);
	struct zbud_header *page;
	struct list_head *node;
	unsigned i;

	for (i = 0; i < NCHUNKS; i++)
		list_for_each (node, &p->unbuddied[i]) {
			page = list_entry(node, struct zbud_header, buddy);
			if (check_page(p, page, i, err))
				return -EIO;
			pages++;
			objects += !!page->first_chunks + !!page->last_chunks;
		}
	list_for_each (node, &p->lru)
		lru++;
	if (pages != p->pages || pages != arena_used(pool->arena) ||
	    objects != p->objects || (p->keep_lru && lru != pages))
		return err_set(err, -EIO,
			       "zbud: lists hold %lu pages, %lu objects, %lu "
			       "in the LRU; counted were %lu pages, %lu "
			       "objects, %zu frames",
			       (unsigned long)pages, (unsigned long)objects,
			       (unsigned long)lru, (unsigned long)p->pages,
			       (unsigned long)p->objects,
			       arena_used(pool->arena));
	return 0;
}

static const struct spec_option options[] = {
	{ .name = "lru",
	  .kind = SPEC_BOOL,
	  .offset = offsetof(struct zbud_params, lru),
	  .def = "off",
	  .help = "keep pages in LRU order and evict from it (up to 6.4)" },
	{ 0 },
};

static const struct spec_preset presets[] = {
	{ "6.1", "lru=on", "with its own LRU and shrink" },
	{ "6.12", "lru=off", "as it was when it was removed" },
	{ 0 },
};

const struct zpool_driver zbud_driver = {
	.abi = ZPOOL_ABI,
	.spec = { .name = "zbud",
		  .what = "backend",
		  .options = options,
		  .presets = presets,
		  .params_size = sizeof(struct zbud_params) },
	.summary = "at most two objects a page, never moved (3.11 to 6.14)",
	.create = zbud_create,
	.destroy = zbud_destroy,
	.malloc = zbud_malloc,
	.free = zbud_free,
	.map = zbud_map,
	.unmap = zbud_unmap,
	.stats = zbud_stats,
	.shrink = zbud_shrink,
	.locate = zbud_locate,
	.validate = zbud_validate,
	.largest = zbud_largest,
};
