/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that program.c (can this program be recorded?) and collect.c
 * (the collector) offer to record.c.
 */
#ifndef ZLAB_TRACES_RECORD_INTERNAL_H
#define ZLAB_TRACES_RECORD_INTERNAL_H

#include <sys/types.h>

#include "traces/record.h"

/**
 * record_find_program() - find the file of a command
 * @name: the command as typed; looked up in PATH if it has no "/"
 * @path: receives the path
 * @len: bytes in @path
 *
 * Return: 0, -ENOENT, -EACCES or -ENAMETOOLONG.
 */
int record_find_program(const char *name, char *path, size_t len,
			struct err *err);

/**
 * record_check_program() - check that a program can be recorded
 *
 * Return: 0, -ENOEXEC for a static, 32-bit or foreign program, or -EPERM for
 * one that runs with other rights than the caller's.
 */
int record_check_program(const char *path, struct err *err);

/**
 * record_check_kernel() - check that the kernel and our rights allow recording
 *
 * Return: 0, or -EPERM or -ENOSYS with a line that says what to change.
 */
int record_check_kernel(struct err *err);

/**
 * record_waited() - estimate how long a program waited for its pages, in ns
 * @wall: time it took, ns
 * @cpu: CPU time it took, with the handlers', ns
 * @faults: number of faults that were served
 * @own: receives the CPU time that it would have taken without them, ns; 0 only
 *	 if @cpu is less than 50 ns
 *
 * Time without CPU is counted as waiting as far as the faults can explain it.
 */
uint64_t record_waited(uint64_t wall, uint64_t cpu, uint64_t faults,
		       uint64_t *own);

struct collector;

/**
 * collector_start() - make shared memory and socket, start the writer thread
 * @opts: limit and policy
 * @w: trace that receives the events, or NULL; the caller keeps it, but must
 *     not use it until collector_stop() has returned
 *
 * Return: a collector, or NULL with errno set.
 */
struct collector *collector_start(const struct record_options *opts,
				  struct zlt_writer *w, struct err *err);

/**
 * collector_name() - name of the abstract socket, for REC_ENV
 */
const char *collector_name(const struct collector *c);

/**
 * collector_fd() - a file that becomes readable when collector_serve() has work
 */
int collector_fd(const struct collector *c);

/**
 * collector_serve() - attach new processes, detach ended ones, forward requests
 *
 * Never waits. The caller calls it when collector_fd() is readable, and at least
 * ten times a second.
 */
void collector_serve(struct collector *c);

/**
 * collector_attached() - number of processes that are recorded now
 */
unsigned int collector_attached(const struct collector *c);

/**
 * collector_failed() - whether the trace cannot be written any more
 */
bool collector_failed(const struct collector *c);

/**
 * collector_counts() - get the counters so far
 */
void collector_counts(struct collector *c, struct record_counts *counts);

/**
 * collector_waited() - how long the process that waits most has waited for pages
 *			that were hidden or out, since the last call; ns
 * @wall: time since the last call, ns
 */
uint64_t collector_waited(struct collector *c, uint64_t wall);

/**
 * collector_stop() - end recording, write the remaining events, free everything
 * @counts: receives the final counters
 * @events: receives the number of events written
 *
 * Processes that still run keep their pages and continue without a limit.
 * Return: 0, or the first error of writing the trace, with its line.
 */
int collector_stop(struct collector *c, struct record_counts *counts,
		   uint64_t *events, struct err *err);

#endif
