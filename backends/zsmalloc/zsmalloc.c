// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zsmalloc: slots in size classes 16 bytes apart, in chains of frames that need
 * not be contiguous. Each era of its design is a set of options, see the
 * presets below. This file has the size classes, malloc and free; map.c,
 * compact.c and check.c have the mappings, compaction and the checks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/drivers.h"
#include "backends/zsmalloc/zsmalloc.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

static unsigned pages_by_percent(unsigned size, unsigned page, unsigned chain)
{
	unsigned i, bytes, used, best = 1, best_used = 0;

	for (i = 1; i <= chain; i++) {
		bytes = i * page;
		used = (bytes - bytes % size) * 100ull / bytes;
		if (used > best_used) {
			best_used = used;
			best = i;
		}
	}
	return best;
}

static unsigned pages_by_waste(unsigned size, unsigned page, unsigned chain)
{
	unsigned i, waste, best = 1, best_waste = ~0u;

	if (!(size & (size - 1)))
		return 1;
	for (i = 1; i <= chain; i++) {
		waste = i * page % size;
		if (waste < best_waste) {
			best_waste = waste;
			best = i;
		}
	}
	return best;
}

static unsigned slot_size(const struct zs_pool *pool, unsigned slot)
{
	unsigned size = pool->min_size + slot * pool->delta;

	return size < pool->max_size ? size : pool->max_size;
}

/* Group 0 is empty, the last one is full; the kernel had 4, later 12 groups. */
static unsigned get_fullness_group(unsigned inuse, unsigned objs,
				   unsigned groups)
{
	if (!inuse)
		return 0;
	if (inuse == objs)
		return groups - 1;
	if (groups == 4)
		return inuse <= 3 * objs / 4 ? 1 : 2;
	return 100 * inuse / objs / 10 + 1;
}

static int init_classes(struct zs_pool *pool, struct err *err)
{
	unsigned page = pool->max_size, chain = pool->params.chain;
	unsigned pages, objs, i, n;
	struct size_class *class, *prev = NULL;
	uint8_t *table;
	size_t bytes = 0;
	int slot;

	for (slot = (int)pool->nr_classes - 1; slot >= 0; slot--) {
		unsigned size = slot_size(pool, slot);

		pages = pool->params.rule == ZS_RULE_PERCENT
				? pages_by_percent(size, page, chain)
				: pages_by_waste(size, page, chain);
		objs = pages * page / size;
		if (prev && prev->pages_per_zspage == pages &&
		    prev->objs_per_zspage == objs) {
			pool->size_class[slot] = prev;
			continue;
		}
		class = &pool->classes[slot];
		spin_lock_init(&class->lock);
		class->index = slot;
		class->size = size;
		class->pages_per_zspage = pages;
		class->objs_per_zspage = objs;
		class->huge = pages == 1 && objs == 1;
		class->full = pool->groups - 1;
		pool->size_class[slot] = class;
		prev = class;
		bytes += objs + 1;
	}

	table = malloc(bytes);
	if (!table)
		return err_set(err, -ENOMEM, "out of memory for size classes");
	pool->group_tables = table;
	for (i = 0; i < pool->nr_classes; i++) {
		class = pool->size_class[i];
		if (class->index != i)
			continue;
		class->group_of = table;
		for (n = 0; n <= class->objs_per_zspage; n++)
			*table++ = get_fullness_group(n, class->objs_per_zspage,
						      pool->groups);
	}
	return 0;
}

zs_inline struct size_class *class_for(const struct zs_pool *pool, size_t size)
{
	unsigned shift = pool->zpool.arena->page_shift - 8;
	size_t slot = 0;

	size += pool->overhead;
	if (size > ZS_ALIGN_MIN)
		slot = (size - ZS_ALIGN_MIN + (1u << shift) - 1) >> shift;
	if (slot >= pool->nr_classes)
		slot = pool->nr_classes - 1;
	return pool->size_class[slot];
}

