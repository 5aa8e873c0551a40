/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page frames: the memory of a pool.
 *
 * An arena is one reserved address range, divided into frames that are numbered
 * from 0, with a descriptor array behind them. Frame number, address and
 * descriptor are converted by arithmetic (the kernel's pfn_to_page,
 * page_address and virt_to_page). Metadata objects (handles, descriptors) are
 * allocated from slabs of the same arena and counted separately.
 */
#ifndef ZLAB_PAGE_H
#define ZLAB_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "backends/sync.h"
#include "lib/err.h"

/** typedef pfn_t - a frame's number in its arena; PFN_NONE is no frame */
typedef uint32_t pfn_t;
#define PFN_NONE ((pfn_t)~0u)

#define ARENA_PCP 64

/**
 * struct arena_config - parameters of an arena
 * @page_shift: log2 of the frame size: 12 (also for 0), 14 or 16
 * @desc_size: bytes of descriptor per frame, a multiple of 8; may be 0
 * @limit: most frames in use at once; 0 = as many as were reserved
 * @capacity: frames to reserve address space for; 0 = 64 GiB worth
 * @slab_capacity: pages of 4 KiB to reserve for each slab; 0 = as many as
 *		   @capacity, and 4 GiB worth at least
 * @keep_descs: do not clear the descriptor of a new frame (zero at first use),
 *		for an allocator that reads descriptors of frames it does not
 *		own
 * @huge: back frames, descriptors and slabs with huge pages where the system
 *	  can, as the kernel's direct map is
 * @base: fixed address of the whole reservation, a multiple of 2 MiB, and of
 *	  its slabs behind it; 0 = anywhere; with a fixed
 *	  base everything that hashes an address repeats between runs
 * @ghost: frames without memory: they have addresses, which nothing may read or
 *	   write; only where FRAMES_GHOST is set
 * @head_size: with @ghost, bytes of a frame's head, see frame_head()
 * @keep_words: with @ghost, keep the first word of each object, which an evict
 *		callback may read
 */
struct arena_config {
	unsigned page_shift;
	unsigned desc_size;
	size_t limit;
	size_t capacity;
	size_t slab_capacity;
	bool keep_descs;
	bool huge;
	uintptr_t base;
	bool ghost;
	unsigned head_size;
	bool keep_words;
};

/* Free frames of one CPU, so that the arena's lock is taken once per batch. */
struct arena_pcp {
	unsigned count;
	pfn_t pfn[ARENA_PCP];
} __attribute__((aligned(64)));

/**
 * struct arena - an arena; read its fields, change them only through calls
 * @frames: address of frame 0
 * @descs: descriptor of frame 0
 * @page_shift: log2 of the frame size
 * @desc_size: bytes per descriptor
 * @capacity: frames that exist
 * @limit: most frames in use at once
 * @used: frames in use now
 * @peak: most frames that were in use at once
 * @slab_bytes: bytes of slab pages in use now, all slabs of the arena
 * @fail_in: allocations (frames and slab objects) left until one fails; 0 = off
 * @fail_every: after that, each n-th fails as well; 0 = once
 * @heads: with ghost frames, the head of frame 0
 * @words: with ghost frames, the words of frame 0's chunks, or NULL
 * @ghost: with ghost frames, what each CPU has mapped; else NULL
 */
struct arena {
	char *frames;
	char *descs;
	unsigned page_shift;
	unsigned desc_size;
	size_t capacity;
	size_t limit;
	atomic_long_t used;
	atomic_long_t peak;
	atomic_long_t slab_bytes;
	atomic_long_t fail_in;
	long fail_every;

	spinlock_t lock;
	pfn_t *free_stack;
	size_t free_top;
	pfn_t never_used;
	bool keep_descs;
	bool huge;
	uintptr_t base;
	uintptr_t next_base; /* for the next slab; 0 = anywhere */
	size_t reserved;
	struct arena_pcp *pcp;
	size_t slab_capacity;

	char *heads;
	size_t head_size;
	unsigned long *words;
	struct ghost_cpu *ghost;
};

/**
 * arena_create() - reserve an arena; no frame is in use yet
 *
 * Return: the arena, owned by the caller, or NULL with @err set when address
 * space or the fixed base cannot be had, or a field is out of range.
 */
struct arena *arena_create(const struct arena_config *config, struct err *err);

/** arena_destroy() - free the arena, including frames in use */
void arena_destroy(struct arena *a);

