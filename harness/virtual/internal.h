/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal interface of the files of a replay on virtual CPUs. */
#ifndef ZLAB_VIRTUAL_INTERNAL_H
#define ZLAB_VIRTUAL_INTERNAL_H

#include "harness/replay/internal.h"
#include "harness/virtual/virtual.h"

/* Reset for a new replay: marks, bursts, random numbers (config's seed). */
void hooks_start(unsigned cpus);

/* Return: 0.5 to 1.5 times @mean, at random, so that CPUs are not in step. */
uint64_t hooks_jitter(unsigned cpu, uint64_t mean);

/* Return: when all CPUs reached the last mark, ns; 0 without a mark. */
uint64_t hooks_last_mark(void);

/*
 * Return: the worker's next event in [@from, @to) of its batch, or @to. Each
 * event is returned once; @from never decreases within a batch.
 */
size_t trace_mine(struct replay_worker *w, size_t from, size_t to);

/* The event trace_mine() returns next; past the end of the batch if none. */
size_t trace_ahead(const struct replay_worker *w);

/* The CPU for compaction orders sleeps until there is an order; wake it. */
void share_await_orders(void);
void share_wake(struct replay *r);

#endif
