/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person wants to know of a trace.
 */
#ifndef ZLAB_TRACES_SUMMARY_H
#define ZLAB_TRACES_SUMMARY_H

#include <stdio.h>

#include "traces/activity.h"
#include "traces/zlt.h"

/**
 * struct summary_classes - how the objects of the stores concentrate on size
 *			    classes
 * @backend: the allocator whose classes they are, or NULL when nobody asked
 * @used: classes with an object
 * @top: share of the objects in the class that has most
 * @top5: in the five classes that have most
 * @effective: 1 / sum of the squared shares: so many classes of equal use would
 *	       concentrate as much
 */
struct summary_classes {
	const char *backend;
	size_t used;
	double top, top5, effective;
};

/**
 * struct summary_sizes - object sizes of the stores under one codec
 * @codec: the codec; "object" for a trace of sizes
 * @stores: stores of which the size is known
 * @mean: bytes
 * @min: bytes
 * @p10: bytes
 * @p50: bytes
 * @p90: bytes
 * @max: bytes
 * @incompressible: stores of 4096 bytes or more
 * @histogram: stores by size, 16 ranges of 256 bytes: 1..256, 257..512, ...;
 *	       the last also holds what is larger
 * @fine: the same in 256 ranges of 16 bytes, the step of size classes
 * @objects: stores by size, of those that come to an allocator: not of a
 *	     same-filled page, nor of one that a codec does not shrink
 * @classes: filled by summary_concentrate()
 */
struct summary_sizes {
	char codec[ZLT_CODEC_MAX + 1];
	uint64_t stores;
	double mean;
	uint32_t min, p10, p50, p90, max;
	uint64_t incompressible;
	uint64_t histogram[16];
	uint64_t fine[256];
	uint64_t objects[ZLT_PAGE_SIZE + 1];
	struct summary_classes classes;
};

/**
 * struct summary - all of it
 * @live_end: keys stored at the end when loads keep the copy
 * @unchanged: stores of the very page the key held before
 * @same_filled: stores of a page whose words are all the same
 * @has_contents: whether @unchanged, @same_filled and unique pages are known
 * @address_spaces: distinct; 0 when keys are not addresses
 * @activity: when CPUs are at work
 * @sizes: one per codec
 * @sizes_count: how many
 */
struct summary {
	uint64_t live_end;
	uint64_t unchanged;
	uint64_t same_filled;
	bool has_contents;
	uint64_t address_spaces;
	struct activity activity;
	struct summary_sizes *sizes;
	size_t sizes_count;
};

#define SUMMARY_WANT (ZLT_TIME | ZLT_CPU | ZLT_TID)

/**
 * summary_make() - read a whole trace, twice, and sum it up
 * @r: opened with SUMMARY_WANT, at its first event
 * @s: filled; summary_free() it also after a failure
 *
 * Return: 0 or as zlt_next().
 */
int summary_make(struct zlt_reader *r, struct summary *s, struct err *err);
void summary_free(struct summary *s);

/**
 * summary_concentrate() - find out how objects concentrate on size classes
 * @s: its sizes' @classes are filled
 * @backend: the allocator; stays the caller's
 * @class_of: the class, below @classes, that takes an object of @size bytes
 * @classes: number of classes
 * @arg: passed to @class_of
 *
 * Return: 0 or -ENOMEM.
 */
int summary_concentrate(struct summary *s, const char *backend,
			size_t (*class_of)(const void *arg, size_t size),
			size_t classes, const void *arg, struct err *err);

/**
 * summary_print() - as text for a person
 */
void summary_print(const struct zlt_info *info, const struct summary *s,
		   FILE *out);

/**
 * summary_json() - as one JSON object
 *
 * Return: a new object, or NULL when memory ran out.
 */
json_t *summary_json(const struct zlt_info *info, const struct summary *s);

#endif
