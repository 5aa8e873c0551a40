// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * z3fold: options, pages, headless pages, and what looks alike in both forms.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/drivers.h"
#include "backends/z3fold/z3fold.h"

#define BIG_CHUNK_GAP 3

struct z3fold_header *z3fold_new_page(struct z3fold_pool *p, bool headless)
{
	struct arena *a = p->zpool.arena;
	struct z3fold_header *zhdr;
	struct z3fold_page *page;
	pfn_t pfn = frame_alloc(a);

	if (pfn == PFN_NONE)
		return NULL;
	page = pfn_desc(a, pfn);
	atomic_set(&page->note.used, 1);
	INIT_LIST_HEAD(&page->lru);
	page->headless = headless;
	zhdr = pfn_addr(a, pfn);
	if (!headless) {
		memset(zhdr, 0, sizeof(*zhdr));
		INIT_LIST_HEAD(&zhdr->buddy);
		spin_lock_init(&zhdr->page_lock);
	}
	atomic_long_inc(&p->pages);
	return zhdr;
}

void z3fold_free_page(struct z3fold_pool *p, struct z3fold_header *zhdr)
{
	atomic_set(&page_desc(p, zhdr)->note.used, 0);
	frame_free(p->zpool.arena, header_pfn(p, zhdr));
	atomic_long_dec(&p->pages);
}

/*
 * The early form takes the header's chunk off a second time behind a middle
 * object, so that it believes in less room than there is (put right in 4.11).
 */
unsigned z3fold_free_chunks(const struct z3fold_pool *p,
			    const struct z3fold_header *zhdr)
{
	int end = p->late ? TOTAL_CHUNKS : p->nchunks;
	int before = 0, after = 0;

	if (!zhdr->middle_chunks)
		return p->nchunks - zhdr->first_chunks - zhdr->last_chunks;
	if (!zhdr->first_chunks)
		before = zhdr->start_middle - p->zhdr_chunks;
	if (!zhdr->last_chunks)
		after = end - zhdr->start_middle - zhdr->middle_chunks;
	return before > after ? before : after;
}

enum buddy z3fold_free_buddy(const struct z3fold_pool *p,
			     const struct z3fold_header *zhdr, unsigned chunks)
{
	if (!zhdr->middle_chunks) {
		if (!zhdr->first_chunks)
			return FIRST;
		return zhdr->last_chunks ? MIDDLE : LAST;
	}
	if (!zhdr->first_chunks &&
	    chunks + p->zhdr_chunks <= zhdr->start_middle)
		return FIRST;
	return zhdr->last_chunks ? HEADLESS : LAST;
}

void z3fold_place(struct z3fold_pool *p, struct z3fold_header *zhdr,
		  enum buddy bud, unsigned chunks)
{
	*z3fold_chunks(zhdr, bud) = chunks;
	if (bud == MIDDLE)
		zhdr->start_middle = zhdr->first_chunks + p->zhdr_chunks;
}

static void slide(struct z3fold_pool *p, struct z3fold_header *zhdr,
		  unsigned to)
{
	size_t bytes = (size_t)zhdr->middle_chunks << p->chunk_shift;
	char *page = (char *)zhdr;

	memmove(page + ((size_t)to << p->chunk_shift),
		page + ((size_t)zhdr->start_middle << p->chunk_shift), bytes);
	zhdr->start_middle = to;
	atomic_long_inc(&p->moved_objects);
	atomic_long_add((long)bytes, &p->moved_bytes);
}

void z3fold_compact_page(struct z3fold_pool *p, struct z3fold_header *zhdr)
{
	unsigned behind_first = p->zhdr_chunks + zhdr->first_chunks;
	unsigned before_last = TOTAL_CHUNKS - zhdr->last_chunks;

	if (!zhdr->middle_chunks || zhdr->middle_mapped)
		return;
	if (!zhdr->first_chunks && !zhdr->last_chunks) {
		slide(p, zhdr, p->zhdr_chunks);
		zhdr->first_chunks = zhdr->middle_chunks;
		zhdr->middle_chunks = 0;
		zhdr->start_middle = 0;
		zhdr->first_num++;
	} else if (!p->slide) {
		return;
	} else if (!zhdr->last_chunks) {
		if (zhdr->start_middle - behind_first >= BIG_CHUNK_GAP)
			slide(p, zhdr, behind_first);
	} else if (!zhdr->first_chunks) {
		before_last -= zhdr->middle_chunks;
		if (before_last - zhdr->start_middle >= BIG_CHUNK_GAP)
			slide(p, zhdr, before_last);
	}
}

struct z3fold_header *z3fold_malloc_headless(struct z3fold_pool *p)
{
	struct z3fold_header *zhdr = z3fold_new_page(p, true);

