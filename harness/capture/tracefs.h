/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tracing, as files: an instance and events of our own, which the
 * tracing of others does not see.
 *
 * Their names hold the process and the time of its start. A second process
 * removes them when the first has gone, even after SIGKILL; what is left when
 * both were killed is removed by the next tracefs_open() or by tracefs_clean().
 */
#ifndef ZLAB_CAPTURE_TRACEFS_H
#define ZLAB_CAPTURE_TRACEFS_H

#include "harness/capture/plan.h"

struct tracefs;

/**
 * tracefs_find() - where tracefs is mounted
 * @given: what the user says, or NULL
 * @dir: receives the path
 * @err: receives the error line: no tracefs, no right to use it, lockdown
 */
int tracefs_find(const char *given, char *dir, size_t len, struct err *err);

/**
 * tracefs_way() - how this kernel can tell of calls
 * @way: receives the first of kprobes, fprobes, function tracer that it has;
 *	 with @wanted only that one is looked for
 *
 * Return: 0 or -ENOTSUP.
 */
int tracefs_way(const char *dir, const enum plan_way *wanted,
		enum plan_way *way, struct err *err);

/**
 * tracefs_open() - make an instance and the events of a plan, switched off
 * @dir: of tracefs
 * @plan: must stay until tracefs_close()
 * @buffer: bytes for the events that were not read yet, of all CPUs together
 *
 * What earlier processes left is removed. Return: for tracefs_close(), or NULL
 * with errno set.
 */
struct tracefs *tracefs_open(const char *dir, const struct plan *plan,
			     size_t buffer, struct err *err);

/** tracefs_pipe() - the descriptor to read lines from; never blocks */
int tracefs_pipe(const struct tracefs *t);

/** tracefs_switch() - let the kernel write events, or not */
int tracefs_switch(struct tracefs *t, bool on, struct err *err);

/**
 * tracefs_lost() - events that the kernel had no room for
 * @missed: receives how many returns it could not watch
 */
uint64_t tracefs_lost(const struct tracefs *t, uint64_t *missed);

/** tracefs_close() - remove events and instance; NULL is ignored */
int tracefs_close(struct tracefs *t, struct err *err);

/**
 * tracefs_clean() - remove what processes left that are gone
 *
 * Return: how many instances were removed, or a negative errno.
 */
int tracefs_clean(const char *dir, struct err *err);

#endif
