/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One source for several threads: each batch is read once, by the thread that
 * first finds it missing, and kept until the last thread has finished it.
 */
#ifndef ZLAB_REPLAY_FEED_H
#define ZLAB_REPLAY_FEED_H

#include <pthread.h>
#include <stdbool.h>

#include "traces/source.h"

/* Batches that are kept; so far can the fastest thread be ahead. */
#define FEED_SLOTS 8

/**
 * struct feed_slot - a batch
 * @b: its arrays belong to the slot
 * @room: events that the arrays have room for
 * @text: the labels of its marks, one after the other
 * @labels: where they start in @text
 * @left: threads that have not finished it
 */
struct feed_slot {
	struct zlt_batch b;
	size_t room;
	char *text;
	const char **labels;
	unsigned left;
};

/**
 * struct feed - the batches of a source that several threads read
 * @source: only the thread that has set @busy uses it
 * @threads: that read all of it
 * @ready: batches that were read
 * @busy: a thread reads the next batch
 * @end: 0 while there may be more; then 1, or a negative errno
 * @err: of @end
 * @lock: protects all but the slots' arrays, which change only while no thread
 *	  has their batch
 * @changed: signalled when @ready, @busy, @end or a slot's @left changes
 */
struct feed {
	struct source *source;
	unsigned threads;
	uint64_t ready;
	bool busy;
	int end;
	struct err err;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct feed_slot slot[FEED_SLOTS];
};

void feed_begin(struct feed *f, struct source *source, unsigned threads);
void feed_end(struct feed *f);

/**
 * feed_next() - get a thread's next batch, and give back the one before
 * @nth: how many it has had before
 * @batch: receives it; valid until the thread's next call
 * @stopping: asked now and then while the thread waits
 * @arg: passed to @stopping
 *
 * Return: 1; 0 at the end; -ECANCELED if @stopping says so; or as
 * source_next().
 */
int feed_next(struct feed *f, uint64_t nth, struct zlt_batch *batch,
	      bool (*stopping)(void *arg), void *arg, struct err *err);

#endif
