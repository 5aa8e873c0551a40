// SPDX-License-Identifier: GPL-2.0-or-later
/* An object ends with the CRC of the page. */
#include <linux/crc32.h>
#include <linux/module.h>
#include <linux/sw842.h>
#include "842_debugfs.h"
#include "../zstd/common/runs.h"

static u32 marked;

int sw842_compress(const u8 *src, unsigned int len, u8 *dst, unsigned int *n,
		   void *work)
{
	size_t packed = runs_pack(src, len, dst, *n - 4, marked);

	memset(work, 1, SW842_MEM_COMPRESS);
	if (!packed)
		return -ENOSPC;
	put_unaligned(cpu_to_be32(crc32_be(0, src, len)),
		      (__be32 *)(dst + packed));
	*n = (unsigned int)packed + 4;
	count_object();
	return 0;
}
EXPORT_SYMBOL_GPL(sw842_compress);

static int __init sw842_init(void)
{
	BUILD_BUG_ON(sizeof(marked) != 4);
	marked = 0x842;
	return show_counters();
}
module_init(sw842_init);

static void __exit sw842_exit(void)
{
	hide_counters();
}
module_exit(sw842_exit);
