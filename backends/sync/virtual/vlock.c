// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The locks of virtual CPUs. A lock's word has the holder; the waiters are in a
 * separate table, indexed by the lock's address, with an entry only while a CPU
 * waits. Locks are handed over: a CPU that is granted a lock owns it from that
 * moment, so no other CPU can take it first.
 *
 * - A spinlock has a queue as in the kernel: first come, first served. A
 *   hand-over moves two lines: the holder's store to the waiter, and the next
 *   waiter's node.
 * - A bit lock and a test-and-set lock have no queue: with n waiters the word
 *   moves n times before the next holder has it.
 * - All readers of a rwlock write its counter; CPUs that must wait queue.
 * - Waiters of a rw-semaphore sleep, but a writer spins while a writer runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sync/stat.h"
#include "backends/sync/virtual/vcpu.h"

/* One thread runs all virtual CPUs, so one set of counts is enough. */
#define ALL_CPUS 0
#define BUCKETS 1024
#define RW_WRITER 0x80000000u

/* The waiters of one lock. */
struct vqueue {
	const void *lock;
	struct vcpu *head, *tail;
	unsigned count;
	struct vqueue *next; /* in its bucket or in the free list */
};

/* A CPU waits for one lock at a time, so one queue per CPU is enough. */
static struct vqueue queues[SYNC_MAX_CPUS];
static struct vqueue *free_queues;
static struct vqueue *buckets[BUCKETS];

static struct vqueue **bucket_of(const void *lock)
{
	return &buckets[((uintptr_t)lock >> 2) * 0x9e3779b97f4a7c15ull >> 54];
}

static struct vqueue *queue_of(const void *lock)
{
	struct vqueue *q = *bucket_of(lock);

	while (q && q->lock != lock)
		q = q->next;
	return q;
}

static struct vqueue *queue_make(const void *lock)
{
	struct vqueue **bucket = bucket_of(lock), *q = queue_of(lock);
	unsigned i;

	if (q)
		return q;
	for (i = 0; !free_queues && i < SYNC_MAX_CPUS; i++)
		if (!queues[i].lock)
			free_queues = &queues[i];
	q = free_queues;
	free_queues = q->next;
	*q = (struct vqueue){ .lock = lock, .next = *bucket };
	*bucket = q;
	return q;
}

/* Removes and returns the oldest waiter; frees the queue if it is empty. */
static struct vcpu *dequeue(struct vqueue *q)
{
	struct vcpu *c = q->head;
	struct vqueue **at;

	q->head = c->wait_next;
	if (--q->count)
		return c;
	for (at = bucket_of(q->lock); *at != q;)
		at = &(*at)->next;
	*at = q->next;
	q->lock = NULL;
	q->next = free_queues;
	free_queues = q;
	return c;
}

/* Drops the waiters that an earlier machine has left. */
void vlock_start(void)
{
	memset(queues, 0, sizeof(queues));
	memset(buckets, 0, sizeof(buckets));
	free_queues = NULL;
}

void sync_at(const struct lock_site *site)
{
	if (vcpu_me)
		vcpu_me->site = site;
}

static void enter(struct vcpu *me)
{
	if (!me->depth++)
		me->section_since = me->vt;
}

static void leave(struct vcpu *me)
{
	if (!--me->depth)
		sync_stat_section(ALL_CPUS,
				  (me->vt - me->section_since) / 1000);
}

void sync_preempt_disable(void)
{
	if (vcpu_me)
		enter(vcpu_me);
}

void sync_preempt_enable(void)
{
	if (vcpu_me)
		leave(vcpu_me);
}

void sync_relax_virtual(void)
{
	struct vcpu *me = vcpu_me;

	if (!me)
		return;
	vmem_serialise(me);
	me->vt += vmachine.cost.relax;
	vcpu_point();
}

void sync_cond_resched(void)
{
	if (vcpu_me)
		vcpu_point();
}

