// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The slow paths of the native locks, the classes and their counts.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backends/sync.h"

#define QR_WRITER 0xffu
#define QR_READER 0x100u

static struct sync_cpu cpus[SYNC_MAX_CPUS];
static bool cpu_used[SYNC_MAX_CPUS] = { true };
__thread struct sync_cpu *sync_me = &cpus[0];

/* Class 0 means "not looked up yet" at a call site. */
static const char *class_name[SYNC_MAX_CLASSES];
static unsigned nr_classes = 1;
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;

uint64_t sync_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

unsigned lock_site_resolve(struct lock_site *site)
{
	const char *name = site->name;
	unsigned i;

	if (*name == '&')
		name++;
	pthread_mutex_lock(&registry);
	for (i = 1; i < nr_classes; i++)
		if (!strcmp(class_name[i], name))
			break;
	if (i == nr_classes) {
		if (nr_classes == SYNC_MAX_CLASSES) {
			fprintf(stderr, "zlab: more than %d lock classes\n",
				SYNC_MAX_CLASSES - 1);
			abort();
		}
		class_name[nr_classes++] = name;
	}
	pthread_mutex_unlock(&registry);
	WRITE_ONCE(site->class, i);
	return i;
}

int sync_cpu_attach(void)
{
	unsigned i;

	pthread_mutex_lock(&registry);
	for (i = 0; i < SYNC_MAX_CPUS && cpu_used[i]; i++)
		;
	if (i < SYNC_MAX_CPUS)
		cpu_used[i] = true;
	pthread_mutex_unlock(&registry);
	if (i == SYNC_MAX_CPUS)
		return -EAGAIN;
	cpus[i].id = i;
	cpus[i].preempt = 0;
	sync_me = &cpus[i];
	return 0;
}

void sync_cpu_detach(void)
{
	pthread_mutex_lock(&registry);
	cpu_used[sync_me->id] = sync_me->id == 0;
	pthread_mutex_unlock(&registry);
	sync_me = &cpus[0];
}

void cond_resched(void)
{
	sched_yield();
}

static void waited(unsigned class, uint64_t since)
{
	struct sync_count *c = &sync_me->count[class];
	uint64_t ns = sync_clock_ns() - since;

	c->contentions++;
	c->wait_total += ns;
	if (ns > c->wait_max)
		c->wait_max = ns;
	if (!c->wait_min || ns < c->wait_min)
		c->wait_min = ns;
	sync_me->wait_ns += ns;
}

void sync_spin_wait(spinlock_t *l, unsigned class)
{
	uint64_t t = sync_clock_ns();

	ck_spinlock_ticket_lock(&l->ticket);
	waited(class, t);
}

void rwlock_init(rwlock_t *l)
{
	l->cnts = 0;
	spin_lock_init(&l->wait);
}

static bool read_try(rwlock_t *l)
{
	uint32_t v = __atomic_load_n(&l->cnts, __ATOMIC_RELAXED);

	if (v & QR_WRITER)
		return false;
	v = __atomic_add_fetch(&l->cnts, QR_READER, __ATOMIC_ACQUIRE);
	if (!(v & QR_WRITER))
		return true;
	__atomic_sub_fetch(&l->cnts, QR_READER, __ATOMIC_RELAXED);
	return false;
}

