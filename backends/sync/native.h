/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sync.h for real threads. Included by sync.h alone.
 *
 * An uncontended acquisition costs the lock's own instruction, one counter
 * update per class and one per atomic section. The clock is read only after a
 * failed try, and on average in one of SYNC_SAMPLE_PERIOD atomic sections.
 * With SYNC_NO_STATS (make STATS=off) nothing is counted.
 */
#ifndef ZLAB_SYNC_NATIVE_H
#define ZLAB_SYNC_NATIVE_H

#include "backends/sync/atomic.h"
#include "backends/sync/spin.h"

#define SYNC_MAX_CPUS 512
#define SYNC_MAX_CLASSES 64
#define SYNC_SAMPLE_PERIOD 512

/* The data that every call uses; stat.c has the CPU's other counts. */
struct sync_cpu {
	unsigned id;
	unsigned nr_slept; /* timed holds of sleeping locks */
	/*
	 * Low 16 bits: the depth of the atomic section. High bits: the takes
	 * that are left until a section is timed. If negative, every take and
	 * drop uses the slow path: timing a section is due or in progress.
	 */
	int64_t state;
	uint64_t wait_ns;
	uint64_t acquisitions[SYNC_MAX_CLASSES];
} __attribute__((aligned(64)));

extern __thread struct sync_cpu *sync_me
	__attribute__((tls_model("initial-exec")));

/* The slow parts: statistics. */
void sync_took_slow(struct sync_cpu *me, const void *l, unsigned class);
void sync_dropped_slow(struct sync_cpu *me, const void *l);
void sync_sleep_begin(struct sync_cpu *me, const void *l, unsigned class);
void sync_sleep_end(struct sync_cpu *me, const void *l);
/* @since: clock_ticks() when the wait began. */
void sync_waited(unsigned class, uint64_t since, bool spins);

/* The native flavour needs no call sites and does not charge for copies. */
#define sync_at(site) ((void)(site))
#define SYNC_STRING(call) __builtin_##call

struct sync_cpu *sync_cpu_of(unsigned id);

/* Return: 1 + the highest number of any CPU that was ever attached. */
unsigned sync_cpus_seen(void);
int sync_cpu_attach(void);
void sync_cpu_release(void);

#define SYNC_DEPTH 0xffff
#define SYNC_COUNTDOWN (SYNC_DEPTH + 1ll)

#ifdef SYNC_NO_STATS
#define sync_took(l, class) ((void)(l), (void)(class))
#define sync_dropped(l) ((void)(l))
#define sync_slept(l, class) ((void)(l), (void)(class))
#define sync_waking(l) ((void)(l))
#define sync_preempt_disable() __asm__ volatile("" ::: "memory")
#define sync_preempt_enable() __asm__ volatile("" ::: "memory")
#else
static inline void sync_preempt_disable(void)
{
	struct sync_cpu *me = sync_me;

	me->state -= SYNC_COUNTDOWN - 1;
	if (__builtin_expect(me->state < 0, 0))
		sync_took_slow(me, NULL, 0);
}

static inline void sync_preempt_enable(void)
{
	struct sync_cpu *me = sync_me;

	if (__builtin_expect(--me->state < 0, 0))
		sync_dropped_slow(me, NULL);
}

/* A count has one writer; the store is relaxed for concurrent readers. */
#ifdef SYNC_TSAN
#define sync_count(at) WRITE_ONCE(at, (at) + 1)
#else
#define sync_count(at) (void)((at)++)
#endif

/*
 * Called when a lock was taken: counts the acquisition and enters the atomic
 * section, which began when the wait began.
 */
static inline void sync_took(const void *l, unsigned class)
{
	struct sync_cpu *me = sync_me;

	sync_count(me->acquisitions[class]);
	me->state -= SYNC_COUNTDOWN - 1;
	if (__builtin_expect(me->state < 0, 0))
		sync_took_slow(me, l, class);
}

static inline void sync_dropped(const void *l)
{
	struct sync_cpu *me = sync_me;

	if (__builtin_expect(--me->state < 0, 0))
		sync_dropped_slow(me, l);
}

static inline void sync_slept(const void *l, unsigned class)
{
	struct sync_cpu *me = sync_me;

	sync_count(me->acquisitions[class]);
	sync_sleep_begin(me, l, class);
}

static inline void sync_waking(const void *l)
{
	struct sync_cpu *me = sync_me;

	if (__builtin_expect(me->nr_slept, 0))
		sync_sleep_end(me, l);
}
#endif

static inline unsigned smp_processor_id(void)
{
	return sync_me->id;
}

#define cpu_relax() ck_pr_stall()
/*
 * prefetchw() - bring the memory at @p, which is written soon, into the cache
 *
 * @p may be read without the lock that protects it, because a wrong address
 * only wastes the fetch. A sanitizer would see a race in that read.
 */
#ifdef SYNC_TSAN
#define prefetchw(p) ((void)0)
#else
#define prefetchw(p) __builtin_prefetch(p, 1)
#endif
void sync_cond_resched(void);

typedef struct {
	sync_raw_t raw;
} spinlock_t;
_Static_assert(sizeof(spinlock_t) == 4, "kernel code counts on 4 bytes");

#define SPINLOCK_INITIALIZER      \
	{                         \
		{                 \
			{         \
				0 \
			}         \
		}                 \
	}

void sync_spin_wait(spinlock_t *l, unsigned class);