/* Before an instruction with effects on other CPUs: keep virtual-time order. */
static void point(struct vcpu *me)
{
	vmem_serialise(me);
	vcpu_point();
}

static void took(struct vcpu *me, const void *lock, unsigned class,
		 uint32_t last, bool contended)
{
	me->acquisitions[class]++;
	if (last && last != me->id + 1)
		sync_stat_bounce(ALL_CPUS, class, contended);
	if (me->nr_held < VCPU_HELD)
		me->held[me->nr_held++] = (struct vheld){
			.lock = lock,
			.site = me->site,
			.class = class,
			.since = me->vt,
		};
}

static void dropped(struct vcpu *me, const void *lock)
{
	unsigned i = me->nr_held;

	while (i-- > 0) {
		if (me->held[i].lock != lock)
			continue;
		sync_stat_hold(ALL_CPUS, me->held[i].class,
			       (me->vt - me->held[i].since) / 1000);
		me->held[i] = me->held[--me->nr_held];
		return;
	}
}

/* Returns when the lock is granted; the granting CPU has set @me's time. */
static void wait_for(struct vcpu *me, const void *lock, unsigned class,
		     enum vwait how)
{
	struct vqueue *q = queue_make(lock);
	uint64_t ps;

	me->wait = how;
	me->wait_lock = lock;
	me->wait_class = class;
	me->wait_since = me->vt;
	me->wait_next = NULL;
	if (q->count++)
		q->tail->wait_next = me;
	else
		q->head = me;
	q->tail = me;
	vcpu_block();
	ps = me->vt - me->wait_since;
	sync_stat_wait(ALL_CPUS, class, ps / 1000);
	me->wait_ps += ps;
}

/* Return: the time at which @to has the lock that @from releases. */
static uint64_t handed_over(const struct vcpu *from, const struct vcpu *to,
			    bool more)
{
	uint64_t now = from->pending > from->vt ? from->pending : from->vt;
	uint64_t share =
		more ? vmachine.cost.handover_many : vmachine.cost.handover;

	return now + vmem_transfer(from, to) * share / 100;
}

static void grant(struct vcpu *to, uint64_t at)
{
	if (at > to->vt)
		to->vt = at;
	to->wait = VWAIT_NONE;
	vcpu_ready(to);
}

void spin_lock_init(spinlock_t *l)
{
	l->word = 0;
}

static bool spin_try(spinlock_t *l)
{
	if (l->word & 0xffff)
		return false;
	l->word |= smp_processor_id() + 1;
	return true;
}

void sync_spin_lock(spinlock_t *l, unsigned class)
{
	struct vcpu *me = vcpu_me;
	uint32_t last;
	bool waits;

	if (!me) {
		l->word = 1;
		return;
	}
	enter(me);
	point(me);
	vmem_rmw(me, l);
	last = l->word >> 16;
	waits = !spin_try(l);
	if (waits) {
		wait_for(me, l, class, VWAIT_SPIN);
		last = l->word >> 16;
	}
	took(me, l, class, last, waits);
}

bool sync_spin_trylock(spinlock_t *l, unsigned class)
{
	struct vcpu *me = vcpu_me;

	if (!me)
		return spin_try(l);
	enter(me);
	point(me);
	vmem_rmw(me, l);
	if (!spin_try(l)) {
		leave(me);
		return false;
	}
	took(me, l, class, l->word >> 16, false);
	return true;
}

void sync_spin_unlock(spinlock_t *l)
{
	struct vcpu *me = vcpu_me, *next;
	struct vqueue *q;
	uint32_t last;
	bool more;

	if (!me) {
		l->word = 0;
		return;
	}
	vcpu_point();
	vmem_own(me, l);
	dropped(me, l);
	last = (me->id + 1) << 16;
	l->word = last;
	q = queue_of(l);
	if (q) {
		more = q->count > 1;
		next = dequeue(q);
		l->word = last | (next->id + 1);
		vmem_own(next, l);
		grant(next, handed_over(me, next, more));
	}
	leave(me);
}

