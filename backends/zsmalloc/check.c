// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks: the walk over every list, slot and handle, and, in debug builds, the
 * messages for an invalid handle.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zsmalloc/zsmalloc.h"

_Noreturn void zs_bad_handle(struct zs_pool *pool, const char *call,
			     unsigned long handle, const char *why)
{
	unsigned long loc = 0;
	char class[32] = "none";

	if (pool->direct || slab_in_range(pool->handles, (void *)handle))
		loc = handle_to_obj(pool, handle);
	if (loc && zs_loc_class(loc) < pool->nr_classes &&
	    zs_loc_pfn(loc) < pool->zpool.arena->capacity)
		snprintf(class, sizeof(class), "%u",
			 pool->classes[zs_loc_class(loc)].size);
	fprintf(stderr, "zlab: pool %s: %s of handle 0x%lx (class %s): %s\n",
		pool->zpool.spec ? pool->zpool.spec : "zsmalloc", call, handle,
		class, why);
	exit(1);
}

static bool loc_is_sane(struct zs_pool *pool, unsigned long loc)
{
	return zs_loc_pfn(loc) < pool->zpool.arena->capacity &&
	       zs_loc_class(loc) < pool->nr_classes &&
	       pool->classes[zs_loc_class(loc)].objs_per_zspage >
		       zs_loc_index(loc);
}

void zs_check_handle(struct zs_pool *pool, const char *call,
		     unsigned long handle)
{
	unsigned long loc;

	if (!pool->direct && !slab_in_range(pool->handles, (void *)handle))
		zs_bad_handle(pool, call, handle,
			      "no such handle was ever given out");
	if (pool->direct && !(handle & ZS_TAG))
		zs_bad_handle(pool, call, handle,
			      "no such handle was ever given out");
	loc = handle_to_obj(pool, handle);
	if (!pool->direct && zs_loc_pfn(loc) == zs_loc_pfn(ZS_WORD_FREED))
		zs_bad_handle(pool, call, handle, "it was freed already");
	if (!loc_is_sane(pool, loc))
		zs_bad_handle(pool, call, handle,
			      "no such handle was ever given out");
}

void zs_check_unused(struct zs_pool *pool, const char *call,
		     unsigned long handle)
{
	const struct zs_map_area *area = &pool->areas[smp_processor_id()];

	if (area->handle == handle)
		zs_bad_handle(pool, call, handle, "this CPU has it mapped");
	if (area->reading == handle)
		zs_bad_handle(pool, call, handle,
			      "this CPU is between its obj_read_begin and "
			      "obj_read_end");
}

void zs_check_frame(struct zs_pool *pool, const char *call,
		    unsigned long handle, unsigned long loc)
{
	if (!loc_is_sane(pool, loc) ||
	    READ_ONCE(zs_desc(pool, zs_loc_pfn(loc))->class) !=
		    zs_loc_class(loc) + 1)
		zs_bad_handle(pool, call, handle,
			      "it names no slot in use; it was freed already "
			      "or never given out");
	lockdep_assert(pool->direct ||
		       lockdep_is_held((unsigned long *)handle) ||
		       lockdep_is_held(&pool->lock) ||
		       lockdep_is_held(&pool->migrate_lock) ||
		       lockdep_is_held(&pool->classes[zs_loc_class(loc)].lock));
}

static bool slot_is_free(struct zs_pool *pool, const struct size_class *class,
			 const struct zspage *zspage, unsigned long loc)
{
	unsigned long at;

	if (class->huge)
		return !zspage->inuse;
	for (at = zspage->freeobj; at != ZS_LINK_END;
	     at = *zs_slot_addr(pool, class, at))
		if (at == loc)
			return true;
	return false;
}

/* Whether readers only increment a counter, so that lockdep misses them. */
static inline bool reader_is_unseen(enum zs_lock_kind kind)
{
	return kind == ZS_LOCK_ATOMIC || kind == ZS_LOCK_PREEMPT ||
	       kind == ZS_LOCK_RELAXED;
}

