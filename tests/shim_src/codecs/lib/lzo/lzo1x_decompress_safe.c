// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/lzo.h>
#include <linux/module.h>
#include "../zstd/common/runs.h"

int lzo1x_decompress_safe(const unsigned char *src, size_t len,
			  unsigned char *dst, size_t *n)
{
	*n = runs_unpack(src, len, dst, *n);
	return *n ? LZO_E_OK : LZO_E_ERROR;
}
EXPORT_SYMBOL_GPL(lzo1x_decompress_safe);