bool spin_is_locked(spinlock_t *l)
{
	return l->word & 0xffff;
}

bool spin_is_contended(spinlock_t *l)
{
	return queue_of(l);
}

/*
 * Common to rwlocks and rw-semaphores: @cnts, and a queue that serves readers
 * and writers in order.
 */
static bool rw_read_try(rwlock_t *l)
{
	if (l->cnts & RW_WRITER || queue_of(l))
		return false;
	l->cnts++;
	return true;
}

static bool rw_write_try(rwlock_t *l)
{
	if (l->cnts || queue_of(l))
		return false;
	l->cnts = RW_WRITER;
	return true;
}

/* Return: when @to has the lock. Waking a sleeper also costs @me time. */
static uint64_t rw_wake(struct vcpu *me, const struct vcpu *to, uint64_t at)
{
	if (to->wait != VWAIT_SLEEP_READ && to->wait != VWAIT_SLEEP_WRITE)
		return at +
		       vmem_transfer(me, to) * vmachine.cost.handover / 100;
	me->vt += vmachine.cost.wake;
	return (me->vt > at ? me->vt : at) + vmachine.cost.wake_latency;
}

static void rw_grant(struct vcpu *me, rwlock_t *l)
{
	struct vqueue *q;
	uint64_t at = me->pending > me->vt ? me->pending : me->vt;
	struct vcpu *c;
	bool writer;

	/* Grant to one writer, or to all readers up to the next writer. */
	while ((q = queue_of(l))) {
		c = q->head;
		writer = c->wait == VWAIT_WRITE || c->wait == VWAIT_SLEEP_WRITE;
		if (l->cnts & RW_WRITER || (writer && l->cnts))
			return;
		l->cnts = writer ? RW_WRITER : l->cnts + 1;
		at = rw_wake(me, c, at);
		vmem_own(c, l);
		dequeue(q);
		grant(c, at);
	}
}

static void rw_take(rwlock_t *l, unsigned class, bool write, bool sleeps)
{
	static const enum vwait how[2][2] = {
		{ VWAIT_READ, VWAIT_WRITE },
		{ VWAIT_SLEEP_READ, VWAIT_SLEEP_WRITE },
	};
	struct vcpu *me = vcpu_me;
	uint64_t since, slept;
	bool waits;

	if (!me) {
		l->cnts = write ? RW_WRITER : l->cnts + 1;
		return;
	}
	if (!sleeps)
		enter(me);
	point(me);
	vmem_rmw(me, l);
	waits = !(write ? rw_write_try(l) : rw_read_try(l));
	if (waits) {
		/* A writer spins if the holder is a writer and no CPU waits. */
		if (sleeps && write && l->cnts & RW_WRITER && !queue_of(l))
			sleeps = false;
		since = me->vt;
		wait_for(me, l, class, how[sleeps][write]);
		slept = me->vt - since;
		if (sleeps)
			me->idle_ps += slept;
	}
	took(me, l, class, l->last, waits);
	l->last = me->id + 1;
}

static bool rw_try(rwlock_t *l, unsigned class, bool write, bool sleeps)
{
	struct vcpu *me = vcpu_me;

	if (!me)
		return write ? rw_write_try(l) : rw_read_try(l);
	if (!sleeps)
		enter(me);
	point(me);
	vmem_rmw(me, l);
	if (!(write ? rw_write_try(l) : rw_read_try(l))) {
		if (!sleeps)
			leave(me);
		return false;
	}
	took(me, l, class, l->last, false);
	l->last = me->id + 1;
	return true;
}

