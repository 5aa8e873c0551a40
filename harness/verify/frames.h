/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames of two sides that compare up to renaming: two objects share one on one
 * side exactly when they share one on the other. Each frame that holds objects
 * goes with one of the other side.
 */
#ifndef ZLAB_FRAMES_H
#define ZLAB_FRAMES_H

#include <stdbool.h>

#include "backends/page.h"

/**
 * struct frame - a frame of one side
 * @twin: the frame of the other side that it goes with, or went with while it
 *	  held objects; PFN_NONE if it never held one
 * @objects: objects that are in both, see frames_join()
 */
struct frame {
	pfn_t twin;
	uint32_t objects;
};

/** struct frames - all frames of both sides; all zero is a fresh one */
struct frames {
	struct frame *side[2];
	size_t nr[2];
};

/* Neither frame goes with another one. */
#define FRAMES_FIT (-1)

/**
 * frames_reach() - make room for a frame of each side
 *
 * Return: false when out of memory. The calls below are for frames that were
 * reached.
 */
bool frames_reach(struct frames *f, pfn_t zero, pfn_t one);

/**
 * frames_fit() - may an object be in @zero of side 0 and in @one of side 1?
 *
 * Return: FRAMES_FIT, or the side whose frame goes with another one.
 */
int frames_fit(const struct frames *f, pfn_t zero, pfn_t one);

/** frames_join() - an object is in both; a frame that was empty goes along */
void frames_join(struct frames *f, pfn_t zero, pfn_t one);

/** frames_leave() - an object that was joined left both */
void frames_leave(struct frames *f, pfn_t zero, pfn_t one);

/** frames_clear() - no objects are anywhere, and none ever were */
void frames_clear(struct frames *f);

/** frames_free() - release the memory, which makes it a fresh one */
void frames_free(struct frames *f);

#endif
