/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two allocators in step: each operation is done by both, and results, page
 * counts, and the places and bytes of objects are compared. Frames compare up
 * to renaming: two objects share a frame in one pool iff they do in the other.
 */
#ifndef ZLAB_PLACEMENT_H
#define ZLAB_PLACEMENT_H

#include "backends/zpool.h"

/** enum placement_kind - what is compared */
enum placement_kind {
	PLACEMENT_ANSWERS, /* errno of malloc, results of other calls */
	PLACEMENT_PAGES, /* pages of the pool, after every operation */
	PLACEMENT_FRAMES, /* which objects share a frame */
	PLACEMENT_SLOTS, /* index in the zspage, or offset in the frame */
	PLACEMENT_FREED, /* pages freed by a compaction, and its estimate */
	PLACEMENT_MOVED, /* places of all objects after one */
	PLACEMENT_CONTENTS, /* bytes of the objects, in both */
	PLACEMENT_KINDS
};

extern const char *const placement_kind_name[PLACEMENT_KINDS];

/**
 * struct placement_result - what was found
 * @ops: operations done
 * @compared: comparisons by enum placement_kind
 * @differences: of those, unequal ones
 * @total: all differences
 * @first: the first difference, in words; empty when there is none
 * @corrupt: the first object whose bytes have changed, in words; or empty
 */
struct placement_result {
	uint64_t ops;
	uint64_t compared[PLACEMENT_KINDS];
	uint64_t differences[PLACEMENT_KINDS];
	uint64_t total;
	char first[512];
	char corrupt[512];
};

struct placement;

/**
 * placement_create() - two empty pools
 * @spec: their backends
 * @config: for both
 * @objects: most objects at one time; their ids are below it
 * @result: receives the findings; stays the caller's
 * @err: receives the error line
 *
 * Used by one thread, CPU 0. Return: NULL with @err set on failure.
 */
struct placement *placement_create(const char *const spec[2],
				   const struct zpool_config *config,
				   size_t objects,
				   struct placement_result *result,
				   struct err *err);

void placement_destroy(struct placement *p);

/** placement_store() - (re)place object @id by one of @size bytes */
void placement_store(struct placement *p, size_t id, size_t size);

/** placement_load() - compare the object's bytes and place; 0 if it is none */
bool placement_load(struct placement *p, size_t id);

/** placement_free() - release object @id, if there is one */
void placement_free(struct placement *p, size_t id);

/**
 * placement_unlimit_deferring() - lift the limit of pools with deferred work
 *
 * Such pools may free an empty page at different times. With a limit they could
 * run out of memory at different times although their placement is the same.
 */
void placement_unlimit_deferring(struct placement *p);

/** placement_compact() - compact both, then compare all places */
void placement_compact(struct placement *p);

/** placement_migrate() - replace the frame of object @id, in both */
void placement_migrate(struct placement *p, size_t id);

/** placement_work() - run the deferred work about the frame of object @id */
void placement_work(struct placement *p, size_t id);

/** placement_settle() - run all deferred work of both, oldest first */
void placement_settle(struct placement *p);

/** placement_shrink() - settle, then evict from both until @pages are free */
void placement_shrink(struct placement *p, unsigned pages);

/**
 * placement_trace() - perform a trace's events
 * @path: a .zlt
 * @codec: codec whose sizes in the trace are used; NULL for the first
 * @result: receives the findings
 *
 * Return: 0, or a negative errno with @err set.
 */
int placement_trace(const char *const spec[2], const char *path,
		    const char *codec, struct placement_result *result,
		    struct err *err);

/**
 * placement_random() - perform operations generated from a seed
 *
 * Sizes and lifetimes follow a pattern that the seed chooses, with compaction,
 * migration, deferred work and eviction where both have it, refused sizes and
 * pools that run out of memory. Return: 0, or a negative errno with @err set.
 */
int placement_random(const char *const spec[2], uint64_t seed, size_t ops,
		     struct placement_result *result, struct err *err);

#endif
