/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace on a zram device of the running kernel, and beside it zlab's own
 * replay of the same trace with the kernel's allocator and compressor.
 */
#ifndef ZLAB_LIVE_BESIDE_H
#define ZLAB_LIVE_BESIDE_H

#include <jansson.h>

#include "harness/live/zram.h"
#include "harness/replay/replay.h"

/**
 * struct beside_config - what to compare; the caller owns all pointers
 * @trace: path of a trace with pages
 * @device: path of the device
 * @algorithm: the device's compressor
 * @backend: spec of zlab's allocator, or NULL for the running kernel's
 * @codec: zlab's codec, or NULL for the one that @algorithm names, if any
 * @threads: 1..REPLAY_MAX_THREADS
 * @assign: how operations are assigned to threads
 * @swap: swap pages to the device instead of writing them
 * @progress: show bars
 */
struct beside_config {
	const char *trace, *device, *algorithm, *backend, *codec;
	unsigned threads;
	enum replay_assign assign;
	bool swap, progress;
};

/**
 * enum beside_row - what is counted on both sides
 *
 * BESIDE_SLOTS are the pages that the kernel's swap has on the device; there are
 * none without swap.
 */
enum beside_row {
	BESIDE_STORED,
	BESIDE_SAME,
	BESIDE_HUGE,
	BESIDE_HUGE_SINCE,
	BESIDE_BYTES,
	BESIDE_PAGES,
	BESIDE_PAGES_MAX,
	BESIDE_COMPACTED,
	BESIDE_SLOTS,
	BESIDE_ROWS
};

/**
 * enum beside_side - columns of the comparison
 * @BESIDE_KERNEL: the device
 * @BESIDE_SIZES: zlab, with the sizes that the device's compressor gave
 * @BESIDE_CODEC: zlab, with its own library of that compressor, or the codec of
 *		  a shared object
 * @BESIDE_BLANK: the device once more, with pages of one repeated word: only
 *		  its times are of use
 */
enum beside_side {
	BESIDE_KERNEL,
	BESIDE_SIZES,
	BESIDE_CODEC,
	BESIDE_BLANK,
	BESIDE_SIDES
};

/**
 * struct beside_time - one kind of operation on one side, by enum zlt_op
 * @samples: timed operations
 * @ns: their mean time
 * @p50: the median
 * @codec_ns: part of @ns in the compressor, where it is known
 * @alloc_ns: part of @ns in the allocator, where it is known
 */
struct beside_time {
	uint64_t samples, p50;
	double ns, codec_ns, alloc_ns;
};

/**
 * struct beside_result - the comparison; freed by beside_free()
 * @trace: name of the trace
 * @note: what was left out of the trace and why, or ""
 * @name: of the device
 * @release: of the kernel
 * @algorithm: the device's compressor
 * @backend: full spec of zlab's allocator
 * @codec: zlab's codec; NULL when it has none like the device's, and then there
 *	   is no BESIDE_CODEC and no time of it
 * @library: @codec is a library's and not that of a shared object
 * @events: events of the trace
 * @threads: threads on all sides
 * @oversubscribed: more threads than CPUs
 * @huge_limit: objects of this many bytes and more are kept as pages
 * @value: by side and row
 * @has: whether the device counts the row
 * @swap: pages were swapped to the device
 * @rules: how the kernel does that, with @swap
 * @zeroes: pages of zeroes that are swapped out at the end, with @swap
 * @checkpoints: points where the device and BESIDE_SIZES were both looked at:
 *		 marks, and with one thread every hundredth of the events
 * @apart: those where pages, objects or bytes differ
 * @apart_max: the most pages they differ by
 * @apart_first: event of the first of them
 * @contents: distinct pages of the trace that are not same-filled
 * @differ: those whose size zlab's codec says differently
 * @differ_bytes: zlab's sizes less the device's, over @differ
 * @verified: pages that the device gave back and that were compared
 * @compactions: compactions that the trace asks for
 * @time: by side and kind of operation
 */
struct beside_result {
	char *trace, *note, *backend, *codec;
	char name[64], release[65], algorithm[64];
	uint64_t events;
	unsigned threads, huge_limit;
	bool library, oversubscribed;
	uint64_t value[BESIDE_SIDES][BESIDE_ROWS];
	bool has[BESIDE_ROWS];
	bool swap;
	struct zram_rules rules;
	uint64_t zeroes;
	uint64_t checkpoints, apart, apart_max, apart_first;
	uint64_t contents, differ;
	int64_t differ_bytes;
	uint64_t verified, compactions;
	struct beside_time time[BESIDE_SIDES][3];
};

/**
 * beside_run() - compare
 *
 * Borrows the device and gives it back, see harness/live/zram.h. Signals must
 * be held, see stop_hold().
 *
 * Return: 0, also when the sides differ; -EINTR after a signal; or any error of
 * the trace, the device, the backend or the codec, with @err set.
 */
int beside_run(const struct beside_config *config, struct beside_result *r,
	       struct err *err);

/** beside_free() - release what beside_run() filled in */
void beside_free(struct beside_result *r);

/** beside_shown() - whether a side has a number for a row */
bool beside_shown(const struct beside_result *r, enum beside_side side,
		  enum beside_row row);

/** beside_word() - name of a row in text */
const char *beside_word(enum beside_row row);

/**
 * beside_reason() - why a row differs between the device and a side of zlab
 * @side: BESIDE_SIZES or BESIDE_CODEC
 * @sound: receives whether the row agrees or the reason is known
 *
 * Return: the reason, or NULL when the row does not differ.
 */
const char *beside_reason(const struct beside_result *r, enum beside_side side,
			  enum beside_row row, bool *sound);

/**
 * beside_next() - the next row that differs
 * @side: as in beside_reason()
 * @row: the row to begin with; receives the one that was found
 *
 * Return: the reason, or NULL when no more rows differ.
 */
const char *beside_next(const struct beside_result *r, enum beside_side side,
			int *row);

/** beside_sound() - whether every difference has a known reason */
bool beside_sound(const struct beside_result *r);

/** beside_json() - the comparison as one object, or NULL without memory */
json_t *beside_json(const struct beside_result *r);

#endif
