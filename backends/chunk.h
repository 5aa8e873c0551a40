/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code shared by zbud and z3fold: a frame divided into 64 chunks, and the
 * messages for a handle that names no object.
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

/** size_to_chunks() - number of chunks of 1 << @chunk_shift bytes for @size */
static inline unsigned size_to_chunks(size_t size, unsigned chunk_shift)
{
	return (size + ((size_t)1 << chunk_shift) - 1) >> chunk_shift;
}

/**
 * chunk_shrink() - shrink by whole pages
 * @zpool: the pool
 * @pages: how many to free
 * @reclaimed: receives the number of pages freed
 * @reclaim_page: frees one page; returns 0 or a negative errno
 *
 * Return: 0, or the error of @reclaim_page; -EINVAL when @pages is 0.
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
 * struct chunk_note - a frame's state for debug builds, in its descriptor
 * @used: the frame belongs to the pool
 * @mapped: per buddy, number of readers that have it mapped, or MAPPED_WRITER;
 *	    accessed without ordering, so that it hides no race from a sanitizer
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

/** chunk_note_use() - record whether a frame belongs to the pool */
static inline void chunk_note_use(struct arena *a, pfn_t pfn, bool used)
{
	if (chunk_debug())
		atomic_set(&chunk_note(a, pfn)->used, used);
}

/**
 * chunk_bad_handle() - report what is wrong with a handle, exit with status 1
 * @zpool: the pool
 * @call: name of the call that got the handle
 * @buddy: which object of its frame the handle names, as far as is known
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
 * chunk_note_map() - a mapping begins; a writer excludes all others
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