/* Links the slots in index order. */
static void link_slots(struct zs_pool *pool, struct size_class *class,
		       const pfn_t *pfn)
{
	unsigned page = zs_page_size(pool),
		 shift = pool->zpool.arena->page_shift;
	unsigned long *slot, next;
	unsigned i, at = 0;
	pfn_t frame = pfn[0];

	for (i = 0; i < class->objs_per_zspage; i++) {
		slot = zs_word_of(pool, frame, at & (page - 1), i);
		at += class->size;
		next = ZS_LINK_END;
		if (i + 1 < class->objs_per_zspage) {
			frame = pfn[at >> shift];
			next = location_to_obj(frame, class->index, i + 1);
		}
		*slot = next;
	}
}

static struct zspage *alloc_zspage(struct zs_pool *pool,
				   struct size_class *class)
{
	struct zspage *zspage = slab_alloc(pool->zspages);
	unsigned page = zs_page_size(pool), i, rest;
	pfn_t pfn[ZS_MAX_CHAIN];
	struct zs_desc *desc;

	if (!zspage)
		return NULL;
	for (i = 0; i < class->pages_per_zspage; i++) {
		pfn[i] = frame_alloc(pool->zpool.arena);
		if (pfn[i] == PFN_NONE)
			goto no_frame;
	}
	if (!zs_words_alloc(pool, class, pfn))
		goto no_frame;
	zspage->class = class->index;
	zspage->huge = class->huge;
	zspage->magic = ZS_MAGIC;
	zspage->inuse = 0;
	zspage->first = pfn[0];
	zspage->owner = zs_owner(pool);
	zspage->prev = NULL;
	zspage->next = NULL;
	zspage_lock_init(&zspage->lock, pool->zspage_lock);
	if (class->huge) {
		zspage->handle = 0;
	} else {
		zspage->freeobj = location_to_obj(pfn[0], class->index, 0);
		link_slots(pool, class, pfn);
	}
	for (i = 0; i < class->pages_per_zspage; i++) {
		desc = zs_desc(pool, pfn[i]);
		desc->zspage = zspage;
		desc->next =
			i + 1 < class->pages_per_zspage ? pfn[i + 1] : PFN_NONE;
		rest = i * page % class->size;
		desc->first = rest ? class->size - rest : 0;
	}
	/* From here on, migration can find the zspage by a frame number. */
	for (i = 0; i < class->pages_per_zspage; i++)
		smp_store_release(&zs_desc(pool, pfn[i])->class,
				  (uint16_t)(class->index + 1));
	return zspage;

no_frame:
	while (i)
		frame_free(pool->zpool.arena, pfn[--i]);
	slab_free(pool->zspages, zspage);
	return NULL;
}

void zs_unlink_zspage(struct zs_pool *pool, struct size_class *class,
		      struct zspage *zspage)
{
	struct zs_desc *desc;
	pfn_t pfn;

	zs_assert_class_locked(pool, class);
	for (pfn = zspage->first; pfn != PFN_NONE; pfn = desc->next) {
		desc = zs_desc(pool, pfn);
		WRITE_ONCE(desc->class, 0);
	}
	WRITE_ONCE(class->allocated, class->allocated - class->objs_per_zspage);
}

void zs_free_zspage(struct zs_pool *pool, struct zspage *zspage)
{
	struct zs_desc *desc;
	pfn_t pfn, next;

	zs_words_free(pool, zspage);
	for (pfn = zspage->first; pfn != PFN_NONE; pfn = next) {
		desc = zs_desc(pool, pfn);
		next = desc->next;
		frame_free(pool->zpool.arena, pfn);
	}
	zspage->magic = 0;
	slab_free(pool->zspages, zspage);
}

