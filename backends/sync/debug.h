/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a build with ZLAB_DEBUG checks at every lock call. Included by the
 * flavours of sync.h; compiled always, called only from such a build.
 *
 * Each thread keeps a stack of the locks it holds, with class and call site.
 * The order in which classes nest is learnt; taking two classes in the other
 * order stops the program even when the two threads never met. So do a
 * recursive take, an unlock of a lock that the thread does not hold, sleeping
 * in an atomic section, a lock that is left held, and code whose assertion of
 * what is held does not hold. The message names both places; then the program
 * aborts.
 */
#ifndef ZLAB_SYNC_DEBUG_H
#define ZLAB_SYNC_DEBUG_H

#include <stdbool.h>

/**
 * struct lock_site - a call site
 * @name: the lock's class, as the macro's argument reads
 * @base: the class without a reader's or writer's suffix, for the order
 * @file: where
 * @line: where
 * @class: number of @name, looked up at the first use; 0 = not yet
 * @order: number of @base in the order graph; 0 = not yet
 */
struct lock_site {
	const char *name;
	const char *base;
	const char *file;
	int line;
	unsigned class;
	unsigned order;
};

/** enum sync_take - how a lock is taken */
enum sync_take {
	SYNC_EXCLUSIVE,
	SYNC_SHARED,
	SYNC_SLEEPS = 2, /* or'ed to the former: may sleep while it waits */
	SYNC_TRY = 4, /* or'ed: cannot deadlock, teaches no order */
};

/**
 * sync_debug_take() - a lock is about to be waited for, or a try succeeded
 * @lock: its address
 * @site: the place
 * @take: enum sync_take
 * @nest: 0, or the level of a lock of the same class as one that is held
 */
void sync_debug_take(const void *lock, struct lock_site *site, unsigned take,
		     unsigned nest);

/**
 * sync_debug_drop() - a lock is about to be released
 * @lock: its address
 * @site: the place
 * @take: enum sync_take, as it must have been taken
 */
void sync_debug_drop(const void *lock, const struct lock_site *site,
		     unsigned take);

/** enum sync_want - what an assertion says of the calling thread and a lock */
enum sync_want {
	SYNC_HELD, /* held, for reading or writing */
	SYNC_HELD_READ,
	SYNC_HELD_WRITE,
	SYNC_NOT_HELD,
};

/** sync_debug_assert() - stop unless the thread and @lock are as @want says */
void sync_debug_assert(const void *lock, const struct lock_site *site,
		       enum sync_want want);

/** sync_debug_is_held() - whether the thread holds @lock in any mode */
bool sync_debug_is_held(const void *lock);

/** sync_debug_rule() - stop: @rule, which the code at @site needs, is broken */
void sync_debug_rule(const char *rule, const struct lock_site *site)
	__attribute__((noreturn));

/** sync_debug_sleep() - @what, which may sleep, is called at @site */
void sync_debug_sleep(const char *what, const struct lock_site *site);

/** sync_debug_preempt() - preemption goes off (+1) or on (-1) at @site */
void sync_debug_preempt(int by, const struct lock_site *site);

/** sync_debug_none() - stop when the thread still holds anything at @site */
void sync_debug_none(const char *when, const struct lock_site *site);

/** sync_debug_forget() - drop what was learnt and what is held; for tests */
void sync_debug_forget(void);

#endif
