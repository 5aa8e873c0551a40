/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames of two sides that compare up to renaming: two objects share a frame on
 * one side exactly when they share a frame on the other. Each frame that holds
 * objects is paired with a frame of the other side, its twin.
 */
#ifndef ZLAB_FRAMES_H
#define ZLAB_FRAMES_H

#include <stdbool.h>

#include "backends/page.h"

/**
 * struct frame - a frame of one side
 * @twin: the paired frame of the other side, kept after the last object left;
 *	  PFN_NONE if this frame never held an object
 * @objects: objects that are in this frame and its twin, see frames_join()
 */
struct frame {
	pfn_t twin;
	uint32_t objects;
};

/** struct frames - all frames of both sides; initialised by zeroing */
struct frames {
	struct frame *side[2];
	size_t nr[2];
};

/* Neither frame is paired with another frame. */
#define FRAMES_FIT (-1)

/**
 * frames_reach() - make room for a frame of each side
 *
 * Return: false when out of memory. The functions below may only be called for
 * frames for which this returned true.
 */
bool frames_reach(struct frames *f, pfn_t zero, pfn_t one);

/**
 * frames_fit() - may an object be in @zero of side 0 and in @one of side 1?
 *
 * Return: FRAMES_FIT, or the side whose frame is paired with another frame.
 */
int frames_fit(const struct frames *f, pfn_t zero, pfn_t one);

/** frames_join() - add an object to both frames; pairs them if empty */
void frames_join(struct frames *f, pfn_t zero, pfn_t one);

/** frames_leave() - remove an object that was joined from both frames */
void frames_leave(struct frames *f, pfn_t zero, pfn_t one);

/** frames_clear() - remove all objects and pairs, keeping the memory */
void frames_clear(struct frames *f);

/** frames_free() - release the memory; @f can be used again afterwards */
void frames_free(struct frames *f);

#endif
