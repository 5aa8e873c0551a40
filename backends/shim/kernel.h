/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaces every kernel header that an allocator includes. Defines the names it
 * uses, with the behaviour it relies on, on top of page.h and sync.h.
 * Names and behaviour are those of the kernel; the text is this project's own.
 */
#ifndef SHIM_KERNEL_H
#define SHIM_KERNEL_H

#include "shim_config.h"
#include "shim_prelude.h"

#include "backends/shim/base.h"
#include "backends/shim/runtime.h"
#include "backends/shim/locks.h"
#include "backends/shim/mm.h"
#include "backends/shim/migrate.h"

/* The tree's own header, after the names its inline functions need. */
#include <linux/list.h>

#endif
