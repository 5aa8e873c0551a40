/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sync.h for real threads. Included by sync.h alone.
 */
#ifndef ZLAB_SYNC_NATIVE_H
#define ZLAB_SYNC_NATIVE_H

#include <ck_pr.h>
#include <ck_spinlock.h>

#if defined(__SANITIZE_THREAD__)
#define SYNC_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SYNC_TSAN 1
#endif
#endif
#ifdef SYNC_TSAN
#include <sanitizer/tsan_interface.h>
/* ck's locks are inline assembly, which the sanitizer cannot see. */
#define sync_tsan_acquire(p) __tsan_acquire(p)
#define sync_tsan_release(p) __tsan_release(p)
#else
#define sync_tsan_acquire(p) ((void)(p))
#define sync_tsan_release(p) ((void)(p))
#endif

#define SYNC_MAX_CPUS 512
#define SYNC_MAX_CLASSES 64

/* Counts of one class on one CPU: written by that CPU alone. */
struct sync_count {
	uint64_t acquisitions;
	uint64_t contentions;
	uint64_t wait_total, wait_max, wait_min;
	uint64_t hold_samples, hold_total, hold_max, hold_min;
};

struct sync_cpu {
	unsigned id;
	int preempt;
	uint64_t wait_ns;
	struct sync_count count[SYNC_MAX_CLASSES];
} __attribute__((aligned(64)));

extern __thread struct sync_cpu *sync_me
	__attribute__((tls_model("initial-exec")));

/* A call site: its class is looked up by name at the first use. */
struct lock_site {
	const char *name;
	unsigned class;
};

unsigned lock_site_resolve(struct lock_site *site);
int sync_cpu_attach(void);
void sync_cpu_detach(void);
uint64_t sync_clock_ns(void);

#define LOCK_SITE(expr)                                       \
	({                                                    \
		static struct lock_site __site = { expr, 0 }; \
		if (__builtin_expect(!__site.class, 0))       \
			lock_site_resolve(&__site);           \
		__site.class;                                 \
	})

static inline unsigned smp_processor_id(void)
{
	return sync_me->id;
}

static inline void preempt_disable(void)
{
	sync_me->preempt++;
}

static inline void preempt_enable(void)
{
	sync_me->preempt--;
}

#define cpu_relax() ck_pr_stall()
void cond_resched(void);

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

#define SYNC_ATOMIC(type, base, pfx)                                          \
	static inline base pfx##_read(const type *v)                          \
	{                                                                     \
		return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);        \
	}                                                                     \
	static inline void pfx##_set(type *v, base i)                         \
	{                                                                     \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);           \
	}                                                                     \
	static inline void pfx##_add(base i, type *v)                         \
	{                                                                     \
		__atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED);         \
	}                                                                     \
	static inline void pfx##_sub(base i, type *v)                         \
	{                                                                     \
		__atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED);         \
	}                                                                     \
	static inline void pfx##_inc(type *v)                                 \
	{                                                                     \
		pfx##_add(1, v);                                              \
	}                                                                     \
	static inline void pfx##_dec(type *v)                                 \
	{                                                                     \
		pfx##_sub(1, v);                                              \
	}                                                                     \
	static inline base pfx##_add_return(base i, type *v)                  \
	{                                                                     \
		return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);  \
	}                                                                     \
	static inline base pfx##_xchg(type *v, base n)                        \
	{                                                                     \
		return __atomic_exchange_n(&v->counter, n, __ATOMIC_SEQ_CST); \
	}                                                                     \
	static inline base pfx##_cmpxchg(type *v, base old, base n)           \
	{                                                                     \
		__atomic_compare_exchange_n(&v->counter, &old, n, false,      \
					    __ATOMIC_SEQ_CST,                 \
					    __ATOMIC_RELAXED);                \
		return old;                                                   \
	}                                                                     \
	static inline base pfx##_cmpxchg_acquire(type *v, base old, base n)   \
	{                                                                     \
		__atomic_compare_exchange_n(&v->counter, &old, n, false,      \
					    __ATOMIC_ACQUIRE,                 \
					    __ATOMIC_RELAXED);                \
		return old;                                                   \
	}                                                                     \
	static inline base pfx##_cmpxchg_relaxed(type *v, base old, base n)   \
	{                                                                     \
		__atomic_compare_exchange_n(&v->counter, &old, n, false,      \
					    __ATOMIC_RELAXED,                 \
					    __ATOMIC_RELAXED);                \
		return old;                                                   \
	}                                                                     \
	static inline void pfx##_set_release(type *v, base i)                 \
	{                                                                     \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE);           \
	}                                                                     \
	static inline base pfx##_dec_return_release(type *v)                  \
	{                                                                     \
		return __atomic_sub_fetch(&v->counter, 1, __ATOMIC_RELEASE);  \
	}                                                                     \
	static inline bool pfx##_dec_and_test(type *v)                        \
	{                                                                     \
		return pfx##_add_return(-1, v) == 0;                          \
	}

SYNC_ATOMIC(atomic_t, int, atomic)
SYNC_ATOMIC(atomic_long_t, long, atomic_long)

/* The kernel's fair queue lock has ck's ticket lock as its stand-in. */
typedef struct {
	ck_spinlock_ticket_t ticket;
} spinlock_t;
_Static_assert(sizeof(spinlock_t) == 4, "kernel code counts on 4 bytes");

