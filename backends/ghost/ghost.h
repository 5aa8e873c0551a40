/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames without memory, which zlab-ghost has instead of real ones. What an
 * allocator keeps in a frame lies in arrays beside the frames' descriptors: the
 * head of each frame, and where objects can be evicted the first word of each.
 */
#ifndef ZLAB_GHOST_H
#define ZLAB_GHOST_H

#include "backends/page.h"

/* A frame is cut into so many chunks, in each of which one object may start. */
#define GHOST_CHUNKS 64
/* Slots of a zspage are never more: its frames over 32 bytes. */
#define GHOST_MAX_RUN 2048
#define GHOST_NO_RUN (~0u)

/**
 * ghost_create() - make a new arena's frames ghosts
 *
 * Reserves the arrays; takes the memory of the frames away, so that an access to
 * it ends the program. Return: 0, or -ENOMEM with @err set.
 */
int ghost_create(struct arena *a, const struct arena_config *config,
		 struct err *err);

/** ghost_destroy() - free the arrays, if there are any */
void ghost_destroy(struct arena *a);

/**
 * struct ghost_runs - runs of words, for what lies in frames without a head
 * @base: all runs
 * @capacity: words of all runs
 * @used: words that were ever given out
 * @free: per length, the first free run and a count of changes, see runs.c
 *
 * A run is named by the number of its first word in @base. Its words are kept
 * by length when they are freed and used again for that length only.
 */
struct ghost_runs {
	unsigned long *base;
	size_t capacity;
	atomic_long_t used;
	atomic_long_t free[GHOST_MAX_RUN + 1];
};

/**
 * ghost_runs_create() - reserve room for @capacity words
 *
 * Return: the runs, or NULL with @err set.
 */
struct ghost_runs *ghost_runs_create(size_t capacity, struct err *err);

/** ghost_runs_destroy() - free them; NULL is ignored */
void ghost_runs_destroy(struct ghost_runs *runs);

/**
 * ghost_run_alloc() - take a run of @words, 1 to GHOST_MAX_RUN
 *
 * Takes no lock, so that what is counted of locks does not change. Return: its
 * number, or GHOST_NO_RUN when there is no room.
 */
uint32_t ghost_run_alloc(struct ghost_runs *runs, unsigned words);

/** ghost_run_free() - free a run of @words */
void ghost_run_free(struct ghost_runs *runs, uint32_t run, unsigned words);

#endif
