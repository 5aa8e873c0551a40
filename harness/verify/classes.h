/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Size classes, as the running allocator reports them, and the cost per object
 * of additional bytes in each zspage (a longer lock).
 */
#ifndef ZLAB_CLASSES_H
#define ZLAB_CLASSES_H

#include <stddef.h>

#include "backends/zpool.h"

/** struct class_share - bytes per object, over a set of classes */
struct class_share {
	double mean, median, max;
};

/**
 * struct class_table - all classes
 * @class: one for each logical class (slot), smallest first
 * @nr: how many there are
 * @physical: how many of them exist; the others are served by a larger one
 * @huge_limit: smallest object that gets a huge class, one object in one page;
 *		zram keeps pages of this size or more uncompressed
 * @handle_bytes: bytes of the handle in front of each object; 0 if a handle
 *		  encodes the location
 * @spanning: share of slots that cross a page boundary, mean over logical
 *	      classes
 * @lock_share: zspages per object, over the classes that exist, so that n bytes
 *		more in each cost n times that
 * @over_physical: added bytes per object, over the classes that exist
 * @over_logical: over all logical classes
 * @over_small: over logical classes that are not huge
 */
struct class_table {
	struct zpool_class *class;
	size_t nr, physical;
	unsigned huge_limit, handle_bytes;
	double spanning;
	struct class_share lock_share;
	struct class_share over_physical, over_logical, over_small;
};

/**
 * class_table_read() - ask a pool for its classes
 * @pool: the pool
 * @extra: bytes added to each zspage
 * @table: receives the table; to be released with class_table_free()
 * @err: receives the error line
 *
 * Return: 0; -ENOENT when the allocator has no size classes; -ENOMEM.
 */
int class_table_read(struct zpool *pool, unsigned extra,
		     struct class_table *table, struct err *err);

/**
 * class_table_find() - the class that takes an object of @size bytes
 *
 * The first class that is large enough for the object and its handle, or the
 * largest class if none is. Return: index of a logical class.
 */
size_t class_table_find(const struct class_table *table, size_t size);

/** class_table_free() - release what class_table_read() filled in */
void class_table_free(struct class_table *table);

#endif
