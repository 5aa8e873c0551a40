// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * z3fold: options, pages, headless pages, and code common to both forms.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/drivers.h"
#include "backends/z3fold/z3fold.h"

#define BIG_CHUNK_GAP 3
#define RECLAIM_TRIES 8

struct z3fold_header *z3fold_new_page(struct z3fold_pool *pool, bool headless)
{
	struct arena *a = pool->zpool.arena;
	struct z3fold_header *zhdr;
	struct z3fold_page *page;
	pfn_t pfn = frame_alloc(a);

	if (pfn == PFN_NONE)
		return NULL;
	page = pfn_desc(a, pfn);
	atomic_set(&page->note.used, 1);
	INIT_LIST_HEAD(&page->lru);
	page->headless = headless;
	zhdr = frame_head(a, pfn, sizeof(*zhdr));
	if (!headless) {
		memset(zhdr, 0, Z3FOLD_EARLY_HEADER);
		INIT_LIST_HEAD(&zhdr->buddy);
		spin_lock_init(&zhdr->page_lock);
	}
	atomic_long_inc(&pool->pages);
	return zhdr;
}

void z3fold_forget_page(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	atomic_set(&page_desc(pool, zhdr)->note.used, 0);
	atomic_long_dec(&pool->pages);
}

void z3fold_free_page(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	z3fold_forget_page(pool, zhdr);
	frame_free(pool->zpool.arena, header_pfn(pool, zhdr));
}

/*
 * Behind a middle object, the early form subtracts the header's chunk a second
 * time and so underestimates the free space (fixed in 4.11).
 */
unsigned z3fold_num_free_chunks(const struct z3fold_pool *pool,
				const struct z3fold_header *zhdr)
{
	int end = pool->late ? TOTAL_CHUNKS : pool->nchunks;
	int before = 0, after = 0;

	if (!zhdr->middle_chunks)
		return pool->nchunks - zhdr->first_chunks - zhdr->last_chunks;
	if (!zhdr->first_chunks)
		before = zhdr->start_middle - pool->zhdr_chunks;
	if (!zhdr->last_chunks)
		after = end - zhdr->start_middle - zhdr->middle_chunks;
	return before > after ? before : after;
}

enum buddy z3fold_get_free_buddy(const struct z3fold_pool *pool,
				 const struct z3fold_header *zhdr,
				 unsigned chunks)
{
	z3fold_assert_locked(pool, zhdr);
	if (!zhdr->middle_chunks) {
		if (!zhdr->first_chunks)
			return FIRST;
		return zhdr->last_chunks ? MIDDLE : LAST;
	}
	if (!zhdr->first_chunks &&
	    chunks + pool->zhdr_chunks <= zhdr->start_middle)
		return FIRST;
	return zhdr->last_chunks ? HEADLESS : LAST;
}

void z3fold_place(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		  enum buddy bud, unsigned chunks)
{
	z3fold_assert_locked(pool, zhdr);
	*z3fold_chunks(zhdr, bud) = chunks;
	if (bud == MIDDLE)
		zhdr->start_middle = zhdr->first_chunks + pool->zhdr_chunks;
}

static void slide(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		  unsigned to)
{
	size_t bytes = (size_t)zhdr->middle_chunks << pool->chunk_shift;
	char *page = page_addr(pool, zhdr);

	frame_move(pool->zpool.arena, page + ((size_t)to << pool->chunk_shift),
		   page + ((size_t)zhdr->start_middle << pool->chunk_shift),
		   bytes);
	zhdr->start_middle = to;
	atomic_long_inc(&pool->moved_objects);
	atomic_long_add((long)bytes, &pool->moved_bytes);
}

void z3fold_compact_page(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	unsigned behind_first = pool->zhdr_chunks + zhdr->first_chunks;
	unsigned before_last = TOTAL_CHUNKS - zhdr->last_chunks;

	z3fold_assert_locked(pool, zhdr);
	if (!zhdr->middle_chunks || zhdr->middle_mapped)
		return;
	if (!zhdr->first_chunks && !zhdr->last_chunks) {
		slide(pool, zhdr, pool->zhdr_chunks);
		zhdr->first_chunks = zhdr->middle_chunks;
		zhdr->middle_chunks = 0;
		zhdr->start_middle = 0;
		zhdr->first_num++;
	} else if (!pool->slide) {
		return;
	} else if (!zhdr->last_chunks) {
		if (zhdr->start_middle - behind_first >= BIG_CHUNK_GAP)
			slide(pool, zhdr, behind_first);
	} else if (!zhdr->first_chunks) {
		before_last -= zhdr->middle_chunks;
		if (before_last - zhdr->start_middle >= BIG_CHUNK_GAP)
			slide(pool, zhdr, before_last);
	}
}

