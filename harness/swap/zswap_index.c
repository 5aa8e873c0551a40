// SPDX-License-Identifier: GPL-2.0-or-later
/* The index of entries: red-black trees or radix trees. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <Judy.h>

#include "harness/swap/zswap_index.h"

static int by_slot(struct zswap_entry *a, struct zswap_entry *b)
{
	return (a->slot > b->slot) - (a->slot < b->slot);
}

RB_GENERATE_INTERNAL(zswap_rb, zswap_entry, node, by_slot,
		     static __attribute__((unused)))

/* Where a slot is in a tree, or would be. */
struct place {
	struct zswap_entry *parent, *entry;
	bool right;
};

/*
 * Both children are fetched before the slot is compared: which one comes next
 * cannot be predicted, and balancing looks at the other one too.
 */
static inline struct place rb_find(struct zswap_entry *root, uint32_t slot)
{
	struct zswap_entry *parent = NULL, *entry = root;
	bool right = false;

	while (entry && entry->slot != slot) {
		prefetchw(RB_LEFT(entry, node));
		prefetchw(RB_RIGHT(entry, node));
		parent = entry;
		right = slot > entry->slot;
		entry = right ? RB_RIGHT(entry, node) : RB_LEFT(entry, node);
	}
	return (struct place){ parent, entry, right };
}

static void rb_insert(struct zswap_tree *tree, struct zswap_entry *entry,
		      struct place at)
{
	RB_SET(entry, at.parent, node);
	if (!at.parent)
		RB_ROOT(&tree->rb) = entry;
	else if (at.right)
		RB_RIGHT(at.parent, node) = entry;
	else
		RB_LEFT(at.parent, node) = entry;
	zswap_rb_RB_INSERT_COLOR(&tree->rb, entry);
}

int zswap_index_init(struct zswap_index *index, enum zswap_index_kind kind,
		     uint64_t slots)
{
	size_t i, n = 1;

	if (kind != ZSWAP_RBTREE)
		n = (slots >> ZSWAP_TREE_SHIFT) + 1;
	index->kind = kind;
	index->nr_trees = n;
	index->trees = aligned_alloc(64, n * sizeof(*index->trees));
	if (!index->trees)
		return -ENOMEM;
	memset(index->trees, 0, n * sizeof(*index->trees));
	for (i = 0; i < n; i++) {
		spin_lock_init(&index->trees[i].lock);
		index->trees[i].radix = kind == ZSWAP_XARRAY;
	}
	return 0;
}

void zswap_index_destroy(struct zswap_index *index)
{
	size_t i;

	for (i = 0; index->trees && i < index->nr_trees; i++)
		if (index->trees[i].radix)
			JudyLFreeArray(&index->trees[i].judy, PJE0);
	free(index->trees);
	index->trees = NULL;
}

struct zswap_entry *zswap_peek(struct zswap_tree *tree, uint32_t slot)
{
	void **value;

	if (!tree->radix)
		return rb_find(RB_ROOT(&tree->rb), slot).entry;
	value = JudyLGet(tree->judy, slot, PJE0);
	return value ? *value : NULL;
}

int zswap_insert(struct zswap_tree *tree, struct zswap_entry *entry,
		 struct zswap_entry **old)
{
	struct place at;
	void **value;

	lockdep_assert_held(&tree->lock);
	if (tree->radix) {
		value = JudyLIns(&tree->judy, entry->slot, PJE0);
		if (value == PPJERR)
			return -ENOMEM;
		*old = *value;
		*value = entry;
		return 0;
	}
	at = rb_find(RB_ROOT(&tree->rb), entry->slot);
	*old = at.entry;
	if (*old) {
		RB_REMOVE(zswap_rb, &tree->rb, *old);
		at = rb_find(RB_ROOT(&tree->rb), entry->slot);
	}
	rb_insert(tree, entry, at);
	return 0;
}

void zswap_erase(struct zswap_tree *tree, struct zswap_entry *entry)
{
	lockdep_assert_held(&tree->lock);
	if (!tree->radix) {
		RB_REMOVE(zswap_rb, &tree->rb, entry);
		return;
	}
	/* The entry leaves its list next; its neighbours come meanwhile. */
	prefetchw(entry->lru.tqe_next);
	prefetchw(entry->lru.tqe_prev);
	JudyLDel(&tree->judy, entry->slot, PJE0);
}

size_t zswap_index_bytes(struct zswap_index *index)
{
	size_t i, bytes = index->nr_trees * sizeof(*index->trees);
	struct zswap_tree *tree;

	for (i = 0; i < index->nr_trees; i++) {
		tree = &index->trees[i];
		spin_lock(&tree->lock);
		if (tree->radix)
			bytes += JudyLMemUsed(tree->judy);
		spin_unlock(&tree->lock);
	}
	return bytes;
}

struct zswap_entry *zswap_first(struct zswap_tree *tree)
{
	Word_t slot = 0;
	void **value;

	if (!tree->radix)
		return RB_MIN(zswap_rb, &tree->rb);
	value = JudyLFirst(tree->judy, &slot, PJE0);
	return value ? *value : NULL;
}
