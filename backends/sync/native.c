// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The slow paths of the native locks, and the numbering of CPUs.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/sync.h"
#include "backends/sync/clock.h"
#include "backends/sync/stat.h"

static struct sync_cpu cpus[SYNC_MAX_CPUS];
static bool cpu_used[SYNC_MAX_CPUS] = { true };
static unsigned cpus_seen = 1;
static pthread_mutex_t cpu_lock = PTHREAD_MUTEX_INITIALIZER;
__thread struct sync_cpu *sync_me = &cpus[0];

static struct sync_mcs_node mcs_nodes[SYNC_MAX_CPUS];

struct sync_cpu *sync_cpu_of(unsigned id)
{
	return &cpus[id];
}

static void cpu_free(unsigned id)
{
	pthread_mutex_lock(&cpu_lock);
	cpu_used[id] = id == 0;
	pthread_mutex_unlock(&cpu_lock);
}

unsigned sync_cpus_seen(void)
{
	unsigned n;

	pthread_mutex_lock(&cpu_lock);
	n = cpus_seen;
	pthread_mutex_unlock(&cpu_lock);
	return n;
}

int sync_cpu_attach(void)
{
	unsigned i;

	pthread_mutex_lock(&cpu_lock);
	for (i = 0; i < SYNC_MAX_CPUS && cpu_used[i]; i++)
		;
	if (i < SYNC_MAX_CPUS)
		cpu_used[i] = true;
	if (i < SYNC_MAX_CPUS && i >= cpus_seen)
		cpus_seen = i + 1;
	pthread_mutex_unlock(&cpu_lock);
	if (i == SYNC_MAX_CPUS)
		return -EAGAIN;
	if (sync_stat_attach(i)) {
		cpu_free(i);
		return -ENOMEM;
	}
	cpus[i].id = i;
	cpus[i].state &= ~(int64_t)SYNC_DEPTH;
	sync_me = &cpus[i];
	return 0;
}

void sync_cpu_release(void)
{
	cpu_free(sync_me->id);
	sync_me = &cpus[0];
}

void sync_cond_resched(void)
{
	sched_yield();
}

void sync_spin_wait(spinlock_t *l, unsigned class)
{
	uint64_t t = clock_ticks();

	sync_raw(lock)(&l->raw);
	sync_waited(class, t, true);
}

/*
 * A thread uses its CPU's node only while it waits, and a waiting thread takes
 * no second lock, so one node per CPU is enough.
 */
void sync_mcs_lock_slow(struct sync_mcs *l)
{
	struct sync_mcs_node *node = &mcs_nodes[sync_me->id], *prev, *next;
	uint16_t me = sync_me->id + 1, before;
	struct sync_mcs alone = { .word = 0 }, held = { .word = 0 };
	unsigned spins = 0;

	__atomic_store_n(&node->next, NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&node->waits, 1, __ATOMIC_RELAXED);
	before = __atomic_exchange_n(&l->tail, me, __ATOMIC_ACQ_REL);
	if (before) {
		prev = &mcs_nodes[before - 1];
		__atomic_store_n(&prev->next, node, __ATOMIC_RELEASE);
		while (__atomic_load_n(&node->waits, __ATOMIC_ACQUIRE))
			sync_relax(&spins);
	}
	/* At the head of the queue: only a trylock can still take the lock. */
	alone.tail = me;
	held.locked = 1;
	for (;;) {
		uint32_t seen = alone.word;

		if (__atomic_load_n(&l->locked, __ATOMIC_RELAXED)) {
			sync_relax(&spins);
			continue;
		}
		if (__atomic_load_n(&l->tail, __ATOMIC_RELAXED) != me)
			break;
		if (__atomic_compare_exchange_n(&l->word, &seen, held.word,
						false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
	}
	/* Another waiter is queued, so the word is not 0 and trylocks fail. */
	__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE);
	while (!(next = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE)))
		sync_relax(&spins);
	__atomic_store_n(&next->waits, 0, __ATOMIC_RELEASE);
}

void sync_read_wait(rwlock_t *l, unsigned class)
{
	uint64_t t = clock_ticks();
	unsigned spins = 0;

	/* While this reader queues, its count must not block the writer. */
	__atomic_sub_fetch(&l->cnts, RWLOCK_READER, __ATOMIC_RELAXED);
	sync_raw(lock)(&l->wait);
	__atomic_add_fetch(&l->cnts, RWLOCK_READER, __ATOMIC_RELAXED);
	while (__atomic_load_n(&l->cnts, __ATOMIC_ACQUIRE) & RWLOCK_WLOCKED)
		sync_relax(&spins);
	sync_raw(unlock)(&l->wait);
	sync_waited(class, t, true);
}

