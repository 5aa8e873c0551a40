/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The atomics of sync.h, the same in every flavour: compiler builtins. A
 * sanitizer understands them; the virtual flavour receives them as calls.
 *
 * Forms without an ordering in their name that return a value are sequentially
 * consistent, because kernel source may rely on it (shim/). zlab's own code
 * uses the weakest form that is correct, and a comment gives the reason.
 */
#ifndef ZLAB_SYNC_ATOMIC_H
#define ZLAB_SYNC_ATOMIC_H

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define smp_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

#define SYNC_ATOMIC_FORMS(type, base, pfx, suffix, order)                   \
	static inline base pfx##_add_return##suffix(base i, type *v)        \
	{                                                                   \
		return __atomic_add_fetch(&v->counter, i, order);           \
	}                                                                   \
	static inline base pfx##_xchg##suffix(type *v, base n)              \
	{                                                                   \
		return __atomic_exchange_n(&v->counter, n, order);          \
	}                                                                   \
	static inline base pfx##_cmpxchg##suffix(type *v, base old, base n) \
	{                                                                   \
		__atomic_compare_exchange_n(&v->counter, &old, n, false,    \
					    order, __ATOMIC_RELAXED);       \
		return old;                                                 \
	}

#define SYNC_ATOMIC(type, base, pfx)                                         \
	static inline base pfx##_read(const type *v)                         \
	{                                                                    \
		return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);       \
	}                                                                    \
	static inline void pfx##_set(type *v, base i)                        \
	{                                                                    \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);          \
	}                                                                    \
	static inline void pfx##_add(base i, type *v)                        \
	{                                                                    \
		__atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED);        \
	}                                                                    \
	static inline void pfx##_sub(base i, type *v)                        \
	{                                                                    \
		__atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED);        \
	}                                                                    \
	static inline void pfx##_inc(type *v)                                \
	{                                                                    \
		pfx##_add(1, v);                                             \
	}                                                                    \
	static inline void pfx##_dec(type *v)                                \
	{                                                                    \
		pfx##_sub(1, v);                                             \
	}                                                                    \
	SYNC_ATOMIC_FORMS(type, base, pfx, , __ATOMIC_SEQ_CST)               \
	SYNC_ATOMIC_FORMS(type, base, pfx, _acquire, __ATOMIC_ACQUIRE)       \
	SYNC_ATOMIC_FORMS(type, base, pfx, _relaxed, __ATOMIC_RELAXED)       \
	static inline void pfx##_set_release(type *v, base i)                \
	{                                                                    \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE);          \
	}                                                                    \
	static inline base pfx##_dec_return_release(type *v)                 \
	{                                                                    \
		return __atomic_sub_fetch(&v->counter, 1, __ATOMIC_RELEASE); \
	}                                                                    \
	static inline bool pfx##_dec_and_test(type *v)                       \
	{                                                                    \
		return pfx##_add_return(-1, v) == 0;                         \
	}

SYNC_ATOMIC(atomic_t, int, atomic)
SYNC_ATOMIC(atomic_long_t, long, atomic_long)

#endif
