/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINUX_SW842_H
#define LINUX_SW842_H

#define SW842_MEM_COMPRESS 100

int sw842_compress(const u8 *src, unsigned int len, u8 *dst, unsigned int *n,
		   void *work);
int sw842_decompress(const u8 *src, unsigned int len, u8 *dst, unsigned int *n);

#endif
