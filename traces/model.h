/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model of a trace: numbers from which a longer and larger trace of the same
 * kind is made, as the stream "model:M.json,scale=64,days=7".
 */
#ifndef ZLAB_TRACES_MODEL_H
#define ZLAB_TRACES_MODEL_H

#include "traces/source.h"

struct model;

/**
 * model_fit() - make the model of a trace
 * @path: of the trace, or the spec of a stream
 * @codec: whose sizes a trace of contents has; NULL for the first. A page that
 *	   is same-filled or does not compress has no object, and is left out.
 * @err: receives the error line
 *
 * The pool is seen as in zswap since 6.9: a load releases the object. The trace
 * is read once; memory grows with its keys only.
 *
 * Return: a model for model_free(), or NULL with errno set.
 */
struct model *model_fit(const char *path, const char *codec, struct err *err);
void model_free(struct model *m);

/**
 * model_write() - write a model as JSON
 * @path: of a file, replaced as a whole; see lib/output.h
 */
int model_write(const struct model *m, const char *path, struct err *err);

/**
 * model_read() - read a model
 *
 * Return: a model for model_free(), or NULL with errno set: EINVAL for what is no
 * model, or one of another version.
 */
struct model *model_read(const char *path, struct err *err);

/** model_events() - events of the recording, as the model sees them */
double model_events(const struct model *m);

/* The stream "model:FILE[,scale=S,days=D,seed=N]". */
extern const struct source_kind model_source;

#endif
