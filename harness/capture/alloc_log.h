/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of one pool's allocator, as "zlab conform" reads it: what was asked,
 * how many pages the pool had, and where every object was put.
 */
#ifndef ZLAB_CAPTURE_ALLOC_LOG_H
#define ZLAB_CAPTURE_ALLOC_LOG_H

#include "harness/capture/pair.h"

struct alloc_log;

/**
 * alloc_log_open() - begin a log
 * @path: the file, packed as its name says
 * @frame_shift: lowest bit of the frame in a place of zsmalloc
 */
struct alloc_log *alloc_log_open(const char *path, unsigned frame_shift,
				 struct err *err);

/** alloc_log_sink() - have a log receive what pair.h tells of objects */
void alloc_log_sink(struct alloc_log *log, struct pair_sink *sink);

/**
 * struct alloc_log_counts - what a log has
 * @rows: its rows
 * @other: calls of other pools, which are not in it
 * @whole: the pool was empty when the log began, so that it can be replayed
 */
struct alloc_log_counts {
	uint64_t rows, other;
	bool whole;
};

/** alloc_log_close() - end a log, and free it. Return: 0 or a negative errno */
int alloc_log_close(struct alloc_log *log, struct alloc_log_counts *counts,
		    struct err *err);

#endif
