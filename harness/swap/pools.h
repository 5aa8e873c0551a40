/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pools of a swap path: identical pools of one allocator. A hash of the
 * slot chooses the pool of a page. The direct path and zswap share the
 * operations on all pools, and the choice of calls that read and write objects.
 */
#ifndef ZLAB_SWAP_POOLS_H
#define ZLAB_SWAP_POOLS_H

#include "backends/zpool.h"

#define SWAP_MAX_POOLS 32

/**
 * enum swap_api - which calls of the allocator carry the bytes
 * @SWAP_API_AUTO: obj where the allocator has it, else map
 * @SWAP_API_MAP: map and unmap, as up to 6.14. If the allocator forbids
 *		  sleeping while mapped, objects are copied before expanding.
 * @SWAP_API_OBJ: obj_read_begin, obj_read_end, obj_write, as since 6.15
 */
enum swap_api {
	SWAP_API_AUTO,
	SWAP_API_MAP,
	SWAP_API_OBJ
};

/**
 * struct swap_pools - the pools, owned by their creator
 * @nr: how many
 * @copy_first: an object is copied before it is expanded, since the allocator
 *		forbids sleeping while it is mapped
 * @contents: the allocator keeps the bytes that were written
 * @own_driver: the pools' driver is a table that belongs to these pools
 * @at: each
 */
struct swap_pools {
	unsigned nr;
	bool copy_first, contents, own_driver;
	struct zpool *at[SWAP_MAX_POOLS];
};

/**
 * pools_create() - make the pools
 * @p: filled in
 * @backend: spec of the allocator
 * @n: how many, 1..SWAP_MAX_POOLS
 * @config: configuration of each pool
 * @api: with SWAP_API_MAP the obj calls are removed from the driver, so that
 *	 zpool_write() and zpool_read_begin() map
 * @err: receives the error line
 *
 * Return: 0, or -EINVAL: a bad spec or number, an api that the allocator lacks,
 * out of memory. After an error, pools_destroy() frees what was created.
 */
int pools_create(struct swap_pools *p, const char *backend, unsigned n,
		 const struct zpool_config *config, enum swap_api api,
		 struct err *err);

/** pools_destroy() - free them with all objects */
void pools_destroy(struct swap_pools *p);

/** pools_driver() - the pools' allocator; there is at least one pool */
static inline const struct zpool_driver *
pools_driver(const struct swap_pools *p)
{
	return p->at[0]->driver;
}

/**
 * pools_index() - the pool for a slot's page
 *
 * A multiplicative hash, so that neighbouring slots spread over the pools.
 */
static inline unsigned pools_index(const struct swap_pools *p, uint32_t slot)
{
	if (p->nr == 1)
		return 0;
	return (slot * 0x9e3779b97f4a7c15ull >> 32) % p->nr;
}

/** pools_defer() - whether the pools queue work that pools_settle() runs */
static inline bool pools_defer(const struct swap_pools *p)
{
	return p->at[0]->caps & ZPOOL_DEFERS;
}

/** pools_settle() - run all deferred work */
static inline void pools_settle(const struct swap_pools *p)
{
	unsigned i;

	for (i = 0; i < p->nr; i++)
		if (p->at[i]->caps & ZPOOL_DEFERS)
			p->at[i]->driver->settle(p->at[i]);
}

/**
 * pools_is_handle() - whether an allocator has kept to its contract
 * @handle: what its malloc has written; 0 is none
 *
 * Not inline: this is a look of ours, which virtual CPUs are not charged for.
 */
bool pools_is_handle(const unsigned long *handle);

/**
 * pools_bytes() - bytes of all frames in use; cheap
 *
 * Of an allocator without frames, what it has resident.
 */
uint64_t pools_bytes(const struct swap_pools *p);

/**
 * pools_huge_limit() - from which size on an object has a frame of its own
 *
 * As zs_huge_class_size() has it. Return: bytes; a page for an allocator without
 * size classes.
 */
size_t pools_huge_limit(const struct swap_pools *p);

/**
 * pools_classes() - size class of every object, as zs_lookup_class_index()
 * @p: the pools
 * @class: receives the class by bytes, to be freed by the caller; NULL for an
 *	   allocator without size classes
 * @err: receives the error line
 *
 * Return: 0 or -ENOMEM.
 */
int pools_classes(const struct swap_pools *p, uint16_t **class,
		  struct err *err);

/** pools_compact() - compact all pools. Return: pages freed */
uint64_t pools_compact(const struct swap_pools *p);

/** pools_stats() - the sum of the pools' statistics */
void pools_stats(const struct swap_pools *p, struct zpool_stats *stats);

/**
 * pools_validate() - check all pools, if supported; nothing else may run
 *
 * Return: 0, or -EIO with the first contradiction in @err.
 */
int pools_validate(const struct swap_pools *p, struct err *err);

#endif
