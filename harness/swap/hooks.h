/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hooks by which the swap path and the replayer report what they do. Virtual
 * CPUs use them to charge modelled time instead of measuring it, see
 * harness/virtual. On real CPUs the hooks are empty.
 */
#ifndef ZLAB_SWAP_HOOKS_H
#define ZLAB_SWAP_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/sync.h"
#include "harness/measure/stage.h"

/**
 * enum hook_part - parts of a front-end store that are reported separately
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
 * @clock: clock of the operation, if timed; the time is added to STAGE_CODEC,
 *	   whatever the current stage is. NULL when that is STAGE_CODEC already
 * @expand: the page is expanded, not compressed
 */
void hook_codec(struct stage_clock *clock, bool expand, size_t len);

/** hook_begin(), hook_end() - the calling CPU enters, leaves a part */
void hook_begin(enum hook_part part);
void hook_end(enum hook_part part);

/** hook_mark() - all CPUs meet at a mark of the trace */
void hook_mark(void);

/** hook_time_ns() - virtual time, or 0 where time comes from the clock */
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