zs_inline int do_malloc(struct zpool *zpool, size_t size, unsigned long *out,
			enum zs_lock locking, bool direct)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned long handle = 0, loc;
	struct zspage *zspage;
	struct size_class *class;
	unsigned usable;

	if (unlikely(!size))
		return -EINVAL;
	if (unlikely(size > pool->max_size))
		return -ENOSPC;
	class = class_for(pool, size);
	if (!direct) {
		handle = (unsigned long)slab_alloc(pool->handles);
		if (unlikely(!handle))
			return -ENOMEM;
	}
	zs_class_lock(pool, class, locking);
	usable = class->nonempty & ((1u << class->full) - 1);
	if (usable) {
		zspage = class->head[31 - __builtin_clz(usable)];
		loc = obj_malloc(pool, class, zspage, handle, direct);
		fix_fullness_group(pool, class, zspage);
	} else {
		zs_class_unlock(pool, class, locking);
		zspage = alloc_zspage(pool, class);
		if (unlikely(!zspage)) {
			if (!direct)
				slab_free(pool->handles, (void *)handle);
			return -ENOMEM;
		}
		zs_class_lock(pool, class, locking);
		loc = obj_malloc(pool, class, zspage, handle, direct);
		insert_zspage(class, zspage, class->group_of[1],
			      pool->after_head);
		WRITE_ONCE(class->allocated,
			   class->allocated + class->objs_per_zspage);
	}
	WRITE_ONCE(class->inuse, class->inuse + 1);
	if (!direct)
		WRITE_ONCE(*(unsigned long *)handle, loc);
	zs_class_unlock(pool, class, locking);
	*out = direct ? loc | ZS_TAG : handle;
	return 0;
}

/* The slot will be written; its cache miss can overlap with the zspage's. */
zs_inline void prefetch_slot(struct zs_pool *pool, unsigned long loc)
{
	struct size_class *class = &pool->classes[zs_loc_class(loc)];

	__builtin_prefetch(zs_slot_addr(pool, class, loc), 1);
}

zs_inline struct zspage *find_zspage(struct zs_pool *pool, unsigned long handle,
				     bool direct, unsigned long *loc)
{
	*loc = direct ? handle & ~ZS_TAG : zs_word(handle);
	prefetch_slot(pool, *loc);
	return zs_zspage(pool, "free", handle, *loc);
}

/*
 * The location is read under the lock that keeps objects in place: the pin bit,
 * the pool's lock, or migrate_lock. With class-free it is the class's lock; the
 * class is read from the word without a lock, since an object never changes its
 * class, and the location is read again under that lock.
 *
 * Where free pins the object, it also read-locks the zspage, from before the
 * class's lock until the slot is free, as those kernels did.
 */
zs_inline void do_free(struct zpool *zpool, unsigned long handle,
		       enum zs_lock locking, enum zs_lock_kind kind, bool after)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned long *word = (unsigned long *)handle;
	bool direct = kind == ZS_LOCK_NONE, gone;
	bool pins = kind == ZS_LOCK_PIN && locking != ZS_LOCKED_CLASS_FREE;
	struct zspage *zspage = NULL;
	struct size_class *class;
	unsigned long loc;

	if (ZS_DEBUG) {
		zs_check_handle(pool, "free", handle);
		zs_check_unused(pool, "free", handle);
	}
	if (pins) {
		pin_tag(word);
		zspage = find_zspage(pool, handle, direct, &loc);
		zspage_read_lock(&zspage->lock, kind);
	}
	switch (locking) {
	case ZS_LOCKED_POOL:
		spin_lock(&pool->lock);
		if (!pins)
			zspage = find_zspage(pool, handle, direct, &loc);
		class = &pool->classes[zspage->class];
		break;
	case ZS_LOCKED_CLASS:
		if (zs_uses_migrate_lock(locking, kind))
			read_lock(&pool->migrate_lock);
		if (!pins)
			zspage = find_zspage(pool, handle, direct, &loc);
		class = &pool->classes[zspage->class];
		spin_lock(&class->lock);
		if (zs_uses_migrate_lock(locking, kind))
			read_unlock(&pool->migrate_lock);
		break;
	default:
		loc = direct ? handle & ~ZS_TAG : zs_word(handle);
		prefetch_slot(pool, loc);
		__builtin_prefetch(zs_desc(pool, zs_loc_pfn(loc)));
		class = &pool->classes[zs_loc_class(loc)];
		spin_lock(&class->lock);
		if (!direct)
			loc = zs_word(handle);
		zspage = zs_zspage(pool, "free", handle, loc);
		break;
	}
	if (ZS_DEBUG)
		zs_check_object(pool, "free", handle);

	obj_free(pool, class, zspage, loc);
	WRITE_ONCE(class->inuse, class->inuse - 1);
	if (pins)
		zspage_read_unlock(&zspage->lock, kind);
	gone = !zspage->inuse;
	if (gone) {
		remove_zspage(pool, class, zspage);
		zs_unlink_zspage(pool, class, zspage);
		if (!after)
			zs_free_zspage(pool, zspage);
	} else {
		fix_fullness_group(pool, class, zspage);
	}
	zs_class_unlock(pool, class, locking);

	if (after && gone)
		zs_free_zspage(pool, zspage);
	if (direct)
		return;
	if (pins)
		unpin_tag(word);
	if (ZS_DEBUG)
		WRITE_ONCE(*word, ZS_WORD_FREED);
	slab_free(pool->handles, word);
}

