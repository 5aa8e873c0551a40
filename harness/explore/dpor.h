/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All interleavings of a few CPUs that differ in what they do: dynamic partial
 * order reduction with source sets and sleep sets. It knows CPUs by what each is
 * about to do, and nothing of how they are run.
 *
 * A run starts with dpor_begin(). Whenever someone must be chosen, dpor_step()
 * says whose step comes. A step is what its CPU does until someone must be chosen
 * again; dpor_did() tells of each of its accesses, steps.h where it may end. After
 * the run, dpor_more() prepares the next one. Equal choices must lead to equal
 * accesses.
 *
 * Two steps depend on each other when they touch the same byte and one writes, or
 * when one of them takes or leaves a lock that the other one needs. Where both
 * have given a lock back at their end, they do not matter to each other by it.
 */
#ifndef ZLAB_EXPLORE_DPOR_H
#define ZLAB_EXPLORE_DPOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DPOR_CPUS 8
#define DPOR_NONE (DPOR_CPUS + 0u) /* nobody can go on */
#define DPOR_CUT (DPOR_CPUS + 1u) /* all that could follow was seen */
#define DPOR_WAITERS \
	((uintptr_t)1 << 63) /* of a lock: those that wait for it */

/** enum dpor_kind - kind of an access */
enum dpor_kind {
	DPOR_LOCAL, /* none: concerns nobody else */
	DPOR_READ,
	DPOR_WRITE, /* also one that reads */
	DPOR_ADD, /* adds, and nobody looks at what was there: any order will do */
	DPOR_TAKEN, /* memory is taken for use, or given back: a write to all of it */
	DPOR_ASK, /* whether others wait for a lock */
	DPOR_LOCK, /* done only while nobody else holds the lock */
	DPOR_TRYLOCK,
	DPOR_UNLOCK,
};

/** enum dpor_state - whether a CPU can go on */
enum dpor_state {
	DPOR_ENDED,
	DPOR_WAITS, /* for a lock that another one holds */
	DPOR_READY,
};

/**
 * struct dpor_access - what a CPU is about to do
 * @kind: what it is
 * @shared: a lock is taken or left by a reader
 * @plain: others are kept from it by other means, or it is a race
 * @quiet: a lock call that counts as a write to the lock's word, too
 * @addr: first byte
 * @len: bytes
 * @pc: where in the code
 */
struct dpor_access {
	enum dpor_kind kind;
	bool shared, plain, quiet;
	uintptr_t addr;
	size_t len;
	uintptr_t pc;
};

/** struct dpor_next - a CPU and its next access, with which its step begins */
struct dpor_next {
	enum dpor_state state;
	struct dpor_access access;
};

struct dpor;

/**
 * dpor_new() - the search of a program of @cpus CPUs
 *
 * Return: owned by the caller, for dpor_free(). Out of memory ends the process.
 */
struct dpor *dpor_new(unsigned cpus);
void dpor_free(struct dpor *d);

/** dpor_begin() - a run begins, with no CPU started */
void dpor_begin(struct dpor *d);

/**
 * dpor_step() - who goes on
 * @next: what each CPU is about to do
 *
 * Return: a CPU, DPOR_NONE or DPOR_CUT; after those two the run is over.
 */
unsigned dpor_step(struct dpor *d, const struct dpor_next *next);

/** dpor_did() - the step that runs has this access; a lock that is waited for, too */
void dpor_did(struct dpor *d, const struct dpor_access *a);

/** dpor_new_step() - whether the last dpor_step() has begun a step */
bool dpor_new_step(const struct dpor *d);

/**
 * dpor_relax() - @cpu waits in a loop
 * @pc: where
 * @rounds: so many equal rounds of the loop, and it gives way
 *
 * Who gives way goes on after another CPU has written to what he read in his
 * last round, or when nobody else can go on. Return: whether it gives way.
 */
bool dpor_relax(struct dpor *d, unsigned cpu, uintptr_t pc, unsigned rounds);

/** dpor_more() - the run is over. Return: whether there is another one to do */
bool dpor_more(struct dpor *d);

/**
 * dpor_share() - what part of the search is done, 0 to 1, after a run
 *
 * An estimate that is too high early on: branches are found as the search goes.
 */
double dpor_share(const struct dpor *d);

/** dpor_steps() - the most steps of a run */
size_t dpor_steps(const struct dpor *d);

/**
 * dpor_diverged() - equal choices have led to other accesses
 *
 * Then the search proves nothing: something that counts is not told.
 */
bool dpor_diverged(const struct dpor *d);

#endif
