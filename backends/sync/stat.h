/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counts behind lock_stats_read(), shared by the flavours of sync.h.
 */
#ifndef ZLAB_SYNC_STAT_H
#define ZLAB_SYNC_STAT_H

#include "backends/sync.h"
#include "lib/hist.h"

/**
 * sync_stat_attach() - make room for the counts of @cpu, once
 *
 * CPU 0 always has room. One thread writes the counts of each CPU. Return: 0 or
 * -ENOMEM.
 */
int sync_stat_attach(unsigned cpu);

/** sync_class_of() - number of the class @name, which is added if it is new */
unsigned sync_class_of(const char *name);

/** sync_class_name() - name of class @class, NULL after the last class */
const char *sync_class_name(unsigned class);

/** sync_stat_wait() - @cpu waited @ns for a lock of class @class */
void sync_stat_wait(unsigned cpu, unsigned class, uint64_t ns);

/** sync_stat_hold() - @cpu held a lock of class @class for @ns */
void sync_stat_hold(unsigned cpu, unsigned class, uint64_t ns);

/** sync_stat_bounce() - another CPU than @cpu had taken the lock before @cpu */
void sync_stat_bounce(unsigned cpu, unsigned class, bool contended);

/** sync_stat_section() - an atomic section of @cpu lasted @ns */
void sync_stat_section(unsigned cpu, uint64_t ns);

/*
 * Provided by the flavour: the sum of its acquisition counts over all CPUs, and
 * a function that resets these counts to 0.
 */
uint64_t sync_flavour_acquisitions(unsigned class);
void sync_flavour_reset(void);

#endif
