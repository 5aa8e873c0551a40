/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic replacement of files: output is written to a temporary file in the
 * target's folder, which is renamed to the target at the end. Until then the
 * target is unchanged.
 */
#ifndef ZLAB_OUTPUT_H
#define ZLAB_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"

struct output;

/**
 * output_open() - begin to write a file
 * @path: the file; a symbolic link is followed. A device or a pipe is written
 *	  directly
 * @fd: receives the descriptor to write to, O_CLOEXEC; the caller closes it
 * @err: receives the error line
 *
 * The new file gets the owner and the mode of the old one; without an old one
 * mode 0666 & ~umask. It is an error if this user may not write the old file,
 * or if its owner cannot be kept. When a signal ends the program, the temporary
 * file is removed, see lib/stop.h.
 *
 * Return: the output, ended by output_commit() or output_discard(), or NULL
 * with errno set.
 */
struct output *output_open(const char *path, int *fd, struct err *err);

/**
 * output_commit() - give the file its name, and free the output
 *
 * All data must have been written; the descriptor may still be open. On an
 * error the target is unchanged. Return: 0 or a negative errno.
 */
int output_commit(struct output *o, struct err *err);

/** output_discard() - remove what was written, and free; NULL is ignored */
void output_discard(struct output *o);

/** output_stream() - output_open() of a stream, ended by output_end() */
struct output *output_stream(const char *path, FILE **f, struct err *err);

/**
 * output_end() - close the stream and commit; discard when a write has failed
 *
 * Return: 0 or a negative errno.
 */
int output_end(struct output *o, FILE *f, struct err *err);

/**
 * output_same() - whether two paths name one file
 * @a: a path; the file need not exist. "-" is standard output
 * @b: the other one
 *
 * Links are followed. A device may be named twice.
 */
bool output_same(const char *a, const char *b);

#endif
