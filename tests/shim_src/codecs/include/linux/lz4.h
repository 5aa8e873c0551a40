/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINUX_LZ4_H
#define LINUX_LZ4_H

#include <linux/types.h>

#define LZ4_MEM_COMPRESS 64

int LZ4_compress_fast(const char *src, char *dst, int len, int room,
		      int acceleration, void *work);
int LZ4_decompress_safe(const char *src, char *dst, int len, int room);

#endif
