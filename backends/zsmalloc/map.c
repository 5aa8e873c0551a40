// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Access to objects: map and unmap, with a per-CPU buffer, and obj_read_begin,
 * obj_read_end and obj_write, which copy only where needed. In both cases the
 * zspage lock keeps the object in place during the access.
 */
#include <string.h>

#include "backends/cpus.h"
#include "backends/zsmalloc/zsmalloc.h"

/*
 * Looks up a handle's location and read-locks its zspage. The lookup is guarded
 * by the pool's lock or migrate_lock, except where the object itself is pinned
 * or cannot move.
 */
zs_inline unsigned long lock_object(struct zs_pool *pool, const char *call,
				    unsigned long handle, bool pool_lock,
				    enum zs_lock_kind kind,
				    struct zspage **zspage)
{
	unsigned long loc;

	if (ZS_DEBUG)
		zs_check_handle(pool, call, handle);
	if (kind == ZS_LOCK_NONE) {
		loc = handle & ~ZS_TAG;
		*zspage = zs_zspage(pool, call, handle, loc);
		return loc;
	}
	if (kind == ZS_LOCK_PIN)
		pin_tag((unsigned long *)handle);
	else if (pool_lock)
		spin_lock(&pool->lock);
	else
		read_lock(&pool->migrate_lock);
	loc = zs_word(handle);
	*zspage = zs_zspage(pool, call, handle, loc);
	zspage_read_lock(&(*zspage)->lock, kind);
	if (kind != ZS_LOCK_PIN) {
		if (pool_lock)
			spin_unlock(&pool->lock);
		else
			read_unlock(&pool->migrate_lock);
	}
	if (ZS_DEBUG)
		zs_check_object(pool, call, handle);
	return loc;
}

zs_inline void unlock_object(struct zspage *zspage, unsigned long handle,
			     enum zs_lock_kind kind)
{
	zspage_read_unlock(&zspage->lock, kind);
	if (kind == ZS_LOCK_PIN)
		unpin_tag((unsigned long *)handle);
}

/* Number of bytes that the handle takes in front of the payload. */
zs_inline unsigned header(const struct zs_pool *pool,
			  const struct zspage *zspage)
{
	return zspage->huge ? 0 : pool->overhead;
}

zs_inline char *next_frame(struct zs_pool *pool, pfn_t pfn)
{
	return pfn_addr(pool->zpool.arena, zs_desc(pool, pfn)->next);
}

static void copy_in(const struct zs_map_area *area, char *buf)
{
	memcpy_from_frame(buf, area->first, area->head);
	memcpy_from_frame(buf + area->head, area->second,
			  area->size - area->head);
}

/* The handle in front of the payload (@skip bytes) is not overwritten. */
static void copy_out(const struct zs_map_area *area, const char *buf,
		     unsigned skip)
{
	memcpy_to_frame(area->first + skip, buf + skip, area->head - skip);
	memcpy_to_frame(area->second, buf + area->head,
			area->size - area->head);
}

/* The first mapping of a CPU: up to it, all CPUs have a buffer now. */
static __attribute__((cold, noinline)) void cpu_up(struct zs_pool *pool,
						   unsigned cpu)
{
	cpus_note(&pool->cpus, (int)cpu);
}

zs_inline void *do_map(struct zpool *zpool, unsigned long handle,
		       enum zpool_mapmode mode, bool pool_lock,
		       enum zs_lock_kind kind)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned page = zs_page_size(pool), cpu, at;
	struct zs_map_area *area;
	struct zspage *zspage;
	struct size_class *class;
	unsigned long loc;
	char *buf;

	if (ZS_DEBUG && pool->areas[smp_processor_id()].handle)
		zs_bad_handle(pool, "map", handle,
			      "this CPU has mapped an object already");
	loc = lock_object(pool, "map", handle, pool_lock, kind, &zspage);
	class = &pool->classes[zspage->class];
	at = zs_slot_offset(pool, class, loc);

	preempt_disable();
	cpu = smp_processor_id();
	if (__builtin_expect((int)cpu >= atomic_read(&pool->cpus), 0))
		cpu_up(pool, cpu);
	area = &pool->areas[cpu];
	area->zspage = zspage;
	area->handle = handle;
	area->first = (char *)pfn_addr(zpool->arena, zs_loc_pfn(loc)) + at;
	area->second = NULL;
	if (at + class->size <= page)
		return frame_map(zpool->arena,
				 area->first + header(pool, zspage), handle,
				 mode != ZPOOL_MM_RO);
	area->second = next_frame(pool, zs_loc_pfn(loc));
	area->head = page - at;
	area->size = class->size;
	area->mode = mode;
	buf = pool->map_buffers + (size_t)cpu * page;
	if (mode != ZPOOL_MM_WO)
		copy_in(area, buf);
	return buf + pool->overhead;
}