struct z3fold_header *z3fold_malloc_headless(struct z3fold_pool *pool)
{
	struct z3fold_header *zhdr = z3fold_new_page(pool, true);

	if (!zhdr)
		return NULL;
	spin_lock(&pool->lock);
	z3fold_lru_touch(pool, zhdr);
	spin_unlock(&pool->lock);
	atomic_long_inc(&pool->objects);
	return zhdr;
}

void z3fold_free_headless(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	struct z3fold_page *page = page_desc(pool, zhdr);
	bool claimed = false;

	atomic_long_dec(&pool->objects);
	/* Without the LRU, pages are neither on a list nor claimed. */
	if (pool->keep_lru) {
		spin_lock(&pool->lock);
		claimed = page->claimed;
		if (claimed)
			page->freed = true;
		else
			list_del_init(&page->lru);
		spin_unlock(&pool->lock);
	}
	if (!claimed)
		z3fold_free_page(pool, zhdr);
}

/* Return: whether the page was freed. */
static bool evict_headless(struct z3fold_pool *pool, struct z3fold_header *zhdr,
			   unsigned long handle)
{
	struct z3fold_page *page = page_desc(pool, zhdr);
	bool freed;

	lockdep_assert_not_held(&pool->lock);
	pool->zpool.evict(&pool->zpool, handle,
			  frame_object(pool->zpool.arena,
				       page_addr(pool, zhdr)),
			  pool->zpool.evict_arg);

	spin_lock(&pool->lock);
	page->claimed = false;
	freed = page->freed;
	if (!freed)
		z3fold_lru_touch(pool, zhdr);
	spin_unlock(&pool->lock);
	if (freed)
		z3fold_free_page(pool, zhdr);
	return freed;
}

void z3fold_evict(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		  const unsigned long *handle)
{
	static const enum buddy order[] = { MIDDLE, FIRST, LAST };
	int i, ret = 0;

	lockdep_assert_not_held(&pool->lock);
	for (i = 0; i < 3 && !ret; i++)
		if (handle[order[i]])
			ret = pool->zpool.evict(
				&pool->zpool, handle[order[i]],
				frame_object(pool->zpool.arena,
					     z3fold_object(pool, zhdr,
							   order[i])),
				pool->zpool.evict_arg);
}

static struct z3fold_header *claim_oldest(
	struct z3fold_pool *pool,
	bool (*claim)(struct z3fold_pool *pool, struct z3fold_header *zhdr))
{
	struct arena *a = pool->zpool.arena;
	struct z3fold_header *zhdr;
	struct z3fold_page *page;
	struct list_head *node;

	lockdep_assert_held(&pool->lock);
	for (node = pool->lru.prev; node != &pool->lru; node = node->prev) {
		page = list_entry(node, struct z3fold_page, lru);
		zhdr = frame_head(a, desc_pfn(a, page), sizeof(*zhdr));
		if (page->headless)
			page->claimed = true;
		else if (!claim(pool, zhdr))
			continue;
		list_del_init(&page->lru);
		return zhdr;
	}
	return NULL;
}

int z3fold_reclaim_page(struct z3fold_pool *pool,
			bool (*claim)(struct z3fold_pool *pool,
				      struct z3fold_header *zhdr),
			bool (*objects)(struct z3fold_pool *pool,
					struct z3fold_header *zhdr),
			unsigned long mark)
{
	struct z3fold_header *zhdr;
	bool headless;
	int i;

	if (!pool->zpool.evict)
		return -EINVAL;
	for (i = 0; i < RECLAIM_TRIES; i++) {
		spin_lock(&pool->lock);
		if (list_empty(&pool->lru)) {
			spin_unlock(&pool->lock);
			return -EINVAL;
		}
		zhdr = claim_oldest(pool, claim);
		headless = zhdr && page_desc(pool, zhdr)->headless;
		if (!zhdr || headless || pool->page_locks)
			spin_unlock(&pool->lock);
		if (!zhdr)
			break;
		if (headless ? evict_headless(pool, zhdr,
					      (unsigned long)page_addr(pool,
								       zhdr) |
						      mark)
			     : objects(pool, zhdr))
			return 0;
	}
	return -EAGAIN;
}

