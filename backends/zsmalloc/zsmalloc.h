/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zsmalloc's internal structures, shared by its files. Outside this directory,
 * only tests that corrupt these structures include this header.
 *
 * A zspage is a chain of independent frames, divided into equal slots: slot k
 * starts k * size bytes into the chain and may cross a frame's end. The first
 * word of a free slot links to the next free slot; the first word of an
 * allocated slot holds its handle with bit 0 set (indirect handles; a huge
 * zspage, one slot in one frame, keeps the handle in its descriptor instead).
 *
 * A location word encodes where a slot is: frame of its first byte, class,
 * index in the zspage; bit 0 is a tag. A handle is a location (direct) or the
 * address of a word that holds a location (indirect). Links are locations too,
 * so that no chain is walked to find a slot.
 *
 * Ghost frames have no slots to write to: there the words of a zspage's slots lie
 * in a run beside them, see zs_word_of().
 */
#ifndef ZLAB_ZSMALLOC_H
#define ZLAB_ZSMALLOC_H

#include "backends/ghost/ghost.h"
#include "backends/page.h"
#include "backends/zpool.h"
#include "backends/zsmalloc/zspage_lock.h"

#define ZS_ALIGN_MIN 32
#define ZS_HANDLE_SIZE 8
#define ZS_MAX_CLASSES 257
#define ZS_MAX_CHAIN 16
#define ZS_MAX_GROUPS 12
#define ZS_MAGIC 0x58

#define ZS_TAG 1ul
#define ZS_INDEX_SHIFT 1
#define ZS_INDEX_BITS 15
#define ZS_CLASS_SHIFT (ZS_INDEX_SHIFT + ZS_INDEX_BITS)
#define ZS_CLASS_BITS 9
#define ZS_PFN_SHIFT (ZS_CLASS_SHIFT + ZS_CLASS_BITS)

/* Ends a zspage's list of free slots. */
#define ZS_LINK_END (~ZS_TAG)
/* In a debug build, the word of a freed handle: its frame is PFN_NONE. */
#define ZS_WORD_FREED ((unsigned long)PFN_NONE << ZS_PFN_SHIFT)

/** enum zs_lock - what guards a class and the lookup of a zspage */
enum zs_lock {
	ZS_LOCKED_POOL,
	ZS_LOCKED_CLASS,
	ZS_LOCKED_CLASS_FREE,
};

enum zs_rule {
	ZS_RULE_PERCENT,
	ZS_RULE_WASTE
};

enum zs_compact {
	ZS_COMPACT_OLD,
	ZS_COMPACT_NEW,
	ZS_COMPACT_NONE
};

/** struct zs_params - the options, as lib/spec.h fills them in */
struct zs_params {
	long long lock, zspage, handle, chain, rule, groups, compact, release,
		map;
};

/**
 * struct zs_desc - descriptor of a frame
 * @zspage: the zspage that the frame belongs to
 * @next: next frame of the zspage, or PFN_NONE
 * @first: offset of the first slot that starts in the frame
 * @class: index of the zspage's class + 1, or 0 while the frame is in no
 *	   zspage; written last and cleared under the class's lock, so that code
 *	   that has only a frame number can find which lock to take
 * @words: ghost frames: the run of the zspage's words
 */
struct zs_desc {
	struct zspage *zspage;
	pfn_t next;
	uint16_t first;
	uint16_t class;
#ifdef ARENA_GHOST
	uint32_t words;
#endif
};

/**
 * struct zspage - descriptor of a zspage
 * @class: index of its class
 * @huge: one slot in one frame
 * @magic: ZS_MAGIC while the zspage exists
 * @inuse: allocated slots
 * @fullness: fullness group whose list the zspage is on
 * @first: first frame of the chain
 * @owner: zs_owner() of its pool, for checks
 * @freeobj: location of the first free slot, or ZS_LINK_END
 * @handle: handle of a huge zspage's only object
 * @prev: neighbour on the list towards the head
 * @next: neighbour on the list away from the head
 * @lock: the zspage lock; last, since its size depends on the lock kind
 *
 * It fits into the bytes that the kernel's takes, see zspage_bytes(). The
 * class's lock guards all but @class, @huge and @lock; @first, and the
 * frames' @next, change under @lock held for writing as well.
 */
