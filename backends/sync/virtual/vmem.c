// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cost of memory accesses. Allocators and the front end are compiled with
 * the compiler's thread instrumentation, which calls the functions at the end
 * of this file for every load, store, atomic and call; the sanitizer's library
 * is not linked. A directory records the CPUs that have each touched cache
 * line. From it follows the cost of an access: a hit, a transfer within the
 * socket or between sockets, or memory.
 *
 * Misses between two serialising instructions (atomics, locks) overlap, unless
 * an earlier miss loaded the address of a later one; or they add up
 * (vmachine.sum). The truth lies between the two, so both are computed.
 *
 * Capacity needs no model of a cache: a line counts as evicted when the CPU
 * that last touched it has since fetched more lines than its cache holds. Lines
 * at the same place of their pages share the same sets, so lines are counted
 * per place: headers at the start of every page evict each other.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/sync/virtual/vcpu.h"

#define LINE_SHIFT 6
#define LINE 64u
#define FIRST_SIZE (1u << 16)
/* Copies up to this size are charged as accesses; longer ones as streams. */
#define SMALL_COPY 64

/* The directory's entry of one line. */
struct vline {
	uint64_t tag; /* line number + 1; 0 = unused entry */
	uint64_t sharers; /* CPUs that have it; a bit is one or more CPUs */
	uint64_t until; /* end of its last read-modify-write: they queue */
	uint32_t stamp; /* fetches of CPU @last at that time */
	uint16_t last; /* the CPU that touched it last */
	bool modified; /* by @last, which alone has it */
};

/*
 * The program's own image: call sites and tables, no shared state of a pool.
 * The linker's layout of it must not decide which variables share a line.
 */
extern char __executable_start[], _end[];

static struct vline *table;
static size_t size, used;
/* Lines per set of a cache; a set is 1/VCPU_SETS of the cache. */
static uint32_t l2_ways, l3_ways;

/* Huge pages: else every look-up would also miss the host's TLB. */
static struct vline *table_make(size_t entries)
{
	size_t bytes = entries * sizeof(struct vline);
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static void table_free(struct vline *t, size_t entries)
{
	if (t)
		munmap(t, entries * sizeof(struct vline));
}

/* Adjacent lines have adjacent slots: they are often used together. */
static size_t slot_of(uint64_t tag)
{
	return ((size_t)((tag >> 1) * 0x9e3779b97f4a7c15ull >> 32) << 1 |
		(tag & 1)) &
	       (size - 1);
}

int vmem_start(struct err *err)
{
	size = FIRST_SIZE;
	l2_ways = (uint32_t)(vmachine.cost.l2_lines / VCPU_SETS);
	l3_ways = (uint32_t)(vmachine.cost.l3_lines / VCPU_SETS);
	used = 0;
	table = table_make(size);
	return table ? 0 : err_set(err, -ENOMEM, "out of memory");
}

void vmem_finish(void)
{
	table_free(table, size);
	table = NULL;
	size = used = 0;
}

size_t vmem_lines(void)
{
	return used;
}

size_t vmem_bytes(void)
{
	return size * sizeof(*table);
}

static void grow(void)
{
	struct vline *old = table;
	size_t n = size, i, at;
	unsigned cpu;

	table = table_make(2 * size);
	if (!table) {
		/* Without a larger table look-ups are slower, but correct. */
		table = old;
		return;
	}
	size *= 2;
	for (i = 0; i < n; i++) {
		if (!old[i].tag)
			continue;
		at = slot_of(old[i].tag);
		while (table[at].tag)
			at = (at + 1) & (size - 1);
		table[at] = old[i];
	}
	table_free(old, n);
	for (cpu = 0; cpu < vmachine.cpus; cpu++)
		memset(vcpus[cpu].recent, 0, sizeof(vcpus[cpu].recent));
}

static struct vline *find(uint64_t tag)
{
	size_t at = slot_of(tag);

