// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the occupancy of each frame as JSON lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/replay/occupancy.h"
#include "harness/replay/result.h"

struct frame {
	pfn_t pfn;
	uint32_t bytes;
};

static int by_pfn(const void *a, const void *b)
{
	pfn_t x = ((const struct frame *)a)->pfn;
	pfn_t y = ((const struct frame *)b)->pfn;

	return x < y ? -1 : x > y;
}

/* The object of a key, with a front end or without. */
static bool find(const struct swap *s, uint32_t key, unsigned long *handle,
		 size_t *length)
{
	const struct swap_slot *slot = &s->slots[key];

	if (s->zram)
		return zram_disk_object(s->zram, key, handle, length);
	if (s->zswap)
		return zswap_object(s->zswap, key, handle, length);
	*handle = slot->handle;
	*length = slot->length;
	return slot->flags & SWAP_LIVE && !(slot->flags & SWAP_SAME);
}

/* Find the frame in which each object begins. */
static struct frame *locate_all(const struct swap *s, size_t *count)
{
	struct zpool *pool = s->pools.at[0];
	struct frame *all = malloc((s->config.keys + 1) * sizeof(*all));
	struct zpool_location at;
	unsigned long handle;
	size_t n = 0, length;
	uint32_t i;

	for (i = 0; all && i < s->config.keys; i++) {
		if (!find(s, i, &handle, &length))
			continue;
		pool->driver->locate(pool, handle, &at);
		all[n].pfn = at.pfn;
		all[n++].bytes = (uint32_t)length;
	}
	*count = n;
	return all;
}

static json_t *frames(const struct frame *all, size_t count)
{
	json_t *a = json_array();
	uint64_t bytes = 0;
	size_t i, first = 0;

	for (i = 0; i < count; i++) {
		bytes += all[i].bytes;
		if (i + 1 < count && all[i + 1].pfn == all[i].pfn)
			continue;
		json_array_append_new(a, json_pack("[I, I, I]",
						   (json_int_t)all[i].pfn,
						   (json_int_t)(i + 1 - first),
						   (json_int_t)bytes));
		first = i + 1;
		bytes = 0;
	}
	return a;
}

int occupancy_append(const struct swap *s, const char *path, const char *when,
		     json_t *trace, struct err *err)
{
	const struct zpool *pool = s->pools.at[0];
	struct zpool_stats stats;
	struct frame *all;
	json_t *line;
	size_t count;
	int ret;

	if (!pool->driver->locate || !pool->arena || s->pools.nr > 1)
		return err_set(err, -ENOTSUP,
			       "--occupancy: %s has no one set of frames in "
			       "which objects can be located",
			       pool->spec);
	all = locate_all(s, &count);
	if (!all)
		return err_set(err, -ENOMEM, "out of memory for the map");
	qsort(all, count, sizeof(*all), by_pfn);
	swap_stats(s, &stats);
	line = json_pack("{s:s, s:O, s:s, s:I, s:I, s:o}", "when", when,
			 "trace", trace, "backend", pool->spec, "page_size",
			 (json_int_t)arena_page_size(pool->arena), "pool_pages",
			 (json_int_t)stats.pages, "frames", frames(all, count));
	free(all);
	if (!line)
		return err_set(err, -ENOMEM, "out of memory for the map");
	ret = result_append(path, line, err);
	json_decref(line);
	return ret;
}
