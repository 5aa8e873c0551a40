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
 * SYNC_FLAGS: compiler flags of a backend
 * SYNC_WATCH_FLAGS: compiler flags of code whose memory accesses are charged
 */
#ifdef SYNC_VIRTUAL
#define SYNC_FLAVOUR "backends/sync/virtual/virtual.h"
#define SYNC_FLAGS "-DSYNC_VIRTUAL",
#define SYNC_WATCH_FLAGS "-fsanitize=thread",
#else
#define SYNC_FLAVOUR "backends/sync/native.h"
#define SYNC_FLAGS
#define SYNC_WATCH_FLAGS
#endif

#endif