/**
 * frame_alloc() - take one frame
 *
 * Its descriptor is zeroed unless the arena has @keep_descs; its contents are
 * undefined. Any context.
 * Return: the frame, or PFN_NONE at the limit, when the arena is exhausted or
 * when this allocation was chosen to fail.
 */
pfn_t frame_alloc(struct arena *a);

/** frame_free() - free a frame; it is counted as free immediately */
void frame_free(struct arena *a, pfn_t pfn);

/**
 * arena_fail() - make chosen allocations fail
 * @a: the arena
 * @nth: the @nth allocation from now fails (1 = the next); 0 switches it off
 * @every: afterwards each @every-th fails too; 0 = only the first
 */
void arena_fail(struct arena *a, long nth, long every);

/** arena_may_alloc() - false when this allocation was chosen to fail */
static inline bool arena_may_alloc(struct arena *a)
{
	long left = atomic_long_read(&a->fail_in), seen, next;

	while (__builtin_expect(left != 0, 0)) {
		next = left == 1 ? READ_ONCE(a->fail_every) : left - 1;
		/* Relaxed: a count with which no other memory goes. */
		seen = atomic_long_cmpxchg_relaxed(&a->fail_in, left, next);
		if (seen == left)
			return left != 1;
		left = seen;
	}
	return true;
}

/** arena_used() - frames in use */
static inline size_t arena_used(const struct arena *a)
{
	return (size_t)atomic_long_read(&a->used);
}

/** arena_page_size() - bytes of a frame */
static inline size_t arena_page_size(const struct arena *a)
{
	return (size_t)1 << a->page_shift;
}

/** pfn_addr() - address of a frame's first byte */
static inline void *pfn_addr(const struct arena *a, pfn_t pfn)
{
	return a->frames + ((size_t)pfn << a->page_shift);
}

/** addr_pfn() - the frame that holds an address of the arena */
static inline pfn_t addr_pfn(const struct arena *a, const void *addr)
{
	return (pfn_t)(((const char *)addr - a->frames) >> a->page_shift);
}

/** pfn_desc() - a frame's descriptor */
static inline void *pfn_desc(const struct arena *a, pfn_t pfn)
{
	return a->descs + (size_t)pfn * a->desc_size;
}

/** desc_pfn() - the frame a descriptor belongs to */
static inline pfn_t desc_pfn(const struct arena *a, const void *desc)
{
	return (pfn_t)(((const char *)desc - a->descs) / a->desc_size);
}

/** addr_in_arena() - whether an address lies in a frame of the arena */
static inline bool addr_in_arena(const struct arena *a, const void *addr)
{
	return (const char *)addr >= a->frames &&
	       (size_t)((const char *)addr - a->frames) <
		       a->capacity << a->page_shift;
}

/*
 * DOC: the bytes of frames
 *
 * An allocator gets at them through the calls below alone. Where FRAMES_GHOST is
 * set, which is in zlab-ghost, frames have no memory: their heads lie in an array
 * beside the descriptors, and the bytes of objects are not kept. Elsewhere the
 * calls cost no instruction over the pointer that they stand for.
 */
#ifdef ARENA_GHOST
#define FRAMES_GHOST 1
#else
#define FRAMES_GHOST 0
#endif

/**
 * frame_head() - what an allocator keeps at the start of a frame
 * @a: the arena
 * @pfn: the frame
 * @size: bytes of a head, the same in all calls: the arena's head_size
 */
static inline void *frame_head(const struct arena *a, pfn_t pfn, size_t size)
{
	return FRAMES_GHOST ? a->heads + (size_t)pfn * size : pfn_addr(a, pfn);
}

/** addr_head() - the head of the frame that holds an address */
static inline void *addr_head(const struct arena *a, unsigned long addr,
			      size_t size)
{
	return FRAMES_GHOST
		       ? frame_head(a, addr_pfn(a, (const void *)addr), size)
		       : (void *)(addr & ~(arena_page_size(a) - 1));
}

/** head_pfn() - the frame that a head belongs to */
static inline pfn_t head_pfn(const struct arena *a, const void *head,
			     size_t size)
{
	return FRAMES_GHOST
		       ? (pfn_t)((size_t)((const char *)head - a->heads) / size)
		       : addr_pfn(a, head);
}

/** head_addr() - address of the first byte of a head's frame */
static inline void *head_addr(const struct arena *a, const void *head,
			      size_t size)
{
	return FRAMES_GHOST ? pfn_addr(a, head_pfn(a, head, size))
			    : (void *)head;
}

