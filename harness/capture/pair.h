/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From calls and returns to the events of a trace. An object is known by its
 * handle from its allocation to its free; where lines do not tell what returned,
 * the handle is that of the task's next write. Its key says who owns it: the page
 * that zswap or zram was storing in the same task; or it has only its own number.
 */
#ifndef ZLAB_CAPTURE_PAIR_H
#define ZLAB_CAPTURE_PAIR_H

#include "harness/capture/line.h"
#include "lib/err.h"
#include "traces/zlt.h"

/*
 * A key: the owner in the upper bits, a number of its own in the lower 44, as
 * zlt_key() makes them.
 */
#define PAIR_OBJECTS 0
#define PAIR_ZSWAP 1
#define PAIR_ZRAM 64

/**
 * struct pair_object - an object that is allocated
 * @call: the function that allocated it
 * @pool: address of its pool
 * @size: in bytes
 * @key: of its store
 * @number: of the object, from 0
 * @place: as zsmalloc packs it; 0 if it is not known
 * @pages: that the pool had before; only with @counted
 * @counted: @pages is known
 */
struct pair_object {
	const struct call *call;
	uint64_t pool, size, key, number, place, pages;
	bool counted;
};

/**
 * struct pair_sink - what receives the events
 * @arg: for @event
 * @log: for the functions below
 * @event: an event of the trace
 * @stored: an object was allocated, or NULL
 * @freed: it was freed, from a pool of @pages before; or NULL
 * @loaded: it was read, at @place; or NULL
 * @refused: an allocation failed with the errno @why; or NULL
 * @compacted: @freed pages went; or NULL
 *
 * Each returns 0 or a negative errno with the line set, which ends the capture.
 */
struct pair_sink {
	void *arg, *log;
	int (*event)(void *arg, const struct zlt_event *e, struct err *err);
	int (*stored)(void *arg, uint64_t handle, const struct pair_object *o,
		      struct err *err);
	int (*freed)(void *arg, const struct pair_object *o,
		     const struct line *line, struct err *err);
	int (*loaded)(void *arg, uint64_t handle, const struct pair_object *o,
		      struct err *err);
	int (*refused)(void *arg, const struct pair_object *o, int why,
		       struct err *err);
	int (*compacted)(void *arg, const struct pair_object *o, uint64_t freed,
			 struct err *err);
};

/**
 * struct pair_counts - what was seen
 * @lines: that were read
 * @bad: that could not be read, or lack a value
 * @lost: events that the kernel dropped, as the lines say
 * @events: of the trace
 * @stores: objects allocated
 * @loads: objects read
 * @invalidates: objects freed without a newer one of the same key
 * @replaced: objects freed after a newer one of the same key came
 * @compacts: pools compacted
 * @unkeyed: of @stores, those without an owner
 * @refused: allocations that failed
 * @before: reads and frees of objects from before the capture
 * @cut: calls without the return, or returns without the call
 * @mistaken: objects freed for a page that is not their key's
 * @repaired: objects whose free was not seen
 * @overlaps: allocations and frees that began while another was going on
 * @pools: pools that were seen
 */
struct pair_counts {
	uint64_t lines, bad, lost;
	uint64_t events, stores, loads, invalidates, replaced, compacts;
	uint64_t unkeyed, refused, before, cut, mistaken, repaired, overlaps,
		pools;
};

struct pair;

/**
 * pair_new() - begin
 * @sink: copied
 *
 * Return: for pair_free(), or NULL when memory is out.
 */
struct pair *pair_new(const struct pair_sink *sink);

void pair_free(struct pair *p);

/**
 * pair_text() - a line of text
 *
 * Lines that cannot be read are counted. Return: 0, or a negative errno: of the
 * sink, or -ENOMEM.
 */
int pair_text(struct pair *p, const char *text, struct err *err);

/**
 * pair_end() - the last line was read
 *
 * Return: as pair_text().
 */
int pair_end(struct pair *p, struct err *err);

/** pair_counts() - what was seen so far */
const struct pair_counts *pair_counts(const struct pair *p);

/** pair_zrams() - how many zram devices own objects */
unsigned pair_zrams(const struct pair *p);

#endif
