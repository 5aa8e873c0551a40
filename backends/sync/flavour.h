/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flavour of sync.h. The only other difference between flavours is the list of
 * files that a program consists of; see the Makefile.
 */
#ifndef ZLAB_SYNC_FLAVOUR_H
#define ZLAB_SYNC_FLAVOUR_H

/*
 * SYNC_FLAVOUR: the header that sync.h includes
 * SYNC_ON_VCPUS: whether CPUs are virtual
 */
#ifdef SYNC_VIRTUAL
#define SYNC_FLAVOUR "backends/sync/virtual/virtual.h"
#define SYNC_ON_VCPUS 1
#else
#define SYNC_FLAVOUR "backends/sync/native.h"
#define SYNC_ON_VCPUS 0
#endif

#endif
