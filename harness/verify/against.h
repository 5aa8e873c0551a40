/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What page logs cannot see: two allocators replay the same trace, and their
 * acquisitions of locks, by class, and their metadata are compared. One of them
 * is usually the kernel's own code.
 */
#ifndef ZLAB_AGAINST_H
#define ZLAB_AGAINST_H

#include "harness/replay/replay.h"

#define AGAINST_SIDES 2
#define AGAINST_ROWS (AGAINST_SIDES * REPLAY_MAX_LOCKS + 6)
#define AGAINST_RENAMES 16

/**
 * struct against_config - one comparison; the caller owns all pointers
 * @trace: a .zlt
 * @backend: specs of both sides
 * @codec: as in struct replay_config
 * @compact_every: compact after this many events; 0 = only at the end
 */
struct against_config {
	const char *trace;
	const char *backend[AGAINST_SIDES];
	const char *codec;
	uint64_t compact_every;
};

/**
 * struct against_row - one quantity
 * @name: lock class, or what else is counted; static
 * @is_lock: @value are acquisitions of a lock class
 * @value: of both sides
 */
struct against_row {
	const char *name;
	bool is_lock;
	uint64_t value[AGAINST_SIDES];
};

/**
 * struct against_rename - two names of one lock, in two kernels
 * @theirs: the name that some kernel has in its source
 * @ours: the name it is counted under here
 * @why: reason, in words
 */
struct against_rename {
	const char *theirs, *ours, *why;
};

/**
 * struct against_result - what was found
 * @backend: full specs
 * @codec: codec that was used
 * @events: events replayed by each side
 * @rows: lock classes by name, then the other quantities
 * @nr_rows: number of @rows
 * @renamed: renames that were used; static
 * @nr_renamed: number of @renamed
 * @differences: rows with two values
 */
struct against_result {
	char backend[AGAINST_SIDES][256];
	char codec[64];
	uint64_t events;
	struct against_row rows[AGAINST_ROWS];
	size_t nr_rows;
	const struct against_rename *renamed[AGAINST_RENAMES];
	size_t nr_renamed;
	size_t differences;
};

/**
 * against_run() - replay the trace with both sides, one after the other
 * @config: what to do
 * @r: receives the result
 * @err: receives the error line
 *
 * One thread, CPU 0; deferred work runs after each operation, so every count
 * repeats to the digit.
 *
 * Return: 0, or the error of the replay that failed.
 */
int against_run(const struct against_config *config, struct against_result *r,
		struct err *err);

#endif
