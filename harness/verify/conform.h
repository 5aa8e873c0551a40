/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conformance: does an allocator place every object where a real kernel did?
 *
 * A log has the requests to one allocator of a running kernel and the results,
 * one row per operation, in CSV with the columns
 * op,id,size,pages,before,page,at,note (others are ignored; ".csv", ".csv.gz"
 * and ".csv.zst" are read):
 *
 *	a  allocation: id, size, before, page, at
 *	f  free: id, before
 *	r  refused allocation: size, before, note = errno
 *	c  compaction: before, at = pages it freed
 *	m  checkpoint: pages, note = label; "LABEL.settled" is the same
 *	   checkpoint after deferred work had its time
 *	l  load: id, page, at = where the object is now
 *	w  deferred work about one page ran here: before, page
 *
 * "id" numbers the objects from 0; "before" is the pool's page count when the
 * operation began; "page" a frame under a number of the log's own, both at most
 * 16777215; "at" the object's index in its zspage or its
 * byte offset in the frame. Frames compare up to renaming: two objects share a
 * frame in the log exactly when they share one in the replay.
 */
#ifndef ZLAB_CONFORM_H
#define ZLAB_CONFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* Deferred work runs at the log's "w" rows. */
#define CONFORM_BY_LOG 0u

/**
 * enum conform_kind - what is compared
 * @CONFORM_PAGES: the page count before an operation
 * @CONFORM_MARKS: the page count at a checkpoint
 * @CONFORM_FRAMES: which objects share a frame
 * @CONFORM_SLOTS: index or byte offset of an object
 * @CONFORM_ERRNOS: whether a size is refused, and with which error
 * @CONFORM_COMPACTIONS: pages freed by a compaction
 * @CONFORM_WORKS: whether there was deferred work about a page
 * @CONFORM_BYTES: contents of an object, against what was stored
 * @CONFORM_KINDS: how many there are
 */
enum conform_kind {
	CONFORM_PAGES,
	CONFORM_MARKS,
	CONFORM_FRAMES,
	CONFORM_SLOTS,
	CONFORM_ERRNOS,
	CONFORM_COMPACTIONS,
	CONFORM_WORKS,
	CONFORM_BYTES,
	CONFORM_KINDS
};

extern const char *const conform_kind_name[CONFORM_KINDS];

/**
 * struct conform_config - what to replay
 * @log: path of the log
 * @backend: spec of the allocator
 * @settle_every: CONFORM_BY_LOG, and all comparisons are made; or the number
 *		  of operations after which all deferred work runs, and at each
 *		  checkpoint. Then "w" rows are skipped, and only results are
 *		  compared that do not depend on when deferred work runs: page
 *		  counts at settled checkpoints, refusals, contents
 * @tolerance: share of a checkpoint's pages (0.01 = 1 %) that counts as equal;
 *	       if it is not 0, so does one page
 */
struct conform_config {
	const char *log;
	const char *backend;
	unsigned settle_every;
	double tolerance;
};

/**
 * struct conform_result - what came out
 * @rows: rows replayed
 * @compared: comparisons of each kind
 * @differences: how many of them differed
 * @total: all differences
 * @mark_worst: largest deviation at a compared checkpoint, as a share
 * @pages_worst: largest deviation of a page count before an operation, pages
 * @first: the first difference, in words; empty when there is none
 * @spec: the backend's full spec
 */
struct conform_result {
	uint64_t rows;
	uint64_t compared[CONFORM_KINDS];
	uint64_t differences[CONFORM_KINDS];
	uint64_t total;
	double mark_worst;
	uint64_t pages_worst;
	char first[256];
	char spec[512];
};

/**
 * conform_run() - replay one log
 *
 * Return: 0 when the log was replayed to its end, with or without differences;
 * a negative errno with @err set for a log that cannot be read or a pool that
 * cannot be made.
 */
int conform_run(const struct conform_config *config,
		struct conform_result *result, struct err *err);

#endif
