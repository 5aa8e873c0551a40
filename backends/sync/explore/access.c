// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory accesses. Allocators and front ends are compiled with the compiler's
 * thread instrumentation, which calls the functions below for every load, store
 * and atomic; the sanitizer's library is not linked. An access to the world is
 * a point, then it is checked, and a store is noted for the restore.
 *
 * The quiet_ forms are for the memory layer below the allocators, whose stores
 * must be seen, but which is not under test: its own accesses are no points.
 */
#include <string.h>

#include "backends/sync/explore/shadow.h"

#define PC __builtin_return_address(0)
#define ALWAYS static inline __attribute__((always_inline))

ALWAYS void outside(size_t at, size_t len, bool write)
{
	if (unlikely(!--x.outside_left))
		xoutside_long();
	if (write)
		xdirty(at, len);
}

/* Any access in a schedule. */
static __attribute__((noinline)) void access_slow(uintptr_t addr, size_t len,
						  bool write, const void *pc)
{
	size_t at = xindex(addr);

	if (at == XNONE)
		return;
	xpoint(write ? XDO_WRITE : XDO_READ, 0, false, (void *)addr, len, pc,
	       NULL);
	if (write)
		xdirty(at, len);
	xshadow_access(x.me, at, len, write, false, pc);
}

static __attribute__((noinline)) void write_outside(uintptr_t addr, size_t len)
{
	size_t at = xindex(addr);

	if (at != XNONE)
		outside(at, len, true);
}

/* Inside of a slice, to a word, and to no block that must be saved first. */
ALWAYS void on_access(uintptr_t addr, size_t len, bool write, const void *pc)
{
	size_t at = addr - XWORLD_BASE;
	struct xcpu *me = x.fast;

	if (!me && !x.me) {
		/* The pool's checks at rest read much. */
		if (write)
			write_outside(addr, len);
		else if (unlikely(!--x.outside_left))
			xoutside_long();
		return;
	}
	if (unlikely(!me) || unlikely(at >= XWORLD_SIZE) ||
	    unlikely((at & 7) + len > 8) || unlikely(x.left == 1) ||
	    (write && unlikely(x.dirty[at >> XBLOCK_SHIFT] != x.schedule))) {
		access_slow(addr, len, write, pc);
		return;
	}
	x.left--;
	xshadow_access(me, at, len, write, false, pc);
}

static void on_copy(const void *addr, size_t len, bool write, const void *pc)
{
	size_t at = xindex((uintptr_t)addr);
	struct xcpu *me = x.me;

	if (at == XNONE || !len)
		return;
	if (unlikely(!me)) {
		outside(at, len, write);
		return;
	}
	xpoint(write ? XDO_WRITE : XDO_READ, 0, false, addr, len, pc, NULL);
	if (write)
		xdirty(at, len);
	xshadow_bulk(me, at, len, write, pc);
	if (unlikely(x.weak) && write)
		xweak_overwrite(addr, len);
}

ALWAYS void copy(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	if (unlikely(x.weak))
		xweak_copied(to, from, len);
}

/* A copy has a point in its middle: half of it is done when another CPU acts. */
static size_t half(const void *to, size_t len)
{
	return len < 16	   ? len
	       : len < 256 ? len / 2 & ~7ul
			   : len / 2 + (-((uintptr_t)to + len / 2) & 63);
}

void *vmem_memcpy(void *to, const void *from, size_t len)
{
	size_t n = half(to, len);

	on_copy(from, n, false, PC);
	on_copy(to, n, true, PC);
	copy(to, from, n);
	if (n == len)
		return to;
	on_copy((const char *)from + n, len - n, false, PC);
	on_copy((char *)to + n, len - n, true, PC);
	copy((char *)to + n, (const char *)from + n, len - n);
	return to;
}

void *vmem_memmove(void *to, const void *from, size_t len)
{
	on_copy(from, len, false, PC);
	on_copy(to, len, true, PC);
	return memmove(to, from, len);
}

void *vmem_memset(void *to, int byte, size_t len)
{
	on_copy(to, len, true, PC);
	return memset(to, byte, len);
}

int vmem_memcmp(const void *a, const void *b, size_t len)
{
	on_copy(a, len, false, PC);
	on_copy(b, len, false, PC);
	return memcmp(a, b, len);
}

/* The interface of the instrumentation, as gcc and clang call it. */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
}

void __tsan_func_exit(void)
{
}

#define ACCESS(name, len, write)                                 \
	void __tsan_##name(void *addr)                           \
	{                                                        \
		on_access((uintptr_t)addr, len, write, PC);      \
	}                                                        \
	void quiet_##name(void *addr)                            \
	{                                                        \
		if ((write) && xindex((uintptr_t)addr) != XNONE) \
			xdirty(xindex((uintptr_t)addr), len);    \
	}
