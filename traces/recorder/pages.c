/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of leaves and the lists of pages, without locks or the C library. */
#include <errno.h>
#include <sys/mman.h>

#include "traces/recorder/pages.h"
#include "traces/recorder/sys.h"

static void *reserve(size_t len)
{
	long p = sys_mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p < 0 && p > -4096)
		return NULL;
	sys_madvise((void *)p, len, MADV_DONTFORK);
	return (void *)p;
}

int pages_init(struct pages *p)
{
	p->page = reserve((size_t)LEAF_MAX * LEAF_PAGES * sizeof(*p->page));
	p->base = reserve(LEAF_MAX * sizeof(*p->base));
	p->hash = reserve(LEAF_HASH * sizeof(*p->hash));
	p->leaves = 1;
	return p->page && p->base && p->hash ? 0 : -ENOMEM;
}

static uint32_t *find_leaf(struct pages *p, uint64_t base)
{
	uint64_t h = (base / LEAF_PAGES) * 0x9e3779b97f4a7c15ull;
	uint32_t i = (uint32_t)(h >> 43);

	while (p->hash[i % LEAF_HASH] &&
	       p->base[p->hash[i % LEAF_HASH]] != base)
		i++;
	return &p->hash[i % LEAF_HASH];
}

uint32_t pages_find(struct pages *p, uint64_t vpn)
{
	uint64_t base = vpn & ~(uint64_t)(LEAF_PAGES - 1);
	uint32_t leaf = p->last;

	if (!leaf || p->base[leaf] != base) {
		leaf = *find_leaf(p, base);
		if (!leaf)
			return 0;
		p->last = leaf;
	}
	return leaf * LEAF_PAGES + (uint32_t)(vpn - base);
}

uint32_t pages_make(struct pages *p, uint64_t vpn)
{
	uint64_t base = vpn & ~(uint64_t)(LEAF_PAGES - 1);
	uint32_t nr = pages_find(p, vpn);

	if (nr)
		return nr;
	if (p->leaves == LEAF_MAX)
		return 0;
	p->base[p->leaves] = base;
	*find_leaf(p, base) = p->leaves;
	p->leaves++;
	return pages_find(p, vpn);
}

static void each_of_leaf(struct pages *p, uint32_t leaf, uint64_t vpn,
			 uint64_t end, void (*fn)(void *arg, uint32_t nr),
			 void *arg)
{
	uint64_t base = p->base[leaf];
	uint32_t from = vpn > base ? (uint32_t)(vpn - base) : 0;
	uint32_t to =
		end < base + LEAF_PAGES ? (uint32_t)(end - base) : LEAF_PAGES;
	uint32_t i;

	for (i = from; i < to; i++)
		if (p->page[leaf * LEAF_PAGES + i].state != PAGE_NONE)
			fn(arg, leaf * LEAF_PAGES + i);
}

void pages_each(struct pages *p, uint64_t vpn, uint64_t count,
		void (*fn)(void *arg, uint32_t nr), void *arg)
{
	uint64_t end = vpn + count;
	uint64_t base = vpn & ~(uint64_t)(LEAF_PAGES - 1);
	uint32_t leaf, n = p->leaves;

	/* Walk the range or the table of leaves, whichever is shorter. */
	if (count / LEAF_PAGES < n) {
		for (; base < end; base += LEAF_PAGES) {
			leaf = *find_leaf(p, base);
			if (leaf)
				each_of_leaf(p, leaf, vpn, end, fn, arg);
		}
		return;
	}
	for (leaf = 1; leaf < n; leaf++)
		if (p->base[leaf] + LEAF_PAGES > vpn && p->base[leaf] < end)
			each_of_leaf(p, leaf, vpn, end, fn, arg);
}

static struct page_list *list_of(struct pages *p, uint32_t nr)
{
	return p->page[nr].state == PAGE_STUCK ? &p->stuck : &p->active;
}

void pages_add(struct pages *p, uint32_t nr)
{
	struct page_list *list = list_of(p, nr);
	struct page *pg = &p->page[nr];

	pg->next = 0;
	pg->prev = list->head;
	if (list->head)
		p->page[list->head].next = nr;
	else
		list->tail = nr;
	list->head = nr;
	list->count++;
}

void pages_del(struct pages *p, uint32_t nr)
{
	struct page_list *list = list_of(p, nr);
	struct page *pg = &p->page[nr];

	if (pg->next)
		p->page[pg->next].prev = pg->prev;
	else
		list->head = pg->prev;
	if (pg->prev)
		p->page[pg->prev].next = pg->next;
	else
		list->tail = pg->next;
	pg->next = pg->prev = 0;
	list->count--;
}

void pages_replace(struct pages *p, uint32_t from, uint32_t to)
{
	struct page_list *list = list_of(p, from);
	struct page *old = &p->page[from], *new = &p->page[to];

	new->next = old->next;
	new->prev = old->prev;
	if (new->next)
		p->page[new->next].prev = to;
	else
		list->head = to;
	if (new->prev)
		p->page[new->prev].next = to;
	else
		list->tail = to;
	old->next = old->prev = 0;
}