	if (!zhdr)
		return NULL;
	spin_lock_named(&p->lock, "pool->lock");
	z3fold_lru_touch(p, zhdr);
	spin_unlock(&p->lock);
	atomic_long_inc(&p->objects);
	return zhdr;
}

void z3fold_free_headless(struct z3fold_pool *p, struct z3fold_header *zhdr)
{
	struct z3fold_page *page = page_desc(p, zhdr);
	bool claimed;

	atomic_long_dec(&p->objects);
	spin_lock_named(&p->lock, "pool->lock");
	claimed = page->claimed;
	if (claimed)
		page->freed = true;
	else
		list_del_init(&page->lru);
	spin_unlock(&p->lock);
	if (!claimed)
		z3fold_free_page(p, zhdr);
}

int z3fold_evict_headless(struct z3fold_pool *p, struct z3fold_header *zhdr,
			  unsigned long handle)
{
	struct z3fold_page *page = page_desc(p, zhdr);
	int ret = p->zpool.evict(&p->zpool, handle, zhdr, p->zpool.evict_arg);
	bool freed;

	spin_lock_named(&p->lock, "pool->lock");
	page->claimed = false;
	freed = page->freed;
	if (!freed)
		z3fold_lru_touch(p, zhdr);
	spin_unlock(&p->lock);
	if (!freed)
		return ret ? ret : -EAGAIN;
	z3fold_free_page(p, zhdr);
	return 0;
}

void z3fold_evict(struct z3fold_pool *p, struct z3fold_header *zhdr,
		  const unsigned long *handle)
{
	static const enum buddy order[] = { MIDDLE, FIRST, LAST };
	int i, ret = 0;

	for (i = 0; i < 3 && !ret; i++)
		if (handle[order[i]])
			ret = p->zpool.evict(
				&p->zpool, handle[order[i]],
				(char *)zhdr + z3fold_offset(p, zhdr, order[i]),
				p->zpool.evict_arg);
}

void z3fold_note_map(struct z3fold_pool *p, struct z3fold_header *zhdr,
		     enum buddy bud, unsigned long handle, bool begins,
		     enum zpool_mapmode mode)
{
	struct arena *a = p->zpool.arena;
	pfn_t pfn = header_pfn(p, zhdr);

	if (!chunk_debug())
		return;
	if (begins)
		z3fold_bad_handle(p, "map", bud, handle,
				  chunk_note_map(a, pfn, bud, mode));
	else
		z3fold_bad_handle(p, "unmap", bud, handle,
				  chunk_note_unmap(a, pfn, bud));
}

int z3fold_check_page(struct z3fold_pool *p, struct z3fold_header *zhdr,
		      struct err *err)
{
	unsigned first_end = p->zhdr_chunks + zhdr->first_chunks;
	unsigned middle_end = zhdr->start_middle + zhdr->middle_chunks;
	unsigned last = TOTAL_CHUNKS - zhdr->last_chunks;

	/* An empty page may wait for work that is queued about it. */
	if ((z3fold_empty(zhdr) && !zhdr->needs_compacting) ||
	    last < first_end ||
	    (zhdr->middle_chunks &&
	     (zhdr->start_middle < first_end || middle_end > last)) ||
	    zhdr->claimed || zhdr->freed || zhdr->mapped)
		return err_set(err, -EIO,
			       "z3fold: page %u holds %u, %u (at %u) and %u "
			       "chunks, claimed %u, freed %u, mapped %u",
			       header_pfn(p, zhdr), zhdr->first_chunks,
			       zhdr->middle_chunks, zhdr->start_middle,
			       zhdr->last_chunks, zhdr->claimed, zhdr->freed,
			       zhdr->mapped);
	return 0;
}

int z3fold_check_list(struct z3fold_pool *p, const struct list_head *list,
		      unsigned chunks, struct err *err)
{
	struct z3fold_header *zhdr;
	struct list_head *node;

	list_for_each (node, list) {
		zhdr = list_entry(node, struct z3fold_header, buddy);
		if (z3fold_full(zhdr) || z3fold_free_chunks(p, zhdr) != chunks)
			return err_set(err, -EIO,
				       "z3fold: page %u with %u free chunks is "
				       "on the list of %u",
				       header_pfn(p, zhdr),
				       z3fold_free_chunks(p, zhdr), chunks);
	}
	return 0;
}

int z3fold_check_pages(struct z3fold_pool *p,
		       int (*check)(struct z3fold_pool *p,
				    struct z3fold_header *zhdr,
				    struct err *err),
		       struct err *err)
{
	long pages = 0, objects = 0, lru = 0;
	struct arena *a = p->zpool.arena;
	struct z3fold_header *zhdr;
	struct z3fold_page *page;
	struct list_head *node;
	pfn_t pfn;

