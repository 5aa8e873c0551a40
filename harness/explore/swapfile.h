/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the explorer's swap file has besides harness/swap/swapfile.h. */
#ifndef ZLAB_EXPLORE_SWAPFILE_H
#define ZLAB_EXPLORE_SWAPFILE_H

#include "harness/swap/swapfile.h"

/** swapfile_writes() - pages that were written */
uint64_t swapfile_writes(const struct swapfile *f);

#endif
