/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a replay on virtual CPUs share. */
#ifndef ZLAB_VIRTUAL_INTERNAL_H
#define ZLAB_VIRTUAL_INTERNAL_H

#include "harness/replay/internal.h"
#include "harness/virtual/virtual.h"

/* A replay begins: no marks, no bursts, random numbers of the config's seed. */
void hooks_start(unsigned cpus);

/* Between half and one and a half of the mean: no two CPUs stay in step. */
uint64_t hooks_jitter(unsigned cpu, uint64_t mean);

/* When the CPUs met last at a mark, ns; 0 without one. */
uint64_t hooks_last_mark(void);

/*
 * The worker's next event in [@from, @to) of its batch, or @to. Each event is
 * given out once; @from never goes back within a batch.
 */
size_t trace_mine(struct replay_worker *w, size_t from, size_t to);

/* What trace_mine() gives out next; beyond the batch when there is none. */
size_t trace_ahead(const struct replay_worker *w);

/* The CPU that carries out orders sleeps until there is one; wake it. */
void share_await_orders(void);
void share_wake(struct replay *r);

#endif
