/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Doubly linked circular lists with nodes embedded in the linked structures,
 * under the kernel's names. The caller holds the lock that guards the list;
 * only list_empty() may be called without it.
 */
#ifndef ZLAB_LIST_H
#define ZLAB_LIST_H

#include "backends/sync.h"

/** struct list_head - a list, or a node; a node on no list points to itself */
struct list_head {
	struct list_head *next, *prev;
};

#define list_entry(node, type, member) \
	((type *)((char *)(node)-offsetof(type, member)))
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) \
	list_entry((head)->prev, type, member)
#define list_for_each(node, head) \
	for (node = (head)->next; node != (head); node = node->next)

/** INIT_LIST_HEAD() - make a list empty, or mark a node as on no list */
static inline void INIT_LIST_HEAD(struct list_head *l)
{
	WRITE_ONCE(l->next, l);
	l->prev = l;
}

/** list_empty() - whether a list is empty, or a node on no list */
static inline bool list_empty(const struct list_head *l)
{
	return READ_ONCE(l->next) == l;
}

/** list_add() - put @node behind @at: at the front, when @at is the head */
static inline void list_add(struct list_head *node, struct list_head *at)
{
	WRITE_ONCE(node->next, at->next);
	node->prev = at;
	at->next->prev = node;
	WRITE_ONCE(at->next, node);
}

/** list_del_init() - take @node off its list, if it is on one */
static inline void list_del_init(struct list_head *node)
{
	node->next->prev = node->prev;
	WRITE_ONCE(node->prev->next, node->next);
	INIT_LIST_HEAD(node);
}

#endif
