/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of zswap entries by swap slot, in the three forms the kernel had:
 *  rbtree   one red-black tree with one lock per swap area (to 6.7)
 *  trees    one red-black tree and lock per 64 MiB of swap (6.8, 6.9)
 *  xarray   one radix tree and lock per 64 MiB of swap (from 6.10)
 * The trees are libbsd's, the radix tree is Judy's.
 *
 * Lock order: tree->lock, then pool->lru_lock. The lock of the tree that
 * zswap_tree() returns for a slot protects the lookup of the slot's entry.
 */
#ifndef ZLAB_ZSWAP_INDEX_H
#define ZLAB_ZSWAP_INDEX_H

#include <bsd/sys/tree.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backends/sync.h"

/*
 * 64 MiB of 4 KiB slots, as the kernel's SWAP_ADDRESS_SPACE_SHIFT. A build for few
 * slots may have smaller trees, so that they lie in several.
 */
#ifndef ZSWAP_TREE_SHIFT
#define ZSWAP_TREE_SHIFT 14
#endif

enum zswap_index_kind {
	ZSWAP_RBTREE,
	ZSWAP_TREES,
	ZSWAP_XARRAY
};

/**
 * struct zswap_entry - one stored page
 * @node: place in a red-black tree
 * @lru: place on the pool's list; unused for a same-filled page
 * @handle: the object, or the repeated word of a same-filled page
 * @slot: swap slot
 * @refcount: references, including the index's; protected by tree->lock
 * @length: object bytes; 0 for a same-filled page
 * @pool: which of the pools holds it
 * @referenced: the entry gets a second chance
 */
struct zswap_entry {
	RB_ENTRY(zswap_entry) node;
	TAILQ_ENTRY(zswap_entry) lru;
	unsigned long handle;
	uint32_t slot;
	uint32_t refcount;
	uint16_t length;
	uint8_t pool;
	bool referenced;
};

RB_HEAD(zswap_rb, zswap_entry);

struct zswap_tree {
	spinlock_t lock;
	bool radix;
	union {
		struct zswap_rb rb;
		void *judy;
	};
} __attribute__((aligned(64)));

struct zswap_index {
	enum zswap_index_kind kind;
	size_t nr_trees;
	struct zswap_tree *trees;
};

/**
 * zswap_index_init() - create an empty index for slots 0..@slots - 1
 *
 * Return: 0 or -ENOMEM.
 */
int zswap_index_init(struct zswap_index *index, enum zswap_index_kind kind,
		     uint64_t slots);

/** zswap_index_destroy() - free the index, not the entries */
void zswap_index_destroy(struct zswap_index *index);

/** zswap_tree() - the tree that holds @slot */
static inline struct zswap_tree *zswap_tree(struct zswap_index *index,
					    uint32_t slot)
{
	return &index->trees[index->kind == ZSWAP_RBTREE
				     ? 0
				     : slot >> ZSWAP_TREE_SHIFT];
}

/** zswap_peek() - the entry of @slot, or NULL; nothing else runs */
struct zswap_entry *zswap_peek(struct zswap_tree *tree, uint32_t slot);

/** zswap_search() - the entry of @slot, or NULL */
static inline struct zswap_entry *zswap_search(struct zswap_tree *tree,
					       uint32_t slot)
{
	lockdep_assert_held(&tree->lock);
	return zswap_peek(tree, slot);
}

/**
 * zswap_insert() - put @entry in; an entry of the same slot is replaced
 * @old: receives the replaced entry, or NULL
 *
 * Return: 0, or -ENOMEM with nothing changed.
 */
int zswap_insert(struct zswap_tree *tree, struct zswap_entry *entry,
		 struct zswap_entry **old);

/**
 * zswap_erase() - remove @entry, which must be the entry of its slot
 */
void zswap_erase(struct zswap_tree *tree, struct zswap_entry *entry);

/**
 * zswap_index_bytes() - memory of the index besides the entries
 *
 * Takes each tree's lock in turn.
 */
size_t zswap_index_bytes(struct zswap_index *index);

/**
 * zswap_first() - the entry with the lowest slot of a tree, or NULL; nothing
 * else runs
 */
struct zswap_entry *zswap_first(struct zswap_tree *tree);

#endif