void z3fold_note_map(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		     enum buddy bud, unsigned long handle, bool begins,
		     enum zpool_mapmode mode)
{
	struct arena *a = pool->zpool.arena;
	pfn_t pfn = header_pfn(pool, zhdr);

	if (!chunk_debug())
		return;
	if (begins)
		z3fold_bad_handle(pool, "map", bud, handle,
				  chunk_note_map(a, pfn, bud, mode));
	else
		z3fold_bad_handle(pool, "unmap", bud, handle,
				  chunk_note_unmap(a, pfn, bud));
}

int z3fold_check_page(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		      struct err *err)
{
	unsigned first_end = pool->zhdr_chunks + zhdr->first_chunks;
	unsigned middle_end = zhdr->start_middle + zhdr->middle_chunks;
	unsigned last = TOTAL_CHUNKS - zhdr->last_chunks;

	/* An empty page is valid only while its compaction is queued. */
	if ((z3fold_empty(zhdr) && !zhdr->needs_compacting) ||
	    last < first_end ||
	    (zhdr->middle_chunks &&
	     (zhdr->start_middle < first_end || middle_end > last)) ||
	    zhdr->claimed || zhdr->freed || zhdr->mapped)
		return err_set(err, -EIO,
			       "z3fold: page %u holds %u, %u (at %u) and %u "
			       "chunks, claimed %u, freed %u, mapped %u",
			       header_pfn(pool, zhdr), zhdr->first_chunks,
			       zhdr->middle_chunks, zhdr->start_middle,
			       zhdr->last_chunks, zhdr->claimed, zhdr->freed,
			       zhdr->mapped);
	return 0;
}

int z3fold_check_list(struct z3fold_pool *pool, const struct list_head *list,
		      unsigned chunks, struct err *err)
{
	struct z3fold_header *zhdr;
	struct list_head *node;

	list_for_each (node, list) {
		zhdr = list_entry(node, struct z3fold_header, buddy);
		if (z3fold_full(zhdr) ||
		    z3fold_num_free_chunks(pool, zhdr) != chunks)
			return err_set(err, -EIO,
				       "z3fold: page %u with %u free chunks is "
				       "on the list of %u",
				       header_pfn(pool, zhdr),
				       z3fold_num_free_chunks(pool, zhdr),
				       chunks);
	}
	return 0;
}

int z3fold_check_pages(struct z3fold_pool *pool,
		       int (*check)(struct z3fold_pool *pool,
				    struct z3fold_header *zhdr,
				    struct err *err),
		       struct err *err)
{
	long pages = 0, objects = 0, lru = 0, stale = 0;
	struct arena *a = pool->zpool.arena;
	struct z3fold_header *zhdr;
	struct z3fold_page *page;
	struct list_head *node;
	pfn_t pfn;

	for (pfn = 0; pfn < a->never_used; pfn++) {
		page = pfn_desc(a, pfn);
		if (!atomic_read(&page->note.used))
			continue;
		pages++;
		if (pool->keep_lru && list_empty(&page->lru))
			return err_set(err, -EIO,
				       "z3fold: page %u is not in the LRU",
				       pfn);
		if (page->headless) {
			objects++;
			continue;
		}
		zhdr = frame_head(a, pfn, sizeof(*zhdr));
		if (z3fold_check_page(pool, zhdr, err) ||
		    (check && check(pool, zhdr, err)))
			return -EIO;
		objects += !!zhdr->first_chunks + !!zhdr->middle_chunks +
			   !!zhdr->last_chunks;
	}
	list_for_each (node, &pool->lru)
		lru++;
	if (pool->late)
		list_for_each (node, &pool->stale)
			stale++;
	if (pages != atomic_long_read(&pool->pages) ||
	    pages + stale != (long)arena_used(a) ||
	    objects != atomic_long_read(&pool->objects) ||
	    (pool->keep_lru && lru != pages))
		return err_set(err, -EIO,
			       "z3fold: found %ld pages, %ld stale ones, %ld "
			       "objects, %ld in the LRU; counted were %ld "
			       "pages, %ld objects, %zu frames",
			       pages, stale, objects, lru,
			       atomic_long_read(&pool->pages),
			       atomic_long_read(&pool->objects), arena_used(a));
	return 0;
}

