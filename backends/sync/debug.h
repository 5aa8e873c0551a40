/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks of a build with ZLAB_DEBUG at every lock call. Included by the
 * flavours of sync.h; always compiled, called only from such a build.
 *
 * Each thread keeps a stack of the locks it holds, with class and call site.
 * The order in which classes nest is recorded; taking two classes in the
 * opposite order is an error even if the two threads did not run at the same
 * time. Other errors are a recursive take, an unlock of a lock that the thread
 * does not hold, sleeping in an atomic section, a lock that is left held, and a
 * failed assertion about held locks. The message names both places; then the
 * program aborts.
 */
#ifndef ZLAB_SYNC_DEBUG_H
#define ZLAB_SYNC_DEBUG_H

#include <stdbool.h>

/**
 * struct lock_site - a call site
 * @name: the lock's class, as the macro's argument reads
 * @base: the class without a reader's or writer's suffix, for the order
 * @file: source file of the call
 * @line: source line of the call
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
	SYNC_SLEEPS = 2, /* flag: may sleep while it waits */
	SYNC_TRY = 4, /* flag: cannot deadlock, records no order */
};

/**
 * sync_debug_take() - a lock is about to be taken, or a trylock succeeded
 * @lock: its address
 * @site: the call site
 * @take: enum sync_take
 * @nest: 0, or the level of a lock of the same class as one that is held
 */
void sync_debug_take(const void *lock, struct lock_site *site, unsigned take,
		     unsigned nest);

/**
 * sync_debug_drop() - a lock is about to be released
 * @lock: its address
 * @site: the call site
 * @take: enum sync_take, how the lock must have been taken
 */
void sync_debug_drop(const void *lock, const struct lock_site *site,
		     unsigned take);

/** enum sync_want - the lock state that an assertion requires of a thread */
enum sync_want {
	SYNC_HELD, /* held, for reading or writing */
	SYNC_HELD_READ,
	SYNC_HELD_WRITE,
	SYNC_NOT_HELD,
};

/** sync_debug_assert() - abort unless the thread's hold of @lock fits @want */
void sync_debug_assert(const void *lock, const struct lock_site *site,
		       enum sync_want want);

/** sync_debug_is_held() - whether the thread holds @lock in any mode */
bool sync_debug_is_held(const void *lock);

/** sync_debug_rule() - abort: the code at @site needs @rule, which is broken */
void sync_debug_rule(const char *rule, const struct lock_site *site)
	__attribute__((noreturn));

/** sync_debug_sleep() - check a call at @site of @what, which may sleep */
void sync_debug_sleep(const char *what, const struct lock_site *site);

/** sync_debug_preempt() - @site disables (+1) or enables (-1) preemption */
void sync_debug_preempt(int by, const struct lock_site *site);

/** sync_debug_none() - abort if the thread still holds any lock at @site */
void sync_debug_none(const char *when, const struct lock_site *site);

/** sync_debug_forget() - drop the recorded order and held locks; for tests */
void sync_debug_forget(void);

#endif
