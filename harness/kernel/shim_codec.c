// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a compressor from a kernel tree: its sources and how it is called. */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/kernel/files.h"
#include "harness/kernel/shim_tree_internal.h"

#define MAX_SOURCES 4

const char *const shim_codec_headers[] = {
	"linux/hash.h",
	"linux/hashtable.h",
	"linux/list.h",
	"linux/lz4.h",
	"linux/lzo.h",
	"linux/sw842.h",
	"linux/xxhash.h",
	"linux/zstd.h",
	"linux/zstd_errors.h",
	"linux/zstd_lib.h",
	NULL,
};

static const struct codec {
	const char *name, *folder, *header, *config;
	const char *compress, *expand; /* what the adapter calls */
	const char *sources[MAX_SOURCES];
} codecs[] = {
	[SHIM_LZ4] = { "lz4",
		       "lib/lz4",
		       "linux/lz4.h",
		       "SHIM_CODEC_LZ4",
		       "LZ4_compress_fast",
		       "LZ4_decompress_safe",
		       { "lib/lz4/lz4_compress.c",
			 "lib/lz4/lz4_decompress.c" } },
	[SHIM_LZO] = { "lzo",
		       "lib/lzo",
		       "linux/lzo.h",
		       "SHIM_CODEC_LZO",
		       "lzo1x_1_compress",
		       "lzo1x_decompress_safe",
		       { "lib/lzo/*.c" } },
	[SHIM_LZO_RLE] = { "lzo-rle",
			   "lib/lzo",
			   "linux/lzo.h",
			   "SHIM_CODEC_LZO",
			   "lzorle1x_1_compress",
			   "lzo1x_decompress_safe",
			   { "lib/lzo/*.c" } },
	[SHIM_842] = { "842",
		       "lib/842",
		       "linux/sw842.h",
		       "SHIM_CODEC_842",
		       "sw842_compress",
		       "sw842_decompress",
		       { "lib/842/*.c" } },
	[SHIM_ZSTD] = { "zstd",
			"lib/zstd",
			"linux/zstd.h",
			"SHIM_CODEC_ZSTD",
			NULL,
			NULL,
			{ "lib/zstd/*.c", "lib/zstd/*/*.c", "lib/xxhash.c" } },
};
static char *tree_file(const struct shim_request *req, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", req->tree, name);
	return file_read(path);
}

static int add_sources(const struct shim_request *req, const struct codec *c,
		       struct shim_tree *t, struct err *err)
{
	size_t tree = strlen(req->tree) + 1, i, k;
	char pattern[PATH_MAX];
	glob_t found;
	int ret = 0;

	for (i = 0; i < MAX_SOURCES && c->sources[i] && !ret; i++) {
		snprintf(pattern, sizeof(pattern), "%s/%s", req->tree,
			 c->sources[i]);
		/* Which files there are differs from kernel to kernel. */
		if (glob(pattern, 0, NULL, &found))
			continue;
		for (k = 0; k < found.gl_pathc && !ret; k++) {
			ret = shim_add_file(t, found.gl_pathv[k] + tree,
					    found.gl_pathv[k], err);
			t->files[t->nr_files - 1].compiled = true;
		}
		globfree(&found);
	}
	if (!ret && !t->nr_files)
		ret = err_set(err, -ENOENT,
			      "%s has no %s with the sources of %s; give the "
			      "top of a kernel source tree",
			      req->tree, c->sources[0], c->name);
	return ret;
}

/* Whether @text declares or calls the function @name. */
static bool declares(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *p = text;

	for (; (p = strstr(p, name)); p += len)
		if (p[len] == '(' &&
		    (p == text || (!isalnum(p[-1]) && p[-1] != '_')))
			return true;
	return false;
}

static int needs(const struct shim_request *req, const struct codec *c,
		 const char *text, const char *call, struct err *err)
{
	if (declares(text, call))
		return 0;
	return err_set(err, -EINVAL,
		       "%s/include/%s does not declare %s(), through which the "
		       "shim calls %s",
		       req->tree, c->header, call, c->name);
}

/* Append the one-line numbers that @text defines with zstd's prefix. */
static void copy_defines(const char *text, FILE *out)
{
	const char *p, *end;

	for (p = text; p && *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\n');
		if (!strncmp(p, "#define ZSTD_", 13) && end[-1] != '\\')
			fprintf(out, "%.*s\n", (int)(end - p), p);
	}
}

/*
 * The page size that a user of zstd expects, as an expression: the second
 * argument of its call. False: the file has no such call.
 */
static bool expected_size(const char *text, const char *call, char *size,
			  size_t len)
{
	const char *p = text ? strstr(text, call) : NULL;
	char pattern[64];

	snprintf(pattern, sizeof(pattern), "%%*[^,(],%%%zu[A-Za-z0-9_ ]",
		 len - 1);
	return p && sscanf(p + strlen(call), pattern, size) == 1;
}

