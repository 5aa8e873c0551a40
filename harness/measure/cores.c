// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts the CPUs that this process may use: fewer in a container. */
#include <sched.h>

#include "harness/measure/cores.h"

unsigned cores_allowed(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}
