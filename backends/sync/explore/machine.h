/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The explorer's CPUs: the third implementation behind sync.h, with the virtual
 * flavour's types, so that what was built for virtual CPUs runs on it as it is.
 *
 * Each CPU is a fiber of the one real thread. A "point" is a place where another
 * CPU could act: before each access of instrumented code to the pool's memory,
 * before each atomic and each lock call. At a point the harness may choose who
 * goes on, so that a schedule is a list of choices and repeats to the digit.
 *
 * What is checked meanwhile: races (shadow.c), freed memory (world.c), locks and
 * sleeping (lock.c), the order of lock classes (lockorder.c), deadlock and steps
 * without end (machine.c). What is found goes to the harness, which says
 * whether the schedule goes on.
 *
 * All memory of a pool lies in one range, the world (world.c), that can be put
 * back to an earlier state after each schedule.
 */
#ifndef ZLAB_EXPLORE_MACHINE_H
#define ZLAB_EXPLORE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/sync/debug.h"
#include "lib/err.h"

#define XCPU_MAX 8
#define XHELD_MAX 256

/** enum xkind - what a CPU is about to do at a point */
enum xkind {
	XDO_READ,
	XDO_WRITE,
	XDO_ATOMIC_READ,
	XDO_ATOMIC_WRITE,
	XDO_RMW,
	XDO_FENCE,
	XDO_LOCK,
	XDO_TRYLOCK,
	XDO_UNLOCK,
	XDO_RELAX, /* cpu_relax() and cond_resched(): others must go first */
	XDO_YIELD, /* cond_resched() */
	XDO_CONTENDED, /* ask whether another CPU waits for a lock */
	/*
	 * A wait of the harness's own, see xcpu_wait(). As a point of
	 * xcpu_visit(): an unsigned, at the address, must be 0 to go on.
	 */
	XDO_WAIT,
};

/**
 * struct xpoint - a point
 * @kind: what is about to be done
 * @order: memory order of an atomic, __ATOMIC_*
 * @shared: a lock is taken for reading
 * @addr: address that is read or written, or of the lock; NULL for none
 * @len: bytes
 * @pc: return address in the code that does it
 * @site: place of a lock call, or NULL
 */
struct xpoint {
	enum xkind kind;
	int order;
	bool shared;
	const void *addr;
	size_t len;
	const void *pc;
	const struct lock_site *site;
};

/** enum xwhy - why a CPU must be chosen */
enum xwhy {
	XWHY_START, /* none ran yet */
	XWHY_SLICE, /* the current one has used up its slice */
	XWHY_RELAX, /* it waits in a loop: choose another one if there is any */
	XWHY_BLOCKED, /* it cannot go on */
	XWHY_ENDED, /* its function has returned */
};

/** enum xfound - what can be found */
enum xfound {
	XFOUND_NONE,
	XFOUND_RACE, /* two accesses that nothing orders */
	XFOUND_FREED, /* an access to freed memory */
	XFOUND_DOUBLE_FREE,
	XFOUND_UNLOCK, /* of a lock that the CPU does not hold */
	XFOUND_RECURSION, /* a lock that the CPU holds already */
	XFOUND_SLEEP, /* in an atomic section */
	XFOUND_ORDER, /* lock classes in a cycle */
	XFOUND_LEFT, /* a lock is held, or preemption off, after an operation */
	XFOUND_DEADLOCK,
	XFOUND_LOST_WAKEUP, /* waits for a lock that nobody holds */
	XFOUND_LIVELOCK, /* more steps than a schedule may have */
	XFOUND_SECTION, /* an atomic section of too many steps */
	XFOUND_CRASH, /* SIGSEGV, SIGBUS, SIGFPE, SIGILL, abort() */
	XFOUND_SAID, /* the code printed a line on stderr, as for a WARN */
	/* Found by the harness. */
	XFOUND_CONTENTS, /* bytes read differ from those stored */
	XFOUND_INVALID, /* the allocator's own validate */
	XFOUND_LEAK,
	XFOUND_RESULT, /* a call returned what its contract excludes */
	XFOUNDS
};

/**
 * struct xfinding - one thing that was found
 * @kind: what it is
 * @cpu: the CPU that did it; XCPU_MAX where none did
 * @step: its point, counted from 1
 * @at: what it was doing
 * @other: the CPU that it conflicts with; XCPU_MAX where there is none
 * @other_pc: where that CPU did it, or NULL
 * @other_write: it wrote
 * @text: one line; names and numbers, no source lines
 */
struct xfinding {
	enum xfound kind;
	unsigned cpu;
	uint64_t step;
	struct xpoint at;
	unsigned other;
	const void *other_pc;
	bool other_write;
	char text[400];
};

/**
 * struct xhooks - what the harness is asked and told
 * @pick: choose a CPU of the mask @runnable, which is not 0, and store in *@slice
 *	  after how many of its points to ask again, at least 1; ~0 for never
 * @found: something was found. Return: whether the schedule goes on; only races
 *	   and lock orders can
 * @event: called at each point before it is done, and with XDO_* of a call's
 *	   end; NULL while nothing is recorded
 * @visits: xcpu_visit() is a point
 * @sync_only: @pick is not asked before a plain access
 * @arg: argument of all
 *
 * @pick and @found are called on the CPU's stack, between points; they must not
 * call the pool. @pick may give the schedule up: xcpu_report() of XFOUND_NONE, for
 * which @found returns false.
 */
struct xhooks {
	unsigned (*pick)(void *arg, enum xwhy why, unsigned runnable,
			 uint64_t *slice);
	bool (*found)(void *arg, const struct xfinding *f);
	void (*event)(void *arg, unsigned cpu, const struct xpoint *p);
	bool visits, sync_only;
	void *arg;
};

