/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the recorder's outer half: which programs can be recorded, and
 * the collector of what they did.
 */
#ifndef ZLAB_TRACES_RECORD_INTERNAL_H
#define ZLAB_TRACES_RECORD_INTERNAL_H

#include <sys/types.h>

#include "traces/record.h"

/**
 * record_find_program() - the file a command name stands for
 * @name: as typed; looked up in PATH if it has no "/"
 * @path: receives the path
 * @len: bytes in @path
 *
 * Return: 0, -ENOENT, -EACCES or -ENAMETOOLONG.
 */
int record_find_program(const char *name, char *path, size_t len,
			struct err *err);

/**
 * record_check_program() - can it be recorded?
 *
 * Return: 0, or -ENOEXEC with a line for a static, 32-bit or foreign program,
 * -EPERM for one that runs with other rights than the caller's.
 */
int record_check_program(const char *path, struct err *err);

/**
 * record_check_kernel() - does this kernel, and do our rights, allow it?
 *
 * Return: 0, -EPERM or -ENOSYS with a line that says what to change.
 */
int record_check_kernel(struct err *err);

struct collector;

/**
 * collector_start() - shared memory, socket and the thread that writes
 * @opts: limit and policy
 * @w: where events go, or NULL; the caller's, to be left alone until
 *     collector_stop() returned
 *
 * Return: a collector, or NULL with errno set.
 */
struct collector *collector_start(const struct record_options *opts,
				  struct zlt_writer *w, struct err *err);

/**
 * collector_name() - the abstract socket's name, for the environment
 */
const char *collector_name(const struct collector *c);

/**
 * collector_fd() - becomes readable when collector_serve() has work
 */
int collector_fd(const struct collector *c);

/**
 * collector_serve() - let processes come and go, pass on requests
 *
 * Never waits. Call it when collector_fd() is readable, and about ten times a
 * second besides.
 */
void collector_serve(struct collector *c);

/**
 * collector_attached() - processes that are recorded now
 */
unsigned int collector_attached(const struct collector *c);

/**
 * collector_counts() - what happened so far
 */
void collector_counts(struct collector *c, struct record_counts *counts);

/**
 * collector_stop() - end recording, write what is left, free everything
 *
 * Processes that still run keep their pages and go on without a limit.
 * Return: 0, or the first error of the trace with its line.
 */
int collector_stop(struct collector *c, struct record_counts *counts,
		   uint64_t *events, struct err *err);

#endif