#define SIZES(kind, write)                    \
	ACCESS(kind##1, 1, write)             \
	ACCESS(kind##2, 2, write)             \
	ACCESS(kind##4, 4, write)             \
	ACCESS(kind##8, 8, write)             \
	ACCESS(kind##16, 16, write)           \
	ACCESS(unaligned_##kind##2, 2, write) \
	ACCESS(unaligned_##kind##4, 4, write) \
	ACCESS(unaligned_##kind##8, 8, write) \
	ACCESS(unaligned_##kind##16, 16, write)

SIZES(read, false)
SIZES(write, true)

void __tsan_read_range(void *addr, unsigned long len)
{
	on_copy(addr, len, false, PC);
}

void __tsan_write_range(void *addr, unsigned long len)
{
	on_copy(addr, len, true, PC);
}

void *__tsan_memcpy(void *to, const void *from, size_t len)
{
	return vmem_memcpy(to, from, len);
}

void *__tsan_memmove(void *to, const void *from, size_t len)
{
	return vmem_memmove(to, from, len);
}

void *__tsan_memset(void *to, int byte, size_t len)
{
	return vmem_memset(to, byte, len);
}

static void quiet_copy(void *to, size_t len)
{
	size_t at = xindex((uintptr_t)to);

	if (at != XNONE && len)
		xdirty(at, len);
}

void quiet_read_range(void *addr, unsigned long len)
{
}

void quiet_write_range(void *addr, unsigned long len)
{
	quiet_copy(addr, len);
}

void *quiet_memcpy(void *to, const void *from, size_t len)
{
	quiet_copy(to, len);
	return memcpy(to, from, len);
}

void *quiet_memmove(void *to, const void *from, size_t len)
{
	quiet_copy(to, len);
	return memmove(to, from, len);
}

void *quiet_memset(void *to, int byte, size_t len)
{
	quiet_copy(to, len);
	return memset(to, byte, len);
}

int quiet_memcmp(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len);
}

void quiet_init(void)
{
}

void quiet_func_entry(void *pc)
{
}

void quiet_func_exit(void)
{
}

/*
 * Atomics. The orders decide on races; and on values where memory is weakly
 * ordered, else those are sequentially consistent.
 */

ALWAYS void on_atomic(const volatile void *addr, size_t len, enum xkind kind,
		      int order, const void *pc)
{
	size_t at = xindex((uintptr_t)addr);
	bool write = kind != XDO_ATOMIC_READ;
	struct xcpu *me = x.me;

	if (at == XNONE)
		return;
	if (unlikely(!me)) {
		outside(at, len, write);
		return;
	}
	xpoint(kind, order, false, (const void *)addr, len, pc, NULL);
	if (write)
		xdirty(at, len);
	/* What an acquire shows must not race with it. */
	xshadow_access(me, at, len, write, true, pc);
	xorder_atomic(me, (const void *)addr, kind, order);
}

static void quiet_store(const volatile void *addr, size_t len)
{
	size_t at = xindex((uintptr_t)addr);

	if (at != XNONE)
		xdirty(at, len);
}

/* READ_ONCE() and WRITE_ONCE() of a compiler that tells volatile apart. */
#define VOLATILE(len)                                                         \
	void __tsan_volatile_read##len(void *addr)                            \
	{                                                                     \
		on_atomic(addr, len, XDO_ATOMIC_READ, __ATOMIC_RELAXED, PC);  \
	}                                                                     \
	void __tsan_volatile_write##len(void *addr)                           \
	{                                                                     \
		on_atomic(addr, len, XDO_ATOMIC_WRITE, __ATOMIC_RELAXED, PC); \
	}

VOLATILE(1)
VOLATILE(2)
VOLATILE(4)
VOLATILE(8)

#define ATOMIC(bits, type)                                                    \
	type __tsan_atomic##bits##_load(const volatile type *a, int order)    \
	{                                                                     \
		on_atomic(a, sizeof(*a), XDO_ATOMIC_READ, order, PC);         \
		if (unlikely(x.weak))                                         \
			return (type)xweak_load(a, sizeof(*a), *a, order);    \
		return *a;                                                    \
	}                                                                     \
	type quiet_atomic##bits##_load(const volatile type *a, int order)     \
	{                                                                     \
		return *a;                                                    \
	}                                                                     \
	void __tsan_atomic##bits##_store(volatile type *a, type v, int order) \
	{                                                                     \
		on_atomic(a, sizeof(*a), XDO_ATOMIC_WRITE, order, PC);        \
		if (unlikely(x.weak))                                         \
			xweak_store(a, sizeof(*a), *a, v, order);             \
		*a = v;                                                       \
	}                                                                     \
	void quiet_atomic##bits##_store(volatile type *a, type v, int order)  \
	{                                                                     \
		quiet_store(a, sizeof(*a));                                   \
		*a = v;                                                       \
	}                                                                     \
	ATOMIC_OP(bits, type, exchange, v)                                    \
	ATOMIC_OP(bits, type, fetch_add, was + v)                             \
	ATOMIC_OP(bits, type, fetch_sub, was - v)                             \
	ATOMIC_OP(bits, type, fetch_and, was &v)                              \
	ATOMIC_OP(bits, type, fetch_or, was | v)                              \
	ATOMIC_OP(bits, type, fetch_xor, was ^ v)                             \
	ATOMIC_OP(bits, type, fetch_nand, ~(was & v))                         \
	ALWAYS int swap_##bits(volatile type *a, type *want, type v,          \
			       int order, const void *pc)                     \
	{                                                                     \
		type was;                                                     \
                                                                              \
		if (!x.me || xindex((uintptr_t)a) == XNONE)                   \
			quiet_store(a, sizeof(*a));                           \
		else                                                          \
			xpoint(XDO_RMW, order, false, (const void *)a,        \
			       sizeof(*a), pc, NULL);                         \
		was = *a;                                                     \
		if (was == *want) {                                           \
			on_swapped(a, sizeof(*a), XDO_RMW, order, pc);        \
			if (unlikely(x.weak))                                 \
				xweak_rmw(a, sizeof(*a), was, v, order);      \
			*a = v;                                               \
			return 1;                                             \
		}                                                             \
		/* A swap that fails is a relaxed read. */                    \
		on_swapped(a, sizeof(*a), XDO_ATOMIC_READ, __ATOMIC_RELAXED,  \
			   pc);                                               \
		if (unlikely(x.weak))                                         \
			xweak_rmw_failed(a, sizeof(*a), was);                 \
		*want = was;                                                  \
		return 0;                                                     \
	}                                                                     \
	int __tsan_atomic##bits##_compare_exchange_strong(                    \
		volatile type *a, type *want, type v, int order, int fail)    \
	{                                                                     \
		return swap_##bits(a, want, v, order, PC);                    \
	}                                                                     \
	int __tsan_atomic##bits##_compare_exchange_weak(                      \
		volatile type *a, type *want, type v, int order, int fail)    \
	{                                                                     \
		return swap_##bits(a, want, v, order, PC);                    \
	}                                                                     \
	type __tsan_atomic##bits##_compare_exchange_val(                      \
		volatile type *a, type want, type v, int order, int fail)     \
	{                                                                     \
		swap_##bits(a, &want, v, order, PC);                          \
		return want;                                                  \
	}                                                                     \
	type quiet_atomic##bits##_compare_exchange_val(                       \
		volatile type *a, type want, type v, int order, int fail)     \
	{                                                                     \
		type was = *a;                                                \
                                                                              \
		quiet_store(a, sizeof(*a));                                   \
		if (was == want)                                              \
			*a = v;                                               \
		return was;                                                   \
	}                                                                     \
	int quiet_atomic##bits##_compare_exchange_strong(                     \
		volatile type *a, type *want, type v, int order, int fail)    \
	{                                                                     \
		type was = quiet_atomic##bits##_compare_exchange_val(         \
			a, *want, v, order, fail);                            \
		bool same = was == *want;                                     \
                                                                              \
		*want = was;                                                  \
		return same;                                                  \
	}

#define ATOMIC_OP(bits, type, name, result)                                    \
	type __tsan_atomic##bits##_##name(volatile type *a, type v, int order) \
	{                                                                      \
		type was, is;                                                  \
                                                                               \
		on_atomic(a, sizeof(*a), XDO_RMW, order, PC);                  \
		was = *a;                                                      \
		is = (type)(result);                                           \
		if (unlikely(x.weak))                                          \
			xweak_rmw(a, sizeof(*a), was, is, order);              \
		*a = is;                                                       \
		return was;                                                    \
	}                                                                      \
	type quiet_atomic##bits##_##name(volatile type *a, type v, int order)  \
	{                                                                      \
		type was = *a;                                                 \
                                                                               \
		quiet_store(a, sizeof(*a));                                    \
		*a = (type)(result);                                           \
		return was;                                                    \
	}

/* The part of on_atomic() after the point. */
ALWAYS void on_swapped(const volatile void *addr, size_t len, enum xkind kind,
		       int order, const void *pc)
{
	size_t at = xindex((uintptr_t)addr);

	if (!x.me || at == XNONE)
		return;
	if (kind == XDO_RMW)
		xdirty(at, len);
	xshadow_access(x.me, at, len, kind == XDO_RMW, true, pc);
	xorder_atomic(x.me, (const void *)addr, kind, order);
}

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

void __tsan_atomic_thread_fence(int order)
{
	if (!x.me)
		return;
	xpoint(XDO_FENCE, order, false, NULL, 0, PC, NULL);
	xorder_fence(x.me, order);
}

void quiet_atomic_thread_fence(int order)
{
}

void __tsan_atomic_signal_fence(int order)
{
}
