// SPDX-License-Identifier: GPL-2.0-or-later
/* The codecs lz4, zstd and none, and sizes from a trace's table. */
#include <errno.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "backends/sync.h"
#include "harness/swap/codec.h"

struct ctx {
	void *lz4;
	ZSTD_CCtx *zc;
	ZSTD_DCtx *zd;
	char scratch[CODEC_DST_SIZE];
};

struct codec_ops {
	const char *name;
	int (*prepare)(struct ctx *ctx);
	int (*compress)(struct ctx *ctx, int level, const void *page,
			void *dst);
	int (*decompress)(struct ctx *ctx, const void *src, size_t len,
			  void *page);
};

struct codec {
	const struct codec_ops *ops;
	int level;
	const char *table;
	char name[CODEC_NAME_MAX + 1];
	struct ctx *ctx[SYNC_MAX_CPUS];
};

static int lz4_prepare(struct ctx *ctx)
{
	ctx->lz4 = malloc(LZ4_sizeofState());
	return ctx->lz4 ? 0 : -ENOMEM;
}

static int lz4_compress(struct ctx *ctx, int level, const void *page, void *dst)
{
	int n = LZ4_compress_fast_extState(ctx->lz4, page, dst, CODEC_PAGE_SIZE,
					   CODEC_DST_SIZE, 1);

	return n > 0 ? n : -EIO;
}

static int lz4_decompress(struct ctx *ctx, const void *src, size_t len,
			  void *page)
{
	int n = LZ4_decompress_safe(src, page, (int)len, CODEC_PAGE_SIZE);

	return n == CODEC_PAGE_SIZE ? 0 : -EIO;
}

static int zstd_prepare(struct ctx *ctx)
{
	ctx->zc = ZSTD_createCCtx();
	ctx->zd = ZSTD_createDCtx();
	return ctx->zc && ctx->zd ? 0 : -ENOMEM;
}

static int zstd_compress(struct ctx *ctx, int level, const void *page,
			 void *dst)
{
	size_t n = ZSTD_compressCCtx(ctx->zc, dst, CODEC_DST_SIZE, page,
				     CODEC_PAGE_SIZE, level);

	return ZSTD_isError(n) ? -EIO : (int)n;
}

static int zstd_decompress(struct ctx *ctx, const void *src, size_t len,
			   void *page)
{
	size_t n =
		ZSTD_decompressDCtx(ctx->zd, page, CODEC_PAGE_SIZE, src, len);

	return n == CODEC_PAGE_SIZE ? 0 : -EIO;
}

static int none_prepare(struct ctx *ctx)
{
	return 0;
}

static int none_compress(struct ctx *ctx, int level, const void *page,
			 void *dst)
{
	memcpy(dst, page, CODEC_PAGE_SIZE);
	return CODEC_PAGE_SIZE;
}

static int none_decompress(struct ctx *ctx, const void *src, size_t len,
			   void *page)
{
	if (len != CODEC_PAGE_SIZE)
		return -EIO;
	memcpy(page, src, CODEC_PAGE_SIZE);
	return 0;
}

static const struct codec_ops codecs[] = {
	{ "lz4", lz4_prepare, lz4_compress, lz4_decompress },
	{ "zstd", zstd_prepare, zstd_compress, zstd_decompress },
	{ "none", none_prepare, none_compress, none_decompress },
};
#define NR_CODECS (sizeof(codecs) / sizeof(codecs[0]))

/* Only zstd has levels. */
static int parse_level(struct codec *c, const char *text, struct err *err)
{
	char *end;
	long level;

	if (strcmp(c->ops->name, "zstd"))
		return err_set(
			err, -EINVAL,
			"codec %s takes no \":%s\"; only zstd has levels",
			c->ops->name, text);
	errno = 0;
	level = strtol(text, &end, 10);
	if (errno || end == text || *end || level < 1 ||
	    level > ZSTD_maxCLevel())
		return err_set(err, -EINVAL,
			       "codec zstd has no level \"%s\"; it takes 1 to "
			       "%d, as in zstd:3",
			       text, ZSTD_maxCLevel());
	c->level = (int)level;
	return 0;
}

