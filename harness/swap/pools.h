/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pools of a swap path: alike, of one allocator, a page going to the one
 * that a hash of its slot chooses. What is done to all of them, and by which
 * calls objects are read and written, is the same for the direct path and for
 * zswap.
 */
#ifndef ZLAB_SWAP_POOLS_H
#define ZLAB_SWAP_POOLS_H

#include "backends/zpool.h"

#define SWAP_MAX_POOLS 32

/**
 * enum swap_api - which calls of the allocator carry the bytes
 * @SWAP_API_AUTO: obj where the allocator has it, else map
 * @SWAP_API_MAP: map and unmap, as to 6.14. An allocator that does not allow
 *		  sleeping while mapped is copied from before expanding.
 * @SWAP_API_OBJ: obj_read_begin, obj_read_end, obj_write, as from 6.15
 */
enum swap_api {
	SWAP_API_AUTO,
	SWAP_API_MAP,
	SWAP_API_OBJ
};

/**
 * struct swap_pools - the pools, which belong to whoever made them
 * @nr: how many
 * @copy_first: an object is copied before it is expanded, since the allocator
 *		forbids sleeping while it is mapped
 * @contents: what was written can be read back
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
 * @config: what each pool takes
 * @api: with SWAP_API_MAP the pools' driver has no obj calls any more, so that
 *	 zpool_write() and zpool_read_begin() map
 * @err: receives the error line
 *
 * Return: 0, or -EINVAL: a bad spec or number, an api the allocator has not, out
 * of memory. Then pools_destroy() frees what was made.
 */
int pools_create(struct swap_pools *p, const char *backend, unsigned n,
		 const struct zpool_config *config, enum swap_api api,
		 struct err *err);

/** pools_destroy() - free them with all objects */
void pools_destroy(struct swap_pools *p);

/** pools_driver() - their allocator; there is at least one pool */
static inline const struct zpool_driver *
pools_driver(const struct swap_pools *p)
{
	return p->at[0]->driver;
}

/**
 * pools_index() - which of them a slot's page goes to
 *
 * Multiplicative hash, so that neighbouring slots spread over the pools.
 */
static inline unsigned pools_index(const struct swap_pools *p, uint32_t slot)
{
	if (p->nr == 1)
		return 0;
	return (slot * 0x9e3779b97f4a7c15ull >> 32) % p->nr;
}

/** pools_defer() - whether they queue work that pools_settle() runs */
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

/** pools_compact() - compact each. Return: pages freed */
uint64_t pools_compact(const struct swap_pools *p);

/** pools_stats() - their states added up */
void pools_stats(const struct swap_pools *p, struct zpool_stats *stats);

/**
 * pools_validate() - check each, where the allocator can; nothing else may run
 *
 * Return: 0, or -EIO with the first contradiction in @err.
 */
int pools_validate(const struct swap_pools *p, struct err *err);

#endif