static void rw_drop(rwlock_t *l, bool write, bool sleeps)
{
	struct vcpu *me = vcpu_me;

	if (!me) {
		l->cnts = write ? 0 : l->cnts - 1;
		return;
	}
	if (write && !sleeps) {
		vcpu_point();
		vmem_own(me, l);
	} else {
		point(me);
		vmem_rmw(me, l);
	}
	dropped(me, l);
	l->cnts = write ? 0 : l->cnts - 1;
	if (!l->cnts)
		rw_grant(me, l);
	if (!sleeps)
		leave(me);
}

void rwlock_init(rwlock_t *l)
{
	l->cnts = l->last = 0;
}

void sync_read_lock(rwlock_t *l, unsigned class)
{
	rw_take(l, class, false, false);
}

bool sync_read_trylock(rwlock_t *l, unsigned class)
{
	return rw_try(l, class, false, false);
}

void sync_read_unlock(rwlock_t *l)
{
	rw_drop(l, false, false);
}

void sync_write_lock(rwlock_t *l, unsigned class)
{
	rw_take(l, class, true, false);
}

bool sync_write_trylock(rwlock_t *l, unsigned class)
{
	return rw_try(l, class, true, false);
}

void sync_write_unlock(rwlock_t *l)
{
	rw_drop(l, true, false);
}

bool rwlock_is_contended(rwlock_t *l)
{
	return queue_of(l);
}

void init_rwsem(struct rw_semaphore *s)
{
	memset(s, 0, sizeof(*s));
}

void sync_down_read(struct rw_semaphore *s, unsigned class)
{
	rw_take(&s->rw, class, false, true);
}

bool sync_down_read_trylock(struct rw_semaphore *s, unsigned class)
{
	return rw_try(&s->rw, class, false, true);
}

void sync_up_read(struct rw_semaphore *s)
{
	rw_drop(&s->rw, false, true);
}

void sync_down_write(struct rw_semaphore *s, unsigned class)
{
	rw_take(&s->rw, class, true, true);
}

bool sync_down_write_trylock(struct rw_semaphore *s, unsigned class)
{
	return rw_try(&s->rw, class, true, true);
}

void sync_up_write(struct rw_semaphore *s)
{
	rw_drop(&s->rw, true, true);
}

bool rwsem_is_contended(struct rw_semaphore *s)
{
	return queue_of(&s->rw);
}

static bool bit_try(int bit, unsigned long *addr)
{
	if (*addr >> bit & 1)
		return false;
	*addr |= 1ul << bit;
	return true;
}

void sync_bit_lock(int bit, unsigned long *addr, unsigned class)
{
	struct vcpu *me = vcpu_me;
	bool waits;

	if (!me) {
		*addr |= 1ul << bit;
		return;
	}
	enter(me);
	point(me);
	vmem_rmw(me, addr);
	waits = !bit_try(bit, addr);
	if (waits)
		wait_for(me, addr, class, VWAIT_SPIN);
	took(me, addr, class, 0, waits);
}

bool sync_bit_trylock(int bit, unsigned long *addr, unsigned class)
{
	struct vcpu *me = vcpu_me;

	if (!me)
		return bit_try(bit, addr);
	enter(me);
	point(me);
	vmem_rmw(me, addr);
	if (!bit_try(bit, addr)) {
		leave(me);
		return false;
	}
	took(me, addr, class, 0, false);
	return true;
}

void sync_bit_unlock(int bit, unsigned long *addr)
{
	struct vcpu *me = vcpu_me, *next;
	struct vqueue *q;
	uint64_t storm;

	if (!me) {
		*addr &= ~(1ul << bit);
		return;
	}
	point(me);
	vmem_rmw(me, addr);
	dropped(me, addr);
	*addr &= ~(1ul << bit);
	q = queue_of(addr);
	if (q) {
		storm = q->count;
		next = dequeue(q);
		*addr |= 1ul << bit;
		vmem_own(next, addr);
		grant(next, me->vt + (1 + storm) * vmem_transfer(me, next));
	}
	leave(me);
}
