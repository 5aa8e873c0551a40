/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics of a whole trace, as "zlab info" prints them: counts, object sizes
 * per codec, and activity.
 */
#ifndef ZLAB_TRACES_SUMMARY_H
#define ZLAB_TRACES_SUMMARY_H

#include <stdio.h>

#include "traces/activity.h"
#include "traces/source.h"

/**
 * struct summary_classes - how the stored objects concentrate on size classes
 * @backend: the allocator whose size classes they are, or NULL if not computed
 * @used: number of classes with at least one object
 * @top: share of the objects in the fullest class, 0..1
 * @top5: share of the objects in the five fullest classes, 0..1
 * @effective: 1 / sum of the squared shares, the effective number of classes:
 *	       that many classes of equal use concentrate as much
 */
struct summary_classes {
	const char *backend;
	size_t used;
	double top, top5, effective;
};

/**
 * struct summary_sizes - object sizes of the stores under one codec
 * @codec: the codec; "object" for a trace of sizes
 * @stores: stores whose size is known
 * @mean: mean size in bytes
 * @min: least size in bytes
 * @p10: 10th percentile in bytes
 * @p50: median in bytes
 * @p90: 90th percentile in bytes
 * @max: greatest size in bytes
 * @incompressible: stores of 4096 bytes or more
 * @histogram: stores by size, in 16 ranges of 256 bytes: 1..256, 257..512, ...;
 *	       the last range includes all larger sizes
 * @fine: the same in 256 ranges of 16 bytes, the distance of size classes
 * @objects: stores by size, only those that reach an allocator: neither
 *	     same-filled pages nor incompressible ones
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
 * struct summary - the statistics of a trace
 * @live_end: keys stored at the end if loads keep the copy
 * @unchanged: stores of the same content that the key was stored with before
 * @same_filled: stores of same-filled pages
 * @has_contents: whether @unchanged, @same_filled and unique pages are known
 * @address_spaces: distinct address spaces; 0 if keys are not addresses
 * @activity: when the CPUs perform operations
 * @sizes: object sizes, one entry per codec
 * @sizes_count: number of entries in @sizes
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

#define SUMMARY_WANT (ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS)

/**
 * summary_make() - read a whole trace, twice if it has times, and summarize it
 * @source: opened with SUMMARY_WANT, at its first event
 * @s: receives the summary; the caller releases it with summary_free(), also
 *     after a failure
 *
 * Return: 0 or as source_next().
 */
int summary_make(struct source *source, struct summary *s, struct err *err);
void summary_free(struct summary *s);

/**
 * summary_concentrate() - compute how objects concentrate on size classes
 * @s: receives the result in the @classes of each of its sizes
 * @backend: the allocator's name; must outlive @s
 * @class_of: returns the class, below @classes, of an object of @size bytes
 * @classes: number of classes
 * @arg: passed to @class_of
 *
 * Return: 0 or -ENOMEM.
 */
int summary_concentrate(struct summary *s, const char *backend,
			size_t (*class_of)(const void *arg, size_t size),
			size_t classes, const void *arg, struct err *err);

/**
 * summary_print() - print a summary as text
 */
void summary_print(const struct zlt_info *info, const struct summary *s,
		   FILE *out);

/**
 * summary_json() - convert a summary to one JSON object
 *
 * Return: a new object, or NULL when memory ran out.
 */
json_t *summary_json(const struct zlt_info *info, const struct summary *s);

#endif
