/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flavour of sync.h, and the compiler flags that other code of the same
 * flavour needs. The only other difference between flavours is the list of
 * files that a program consists of; see the Makefile.
 */
#ifndef ZLAB_SYNC_FLAVOUR_H
#define ZLAB_SYNC_FLAVOUR_H

/*
 * SYNC_FLAVOUR: the header that sync.h includes
 * SYNC_IS_VIRTUAL: whether CPUs are virtual
 * SYNC_VIRTUAL_FLAG: compiler flag of a backend for virtual CPUs
 * SYNC_VIRTUAL_WATCH_FLAG: compiler flag of code whose memory accesses they see
 */
#ifdef SYNC_VIRTUAL
#define SYNC_FLAVOUR "backends/sync/virtual/virtual.h"
#define SYNC_IS_VIRTUAL 1
#else
#define SYNC_FLAVOUR "backends/sync/native.h"
#define SYNC_IS_VIRTUAL 0
#endif
#define SYNC_VIRTUAL_FLAG "-DSYNC_VIRTUAL"
#define SYNC_VIRTUAL_WATCH_FLAG "-fsanitize=thread"

#endif
