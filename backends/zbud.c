// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zbud (3.11 to 6.14): at most two objects per page, one at each end, so that
 * the page's free space is contiguous. A page is 64 chunks, the first of which
 * holds the header. Pages with one object are on lists by free chunks; malloc
 * takes the head of the first nonempty list with enough free chunks per page.
 *
 * Mirrors 6.1 (lru=on: pages in the order of their last allocation, and shrink)
 * and 6.12 (lru=off). One lock, pool->lock, guards everything.
 */
#include <errno.h>
#include <stdlib.h>

#include "backends/chunk.h"
#include "backends/drivers.h"
#include "backends/list.h"

#define ZHDR_CHUNKS 1
#define NCHUNKS (TOTAL_CHUNKS - ZHDR_CHUNKS)
#define RECLAIM_TRIES 8

/* At the start of each page; the kernel's without an LRU ends at last_chunks */
struct zbud_header {
	struct list_head buddy;
	unsigned first_chunks, last_chunks;
	bool under_reclaim;
	struct list_head lru;
};
_Static_assert(sizeof(struct zbud_header) == 48, "as in 6.1");

/*
 * Pages with two objects are on unbuddied[0], which is otherwise unused: a page
 * with one object always has a free chunk.
 */
struct zbud_pool {
	struct zpool zpool;
	spinlock_t lock;
	struct list_head unbuddied[NCHUNKS];
	struct list_head lru;
	bool keep_lru;
	unsigned chunk_shift;
	unsigned long pages, objects;
};

struct zbud_params {
	long long lru;
};

static inline struct zbud_pool *zbud(struct zpool *zpool)
{
	return (struct zbud_pool *)zpool;
}

static inline size_t chunk_bytes(const struct zbud_pool *pool)
{
	return (size_t)1 << pool->chunk_shift;
}

static inline struct zbud_header *
handle_to_zbud_header(const struct zbud_pool *pool, unsigned long handle)
{
	return addr_head(pool->zpool.arena, handle, sizeof(struct zbud_header));
}

static inline pfn_t header_pfn(const struct zbud_pool *pool,
			       const struct zbud_header *zhdr)
{
	return head_pfn(pool->zpool.arena, zhdr, sizeof(*zhdr));
}

static inline unsigned long page_addr(const struct zbud_pool *pool,
				      const struct zbud_header *zhdr)
{
	return (unsigned long)head_addr(pool->zpool.arena, zhdr, sizeof(*zhdr));
}

static unsigned long encode_handle(const struct zbud_pool *pool,
				   struct zbud_header *zhdr, enum buddy bud)
{
	if (bud == FIRST)
		return page_addr(pool, zhdr) + chunk_bytes(pool);
	return page_addr(pool, zhdr) + arena_page_size(pool->zpool.arena) -
	       ((unsigned long)zhdr->last_chunks << pool->chunk_shift);
}

/* No last object starts at the first chunk: zbud_largest() is too small. */
static inline enum buddy handle_to_buddy(const struct zbud_pool *pool,
					 unsigned long handle)
{
	unsigned long at = handle & (arena_page_size(pool->zpool.arena) - 1);

	return at == chunk_bytes(pool) ? FIRST : LAST;
}

static inline unsigned num_free_chunks(const struct zbud_header *zhdr)
{
	return NCHUNKS - zhdr->first_chunks - zhdr->last_chunks;
}

static void list_page(struct zbud_pool *pool, struct zbud_header *zhdr)
{
	unsigned list = 0;

	lockdep_assert_held(&pool->lock);
	if (!zhdr->first_chunks || !zhdr->last_chunks)
		list = num_free_chunks(zhdr);
	list_add(&zhdr->buddy, &pool->unbuddied[list]);
}

static struct zpool *zbud_create(const struct zpool_config *config,
				 const void *params, struct err *err)
{
	const struct zbud_params *want = params;
	struct arena_config arena = config->arena;
	struct zbud_pool *pool = calloc(1, sizeof(*pool));
	unsigned i;

	if (!pool) {
		err_set(err, -ENOMEM, "out of memory for a zbud pool");
		return NULL;
	}
	arena.desc_size = chunk_debug() ? sizeof(struct chunk_note) : 0;
	arena.keep_descs = false;
	arena.ghost = FRAMES_GHOST;
	arena.head_size = sizeof(struct zbud_header);
	arena.keep_words = want->lru && config->evict;
	pool->zpool.arena = arena_create(&arena, err);
	if (!pool->zpool.arena) {
		free(pool);
		return NULL;
	}
	pool->zpool.caps = ZPOOL_SLEEP_MAPPED | ZPOOL_IN_FRAMES |
			   (want->lru ? ZPOOL_EVICTABLE : 0);
	pool->keep_lru = want->lru;
	pool->chunk_shift = pool->zpool.arena->page_shift - NCHUNKS_ORDER;
	spin_lock_init(&pool->lock);
	for (i = 0; i < NCHUNKS; i++)
		INIT_LIST_HEAD(&pool->unbuddied[i]);
	INIT_LIST_HEAD(&pool->lru);
	return &pool->zpool;
}

