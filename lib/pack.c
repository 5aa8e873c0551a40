// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/pack.h"

/* One of @gz and @zstd. */
struct pack {
	FILE *file;
	gzFile gz;
	ZSTD_CStream *zstd;
};

static bool ends_with(const char *path, const char *tail)
{
	size_t n = strlen(path), t = strlen(tail);

	return n > t && !strcmp(path + n - t, tail);
}

static ssize_t gz_write(void *cookie, const char *text, size_t len)
{
	const struct pack *p = cookie;

	return gzwrite(p->gz, text, (unsigned)len) == (int)len ? (ssize_t)len
							       : 0;
}

static int gz_close(void *cookie)
{
	struct pack *p = cookie;
	int ret = gzclose(p->gz) == Z_OK ? 0 : -1;

	free(p);
	return ret;
}

/* Return: bytes that zstd has still to write, or -1. */
static ssize_t pump(const struct pack *p, ZSTD_inBuffer *in,
		    ZSTD_EndDirective end)
{
	char packed[16384];
	ZSTD_outBuffer out = { packed, sizeof(packed), 0 };
	size_t left = ZSTD_compressStream2(p->zstd, &out, in, end);

	if (ZSTD_isError(left)) {
		errno = EIO;
		return -1;
	}
	return fwrite(packed, 1, out.pos, p->file) == out.pos ? (ssize_t)left
							      : -1;
}

static ssize_t zstd_write(void *cookie, const char *text, size_t len)
{
	const struct pack *p = cookie;
	ZSTD_inBuffer in = { text, len, 0 };

	while (in.pos < in.size)
		if (pump(p, &in, ZSTD_e_continue) < 0)
			return 0;
	return (ssize_t)len;
}

static int zstd_close(void *cookie)
{
	struct pack *p = cookie;
	ZSTD_inBuffer in = { NULL, 0, 0 };
	ssize_t left;
	int ret;

	do
		left = pump(p, &in, ZSTD_e_end);
	while (left > 0);
	ret = fclose(p->file) || left < 0 ? -1 : 0;
	ZSTD_freeCStream(p->zstd);
	free(p);
	return ret;
}

static FILE *open_gz(const char *path, struct pack *p)
{
	static const cookie_io_functions_t calls = { .write = gz_write,
						     .close = gz_close };

	p->gz = gzopen(path, "wbe");
	return p->gz ? fopencookie(p, "w", calls) : NULL;
}

static FILE *open_zstd(const char *path, struct pack *p)
{
	static const cookie_io_functions_t calls = { .write = zstd_write,
						     .close = zstd_close };

	p->file = fopen(path, "we");
	if (!p->file)
		return NULL;
	p->zstd = ZSTD_createCStream();
	return p->zstd ? fopencookie(p, "w", calls) : NULL;
}

FILE *pack_open(const char *path, struct err *err)
{
	bool gz = ends_with(path, ".gz"), zstd = ends_with(path, ".zst");
	struct pack *p = calloc(1, sizeof(*p));
	FILE *f = NULL;
	int ret;

	errno = p ? 0 : ENOMEM;
	if (p && gz)
		f = open_gz(path, p);
	else if (p && zstd)
		f = open_zstd(path, p);
	else if (p)
		f = fopen(path, "we");
	if (f && (gz || zstd))
		return f;
	ret = errno ? errno : ENOMEM;
	if (p && p->gz)
		gzclose(p->gz);
	if (p && p->file)
		fclose(p->file);
	if (p)
		ZSTD_freeCStream(p->zstd);
	free(p);
	if (!f)
		err_set(err, -ret, "%s: cannot be written: %s", path,
			strerror(ret));
	errno = ret;
	return f;
}
