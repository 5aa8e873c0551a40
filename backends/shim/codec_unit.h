/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls of a tree's compressor, as the tree's crypto/ and zram make them.
 * The existing variants were found by reading the tree
 * (harness/kernel/shim_codec.c), not by its version.
 */
#ifndef SHIM_CODEC_UNIT_H
#define SHIM_CODEC_UNIT_H

#include "backends/shim/codec_kernel.h"

#if defined(SHIM_CODEC_LZ4)
#include <linux/lz4.h>

size_t shim_codec_bytes(const struct shim_codec_params *p)
{
	return LZ4_MEM_COMPRESS;
}

bool shim_codec_start(const struct shim_codec_params *p, void *memory)
{
	return true;
}

/* zram's level is the acceleration; crypto's is 1. */
int shim_codec_compress(const struct shim_codec_params *p, void *memory,
			const void *page, void *dst, size_t room)
{
	int n = LZ4_compress_fast(page, dst, PAGE_SIZE, (int)room,
				  (int)p->level, memory);

	return n > 0 ? n : -EINVAL;
}

int shim_codec_expand(void *memory, const void *src, size_t len, void *page)
{
	int n = LZ4_decompress_safe(src, page, (int)len, PAGE_SIZE);

	return n < 0 ? -EINVAL : n;
}

#elif defined(SHIM_CODEC_LZO)
#include <linux/lzo.h>

size_t shim_codec_bytes(const struct shim_codec_params *p)
{
	return LZO1X_MEM_COMPRESS;
}

bool shim_codec_start(const struct shim_codec_params *p, void *memory)
{
	return true;
}

int shim_codec_compress(const struct shim_codec_params *p, void *memory,
			const void *page, void *dst, size_t room)
{
	size_t n = room;

	/* Not every form keeps to the room. */
	BUILD_BUG_ON(lzo1x_worst_compress(PAGE_SIZE) > 2 * PAGE_SIZE);
	if (SHIM_LZO_COMPRESS(page, PAGE_SIZE, dst, &n, memory) != LZO_E_OK)
		return -EINVAL;
	return (int)n;
}

int shim_codec_expand(void *memory, const void *src, size_t len, void *page)
{
	size_t n = PAGE_SIZE;

	if (lzo1x_decompress_safe(src, len, page, &n) != LZO_E_OK)
		return -EINVAL;
	return (int)n;
}

#elif defined(SHIM_CODEC_842)
#include <linux/sw842.h>

/*
 * The decompressor of many kernels checks the room behind a page not at all or
 * too late, and looks up to 8 bytes in front of it. It gets as much room as the
 * densest object fills: each of its repeats makes 512 bytes of 11 bits.
 */
#define SHIM_842_MOST (2 * PAGE_SIZE)
#define SHIM_842_ROOM (SHIM_842_MOST * 8 / 11 * 512 + PAGE_SIZE)

static inline char *shim_842_room(void *memory)
{
	return (char *)memory + ALIGN((size_t)SW842_MEM_COMPRESS, 64) + 64;
}

size_t shim_codec_bytes(const struct shim_codec_params *p)
{
	return ALIGN((size_t)SW842_MEM_COMPRESS, 64) + 64 + SHIM_842_ROOM;
}

bool shim_codec_start(const struct shim_codec_params *p, void *memory)
{
	return true;
}

int shim_codec_compress(const struct shim_codec_params *p, void *memory,
			const void *page, void *dst, size_t room)
{
	unsigned int n = (unsigned int)room;
	int ret = sw842_compress(page, PAGE_SIZE, dst, &n, memory);

	return ret ? ret : (int)n;
}

int shim_codec_expand(void *memory, const void *src, size_t len, void *page)
{
	char *room = shim_842_room(memory);
	unsigned int n = PAGE_SIZE;
	int ret;

	if (len > SHIM_842_MOST)
		return -EINVAL;
	ret = sw842_decompress(src, (unsigned int)len, (u8 *)room, &n);
	if (ret || n != PAGE_SIZE)
		return -EINVAL;
	memcpy(page, room, PAGE_SIZE);
	return (int)n;
}

