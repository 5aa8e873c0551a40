/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doubly linked lists under the kernel's names, for the sources beside. */
#ifndef TEST_LIST_H
#define TEST_LIST_H

#include <linux/container_of.h>
#include <linux/types.h>

#define LIST_HEAD(name) struct list_head name = { &(name), &(name) }
#define list_entry(p, type, member) container_of(p, type, member)
#define list_first_entry(h, type, member) list_entry((h)->next, type, member)
#define list_last_entry(h, type, member) list_entry((h)->prev, type, member)

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	WRITE_ONCE(h->next, h);
	WRITE_ONCE(h->prev, h);
}

static inline int list_empty(const struct list_head *h)
	__context_unsafe(/* needs no lock */)
{
	return READ_ONCE(h->next) == h;
}

static inline void list_add(struct list_head *item, struct list_head *h)
{
	item->next = h->next;
	item->prev = h;
	h->next->prev = item;
	WRITE_ONCE(h->next, item);
}

static inline void list_del_init(struct list_head *item)
{
	item->next->prev = item->prev;
	WRITE_ONCE(item->prev->next, item->next);
	INIT_LIST_HEAD(item);
}

static inline void list_del(struct list_head *item)
{
	list_del_init(item);
	item->next = LIST_POISON1;
	item->prev = LIST_POISON2;
}

#endif