struct zspage {
	uint16_t class;
	uint8_t huge;
	uint8_t magic;
	uint16_t inuse;
	uint16_t fullness;
	pfn_t first;
	uint32_t owner;
	union {
		unsigned long freeobj;
		unsigned long handle;
	};
	struct zspage *prev, *next;
	union zspage_lock lock;
};
_Static_assert(offsetof(struct zspage, lock) == 40, "what zspage_bytes() adds");

/**
 * struct size_class - a size class
 * @lock: guards the lists and counters (lock=pool: pool->lock does)
 * @size: bytes of a slot
 * @index: number of its logical class
 * @objs_per_zspage: slots of a zspage
 * @pages_per_zspage: frames of a zspage
 * @huge: see struct zspage
 * @full: number of the last fullness group
 * @nonempty: bit g is set while @head[g] is not NULL
 * @inuse: allocated slots of all zspages
 * @allocated: slots of all zspages
 * @group_of: fullness group for a number of allocated slots
 * @head: the zspages of each group, emptiest group first
 */
struct size_class {
	spinlock_t lock;
	uint32_t size;
	uint16_t index;
	uint16_t objs_per_zspage;
	uint16_t pages_per_zspage;
	uint8_t huge;
	uint8_t full;
	uint32_t nonempty;
	unsigned long inuse;
	unsigned long allocated;
	uint8_t *group_of;
	struct zspage *head[ZS_MAX_GROUPS] __attribute__((aligned(64)));
} __attribute__((aligned(64)));

/*
 * State that map saves for unmap: one mapping per CPU.
 *
 * @reading: in a debug build, the object of the last obj_read_begin, until its
 *	     obj_read_end
 */
struct zs_map_area {
	unsigned long handle;
	struct zspage *zspage;
	char *first, *second;
	unsigned head, size;
	enum zpool_mapmode mode;
	unsigned long reading;
} __attribute__((aligned(64)));

/**
 * struct zs_pool - a pool
 * @zpool: the part that every pool has
 * @lock: the pool lock (lock=pool)
 * @migrate_lock: read-locked to look up a handle's zspage, write-locked to move
 *		  objects or frames (lock=class, class-free)
 * @size_class: for each logical class, the class that serves it
 * @cpus: 1 + the highest CPU that has mapped an object
 * @fixed_bytes: what the kernel's pool takes while it is empty, without the
 *		 mapping buffers
 * @words: ghost frames: the words of all slots
 */
/* NOLINTNEXTLINE(*-optin.performance.Padding): locks have their own lines */
struct zs_pool {
	struct zpool zpool;
	struct zpool_driver driver;
	struct slab *handles, *zspages;
	unsigned delta, nr_classes, min_size, max_size, overhead;
	enum zs_lock locking;
	enum zs_lock_kind zspage_lock;
	enum zs_compact compact;
	bool direct, after_head, release_after;
	unsigned groups;
	struct zs_params params;
	atomic_long_t compacting;
	atomic_long_t compacted_pages, moved_objects, moved_bytes;
	atomic_long_t migrated_pages, migrate_busy;
	struct zs_map_area *areas;
	char *map_buffers;
	atomic_t cpus;
	size_t fixed_bytes;
	uint8_t *group_tables;
	struct ghost_runs *words;
	spinlock_t lock __attribute__((aligned(64)));
	rwlock_t migrate_lock __attribute__((aligned(64)));
	struct size_class *size_class[ZS_MAX_CLASSES]
		__attribute__((aligned(64)));
	struct size_class classes[ZS_MAX_CLASSES];
};

/* Pools are aligned to 64 bytes, so the owners of two pools differ. */
static inline uint32_t zs_owner(const struct zs_pool *pool)
{
	return (uint32_t)((uintptr_t)pool >> 6);
}

