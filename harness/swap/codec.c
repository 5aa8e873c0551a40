// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The codecs lz4, zstd and none, those of shared objects, and sizes from a
 * trace's table.
 */
#include <errno.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "backends/sync.h"
#include "harness/swap/codec.h"
#include "harness/swap/codec_load.h"

struct codec;

struct ctx {
	void *own; /* of a shared object */
	void *lz4;
	ZSTD_CCtx *zc;
	ZSTD_DCtx *zd;
	char scratch[CODEC_DST_SIZE];
};

struct codec_ops {
	const char *name;
	int (*prepare)(const struct codec *c, struct ctx *ctx);
	int (*compress)(const struct codec *c, struct ctx *ctx,
			const void *page, void *dst);
	int (*decompress)(const struct codec *c, struct ctx *ctx,
			  const void *src, size_t len, void *page);
};

struct codec {
	const struct codec_ops *ops;
	int level;
	const struct codec_driver *driver; /* of a shared object, or NULL */
	void *params;
	const char *table;
	char name[CODEC_NAME_MAX + 1];
	struct ctx *ctx[SYNC_MAX_CPUS];
};

static int lz4_prepare(const struct codec *c, struct ctx *ctx)
{
	ctx->lz4 = malloc(LZ4_sizeofState());
	return ctx->lz4 ? 0 : -ENOMEM;
}

static int lz4_compress(const struct codec *c, struct ctx *ctx,
			const void *page, void *dst)
{
	int n = LZ4_compress_fast_extState(ctx->lz4, page, dst, CODEC_PAGE_SIZE,
					   CODEC_DST_SIZE, 1);

	return n > 0 ? n : -EIO;
}

static int lz4_decompress(const struct codec *c, struct ctx *ctx,
			  const void *src, size_t len, void *page)
{
	int n = LZ4_decompress_safe(src, page, (int)len, CODEC_PAGE_SIZE);

	return n == CODEC_PAGE_SIZE ? 0 : -EIO;
}

static int zstd_prepare(const struct codec *c, struct ctx *ctx)
{
	ctx->zc = ZSTD_createCCtx();
	ctx->zd = ZSTD_createDCtx();
	return ctx->zc && ctx->zd ? 0 : -ENOMEM;
}

static int zstd_compress(const struct codec *c, struct ctx *ctx,
			 const void *page, void *dst)
{
	size_t n = ZSTD_compressCCtx(ctx->zc, dst, CODEC_DST_SIZE, page,
				     CODEC_PAGE_SIZE, c->level);

	return ZSTD_isError(n) ? -EIO : (int)n;
}

static int zstd_decompress(const struct codec *c, struct ctx *ctx,
			   const void *src, size_t len, void *page)
{
	size_t n =
		ZSTD_decompressDCtx(ctx->zd, page, CODEC_PAGE_SIZE, src, len);

	return n == CODEC_PAGE_SIZE ? 0 : -EIO;
}

static int none_prepare(const struct codec *c, struct ctx *ctx)
{
	return 0;
}

static int none_compress(const struct codec *c, struct ctx *ctx,
			 const void *page, void *dst)
{
	memcpy(dst, page, CODEC_PAGE_SIZE);
	return CODEC_PAGE_SIZE;
}

static int none_decompress(const struct codec *c, struct ctx *ctx,
			   const void *src, size_t len, void *page)
{
	if (len != CODEC_PAGE_SIZE)
		return -EIO;
	memcpy(page, src, CODEC_PAGE_SIZE);
	return 0;
}

/* Names the codec whose code this thread runs, for codec_running(). */
static __thread const struct codec *running;

static int own_prepare(const struct codec *c, struct ctx *ctx)
{
	running = c;
	ctx->own = c->driver->prepare(c->params);
	running = NULL;
	return ctx->own ? 0 : -ENOMEM;
}

static int own_compress(const struct codec *c, struct ctx *ctx,
			const void *page, void *dst)
{
	int n;

	running = c;
	n = c->driver->compress(ctx->own, page, dst, CODEC_DST_SIZE);
	running = NULL;
	return n > 0 && n <= CODEC_DST_SIZE ? n : -EIO;
}

static int own_decompress(const struct codec *c, struct ctx *ctx,
			  const void *src, size_t len, void *page)
{
	int ret;

	running = c;
	ret = c->driver->decompress(ctx->own, src, len, page);
	running = NULL;
	return ret ? -EIO : 0;
}

static const struct codec_ops own_ops = {
	.prepare = own_prepare,
	.compress = own_compress,
	.decompress = own_decompress,
};

static const struct codec_ops codecs[] = {
	{ "lz4", lz4_prepare, lz4_compress, lz4_decompress },
	{ "zstd", zstd_prepare, zstd_compress, zstd_decompress },
	{ "none", none_prepare, none_compress, none_decompress },
};
#define NR_CODECS (sizeof(codecs) / sizeof(codecs[0]))

#define SIZES "sizes:"
#define SHIM "shim-"

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