static void zbud_destroy(struct zpool *zpool)
{
	arena_destroy(zpool->arena);
	free(zpool);
}

static size_t zbud_largest(struct zpool *zpool)
{
	return arena_page_size(zpool->arena) - 2 * chunk_bytes(zbud(zpool));
}

static struct zbud_header *find_zbud_page(struct zbud_pool *pool,
					  unsigned chunks)
{
	unsigned i;

	lockdep_assert_held(&pool->lock);
	for (i = chunks; i < NCHUNKS; i++)
		if (!list_empty(&pool->unbuddied[i]))
			return list_first_entry(&pool->unbuddied[i],
						struct zbud_header, buddy);
	return NULL;
}

static struct zbud_header *new_zbud_page(struct zbud_pool *pool)
{
	pfn_t pfn = frame_alloc(pool->zpool.arena);
	struct zbud_header *zhdr;

	if (pfn == PFN_NONE)
		return NULL;
	chunk_note_use(pool->zpool.arena, pfn, true);
	zhdr = frame_head(pool->zpool.arena, pfn, sizeof(*zhdr));
	zhdr->first_chunks = 0;
	zhdr->last_chunks = 0;
	zhdr->under_reclaim = false;
	INIT_LIST_HEAD(&zhdr->buddy);
	INIT_LIST_HEAD(&zhdr->lru);
	return zhdr;
}

static int zbud_malloc(struct zpool *zpool, size_t size, unsigned long *handle)
{
	struct zbud_pool *pool = zbud(zpool);
	enum buddy bud = FIRST;
	struct zbud_header *zhdr;
	unsigned chunks;

	if (!size)
		return -EINVAL;
	if (size > zbud_largest(zpool))
		return -ENOSPC;
	chunks = size_to_chunks(size, pool->chunk_shift);
	spin_lock(&pool->lock);
	zhdr = find_zbud_page(pool, chunks);
	if (zhdr) {
		list_del_init(&zhdr->buddy);
		if (zhdr->first_chunks)
			bud = LAST;
	} else {
		spin_unlock(&pool->lock);
		zhdr = new_zbud_page(pool);
		if (!zhdr)
			return -ENOMEM;
		spin_lock(&pool->lock);
		WRITE_ONCE(pool->pages, pool->pages + 1);
	}
	if (bud == FIRST)
		zhdr->first_chunks = chunks;
	else
		zhdr->last_chunks = chunks;
	list_page(pool, zhdr);
	if (pool->keep_lru) {
		list_del_init(&zhdr->lru);
		list_add(&zhdr->lru, &pool->lru);
	}
	*handle = encode_handle(pool, zhdr, bud);
	WRITE_ONCE(pool->objects, pool->objects + 1);
	spin_unlock(&pool->lock);
	return 0;
}

/* The page is on no list. */
static void free_zbud_page(struct zbud_pool *pool, struct zbud_header *zhdr)
{
	pfn_t pfn = header_pfn(pool, zhdr);

	lockdep_assert_held(&pool->lock);
	chunk_note_use(pool->zpool.arena, pfn, false);
	frame_free(pool->zpool.arena, pfn);
	WRITE_ONCE(pool->pages, pool->pages - 1);
}

/* Return: what is wrong with a handle, or NULL. */
static const char *check_handle(struct zbud_pool *pool, unsigned long handle)
{
	struct arena *a = pool->zpool.arena;
	struct zbud_header *zhdr = handle_to_zbud_header(pool, handle);

	lockdep_assert_held(&pool->lock);
	if (!addr_in_arena(a, (void *)handle) ||
	    header_pfn(pool, zhdr) >= READ_ONCE(a->never_used))
		return "no such handle was ever given out";
	if (!atomic_read(&chunk_note(a, header_pfn(pool, zhdr))->used))
		return "its page was freed";
	/* During eviction the object may have been freed: not an error. */
	if (zhdr->under_reclaim)
		return NULL;
	if (handle_to_buddy(pool, handle) == FIRST)
		return zhdr->first_chunks ? NULL : "it was freed already";
	if (!zhdr->last_chunks || encode_handle(pool, zhdr, LAST) != handle)
		return "it was freed already or never given out";
	return NULL;
}