zs_inline unsigned long location_to_obj(pfn_t pfn, unsigned class,
					unsigned index)
{
	return (unsigned long)pfn << ZS_PFN_SHIFT |
	       (unsigned long)class << ZS_CLASS_SHIFT |
	       (unsigned long)index << ZS_INDEX_SHIFT;
}

zs_inline pfn_t zs_loc_pfn(unsigned long loc)
{
	return loc >> ZS_PFN_SHIFT;
}

zs_inline unsigned zs_loc_class(unsigned long loc)
{
	return loc >> ZS_CLASS_SHIFT & ((1u << ZS_CLASS_BITS) - 1);
}

zs_inline unsigned zs_loc_index(unsigned long loc)
{
	return loc >> ZS_INDEX_SHIFT & ((1u << ZS_INDEX_BITS) - 1);
}

zs_inline struct zs_desc *zs_desc(const struct zs_pool *pool, pfn_t pfn)
{
	/* Not pfn_desc(): with a constant size, no multiplication is needed. */
	return (struct zs_desc *)pool->zpool.arena->descs + pfn;
}

zs_inline unsigned zs_page_size(const struct zs_pool *pool)
{
	return 1u << pool->zpool.arena->page_shift;
}

/* Offset of a slot in its frame. */
zs_inline unsigned zs_slot_offset(const struct zs_pool *pool,
				  const struct size_class *class,
				  unsigned long loc)
{
	return zs_loc_index(loc) * class->size & (zs_page_size(pool) - 1);
}

#ifdef ARENA_GHOST
/* The word of slot @index of the zspage that a frame belongs to. */
zs_inline unsigned long *zs_word_of(const struct zs_pool *pool, pfn_t pfn,
				    unsigned at, unsigned index)
{
	return pool->words->base + zs_desc(pool, pfn)->words + index;
}

zs_inline unsigned long *zs_slot_addr(const struct zs_pool *pool,
				      const struct size_class *class,
				      unsigned long loc)
{
	return zs_word_of(pool, zs_loc_pfn(loc), 0, zs_loc_index(loc));
}

/* Takes a run for the slots of a zspage with these frames. */
zs_inline bool zs_words_alloc(struct zs_pool *pool,
			      const struct size_class *class, const pfn_t *pfn)
{
	uint32_t words;
	unsigned i;

	if (class->huge)
		return true;
	words = ghost_run_alloc(pool->words, class->objs_per_zspage);
	for (i = 0; i < class->pages_per_zspage; i++)
		zs_desc(pool, pfn[i])->words = words;
	return words != GHOST_NO_RUN;
}

zs_inline void zs_words_free(struct zs_pool *pool, const struct zspage *zspage)
{
	const struct size_class *class = &pool->classes[zspage->class];

	if (!class->huge)
		ghost_run_free(pool->words, zs_desc(pool, zspage->first)->words,
			       class->objs_per_zspage);
}

/* A frame takes the place of another one. */
zs_inline void zs_words_move(struct zs_desc *to, const struct zs_desc *from)
{
	to->words = from->words;
}
#else
/* The first word of a slot, which starts @at bytes into a frame. */
zs_inline unsigned long *zs_word_of(const struct zs_pool *pool, pfn_t pfn,
				    unsigned at, unsigned index)
{
	return (unsigned long *)((char *)pfn_addr(pool->zpool.arena, pfn) + at);
}

zs_inline unsigned long *zs_slot_addr(const struct zs_pool *pool,
				      const struct size_class *class,
				      unsigned long loc)
{
	char *frame = pfn_addr(pool->zpool.arena, zs_loc_pfn(loc));

	return (unsigned long *)(frame + zs_slot_offset(pool, class, loc));
}

#define zs_words_alloc(pool, class, pfn) true
#define zs_words_free(pool, zspage) ((void)0)
#define zs_words_move(to, from) ((void)0)
#endif

/* The word behind an indirect handle, without its pin bit. */
zs_inline unsigned long zs_word(unsigned long handle)
{
	return READ_ONCE(*(unsigned long *)handle) & ~ZS_TAG;
}