	while (table[at].tag && table[at].tag != tag)
		at = (at + 1) & (size - 1);
	if (table[at].tag)
		return &table[at];
	if (used >= size - size / 4) {
		grow();
		if (used + 1 >= size) {
			/* The table is full and cannot grow: share an entry. */
			return &table[at];
		}
		at = slot_of(tag);
		while (table[at].tag)
			at = (at + 1) & (size - 1);
	}
	used++;
	table[at].tag = tag;
	return &table[at];
}

static __attribute__((noinline)) struct vline *recall(struct vcpu *me,
						      uint64_t tag)
{
	/* find() may grow the table, which clears all of @me->recent. */
	struct vline *l = find(tag);

	me->recent[tag % VCPU_RECENT].line = l;
	me->recent[tag % VCPU_RECENT].tag = tag;
	return l;
}

static inline struct vline *line_of(struct vcpu *me, uint64_t tag)
{
	if (me->recent[tag % VCPU_RECENT].tag == tag)
		return me->recent[tag % VCPU_RECENT].line;
	return recall(me, tag);
}

uint64_t vmem_transfer(const struct vcpu *from, const struct vcpu *to)
{
	return from->socket == to->socket ? vmachine.cost.xfer
					  : vmachine.cost.xfer_socket;
}

/* Set in the tag of an entry that stands for the payload of a whole page. */
#define PAYLOAD (1ull << 63)
#define PAGE_SHIFT 12

static inline unsigned set_of(uint64_t tag)
{
	return (unsigned)(tag - 1) % VCPU_SETS;
}

/* Return: lines fetched into @c's cache that could evict @l. */
static inline uint32_t fills_of(const struct vcpu *c, const struct vline *l)
{
	return l->tag & PAYLOAD ? c->fills / VCPU_SETS
				: c->set_fills[set_of(l->tag)];
}

/* Return: cost of a line that @c touched last, by its age; 0 for a hit. */
static uint64_t evicted(const struct vcpu *c, const struct vline *l)
{
	uint32_t age = fills_of(c, l) - l->stamp;

	if (age <= l2_ways)
		return 0;
	return age <= l3_ways ? vmachine.cost.l3 : vmachine.cost.dram;
}

void vmem_pollute(struct vcpu *me, uint64_t lines)
{
	unsigned i;

	me->fills += (uint32_t)lines;
	for (i = 0; i < VCPU_SETS; i++)
		me->set_fills[i] += (uint32_t)(lines / VCPU_SETS);
	for (i = 0; i < lines % VCPU_SETS; i++)
		me->set_fills[me->next_set++ % VCPU_SETS]++;
}

/* Whether the line was prefetched: a recent miss was at an adjacent line. */
static bool streamed(struct vcpu *me, uint64_t tag)
{
	unsigned i;
	bool near = false;

	for (i = 0; i < VCPU_MISSES; i++)
		near |= tag - me->miss[i] + 2 <= 4 && tag != me->miss[i];
	me->miss[me->next_miss++ % VCPU_MISSES] = tag;
	return near;
}

/*
 * Return: the cost for @me to fetch @l, ps; 0 for a hit. @memory: set if the
 * line comes from the last-level cache or memory, not from another core.
 */
static uint64_t miss_cost(struct vcpu *me, const struct vline *l, bool write,
			  bool *memory)
{
	const struct vcost *cost = &vmachine.cost;
	uint64_t bit = 1ull << me->bit, here = me->here, out;
	const struct vcpu *last;

	*memory = true;
	if (!l->sharers)
		return cost->dram;
	last = &vcpus[l->last];
	if (l->sharers & bit && (!l->modified || l->last == me->id)) {
		if (l->last == me->id) {
			out = evicted(me, l);
			if (out)
				return out;
		}
		*memory = false;
		if (!write || l->sharers == bit)
			return 0;
		/* An upgrade: invalidate the copies of other CPUs. */
		return l->sharers & ~here ? cost->xfer_socket : cost->xfer;
	}
	out = evicted(last, l);
	if (out)
		return last->socket == me->socket || out == cost->dram
			       ? out
			       : cost->xfer_socket;
	*memory = !write && !l->modified && l->sharers & here;
	if (l->modified)
		return vmem_transfer(last, me);
	if (write && l->sharers & ~here)
		return cost->xfer_socket;
	return l->sharers & here ? (write ? cost->xfer : cost->l3)
				 : cost->xfer_socket;
}

static void touch(struct vcpu *me, struct vline *l, bool write)
{
	uint64_t bit = 1ull << me->bit;

	if (write) {
		l->sharers = bit;
		l->modified = true;
	} else {
		if (l->modified && l->last != me->id)
			l->modified = false;
		l->sharers |= bit;
	}
	l->last = (uint16_t)me->id;
	l->stamp = fills_of(me, l);
}

/* Return: the cost of an access to @l; @me has the line afterwards. */
static uint64_t fetch(struct vcpu *me, struct vline *l, bool write)
{
	bool memory;
	uint64_t cost = miss_cost(me, l, write, &memory);

	if (cost) {
		me->fills++;
		me->set_fills[set_of(l->tag)]++;
		if (memory && streamed(me, l->tag))
			cost = vmachine.cost.stream;
	}
	touch(me, l, write);
	return cost;
}

static uint64_t tag_of(const void *addr)
{
	return ((uintptr_t)addr >> LINE_SHIFT) + 1;
}

void vmem_rmw(struct vcpu *me, const void *addr)
{
	struct vline *l = line_of(me, tag_of(addr));

	if (l->until > me->vt)
		me->vt = l->until;
	me->vt += fetch(me, l, true) + vmachine.cost.rmw;
	l->until = me->vt;
}

void vmem_own(struct vcpu *me, const void *addr)
{
	touch(me, line_of(me, tag_of(addr)), true);
}

/*
 * A miss begins now; but if an earlier miss loaded a pointer into the same
 * 4 KiB, it begins when the earlier miss ends.
 */
static void miss(struct vcpu *me, uintptr_t addr, uint64_t cost, bool pointer)
{
	uint64_t start = me->vt, end;
	unsigned i;

	if (vmachine.sum) {
		me->vt += cost;
		return;
	}
	for (i = 0; i < VCPU_DEPS; i++)
		if (me->dep[i].page == addr >> 12 && me->dep[i].end > start)
			start = me->dep[i].end;
	end = start + cost;
	if (end > me->pending)
		me->pending = end;
	if (pointer) {
		i = me->next_dep++ % VCPU_DEPS;
		me->dep[i].page = *(const uint64_t *)addr >> 12;
		me->dep[i].end = end;
	}
}

static inline bool in_image(uintptr_t addr)
{
	return addr - (uintptr_t)__executable_start <
	       (uintptr_t)_end - (uintptr_t)__executable_start;
}

static __attribute__((noinline)) void access_other(struct vcpu *me,
						   struct vline *l,
						   uintptr_t addr, bool write,
						   bool pointer)
{
	uint64_t cost = fetch(me, l, write);

	if (cost)
		miss(me, addr, cost, pointer);
}

static inline __attribute__((always_inline)) void
access_line(struct vcpu *me, uintptr_t addr, bool write, bool pointer)
{
	unsigned at = (addr >> LINE_SHIFT) % VCPU_SETS;
	struct vline *l;

	me->vt += vmachine.cost.access;
	if (addr - me->stack < VCPU_STACK || in_image(addr))
		return;
	l = line_of(me, (addr >> LINE_SHIFT) + 1);
	/* The common case: touched recently, and by no other CPU since. */
	if (l->last == me->id && (l->modified || !write) &&
	    me->set_fills[at] - l->stamp <= l2_ways && l->sharers)
		l->stamp = me->set_fills[at];
	else
		access_other(me, l, addr, write, pointer);
}

static void access_range(struct vcpu *me, uintptr_t addr, size_t len,
			 bool write)
{
	uintptr_t at = addr & ~(uintptr_t)(LINE - 1);

	/* The layout of the stack depends on the compiler. */
	if (addr - me->stack < VCPU_STACK) {
		me->vt += (len + LINE - 1) / LINE * vmachine.cost.access;
		return;
	}
	for (; at < addr + len; at += LINE)
		access_line(me, at < addr ? addr : at, write, false);
}

/* Return: latency of a copy's first line, ps; 0 if it is in @me's cache. */
static uint64_t payload_latency(const struct vcpu *me, const struct vline *l)
{
	const struct vcpu *last = &vcpus[l->last];
	uint64_t out;

	if (!l->sharers)
		return vmachine.cost.dram;
	out = evicted(last, l);
	if (last == me || out == vmachine.cost.dram)
		return out;
	if (out && last->socket == me->socket)
		return out;
	return vmem_transfer(last, me);
}

/*
 * Payload: one entry represents the payload of a whole page, because otherwise
 * the directory would have an entry for every line of the pool. Lines that the
 * CPU used recently are in its cache. Of other lines the CPU waits for the
 * first, and the prefetcher fetches the rest one after the other.
 */
static void access_payload(struct vcpu *me, uintptr_t addr, size_t len,
			   bool write)
{
	uint64_t lines = (len + LINE - 1) / LINE, latency;
	unsigned at = (addr >> LINE_SHIFT) % VCPU_SETS, i;
	struct vline *l = line_of(me, (addr >> PAGE_SHIFT) | PAYLOAD);

	me->vt += lines * vmachine.cost.copy;
	latency = payload_latency(me, l);
	if (latency) {
		miss(me, addr, latency, false);
		me->vt += lines * vmachine.cost.stream;
		me->fills += (uint32_t)lines;
		for (i = 0; i < lines; i++)
			me->set_fills[(at + i) % VCPU_SETS]++;
	}
	touch(me, l, write);
}

static void access_copy(const void *addr, size_t len, bool write)
{
	struct vcpu *me = vcpu_me;
	uintptr_t at = (uintptr_t)addr;
	size_t n;

	if (!me || !len)
		return;
	if (len <= SMALL_COPY) {
		access_range(me, at, len, write);
		return;
	}
	if (at - me->stack < VCPU_STACK || in_image(at)) {
		me->vt += (len + LINE - 1) / LINE * vmachine.cost.copy;
		return;
	}
	for (; len; at += n, len -= n) {
		n = (1ul << PAGE_SHIFT) - (at & ((1ul << PAGE_SHIFT) - 1));
		n = n < len ? n : len;
		access_payload(me, at, n, write);
	}
}

/* Short copies are expanded inline where no callback must see them. */
static void copy_start(size_t len)
{
	if (vcpu_me && len > SMALL_COPY)
		vcpu_me->vt += vmachine.cost.copy_start;
}

/*
 * Instrumented objects call these functions instead of the C library: their
 * calls are renamed, so that copies inside zlab itself cost nothing.
 */
void *vmem_memcpy(void *to, const void *from, size_t len)
{
	copy_start(len);
	access_copy(from, len, false);
	access_copy(to, len, true);
	return memcpy(to, from, len);
}

void *vmem_memmove(void *to, const void *from, size_t len)
{
	copy_start(len);
	access_copy(from, len, false);
	access_copy(to, len, true);
	return memmove(to, from, len);
}

void *vmem_memset(void *to, int byte, size_t len)
{
	copy_start(len);
	access_copy(to, len, true);
	return memset(to, byte, len);
}

int vmem_memcmp(const void *a, const void *b, size_t len)
{
	copy_start(len);
	access_copy(a, len, false);
	access_copy(b, len, false);
	return memcmp(a, b, len);
}

/* The interface of the instrumentation, as gcc and clang call it. */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	if (vcpu_me)
		vcpu_me->vt += vmachine.cost.call;
}

