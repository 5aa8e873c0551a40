/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source of events: a .zlt file, or a stream, which makes its events while
 * they are read and has no file. A stream is named by a spec, as
 * "churn:keys=1000000,rounds=2", wherever the path of a trace can stand. Its
 * events are those of the file that "zlab generate" writes from the spec.
 */
#ifndef ZLAB_TRACES_SOURCE_H
#define ZLAB_TRACES_SOURCE_H

#include "traces/zlt.h"

struct source;

/**
 * struct source_ops - one kind of source
 * @info: as source_info()
 * @next: as source_next()
 * @rewind: as source_rewind()
 * @close: free everything
 * @file: the reader of a file, or NULL for a stream
 * @live_bytes: as source_live_bytes(), or NULL
 */
struct source_ops {
	const struct zlt_info *(*info)(const struct source *s);
	int (*next)(struct source *s, struct zlt_batch *batch, struct err *err);
	int (*rewind)(struct source *s, struct err *err);
	void (*close)(struct source *s);
	struct zlt_reader *(*file)(struct source *s);
	uint64_t (*live_bytes)(const struct source *s);
};

/* The first member of every kind's own structure. */
struct source {
	const struct source_ops *ops;
};

/**
 * struct source_kind - a kind of stream
 * @is: whether the text before the first ":" of a name names this kind
 * @open: as source_open()
 * @identify: what makes two streams the same: a text that the caller frees, or
 *	      NULL with an error line
 */
struct source_kind {
	bool (*is)(const char *name);
	struct source *(*open)(const char *name, unsigned int want,
			       struct err *err);
	char *(*identify)(const char *name, struct err *err);
};

/**
 * source_open() - open a trace for reading, from its first event
 * @name: path of a .zlt file, or the spec of a stream. What names a kind of
 *	  stream is one, unless there is a file of this very name.
 * @want: as for zlt_open()
 * @err: receives the error line
 *
 * A stream is gone through once, to count its events. Its memory does not
 * depend on their number, but on that of its keys.
 *
 * Return: a source for use by one thread at a time, or NULL with errno set.
 */
struct source *source_open(const char *name, unsigned int want,
			   struct err *err);

/**
 * source_close() - free a source and all its arrays; NULL is ignored
 */
static inline void source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
}

/**
 * source_info() - properties of the trace
 *
 * Those of a stream are those of the file, apart from @path, which is the spec
 * as it was given, and the bytes, which are 0.
 */
static inline const struct zlt_info *source_info(const struct source *s)
{
	return s->ops->info(s);
}

/**
 * source_next() - get the next events
 * @batch: receives them; its arrays are valid until the next call
 *
 * Return: as zlt_next().
 */
static inline int source_next(struct source *s, struct zlt_batch *batch,
			      struct err *err)
{
	return s->ops->next(s, batch, err);
}

/**
 * source_rewind() - make the first event the next one
 *
 * Return: 0, or as zlt_next().
 */
static inline int source_rewind(struct source *s, struct err *err)
{
	return s->ops->rewind(s, err);
}

/**
 * source_file() - the reader of a file, for what only files have
 *
 * Contents, and tables of sizes. Return: the reader, which the source owns, or
 * NULL for a stream.
 */
static inline struct zlt_reader *source_file(struct source *s)
{
	return s->ops->file ? s->ops->file(s) : NULL;
}

/**
 * source_live_bytes() - sizes of the objects stored at one time, about
 *
 * Return: the greatest sum if loads keep the copy, in bytes; 0 if not known, as
 * for files.
 */
static inline uint64_t source_live_bytes(const struct source *s)
{
	return s->ops->live_bytes ? s->ops->live_bytes(s) : 0;
}

/**
 * source_is_stream() - whether a name stands for a stream
 */
bool source_is_stream(const char *name);

/**
 * source_identity() - what makes two streams the same
 * @name: of a stream
 *
 * Return: a text, the same for two names exactly if their events are the same
 * and are called the same; the caller frees it. NULL with an error line.
 */
char *source_identity(const char *name, struct err *err);

/* The streams of traces/generate. */
extern const struct source_kind generated_source;

#endif
