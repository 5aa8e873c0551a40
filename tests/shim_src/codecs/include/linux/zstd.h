/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINUX_ZSTD_H
#define LINUX_ZSTD_H

#include <linux/types.h>

typedef struct {
	int level;
	unsigned long long size;
} zstd_compression_parameters;

typedef struct {
	zstd_compression_parameters cParams;
} zstd_parameters;

typedef struct zstd_cctx zstd_cctx;
typedef struct zstd_dctx zstd_dctx;

zstd_parameters zstd_get_params(int level, unsigned long long size);
size_t zstd_cctx_workspace_bound(const zstd_compression_parameters *p);
size_t zstd_dctx_workspace_bound(void);
zstd_cctx *zstd_init_cctx(void *memory, size_t len);
zstd_dctx *zstd_init_dctx(void *memory, size_t len);
size_t zstd_compress_cctx(zstd_cctx *c, void *dst, size_t room, const void *src,
			  size_t len, const zstd_parameters *p);
size_t zstd_decompress_dctx(zstd_dctx *d, void *dst, size_t room,
			    const void *src, size_t len);
unsigned int zstd_is_error(size_t n);

#endif