static int probe_zstd(const struct shim_request *req, const struct codec *c,
		      struct shim_tree *t, const char *api, struct err *err)
{
	bool own = declares(api, "zstd_get_params");
	const char *call = own ? "zstd_get_params(" : "ZSTD_getParams(";
	char *crypto = tree_file(req, "crypto/zstd.c");
	char *zram = tree_file(req, "drivers/block/zram/backend_zstd.c");
	const char *level =
		crypto ? strstr(crypto, "#define ZSTD_DEF_LEVEL") : NULL;
	char size[64] = "0", *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int ret = 0;

	if (!out) {
		ret = err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	if (own)
		ret = needs(req, c, api, "zstd_compress_cctx", err);
	else
		ret = needs(req, c, api, "ZSTD_compressCCtx", err);
	if (own)
		shim_add_config(t, "SHIM_ZSTD_OWN_NAMES");
	shim_add_config(t, "SHIM_CODEC_LEVELS 22");
	shim_add_config(t, "SHIM_CODEC_LEVEL \"%d\"",
			level ? atoi(level + 22) : 3);
	/* The copied lines hold what these expressions are made of. */
	copy_defines(crypto, out);
	expected_size(crypto, call, size, sizeof(size));
	fprintf(out, "#define SHIM_ZSTD_ZSWAP (%s)\n", size);
	if (expected_size(zram, call, size, sizeof(size)))
		shim_add_config(t, "SHIM_CODEC_USERS");
	fprintf(out, "#define SHIM_ZSTD_ZRAM (%s)\n", size);
	if (fclose(out))
		ret = err_set(err, -ENOMEM, "out of memory");
	out = NULL;
	if (!ret)
		ret = shim_add_text(t, "shim_zstd.h", &text, err);
out:
	if (out)
		(void)fclose(out);
	free(text);
	free(crypto);
	free(zram);
	return ret;
}

static int probe(const struct shim_request *req, const struct codec *c,
		 struct shim_tree *t, struct err *err)
{
	const char *api = shim_find_file(t, c->header);
	char safe[64];
	int ret;

	if (!api || !*api)
		return err_set(err, -ENOENT,
			       "%s/include/%s is missing; %s declares its "
			       "calls there",
			       req->tree, c->header, c->folder);
	shim_add_config(t, "%s", c->config);
	if (!c->compress)
		return probe_zstd(req, c, t, api, err);
	ret = needs(req, c, api, c->compress, err);
	if (!ret)
		ret = needs(req, c, api, c->expand, err);
	if (ret)
		return ret;
	if (req->codec == SHIM_LZ4) {
		shim_add_config(t, "SHIM_CODEC_LEVELS 65537");
		shim_add_config(t, "SHIM_CODEC_LEVEL \"1\"");
	}
	/* The form that keeps to the room, as crypto calls it, if it is there. */
	snprintf(safe, sizeof(safe), "%s_safe", c->compress);
	shim_add_config(t, "SHIM_LZO_COMPRESS %s",
			declares(api, safe) ? safe : c->compress);
	return 0;
}

static void hash_files(struct shim_tree *t)
{
	SHA2_CTX ctx;
	size_t i;

	SHA256Init(&ctx);
	for (i = 0; i < t->nr_files; i++) {
		const struct shim_file *f = &t->files[i];

		if (!f->text)
			continue;
		SHA256Update(&ctx, (const uint8_t *)f->name,
			     strlen(f->name) + 1);
		SHA256Update(&ctx, (const uint8_t *)f->text,
			     strlen(f->text) + 1);
	}
	SHA256End(&ctx, t->sha256);
}

static int add_all(const struct shim_request *req, const struct codec *c,
		   struct shim_tree *t, struct err *err)
{
	char path[PATH_MAX];
	int ret = add_sources(req, c, t, err);
	size_t i;

	snprintf(path, sizeof(path), "%s/include/%s", req->tree, c->header);
	if (!ret && !access(path, R_OK))
		ret = shim_add_file(t, c->header, path, err);
	for (i = 0; i < t->nr_files && !ret; i++)
		ret = shim_scan_includes(t, req, i, err);
	return ret;
}

int shim_codec_read(const struct shim_request *req, struct shim_tree *t,
		    struct err *err)
{
	char makefile[128], *text;
	const struct codec *c = &codecs[req->codec];
	int ret;

	snprintf(t->name, sizeof(t->name), "%s", c->name);
	t->source = c->folder;
	ret = add_all(req, c, t, err);
	if (!ret)
		ret = probe(req, c, t, err);
	if (ret)
		return ret;
	hash_files(t);
	ret = shim_add_extra(t, req, err);
	if (ret)
		return ret;
	snprintf(makefile, sizeof(makefile), "%s/Makefile", c->folder);
	text = tree_file(req, makefile);
	t->optimize = text && strstr(text, "-O3") ? "-O3" : "-O2";
	free(text);
	shim_add_config(t, "CONFIG_64BIT 1");
	shim_add_config(t, "CONFIG_SMP 1");
	shim_describe(t, req);
	return 0;
}