zs_inline void do_unmap(struct zpool *zpool, unsigned long handle,
			enum zs_lock_kind kind)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned cpu = smp_processor_id();
	struct zs_map_area *area = &pool->areas[cpu];
	struct zspage *zspage = area->zspage;

	if (ZS_DEBUG && area->handle != handle)
		zs_bad_handle(pool, "unmap", handle,
			      "this CPU has not mapped it");
	if (area->second && area->mode != ZPOOL_MM_RO)
		copy_out(area,
			 pool->map_buffers + (size_t)cpu * zs_page_size(pool),
			 pool->overhead);
	area->handle = 0;
	preempt_enable();
	unlock_object(zspage, handle, kind);
}

zs_inline void *do_read_begin(struct zpool *zpool, unsigned long handle,
			      size_t len, void *copy, bool pool_lock,
			      enum zs_lock_kind kind)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned page = zs_page_size(pool), at;
	struct size_class *class;
	struct zspage *zspage;
	unsigned long loc;
	char *next, *frame;

	loc = lock_object(pool, "obj_read_begin", handle, pool_lock, kind,
			  &zspage);
	if (ZS_DEBUG)
		pool->areas[smp_processor_id()].reading = handle;
	class = &pool->classes[zspage->class];
	at = zs_slot_offset(pool, class, loc) + header(pool, zspage);
	frame = pfn_addr(zpool->arena, zs_loc_pfn(loc));
	if (FRAMES_GHOST)
		return copy;
	if (at + len <= page)
		return frame + at;
	/* Slots start at multiples of 16 bytes: no handle crosses a frame. */
	next = next_frame(pool, zs_loc_pfn(loc));
	memcpy_from_frame(copy, frame + at, page - at);
	memcpy_from_frame((char *)copy + (page - at), next, len - (page - at));
	return copy;
}

zs_inline void do_read_end(struct zpool *zpool, unsigned long handle,
			   enum zs_lock_kind kind)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned long loc;

	if (ZS_DEBUG && pool->areas[smp_processor_id()].reading == handle)
		pool->areas[smp_processor_id()].reading = 0;
	if (kind == ZS_LOCK_NONE)
		return;
	loc = zs_word(handle);
	unlock_object(zs_desc(pool, zs_loc_pfn(loc))->zspage, handle, kind);
}

zs_inline void do_write(struct zpool *zpool, unsigned long handle,
			const void *mem, size_t len, bool pool_lock,
			enum zs_lock_kind kind)
{
	struct zs_pool *pool = (struct zs_pool *)zpool;
	unsigned page = zs_page_size(pool), at;
	struct size_class *class;
	struct zspage *zspage;
	unsigned long loc;
	char *next, *frame;

	loc = lock_object(pool, "obj_write", handle, pool_lock, kind, &zspage);
	class = &pool->classes[zspage->class];
	at = zs_slot_offset(pool, class, loc) + header(pool, zspage);
	frame = pfn_addr(zpool->arena, zs_loc_pfn(loc));
	if (at + len <= page) {
		memcpy_to_frame(frame + at, mem, len);
	} else {
		next = next_frame(pool, zs_loc_pfn(loc));
		memcpy_to_frame(frame + at, mem, page - at);
		memcpy_to_frame(next, (const char *)mem + (page - at),
				len - (page - at));
	}
	unlock_object(zspage, handle, kind);
}

/* One set of calls for each lookup lock and zspage lock. */