static bool options_agree(const struct z3fold_params *want, struct err *err)
{
	if (want->form == FORM_LATE && want->lock == LOCK_POOL) {
		err_set(err, -EINVAL,
			"z3fold: lock=pool needs form=early; the late form "
			"has a lock in each page");
		return false;
	}
	if (want->form == FORM_LATE && want->header == 1) {
		err_set(err, -EINVAL,
			"z3fold: header=1 needs form=early; the late form's "
			"header is longer than a chunk");
		return false;
	}
	if (want->form == FORM_EARLY && !want->relist) {
		err_set(err, -EINVAL,
			"z3fold: relist=off needs form=late; the early form "
			"always lists a page again");
		return false;
	}
	return true;
}

static const struct zpool_driver z3fold_early, z3fold_510;

static struct zpool *z3fold_create(const struct zpool_config *config,
				   const void *params, struct err *err)
{
	const struct z3fold_params *want = params;
	struct arena_config arena = config->arena;
	struct z3fold_pool *pool;

	if (!options_agree(want, err))
		return NULL;
	pool = calloc(1, sizeof(*pool));
	if (!pool) {
		err_set(err, -ENOMEM, "out of memory for a z3fold pool");
		return NULL;
	}
	arena.desc_size = sizeof(struct z3fold_page);
	arena.keep_descs = false;
	arena.ghost = FRAMES_GHOST;
	arena.head_size = sizeof(struct z3fold_header);
	arena.keep_words = want->lru && config->evict;
	pool->zpool.arena = arena_create(&arena, err);
	if (!pool->zpool.arena)
		goto fail;
	pool->late = want->form == FORM_LATE;
	pool->zpool.driver = !pool->late    ? &z3fold_early
			     : want->relist ? &z3fold_driver
					    : &z3fold_510;
	pool->zpool.caps = ZPOOL_SLEEP_MAPPED | ZPOOL_IN_FRAMES |
			   (want->lru ? ZPOOL_EVICTABLE : 0) |
			   (pool->late ? ZPOOL_DEFERS : 0);
	pool->page_locks = want->lock == LOCK_PAGE;
	pool->slide = want->slide;
	pool->keep_lru = want->lru;
	pool->leak = want->leak;
	pool->chunk_shift = pool->zpool.arena->page_shift - NCHUNKS_ORDER;
	pool->zhdr_chunks = want->header;
	pool->nchunks = TOTAL_CHUNKS - pool->zhdr_chunks;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->lru);
	if (!pool->late)
		z3fold_early_init(pool);
	else if (z3fold_late_init(pool, err))
		goto fail;
	return &pool->zpool;
fail:
	arena_destroy(pool->zpool.arena);
	free(pool);
	return NULL;
}

static void z3fold_destroy(struct zpool *zpool)
{
	if (z3fold(zpool)->late)
		z3fold_late_exit(z3fold(zpool));
	arena_destroy(zpool->arena);
	free(zpool);
}

/*
 * The kernel's pool: its name, locks, caches and queues; the early form has its
 * lists there, the late form for each CPU.
 */
static size_t metadata_bytes(struct z3fold_pool *pool)
{
	size_t bytes = pool->late
			       ? 13 * sizeof(void *)
			       : (2 * (pool->nchunks + 1) + 4) * sizeof(void *);

	if (pool->keep_lru)
		bytes += 5 * sizeof(void *);
	return kmalloc_bytes(bytes) +
	       atomic_long_read(&pool->zpool.arena->slab_bytes) +
	       (pool->late ? z3fold_late_bytes(pool) : 0);
}

static void z3fold_stats(struct zpool *zpool, struct zpool_stats *stats)
{
	struct z3fold_pool *pool = z3fold(zpool);

	*stats = (struct zpool_stats){
		.pages = atomic_long_read(&pool->pages),
		.pages_peak = atomic_long_read(&zpool->arena->peak),
		.objects = atomic_long_read(&pool->objects),
		.metadata_bytes = metadata_bytes(pool),
		.moved_objects = atomic_long_read(&pool->moved_objects),
		.moved_bytes = atomic_long_read(&pool->moved_bytes),
	};
}

