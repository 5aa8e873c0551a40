/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Basic names of kernel code: types, annotations, checks, messages, numbers,
 * bits and strings.
 */
#ifndef SHIM_BASE_H
#define SHIM_BASE_H

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef unsigned int gfp_t;
typedef unsigned int slab_flags_t;
typedef unsigned short umode_t;
typedef u64 phys_addr_t;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

/* Annotations without effect outside the kernel. */
#define __init
#define __exit
#define __initdata
#define __user
#define __kernel
#define __iomem
#define __rcu
#define __percpu
#define __force
#define __private
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __cond_acquires(x...)
#define __acquires_shared(x)
#define __releases_shared(x)
#define __must_hold_shared(x)
#define __guarded_by(x...)
#define __pt_guarded_by(x...)
#define __no_context_analysis
#define __context_unsafe(comment...)
#define __acquire(x) ((void)0)
#define __release(x) ((void)0)
#define __read_mostly
#define __ro_after_init
#define __cold
#define __printf(a, b)
#define __counted_by(m)
#define __no_kcsan
#define noinstr

#define __maybe_unused __attribute__((unused))
#define __always_unused __attribute__((unused))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define __must_check __attribute__((warn_unused_result))
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __section(s) __attribute__((section(s)))
#define __used __attribute__((used))
#define __weak __attribute__((weak))
#define __noreturn __attribute__((noreturn))
#define __pure __attribute__((pure))
#undef __attribute_const__
#define __attribute_const__ __attribute__((const))
#define fallthrough __attribute__((fallthrough))
#define L1_CACHE_BYTES 64
#define SMP_CACHE_BYTES L1_CACHE_BYTES
#define ____cacheline_aligned __aligned(L1_CACHE_BYTES)
#define ____cacheline_aligned_in_smp __aligned(L1_CACHE_BYTES)
#define __cacheline_aligned __aligned(L1_CACHE_BYTES)
#define __cacheline_aligned_in_smp __aligned(L1_CACHE_BYTES)
#define _RET_IP_ ((unsigned long)__builtin_return_address(0))
#define _THIS_IP_ 0ul

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ __volatile__("" ::: "memory")
#define data_race(x) (x)
#define typeof_member(t, m) __typeof__(((t *)0)->m)
#define sizeof_field(t, m) sizeof(((t *)0)->m)
#define FIELD_SIZEOF(t, m) sizeof_field(t, m)
#define offsetofend(t, m) (offsetof(t, m) + sizeof_field(t, m))
#define struct_size(p, m, n) (sizeof(*(p)) + sizeof((p)->m[0]) * (n))
#define container_of(p, t, m) \
	((t *)((char *)(p)-offsetof(t, m) + 0 * sizeof((p) == &((t *)0)->m)))
#define container_of_const(p, t, m) container_of(p, t, m)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)
#define static_assert(c, ...) _Static_assert(c, "" __VA_ARGS__)
#define BUILD_BUG_ON(c) _Static_assert(!(c), #c)
#define BUILD_BUG_ON_MSG(c, m) _Static_assert(!(c), m)
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) BUILD_BUG_ON((n) == 0 || ((n) & ((n)-1)))
#define BUILD_BUG_ON_INVALID(e) ((void)sizeof((long)(e)))
#define BUILD_BUG_ON_ZERO(e) ((int)(0 * sizeof(char[1 - 2 * !!(e)])))
#define BITS_PER_BYTE 8
#define BITS_PER_LONG 64
#define BITS_PER_LONG_LONG 64
#define BITS_PER_TYPE(t) (sizeof(t) * 8)
#define _AC(x, suffix) SHIM_PASTE(x, suffix)
#define _UL(x) SHIM_PASTE(x, UL)
#define UL(x) _UL(x)
#define SHIM_PASTE(a, b) SHIM_PASTE_(a, b)
#define SHIM_PASTE_(a, b) a##b
#define __PASTE(a, b) SHIM_PASTE(a, b)
#define __UNIQUE_ID(p) SHIM_PASTE(SHIM_PASTE(__uid_, p), __COUNTER__)

/* 1 when the option is defined as 1, else 0, also in plain expressions. */
#define SHIM_TRUE_1 ~, 1
#define SHIM_2ND(a, b, ...) b
#define SHIM_PICK(x) SHIM_2ND(x, 0, 0)
#define SHIM_ENABLED(x) SHIM_PICK(SHIM_PASTE(SHIM_TRUE_, x))
#define IS_ENABLED(option) SHIM_ENABLED(option)
#define IS_BUILTIN(option) SHIM_ENABLED(option)
#define IS_MODULE(option) 0
#define IS_REACHABLE(option) SHIM_ENABLED(option)

/*
 * Checks. Those of CONFIG_DEBUG_VM exist only in a --debug build, as in the
 * kernel.
 */
void shim_warn(const char *file, int line, const char *what);
void shim_bug(const char *file, int line, const char *what) __noreturn;
void shim_printk(const char *fmt, ...);