#define SPINLOCK_INITIALIZER                   \
	{                                      \
		CK_SPINLOCK_TICKET_INITIALIZER \
	}

void sync_spin_wait(spinlock_t *l, unsigned class);

static inline void spin_lock_init(spinlock_t *l)
{
	ck_spinlock_ticket_init(&l->ticket);
}

static inline void sync_spin_lock(spinlock_t *l, unsigned class)
{
	preempt_disable();
	if (__builtin_expect(!ck_spinlock_ticket_trylock(&l->ticket), 0))
		sync_spin_wait(l, class);
	sync_tsan_acquire(l);
	sync_me->count[class].acquisitions++;
}

static inline bool sync_spin_trylock(spinlock_t *l, unsigned class)
{
	preempt_disable();
	if (!ck_spinlock_ticket_trylock(&l->ticket)) {
		preempt_enable();
		return false;
	}
	sync_tsan_acquire(l);
	sync_me->count[class].acquisitions++;
	return true;
}

static inline void sync_spin_unlock(spinlock_t *l)
{
	sync_tsan_release(l);
	ck_spinlock_ticket_unlock(&l->ticket);
	preempt_enable();
}

#define spin_lock(l) sync_spin_lock(l, LOCK_SITE(#l))
#define spin_lock_named(l, name) sync_spin_lock(l, LOCK_SITE(name))
#define spin_trylock(l) sync_spin_trylock(l, LOCK_SITE(#l))
#define spin_unlock(l) sync_spin_unlock(l)
#define assert_spin_locked(l) ((void)(l))

static inline bool spin_is_contended(spinlock_t *l)
{
	uint32_t v = ck_pr_load_32(&l->ticket.value);

	return (uint16_t)((v >> 16) - (v & 0xffff)) > 1;
}

/*
 * Readers count in @cnts above the writer byte; whoever must wait queues on
 * @wait, so writers and readers get their turn in order.
 */
typedef struct {
	uint32_t cnts;
	spinlock_t wait;
} rwlock_t;
_Static_assert(sizeof(rwlock_t) == 8, "kernel code counts on 8 bytes");

void rwlock_init(rwlock_t *l);
void sync_read_lock(rwlock_t *l, unsigned class);
bool sync_read_trylock(rwlock_t *l, unsigned class);
void sync_read_unlock(rwlock_t *l);
void sync_write_lock(rwlock_t *l, unsigned class);
bool sync_write_trylock(rwlock_t *l, unsigned class);
void sync_write_unlock(rwlock_t *l);
bool rwlock_is_contended(rwlock_t *l);

#define read_lock(l) sync_read_lock(l, LOCK_SITE(#l "-R"))
#define read_trylock(l) sync_read_trylock(l, LOCK_SITE(#l "-R"))
#define read_unlock(l) sync_read_unlock(l)
#define write_lock(l) sync_write_lock(l, LOCK_SITE(#l "-W"))
#define write_trylock(l) sync_write_trylock(l, LOCK_SITE(#l "-W"))
#define write_unlock(l) sync_write_unlock(l)
#define read_lock_named(l, name) sync_read_lock(l, LOCK_SITE(name "-R"))
#define write_lock_named(l, name) sync_write_lock(l, LOCK_SITE(name "-W"))

/* Sleeps in the kernel (futex); @cnt: readers, or -1 for a writer. */
struct rw_semaphore {
	int cnt;
	uint32_t writers_waiting;
	uint32_t seq;
};

void init_rwsem(struct rw_semaphore *s);
void sync_down_read(struct rw_semaphore *s, unsigned class);
bool sync_down_read_trylock(struct rw_semaphore *s, unsigned class);
void up_read(struct rw_semaphore *s);
void sync_down_write(struct rw_semaphore *s, unsigned class);
bool sync_down_write_trylock(struct rw_semaphore *s, unsigned class);
void up_write(struct rw_semaphore *s);
bool rwsem_is_contended(struct rw_semaphore *s);

#define down_read(s) sync_down_read(s, LOCK_SITE(#s "-R"))
#define down_read_trylock(s) sync_down_read_trylock(s, LOCK_SITE(#s "-R"))
#define down_write(s) sync_down_write(s, LOCK_SITE(#s "-W"))
#define down_read_trylock_named(s, name) \
	sync_down_read_trylock(s, LOCK_SITE(name "-R"))
#define down_write_trylock_named(s, name) \
	sync_down_write_trylock(s, LOCK_SITE(name "-W"))
#define down_write_trylock(s) sync_down_write_trylock(s, LOCK_SITE(#s "-W"))

void sync_bit_lock(int bit, unsigned long *addr, unsigned class);
bool sync_bit_trylock(int bit, unsigned long *addr, unsigned class);
void bit_spin_unlock(int bit, unsigned long *addr);

#define bit_spin_lock(bit, addr) sync_bit_lock(bit, addr, LOCK_SITE(#addr))
#define bit_spin_trylock(bit, addr) \
	sync_bit_trylock(bit, addr, LOCK_SITE(#addr))
#define bit_spin_lock_named(bit, addr, name) \
	sync_bit_lock(bit, addr, LOCK_SITE(name))
#define bit_spin_trylock_named(bit, addr, name) \
	sync_bit_trylock(bit, addr, LOCK_SITE(name))

#endif
