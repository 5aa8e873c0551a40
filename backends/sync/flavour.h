/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which flavour of sync.h this is, and what else is compiled with, to be of the
 * same one. What differs beside this is which files a program is made of, see
 * the Makefile.
 */
#ifndef ZLAB_SYNC_FLAVOUR_H
#define ZLAB_SYNC_FLAVOUR_H

/*
 * SYNC_FLAVOUR: the header that sync.h takes
 * SYNC_FLAGS: compiler flags of a backend
 * SYNC_WATCH_FLAGS: and of code whose memory accesses are charged
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
