// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/model/order.h"

#define WORD 64
#define FIRST_ROOM 1024

void order_free(struct order *o)
{
	free(o->key);
	free(o->bits);
	free(o->tree);
	*o = (struct order){ .at = o->at };
}

static void tree_add(struct order *o, size_t word, uint32_t by)
{
	for (word++; word <= o->room / WORD; word += word & (0 - word))
		o->tree[word] += by;
}

/* All entries up to @used are there. */
static void rebuild(struct order *o)
{
	size_t words = o->room / WORD, i, up;

	memset(o->bits, 0, words * sizeof(*o->bits));
	for (i = 0; i < o->used / WORD; i++)
		o->bits[i] = UINT64_MAX;
	if (o->used % WORD)
		o->bits[i] = (1ull << o->used % WORD) - 1;
	memset(o->tree, 0, (words + 1) * sizeof(*o->tree));
	for (i = 1; i <= words; i++) {
		o->tree[i] += (uint32_t)__builtin_popcountll(o->bits[i - 1]);
		up = i + (i & (0 - i));
		if (up <= words)
			o->tree[up] += o->tree[i];
	}
}

/* Close the holes. */
static void close_up(struct order *o)
{
	size_t from, to = 0;

	for (from = 0; from < o->used; from++) {
		if (!(o->bits[from / WORD] >> from % WORD & 1))
			continue;
		o->key[to] = o->key[from];
		if (o->at)
			o->at[o->key[to]] = (uint32_t)to;
		to++;
	}
	o->used = to;
}

static int grow(struct order *o)
{
	size_t room = o->room ? 2 * o->room : FIRST_ROOM;
	void *key, *bits, *tree;

	/* Entries are numbered by 32 bits. */
	if (o->room > UINT32_MAX / 2)
		return -ENOMEM;
	key = realloc(o->key, room * sizeof(*o->key));
	if (key)
		o->key = key;
	bits = realloc(o->bits, (room / WORD + 1) * sizeof(*o->bits));
	if (bits)
		o->bits = bits;
	tree = realloc(o->tree, (room / WORD + 1) * sizeof(*o->tree));
	if (tree)
		o->tree = tree;
	if (!key || !bits || !tree)
		return -ENOMEM;
	o->room = room;
	return 0;
}

int order_add(struct order *o, uint32_t key)
{
	size_t i;

	if (o->used == o->room) {
		close_up(o);
		/* A half is free then, so this is rare. */
		if (2 * o->count >= o->room && grow(o))
			return -ENOMEM;
		rebuild(o);
	}
	i = o->used++;
	o->key[i] = key;
	if (o->at)
		o->at[key] = (uint32_t)i;
	o->bits[i / WORD] |= 1ull << i % WORD;
	tree_add(o, i / WORD, 1);
	o->count++;
	return 0;
}

void order_take(struct order *o, size_t entry)
{
	o->bits[entry / WORD] &= ~(1ull << entry % WORD);
	tree_add(o, entry / WORD, UINT32_MAX);
	o->count--;
}

size_t order_find(const struct order *o, size_t rank)
{
	size_t words = o->room / WORD, word = 0, step;
	uint64_t bits;

	for (step = words; step; step /= 2) {
		if (word + step <= words && o->tree[word + step] <= rank) {
			word += step;
			rank -= o->tree[word];
		}
	}
	for (bits = o->bits[word]; rank; rank--)
		bits &= bits - 1;
	return word * WORD + (size_t)__builtin_ctzll(bits);
}

size_t order_rank(const struct order *o, size_t entry)
{
	uint64_t below = (1ull << entry % WORD) - 1;
	size_t word = entry / WORD, i, rank;

	rank = (size_t)__builtin_popcountll(o->bits[word] & below);
	for (i = word; i; i &= i - 1)
		rank += o->tree[i];
	return rank;
}

size_t order_after(const struct order *o, size_t entry)
{
	size_t word = ++entry / WORD;
	uint64_t bits;

	if (entry >= o->used)
		return ORDER_NONE;
	bits = o->bits[word] & UINT64_MAX << entry % WORD;
	while (!bits) {
		if (++word * WORD >= o->used)
			return ORDER_NONE;
		bits = o->bits[word];
	}
	return word * WORD + (size_t)__builtin_ctzll(bits);
}

size_t order_before(const struct order *o, size_t entry)
{
	size_t word = entry / WORD;
	uint64_t bits;

	if (entry >= o->used)
		return ORDER_NONE;
	bits = o->bits[word] & ((1ull << entry % WORD) - 1);
	while (!bits) {
		if (!word--)
			return ORDER_NONE;
		bits = o->bits[word];
	}
	return word * WORD + WORD - 1 - (size_t)__builtin_clzll(bits);
}
