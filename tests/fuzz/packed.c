// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CSV packed with gzip or zstd, in one piece or two, whole or damaged. The first
 * bytes say how; the rest is the text. What is whole must give the same trace,
 * or the same refusal, as the text itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/fuzz/fuzz.h"
#include "traces/csv.h"

enum {
	HOW,
	PIECE,
	DAMAGE,
	TEXT
};

enum {
	ZSTD = 1,
	CUT = 2,
	FLIP = 4,
	TAIL = 8
};

struct packed {
	uint8_t *data;
	size_t len, room;
};

static void add_gzip(struct packed *p, const uint8_t *text, size_t len)
{
	z_stream z = { .next_in = (uint8_t *)text, .avail_in = (uInt)len };

	must(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) ==
	     Z_OK);
	z.next_out = p->data + p->len;
	z.avail_out = (uInt)(p->room - p->len);
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	p->len += z.total_out;
	deflateEnd(&z);
}

static void add(struct packed *p, int how, const uint8_t *text, size_t len)
{
	size_t n;

	if (!(how & ZSTD)) {
		add_gzip(p, text, len);
		return;
	}
	n = ZSTD_compress(p->data + p->len, p->room - p->len, text, len, 1);
	must(!ZSTD_isError(n));
	p->len += n;
}

static void spoil(struct packed *p, int how, uint8_t where)
{
	size_t at = p->len * where / 256;

	if (how & FLIP)
		p->data[at] ^= 1 + (where & 0x7f);
	if (how & TAIL)
		p->data[p->len++] = where;
	if (how & CUT)
		p->len = at;
}

/* Return: whether there is a trace. */
static int import(int fd, const char *path, const char *to)
{
	struct err err = { "" };

	must(!ftruncate(fd, 0));
	if (!csv_import(path, to, 0, NULL, &err))
		return 1;
	must_say(&err);
	return 0;
}

void fuzz(const uint8_t *data, size_t len)
{
	char plain[32], packed[32], zlt[32], zlt2[32];
	const uint8_t *text = data + TEXT;
	struct packed p = { 0 };
	int fd[4], how, ok;
	size_t piece;

	if (len < TEXT)
		return;
	how = data[HOW];
	len -= TEXT;
	piece = len * data[PIECE] / 255;
	p.room = 2 * len + 1024;
	p.data = malloc(p.room);
	must(p.data != NULL);
	add(&p, how, text, piece);
	if (piece < len)
		add(&p, how, text + piece, len - piece);
	spoil(&p, how, data[DAMAGE]);
	fd[0] = memory_file(text, len, plain);
	fd[1] = memory_file(p.data, p.len, packed);
	fd[2] = memory_file(NULL, 0, zlt);
	fd[3] = memory_file(NULL, 0, zlt2);
	ok = import(fd[3], packed, zlt2);
	if (!(how & (CUT | FLIP | TAIL))) {
		must(import(fd[2], plain, zlt) == ok);
		if (ok)
			same_bytes(fd[2], fd[3]);
	}
	for (piece = 0; piece < 4; piece++)
		close(fd[piece]);
	free(p.data);
}
