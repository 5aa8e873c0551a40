/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What frames and slabs tell the explorer: which memory is in use, so that an
 * access to other memory is found. In all other programs nothing is told.
 */
#ifndef ZLAB_MEM_WATCH_H
#define ZLAB_MEM_WATCH_H

#ifdef SYNC_EXPLORE
#include <stddef.h>

/** enum mem_kind - what is taken and freed */
enum mem_kind {
	MEM_FRAME,
	MEM_DESC, /* descriptor of a frame, with the frame */
	MEM_OBJECT, /* of a slab */
	MEM_SLAB_PAGE, /* a frame of a slab: its objects are free */
};

/** mem_taken() - @len bytes are in use from now on */
void mem_taken(enum mem_kind kind, const void *at, size_t len);

/** mem_freed() - they are free; an error if they were */
void mem_freed(enum mem_kind kind, const void *at, size_t len);

/** mem_looks() - what @lock covers is about to be read without it */
void mem_looks(const void *lock);
#else
#define mem_taken(kind, at, len) ((void)0)
#define mem_freed(kind, at, len) ((void)0)
#define mem_looks(lock) ((void)0)
#endif

#endif