/* ghost/frame.c */
void *ghost_map(struct arena *a, void *addr, unsigned long handle, bool writes);
void ghost_unmap(struct arena *a, unsigned long handle);
unsigned long *ghost_word(const struct arena *a, const void *addr);

/**
 * frame_map() - bytes of an object that its user may read or write
 * @a: the arena
 * @addr: the object, in a frame
 * @handle: the object's handle, which frame_unmap() is given
 * @writes: the user fills the object
 *
 * Of a ghost, room of this CPU's, the same for all objects, in which only the
 * first word is the object's, and only with keep_words.
 */
static inline void *frame_map(struct arena *a, void *addr, unsigned long handle,
			      bool writes)
{
	return FRAMES_GHOST ? ghost_map(a, addr, handle, writes) : addr;
}

/** frame_unmap() - the end of frame_map() */
static inline void frame_unmap(struct arena *a, unsigned long handle)
{
	if (FRAMES_GHOST)
		ghost_unmap(a, handle);
}

/** frame_object() - bytes of an object, for an evict callback */
static inline const void *frame_object(const struct arena *a, const void *addr)
{
	return FRAMES_GHOST ? ghost_word(a, addr) : addr;
}

/**
 * frame_copy() - copy an object's bytes between frames
 *
 * memcpy() and, in the calls below, memmove() where the two places may overlap;
 * of a ghost only the word is copied. As macros they are the C library's own
 * calls, which some flavours rename.
 */
#ifdef ARENA_GHOST
static inline void frame_copy(const struct arena *a, void *to, const void *from,
			      size_t bytes)
{
	if (a->words)
		*ghost_word(a, to) = *ghost_word(a, from);
}

#define frame_move frame_copy
#define memcpy_from_frame(to, from, bytes) ((void)(to), (void)(from))
#define memcpy_to_frame(to, from, bytes) ((void)(to), (void)(from))
#else
#define frame_copy(a, to, from, bytes) memcpy(to, from, bytes)
#define frame_move(a, to, from, bytes) memmove(to, from, bytes)
/* memcpy_from_frame() - copy bytes out of a frame, or into one */
#define memcpy_from_frame memcpy
#define memcpy_to_frame memcpy
#endif

struct slab;

/**
 * slab_create() - a cache of equal metadata objects
 * @a: arena it is counted in
 * @name: for messages, e.g. "zs_handle"
 * @size: bytes of an object, at least 8
 * @align: power of two, at least 8; 0 = 8
 * @err: receives the error line
 *
 * Objects are packed into 4 KiB pages as SLUB packs them; an address is a
 * multiple of @align, so low bits are free for tags. Freed objects are kept on
 * a list of the CPU; a page is freed when all its objects are back on its list.
 * Return: the cache, or NULL with @err set.
 */
struct slab *slab_create(struct arena *a, const char *name, size_t size,
			 size_t align, struct err *err);

/** slab_destroy() - free the cache; return: objects that were still in use */
size_t slab_destroy(struct slab *slab);

/**
 * slab_alloc() - take one object, contents undefined
 *
 * Any context. Return: the object, or NULL when memory is exhausted or this
 * allocation was chosen to fail.
 */
void *slab_alloc(struct slab *slab);

/** slab_zalloc() - as slab_alloc(), zeroed */
void *slab_zalloc(struct slab *slab);

/** slab_free() - free an object; any context */
void slab_free(struct slab *slab, void *obj);

/**
 * slab_owns() - whether @obj is the address of an object in use
 *
 * For checking untrusted handles in debug code; exact when no thread frees.
 */
bool slab_owns(struct slab *slab, const void *obj);

/**
 * slab_in_range() - whether @obj could be the address of an object
 *
 * Checks only the address and takes no lock: also true for a freed object.
 */
bool slab_in_range(struct slab *slab, const void *obj);

/** slab_objects() - objects in use */
size_t slab_objects(const struct slab *slab);

/** slab_bytes() - bytes of pages the cache holds */
size_t slab_bytes(const struct slab *slab);

/**
 * kmalloc_bytes() - memory that an object of the general heap takes
 * @size: bytes that are asked for
 *
 * What the kernel's kmalloc() takes: from 8 bytes to two pages of 4 KiB an
 * object of the next cache, above that whole pages, a power of two of them.
 */
size_t kmalloc_bytes(size_t size);

#endif