static bool write_try(rwlock_t *l)
{
	uint32_t zero = 0;

	return __atomic_compare_exchange_n(&l->cnts, &zero, QR_WRITER, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool sync_read_trylock(rwlock_t *l, unsigned class)
{
	preempt_disable();
	if (!read_try(l)) {
		preempt_enable();
		return false;
	}
	sync_me->count[class].acquisitions++;
	return true;
}

void sync_read_lock(rwlock_t *l, unsigned class)
{
	uint64_t t;

	preempt_disable();
	if (__builtin_expect(!read_try(l), 0)) {
		t = sync_clock_ns();
		ck_spinlock_ticket_lock(&l->wait.ticket);
		while (!read_try(l))
			cpu_relax();
		ck_spinlock_ticket_unlock(&l->wait.ticket);
		waited(class, t);
	}
	sync_me->count[class].acquisitions++;
}

void sync_read_unlock(rwlock_t *l)
{
	__atomic_sub_fetch(&l->cnts, QR_READER, __ATOMIC_RELEASE);
	preempt_enable();
}

bool sync_write_trylock(rwlock_t *l, unsigned class)
{
	preempt_disable();
	if (!write_try(l)) {
		preempt_enable();
		return false;
	}
	sync_me->count[class].acquisitions++;
	return true;
}

void sync_write_lock(rwlock_t *l, unsigned class)
{
	uint64_t t;

	preempt_disable();
	if (__builtin_expect(!write_try(l), 0)) {
		t = sync_clock_ns();
		ck_spinlock_ticket_lock(&l->wait.ticket);
		/* A set writer byte keeps new readers out while old ones go. */
		__atomic_or_fetch(&l->cnts, 1u, __ATOMIC_RELAXED);
		for (;;) {
			uint32_t only = 1u;

			if (__atomic_compare_exchange_n(
				    &l->cnts, &only, QR_WRITER, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				break;
			__atomic_or_fetch(&l->cnts, 1u, __ATOMIC_RELAXED);
			cpu_relax();
		}
		ck_spinlock_ticket_unlock(&l->wait.ticket);
		waited(class, t);
	}
	sync_me->count[class].acquisitions++;
}

void sync_write_unlock(rwlock_t *l)
{
	__atomic_and_fetch(&l->cnts, ~QR_WRITER, __ATOMIC_RELEASE);
	preempt_enable();
}

bool rwlock_is_contended(rwlock_t *l)
{
	return ck_spinlock_ticket_locked(&l->wait.ticket);
}

static void futex_wait(uint32_t *addr, uint32_t val)
{
	syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, val, NULL, NULL, 0);
}

static void futex_wake_all(uint32_t *addr)
{
	__atomic_add_fetch(addr, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void init_rwsem(struct rw_semaphore *s)
{
	memset(s, 0, sizeof(*s));
}

static bool rwsem_read_try(struct rw_semaphore *s)
{
	int c = __atomic_load_n(&s->cnt, __ATOMIC_RELAXED);

	while (c >= 0)
		if (__atomic_compare_exchange_n(&s->cnt, &c, c + 1, false,
						__ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static bool rwsem_write_try(struct rw_semaphore *s)
{
	int zero = 0;

	return __atomic_compare_exchange_n(&s->cnt, &zero, -1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool sync_down_read_trylock(struct rw_semaphore *s, unsigned class)
{
	if (!rwsem_read_try(s))
		return false;
	sync_me->count[class].acquisitions++;
	return true;
}

void sync_down_read(struct rw_semaphore *s, unsigned class)
{
	uint32_t seq;
	uint64_t t;

	if (__atomic_load_n(&s->writers_waiting, __ATOMIC_RELAXED) ||
	    !rwsem_read_try(s)) {
		t = sync_clock_ns();
		for (;;) {
			seq = __atomic_load_n(&s->seq, __ATOMIC_ACQUIRE);
			if (!__atomic_load_n(&s->writers_waiting,
					     __ATOMIC_SEQ_CST) &&
			    rwsem_read_try(s))
				break;
			futex_wait(&s->seq, seq);
		}
		waited(class, t);
	}
	sync_me->count[class].acquisitions++;
}

void up_read(struct rw_semaphore *s)
{
	if (!__atomic_sub_fetch(&s->cnt, 1, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&s->writers_waiting, __ATOMIC_SEQ_CST))
		futex_wake_all(&s->seq);
}

bool sync_down_write_trylock(struct rw_semaphore *s, unsigned class)
{
	if (!rwsem_write_try(s))
		return false;
	sync_me->count[class].acquisitions++;
	return true;
}

void sync_down_write(struct rw_semaphore *s, unsigned class)
{
	uint32_t seq;
	uint64_t t;

	if (!rwsem_write_try(s)) {
		t = sync_clock_ns();
		__atomic_add_fetch(&s->writers_waiting, 1, __ATOMIC_SEQ_CST);
		for (;;) {
			seq = __atomic_load_n(&s->seq, __ATOMIC_ACQUIRE);
			if (rwsem_write_try(s))
				break;
			futex_wait(&s->seq, seq);
		}
		__atomic_sub_fetch(&s->writers_waiting, 1, __ATOMIC_SEQ_CST);
		waited(class, t);
	}
	sync_me->count[class].acquisitions++;
}

void up_write(struct rw_semaphore *s)
{
	__atomic_store_n(&s->cnt, 0, __ATOMIC_SEQ_CST);
	futex_wake_all(&s->seq);
}

bool rwsem_is_contended(struct rw_semaphore *s)
{
	return __atomic_load_n(&s->writers_waiting, __ATOMIC_RELAXED);
}

static bool bit_try(int bit, unsigned long *addr)
{
	unsigned long mask = 1ul << bit;

	return !(__atomic_fetch_or(addr, mask, __ATOMIC_ACQUIRE) & mask);
}

bool sync_bit_trylock(int bit, unsigned long *addr, unsigned class)
{
	preempt_disable();
	if (!bit_try(bit, addr)) {
		preempt_enable();
		return false;
	}
	sync_me->count[class].acquisitions++;
	return true;
}

void sync_bit_lock(int bit, unsigned long *addr, unsigned class)
{
	uint64_t t;

	preempt_disable();
	if (!bit_try(bit, addr)) {
		t = sync_clock_ns();
		do {
			while (READ_ONCE(*addr) & (1ul << bit))
				cpu_relax();
		} while (!bit_try(bit, addr));
		waited(class, t);
	}
	sync_me->count[class].acquisitions++;
}

void bit_spin_unlock(int bit, unsigned long *addr)
{
	__atomic_fetch_and(addr, ~(1ul << bit), __ATOMIC_RELEASE);
	preempt_enable();
}

static int by_wait(const void *a, const void *b)
{
	const struct lock_stat *x = a, *y = b;

	if (x->waittime_total_ns != y->waittime_total_ns)
		return x->waittime_total_ns < y->waittime_total_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

size_t lock_stats_read(struct lock_stat *out, size_t max)
{
	struct lock_stat s;
	struct sync_count *c;
	size_t n = 0;
	unsigned i, cpu;

	for (i = 1; i < nr_classes && n < max; i++) {
		memset(&s, 0, sizeof(s));
		s.name = class_name[i];
		for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++) {
			c = &cpus[cpu].count[i];
			s.acquisitions += c->acquisitions;
			s.contentions += c->contentions;
			s.waittime_total_ns += c->wait_total;
			if (c->wait_max > s.waittime_max_ns)
				s.waittime_max_ns = c->wait_max;
			if (c->wait_min && (!s.waittime_min_ns ||
					    c->wait_min < s.waittime_min_ns))
				s.waittime_min_ns = c->wait_min;
		}
		if (s.acquisitions)
			out[n++] = s;
	}
	qsort(out, n, sizeof(*out), by_wait);
	return n;
}

void lock_stats_reset(void)
{
	unsigned cpu;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++) {
		memset(cpus[cpu].count, 0, sizeof(cpus[cpu].count));
		cpus[cpu].wait_ns = 0;
	}
}

uint64_t lock_wait_ns(void)
{
	return sync_me->wait_ns;
}
