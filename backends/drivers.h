/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The built-in allocators: one line each, here and in zpool.c's registry.
 */
#ifndef ZLAB_DRIVERS_H
#define ZLAB_DRIVERS_H

#include "backends/zpool.h"

extern const struct zpool_driver jemalloc_driver;
extern const struct zpool_driver null_driver;
extern const struct zpool_driver zsmalloc_driver;
extern const struct zpool_driver zbud_driver;
extern const struct zpool_driver z3fold_driver;

#endif