zs_inline unsigned long handle_to_obj(const struct zs_pool *pool,
				      unsigned long handle)
{
	return pool->direct ? handle & ~ZS_TAG : zs_word(handle);
}

/* Takes the lock that guards the class: the pool's or the class's own. */
zs_inline void zs_class_lock(struct zs_pool *pool, struct size_class *class,
			     enum zs_lock locking)
{
	if (locking == ZS_LOCKED_POOL)
		spin_lock(&pool->lock);
	else
		spin_lock(&class->lock);
}

zs_inline void zs_class_unlock(struct zs_pool *pool, struct size_class *class,
			       enum zs_lock locking)
{
	if (locking == ZS_LOCKED_POOL)
		spin_unlock(&pool->lock);
	else
		spin_unlock(&class->lock);
}

zs_inline void zs_assert_class_locked(const struct zs_pool *pool,
				      const struct size_class *class)
{
	if (pool->locking == ZS_LOCKED_POOL)
		lockdep_assert_held(&pool->lock);
	else
		lockdep_assert_held(&class->lock);
}

/* The pin of an object (zspage=pin) is a bit of the word behind its handle. */

#define HANDLE_PIN_BIT 0

zs_inline void pin_tag(unsigned long *handle)
{
	bit_spin_lock(HANDLE_PIN_BIT, handle);
}

zs_inline bool trypin_tag(unsigned long *handle)
{
	return bit_spin_trylock(HANDLE_PIN_BIT, handle);
}

zs_inline void unpin_tag(unsigned long *handle)
{
	bit_spin_unlock(HANDLE_PIN_BIT, handle);
}

/* Whether migrate_lock guards the lookup of zspages and moving. */
zs_inline bool zs_uses_migrate_lock(enum zs_lock locking,
				    enum zs_lock_kind kind)
{
	return locking != ZS_LOCKED_POOL && kind != ZS_LOCK_NONE &&
	       kind != ZS_LOCK_PIN;
}

/* Lists. WRITE_ONCE as in list.h: a list may be looked at without the lock. */

zs_inline void remove_zspage(struct zs_pool *pool, struct size_class *class,
			     struct zspage *zspage)
{
	struct zspage *prev = zspage->prev, *next = zspage->next;
	unsigned group = zspage->fullness;

	zs_assert_class_locked(pool, class);
	if (next)
		WRITE_ONCE(next->prev, prev);
	if (prev) {
		WRITE_ONCE(prev->next, next);
		return;
	}
	class->head[group] = next;
	if (!next)
		class->nonempty &= ~(1u << group);
}

zs_inline void insert_zspage(struct size_class *class, struct zspage *zspage,
			     unsigned group, bool after_head)
{
	struct zspage *head = class->head[group];

	zspage->fullness = group;
	if (after_head && head && zspage->inuse < head->inuse) {
		WRITE_ONCE(zspage->prev, head);
		WRITE_ONCE(zspage->next, head->next);
		if (head->next)
			WRITE_ONCE(head->next->prev, zspage);
		WRITE_ONCE(head->next, zspage);
		return;
	}
	WRITE_ONCE(zspage->prev, NULL);
	WRITE_ONCE(zspage->next, head);
	if (head)
		WRITE_ONCE(head->prev, zspage);
	class->head[group] = zspage;
	class->nonempty |= 1u << group;
}

/* After a change of inuse: moves the zspage to its new group's list, if any. */
zs_inline void fix_fullness_group(struct zs_pool *pool,
				  struct size_class *class,
				  struct zspage *zspage)
{
	unsigned group = class->group_of[zspage->inuse];

	if (group == zspage->fullness)
		return;
	remove_zspage(pool, class, zspage);
	insert_zspage(class, zspage, group, pool->after_head);
}

/**
 * obj_malloc() - allocate the zspage's next free slot
 *
 * Return: its location. The zspage's fullness group is not updated.
 */