void sync_write_wait(rwlock_t *l, unsigned class)
{
	uint64_t t = clock_ticks();
	unsigned spins = 0;
	uint32_t only;

	sync_raw(lock)(&l->wait);
	/* Keeps new readers out while the old ones leave. */
	if (!sync_write_enter(l)) {
		__atomic_or_fetch(&l->cnts, RWLOCK_WAITING, __ATOMIC_RELAXED);
		for (;;) {
			only = RWLOCK_WAITING;
			if (READ_ONCE(l->cnts) == only &&
			    __atomic_compare_exchange_n(
				    &l->cnts, &only, RWLOCK_WLOCKED, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				break;
			sync_relax(&spins);
		}
	}
	sync_raw(unlock)(&l->wait);
	sync_waited(class, t, true);
}

/*
 * All accesses to the semaphore are sequentially consistent. A waiter writes
 * the number of waiters and then reads @cnt; a thread that releases writes @cnt
 * and then reads the number of waiters. With a weaker ordering both could read
 * old values: the waiter would sleep and the other thread would not wake it.
 */

static void futex_wait(uint32_t *addr, uint32_t val)
{
	syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, val, NULL, NULL, 0);
}

void init_rwsem(struct rw_semaphore *s)
{
	memset(s, 0, sizeof(*s));
}

static bool rwsem_read_enter(struct rw_semaphore *s)
{
	int c = __atomic_load_n(&s->cnt, __ATOMIC_RELAXED);

	while (c >= 0)
		if (__atomic_compare_exchange_n(&s->cnt, &c, c + 1, false,
						__ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static bool rwsem_read_try(struct rw_semaphore *s)
{
	if (__atomic_load_n(&s->writers_waiting, __ATOMIC_SEQ_CST) &&
	    !__atomic_load_n(&s->readers_turn, __ATOMIC_SEQ_CST))
		return false;
	return rwsem_read_enter(s);
}

static bool rwsem_write_try(struct rw_semaphore *s)
{
	int zero = 0;

	if (__atomic_load_n(&s->readers_turn, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&s->readers_waiting, __ATOMIC_SEQ_CST))
		return false;
	return __atomic_compare_exchange_n(&s->cnt, &zero, -1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* The caller is counted as a waiter before the first try here. */
static void rwsem_sleep(struct rw_semaphore *s,
			bool (*try)(struct rw_semaphore *s))
{
	uint32_t seq;

	for (;;) {
		seq = __atomic_load_n(&s->seq, __ATOMIC_SEQ_CST);
		if (try(s))
			return;
		futex_wait(&s->seq, seq);
	}
}

/* Return: how many waiters of the same kind are left. */
static uint32_t rwsem_wait(struct rw_semaphore *s, unsigned class,
			   uint32_t *waiting,
			   bool (*try)(struct rw_semaphore *s))
{
	uint64_t t = clock_ticks();
	uint32_t left;

	__atomic_add_fetch(waiting, 1, __ATOMIC_SEQ_CST);
	rwsem_sleep(s, try);
	left = __atomic_sub_fetch(waiting, 1, __ATOMIC_SEQ_CST);
	sync_waited(class, t, false);
	return left;
}

static void rwsem_wake(struct rw_semaphore *s)
{
	if (!rwsem_is_contended(s))
		return;
	__atomic_add_fetch(&s->seq, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &s->seq, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

bool sync_down_read_trylock(struct rw_semaphore *s, unsigned class)
{
	if (!rwsem_read_try(s))
		return false;
	sync_slept(s, class);
	return true;
}

void sync_down_read(struct rw_semaphore *s, unsigned class)
{
	if (__builtin_expect(!rwsem_read_try(s), 0) &&
	    !rwsem_wait(s, class, &s->readers_waiting, rwsem_read_try))
		__atomic_store_n(&s->readers_turn, 0, __ATOMIC_SEQ_CST);
	sync_slept(s, class);
}

void sync_up_read(struct rw_semaphore *s)
{
	sync_waking(s);
	if (!__atomic_sub_fetch(&s->cnt, 1, __ATOMIC_SEQ_CST))
		rwsem_wake(s);
}

bool sync_down_write_trylock(struct rw_semaphore *s, unsigned class)
{
	if (!rwsem_write_try(s))
		return false;
	sync_slept(s, class);
	return true;
}

void sync_down_write(struct rw_semaphore *s, unsigned class)
{
	if (__builtin_expect(!rwsem_write_try(s), 0))
		rwsem_wait(s, class, &s->writers_waiting, rwsem_write_try);
	sync_slept(s, class);
}

void sync_up_write(struct rw_semaphore *s)
{
	sync_waking(s);
	if (__atomic_load_n(&s->readers_waiting, __ATOMIC_SEQ_CST))
		__atomic_store_n(&s->readers_turn, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->cnt, 0, __ATOMIC_SEQ_CST);
	rwsem_wake(s);
}

bool rwsem_is_contended(struct rw_semaphore *s)
{
	return __atomic_load_n(&s->writers_waiting, __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&s->readers_waiting, __ATOMIC_SEQ_CST);
}

void sync_bit_wait(int bit, unsigned long *addr, unsigned class)
{
	uint64_t t = clock_ticks();
	unsigned spins = 0;

	do {
		while (READ_ONCE(*addr) & (1ul << bit))
			sync_relax(&spins);
	} while (!sync_bit_enter(bit, addr));
	sync_waited(class, t, true);
}
