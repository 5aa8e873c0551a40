/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of libc and this project that a kernel unit can use. The shim
 * preprocesses this file on its own, keeps the macros (-E -dD), and compiles
 * the kernel code against the result without any system header, because the
 * tree's header names (linux/errno.h) would capture libc's own includes.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/page.h"