static inline void spin_lock_init(spinlock_t *l)
{
	sync_raw(init)(&l->raw);
}

static inline void sync_spin_lock(spinlock_t *l, unsigned class)
{
	if (__builtin_expect(!sync_raw(trylock)(&l->raw), 0))
		sync_spin_wait(l, class);
	sync_took(l, class);
}

static inline bool sync_spin_trylock(spinlock_t *l, unsigned class)
{
	if (!sync_raw(trylock)(&l->raw))
		return false;
	sync_took(l, class);
	return true;
}

static inline void sync_spin_unlock(spinlock_t *l)
{
	sync_raw(unlock)(&l->raw);
	sync_dropped(l);
}

#define spin_is_locked(l) sync_raw(is_locked)(&(l)->raw)
#define spin_is_contended(l) sync_raw(is_contended)(&(l)->raw)

/*
 * @cnts is a count of readers above two flag bits: a writer holds the lock, a
 * writer waits. Readers and writers that must wait queue on @wait, and only the
 * head of the queue polls @cnts, so that both are served in order.
 */
typedef struct {
	union {
		uint32_t cnts;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		uint8_t wlocked;
#else
		struct {
			uint8_t above[3], wlocked;
		};
#endif
	};
	sync_raw_t wait;
} rwlock_t;
_Static_assert(sizeof(rwlock_t) == 8, "kernel code counts on 8 bytes");

#define RWLOCK_WLOCKED 0x0ffu
#define RWLOCK_WAITING 0x100u
#define RWLOCK_WRITER (RWLOCK_WLOCKED | RWLOCK_WAITING)
#define RWLOCK_READER 0x200u

void sync_read_wait(rwlock_t *l, unsigned class);
void sync_write_wait(rwlock_t *l, unsigned class);

static inline void rwlock_init(rwlock_t *l)
{
	l->cnts = 0;
	sync_raw(init)(&l->wait);
}

static inline bool sync_read_enter(rwlock_t *l)
{
	uint32_t v;

	v = __atomic_add_fetch(&l->cnts, RWLOCK_READER, __ATOMIC_ACQUIRE);
	return !(v & RWLOCK_WRITER);
}

static inline bool sync_write_enter(rwlock_t *l)
{
	uint32_t zero = 0;

	return __atomic_compare_exchange_n(&l->cnts, &zero, RWLOCK_WLOCKED,
					   false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void sync_read_lock(rwlock_t *l, unsigned class)
{
	if (__builtin_expect(!sync_read_enter(l), 0))
		sync_read_wait(l, class);
	sync_took(l, class);
}

static inline bool sync_read_trylock(rwlock_t *l, unsigned class)
{
	if (!(READ_ONCE(l->cnts) & RWLOCK_WRITER)) {
		if (sync_read_enter(l)) {
			sync_took(l, class);
			return true;
		}
		__atomic_sub_fetch(&l->cnts, RWLOCK_READER, __ATOMIC_RELAXED);
	}
	return false;
}

static inline void sync_read_unlock(rwlock_t *l)
{
	__atomic_sub_fetch(&l->cnts, RWLOCK_READER, __ATOMIC_RELEASE);
	sync_dropped(l);
}

static inline void sync_write_lock(rwlock_t *l, unsigned class)
{
	if (__builtin_expect(!sync_write_enter(l), 0))
		sync_write_wait(l, class);
	sync_took(l, class);
}

static inline bool sync_write_trylock(rwlock_t *l, unsigned class)
{
	if (READ_ONCE(l->cnts) || !sync_write_enter(l))
		return false;
	sync_took(l, class);
	return true;
}

/* Only the holder writes this byte while it is set. */
static inline void sync_write_unlock(rwlock_t *l)
{
	__atomic_store_n(&l->wlocked, 0, __ATOMIC_RELEASE);
	sync_dropped(l);
}

#define rwlock_is_contended(l) sync_raw(is_locked)(&(l)->wait)

/*
 * Waiters sleep on @seq; @cnt: readers, or -1 for a writer. A waiting writer
 * blocks new readers; a writer that releases lets waiting readers go next. As
 * large as the kernel's, so that structures that embed it are as large too.
 */
struct rw_semaphore {
	int cnt;
	uint32_t seq;
	uint32_t writers_waiting, readers_waiting;
	uint32_t readers_turn;
	uint32_t unused[5];
};
_Static_assert(sizeof(struct rw_semaphore) == 40, "the kernel's size");

void sync_bit_wait(int bit, unsigned long *addr, unsigned class);

static inline bool sync_bit_enter(int bit, unsigned long *addr)
{
	unsigned long mask = 1ul << bit;

	return !(__atomic_fetch_or(addr, mask, __ATOMIC_ACQUIRE) & mask);
}

static inline void sync_bit_lock(int bit, unsigned long *addr, unsigned class)
{
	if (__builtin_expect(!sync_bit_enter(bit, addr), 0))
		sync_bit_wait(bit, addr, class);
	sync_took(addr, class);
}

static inline bool sync_bit_trylock(int bit, unsigned long *addr,
				    unsigned class)
{
	if (!sync_bit_enter(bit, addr))
		return false;
	sync_took(addr, class);
	return true;
}

static inline void sync_bit_unlock(int bit, unsigned long *addr)
{
	__atomic_fetch_and(addr, ~(1ul << bit), __ATOMIC_RELEASE);
	sync_dropped(addr);
}

#endif
