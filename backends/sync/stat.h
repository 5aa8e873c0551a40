/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counts behind lock_stats_read(), shared by the flavours of sync.h.
 */
#ifndef ZLAB_SYNC_STAT_H
#define ZLAB_SYNC_STAT_H

#include "backends/sync.h"

/* What one CPU counted of one class; written by that CPU alone. */
struct sync_class_stat {
	uint64_t contentions, con_bounces, acq_bounces;
	uint64_t wait_total, wait_max, wait_min;
	uint64_t hold_samples, hold_total, hold_max, hold_min;
	struct sync_hist wait, hold;
};

/* The atomic sections of one CPU. */
struct sync_section_stat {
	uint64_t samples, total, max;
	struct sync_hist hist;
};

/** sync_stat_cpu_seen() - readers of the counts look at CPUs up to @cpu */
void sync_stat_cpu_seen(unsigned cpu);

/** sync_class_of() - number of the class @name, a new one if need be */
unsigned sync_class_of(const char *name);

/** sync_class_name() - name of class @class, NULL behind the last */
const char *sync_class_name(unsigned class);

/** sync_stat_wait() - @cpu waited @ns for a lock of class @class */
void sync_stat_wait(unsigned cpu, unsigned class, uint64_t ns);

/** sync_stat_hold() - @cpu held a lock of class @class for @ns */
void sync_stat_hold(unsigned cpu, unsigned class, uint64_t ns);

/** sync_stat_bounce() - the lock was last taken by another CPU than @cpu */
void sync_stat_bounce(unsigned cpu, unsigned class, bool contended);

/** sync_stat_section() - an atomic section of @cpu lasted @ns */
void sync_stat_section(unsigned cpu, uint64_t ns);

/*
 * Owned by the flavour: its count of acquisitions, and its zeroing.
 */
uint64_t sync_flavour_acquisitions(unsigned cpu, unsigned class);
void sync_flavour_reset(unsigned cpu);

#endif
