// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compaction moves objects from the emptier zspages of a class to the fuller
 * ones; migration replaces one frame of a zspage by another frame.
 */
#include <errno.h>
#include <string.h>

#include "backends/zsmalloc/zsmalloc.h"

/* Current position of the search for live objects in a zspage. */
struct cursor {
	pfn_t pfn;
	unsigned at; /* offset in that frame, or beyond its end */
	unsigned index;
};

struct moved {
	unsigned long objects, pages;
};

static void cursor_start(struct cursor *c, const struct zspage *zspage)
{
	c->pfn = zspage->first;
	c->at = 0;
	c->index = 0;
}

static void cursor_next(struct cursor *c, const struct size_class *class)
{
	c->at += class->size;
	c->index++;
}

/*
 * Finds the next live object at or after the cursor. With zspage=pin it pins
 * the object and skips objects that cannot be pinned. Return: the handle, or 0
 * at the end of the zspage.
 */
static unsigned long find_alloced_obj(struct zs_pool *pool,
				      const struct size_class *class,
				      struct cursor *c)
{
	unsigned page = zs_page_size(pool);
	unsigned long head;

	for (; c->index < class->objs_per_zspage; cursor_next(c, class)) {
		if (c->at >= page) {
			c->pfn = zs_desc(pool, c->pfn)->next;
			c->at -= page;
		}
		head = *zs_word_of(pool, c->pfn, c->at, c->index);
		if (!(head & ZS_TAG))
			continue;
		head &= ~ZS_TAG;
		if (pool->zspage_lock != ZS_LOCK_PIN ||
		    trypin_tag((unsigned long *)head))
			return head;
	}
	return 0;
}

/* Stores the object's new location in its handle's word, and unpins it. */
static void record_obj(struct zs_pool *pool, unsigned long handle,
		       unsigned long loc)
{
	unsigned long *word = (unsigned long *)handle;

	if (pool->zspage_lock != ZS_LOCK_PIN) {
		WRITE_ONCE(*word, loc);
		return;
	}
	WRITE_ONCE(*word, loc | ZS_TAG);
	unpin_tag(word);
}

/* Copies a whole slot, not only its payload, in pieces across frames. */
static void zs_object_copy(struct zs_pool *pool, const struct size_class *class,
			   unsigned long to, unsigned long from)
{
	unsigned page = zs_page_size(pool), left = class->size, n;
	unsigned to_at = zs_slot_offset(pool, class, to);
	unsigned from_at = zs_slot_offset(pool, class, from);
	pfn_t to_pfn = zs_loc_pfn(to), from_pfn = zs_loc_pfn(from);
	struct arena *a = pool->zpool.arena;

	while (left) {
		n = left;
		if (n > page - to_at)
			n = page - to_at;
		if (n > page - from_at)
			n = page - from_at;
		frame_copy(a, (char *)pfn_addr(a, to_pfn) + to_at,
			   (char *)pfn_addr(a, from_pfn) + from_at, n);
		left -= n;
		to_at += n;
		from_at += n;
		if (left && to_at == page) {
			to_pfn = zs_desc(pool, to_pfn)->next;
			to_at = 0;
		}
		if (left && from_at == page) {
			from_pfn = zs_desc(pool, from_pfn)->next;
			from_at = 0;
		}
	}
}

static void assert_movers_locked(struct zs_pool *pool, struct size_class *class)
{
	if (zs_uses_migrate_lock(pool->locking, pool->zspage_lock))
		lockdep_assert_held_write(&pool->migrate_lock);
	zs_assert_class_locked(pool, class);
}

static void move_object(struct zs_pool *pool, struct size_class *class,
			struct zspage *src, struct zspage *dst,
			unsigned long handle, const struct cursor *c)
{
	unsigned long from = location_to_obj(c->pfn, class->index, c->index),
		      to;

	assert_movers_locked(pool, class);
	to = obj_malloc(pool, class, dst, handle, false);
	if (!FRAMES_GHOST)
		zs_object_copy(pool, class, to, from);
	record_obj(pool, handle, to);
	obj_free(pool, class, src, from);
}

static void unpin(struct zs_pool *pool, unsigned long handle)
{
	if (pool->zspage_lock == ZS_LOCK_PIN)
		unpin_tag((unsigned long *)handle);
}

/* Locks that compaction and migration hold. */

static void movers_lock(struct zs_pool *pool, struct size_class *class)
{
	if (zs_uses_migrate_lock(pool->locking, pool->zspage_lock))
		write_lock(&pool->migrate_lock);
	zs_class_lock(pool, class, pool->locking);
}

