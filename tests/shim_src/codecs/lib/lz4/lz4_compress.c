// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/lz4.h>
#include <linux/module.h>
#include "../zstd/common/runs.h"

int LZ4_compress_fast(const char *src, char *dst, int len, int room,
		      int acceleration, void *work)
{
	/* The memory is there, and nobody else's. */
	memset(work, acceleration, LZ4_MEM_COMPRESS);
	return (int)runs_pack((const u8 *)src, (size_t)len, (u8 *)dst,
			      (size_t)room, (u32)acceleration);
}
EXPORT_SYMBOL(LZ4_compress_fast);

MODULE_LICENSE("GPL");
