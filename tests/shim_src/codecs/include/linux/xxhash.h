/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINUX_XXHASH_H
#define LINUX_XXHASH_H

#include <linux/types.h>

u64 xxh64(const void *p, size_t len, u64 seed);

#endif