zs_inline unsigned long obj_malloc(struct zs_pool *pool,
				   struct size_class *class,
				   struct zspage *zspage, unsigned long handle,
				   bool direct)
{
	unsigned long *slot, loc;

	zs_assert_class_locked(pool, class);
	zspage->inuse++;
	if (class->huge) {
		loc = location_to_obj(zspage->first, class->index, 0);
		zspage->handle = handle;
		return loc;
	}
	loc = zspage->freeobj;
	slot = zs_slot_addr(pool, class, loc);
	zspage->freeobj = *slot;
	if (!direct)
		*slot = handle | ZS_TAG;
	return loc;
}

/** obj_free() - free a slot; the zspage's fullness group is not updated */
zs_inline void obj_free(struct zs_pool *pool, struct size_class *class,
			struct zspage *zspage, unsigned long loc)
{
	unsigned long *slot;

	zs_assert_class_locked(pool, class);
	zspage->inuse--;
	if (class->huge) {
		zspage->handle = 0;
		return;
	}
	slot = zs_slot_addr(pool, class, loc);
	*slot = zspage->freeobj;
	zspage->freeobj = loc;
}

/* Most frames that compaction can free; racy, as in the kernel. */
zs_inline unsigned long zs_class_can_compact(const struct size_class *class)
{
	unsigned long allocated = READ_ONCE(class->allocated);
	unsigned long inuse = READ_ONCE(class->inuse);

	if (allocated <= inuse)
		return 0;
	return (allocated - inuse) / class->objs_per_zspage *
	       class->pages_per_zspage;
}

/**
 * zs_unlink_zspage() - take an empty zspage out of its class
 *
 * The zspage must be on no list. Afterwards the caller owns its frames.
 */
void zs_unlink_zspage(struct zs_pool *pool, struct size_class *class,
		      struct zspage *zspage);

/** zs_free_zspage() - free an unlinked zspage and its frames; any context */
void zs_free_zspage(struct zs_pool *pool, struct zspage *zspage);

/* map.c: sets the driver's calls that access objects. */
void zs_map_driver(struct zs_pool *pool, bool obj);

/* compact.c */
unsigned long zs_compact(struct zpool *zpool);
unsigned long zs_can_compact(struct zpool *zpool);
int zs_migrate(struct zpool *zpool, pfn_t pfn);

/* check.c */
int zs_validate(struct zpool *zpool, struct err *err);

/**
 * zs_bad_handle() - report what is wrong with a handle, exit with status 1
 * @pool: the pool
 * @call: name of the call that got the handle
 * @handle: the handle
 */
_Noreturn void zs_bad_handle(struct zs_pool *pool, const char *call,
			     unsigned long handle, const char *why);

/**
 * zs_check_handle() - exit with a message unless @handle was given out
 *
 * Reads nothing that is guarded by a lock.
 */
void zs_check_handle(struct zs_pool *pool, const char *call,
		     unsigned long handle);

/**
 * zs_check_unused() - exit with a message if this CPU still accesses @handle
 *
 * Mappings of other CPUs are not checked, since they can end at any time.
 */
void zs_check_unused(struct zs_pool *pool, const char *call,
		     unsigned long handle);

/**
 * zs_check_frame() - exit with a message unless a location names a zspage
 *
 * Asserts that the caller holds a lock that prevents replacing the frame.
 */
void zs_check_frame(struct zs_pool *pool, const char *call,
		    unsigned long handle, unsigned long loc);

/**
 * zs_check_object() - exit with a message unless @handle's object is live
 *
 * Asserts that the caller holds a lock that prevents moving the object: its
 * class's lock, its zspage's lock, or its pin.
 */
void zs_check_object(struct zs_pool *pool, const char *call,
		     unsigned long handle);

#ifdef ZLAB_DEBUG
#define ZS_DEBUG 1
#else
#define ZS_DEBUG 0
#endif

/* The zspage of a handle's location. */
zs_inline struct zspage *zs_zspage(struct zs_pool *pool, const char *call,
				   unsigned long handle, unsigned long loc)
{
	if (ZS_DEBUG)
		zs_check_frame(pool, call, handle, loc);
	return zs_desc(pool, zs_loc_pfn(loc))->zspage;
}

#endif
