/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all compressors of this tree do: each run of equal bytes becomes its
 * length and the byte. Objects begin with a word that says how it was called.
 */
#ifndef RUNS_H
#define RUNS_H

#include <linux/types.h>
#include <asm/unaligned.h>

/* Return: bytes in @dst, or 0 when they do not fit into @room. */
static inline size_t runs_pack(const u8 *src, size_t len, u8 *dst, size_t room,
			       u32 word)
{
	size_t at = 0, n = 4, run;

	if (room < n)
		return 0;
	put_unaligned_be32(word, dst);
	while (at < len) {
		for (run = 1; run < 255 && at + run < len; run++)
			if (src[at + run] != src[at])
				break;
		if (n + 2 > room)
			return 0;
		dst[n++] = (u8)run;
		dst[n++] = src[at];
		at += run;
	}
	return n;
}

/* Return: bytes in @dst, or 0 for what is no object. */
static inline size_t runs_unpack(const u8 *src, size_t len, u8 *dst,
				 size_t room)
{
	size_t at = 4, n = 0, run;

	if (len < 4 || len % 2)
		return 0;
	for (; at < len; at += 2) {
		run = min_t(size_t, src[at], 255);
		if (!run || unlikely(n + run > room))
			return 0;
		memset(dst + n, src[at + 1], run);
		n += run;
	}
	return n;
}

#endif