static void check(struct zbud_pool *pool, const char *call,
		  unsigned long handle, const char *why)
{
	if (why)
		chunk_bad_handle(&pool->zpool, call,
				 handle_to_buddy(pool, handle) == FIRST
					 ? "first"
					 : "last",
				 handle, why);
}

static void zbud_free(struct zpool *zpool, unsigned long handle)
{
	struct zbud_pool *pool = zbud(zpool);
	struct zbud_header *zhdr = handle_to_zbud_header(pool, handle);
	enum buddy bud = handle_to_buddy(pool, handle);
	pfn_t pfn = header_pfn(pool, zhdr);

	spin_lock(&pool->lock);
	if (chunk_debug()) {
		check(pool, "free", handle, check_handle(pool, handle));
		if (atomic_read(&chunk_note(zpool->arena, pfn)->mapped[bud]))
			check(pool, "free", handle, "it is mapped");
	}
	if (bud == FIRST)
		zhdr->first_chunks = 0;
	else
		zhdr->last_chunks = 0;
	WRITE_ONCE(pool->objects, pool->objects - 1);
	/* A page under reclaim is on no list; reclaim lists or frees it. */
	if (!zhdr->under_reclaim) {
		list_del_init(&zhdr->buddy);
		if (zhdr->first_chunks || zhdr->last_chunks) {
			list_page(pool, zhdr);
		} else {
			list_del_init(&zhdr->lru);
			free_zbud_page(pool, zhdr);
		}
	}
	spin_unlock(&pool->lock);
}

/* Debug builds: a mapping begins or ends. */
static void check_mapping(struct zpool *zpool, unsigned long handle,
			  bool begins, enum zpool_mapmode mode)
{
	struct zbud_pool *pool = zbud(zpool);
	enum buddy bud = handle_to_buddy(pool, handle);
	pfn_t pfn = addr_pfn(zpool->arena, (void *)handle);
	const char *call = begins ? "map" : "unmap";

	if (!chunk_debug())
		return;
	spin_lock(&pool->lock);
	check(pool, call, handle, check_handle(pool, handle));
	check(pool, call, handle,
	      begins ? chunk_note_map(zpool->arena, pfn, bud, mode)
		     : chunk_note_unmap(zpool->arena, pfn, bud));
	spin_unlock(&pool->lock);
}

static void *zbud_map(struct zpool *zpool, unsigned long handle,
		      enum zpool_mapmode mode)
{
	check_mapping(zpool, handle, true, mode);
	return frame_map(zpool->arena, (void *)handle, handle,
			 mode != ZPOOL_MM_RO);
}

static void zbud_unmap(struct zpool *zpool, unsigned long handle)
{
	check_mapping(zpool, handle, false, ZPOOL_MM_RO);
	frame_unmap(zpool->arena, handle);
}

/*
 * The kernel's pool: a lock, the lists, a count; with the LRU also its list and
 * the pointers for evictions.
 */
static size_t metadata_bytes(const struct zbud_pool *pool)
{
	size_t bytes = (2 * NCHUNKS + 2) * sizeof(void *);

	return kmalloc_bytes(pool->keep_lru ? bytes + 5 * sizeof(void *)
					    : bytes);
}

/* Without the lock, as in the kernel: reading the counts costs no caller. */
static void zbud_stats(struct zpool *zpool, struct zpool_stats *stats)
{
	struct zbud_pool *pool = zbud(zpool);
	unsigned long pages = READ_ONCE(pool->pages);

	*stats = (struct zpool_stats){
		.pages = pages,
		.pages_peak = atomic_long_read(&zpool->arena->peak),
		.objects = READ_ONCE(pool->objects),
		.slots = 2 * pages,
		.metadata_bytes = metadata_bytes(pool),
	};
}

static inline int evict(struct zbud_pool *pool, unsigned long handle)
{
	return pool->zpool.evict(&pool->zpool, handle,
				 frame_object(pool->zpool.arena,
					      (void *)handle),
				 pool->zpool.evict_arg);
}

