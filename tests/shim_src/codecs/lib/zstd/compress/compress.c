// SPDX-License-Identifier: GPL-2.0-or-later
/* An object's word is the level and the expected size. */
#include <linux/zstd.h>
#include "../common/runs.h"

struct zstd_cctx {
	u64 started;
};

/* Another source has one of the same name. */
static size_t bytes_of(void)
{
	return sizeof(struct zstd_cctx);
}

zstd_parameters zstd_get_params(int level, unsigned long long size)
{
	zstd_parameters p = { .cParams = { .level = level, .size = size } };

	return p;
}

size_t zstd_cctx_workspace_bound(const zstd_compression_parameters *p)
{
	return bytes_of();
}

zstd_cctx *zstd_init_cctx(void *memory, size_t len)
{
	zstd_cctx *c = memory;

	if (len < bytes_of() || !IS_ALIGNED((unsigned long)memory, 8))
		return NULL;
	c->started = 1;
	return c;
}

size_t zstd_compress_cctx(zstd_cctx *c, void *dst, size_t room, const void *src,
			  size_t len, const zstd_parameters *p)
{
	u32 word = (u32)p->cParams.level << 24 | (u32)p->cParams.size;
	size_t n = c->started ? runs_pack(src, len, dst, room, word) : 0;

	return n ? n : (size_t)-1;
}

unsigned int zstd_is_error(size_t n)
{
	return n == (size_t)-1;
}