/* One function for each combination of options; create selects it. */

#define MALLOC(name, locking, direct)                                   \
	static int malloc_##name(struct zpool *zpool, size_t size,      \
				 unsigned long *handle)                 \
	{                                                               \
		return do_malloc(zpool, size, handle, locking, direct); \
	}

MALLOC(pool, ZS_LOCKED_POOL, false)
MALLOC(class, ZS_LOCKED_CLASS, false)
MALLOC(pool_direct, ZS_LOCKED_POOL, true)
MALLOC(class_direct, ZS_LOCKED_CLASS, true)

/* For free, only three kinds of zspage lock differ: none, pin, any other. */
#define FREE(name, locking, kind, after)                                   \
	static void free_##name(struct zpool *zpool, unsigned long handle) \
	{                                                                  \
		do_free(zpool, handle, locking, kind, after);              \
	}
#define FREE_ALL(name, locking)                                \
	FREE(name##_direct, locking, ZS_LOCK_NONE, false)      \
	FREE(name##_pin, locking, ZS_LOCK_PIN, false)          \
	FREE(name##_other, locking, ZS_LOCK_RWLOCK, false)     \
	FREE(name##_direct_after, locking, ZS_LOCK_NONE, true) \
	FREE(name##_pin_after, locking, ZS_LOCK_PIN, true)     \
	FREE(name##_other_after, locking, ZS_LOCK_RWLOCK, true)
#define FREE_NAMES(name)                                                    \
	{                                                                   \
		{ free_##name##_direct, free_##name##_direct_after },       \
			{ free_##name##_pin, free_##name##_pin_after },     \
			{ free_##name##_other, free_##name##_other_after }, \
	}

FREE_ALL(pool, ZS_LOCKED_POOL)
FREE_ALL(class, ZS_LOCKED_CLASS)
FREE_ALL(class_free, ZS_LOCKED_CLASS_FREE)

typedef void (*free_fn)(struct zpool *zpool, unsigned long handle);

static void choose_calls(struct zs_pool *pool)
{
	static const free_fn frees[3][3][2] = {
		[ZS_LOCKED_POOL] = FREE_NAMES(pool),
		[ZS_LOCKED_CLASS] = FREE_NAMES(class),
		[ZS_LOCKED_CLASS_FREE] = FREE_NAMES(class_free),
	};
	enum zs_lock_kind kind = pool->zspage_lock;
	struct zpool_driver *d = &pool->driver;

	if (pool->locking == ZS_LOCKED_POOL)
		d->malloc = pool->direct ? malloc_pool_direct : malloc_pool;
	else
		d->malloc = pool->direct ? malloc_class_direct : malloc_class;
	d->free = frees[pool->locking][kind == ZS_LOCK_NONE ? 0
				       : kind == ZS_LOCK_PIN
					       ? 1
					       : 2][pool->release_after];
	zs_map_driver(pool, pool->params.map);
	if (pool->compact == ZS_COMPACT_NONE) {
		d->compact = NULL;
		d->can_compact = NULL;
	}
	if (pool->direct)
		d->migrate = NULL;
}

static int check_params(const struct zs_params *p, struct err *err)
{
	bool direct = !p->handle;

	if (direct && p->zspage != ZS_LOCK_NONE)
		return err_set(err, -EINVAL,
			       "handle=direct contradicts a zspage lock: the "
			       "handle is the location and nothing can move; "
			       "use zspage=none");
	if (direct && p->compact != ZS_COMPACT_NONE)
		return err_set(err, -EINVAL,
			       "handle=direct contradicts compaction: the "
			       "handle is the location and nothing can move; "
			       "use compact=none");
	if (!direct && p->zspage == ZS_LOCK_NONE)
		return err_set(err, -EINVAL,
			       "zspage=none contradicts handle=indirect: what "
			       "can move needs a zspage lock; use zspage=pin, "
			       "rwlock, rwsem, atomic or preempt");
	return 0;
}

/* What a zspage's descriptor takes: from 5.17 on it also has its pool. */
static size_t zspage_bytes(enum zs_lock_kind kind)
{
	size_t bytes = offsetof(struct zspage, lock) + zspage_lock_bytes(kind);

	return kind == ZS_LOCK_PIN ? bytes : bytes + sizeof(struct zs_pool *);
}

/*
 * The kernel's pool: a structure with a pointer to each logical class, a copy
 * of its name, and the classes that are not merged. A class has a list for each
 * group, 16 bytes of numbers, a count for each group and two of slots.
 */
static size_t fixed_bytes(const struct zs_pool *pool)
{
	size_t groups = pool->groups, classes = 0, class, i;
	/* Besides: caches, counts, shrinker, work and locks. */
	size_t self = (pool->nr_classes + 16) * sizeof(void *);

	class = groups * 2 * sizeof(void *) + 16 + (groups + 2) * 8;
	if (pool->locking != ZS_LOCKED_POOL)
		class += 8;
	for (i = 0; i < pool->nr_classes; i++)
		classes += pool->size_class[i]->index == i;
	return kmalloc_bytes(self) + kmalloc_bytes(sizeof("zlab")) +
	       classes * kmalloc_bytes(class);
}

static size_t metadata_bytes(const struct zs_pool *pool)
{
	size_t bytes = atomic_long_read(&pool->zpool.arena->slab_bytes);

	/* Before 4.8 a zspage was described by its frames alone. */
	if (pool->direct)
		bytes -= slab_bytes(pool->zspages);
	if (!pool->params.map)
		bytes += atomic_read(&pool->cpus) *
			 kmalloc_bytes(pool->max_size);
	return bytes + pool->fixed_bytes;
}

static void zs_destroy(struct zpool *zpool)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;

	slab_destroy(pool->handles);
	slab_destroy(pool->zspages);
	if (FRAMES_GHOST)
		ghost_runs_destroy(pool->words);
	arena_destroy(pool->zpool.arena);
	free(pool->map_buffers);
	free(pool->areas);
	free(pool->group_tables);
	free(pool);
}

static struct zpool *zs_create(const struct zpool_config *config,
			       const void *params, struct err *err)
{
	const struct zs_params *p = params;
	struct arena_config arena = config->arena;
	struct zs_pool *pool;

	if (check_params(p, err))
		return NULL;
	pool = aligned_alloc(64, sizeof(*pool));
	if (!pool)
		goto no_memory;
	memset(pool, 0, sizeof(*pool));
	pool->params = *p;
	pool->locking = p->lock;
	pool->zspage_lock = p->zspage;
	pool->direct = !p->handle;
	pool->compact = p->compact;
	pool->release_after = p->release;
	pool->groups = p->groups ? 12 : 4;
	pool->after_head = pool->groups == 4;
	spin_lock_init(&pool->lock);
	rwlock_init(&pool->migrate_lock);

	arena.desc_size = sizeof(struct zs_desc);
	arena.keep_descs = true;
	arena.ghost = FRAMES_GHOST;
	pool->zpool.arena = arena_create(&arena, err);
	if (!pool->zpool.arena)
		goto fail;
	if (FRAMES_GHOST) {
		pool->words = ghost_runs_create(pool->zpool.arena->capacity *
							(4096 / ZS_ALIGN_MIN),
						err);
		if (!pool->words)
			goto fail;
	}
	pool->max_size = zs_page_size(pool);
	pool->min_size = ZS_ALIGN_MIN;
	pool->delta = pool->max_size >> 8;
	pool->nr_classes = (pool->max_size - pool->min_size + pool->delta - 1) /
				   pool->delta +
			   1;
	pool->overhead = pool->direct ? 0 : ZS_HANDLE_SIZE;
	if (init_classes(pool, err))
		goto fail;
	atomic_set(&pool->cpus, 1);
	pool->fixed_bytes = fixed_bytes(pool);
	pool->handles = slab_create(pool->zpool.arena, "zs_handle",
				    ZS_HANDLE_SIZE, 8, err);
	if (!pool->handles)
		goto fail;
	pool->zspages = slab_create(pool->zpool.arena, "zspage",
				    zspage_bytes(pool->zspage_lock), 8, err);
	if (!pool->zspages)
		goto fail;
	pool->areas = aligned_alloc(64, SYNC_MAX_CPUS * sizeof(*pool->areas));
	pool->map_buffers = calloc(SYNC_MAX_CPUS, pool->max_size);
	if (!pool->areas || !pool->map_buffers)
		goto no_memory;
	memset(pool->areas, 0, SYNC_MAX_CPUS * sizeof(*pool->areas));

	pool->zpool.caps = ZPOOL_IN_FRAMES;
	if (!pool->direct)
		pool->zpool.caps |= ZPOOL_MOVABLE;
	if (pool->compact != ZS_COMPACT_NONE)
		pool->zpool.caps |= ZPOOL_COMPACTABLE;
	pool->driver = zsmalloc_driver;
	choose_calls(pool);
	pool->zpool.driver = &pool->driver;
	return &pool->zpool;

no_memory:
	err_set(err, -ENOMEM, "out of memory for a zsmalloc pool");
fail:
	if (pool)
		zs_destroy(&pool->zpool);
	return NULL;
}

static void zs_stats(struct zpool *zpool, struct zpool_stats *stats)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	struct arena *a = zpool->arena;
	unsigned i;

	*stats = (struct zpool_stats){
		.pages = arena_used(a),
		.pages_peak = (size_t)atomic_long_read(&a->peak),
		.metadata_bytes = metadata_bytes(pool),
		.compacted_pages = atomic_long_read(&pool->compacted_pages),
		.moved_objects = atomic_long_read(&pool->moved_objects),
		.moved_bytes = atomic_long_read(&pool->moved_bytes),
		.migrated_pages = atomic_long_read(&pool->migrated_pages),
		.migrate_busy = atomic_long_read(&pool->migrate_busy),
	};
	for (i = 0; i < pool->nr_classes; i++) {
		stats->objects += READ_ONCE(pool->classes[i].inuse);
		stats->slots += READ_ONCE(pool->classes[i].allocated);
	}
}

static void zs_locate(struct zpool *zpool, unsigned long handle,
		      struct zpool_location *where)
{
	unsigned long loc = handle_to_obj((struct zs_pool *)zpool, handle);

	where->pfn = zs_loc_pfn(loc);
	where->at = zs_loc_index(loc);
	where->indexed = true;
}

static int zs_size_class(struct zpool *zpool, unsigned slot,
			 struct zpool_class *out)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned page = zs_page_size(pool), i, at;
	struct size_class *class;

	if (slot >= pool->nr_classes)
		return -ENOENT;
	class = pool->size_class[slot];
	*out = (struct zpool_class){
		.slot = slot,
		.index = class->index,
		.size = class->size,
		.pages = class->pages_per_zspage,
		.objects = class->objs_per_zspage,
		.waste = class->pages_per_zspage * page -
			 class->objs_per_zspage * class->size,
		.huge = class->huge,
		.inuse = READ_ONCE(class->inuse),
		.allocated = READ_ONCE(class->allocated),
	};
	for (i = 0; i < class->objs_per_zspage; i++) {
		at = i * class->size;
		out->spanning += at / page != (at + class->size - 1) / page;
	}
	return 0;
}

static size_t zs_largest(struct zpool *zpool)
{
	return ((struct zs_pool *)zpool)->max_size;
}

#define OPTION(field, values, def_, help_)                        \
	{                                                         \
		.name = #field, .kind = SPEC_CHOICE,              \
		.offset = offsetof(struct zs_params, field),      \
		.choices = (const char *const[]){ values, NULL }, \
		.def = (def_), .help = (help_)                    \
	}
#define WORDS(...) __VA_ARGS__
#ifdef ZS_PLANT_RELAXED
#define PLANTED_LOCK , "relaxed"
#else
#define PLANTED_LOCK
#endif

static const struct spec_option options[] = {
	OPTION(lock, WORDS("pool", "class", "class-free"), "class-free",
	       "guards lists and lookup: one pool lock (6.2..6.10), class locks "
	       "and a pool rwlock (6.11..7.2), the same but free takes no pool "
	       "lock (7.3)"),
	OPTION(zspage,
	       WORDS("none", "pin", "rwlock", "rwsem", "atomic",
		     "preempt" PLANTED_LOCK),
	       "preempt",
	       "keeps a mapped object in place: pin bit in the handle word "
	       "(..5.16), rwlock (..6.14), sleeping semaphore, atomic counter, "
	       "spinlock and count (6.15..); none with direct handles"),
	OPTION(handle, WORDS("direct", "indirect"), "indirect",
	       "a handle is the location (before 4.1) or the address of a word "
	       "that holds it"),
	{ .name = "chain",
	  .kind = SPEC_INT,
	  .offset = offsetof(struct zs_params, chain),
	  .def = "8",
	  .min = 1,
	  .max = ZS_MAX_CHAIN,
	  .help = "most pages of a zspage" },
	OPTION(rule, WORDS("percent", "waste"), "waste",
	       "pages of a zspage: highest used percentage (..6.2) or fewest "
	       "bytes wasted (6.3..)"),
	OPTION(groups, WORDS("4", "12"), "12",
	       "fullness groups of a class: 4 (..6.3) or 12 (6.4..)"),
	OPTION(compact, WORDS("old", "new", "none"), "new",
	       "compaction: a fresh destination each round (..6.3), one kept "
	       "until full (6.4..), or none"),
	OPTION(release, WORDS("inside", "after"), "after",
	       "an empty zspage's pages are freed inside the lock (..7.2) or "
	       "after it is dropped (7.3)"),
	OPTION(map, WORDS("buffer", "obj"), "obj",
	       "access: map and unmap through a per-CPU buffer (..6.14) or "
	       "obj_read_begin, obj_read_end and obj_write (6.15..)"),
	{ .name = NULL },
};

static const struct spec_preset presets[] = {
	{ "4.0",
	  "lock=class,zspage=none,handle=direct,chain=4,rule=percent,groups=4,"
	  "compact=none,release=inside,map=buffer",
	  "before compaction: handles are locations" },
	{ "5.10",
	  "lock=class,zspage=pin,handle=indirect,chain=4,rule=percent,groups=4,"
	  "compact=old,release=inside,map=buffer",
	  "pin bit in the handle word" },
	{ "6.1",
	  "lock=pool,zspage=rwlock,handle=indirect,chain=4,rule=percent,"
	  "groups=4,compact=old,release=inside,map=buffer",
	  "as in 6.1.192, whose pool lock came from 6.2" },
	{ "6.10",
	  "lock=pool,zspage=rwlock,handle=indirect,chain=8,rule=waste,"
	  "groups=12,compact=new,release=inside,map=buffer",
	  "pool lock, new compaction" },
	{ "6.12",
	  "lock=class,zspage=rwlock,handle=indirect,chain=8,rule=waste,"
	  "groups=12,compact=new,release=inside,map=buffer",
	  "class locks" },
	{ "7.2",
	  "lock=class,zspage=preempt,handle=indirect,chain=8,rule=waste,"
	  "groups=12,compact=new,release=inside,map=obj",
	  "preemptible zspage lock" },
	{ "7.3",
	  "lock=class-free,zspage=preempt,handle=indirect,chain=8,rule=waste,"
	  "groups=12,compact=new,release=after,map=obj",
	  "free without the pool's lock" },
	{ .name = NULL },
};

const struct zpool_driver zsmalloc_driver = {
	.abi = ZPOOL_ABI,
	.spec = { .name = "zsmalloc",
		  .what = "backend",
		  .options = options,
		  .presets = presets,
		  .params_size = sizeof(struct zs_params) },
	.summary = "size classes over chains of pages, compactable",
	.create = zs_create,
	.destroy = zs_destroy,
	.stats = zs_stats,
	.compact = zs_compact,
	.can_compact = zs_can_compact,
	.migrate = zs_migrate,
	.locate = zs_locate,
	.validate = zs_validate,
	.size_class = zs_size_class,
	.largest = zs_largest,
};

#ifdef ZS_PLANT_RELAXED
extern const struct zpool_driver zlab_backend
	__attribute__((alias("zsmalloc_driver")));
#endif
