/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys in the order in which they came, from which any can be taken by its rank:
 * a log with holes, a bit for each entry, and a tree of the counts of words.
 */
#ifndef ZLAB_TRACES_MODEL_ORDER_H
#define ZLAB_TRACES_MODEL_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_NONE SIZE_MAX
/* Bytes for each key that is in it, at most. */
#define ORDER_KEY_BYTES 10

/**
 * struct order - the log
 * @key: the key of each entry
 * @bits: whether it is still there
 * @tree: binary indexed tree of the numbers of bits by word
 * @at: the entry of each key, where the caller wants to look keys up; or NULL
 * @used: entries used, also by keys that were taken
 * @room: entries that there is memory for, a power of 2
 * @count: keys in it
 */
struct order {
	uint32_t *key;
	uint64_t *bits;
	uint32_t *tree;
	uint32_t *at;
	size_t used, room, count;
};

/** order_free() - take all keys; the order can be used again */
void order_free(struct order *o);

/** order_add() - add a key as the newest. Return: 0 or -ENOMEM */
int order_add(struct order *o, uint32_t key);

/** order_take() - take the key of an entry */
void order_take(struct order *o, size_t entry);

/** order_find() - the entry of the key with @rank older ones; @rank < count */
size_t order_find(const struct order *o, size_t rank);

/** order_rank() - number of keys older than that of an entry */
size_t order_rank(const struct order *o, size_t entry);

/** order_after() - the next entry with a key, or ORDER_NONE */
size_t order_after(const struct order *o, size_t entry);

/** order_before() - the entry with a key before it, or ORDER_NONE */
size_t order_before(const struct order *o, size_t entry);

#endif
