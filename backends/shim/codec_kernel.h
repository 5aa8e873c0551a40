/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaces every kernel header that a compressor includes, but for those that
 * describe the compressors themselves. Names and behaviour are those of the
 * kernel on x86-64; the text is this project's own.
 */
#ifndef SHIM_CODEC_KERNEL_H
#define SHIM_CODEC_KERNEL_H

#include "shim_config.h"
#include "shim_prelude.h"

#define SYNC_STRING(call) __builtin_##call

#include "backends/shim/base.h"
#include "backends/shim/codec_runtime.h"

#ifdef __x86_64__
#define CONFIG_X86_64 1
#elif defined(__aarch64__)
#define CONFIG_ARM64 1
#endif
#define PAGE_SHIFT 12
#define PAGE_SIZE (1ul << PAGE_SHIFT)

typedef u16 __le16;
typedef u32 __le32;
typedef u64 __le64;
typedef u16 __be16;
typedef u32 __be32;
typedef u64 __be64;
typedef unsigned char unchar;
typedef unsigned int uint;
typedef unsigned long ulong;

/* Words of the language that newer trees write. */
#define asm_inline asm
#define __attribute_nonstring__
#define __no_sanitize_address __attribute__((no_sanitize("address")))
#define __no_sanitize_undefined __attribute__((no_sanitize("undefined")))
#define prefetch(p) __builtin_prefetch(p)
#define prefetchw(p) __builtin_prefetch(p, 1)
#define OPTIMIZER_HIDE_VAR(v) __asm__("" : "+r"(v))
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define rcu_assign_pointer(p, v) smp_store_release(&(p), v)
#define rcu_dereference(p) READ_ONCE(p)
#define hlist_del_init_rcu(node) hlist_del_init(node)
#define GENMASK_ULL(h, l) ((~0ull >> (63 - (h))) & (~0ull << (l)))

/* Each source has an init of its own, so that they must not have one name. */
#undef module_init
#undef module_exit
#undef subsys_initcall
#undef SHIM_INIT
#define SHIM_INIT(fn)                                                 \
	static void __attribute__((constructor)) shim_init_##fn(void) \
	{                                                             \
		(void)fn();                                           \
	}
#define module_init(fn) SHIM_INIT(fn)
#define subsys_initcall(fn) SHIM_INIT(fn)
#define module_exit(fn) static void __maybe_unused (*shim_exit_##fn)(void) = fn

/* Byte order. */
#define __LITTLE_ENDIAN 1234
#undef __BIG_ENDIAN
#define swab16(x) __builtin_bswap16(x)
#define swab32(x) __builtin_bswap32(x)
#define swab64(x) __builtin_bswap64(x)
#define __swab32(x) swab32(x)
#define __swab64(x) swab64(x)
#define cpu_to_le16(x) ((u16)(x))
#define cpu_to_le32(x) ((u32)(x))
#define cpu_to_le64(x) ((u64)(x))
#define le16_to_cpu(x) ((u16)(x))
#define le32_to_cpu(x) ((u32)(x))
#define le64_to_cpu(x) ((u64)(x))
#define cpu_to_be16(x) swab16(x)
#define cpu_to_be32(x) swab32(x)
#define cpu_to_be64(x) swab64(x)
#define be16_to_cpu(x) swab16(x)
#define be32_to_cpu(x) swab32(x)
#define be64_to_cpu(x) swab64(x)
#define le16_to_cpup(p) le16_to_cpu(*(p))
#define le32_to_cpup(p) le32_to_cpu(*(p))
#define le64_to_cpup(p) le64_to_cpu(*(p))

/* Words at any address. */
#define CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS 1
#define get_unaligned(p)                         \
	({                                       \
		const struct {                   \
			__typeof__(*(p)) at;     \
		} __packed *from_ = (void *)(p); \
		from_->at;                       \
	})
#define put_unaligned(v, p)                    \
	do {                                   \
		struct {                       \
			__typeof__(*(p)) at;   \
		} __packed *to_ = (void *)(p); \
		to_->at = (v);                 \
	} while (0)

#define SHIM_UNALIGNED(bits)                                          \
	static inline u##bits get_unaligned_le##bits(const void *p)   \
	{                                                             \
		u##bits v;                                            \
                                                                      \
		__builtin_memcpy(&v, p, sizeof(v));                   \
		return v;                                             \
	}                                                             \
	static inline u##bits get_unaligned_be##bits(const void *p)   \
	{                                                             \
		return swab##bits(get_unaligned_le##bits(p));         \
	}                                                             \
	static inline void put_unaligned_le##bits(u##bits v, void *p) \
	{                                                             \
		__builtin_memcpy(p, &v, sizeof(v));                   \
	}                                                             \
	static inline void put_unaligned_be##bits(u##bits v, void *p) \
	{                                                             \
		put_unaligned_le##bits(swab##bits(v), p);             \
	}

SHIM_UNALIGNED(16)
SHIM_UNALIGNED(32)
SHIM_UNALIGNED(64)

static inline u64 div_u64_rem(u64 n, u32 by, u32 *rem)
{
	*rem = (u32)(n % by);
	return n / by;
}

#define rol32(w, n) ((u32)(w) << ((n)&31) | (u32)(w) >> (-(n)&31))
#define rol64(w, n) ((u64)(w) << ((n)&63) | (u64)(w) >> (-(n)&63))

/* The CRC of 842, whose table a tree makes only when it is built. */
#pragma GCC visibility push(hidden)
u32 crc32_be(u32 crc, const void *p, size_t len);
#pragma GCC visibility pop

/* Counters that nothing reads here. */
typedef struct {
	int counter;
} atomic_t;
#define ATOMIC_INIT(i) \
	{              \
		i      \
	}
#define atomic_read(a) __atomic_load_n(&(a)->counter, __ATOMIC_RELAXED)
#define atomic_set(a, i) __atomic_store_n(&(a)->counter, i, __ATOMIC_RELAXED)
#define atomic_inc(a) \
	((void)__atomic_fetch_add(&(a)->counter, 1, __ATOMIC_RELAXED))

/* Files that show counters: there is no such file system. */
struct dentry;
#define S_IRUGO 0444
#define S_IWUSR 0200
#define debugfs_initialized() false
#define debugfs_create_dir(name, parent) ((struct dentry *)NULL)
#define debugfs_create_atomic_t(name, mode, parent, value) \
	((void)(name), (void)(mode), (void)(parent), (void)(value))
#define debugfs_remove_recursive(dir) ((void)(dir))

/* Contexts come from the caller. */
#define GFP_KERNEL 0u
#define GFP_ATOMIC 0u
#define GFP_NOWAIT 0u
#define __GFP_NOWARN 0u
#define __GFP_KSWAPD_RECLAIM 0u

#endif
