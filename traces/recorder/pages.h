/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of every page of the program. A page has a number, its index in one
 * large array (0 for none). 512 consecutive pages form a leaf; leaves are found
 * by a hash of the address. The tables are in shared anonymous memory that
 * children do not inherit: so the kernel does not count it as the program's
 * private memory, and a child cannot use it by mistake.
 *
 * Used by the handler thread only, without locks.
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
	PAGE_STUCK, /* mapped, on the list of pages that cannot be hidden */
	PAGE_INACTIVE, /* hidden but resident; @where: staging ring position */
	PAGE_OUT, /* in the swap area; @where: swap slot */
};

/**
 * struct page - one page of the program
 * @next: next page towards the head (newer) of its list
 * @prev: next page towards the tail (older)
 * @where: location, by @state
 * @state: enum page_state
 * @stamp: when it became resident: ms since recording began, modulo 2^29
 */
struct page {
	uint32_t next, prev;
	uint32_t where;
	uint32_t state : 3;
	uint32_t stamp : 29;
};

/**
 * struct page_list - a list of mapped pages in order of arrival
 * @head: newest page
 * @tail: oldest page
 * @count: number of pages
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
 * @leaves: number of the next new leaf; leaf 0 is not used
 * @last: leaf found by the last lookup
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
 * pages_find() - number of a page, or 0 if it has none
 */
uint32_t pages_find(struct pages *p, uint64_t vpn);

/**
 * pages_make() - number of a page, given to it if needed; 0 if the table is full
 */
uint32_t pages_make(struct pages *p, uint64_t vpn);

static inline uint64_t pages_vpn(const struct pages *p, uint32_t nr)
{
	return p->base[nr / LEAF_PAGES] + nr % LEAF_PAGES;
}

/**
 * pages_each() - call @fn for each page of a range that is not PAGE_NONE
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
 * pages_del() - remove a page from the list of its state
 */
void pages_del(struct pages *p, uint32_t nr);

/**
 * pages_replace() - replace @from by @to in its list; both have the same state
 */
void pages_replace(struct pages *p, uint32_t from, uint32_t to);

#endif