static void movers_unlock(struct zs_pool *pool, struct size_class *class)
{
	zs_class_unlock(pool, class, pool->locking);
	if (zs_uses_migrate_lock(pool->locking, pool->zspage_lock))
		write_unlock(&pool->migrate_lock);
}

/* With zspage=pin false, as those kernels did not check for contention. */
static bool movers_contended(struct zs_pool *pool)
{
	if (zs_uses_migrate_lock(pool->locking, pool->zspage_lock))
		return rwlock_is_contended(&pool->migrate_lock);
	return pool->locking == ZS_LOCKED_POOL &&
	       spin_is_contended(&pool->lock);
}

/* Releases the locks for a moment so that other threads can take them. */
static void movers_pause(struct zs_pool *pool, struct size_class *class)
{
	movers_unlock(pool, class);
	cond_resched();
	movers_lock(pool, class);
}

/* With zspage=pin, single objects are locked instead of the zspage. */
static bool lock_zspage(struct zs_pool *pool, struct zspage *zspage,
			unsigned nest)
{
	return pool->zspage_lock == ZS_LOCK_PIN ||
	       zspage_write_lock(&zspage->lock, pool->zspage_lock, nest);
}

static void unlock_zspage(struct zs_pool *pool, struct zspage *zspage)
{
	if (pool->zspage_lock != ZS_LOCK_PIN)
		zspage_write_unlock(&zspage->lock, pool->zspage_lock);
}

/*
 * Takes a partly used zspage off its list: the head of the emptiest group for a
 * source, of the fullest for a destination.
 */
static struct zspage *isolate_zspage(struct zs_pool *pool,
				     struct size_class *class, bool source)
{
	unsigned partial = class->nonempty & ((1u << class->full) - 2);
	struct zspage *zspage;

	if (!partial)
		return NULL;
	zspage = class->head[source ? __builtin_ctz(partial)
				    : 31 - __builtin_clz(partial)];
	remove_zspage(pool, class, zspage);
	return zspage;
}

/* Return: whether the zspage was empty and its pages were freed. */
static bool putback_zspage(struct zs_pool *pool, struct size_class *class,
			   struct zspage *zspage, struct moved *moved)
{
	assert_movers_locked(pool, class);
	if (zspage->inuse) {
		insert_zspage(class, zspage, class->group_of[zspage->inuse],
			      pool->after_head);
		return false;
	}
	zs_unlink_zspage(pool, class, zspage);
	zs_free_zspage(pool, zspage);
	moved->pages += class->pages_per_zspage;
	return true;
}

/*
 * The form up to 6.3: one source, as many destinations as needed; a destination
 * that could not take all objects is put back full. Return: whether the source
 * was drained.
 */
static bool drain_old(struct zs_pool *pool, struct size_class *class,
		      struct zspage *src, struct cursor *c, struct zspage *dst,
		      struct moved *moved)
{
	unsigned long handle;

	while ((handle = find_alloced_obj(pool, class, c))) {
		if (dst->inuse == class->objs_per_zspage) {
			unpin(pool, handle);
			return false;
		}
		move_object(pool, class, src, dst, handle, c);
		moved->objects++;
		cursor_next(c, class);
	}
	return true;
}

static bool compact_source_old(struct zs_pool *pool, struct size_class *class,
			       struct zspage *src, struct moved *moved)
{
	unsigned long before = moved->objects;
	struct zspage *dst;
	struct cursor c;
	bool drained;

	cursor_start(&c, src);
	do {
		dst = isolate_zspage(pool, class, false);
		if (!dst)
			return false;
		if (!lock_zspage(pool, dst, 1)) {
			putback_zspage(pool, class, dst, moved);
			return false;
		}
		drained = drain_old(pool, class, src, &c, dst, moved);
		putback_zspage(pool, class, dst, moved);
		unlock_zspage(pool, dst);
		if (!drained && movers_contended(pool))
			return false;
	} while (!drained);
	/* If only pinned objects are left, nothing was moved: stop. */
	return moved->objects != before;
}

static void compact_class_old(struct zs_pool *pool, struct size_class *class,
			      struct moved *moved)
{
	struct zspage *src;
	bool go_on = true;

	while (go_on && (src = isolate_zspage(pool, class, true))) {
		if (!lock_zspage(pool, src, 0)) {
			putback_zspage(pool, class, src, moved);
			break;
		}
		go_on = zs_class_can_compact(class) &&
			compact_source_old(pool, class, src, moved);
		/* An empty zspage has no readers: unlock before freeing it. */
		unlock_zspage(pool, src);
		putback_zspage(pool, class, src, moved);
		if (go_on)
			movers_pause(pool, class);
	}
}