void __tsan_func_exit(void)
{
}

#define ACCESS(name, write, pointer)                                           \
	void __tsan_##name(void *addr)                                         \
	{                                                                      \
		if (vcpu_me)                                                   \
			access_line(vcpu_me, (uintptr_t)addr, write, pointer); \
	}
#define SIZES(kind, write)                        \
	ACCESS(kind##1, write, false)             \
	ACCESS(kind##2, write, false)             \
	ACCESS(kind##4, write, false)             \
	ACCESS(kind##8, write, !(write))          \
	ACCESS(unaligned_##kind##2, write, false) \
	ACCESS(unaligned_##kind##4, write, false) \
	ACCESS(unaligned_##kind##8, write, false)

SIZES(read, false)
SIZES(write, true)
SIZES(volatile_read, false)
SIZES(volatile_write, true)

#define RANGE(name, len, write)                                             \
	void __tsan_##name(void *addr)                                      \
	{                                                                   \
		if (vcpu_me)                                                \
			access_range(vcpu_me, (uintptr_t)addr, len, write); \
	}

RANGE(read16, 16, false)
RANGE(write16, 16, true)
RANGE(unaligned_read16, 16, false)
RANGE(unaligned_write16, 16, true)

void __tsan_read_range(void *addr, unsigned long len)
{
	if (vcpu_me)
		access_range(vcpu_me, (uintptr_t)addr, len, false);
}

void __tsan_write_range(void *addr, unsigned long len)
{
	if (vcpu_me)
		access_range(vcpu_me, (uintptr_t)addr, len, true);
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

/* Other CPUs see read-modify-writes in the order of virtual time. */
static void atomic_rmw(const volatile void *addr)
{
	struct vcpu *me = vcpu_me;

	if (!me)
		return;
	vmem_serialise(me);
	vcpu_point();
	vmem_rmw(me, (const void *)addr);
}

#define ATOMIC(bits, type)                                                     \
	type __tsan_atomic##bits##_load(const volatile type *a, int order)     \
	{                                                                      \
		if (vcpu_me)                                                   \
			access_line(vcpu_me, (uintptr_t)a, false, bits == 64); \
		return *a;                                                     \
	}                                                                      \
	void __tsan_atomic##bits##_store(volatile type *a, type v, int order)  \
	{                                                                      \
		if (vcpu_me)                                                   \
			access_line(vcpu_me, (uintptr_t)a, true, false);       \
		*a = v;                                                        \
	}                                                                      \
	type __tsan_atomic##bits##_exchange(volatile type *a, type v,          \
					    int order)                         \
	{                                                                      \
		type was;                                                      \
                                                                               \
		atomic_rmw(a);                                                 \
		was = *a;                                                      \
		*a = v;                                                        \
		return was;                                                    \
	}                                                                      \
	ATOMIC_OP(bits, type, fetch_add, was + v)                              \
	ATOMIC_OP(bits, type, fetch_sub, was - v)                              \
	ATOMIC_OP(bits, type, fetch_and, was &v)                               \
	ATOMIC_OP(bits, type, fetch_or, was | v)                               \
	ATOMIC_OP(bits, type, fetch_xor, was ^ v)                              \
	ATOMIC_OP(bits, type, fetch_nand, ~(was & v))                          \
	int __tsan_atomic##bits##_compare_exchange_strong(                     \
		volatile type *a, type *want, type v, int order, int fail)     \
	{                                                                      \
		type was;                                                      \
                                                                               \
		atomic_rmw(a);                                                 \
		was = *a;                                                      \
		if (was == *want) {                                            \
			*a = v;                                                \
			return 1;                                              \
		}                                                              \
		*want = was;                                                   \
		return 0;                                                      \
	}                                                                      \
	int __tsan_atomic##bits##_compare_exchange_weak(                       \
		volatile type *a, type *want, type v, int order, int fail)     \
	{                                                                      \
		return __tsan_atomic##bits##_compare_exchange_strong(          \
			a, want, v, order, fail);                              \
	}                                                                      \
	type __tsan_atomic##bits##_compare_exchange_val(                       \
		volatile type *a, type want, type v, int order, int fail)      \
	{                                                                      \
		__tsan_atomic##bits##_compare_exchange_strong(a, &want, v,     \
							      order, fail);    \
		return want;                                                   \
	}

#define ATOMIC_OP(bits, type, name, result)                                    \
	type __tsan_atomic##bits##_##name(volatile type *a, type v, int order) \
	{                                                                      \
		type was;                                                      \
                                                                               \
		atomic_rmw(a);                                                 \
		was = *a;                                                      \
		*a = (type)(result);                                           \
		return was;                                                    \
	}

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

void __tsan_atomic_thread_fence(int order)
{
	if (vcpu_me)
		vmem_serialise(vcpu_me);
}

void __tsan_atomic_signal_fence(int order)
{
}
