/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of libc that a compressor of the kernel can use, preprocessed on
 * their own as prelude.h is.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
