/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINUX_LZO_H
#define LINUX_LZO_H

#define LZO1X_MEM_COMPRESS 32
#define LZO_E_OK 0
#define LZO_E_ERROR (-1)
#define lzo1x_worst_compress(n) (4 + (n))

int lzo1x_1_compress(const unsigned char *src, size_t len, unsigned char *dst,
		     size_t *n, void *work);
int lzorle1x_1_compress(const unsigned char *src, size_t len,
			unsigned char *dst, size_t *n, void *work);
int lzorle1x_1_compress_safe(const unsigned char *src, size_t len,
			     unsigned char *dst, size_t *n, void *work);
int lzo1x_decompress_safe(const unsigned char *src, size_t len,
			  unsigned char *dst, size_t *n);

#endif
