/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs that this process may run on. */
#ifndef ZLAB_CORES_H
#define ZLAB_CORES_H

/** cores_allowed() - number of CPUs that this process may use */
unsigned cores_allowed(void);

#endif