static int parse(struct codec *c, const char *spec, struct err *err)
{
	size_t len = strcspn(spec, ":"), i;

	for (i = 0; i < NR_CODECS; i++)
		if (strlen(codecs[i].name) == len &&
		    !memcmp(codecs[i].name, spec, len))
			break;
	if (i == NR_CODECS) {
		err_set(err, -EINVAL,
			"there is no codec \"%s\"; there are lz4, "
			"zstd[:LEVEL], none, and sizes:CODEC for sizes that "
			"the trace carries",
			spec);
		return -EINVAL;
	}
	c->ops = &codecs[i];
	c->level = 3;
	if (spec[len])
		return parse_level(c, spec + len + 1, err);
	return 0;
}

struct codec *codec_create(const char *spec, struct err *err)
{
	static const char sizes[] = "sizes:";
	size_t pre =
		strncmp(spec, sizes, sizeof(sizes) - 1) ? 0 : sizeof(sizes) - 1;
	struct codec *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(err, -ENOMEM, "out of memory for codec %s", spec);
		return NULL;
	}
	if (parse(c, spec + pre, err)) {
		free(c);
		return NULL;
	}
	if (!strcmp(c->ops->name, "zstd"))
		snprintf(c->name, sizeof(c->name), "%szstd:%d",
			 pre ? sizes : "", c->level);
	else
		snprintf(c->name, sizeof(c->name), "%s%s", pre ? sizes : "",
			 c->ops->name);
	if (pre)
		c->table = c->name + pre;
	return c;
}

static void ctx_free(struct ctx *ctx)
{
	if (!ctx)
		return;
	free(ctx->lz4);
	ZSTD_freeCCtx(ctx->zc);
	ZSTD_freeDCtx(ctx->zd);
	free(ctx);
}

void codec_destroy(struct codec *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < SYNC_MAX_CPUS; i++)
		ctx_free(c->ctx[i]);
	free(c);
}

const char *codec_name(const struct codec *c)
{
	return c->name;
}

const char *codec_table(const struct codec *c)
{
	return c->table;
}

/* The calling CPU's context; no other CPU uses it. */
static struct ctx *get_ctx(struct codec *c)
{
	static const char blank[CODEC_PAGE_SIZE];
	struct ctx **at = &c->ctx[smp_processor_id()];
	struct ctx *ctx = *at;

	if (__builtin_expect(ctx != NULL, 1))
		return ctx;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	if (c->ops->prepare(ctx)) {
		ctx_free(ctx);
		return NULL;
	}
	/* zstd allocates its memory when it compresses the first page. */
	if (c->ops->compress(ctx, c->level, blank, ctx->scratch) < 0) {
		ctx_free(ctx);
		return NULL;
	}
	*at = ctx;
	return ctx;
}

int codec_attach(struct codec *c)
{
	return get_ctx(c) ? 0 : -ENOMEM;
}

int codec_compress(struct codec *c, const void *page, void *dst)
{
	struct ctx *ctx = get_ctx(c);

	if (!ctx)
		return -ENOMEM;
	if (c->table)
		return -EINVAL;
	return c->ops->compress(ctx, c->level, page, dst);
}

int codec_decompress(struct codec *c, const void *src, size_t len, void *page)
{
	struct ctx *ctx = get_ctx(c);

	if (!ctx)
		return -ENOMEM;
	if (c->table)
		return -EINVAL;
	return c->ops->decompress(ctx, src, len, page);
}

int codec_size(void *codec, const void *page)
{
	struct ctx *ctx = get_ctx(codec);

	return ctx ? codec_compress(codec, page, ctx->scratch) : -ENOMEM;
}