#elif defined(SHIM_CODEC_ZSTD)
#include <linux/zstd.h>
#include "shim_zstd.h"

/* From 5.16 on the kernel has names of its own for the library's. */
#ifdef SHIM_ZSTD_OWN_NAMES
typedef zstd_cctx shim_cctx;
typedef zstd_dctx shim_dctx;
typedef zstd_parameters shim_parameters;
#define shim_get_params(level, size) zstd_get_params(level, size)
#define shim_cctx_bytes(p) zstd_cctx_workspace_bound(&(p)->cParams)
#define shim_dctx_bytes() zstd_dctx_workspace_bound()
#define shim_init_cctx(mem, len) zstd_init_cctx(mem, len)
#define shim_init_dctx(mem, len) zstd_init_dctx(mem, len)
#define shim_compress(ctx, dst, room, src, len, p) \
	zstd_compress_cctx(ctx, dst, room, src, len, p)
#define shim_expand(ctx, dst, room, src, len) \
	zstd_decompress_dctx(ctx, dst, room, src, len)
#define shim_is_error(n) zstd_is_error(n)
#else
typedef ZSTD_CCtx shim_cctx;
typedef ZSTD_DCtx shim_dctx;
typedef ZSTD_parameters shim_parameters;
#define shim_get_params(level, size) ZSTD_getParams(level, size, 0)
#define shim_cctx_bytes(p) ZSTD_CCtxWorkspaceBound((p)->cParams)
#define shim_dctx_bytes() ZSTD_DCtxWorkspaceBound()
#define shim_init_cctx(mem, len) ZSTD_initCCtx(mem, len)
#define shim_init_dctx(mem, len) ZSTD_initDCtx(mem, len)
#define shim_compress(ctx, dst, room, src, len, p) \
	ZSTD_compressCCtx(ctx, dst, room, src, len, *(p))
#define shim_expand(ctx, dst, room, src, len) \
	ZSTD_decompressDCtx(ctx, dst, room, src, len)
#define shim_is_error(n) ZSTD_isError(n)
#endif

struct shim_zstd {
	shim_parameters params;
	shim_cctx *c;
	shim_dctx *d;
} __aligned(64);

static shim_parameters shim_zstd_params(const struct shim_codec_params *p)
{
	size_t size =
		p->user == SHIM_CODEC_ZRAM ? SHIM_ZSTD_ZRAM : SHIM_ZSTD_ZSWAP;

	return shim_get_params((int)p->level, size);
}

size_t shim_codec_bytes(const struct shim_codec_params *p)
{
	shim_parameters params = shim_zstd_params(p);

	return sizeof(struct shim_zstd) + ALIGN(shim_cctx_bytes(&params), 64) +
	       ALIGN(shim_dctx_bytes(), 64);
}

bool shim_codec_start(const struct shim_codec_params *p, void *memory)
{
	struct shim_zstd *z = memory;
	size_t bytes;

	z->params = shim_zstd_params(p);
	bytes = shim_cctx_bytes(&z->params);
	z->c = shim_init_cctx(z + 1, bytes);
	z->d = shim_init_dctx((char *)(z + 1) + ALIGN(bytes, 64),
			      shim_dctx_bytes());
	return z->c && z->d;
}

int shim_codec_compress(const struct shim_codec_params *p, void *memory,
			const void *page, void *dst, size_t room)
{
	struct shim_zstd *z = memory;
	size_t n = shim_compress(z->c, dst, room, page, PAGE_SIZE, &z->params);

	return shim_is_error(n) ? -EINVAL : (int)n;
}

int shim_codec_expand(void *memory, const void *src, size_t len, void *page)
{
	struct shim_zstd *z = memory;
	size_t n = shim_expand(z->d, page, PAGE_SIZE, src, len);

	return shim_is_error(n) ? -EINVAL : (int)n;
}
#endif

#endif