struct map_calls {
	void *(*map)(struct zpool *zpool, unsigned long handle,
		     enum zpool_mapmode mode);
	void (*unmap)(struct zpool *zpool, unsigned long handle);
	void *(*read_begin)(struct zpool *zpool, unsigned long handle,
			    size_t len, void *copy);
	void (*read_end)(struct zpool *zpool, unsigned long handle, size_t len,
			 void *mem);
	void (*write)(struct zpool *zpool, unsigned long handle,
		      const void *mem, size_t len);
};

#define CALLS(name, pool_lock, kind)                                           \
	static void *map_##name(struct zpool *zpool, unsigned long handle,     \
				enum zpool_mapmode mode)                       \
	{                                                                      \
		return do_map(zpool, handle, mode, pool_lock, kind);           \
	}                                                                      \
	static void unmap_##name(struct zpool *zpool, unsigned long handle)    \
	{                                                                      \
		do_unmap(zpool, handle, kind);                                 \
	}                                                                      \
	static void *read_begin_##name(struct zpool *zpool,                    \
				       unsigned long handle, size_t len,       \
				       void *copy)                             \
	{                                                                      \
		return do_read_begin(zpool, handle, len, copy, pool_lock,      \
				     kind);                                    \
	}                                                                      \
	static void read_end_##name(struct zpool *zpool, unsigned long handle, \
				    size_t len, void *mem)                     \
	{                                                                      \
		(void)len;                                                     \
		(void)mem;                                                     \
		do_read_end(zpool, handle, kind);                              \
	}                                                                      \
	static void write_##name(struct zpool *zpool, unsigned long handle,    \
				 const void *mem, size_t len)                  \
	{                                                                      \
		do_write(zpool, handle, mem, len, pool_lock, kind);            \
	}

#define NAMES(name)                                                           \
	{                                                                     \
		map_##name, unmap_##name, read_begin_##name, read_end_##name, \
			write_##name                                          \
	}

#ifdef ZS_PLANT_RELAXED
#define IF_PLANTED(x) x
#else
#define IF_PLANTED(x)
#endif

/* The lock kinds whose lookup is under pool->lock or pool->migrate_lock. */
#define LOOKUP_CALLS(name, pool_lock)                     \
	CALLS(name##_rwlock, pool_lock, ZS_LOCK_RWLOCK)   \
	CALLS(name##_rwsem, pool_lock, ZS_LOCK_RWSEM)     \
	CALLS(name##_atomic, pool_lock, ZS_LOCK_ATOMIC)   \
	CALLS(name##_preempt, pool_lock, ZS_LOCK_PREEMPT) \
	IF_PLANTED(CALLS(name##_relaxed, pool_lock, ZS_LOCK_RELAXED))
#define LOOKUP_NAMES(name)                                                \
	{                                                                 \
		[ZS_LOCK_NONE] = NAMES(none), [ZS_LOCK_PIN] = NAMES(pin), \
		[ZS_LOCK_RWLOCK] = NAMES(name##_rwlock),                  \
		[ZS_LOCK_RWSEM] = NAMES(name##_rwsem),                    \
		[ZS_LOCK_ATOMIC] = NAMES(name##_atomic),                  \
		[ZS_LOCK_PREEMPT] = NAMES(name##_preempt),                \
		IF_PLANTED([ZS_LOCK_RELAXED] = NAMES(name##_relaxed))     \
	}

CALLS(none, false, ZS_LOCK_NONE)
CALLS(pin, false, ZS_LOCK_PIN)
LOOKUP_CALLS(pool, true)
LOOKUP_CALLS(class, false)

static const struct map_calls calls[2][ZS_LOCK_KINDS] = {
	LOOKUP_NAMES(class),
	LOOKUP_NAMES(pool),
};

void zs_map_driver(struct zs_pool *pool, bool obj)
{
	const struct map_calls *c =
		&calls[pool->locking == ZS_LOCKED_POOL][pool->zspage_lock];
	struct zpool_driver *d = &pool->driver;

	d->map = c->map;
	d->unmap = c->unmap;
	if (!obj)
		return;
	d->obj_read_begin = c->read_begin;
	d->obj_read_end = c->read_end;
	d->obj_write = c->write;
	if (pool->zspage_lock != ZS_LOCK_PIN &&
	    pool->zspage_lock != ZS_LOCK_RWLOCK)
		pool->zpool.caps |= ZPOOL_SLEEP_MAPPED;
}
