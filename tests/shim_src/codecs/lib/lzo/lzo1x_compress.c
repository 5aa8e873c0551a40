// SPDX-License-Identifier: GPL-2.0-or-later
/* Included a second time by lzo1x_compress_safe.c. */
#include <linux/lzo.h>
#include <linux/module.h>
#include "../zstd/common/runs.h"

#ifndef LZO_NAME
#define LZO_NAME(name) name
#define LZO_SAFE 0
#endif

static int pack(const unsigned char *src, size_t len, unsigned char *dst,
		size_t *n, u32 word)
{
	*n = runs_pack(src, len, dst, *n, word | LZO_SAFE);
	return *n ? LZO_E_OK : LZO_E_ERROR;
}

#if !LZO_SAFE
int lzo1x_1_compress(const unsigned char *src, size_t len, unsigned char *dst,
		     size_t *n, void *work)
{
	return pack(src, len, dst, n, 0x10);
}
#endif

int LZO_NAME(lzorle1x_1_compress)(const unsigned char *src, size_t len,
				  unsigned char *dst, size_t *n, void *work)
{
	return pack(src, len, dst, n, 0x20);
}
EXPORT_SYMBOL_GPL(LZO_NAME(lzorle1x_1_compress));
