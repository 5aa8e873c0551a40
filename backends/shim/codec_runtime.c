// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The side of a shimmed compressor that uses libc and zlab: memory, messages
 * and the table that is loaded. Linked with the units of kernel code.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/codec.h"
#include "backends/shim/codec_runtime.h"
#include "backends/shim/say.h"

#ifndef SHIM_BUILD
/* Defaults, so that checkers can process this file alone. */
#define SHIM_NAME "shim"
#define SHIM_SUMMARY ""
#define SHIM_SOURCE NULL
#define SHIM_CODEC_LEVELS 22
#define SHIM_CODEC_LEVEL "3"
#define SHIM_CODEC_USERS
#endif

#define ALIGNMENT 64

struct context {
	struct shim_codec_params params;
	void *allocated;
	void *memory;
};

static uint32_t crc_table[256];

uint32_t crc32_be(uint32_t crc, const void *p, size_t len);

static void __attribute__((constructor)) make_crc_table(void)
{
	uint32_t crc;
	int i, bit;

	for (i = 0; i < 256; i++) {
		crc = (uint32_t)i << 24;
		for (bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7u : 0);
		crc_table[i] = crc;
	}
}

uint32_t crc32_be(uint32_t crc, const void *p, size_t len)
{
	const unsigned char *byte = p, *end = byte + len;

	while (byte < end)
		crc = crc << 8 ^ crc_table[crc >> 24 ^ *byte++];
	return crc;
}

static void release(void *ctx)
{
	struct context *c = ctx;

	free(c->allocated);
	free(c);
}

static void *prepare(const void *params)
{
	struct context *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->params = *(const struct shim_codec_params *)params;
	c->allocated = calloc(1, shim_codec_bytes(&c->params) + ALIGNMENT);
	c->memory = (void *)(((uintptr_t)c->allocated + ALIGNMENT - 1) /
			     ALIGNMENT * ALIGNMENT);
	if (c->allocated && shim_codec_start(&c->params, c->memory))
		return c;
	release(c);
	return NULL;
}

static int compress(void *ctx, const void *page, void *dst, size_t room)
{
	struct context *c = ctx;

	return shim_codec_compress(&c->params, c->memory, page, dst, room);
}

static int decompress(void *ctx, const void *src, size_t len, void *page)
{
	struct context *c = ctx;
	int n = shim_codec_expand(c->memory, src, len, page);

	return n == CODEC_PAGE ? 0 : -EINVAL;
}

#ifdef SHIM_CODEC_USERS
static const char *const users[] = { "zswap", "zram", NULL };
#endif

static const struct spec_option options[] = {
#ifdef SHIM_CODEC_LEVELS
	{ .name = "level",
	  .kind = SPEC_INT,
	  .offset = offsetof(struct shim_codec_params, level),
	  .def = SHIM_CODEC_LEVEL,
	  .min = 1,
	  .max = SHIM_CODEC_LEVELS,
	  .help = "the compressor's level, as zram's algorithm_params sets it" },
#endif
#ifdef SHIM_CODEC_USERS
	{ .name = "user",
	  .kind = SPEC_CHOICE,
	  .offset = offsetof(struct shim_codec_params, user),
	  .def = "zswap",
	  .choices = users,
	  .help = "whose call is made: the two expect pages of other sizes" },
#endif
	{ 0 },
};

#pragma GCC visibility push(default)
extern const struct codec_driver zlab_codec;
const struct codec_driver zlab_codec = {
	CODEC_ABI,
	.spec = {
		.name = SHIM_NAME,
		.what = "codec",
		.options = options,
		.params_size = sizeof(struct shim_codec_params),
	},
	.summary = SHIM_SUMMARY,
	.source = SHIM_SOURCE,
	.prepare = prepare,
	.release = release,
	.compress = compress,
	.decompress = decompress,
};
#pragma GCC visibility pop
