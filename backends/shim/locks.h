/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Concurrency: the kernel's atomics, locks, per-CPU data and deferred work that
 * sync.h does not have. sync.h has the core under the same names.
 */
#ifndef SHIM_LOCKS_H
#define SHIM_LOCKS_H

/* Atomics that sync.h does not have, built from those that it has. */
#define ATOMIC_INIT(i)         \
	{                      \
		.counter = (i) \
	}
#define ATOMIC_LONG_INIT(i) ATOMIC_INIT(i)
#define ATOMIC64_INIT(i) ATOMIC_INIT(i)

#define SHIM_ATOMIC(type, base, pfx)                                           \
	static inline base shim_##pfx##_sub_return(base i, type *v)            \
	{                                                                      \
		return pfx##_add_return(-i, v);                                \
	}                                                                      \
	static inline base shim_##pfx##_inc_return(type *v)                    \
	{                                                                      \
		return pfx##_add_return(1, v);                                 \
	}                                                                      \
	static inline base shim_##pfx##_dec_return(type *v)                    \
	{                                                                      \
		return pfx##_add_return(-1, v);                                \
	}                                                                      \
	static inline base shim_##pfx##_fetch_add(base i, type *v)             \
	{                                                                      \
		return pfx##_add_return(i, v) - i;                             \
	}                                                                      \
	static inline base shim_##pfx##_fetch_sub(base i, type *v)             \
	{                                                                      \
		return pfx##_add_return(-i, v) + i;                            \
	}                                                                      \
	static inline bool shim_##pfx##_inc_and_test(type *v)                  \
	{                                                                      \
		return pfx##_add_return(1, v) == 0;                            \
	}                                                                      \
	static inline bool shim_##pfx##_sub_and_test(base i, type *v)          \
	{                                                                      \
		return pfx##_add_return(-i, v) == 0;                           \
	}                                                                      \
	static inline bool shim_##pfx##_try_cmpxchg(type *v, base *old,        \
						    base n)                    \
	{                                                                      \
		base seen = pfx##_cmpxchg(v, *old, n);                         \
		bool done = seen == *old;                                      \
                                                                               \
		*old = seen;                                                   \
		return done;                                                   \
	}                                                                      \
	static inline bool shim_##pfx##_add_unless(type *v, base i, base not ) \
	{                                                                      \
		base c = pfx##_read(v);                                        \
                                                                               \
		while (c != not )                                              \
			if (shim_##pfx##_try_cmpxchg(v, &c, c + i))            \
				return true;                                   \
		return false;                                                  \
	}

SHIM_ATOMIC(atomic_t, int, atomic)
SHIM_ATOMIC(atomic_long_t, long, atomic_long)

/* Macros, so that sync.h can later define functions of the same names. */
#define atomic_sub_return(i, v) shim_atomic_sub_return(i, v)
#define atomic_inc_return(v) shim_atomic_inc_return(v)
#define atomic_dec_return(v) shim_atomic_dec_return(v)
#define atomic_fetch_add(i, v) shim_atomic_fetch_add(i, v)
#define atomic_fetch_sub(i, v) shim_atomic_fetch_sub(i, v)
#define atomic_inc_and_test(v) shim_atomic_inc_and_test(v)
#define atomic_sub_and_test(i, v) shim_atomic_sub_and_test(i, v)
#define atomic_try_cmpxchg(v, o, n) shim_atomic_try_cmpxchg(v, o, n)
#define atomic_add_unless(v, i, u) shim_atomic_add_unless(v, i, u)
#define atomic_inc_not_zero(v) shim_atomic_add_unless(v, 1, 0)
#define atomic_read_acquire(v) smp_load_acquire(&(v)->counter)
#define atomic_long_sub_return(i, v) shim_atomic_long_sub_return(i, v)
#define atomic_long_inc_return(v) shim_atomic_long_inc_return(v)
#define atomic_long_dec_return(v) shim_atomic_long_dec_return(v)
#define atomic_long_fetch_add(i, v) shim_atomic_long_fetch_add(i, v)
#define atomic_long_fetch_sub(i, v) shim_atomic_long_fetch_sub(i, v)
#define atomic_long_inc_and_test(v) shim_atomic_long_inc_and_test(v)
#define atomic_long_sub_and_test(i, v) shim_atomic_long_sub_and_test(i, v)
#define atomic_long_try_cmpxchg(v, o, n) shim_atomic_long_try_cmpxchg(v, o, n)
#define atomic_long_add_unless(v, i, u) shim_atomic_long_add_unless(v, i, u)
#define atomic_long_inc_not_zero(v) shim_atomic_long_add_unless(v, 1, 0)
#define atomic_long_read_acquire(v) smp_load_acquire(&(v)->counter)

/* Where sync.h has no weaker form, the fully ordered form is used. */
#define atomic_try_cmpxchg_acquire(v, o, n) atomic_try_cmpxchg(v, o, n)
#define atomic_try_cmpxchg_release(v, o, n) atomic_try_cmpxchg(v, o, n)
#define atomic_try_cmpxchg_relaxed(v, o, n) atomic_try_cmpxchg(v, o, n)
#define atomic_cmpxchg_release(v, o, n) atomic_cmpxchg(v, o, n)
#define atomic_xchg_release(v, n) atomic_xchg(v, n)
#define atomic_inc_return_acquire(v) atomic_inc_return(v)
#define atomic_fetch_add_acquire(i, v) atomic_fetch_add(i, v)
#define atomic_fetch_sub_release(i, v) atomic_fetch_sub(i, v)

#define atomic64_t atomic_long_t
#define atomic64_read(v) atomic_long_read(v)
#define atomic64_set(v, i) atomic_long_set(v, i)
#define atomic64_add(i, v) atomic_long_add(i, v)
#define atomic64_sub(i, v) atomic_long_sub(i, v)
#define atomic64_inc(v) atomic_long_inc(v)
#define atomic64_dec(v) atomic_long_dec(v)
#define atomic64_add_return(i, v) atomic_long_add_return(i, v)
#define atomic64_inc_return(v) atomic_long_inc_return(v)
#define atomic64_dec_and_test(v) atomic_long_dec_and_test(v)
#define atomic64_xchg(v, n) atomic_long_xchg(v, n)
#define atomic64_cmpxchg(v, o, n) atomic_long_cmpxchg(v, o, n)

/* Forms without an ordering in their name are fully ordered, as in Linux. */
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()
#define smp_store_mb(x, v)        \
	do {                      \
		WRITE_ONCE(x, v); \
		smp_mb();         \
	} while (0)
#define smp_cond_load_acquire(p, cond)                     \
	({                                                 \
		__typeof__(*(p)) VAL;                      \
		while (VAL = smp_load_acquire(p), !(cond)) \
			cpu_relax();                       \
		VAL;                                       \
	})
#define cmpxchg(p, o, n)                                            \
	({                                                          \
		__typeof__(*(p)) old_ = (o);                        \
		__atomic_compare_exchange_n((p), &old_, (n), false, \
					    __ATOMIC_SEQ_CST,       \
					    __ATOMIC_RELAXED);      \
		old_;                                               \
	})
#define try_cmpxchg(p, o, n)                                                \
	__atomic_compare_exchange_n((p), (o), (n), false, __ATOMIC_SEQ_CST, \
				    __ATOMIC_RELAXED)
#define xchg(p, n) __atomic_exchange_n((p), (n), __ATOMIC_SEQ_CST)

/* Bits of a word array; the two-underscore forms are not atomic. */
static inline void set_bit(long nr, volatile unsigned long *addr)
{
	__atomic_fetch_or(addr + nr / 64, 1ul << nr % 64, __ATOMIC_RELAXED);
}

static inline void clear_bit(long nr, volatile unsigned long *addr)
{
	__atomic_fetch_and(addr + nr / 64, ~(1ul << nr % 64), __ATOMIC_RELAXED);
}

static inline void clear_bit_unlock(long nr, volatile unsigned long *addr)
{
	__atomic_fetch_and(addr + nr / 64, ~(1ul << nr % 64), __ATOMIC_RELEASE);
}

static inline bool test_bit(long nr, const volatile unsigned long *addr)
{
	return __atomic_load_n(addr + nr / 64, __ATOMIC_RELAXED) >> nr % 64 & 1;
}

static inline bool test_and_set_bit(long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_or(addr + nr / 64, 1ul << nr % 64,
				 __ATOMIC_SEQ_CST) >>
		       nr % 64 &
	       1;
}

static inline bool test_and_clear_bit(long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_and(addr + nr / 64, ~(1ul << nr % 64),
				  __ATOMIC_SEQ_CST) >>
		       nr % 64 &
	       1;
}

#define test_and_set_bit_lock(nr, addr) test_and_set_bit(nr, addr)
#define __set_bit(nr, addr) ((void)((addr)[(nr) / 64] |= 1ul << (nr) % 64))
#define __clear_bit(nr, addr) ((void)((addr)[(nr) / 64] &= ~(1ul << (nr) % 64)))

/* Reference counts. */
typedef struct {
	atomic_t refs;
} refcount_t;

struct kref {
	refcount_t refcount;
};

#define REFCOUNT_INIT(n)               \
	{                              \
		.refs = ATOMIC_INIT(n) \
	}
#define refcount_set(r, n) atomic_set(&(r)->refs, n)
#define refcount_read(r) ((unsigned)atomic_read(&(r)->refs))
#define refcount_inc(r) atomic_inc(&(r)->refs)
#define refcount_dec(r) atomic_dec(&(r)->refs)
#define refcount_inc_not_zero(r) atomic_inc_not_zero(&(r)->refs)
#define refcount_dec_and_test(r) atomic_dec_and_test(&(r)->refs)
#define kref_init(k) refcount_set(&(k)->refcount, 1)
#define kref_read(k) refcount_read(&(k)->refcount)
#define kref_get(k) refcount_inc(&(k)->refcount)
#define kref_get_unless_zero(k) refcount_inc_not_zero(&(k)->refcount)

static inline int kref_put(struct kref *kref, void (*release)(struct kref *))
{
	if (!refcount_dec_and_test(&kref->refcount))
		return 0;
	release(kref);
	return 1;
}

/* Locks of sync.h, with the variants for lockdep and interrupts. */
#define DEFINE_SPINLOCK(l) spinlock_t l = SPINLOCK_INITIALIZER
#define __SPIN_LOCK_UNLOCKED(l) (spinlock_t) SPINLOCK_INITIALIZER
#define DEFINE_RWLOCK(l) rwlock_t l = { 0 }
#define raw_spinlock_t spinlock_t
#define spin_lock_bh(l) spin_lock(l)
#define spin_unlock_bh(l) spin_unlock(l)
#define spin_lock_irq(l) spin_lock(l)
#define spin_unlock_irq(l) spin_unlock(l)
#define spin_lock_irqsave(l, f) ((f) = 0, spin_lock(l))
#define spin_unlock_irqrestore(l, f) ((void)(f), spin_unlock(l))
#define raw_spin_lock_init(l) spin_lock_init(l)
#define raw_spin_lock(l) spin_lock(l)
#define raw_spin_trylock(l) spin_trylock(l)
#define raw_spin_unlock(l) spin_unlock(l)
#define write_lock_irqsave(l, f) ((f) = 0, write_lock(l))
#define write_unlock_irqrestore(l, f) ((void)(f), write_unlock(l))
#define read_lock_irqsave(l, f) ((f) = 0, read_lock(l))
#define read_unlock_irqrestore(l, f) ((void)(f), read_unlock(l))
#define DECLARE_RWSEM(s) struct rw_semaphore s = { 0 }

struct mutex {
	struct rw_semaphore sem;
};

#define DEFINE_MUTEX(m) struct mutex m = { { 0 } }
#define mutex_init(m) init_rwsem(&(m)->sem)
#define mutex_lock(m) \
	SYNC_LOCK(&(m)->sem, #m, "-W", SYNC_WRITER, 0, sync_down_write)
#define mutex_trylock(m) \
	SYNC_TRYLOCK(&(m)->sem, #m, "-W", SYNC_WRITER, sync_down_write_trylock)
#define mutex_unlock(m) up_write(&(m)->sem)

#define bit_spin_is_locked(nr, addr) test_bit(nr, addr)

/* Those who wait ask again and again, so that nobody has to be woken. */
typedef struct wait_queue_head {
	spinlock_t lock;
	struct list_head head;
} wait_queue_head_t;

#define init_waitqueue_head(q) ((void)(q))
#define wake_up(q) ((void)(q))
#define wake_up_all(q) ((void)(q))
#define wait_event(q, condition)        \
	do {                            \
		while (!(condition))    \
			cond_resched(); \
	} while (0)

#define SINGLE_DEPTH_NESTING 1
struct lock_class_key {
};
struct lockdep_map {
};
#define lockdep_init_map(map, name, key, sub) ((void)(key))
#define lockdep_set_class(l, key) ((void)(key))
#define lock_acquired(map, ip) ((void)(map))
#define lock_contended(map, ip) ((void)(map))
#define rwsem_acquire(map, sub, try, ip) ((void)(map))
#define rwsem_acquire_read(map, sub, try, ip) ((void)(map))
#define rwsem_release(map, ip) ((void)(map))
#define might_sleep() ((void)0)
#define might_lock(l) ((void)(l))
#define in_interrupt() 0
#define in_task() 1
#define in_atomic() 0
#define need_resched() false
#define local_irq_save(f) ((f) = 0, preempt_disable())
#define local_irq_restore(f) ((void)(f), preempt_enable())
#define local_irq_disable() preempt_disable()
#define local_irq_enable() preempt_enable()
#define pagefault_disable() ((void)0)
#define pagefault_enable() ((void)0)

/* A thread owns its CPU's number, so it cannot migrate anyway. */
#define migrate_disable() ((void)0)
#define migrate_enable() ((void)0)
#define raw_smp_processor_id() smp_processor_id()
#define get_cpu() (preempt_disable(), (int)smp_processor_id())
#define put_cpu() preempt_enable()

typedef struct {
} local_lock_t;

#define INIT_LOCAL_LOCK(l) \
	{                  \
	}
#define local_lock_init(l) ((void)(l))
#define local_lock(l) ((void)(l), preempt_disable())
#define local_unlock(l) ((void)(l), preempt_enable())

/*
 * Per-CPU data. A variable is a template in a separate section; the copy of CPU
 * n is shim_percpu_offset + n * SHIM_PERCPU_STRIDE bytes after it. Allocated
 * data have addresses as if they were placed after the section.
 */
#define DEFINE_PER_CPU(type, name) \
	__attribute__((section("shim_percpu"), used)) __typeof__(type) name
#define DEFINE_PER_CPU_ALIGNED(type, name) DEFINE_PER_CPU(type, name)
#define DEFINE_PER_CPU_SHARED_ALIGNED(type, name) DEFINE_PER_CPU(type, name)
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name
#define per_cpu_ptr(p, cpu)                                 \
	((__typeof__(p))((char *)(p) + shim_percpu_offset + \
			 (unsigned long)(cpu)*SHIM_PERCPU_STRIDE))
#define this_cpu_ptr(p) per_cpu_ptr(p, smp_processor_id())
#define raw_cpu_ptr(p) this_cpu_ptr(p)
#define per_cpu(var, cpu) (*per_cpu_ptr(&(var), cpu))
#define this_cpu_read(var) (*this_cpu_ptr(&(var)))
#define this_cpu_write(var, v) ((void)(*this_cpu_ptr(&(var)) = (v)))
#define this_cpu_add(var, v) ((void)(*this_cpu_ptr(&(var)) += (v)))
#define this_cpu_sub(var, v) ((void)(*this_cpu_ptr(&(var)) -= (v)))
#define this_cpu_inc(var) this_cpu_add(var, 1)
#define this_cpu_dec(var) this_cpu_sub(var, 1)
#define __this_cpu_read(var) this_cpu_read(var)
#define __this_cpu_write(var, v) this_cpu_write(var, v)
#define __this_cpu_inc(var) this_cpu_inc(var)
#define __this_cpu_dec(var) this_cpu_dec(var)
#define get_cpu_ptr(p) (preempt_disable(), this_cpu_ptr(p))
#define put_cpu_ptr(p) ((void)(p), preempt_enable())
#define get_cpu_var(var) (*get_cpu_ptr(&(var)))
#define put_cpu_var(var) put_cpu_ptr(&(var))
#define __alloc_percpu(size, align) shim_percpu_alloc(size, align)
#define alloc_percpu(t) ((t *)shim_percpu_alloc(sizeof(t), __alignof__(t)))
#define alloc_percpu_gfp(t, gfp) alloc_percpu(t)
#define free_percpu(p) shim_percpu_free(p)

/* A CPU is online from the first call of a thread with that number. */
#define NR_CPUS SYNC_MAX_CPUS
#define nr_cpu_ids SYNC_MAX_CPUS
#define num_possible_cpus() SYNC_MAX_CPUS
#define num_online_cpus() READ_ONCE(shim_cpus_online)
#define cpu_online(cpu) ((unsigned)(cpu) < READ_ONCE(shim_cpus_online))
#define for_each_possible_cpu(cpu) \
	for ((cpu) = 0; (unsigned)(cpu) < SYNC_MAX_CPUS; (cpu)++)
#define for_each_online_cpu(cpu) for ((cpu) = 0; cpu_online(cpu); (cpu)++)
#define for_each_present_cpu(cpu) for_each_online_cpu(cpu)
#define cpus_read_lock() ((void)0)
#define cpus_read_unlock() ((void)0)

enum cpuhp_state {
	CPUHP_MM_ZS_PREPARE,
	CPUHP_MM_ZSWP_POOL_PREPARE
};
#define cpuhp_setup_state(state, name, up, down) shim_cpuhp_setup(up, down)
#define cpuhp_setup_state_nocalls(state, name, up, down) \
	shim_cpuhp_setup(up, down)
#define cpuhp_remove_state(state) shim_cpuhp_remove()
#define cpuhp_remove_state_nocalls(state) shim_cpuhp_remove()

/*
 * Deferred work: struct work of sync.h under the kernel's name. All workqueues
 * are the same queue, with one worker at a time; the harness decides when it
 * runs.
 */
#define work_struct work
struct workqueue_struct {
	char unused;
};

extern struct workqueue_struct shim_workqueue;
#define system_wq (&shim_workqueue)
#define system_percpu_wq (&shim_workqueue)
#define system_unbound_wq (&shim_workqueue)
#define WQ_UNBOUND 0
#define WQ_MEM_RECLAIM 0
#define WQ_PERCPU 0
#define INIT_WORK(w, f) work_init(w, f)
#define __WORK_INITIALIZER(n, f)       \
	{                              \
		.fn = (f), .key = ~0ul \
	}
#define DECLARE_WORK(n, f) struct work n = __WORK_INITIALIZER(n, f)
#define create_singlethread_workqueue(name) system_wq
#define create_workqueue(name) system_wq
#define alloc_workqueue(fmt, flags, max...) system_wq
#define alloc_ordered_workqueue(fmt, flags...) system_wq
#define queue_work(wq, w) ((void)(wq), shim_queue_work(w))
#define queue_work_on(cpu, wq, w) ((void)(cpu), queue_work(wq, w))
#define schedule_work(w) shim_queue_work(w)
#define schedule_work_on(cpu, w) shim_queue_work(w)
#define cancel_work_sync(w) shim_cancel_work(w)
#define flush_work(w) shim_flush_work(w)
#define flush_workqueue(wq) ((void)(wq), shim_drain_works())
#define drain_workqueue(wq) ((void)(wq), shim_drain_works())
#define destroy_workqueue(wq) ((void)(wq), shim_drain_works())

#endif
