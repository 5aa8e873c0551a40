// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs of words. Free runs of a length are a stack. Its head has the number of
 * the first run, plus one, in the low half and a count in the high half that
 * each change increments, so that a head that was seen is not mistaken for a
 * later one. The next run's number is in a free run's first word, which stays
 * readable when another CPU takes the run meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/ghost/ghost.h"

#define RUN_MASK 0xfffffffful
#define CHANGED (RUN_MASK + 1)

struct ghost_runs *ghost_runs_create(size_t capacity, struct err *err)
{
	struct ghost_runs *runs = calloc(1, sizeof(*runs));

	if (!runs) {
		err_set(err, -ENOMEM, "out of memory for runs of words");
		return NULL;
	}
	/* A number is one less than what 32 bits hold. */
	runs->capacity = capacity < RUN_MASK ? capacity : RUN_MASK - 1;
	runs->base = mmap(NULL, runs->capacity * sizeof(*runs->base),
			  PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (runs->base == MAP_FAILED) {
		err_set(err, -ENOMEM, "cannot reserve %zu words: %s",
			runs->capacity, strerror(errno));
		free(runs);
		return NULL;
	}
	madvise(runs->base, runs->capacity * sizeof(*runs->base),
		MADV_HUGEPAGE);
	madvise(runs->base, runs->capacity * sizeof(*runs->base),
		MADV_DONTDUMP);
	return runs;
}

void ghost_runs_destroy(struct ghost_runs *runs)
{
	if (!runs)
		return;
	munmap(runs->base, runs->capacity * sizeof(*runs->base));
	free(runs);
}

static uint32_t take_new(struct ghost_runs *runs, unsigned words)
{
	/* Relaxed: the count orders no other memory access. */
	size_t end = (size_t)atomic_long_add_return_relaxed(words, &runs->used);

	if (end <= runs->capacity)
		return (uint32_t)(end - words);
	atomic_long_sub(words, &runs->used);
	return GHOST_NO_RUN;
}

/* Fully ordered: publishes a run with its first word, or takes it. */
static bool swap_head(atomic_long_t *stack, unsigned long head,
		      unsigned long first)
{
	unsigned long next = ((head & ~RUN_MASK) + CHANGED) | first;

	return (unsigned long)atomic_long_cmpxchg(stack, (long)head,
						  (long)next) == head;
}

uint32_t ghost_run_alloc(struct ghost_runs *runs, unsigned words)
{
	atomic_long_t *stack = &runs->free[words];
	unsigned long head, next;
	uint32_t run;

	for (;;) {
		/* Acquire: what is read of the run was written before it. */
		head = (unsigned long)smp_load_acquire(&stack->counter);
		if (!(head & RUN_MASK))
			return take_new(runs, words);
		run = (uint32_t)(head & RUN_MASK) - 1;
		next = READ_ONCE(runs->base[run]) & RUN_MASK;
		if (swap_head(stack, head, next))
			return run;
	}
}

void ghost_run_free(struct ghost_runs *runs, uint32_t run, unsigned words)
{
	atomic_long_t *stack = &runs->free[words];
	unsigned long head;

	do {
		head = (unsigned long)atomic_long_read(stack);
		WRITE_ONCE(runs->base[run], head & RUN_MASK);
	} while (!swap_head(stack, head, run + 1ul));
}
