// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/module.h>
#include <linux/xxhash.h>

u64 xxh64(const void *p, size_t len, u64 seed)
{
	const u8 *byte = p, *end = byte + len;

	while (byte < end)
		seed = rol64(seed, 7) ^ *byte++;
	return seed;
}
EXPORT_SYMBOL(xxh64);
