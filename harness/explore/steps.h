/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a step of a search of all schedules ends (dpor.h).
 *
 * Lipton's reduction (1975): a CPU that takes locks, does what they guard, does at
 * most one thing that others can see, and gives locks back, may as well do so
 * without a pause: whatever others do meanwhile could have been done before or
 * after it. So a step is any number of lock calls that take, then at most one
 * access to what nothing guards, then calls that give back, and between all of
 * them what is guarded.
 *
 * What is guarded is learned, as of Stoller and Cohen (2003): an address that one
 * CPU alone touches, or all of them under one lock, is guarded; once that turns
 * out to be wrong, the search of the program has to begin again. Memory that a CPU
 * has taken is its own until it does what others can see. A lock that is
 * taken inside of another one by all is guarded, too. Locks that someone tries or
 * looks at, and those that nest in both orders, are no guards, as it can be seen
 * that they are held; each call of them is an access that nothing guards.
 */
#ifndef ZLAB_EXPLORE_STEPS_H
#define ZLAB_EXPLORE_STEPS_H

#include "harness/explore/dpor.h"

#define STEPS_HELD 32 /* locks that are looked at */

/** struct steps_held - a lock that a CPU holds */
struct steps_held {
	uintptr_t addr;
	bool shared;
};

struct steps;

/**
 * steps_new() - nothing is known of a program
 *
 * Return: owned by the caller, for steps_free(). Out of memory ends the process.
 */
struct steps *steps_new(void);
void steps_free(struct steps *s);

/** steps_forget() - as new: another program */
void steps_forget(struct steps *s);

/** steps_run() - a run begins */
void steps_run(struct steps *s);

/** steps_begin() - a step of @cpu begins */
void steps_begin(struct steps *s, unsigned cpu);

/** steps_ends() - whether the step of @cpu ends before access @a, which is next */
bool steps_ends(struct steps *s, unsigned cpu, const struct dpor_access *a);

/**
 * steps_did() - @cpu does access @a
 * @held: the @nr locks that it holds before
 *
 * Return: whether it is a lock call that counts as a write to the lock, too: what
 * it guards is not told, or its word has a value that is.
 */
bool steps_did(struct steps *s, unsigned cpu, const struct dpor_access *a,
	       const struct steps_held *held, unsigned nr);

/** steps_learned() - whether something new was learned since it was last asked */
bool steps_learned(struct steps *s);

#endif
