/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An overlay of struct page, and the folio calls behind it. */
#ifndef TEST_DESC_H
#define TEST_DESC_H

#include <linux/migrate.h>
#include <linux/pagemap.h>

struct pair_desc {
	unsigned long flags;
	struct list_head lru;
	unsigned long unused;
	struct pair_desc *next;
	struct pair *pair;
	unsigned int offset;
	atomic_t _refcount;
};

#define DESC_MATCH(pg, own)                        \
	static_assert(offsetof(struct page, pg) == \
		      offsetof(struct pair_desc, own))
DESC_MATCH(flags, flags);
DESC_MATCH(lru, lru);
DESC_MATCH(__folio_index, next);
DESC_MATCH(private, pair);
DESC_MATCH(page_type, offset);
DESC_MATCH(_refcount, _refcount);
#undef DESC_MATCH
static_assert(sizeof(struct pair_desc) <= sizeof(struct page));

#define desc_page(d) ((struct page *)(d))
#define desc_folio(d) ((struct folio *)(d))
#define page_desc(p) ((struct pair_desc *)(p))

#endif
