/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What zbud and z3fold share: a frame cut into 64 chunks, and what is said of a
 * handle that names no object in one.
 */
#ifndef ZLAB_CHUNK_H
#define ZLAB_CHUNK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/zpool.h"

#define NCHUNKS_ORDER 6
#define TOTAL_CHUNKS (1u << NCHUNKS_ORDER)

/** chunk_debug() - whether this is a debug build, which checks handles */
static inline bool chunk_debug(void)
{
#ifdef ZLAB_DEBUG
	return true;
#else
	return false;
#endif
}

/** size_to_chunks() - chunks of 1 << @chunk_shift bytes that @size takes */
static inline unsigned size_to_chunks(size_t size, unsigned chunk_shift)
{
	return (size + ((size_t)1 << chunk_shift) - 1) >> chunk_shift;
}

/**
 * chunk_shrink() - shrink by whole pages
 * @zpool: the pool
 * @pages: how many to free
 * @reclaimed: counts them
 * @reclaim_page: frees one; 0 or a negative errno
 *
 * Return: 0, or what stopped @reclaim_page; -EINVAL for no page at all.
 */
static inline int chunk_shrink(struct zpool *zpool, unsigned pages,
			       unsigned *reclaimed,
			       int (*reclaim_page)(struct zpool *zpool))
{
	int ret = -EINVAL;

	for (*reclaimed = 0; *reclaimed < pages; ++*reclaimed) {
		ret = reclaim_page(zpool);
		if (ret)
			break;
	}
	return ret;
}

enum buddy {
	HEADLESS,
	FIRST,
	MIDDLE,
	LAST,
	BUDDIES
};

/**
 * struct chunk_note - what debug builds keep of a frame, in its descriptor
 * @used: the frame belongs to the pool
 * @mapped: per buddy, readers that have it mapped, or MAPPED_WRITER; a count
 *	    that orders nothing, so that it hides no race from a sanitizer
 */
struct chunk_note {
	atomic_t used;
	atomic_t mapped[BUDDIES];
	int pad;
};

#define MAPPED_WRITER (-1)

static inline struct chunk_note *chunk_note(struct arena *a, pfn_t pfn)
{
	return pfn_desc(a, pfn);
}

/** chunk_note_use() - remember that a frame belongs to the pool, or no more */
static inline void chunk_note_use(struct arena *a, pfn_t pfn, bool used)
{
	if (chunk_debug())
		atomic_set(&chunk_note(a, pfn)->used, used);
}

/**
 * chunk_bad_handle() - say what is wrong with a handle, end with status 1
 * @zpool: the pool
 * @call: what was tried with it
 * @buddy: which object of its frame it names, as far as one can say
 * @handle: the handle
 * @why: what is wrong
 */
static inline _Noreturn void
chunk_bad_handle(const struct zpool *zpool, const char *call, const char *buddy,
		 unsigned long handle, const char *why)
{
	fprintf(stderr, "zlab: pool %s: %s of handle 0x%lx (%s buddy): %s\n",
		zpool->spec ? zpool->spec : "?", call, handle, buddy, why);
	exit(1);
}

/**
 * chunk_note_map() - a mapping begins; a writer must be alone
 *
 * Return: what is wrong with it, or NULL.
 */
static inline const char *chunk_note_map(struct arena *a, pfn_t pfn,
					 unsigned buddy,
					 enum zpool_mapmode mode)
{
	atomic_t *m = &chunk_note(a, pfn)->mapped[buddy];
	int old = atomic_read(m), was, new;

	for (;; old = was) {
		if (old == MAPPED_WRITER)
			return "it is mapped for writing";
		if (old && mode != ZPOOL_MM_RO)
			return "it is mapped already, and this mapping would "
			       "write";
		new = mode == ZPOOL_MM_RO ? old + 1 : MAPPED_WRITER;
		was = atomic_cmpxchg_relaxed(m, old, new);
		if (was == old)
			return NULL;
	}
}

/** chunk_note_unmap() - a mapping ends. Return: what is wrong, or NULL */
static inline const char *chunk_note_unmap(struct arena *a, pfn_t pfn,
					   unsigned buddy)
{
	atomic_t *m = &chunk_note(a, pfn)->mapped[buddy];
	int old = atomic_read(m), was, new;

	for (;; old = was) {
		if (!old)
			return "it is not mapped";
		new = old == MAPPED_WRITER ? 0 : old - 1;
		was = atomic_cmpxchg_relaxed(m, old, new);
		if (was == old)
			return NULL;
	}
}

#endif