static size_t z3fold_largest(struct zpool *zpool)
{
	return arena_page_size(zpool->arena);
}

static const char *const forms[] = { "early", "late", NULL };
static const char *const locks[] = { "pool", "page", NULL };

#define PARAM(name) offsetof(struct z3fold_params, name)

static const struct spec_option options[] = {
	{ .name = "form",
	  .kind = SPEC_CHOICE,
	  .offset = PARAM(form),
	  .def = "late",
	  .choices = forms,
	  .help = "early: compacted at free (4.9); late: slots, lists per "
		  "CPU, deferred compaction that moves lone objects (5.5)" },
	{ .name = "lock",
	  .kind = SPEC_CHOICE,
	  .offset = PARAM(lock),
	  .def = "page",
	  .choices = locks,
	  .help = "one lock, or one in each page beside it" },
	{ .name = "header",
	  .kind = SPEC_INT,
	  .offset = PARAM(header),
	  .def = "2",
	  .min = 1,
	  .max = 2,
	  .help = "chunks that a page's header takes" },
	{ .name = "slide",
	  .kind = SPEC_BOOL,
	  .offset = PARAM(slide),
	  .def = "on",
	  .help = "compaction also moves a middle object beside another one" },
	{ .name = "lru",
	  .kind = SPEC_BOOL,
	  .offset = PARAM(lru),
	  .def = "off",
	  .help = "keep pages in LRU order and evict from it (up to 6.4)" },
	{ .name = "leak",
	  .kind = SPEC_BOOL,
	  .offset = PARAM(leak),
	  .def = "off",
	  .help = "as the kernel: a page that a lone object moves into gets "
		  "slots that no handle uses, and may not free them" },
	{ .name = "relist",
	  .kind = SPEC_BOOL,
	  .offset = PARAM(relist),
	  .def = "on",
	  .help = "form=late: a page that reclaim did not empty goes back to "
		  "a list at once, not after its next free (off in 5.10, where "
		  "a free that compacts also unlists the page twice)" },
	{ 0 },
};

static const struct spec_preset presets[] = {
	{ "4.10", "form=early,lock=pool,header=1,slide=off,lru=on",
	  "before the lock in each page" },
	{ "5.10",
	  "form=late,lock=page,header=2,slide=on,lru=on,leak=on,relist=off",
	  "the late form before its last repairs" },
	{ "6.1", "form=late,lock=page,header=2,slide=on,lru=on,leak=on",
	  "the last form with its own LRU and shrink" },
	{ "6.12", "form=late,lock=page,header=2,slide=on,lru=off,leak=on",
	  "as it was when it was removed" },
	{ 0 },
};

/* The entries common to both forms' tables. */
#define COMMON_CALLS                                                        \
	.abi = ZPOOL_ABI,                                                   \
	.spec = { .name = "z3fold",                                         \
		  .what = "backend",                                        \
		  .options = options,                                       \
		  .presets = presets,                                       \
		  .params_size = sizeof(struct z3fold_params) },            \
	.summary = "at most three objects a page, moved to the page's end " \
		   "or into another page (4.8 to 6.14)",                    \
	.create = z3fold_create, .destroy = z3fold_destroy,                 \
	.stats = z3fold_stats, .largest = z3fold_largest

static const struct zpool_driver z3fold_early = {
	COMMON_CALLS,
	.malloc = z3fold_early_malloc,
	.free = z3fold_early_free,
	.map = z3fold_early_map,
	.unmap = z3fold_early_unmap,
	.shrink = z3fold_early_shrink,
	.locate = z3fold_early_locate,
	.validate = z3fold_early_validate,
};

/* The calls common to the late form, with and without relist. */
#define LATE_CALLS                                                        \
	COMMON_CALLS,                                                     \
		.malloc = z3fold_late_malloc, .map = z3fold_late_map,     \
		.unmap = z3fold_late_unmap, .settle = z3fold_late_settle, \
		.run_work = z3fold_late_run_work,                         \
		.locate = z3fold_late_locate, .validate = z3fold_late_validate

const struct zpool_driver z3fold_driver = {
	LATE_CALLS,
	.free = z3fold_late_free,
	.shrink = z3fold_late_shrink,
};

static const struct zpool_driver z3fold_510 = {
	LATE_CALLS,
	.free = z3fold_late_free_510,
	.shrink = z3fold_late_shrink_510,
};
