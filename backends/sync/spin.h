/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kinds of native spinlock, without statistics. One of them is spinlock_t,
 * chosen when the tree is compiled (make SPIN=ticket|fas|mcs); all of them run
 * through one validator and one bench. Included by native.h alone.
 *
 * Each kind is 4 bytes and has init, trylock, lock, unlock, is_locked and
 * is_contended. lock() waits with sync_relax(), which yields the processor when
 * the wait is so long that the holder cannot be running.
 */
#ifndef ZLAB_SYNC_SPIN_H
#define ZLAB_SYNC_SPIN_H

#include <ck_pr.h>
#include <ck_spinlock.h>
#include <sched.h>

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

/* About 50 us of waiting: longer than any atomic section of this project. */
#define SYNC_SPINS_BEFORE_YIELD 1024

static inline void sync_relax(unsigned *spins)
{
	if (++*spins % SYNC_SPINS_BEFORE_YIELD)
		ck_pr_stall();
	else
		sched_yield();
}

/* Test and set: unfair, and all waiters write to the same word. */
struct sync_fas {
	ck_spinlock_fas_t fas;
};

static inline void sync_fas_init(struct sync_fas *l)
{
	ck_spinlock_fas_init(&l->fas);
}

static inline bool sync_fas_is_locked(struct sync_fas *l)
{
	return ck_spinlock_fas_locked(&l->fas);
}

static inline bool sync_fas_is_contended(struct sync_fas *l)
{
	return false; /* not known from the word */
}

static inline bool sync_fas_trylock(struct sync_fas *l)
{
	if (!ck_spinlock_fas_trylock(&l->fas))
		return false;
	sync_tsan_acquire(l);
	return true;
}

static inline void sync_fas_lock(struct sync_fas *l)
{
	unsigned spins = 0;

	while (!sync_fas_trylock(l))
		while (sync_fas_is_locked(l))
			sync_relax(&spins);
}

static inline void sync_fas_unlock(struct sync_fas *l)
{
	sync_tsan_release(l);
	ck_spinlock_fas_unlock(&l->fas);
}

#ifdef CK_F_SPINLOCK_TICKET_TRYLOCK
/* First come, first served: takes the place of the kernel's queued spinlock. */
struct sync_ticket {
	ck_spinlock_ticket_t ticket;
};

static inline void sync_ticket_init(struct sync_ticket *l)
{
	ck_spinlock_ticket_init(&l->ticket);
}

static inline bool sync_ticket_is_locked(struct sync_ticket *l)
{
	return ck_spinlock_ticket_locked(&l->ticket);
}

/* Low half: the ticket being served; high half: the next ticket to take. */
static inline bool sync_ticket_is_contended(struct sync_ticket *l)
{
	uint32_t v = ck_pr_load_32(&l->ticket.value);

	return (uint16_t)((v >> 16) - (v & 0xffff)) > 1;
}

static inline bool sync_ticket_trylock(struct sync_ticket *l)
{
	if (!ck_spinlock_ticket_trylock(&l->ticket))
		return false;
	sync_tsan_acquire(l);
	return true;
}

static inline void sync_ticket_lock(struct sync_ticket *l)
{
	uint32_t drawn = ck_pr_faa_32(&l->ticket.value, 1u << 16);
	uint32_t mine = drawn >> 16, served = drawn & 0xffff;
	unsigned spins = 0;

	while (served != mine) {
		sync_relax(&spins);
		served = ck_pr_load_32(&l->ticket.value) & 0xffff;
	}
	ck_pr_fence_lock();
	sync_tsan_acquire(l);
}

static inline void sync_ticket_unlock(struct sync_ticket *l)
{
	uint16_t *served = (uint16_t *)&l->ticket.value;

	/* Only the holder writes this half: ck's locked add is not needed. */
	sync_tsan_release(l);
	ck_pr_fence_unlock();
	ck_pr_store_16(served, ck_pr_load_16(served) + 1);
}
#endif

/*
 * A queue of waiters, each of which spins on its own cache line, in 4 bytes:
 * ck's MCS lock is a pointer, so here the tail is a CPU number. @locked is
 * separate from @tail so that the holder needs no queue node.
 */
struct sync_mcs {
	union {
		uint32_t word;
		struct {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
			uint8_t locked, unused;
			uint16_t tail; /* CPU number + 1 */
#else
			uint16_t tail;
			uint8_t unused, locked;
#endif
		};
	};
};

struct sync_mcs_node {
	struct sync_mcs_node *next;
	unsigned waits;
} __attribute__((aligned(64)));

void sync_mcs_lock_slow(struct sync_mcs *l);

static inline void sync_mcs_init(struct sync_mcs *l)
{
	l->word = 0;
}

static inline bool sync_mcs_is_locked(struct sync_mcs *l)
{
	return __atomic_load_n(&l->word, __ATOMIC_RELAXED);
}

static inline bool sync_mcs_is_contended(struct sync_mcs *l)
{
	return __atomic_load_n(&l->tail, __ATOMIC_RELAXED);
}

static inline bool sync_mcs_trylock(struct sync_mcs *l)
{
	uint32_t zero = 0;
	struct sync_mcs held = { .word = 0 };

	held.locked = 1;
	return !__atomic_load_n(&l->word, __ATOMIC_RELAXED) &&
	       __atomic_compare_exchange_n(&l->word, &zero, held.word, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void sync_mcs_lock(struct sync_mcs *l)
{
	if (!sync_mcs_trylock(l))
		sync_mcs_lock_slow(l);
}

static inline void sync_mcs_unlock(struct sync_mcs *l)
{
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

#define SYNC_CAT_(a, b, c) a##b##c
#define SYNC_CAT(a, b, c) SYNC_CAT_(a, b, c)
#ifndef SYNC_SPIN
#ifdef CK_F_SPINLOCK_TICKET_TRYLOCK
#define SYNC_SPIN ticket
#else
#define SYNC_SPIN mcs
#endif
#endif
#define sync_raw_t struct SYNC_CAT(sync_, SYNC_SPIN, )
#define sync_raw(op) SYNC_CAT(sync_, SYNC_SPIN, _##op)

#endif
