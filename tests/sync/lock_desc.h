/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock as the validator (test_locks.c) and the bench (bench/locks.c) see it.
 * Each kind has a descriptor file lock_NAME.c of a few lines; a new file is all
 * that a new kind needs.
 */
#ifndef ZLAB_LOCK_DESC_H
#define ZLAB_LOCK_DESC_H

#include "backends/sync.h"

/**
 * struct lock_desc - one kind of lock, one instance of it
 * @name: what it is called
 * @broken: it does not exclude; the validator must notice
 * @empty: it is no lock: shows what the bench's loop costs, not validated
 * @sleeps: its waiters sleep
 * @init: make it free
 * @lock: take it alone
 * @unlock: release it
 * @trylock: take it alone or return false at once; may be NULL
 * @lock_shared: take it with other readers; NULL when it has none
 * @unlock_shared: release that
 */
struct lock_desc {
	const char *name;
	bool broken, empty, sleeps;
	void (*init)(void);
	void (*lock)(void);
	void (*unlock)(void);
	bool (*trylock)(void);
	void (*lock_shared)(void);
	void (*unlock_shared)(void);
};

#define LOCK_DESC(id, ...)                                         \
	static const struct lock_desc id##_desc = { .name = #id,   \
						    __VA_ARGS__ }; \
	static const struct lock_desc *const id##_entry            \
		__attribute__((section("lock_descs"), used)) = &id##_desc

extern const struct lock_desc *const __start_lock_descs[];
extern const struct lock_desc *const __stop_lock_descs[];

#define for_each_lock(d)                                            \
	for (const struct lock_desc *const *d = __start_lock_descs; \
	     d < __stop_lock_descs; d++)

/* A descriptor of one of spin.h's kinds. */
#define SPIN_DESC(kind)                                               \
	static struct sync_##kind the;                                \
	static void init(void)                                        \
	{                                                             \
		sync_##kind##_init(&the);                             \
	}                                                             \
	static void lock(void)                                        \
	{                                                             \
		sync_##kind##_lock(&the);                             \
	}                                                             \
	static void unlock(void)                                      \
	{                                                             \
		sync_##kind##_unlock(&the);                           \
	}                                                             \
	static bool trylock(void)                                     \
	{                                                             \
		return sync_##kind##_trylock(&the);                   \
	}                                                             \
	LOCK_DESC(kind, .init = init, .lock = lock, .unlock = unlock, \
		  .trylock = trylock)

/* A descriptor made of statements that work on "the". */
#define LOCK_OPS(id, type, do_init, do_lock, do_unlock, do_try, ...) \
	static type the;                                             \
	static void init(void)                                       \
	{                                                            \
		do_init;                                             \
	}                                                            \
	static void lock(void)                                       \
	{                                                            \
		do_lock;                                             \
	}                                                            \
	static void unlock(void)                                     \
	{                                                            \
		do_unlock;                                           \
	}                                                            \
	static bool trylock(void)                                    \
	{                                                            \
		return do_try;                                       \
	}                                                            \
	LOCK_DESC(id, .init = init, .lock = lock, .unlock = unlock,  \
		  .trylock = trylock, __VA_ARGS__)

/* The reader's half, before LOCK_OPS. */
#define READ_OPS(type, do_lock, do_unlock) \
	static type the;                   \
	static void read_in(void)          \
	{                                  \
		do_lock;                   \
	}                                  \
	static void read_out(void)         \
	{                                  \
		do_unlock;                 \
	}

#endif
