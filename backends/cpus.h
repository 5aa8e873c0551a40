/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ZLAB_CPUS_H
#define ZLAB_CPUS_H

#include "backends/sync.h"

/**
 * cpus_note() - a CPU uses a pool for the first time
 * @cpus: 1 + the highest CPU that has used the pool
 * @cpu: that CPU
 *
 * Inlined always: a virtual CPU is charged for calls.
 */
static inline __attribute__((always_inline)) void cpus_note(atomic_t *cpus,
							    int cpu)
{
	int have, seen;

	for (have = atomic_read(cpus); have <= cpu; have = seen) {
		seen = atomic_cmpxchg(cpus, have, cpu + 1);
		if (seen == have)
			break;
	}
}

#endif