/* The form from 6.4: a destination is kept until it is full. */
static void drain_new(struct zs_pool *pool, struct size_class *class,
		      struct zspage *src, struct zspage *dst,
		      struct moved *moved)
{
	unsigned long handle;
	struct cursor c;

	cursor_start(&c, src);
	while ((handle = find_alloced_obj(pool, class, &c))) {
		move_object(pool, class, src, dst, handle, &c);
		moved->objects++;
		cursor_next(&c, class);
		if (dst->inuse == class->objs_per_zspage || !src->inuse)
			return;
	}
}

static void compact_class_new(struct zs_pool *pool, struct size_class *class,
			      struct moved *moved)
{
	struct zspage *src, *dst = NULL;
	unsigned long before;

	while (zs_class_can_compact(class)) {
		if (!dst)
			dst = isolate_zspage(pool, class, false);
		if (!dst)
			break;
		src = isolate_zspage(pool, class, true);
		if (!src)
			break;
		if (!lock_zspage(pool, src, 0)) {
			putback_zspage(pool, class, src, moved);
			break;
		}
		before = moved->objects;
		drain_new(pool, class, src, dst, moved);
		unlock_zspage(pool, src);
		putback_zspage(pool, class, src, moved);
		if (moved->objects == before)
			break;
		if (dst->inuse == class->objs_per_zspage ||
		    movers_contended(pool)) {
			putback_zspage(pool, class, dst, moved);
			dst = NULL;
			movers_pause(pool, class);
		}
	}
	if (dst)
		putback_zspage(pool, class, dst, moved);
}

unsigned long zs_compact(struct zpool *zpool)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned long freed = 0;
	struct size_class *class;
	struct moved moved;
	int slot;

	/* Acquire: pairs with the release at the end of a compaction. */
	if (atomic_long_xchg_acquire(&pool->compacting, 1))
		return 0;
	for (slot = (int)pool->nr_classes - 1; slot >= 0; slot--) {
		class = pool->size_class[slot];
		if (class->index != slot)
			continue;
		moved = (struct moved){ 0 };
		movers_lock(pool, class);
		if (pool->compact == ZS_COMPACT_OLD)
			compact_class_old(pool, class, &moved);
		else
			compact_class_new(pool, class, &moved);
		movers_unlock(pool, class);
		freed += moved.pages;
		atomic_long_add(moved.objects, &pool->moved_objects);
		atomic_long_add(moved.objects * class->size,
				&pool->moved_bytes);
	}
	atomic_long_add(freed, &pool->compacted_pages);
	atomic_long_set_release(&pool->compacting, 0);
	return freed;
}

unsigned long zs_can_compact(struct zpool *zpool)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned long pages = 0;
	unsigned i;

	for (i = 0; i < pool->nr_classes; i++)
		if (pool->size_class[i]->index == i)
			pages += zs_class_can_compact(pool->size_class[i]);
	return pages;
}

/* Migration. */

/* Sets the cursor to the first slot that starts in the frame. */
static void cursor_frame(struct cursor *c, struct zs_pool *pool,
			 const struct size_class *class,
			 const struct zspage *zspage, pfn_t frame)
{
	unsigned before = 0;
	pfn_t pfn;

	for (pfn = zspage->first; pfn != frame; pfn = zs_desc(pool, pfn)->next)
		before += zs_page_size(pool);
	c->pfn = frame;
	c->at = zs_desc(pool, frame)->first;
	c->index = (before + class->size - 1) / class->size;
}

/* The handle of the live object at the cursor, or 0. */
static unsigned long handle_at(struct zs_pool *pool,
			       const struct size_class *class,
			       const struct zspage *zspage,
			       const struct cursor *c)
{
	unsigned long head;

	if (class->huge)
		return zspage->inuse ? zspage->handle : 0;
	head = *zs_word_of(pool, c->pfn, c->at, c->index);
	return head & ZS_TAG ? head & ~ZS_TAG : 0;
}

static bool in_frame(struct zs_pool *pool, const struct size_class *class,
		     const struct cursor *c)
{
	return c->at < zs_page_size(pool) && c->index < class->objs_per_zspage;
}