/**
 * struct xlimits - bounds of a schedule
 * @steps: points of all CPUs together
 * @section: points of a CPU with preemption off
 */
struct xlimits {
	uint64_t steps, section;
};

/** enum xend - how a schedule ended */
enum xend {
	XEND_DONE, /* all functions have returned */
	XEND_STOPPED, /* something was found */
};

/** xcpu_start() - make the world and the CPUs, once. Return: 0 or -ENOMEM */
int xcpu_start(struct err *err);

/**
 * xcpu_weak() - memory of the schedules to come
 * @weak: reads may return older values, as weakly ordered CPUs allow; else it is
 *	  sequentially consistent
 * @seed: decides which
 *
 * Return: 0, or -ENOMEM with @err set.
 */
int xcpu_weak(bool weak, uint64_t seed, struct err *err);

/** xcpu_begin() - begin a schedule of CPUs 0 to @cpus - 1, without functions */
void xcpu_begin(unsigned cpus, const struct xhooks *hooks,
		const struct xlimits *limits);

/** xcpu_spawn() - CPU @cpu will run @fn(@arg) */
void xcpu_spawn(unsigned cpu, void (*fn)(void *arg), void *arg);

/**
 * xcpu_run() - run the schedule
 *
 * After XEND_STOPPED the CPUs are where they were stopped, and never go on.
 */
enum xend xcpu_run(void);

/**
 * xcpu_guard() - call @fn(@arg) outside of a schedule, with what can go wrong
 * @hooks: @found is told of crashes and of loops without end
 *
 * Return: whether it returned and nothing was found.
 */
bool xcpu_guard(void (*fn)(void *arg), void *arg, const struct xhooks *hooks);

/**
 * xcpu_steps() - points of CPU @cpu so far, exact inside of the hooks; 0 of
 *		  XCPU_MAX
 */
uint64_t xcpu_steps(unsigned cpu);

/** xcpu_points() - points of all CPUs so far; exact inside of the hooks */
uint64_t xcpu_points(void);

/** xcpu_current() - the CPU that runs, or XCPU_MAX outside of a schedule */
unsigned xcpu_current(void);

/** xcpu_point() - the point at which @cpu stands: its next step */
const struct xpoint *xcpu_point(unsigned cpu);

/** xcpu_section() - the most points of an atomic section since the start */
uint64_t xcpu_section(void);

/**
 * xcpu_as() - outside of a schedule, run what follows as CPU @cpu
 *
 * There are no points and no checks then. Return: the CPU before.
 */
unsigned xcpu_as(unsigned cpu);

/**
 * xcpu_wait() - wait until another CPU calls xcpu_wake() with @what
 *
 * Of the harness's own locks; the wake-up orders the two CPUs' accesses. Ask
 * again afterwards, as another waiter may have been faster.
 */
void xcpu_wait(const void *what, const char *name);
void xcpu_wake(const void *what);

/**
 * xcpu_visit() - what is not instrumented is about to read or write what other
 *		  CPUs may: a point for a search that must know of all accesses
 * @kind: XDO_ATOMIC_READ, XDO_ATOMIC_WRITE, XDO_WAIT, XDO_TRYLOCK, XDO_UNLOCK
 * @what: address that stands for it
 * @len: bytes
 */
void xcpu_visit(enum xkind kind, const void *what, size_t len);

/** xcpu_acquire(), xcpu_release() - the two halves of such an order alone */
void xcpu_acquire(const void *what);
void xcpu_release(const void *what);

/** xcpu_report() - the harness found something on the running CPU, or outside */
void xcpu_report(enum xfound kind, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** xcpu_rest() - an operation ends: no lock may be held, preemption be off */
void xcpu_rest(const char *what);

/** struct xlock - a lock that a CPU holds, or waits for */
struct xlock {
	const void *lock;
	const struct lock_site *site;
	bool shared;
};

/** xcpu_held() - the locks that @cpu holds. Return: their number */
unsigned xcpu_held(unsigned cpu, const struct xlock **held);

/** xorder_forget() - forget the order of lock classes that was seen */
void xorder_forget(void);

/* World: where the memory of pools lies. */

/** xworld_reset() - all of it as it was at the start; nothing is allocated */
void xworld_reset(void);

/** xworld_enter(), xworld_leave() - malloc() and mmap() are those of the world */
void xworld_enter(void);
void xworld_leave(void);

/**
 * xworld_library() - code of a library, which is not instrumented, begins or ends
 *
 * What it allocates meanwhile lies apart, and is saved before it may store to it.
 * It must store to no other memory of the world, and must not be switched away
 * from.
 */
void xworld_library(bool begins);

/** xworld_save() - the state that xworld_restore() goes back to */
void xworld_save(void);
void xworld_restore(void);

/**
 * xworld_add() - data of a loaded object, which belongs to the world
 * @from: start of its writable data
 * @len: bytes
 *
 * One object at most; its state now is that of xworld_reset().
 */
int xworld_add(void *from, size_t len, struct err *err);

/** xworld_where() - a name of an address that is the same in each run */
const char *xworld_where(const void *addr, char *buf, size_t len);

/** xworld_leaked() - frames and slab objects in use, of all arenas and slabs */
void xworld_used(size_t *frames, size_t *objects);

/**
 * xworld_check() - compare all memory with the saved state, after a restore
 *
 * For tests: a store that was not seen shows up here. Return: an address that
 * differs, or NULL.
 */
const void *xworld_check(void);

/* Text of the programs, for places. */

/** xcode_add() - code of a loaded object, addresses @from to @from + @len */
void xcode_add(const void *from, size_t len);

#endif
