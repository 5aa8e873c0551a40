/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the swap path and the replayer say of themselves, for whoever charges
 * their time instead of measuring it. Virtual CPUs do, see harness/virtual; on
 * real CPUs nobody listens, and each hook is nothing at all.
 */
#ifndef ZLAB_SWAP_HOOKS_H
#define ZLAB_SWAP_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/measure/stage.h"

/**
 * enum hook_part - the parts of a store by the front end that are told apart
 * @HOOK_STORE: all of it
 * @HOOK_MALLOC: the allocator's malloc
 * @HOOK_WRITE: mapping the object and writing it
 */
enum hook_part {
	HOOK_STORE,
	HOOK_MALLOC,
	HOOK_WRITE,
	HOOK_PARTS
};

#ifdef SYNC_VIRTUAL
/**
 * hook_operation() - the next operation begins
 * @store: it is a store
 */
void hook_operation(bool store);

/**
 * hook_codec() - a page is compressed to, or expanded from, @len bytes
 * @clock: of the operation when it is timed; receives the time as STAGE_CODEC
 *	   whatever stage it is in. NULL where it is in that stage already
 * @expand: expanded
 */
void hook_codec(struct stage_clock *clock, bool expand, size_t len);

/** hook_begin(), hook_end() - the calling CPU enters, leaves a part */
void hook_begin(enum hook_part part);
void hook_end(enum hook_part part);

/** hook_mark() - all CPUs meet at a mark of the trace */
void hook_mark(void);

/** hook_time_ns() - the time if it is not the clock's, else 0 */
uint64_t hook_time_ns(void);

/** hook_preemptible() - whether a scheduler may take the CPU away */
bool hook_preemptible(void);
#else
#define hook_operation(store) ((void)0)
#define hook_codec(clock, expand, len) ((void)0)
#define hook_begin(part) ((void)0)
#define hook_end(part) ((void)0)
#define hook_mark() ((void)0)
#define hook_time_ns() 0
#define hook_preemptible() true
#endif

#endif