void zs_check_object(struct zs_pool *pool, const char *call,
		     unsigned long handle)
{
	unsigned long loc = handle_to_obj(pool, handle), head;
	struct size_class *class = &pool->classes[zs_loc_class(loc)];
	struct zspage *zspage = zs_desc(pool, zs_loc_pfn(loc))->zspage;

	if (pool->direct) {
		zs_assert_class_locked(pool, class);
		if (slot_is_free(pool, class, zspage, loc))
			zs_bad_handle(pool, call, handle,
				      "it was freed already");
		return;
	}
	lockdep_assert(reader_is_unseen(pool->zspage_lock) ||
		       lockdep_is_held(&pool->lock) ||
		       lockdep_is_held(&class->lock) ||
		       lockdep_is_held((unsigned long *)handle) ||
		       lockdep_is_held(&zspage->lock));
	head = class->huge ? zspage->handle | ZS_TAG
			   : *zs_slot_addr(pool, class, loc);
	if (head != (handle | ZS_TAG))
		zs_bad_handle(pool, call, handle,
			      "its slot holds another object or none; it was "
			      "freed already or never given out");
}

/* The walk. */

struct walk {
	struct zs_pool *pool;
	struct size_class *class;
	struct zspage *zspage;
	struct err *err;
	size_t objects, pages, zspages;
	uint8_t *seen; /* slots of the zspage: 1 = on the free list */
};

