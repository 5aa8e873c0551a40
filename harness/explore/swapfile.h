/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the explorer's swap file has besides harness/swap/swapfile.h. */
#ifndef ZLAB_EXPLORE_SWAPFILE_H
#define ZLAB_EXPLORE_SWAPFILE_H

#include "harness/swap/swapfile.h"

/**
 * swapfile_overlap() - let transfers of one page overlap
 *
 * What a read gives meanwhile may be of both pages, as with a device; without
 * this, it is a race.
 */
void swapfile_overlap(struct swapfile *f);

/* A part of such a transfer, which no detector sees. */
void device_copy(void *to, const void *from, size_t len);

/** swapfile_writes() - pages that were written */
uint64_t swapfile_writes(const struct swapfile *f);

#endif