static int load(struct codec *c, const char *spec, struct err *err)
{
	const struct spec_desc *desc;

	c->driver = codec_load(spec, err);
	if (!c->driver)
		return -EINVAL;
	desc = &c->driver->spec;
	c->ops = &own_ops;
	c->params = calloc(1, desc->params_size + 1);
	if (!c->params)
		return err_set(err, -ENOMEM, "out of memory for codec %s",
			       spec);
	return spec_parse(desc, spec, c->params, err);
}

static int parse(struct codec *c, const char *spec, struct err *err)
{
	size_t len = strcspn(spec, ":"), i;

	if (memchr(spec, '/', spec_name_len(spec)))
		return load(c, spec, err);

	for (i = 0; i < NR_CODECS; i++)
		if (strlen(codecs[i].name) == len &&
		    !memcmp(codecs[i].name, spec, len))
			break;
	if (i == NR_CODECS) {
		err_set(err, -EINVAL,
			"there is no codec \"%s\"; there are lz4, "
			"zstd[:LEVEL], none, the path of a shared object with "
			"a / in it, and sizes:CODEC for sizes that the trace "
			"carries",
			spec);
		return -EINVAL;
	}
	c->ops = &codecs[i];
	c->level = 3;
	if (spec[len])
		return parse_level(c, spec + len + 1, err);
	return 0;
}

/* The canonical spec into c->name, behind @pre. */
static int name(struct codec *c, const char *pre, struct err *err)
{
	char full[256];

	if (c->driver)
		spec_print(&c->driver->spec, c->params, full, sizeof(full));
	else if (!strcmp(c->ops->name, "zstd"))
		snprintf(full, sizeof(full), "zstd:%d", c->level);
	else
		snprintf(full, sizeof(full), "%s", c->ops->name);
	/* A trace keeps sizes by names of this length. */
	if (strlen(full) + sizeof(SIZES) - 1 > CODEC_NAME_MAX)
		return err_set(err, -EINVAL,
			       "codec %s: a name with its options has at most "
			       "%zu characters",
			       full, CODEC_NAME_MAX - sizeof(SIZES) + 1);
	snprintf(c->name, sizeof(c->name), "%s%s", pre, full);
	return 0;
}

struct codec *codec_create(const char *spec, struct err *err)
{
	size_t pre =
		strncmp(spec, SIZES, sizeof(SIZES) - 1) ? 0 : sizeof(SIZES) - 1;
	struct codec *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(err, -ENOMEM, "out of memory for codec %s", spec);
		return NULL;
	}
	if (pre)
		c->table = c->name + pre;
	/* The sizes of a shim's codec need no shim. */
	if (pre && !strncmp(spec + pre, SHIM, sizeof(SHIM) - 1) &&
	    strlen(spec) <= CODEC_NAME_MAX) {
		snprintf(c->name, sizeof(c->name), "%s", spec);
		return c;
	}
	if (parse(c, spec + pre, err) || name(c, pre ? SIZES : "", err)) {
		codec_destroy(c);
		return NULL;
	}
	return c;
}

struct codec *codec_sizes(const struct codec *c, struct err *err)
{
	struct codec *sizes = calloc(1, sizeof(*sizes));

	if (!sizes) {
		err_set(err, -ENOMEM, "out of memory for codec %s", c->name);
		return NULL;
	}
	snprintf(sizes->name, sizeof(sizes->name), SIZES "%.57s", c->name);
	sizes->table = sizes->name + sizeof(SIZES) - 1;
	return sizes;
}

static void ctx_free(const struct codec *c, struct ctx *ctx)
{
	if (!ctx)
		return;
	if (ctx->own)
		c->driver->release(ctx->own);
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
		ctx_free(c, c->ctx[i]);
	free(c->params);
	free(c);
}

const char *codec_name(const struct codec *c)
{
	return c->name;
}

const char *codec_source(const struct codec *c)
{
	return c->driver ? c->driver->source : NULL;
}

const char *codec_running(void)
{
	return running ? running->name : NULL;
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
	if (c->ops->prepare(c, ctx)) {
		ctx_free(c, ctx);
		return NULL;
	}
	/* zstd allocates its memory when it compresses the first page. */
	if (c->ops->compress(c, ctx, blank, ctx->scratch) < 0) {
		ctx_free(c, ctx);
		return NULL;
	}
	*at = ctx;
	return ctx;
}

int codec_attach(struct codec *c)
{
	if (c->table)
		return 0;
	return get_ctx(c) ? 0 : -ENOMEM;
}

int codec_compress(struct codec *c, const void *page, void *dst)
{
	struct ctx *ctx;

	if (c->table)
		return -EINVAL;
	ctx = get_ctx(c);
	return ctx ? c->ops->compress(c, ctx, page, dst) : -ENOMEM;
}

int codec_decompress(struct codec *c, const void *src, size_t len, void *page)
{
	struct ctx *ctx;

	if (c->table)
		return -EINVAL;
	ctx = get_ctx(c);
	return ctx ? c->ops->decompress(c, ctx, src, len, page) : -ENOMEM;
}

int codec_size(void *codec, const void *page)
{
	struct codec *c = codec;
	struct ctx *ctx;

	if (c->table)
		return -EINVAL;
	ctx = get_ctx(c);
	return ctx ? codec_compress(c, page, ctx->scratch) : -ENOMEM;
}