	for (pfn = 0; pfn < a->never_used; pfn++) {
		page = pfn_desc(a, pfn);
		if (!atomic_read(&page->note.used))
			continue;
		pages++;
		if (p->keep_lru && list_empty(&page->lru))
			return err_set(err, -EIO,
				       "z3fold: page %u is not in the LRU",
				       pfn);
		if (page->headless) {
			objects++;
			continue;
		}
		zhdr = pfn_addr(a, pfn);
		if (z3fold_check_page(p, zhdr, err) ||
		    (check && check(p, zhdr, err)))
			return -EIO;
		objects += !!zhdr->first_chunks + !!zhdr->middle_chunks +
			   !!zhdr->last_chunks;
	}
	list_for_each (node, &p->lru)
		lru++;
	if (pages != atomic_long_read(&p->pages) ||
	    pages != (long)arena_used(a) ||
	    objects != atomic_long_read(&p->objects) ||
	    (p->keep_lru && lru != pages))
		return err_set(err, -EIO,
			       "z3fold: found %ld pages, %ld objects, %ld in "
			       "the LRU; counted were %ld pages, %ld objects, "
			       "%zu frames",
			       pages, objects, lru, atomic_long_read(&p->pages),
			       atomic_long_read(&p->objects), arena_used(a));
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
	return true;
}

static const struct zpool_driver z3fold_early;

static struct zpool *z3fold_create(const struct zpool_config *config,
				   const void *params, struct err *err)
{
	const struct z3fold_params *want = params;
	struct arena_config arena = config->arena;
	struct z3fold_pool *p;

	if (!options_agree(want, err))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p) {
		err_set(err, -ENOMEM, "out of memory for a z3fold pool");
		return NULL;
	}
	arena.desc_size = sizeof(struct z3fold_page);
	arena.keep_descs = false;
	p->zpool.arena = arena_create(&arena, err);
	if (!p->zpool.arena)
		goto fail;
	p->late = want->form == FORM_LATE;
	p->zpool.driver = p->late ? &z3fold_driver : &z3fold_early;
	p->zpool.caps = ZPOOL_SLEEP_MAPPED | ZPOOL_NEEDS_FRAMES |
			(want->lru ? ZPOOL_EVICTABLE : 0) |
			(p->late ? ZPOOL_DEFERS : 0);
	p->page_locks = want->lock == LOCK_PAGE;
	p->slide = want->slide;
	p->keep_lru = want->lru;
	p->chunk_shift = p->zpool.arena->page_shift - NCHUNKS_ORDER;
	p->zhdr_chunks = want->header;
	p->nchunks = TOTAL_CHUNKS - p->zhdr_chunks;
	spin_lock_init(&p->lock);
	INIT_LIST_HEAD(&p->lru);
	if (!p->late)
		z3fold_early_init(p);
	else if (z3fold_late_init(p, err))
		goto fail;
	return &p->zpool;
fail:
	arena_destroy(p->zpool.arena);
	free(p);
	return NULL;
}

static void z3fold_destroy(struct zpool *pool)
{
	if (z3fold(pool)->late)
		z3fold_late_exit(z3fold(pool));
	arena_destroy(pool->arena);
	free(pool);
}

static void z3fold_stats(struct zpool *pool, struct zpool_stats *stats)
{
	struct z3fold_pool *p = z3fold(pool);

	*stats = (struct zpool_stats){
		.pages = atomic_long_read(&p->pages),
		.pages_peak = atomic_long_read(&pool->arena->peak),
		.objects = atomic_long_read(&p->objects),
		.metadata_bytes = atomic_long_read(&pool->arena->slab_bytes) +
				  (p->late ? z3fold_late_bytes(p) : 0),
		.moved_objects = atomic_long_read(&p->moved_objects),
		.moved_bytes = atomic_long_read(&p->moved_bytes),
	};
}

static size_t z3fold_largest(struct zpool *pool)
{
	return arena_page_size(pool->arena);
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
	{ 0 },
};

static const struct spec_preset presets[] = {
	{ "4.10", "form=early,lock=pool,header=1,slide=off,lru=on",
	  "before the lock in each page" },
	{ "6.1", "form=late,lock=page,header=2,slide=on,lru=on",
	  "the last form with its own LRU and shrink" },
	{ "6.12", "form=late,lock=page,header=2,slide=on,lru=off",
	  "as it was when it was removed" },
	{ 0 },
};

/* What both forms' tables have in common. */
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

const struct zpool_driver z3fold_driver = {
	COMMON_CALLS,
	.malloc = z3fold_late_malloc,
	.free = z3fold_late_free,
	.map = z3fold_late_map,
	.unmap = z3fold_late_unmap,
	.shrink = z3fold_late_shrink,
	.settle = z3fold_late_settle,
	.run_work = z3fold_late_run_work,
	.locate = z3fold_late_locate,
	.validate = z3fold_late_validate,
};
