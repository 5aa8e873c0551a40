// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/lz4.h>
#include <linux/module.h>
#include "../zstd/common/runs.h"

int LZ4_decompress_safe(const char *src, char *dst, int len, int room)
{
	size_t n = runs_unpack((const u8 *)src, (size_t)len, (u8 *)dst,
			       (size_t)room);

	return n ? (int)n : -1;
}
EXPORT_SYMBOL(LZ4_decompress_safe);