/*
 * Evicts the objects of the page whose last allocation is the oldest; a page
 * that keeps an object moves to the front of the LRU. Mirrors 6.1.
 */
static int zbud_reclaim_page(struct zpool *zpool)
{
	struct zbud_pool *pool = zbud(zpool);
	unsigned long first, last;
	struct zbud_header *zhdr;
	int i, ret;

	spin_lock(&pool->lock);
	if (!pool->zpool.evict || list_empty(&pool->lru)) {
		spin_unlock(&pool->lock);
		return -EINVAL;
	}
	for (i = 0; i < RECLAIM_TRIES && !list_empty(&pool->lru); i++) {
		zhdr = list_last_entry(&pool->lru, struct zbud_header, lru);
		list_del_init(&zhdr->lru);
		list_del_init(&zhdr->buddy);
		zhdr->under_reclaim = true;
		first = zhdr->first_chunks ? encode_handle(pool, zhdr, FIRST)
					   : 0;
		last = zhdr->last_chunks ? encode_handle(pool, zhdr, LAST) : 0;
		spin_unlock(&pool->lock);

		lockdep_assert_not_held(&pool->lock);
		ret = 0;
		if (first)
			ret = evict(pool, first);
		if (!ret && last)
			evict(pool, last);

		spin_lock(&pool->lock);
		zhdr->under_reclaim = false;
		if (!zhdr->first_chunks && !zhdr->last_chunks) {
			free_zbud_page(pool, zhdr);
			spin_unlock(&pool->lock);
			return 0;
		}
		list_page(pool, zhdr);
		list_add(&zhdr->lru, &pool->lru);
	}
	spin_unlock(&pool->lock);
	return -EAGAIN;
}

static int zbud_shrink(struct zpool *zpool, unsigned pages, unsigned *reclaimed)
{
	return chunk_shrink(zpool, pages, reclaimed, zbud_reclaim_page);
}

static void zbud_locate(struct zpool *zpool, unsigned long handle,
			struct zpool_location *loc)
{
	loc->pfn = addr_pfn(zpool->arena, (void *)handle);
	loc->at = handle & (arena_page_size(zpool->arena) - 1);
	loc->indexed = false;
}

static int check_page(struct zbud_pool *pool, struct zbud_header *zhdr,
		      unsigned list, struct err *err)
{
	pfn_t pfn = header_pfn(pool, zhdr);
	unsigned used = zhdr->first_chunks + zhdr->last_chunks;
	bool both = zhdr->first_chunks && zhdr->last_chunks;

	if (!used || used > NCHUNKS)
		return err_set(err, -EIO,
			       "zbud: page %u has %u and %u chunks in use of "
			       "%u",
			       pfn, zhdr->first_chunks, zhdr->last_chunks,
			       NCHUNKS);
	if (list != (both ? 0 : num_free_chunks(zhdr)))
		return err_set(err, -EIO,
			       "zbud: page %u with %u and %u chunks is on list "
			       "%u",
			       pfn, zhdr->first_chunks, zhdr->last_chunks,
			       list);
	if (pool->keep_lru && list_empty(&zhdr->lru))
		return err_set(err, -EIO, "zbud: page %u is not in the LRU",
			       pfn);
	return 0;
}

static int zbud_validate(struct zpool *zpool, struct err *err)
{
	uint64_t pages = 0, objects = 0, lru = 0;
	struct zbud_pool *pool = zbud(zpool);
	struct zbud_header *zhdr;
	struct list_head *node;
	unsigned i;

	for (i = 0; i < NCHUNKS; i++)
		list_for_each (node, &pool->unbuddied[i]) {
			zhdr = list_entry(node, struct zbud_header, buddy);
			if (check_page(pool, zhdr, i, err))
				return -EIO;
			pages++;
			objects += !!zhdr->first_chunks + !!zhdr->last_chunks;
		}
	list_for_each (node, &pool->lru)
		lru++;
	if (pages != pool->pages || pages != arena_used(zpool->arena) ||
	    objects != pool->objects || (pool->keep_lru && lru != pages))
		return err_set(err, -EIO,
			       "zbud: lists hold %lu pages, %lu objects, %lu "
			       "in the LRU; counted were %lu pages, %lu "
			       "objects, %zu frames",
			       (unsigned long)pages, (unsigned long)objects,
			       (unsigned long)lru, pool->pages, pool->objects,
			       arena_used(zpool->arena));
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