#define BUG() shim_bug(__FILE__, __LINE__, "BUG()")
#define BUG_ON(c)                                         \
	do {                                              \
		if (unlikely(c))                          \
			shim_bug(__FILE__, __LINE__, #c); \
	} while (0)
#define WARN_ON(c)                                         \
	({                                                 \
		bool warn_ = !!(c);                        \
		if (unlikely(warn_))                       \
			shim_warn(__FILE__, __LINE__, #c); \
		unlikely(warn_);                           \
	})
#define WARN_ON_ONCE(c)                                    \
	({                                                 \
		static bool once_;                         \
		bool warn_ = !!(c);                        \
		if (unlikely(warn_ && !once_)) {           \
			once_ = true;                      \
			shim_warn(__FILE__, __LINE__, #c); \
		}                                          \
		unlikely(warn_);                           \
	})
#define WARN(c, fmt...) WARN_ON(c)
#define WARN_ONCE(c, fmt...) WARN_ON_ONCE(c)
#ifdef SHIM_DEBUG
#define VM_BUG_ON(c) BUG_ON(c)
#define VM_WARN_ON(c) ((void)WARN_ON(c))
#define VM_WARN_ON_ONCE(c) ((void)WARN_ON_ONCE(c))
#else
#define VM_BUG_ON(c) BUILD_BUG_ON_INVALID(c)
#define VM_WARN_ON(c) BUILD_BUG_ON_INVALID(c)
#define VM_WARN_ON_ONCE(c) BUILD_BUG_ON_INVALID(c)
#endif
#define VM_BUG_ON_PAGE(c, page) VM_BUG_ON(c)
#define VM_BUG_ON_FOLIO(c, folio) VM_BUG_ON(c)
#define VM_WARN_ON_ONCE_PAGE(c, page) WARN_ON_ONCE(c)
#define VM_WARN_ON_FOLIO(c, folio) VM_WARN_ON(c)

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define KERN_ERR ""
#define KERN_WARNING ""
#define KERN_INFO ""
#define printk(fmt, ...) shim_printk(fmt, ##__VA_ARGS__)
#define pr_emerg(fmt, ...) shim_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...) shim_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...) shim_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) shim_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) shim_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn_once(fmt, ...) shim_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn_ratelimited(fmt, ...) shim_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) shim_quiet(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) shim_quiet(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...) shim_quiet(pr_fmt(fmt), ##__VA_ARGS__)

static inline void shim_quiet(const char *fmt, ...)
{
}

#define dump_stack() ((void)0)

/* Error pointers: the last page of the address space holds errnos. */
#define MAX_ERRNO 4095
#define ENOTSUPP 524
#define IS_ERR_VALUE(x) \
	unlikely((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return IS_ERR_VALUE(ptr);
}

static inline bool IS_ERR_OR_NULL(const void *ptr)
{
	return !ptr || IS_ERR_VALUE(ptr);
}

static inline void *ERR_CAST(const void *ptr)
{
	return (void *)ptr;
}

static inline int PTR_ERR_OR_ZERO(const void *ptr)
{
	return IS_ERR(ptr) ? PTR_ERR(ptr) : 0;
}

/* Numbers. */
#define SHIM_SELECT(a, op, b)           \
	({                              \
		__typeof__(a) a_ = (a); \
		__typeof__(b) b_ = (b); \
		a_ op b_ ? a_ : b_;     \
	})
#undef min
#undef max
#undef MIN
#undef MAX
#define min(a, b) SHIM_SELECT(a, <, b)
#define max(a, b) SHIM_SELECT(a, >, b)
#define min3(a, b, c) min(min(a, b), c)
#define max3(a, b, c) max(max(a, b), c)
#define min_t(t, a, b) SHIM_SELECT((t)(a), <, (t)(b))
#define max_t(t, a, b) SHIM_SELECT((t)(a), >, (t)(b))
#define umin(a, b) min((unsigned long)(a), (unsigned long)(b))
#define umax(a, b) max((unsigned long)(a), (unsigned long)(b))
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define clamp_t(t, v, lo, hi) min_t(t, max_t(t, v, lo), hi)
/* Usable in constant expressions, which min() and max() are not. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN_T(t, a, b) MIN((t)(a), (t)(b))
#define MAX_T(t, a, b) MAX((t)(a), (t)(b))
#define swap(a, b)                         \
	do {                               \
		__typeof__(a) swap_ = (a); \
		(a) = (b);                 \
		(b) = swap_;               \
	} while (0)
#define abs(x) __builtin_llabs(x)
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define DIV_ROUND_CLOSEST(n, d) (((n) + (d) / 2) / (d))
#define roundup(n, to) (((n) + (to)-1) / (to) * (to))
#define rounddown(n, to) ((n) - (n) % (to))
#define ALIGN(n, to) \
	(((n) + ((__typeof__(n))(to)-1)) & ~((__typeof__(n))(to)-1))
#define ALIGN_DOWN(n, to) ((n) & ~((__typeof__(n))(to)-1))
#define IS_ALIGNED(n, to) (((n) & ((__typeof__(n))(to)-1)) == 0)
#define PTR_ALIGN(p, to) ((__typeof__(p))ALIGN((unsigned long)(p), (to)))
#define round_up(n, to) ALIGN(n, to)
#define round_down(n, to) ALIGN_DOWN(n, to)
#define mult_frac(x, n, d) ((x) / (d) * (n) + (x) % (d) * (n) / (d))
#define do_div(n, base)                  \
	({                               \
		u32 rem_ = (n) % (base); \
		(n) /= (base);           \
		rem_;                    \
	})
#define div_u64(n, d) ((u64)(n) / (d))
#define div64_u64(n, d) ((u64)(n) / (d))
#define lower_32_bits(n) ((u32)(n))
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define U8_MAX UINT8_MAX
#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX
#define S32_MAX INT32_MAX
#define S64_MAX INT64_MAX
#define SZ_4K 0x1000
#define SZ_16K 0x4000
#define SZ_64K 0x10000
#define SZ_1M 0x100000
#define SZ_16M 0x1000000

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline int fls64(u64 n)
{
	return n ? 64 - __builtin_clzll(n) : 0;
}

static inline int fls(unsigned int n)
{
	return n ? 32 - __builtin_clz(n) : 0;
}

#define fls_long(n) fls64(n)
#define ffs(n) __builtin_ffs(n)
#define __ffs(n) ((unsigned long)__builtin_ctzl(n))
#define __fls(n) ((unsigned long)(63 - __builtin_clzl(n)))
#define ffz(n) __ffs(~(n))
#define ilog2(n) (fls64(n) - 1)
#define order_base_2(n) ((n) > 1 ? fls64((n)-1) : 0)
#define roundup_pow_of_two(n) (1ul << fls64((n)-1))
#define rounddown_pow_of_two(n) (1ul << (fls64(n) - 1))
#define hweight32(n) __builtin_popcount(n)
#define hweight64(n) __builtin_popcountll(n)
#define hweight_long(n) __builtin_popcountl(n)
#define get_order(n) ilog2(DIV_ROUND_UP((unsigned long)(n), PAGE_SIZE) * 2 - 1)
#define BIT(n) (1ul << (n))
#define BIT_ULL(n) (1ull << (n))
#define GENMASK(h, l) ((~0ul >> (63 - (h))) & (~0ul << (l)))
#define BIT_MASK(n) (1ul << ((n) % 64))
#define BIT_WORD(n) ((n) / 64)
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, 64)
#define DECLARE_BITMAP(name, n) unsigned long name[BITS_TO_LONGS(n)]

/* Strings. In a flavour that charges copies, its own functions are called. */
#define memcpy(d, s, n) SYNC_STRING(memcpy)(d, s, n)
#define memmove(d, s, n) SYNC_STRING(memmove)(d, s, n)
#define memset(d, c, n) SYNC_STRING(memset)(d, c, n)
#define memcmp(a, b, n) SYNC_STRING(memcmp)(a, b, n)
#define strlen(s) __builtin_strlen(s)
#define strcmp(a, b) __builtin_strcmp(a, b)
#define strncmp(a, b, n) __builtin_strncmp(a, b, n)
#define snprintf(b, n, ...) __builtin_snprintf(b, n, __VA_ARGS__)
#define scnprintf(b, n, ...) __builtin_snprintf(b, n, __VA_ARGS__)
#define sprintf(b, ...) __builtin_sprintf(b, __VA_ARGS__)
#define memzero_explicit(d, n) memset(d, 0, n)

/* list.h poisons links of removed entries with these. */
#define POISON_POINTER_DELTA 0xdead000000000000ul
#define LIST_POISON1 ((void *)(0x100 + POISON_POINTER_DELTA))
#define LIST_POISON2 ((void *)(0x122 + POISON_POINTER_DELTA))

/* A module: its init runs before the first pool is created. */
struct module;
#define THIS_MODULE ((struct module *)0)
#ifndef KBUILD_MODNAME
#define KBUILD_MODNAME SHIM_NAME
#endif
#define EXPORT_SYMBOL(x)
#define EXPORT_SYMBOL_GPL(x)
#define EXPORT_SYMBOL_NS_GPL(x, ns)
#define EXPORT_SYMBOL_FOR_MODULES(x, m)
#define MODULE_LICENSE(x)
#define MODULE_AUTHOR(x)
#define MODULE_DESCRIPTION(x)
#define MODULE_ALIAS(x)
#define MODULE_PARM_DESC(p, x)
#define MODULE_IMPORT_NS(x)
#define module_param(name, type, perm)
#define module_param_named(name, value, type, perm)
#define SHIM_INIT(fn)               \
	int shim_module_init(void); \
	int shim_module_init(void)  \
	{                           \
		return fn();        \
	}
#define module_init(fn) SHIM_INIT(fn)
#define subsys_initcall(fn) SHIM_INIT(fn)
#define late_initcall(fn) SHIM_INIT(fn)
#define device_initcall(fn) SHIM_INIT(fn)
#define module_exit(fn)              \
	void shim_module_exit(void); \
	void shim_module_exit(void)  \
	{                            \
		fn();                \
	}

#endif
