/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the handler knows of every page of the program. A page has a number
 * (its place in one big array, 0 for none); 512 neighbours share a leaf, and
 * leaves are found by a hash of the address. All of it lives in shared
 * anonymous memory that children do not inherit: the kernel then does not count
 * it among the program's own anonymous memory, and a child cannot use it by
 * accident.
 *
 * Belongs to the handler thread alone; nothing here takes a lock.
 */
#ifndef ZLAB_TRACES_RECORDER_PAGES_H
#define ZLAB_TRACES_RECORDER_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define LEAF_PAGES 512u
#define LEAF_MAX (1u << 20)
#define LEAF_HASH (1u << 21)

enum page_state {
	PAGE_NONE, /* never touched, or released */
	PAGE_ACTIVE, /* mapped, on the active list */
	PAGE_STUCK, /* mapped, on the list of those that cannot be hidden */
	PAGE_INACTIVE, /* resident but hidden; @where: place in the staging ring */
	PAGE_OUT, /* in the swap area; @where: slot */
};

/**
 * struct page - one page of the program
 * @next: towards the head (younger) of its list
 * @prev: towards the tail (older)
 * @where: depends on the state
 * @state: enum page_state
 * @stamp: ms of the clock when it came in, modulo 2^29
 */
struct page {
	uint32_t next, prev;
	uint32_t where;
	uint32_t state : 3;
	uint32_t stamp : 29;
};

/**
 * struct page_list - mapped pages, first in, first out
 * @head: youngest
 * @tail: oldest
 * @count: how many
 */
struct page_list {
	uint32_t head, tail;
	uint64_t count;
};

/**
 * struct pages - the table of all pages and the lists of mapped ones
 * @page: every descriptor; descriptors of leaf n start at n * LEAF_PAGES
 * @base: virtual page number of each leaf's first page
 * @hash: leaf numbers, open addressing
 * @leaves: number of the next leaf; leaf 0 is not used
 * @last: leaf found by the last look-up
 * @active: pages in order of arrival
 * @stuck: pages that could not be hidden
 */
struct pages {
	struct page *page;
	uint64_t *base;
	uint32_t *hash;
	uint32_t leaves;
	uint32_t last;
	struct page_list active, stuck;
};

/**
 * pages_init() - reserve the tables
 *
 * Return: 0 or a negative errno.
 */
int pages_init(struct pages *p);

/**
 * pages_find() - number of a page, or 0 when nothing is known about it
 */
uint32_t pages_find(struct pages *p, uint64_t vpn);

/**
 * pages_make() - number of a page, making its leaf; 0 when the table is full
 */
uint32_t pages_make(struct pages *p, uint64_t vpn);

static inline uint64_t pages_vpn(const struct pages *p, uint32_t nr)
{
	return p->base[nr / LEAF_PAGES] + nr % LEAF_PAGES;
}

/**
 * pages_each() - call @fn for each known page of a range that has a state
 *
 * @fn may change the page and any list.
 */
void pages_each(struct pages *p, uint64_t vpn, uint64_t count,
		void (*fn)(void *arg, uint32_t nr), void *arg);

/**
 * pages_add() - put a page at the head of the list of its state
 */
void pages_add(struct pages *p, uint32_t nr);

/**
 * pages_del() - take a page off the list of its state
 */
void pages_del(struct pages *p, uint32_t nr);

/**
 * pages_replace() - put @to, of the same state, in the place of @from
 */
void pages_replace(struct pages *p, uint32_t from, uint32_t to);

#endif
