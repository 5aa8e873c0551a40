// SPDX-License-Identifier: GPL-2.0-or-later
#define LZO_NAME(name) name##_safe
#define LZO_SAFE 1
#include "lzo1x_compress.c"
