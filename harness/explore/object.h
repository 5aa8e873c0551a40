/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses of a front end to the memory of a pool. These are instrumented: they
 * are points, and are checked as the pool's own.
 */
#ifndef ZLAB_EXPLORE_OBJECT_H
#define ZLAB_EXPLORE_OBJECT_H

#include "backends/zpool.h"

/** object_write() - fill an object with @len bytes */
void object_write(struct zpool *pool, unsigned long handle, const void *from,
		  size_t len);

/** object_read() - copy an object of @len bytes; @copy has room for them, too */
void object_read(struct zpool *pool, unsigned long handle, void *to, void *copy,
		 size_t len);

/** object_word() - an object's first word, which may be changing meanwhile */
uint64_t object_word(struct zpool *pool, unsigned long handle,
		     const void *object);

#endif
