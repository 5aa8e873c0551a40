// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "harness/cli/textfile.h"

struct text {
	char *bytes;
	size_t len, room;
};

static char *text_room(struct text *t, size_t want)
{
	size_t room = t->room ? t->room : 1 << 16;
	char *grown;

	while (room < t->len + want + 1)
		room *= 2;
	if (room != t->room) {
		grown = realloc(t->bytes, room);
		if (!grown)
			return NULL;
		t->bytes = grown;
		t->room = room;
	}
	return t->bytes + t->len;
}

/* zlib reads what is not gzip as it stands. */
static int read_raw(const char *path, struct text *t, struct err *err)
{
	gzFile f = gzopen(path, "rb");
	int n = 0, ret = 0, code;

	if (!f)
		return err_set(err, -errno, "cannot open %s: %s", path,
			       strerror(errno));
	do {
		char *to = text_room(t, 1 << 16);

		if (!to) {
			ret = err_set(err, -ENOMEM, "out of memory");
			break;
		}
		n = gzread(f, to, 1 << 16);
		if (n > 0)
			t->len += n;
	} while (n > 0);
	if (!ret && n < 0)
		ret = err_set(err, -EIO, "cannot read %s: %s", path,
			      gzerror(f, &code));
	code = gzclose_r(f);
	if (!ret && code != Z_OK)
		ret = err_set(err, -EIO, "%s: the gzip data is cut short",
			      path);
	return ret;
}

static int expand(const char *path, struct text *t, struct err *err)
{
	ZSTD_inBuffer in = { t->bytes, t->len, 0 };
	ZSTD_DStream *zd = ZSTD_createDStream();
	struct text out = { 0 };
	size_t left = 1;
	int ret = 0;

	if (!zd)
		return err_set(err, -ENOMEM, "out of memory");
	while (in.pos < in.size) {
		ZSTD_outBuffer to = { text_room(&out, 1 << 16), 1 << 16, 0 };

		if (!to.dst) {
			ret = err_set(err, -ENOMEM, "out of memory");
			break;
		}
		left = ZSTD_decompressStream(zd, &to, &in);
		if (ZSTD_isError(left)) {
			ret = err_set(err, -EIO, "%s: byte %zu: %s", path,
				      in.pos, ZSTD_getErrorName(left));
			break;
		}
		out.len += to.pos;
	}
	while (!ret && left) {
		ZSTD_outBuffer to = { text_room(&out, 1 << 16), 1 << 16, 0 };

		if (to.dst)
			left = ZSTD_decompressStream(zd, &to, &in);
		if (!to.dst || ZSTD_isError(left) || !to.pos)
			ret = err_set(err, -EIO,
				      "%s: the zstd data is cut short", path);
		out.len += to.pos;
	}
	ZSTD_freeDStream(zd);
	free(t->bytes);
	*t = out;
	return ret;
}

char *textfile_read(const char *path, size_t *len, struct err *err)
{
	static const unsigned char zstd_magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	struct text t = { 0 };
	int ret = read_raw(path, &t, err);
	char *end = NULL;

	if (!ret && t.len >= 4 && !memcmp(t.bytes, zstd_magic, 4))
		ret = expand(path, &t, err);
	if (!ret)
		end = text_room(&t, 0);
	if (!end) {
		if (!ret)
			err_set(err, -ENOMEM, "out of memory");
		free(t.bytes);
		return NULL;
	}
	*end = '\0';
	if (len)
		*len = t.len;
	return t.bytes;
}