/* Pins every object that starts in the frame, or none. */
static bool pin_frame(struct zs_pool *pool, const struct size_class *class,
		      const struct zspage *zspage, const struct cursor *first)
{
	struct cursor c, undo;
	unsigned long handle;

	if (pool->zspage_lock != ZS_LOCK_PIN)
		return true;
	for (c = *first; in_frame(pool, class, &c); cursor_next(&c, class)) {
		handle = handle_at(pool, class, zspage, &c);
		if (!handle || trypin_tag((unsigned long *)handle))
			continue;
		for (undo = *first; undo.index < c.index;
		     cursor_next(&undo, class)) {
			handle = handle_at(pool, class, zspage, &undo);
			if (handle)
				unpin(pool, handle);
		}
		return false;
	}
	return true;
}

/* The links of free slots contain frame numbers too. */
static void relink_free(struct zs_pool *pool, const struct size_class *class,
			struct zspage *zspage, pfn_t old, pfn_t new)
{
	unsigned long *link = &zspage->freeobj;

	if (class->huge)
		return;
	while (*link != ZS_LINK_END) {
		if (zs_loc_pfn(*link) == old)
			*link = location_to_obj(new, class->index,
						zs_loc_index(*link));
		link = zs_slot_addr(pool, class, *link);
	}
}

static void replace_frame(struct zs_pool *pool, const struct size_class *class,
			  struct zspage *zspage, struct cursor c, pfn_t new)
{
	struct zs_desc *desc = zs_desc(pool, c.pfn);
	struct zs_desc *new_desc = zs_desc(pool, new);
	struct arena *a = pool->zpool.arena;
	pfn_t old = c.pfn, *link = &zspage->first;
	unsigned long handle;

	frame_copy(a, pfn_addr(a, new), pfn_addr(a, old), zs_page_size(pool));
	new_desc->zspage = zspage;
	new_desc->next = desc->next;
	new_desc->first = desc->first;
	zs_words_move(new_desc, desc);
	while (*link != old)
		link = &zs_desc(pool, *link)->next;
	*link = new;
	relink_free(pool, class, zspage, old, new);
	smp_store_release(&new_desc->class, desc->class);
	/* Once record_obj() has unpinned an object, it may be mapped. */
	for (c.pfn = new; in_frame(pool, class, &c); cursor_next(&c, class)) {
		handle = handle_at(pool, class, zspage, &c);
		if (handle)
			record_obj(pool, handle,
				   location_to_obj(new, class->index, c.index));
	}
	WRITE_ONCE(desc->class, 0);
}

static int migrate_locked(struct zs_pool *pool, struct size_class *class,
			  pfn_t old, pfn_t new)
{
	struct zs_desc *desc = zs_desc(pool, old);
	struct zspage *zspage;
	struct cursor c;
	int ret = -EAGAIN;

	assert_movers_locked(pool, class);
	/*
	 * The frame may have been freed before the lock was taken, and used
	 * again for the same class by a CPU that has not taken the lock yet.
	 * Acquire: pairs with that CPU's release in alloc_zspage().
	 */
	if (smp_load_acquire(&desc->class) != class->index + 1)
		return -EAGAIN;
	zspage = desc->zspage;
	if (!zspage_write_lock(&zspage->lock, pool->zspage_lock, 0)) {
		if (pool->zspage_lock == ZS_LOCK_PIN)
			return -EBUSY;
		goto busy;
	}
	cursor_frame(&c, pool, class, zspage, old);
	if (pin_frame(pool, class, zspage, &c)) {
		replace_frame(pool, class, zspage, c, new);
		ret = 0;
	}
	zspage_write_unlock(&zspage->lock, pool->zspage_lock);
busy:
	atomic_long_inc(ret ? &pool->migrate_busy : &pool->migrated_pages);
	return ret;
}

int zs_migrate(struct zpool *zpool, pfn_t pfn)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	struct arena *a = zpool->arena;
	struct size_class *class;
	unsigned owner;
	pfn_t new;
	int ret;

	if (pfn >= a->capacity)
		return -ENOENT;
	owner = smp_load_acquire(&zs_desc(pool, pfn)->class);
	if (!owner)
		return -ENOENT;
	new = frame_alloc(a);
	if (new == PFN_NONE)
		return -ENOMEM;
	class = &pool->classes[owner - 1];
	for (;;) {
		movers_lock(pool, class);
		ret = migrate_locked(pool, class, pfn, new);
		movers_unlock(pool, class);
		if (ret != -EBUSY)
			break;
		/* Readers are waited for, but without the locks they need. */
		cond_resched();
	}
	frame_free(a, ret ? new : pfn);
	return ret;
}