#define BAD(w, fmt, ...)                                              \
	err_set((w)->err, -EIO, "zsmalloc class %u (%u bytes): " fmt, \
		(w)->class->index, (w)->class->size, ##__VA_ARGS__)

static int check_frames(struct walk *w)
{
	struct zs_pool *pool = w->pool;
	unsigned page = zs_page_size(pool), n = 0, want;
	struct zs_desc *desc;
	pfn_t pfn;

	for (pfn = w->zspage->first; pfn != PFN_NONE; pfn = desc->next, n++) {
		if (pfn >= pool->zpool.arena->capacity ||
		    n == w->class->pages_per_zspage)
			return BAD(w, "a chain runs into frame %u", pfn);
		desc = zs_desc(pool, pfn);
		if (desc->zspage != w->zspage ||
		    desc->class != w->class->index + 1)
			return BAD(w, "frame %u belongs to another zspage",
				   pfn);
		want = (n * page + w->class->size - 1) / w->class->size *
			       w->class->size -
		       n * page;
		if (desc->first != want)
			return BAD(w, "frame %u: first slot at %u, not %u", pfn,
				   desc->first, want);
	}
	if (n != w->class->pages_per_zspage)
		return BAD(w, "a chain has %u frames, not %u", n,
			   w->class->pages_per_zspage);
	w->pages += n;
	return 0;
}

static pfn_t frame_of(struct walk *w, unsigned index)
{
	unsigned n = index * w->class->size / zs_page_size(w->pool);
	pfn_t pfn = w->zspage->first;

	while (n--)
		pfn = zs_desc(w->pool, pfn)->next;
	return pfn;
}

static int check_free_list(struct walk *w)
{
	unsigned long loc = w->zspage->freeobj;
	unsigned n = 0, index;

	memset(w->seen, 0, w->class->objs_per_zspage);
	for (; loc != ZS_LINK_END;
	     loc = *zs_slot_addr(w->pool, w->class, loc)) {
		index = zs_loc_index(loc);
		if (index >= w->class->objs_per_zspage ||
		    zs_loc_class(loc) != w->class->index ||
		    zs_loc_pfn(loc) != frame_of(w, index))
			return BAD(w, "a free slot's link 0x%lx is no slot",
				   loc);
		if (w->seen[index]++)
			return BAD(w, "slot %u is twice on a free list", index);
		n++;
	}
	if (n + w->zspage->inuse != w->class->objs_per_zspage)
		return BAD(w, "%u slots in use and %u free make no %u",
			   w->zspage->inuse, n, w->class->objs_per_zspage);
	return 0;
}

static int check_handle(struct walk *w, unsigned long handle, unsigned index)
{
	unsigned long want =
		location_to_obj(frame_of(w, index), w->class->index, index);

	if (!slab_in_range(w->pool->handles, (void *)handle))
		return BAD(w, "slot %u holds 0x%lx, which is no handle", index,
			   handle);
	if (*(unsigned long *)handle != want)
		return BAD(w, "handle 0x%lx of slot %u says 0x%lx, not 0x%lx",
			   handle, index, *(unsigned long *)handle, want);
	return 0;
}

static int check_slots(struct walk *w)
{
	unsigned long head;
	unsigned i;
	int ret;

	if (w->class->huge) {
		if (w->zspage->inuse > 1)
			return BAD(w, "%u objects in one slot",
				   w->zspage->inuse);
		if (w->pool->direct || !w->zspage->inuse)
			return 0;
		return check_handle(w, w->zspage->handle, 0);
	}
	ret = check_free_list(w);
	for (i = 0; !ret && !w->pool->direct && i < w->class->objs_per_zspage;
	     i++) {
		head = *zs_slot_addr(w->pool, w->class,
				     location_to_obj(frame_of(w, i),
						     w->class->index, i));
		if (w->seen[i] == (head & ZS_TAG))
			return BAD(w, "slot %u is %s, yet its tag says not", i,
				   w->seen[i] ? "free" : "in use");
		if (head & ZS_TAG)
			ret = check_handle(w, head & ~ZS_TAG, i);
	}
	return ret;
}

static int check_zspage(struct walk *w, unsigned group)
{
	struct zspage *z = w->zspage;
	int ret;

	if (z->magic != ZS_MAGIC || z->owner != zs_owner(w->pool))
		return BAD(w, "a list leads to something that is no zspage");
	if (z->class != w->class->index || z->huge != w->class->huge)
		return BAD(w, "a zspage of class %u is on its lists", z->class);
	if (!z->inuse || z->inuse > w->class->objs_per_zspage)
		return BAD(w, "a zspage with %u of %u slots is on a list",
			   z->inuse, w->class->objs_per_zspage);
	if (z->fullness != group || w->class->group_of[z->inuse] != group)
		return BAD(w, "a zspage with %u of %u slots is in group %u",
			   z->inuse, w->class->objs_per_zspage, group);
	if (z->next && z->next->prev != z)
		return BAD(w, "the list of group %u is broken", group);
	if (!zspage_lock_is_free(&z->lock, w->pool->zspage_lock))
		return BAD(w, "a zspage is still locked");
	ret = check_frames(w);
	if (!ret)
		ret = check_slots(w);
	w->zspages++;
	return ret;
}

static int check_class(struct walk *w)
{
	struct size_class *class = w->class;
	size_t inuse = 0, zspages = w->zspages;
	unsigned group;
	int ret;

	for (group = 0; group < w->pool->groups; group++) {
		if (!class->head[group] != !(class->nonempty & 1u << group))
			return BAD(w, "group %u: the mask is wrong", group);
		w->zspage = class->head[group];
		if (w->zspage && w->zspage->prev)
			return BAD(w, "group %u: something before the head",
				   group);
		for (; w->zspage; w->zspage = w->zspage->next) {
			ret = check_zspage(w, group);
			if (ret)
				return ret;
			inuse += w->zspage->inuse;
		}
	}
	zspages = (w->zspages - zspages) * class->objs_per_zspage;
	if (inuse != class->inuse || zspages != class->allocated)
		return BAD(w,
			   "lists hold %zu of %zu slots, counters say %lu of "
			   "%lu",
			   inuse, zspages, class->inuse, class->allocated);
	w->objects += inuse;
	return 0;
}

int zs_validate(struct zpool *zpool, struct err *err)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	struct walk w = { .pool = pool, .err = err };
	size_t handles;
	int ret = 0;
	unsigned i;

	w.seen = malloc(1u << ZS_INDEX_BITS);
	if (!w.seen)
		return err_set(err, -ENOMEM, "out of memory");
	for (i = 0; !ret && i < pool->nr_classes; i++) {
		w.class = pool->size_class[i];
		if (w.class->index == i)
			ret = check_class(&w);
	}
	free(w.seen);
	if (ret)
		return ret;
	if (w.pages != arena_used(zpool->arena))
		return err_set(
			err, -EIO,
			"zsmalloc: lists hold %zu frames, %zu are in use",
			w.pages, arena_used(zpool->arena));
	if (w.zspages != slab_objects(pool->zspages))
		return err_set(err, -EIO,
			       "zsmalloc: lists hold %zu zspages, %zu exist",
			       w.zspages, slab_objects(pool->zspages));
	handles = pool->direct ? 0 : w.objects;
	if (handles != slab_objects(pool->handles))
		return err_set(err, -EIO,
			       "zsmalloc: %zu live objects, %zu handles exist",
			       handles, slab_objects(pool->handles));
	return 0;
}
