// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The costs of a codec: a linear fit over pages of different compressibility.
 */
#include <math.h>

#include "harness/virtual/calibrate.h"
#include "backends/sync/clock.h"
#include "harness/swap/codec.h"

#define PAGES 7
#define PASSES 500

/* Makes a page of which @share eighths are random bytes. */
static void make_page(char *page, unsigned share, unsigned seed)
{
	unsigned i;

	for (i = 0; i < CODEC_PAGE_SIZE; i++) {
		seed = seed * 1664525u + 1013904223u;
		page[i] = i % 512 < share * 64 ? (char)(seed >> 24)
					       : (char)(i / 64);
	}
}

/* Return: the object's size; @ns: time to compress [0] and to expand [1]. */
static int time_page(struct codec *c, const char *page, double ns[2])
{
	static char dst[CODEC_DST_SIZE], back[CODEC_PAGE_SIZE];
	int len = 0, i;
	uint64_t t;

	ns[0] = ns[1] = INFINITY;
	for (i = 0; i < PASSES; i++) {
		t = clock_wall_ns();
		len = codec_compress(c, page, dst);
		ns[0] = fmin(ns[0], (double)(clock_wall_ns() - t));
		if (len <= 0)
			return len;
		t = clock_wall_ns();
		if (codec_decompress(c, dst, (size_t)len, back))
			return -1;
		ns[1] = fmin(ns[1], (double)(clock_wall_ns() - t));
	}
	return len;
}

json_t *calibrate_codec(const char *spec)
{
	double x, y[2], n = 0, sx = 0, sxx = 0, sy[2] = { 0 }, sxy[2] = { 0 };
	double slope[2], fixed[2];
	struct codec *c = codec_create(spec, NULL);
	char page[CODEC_PAGE_SIZE];
	unsigned share, i;
	int len;

	if (!c || codec_attach(c))
		return NULL;
	for (share = 0; share < PAGES; share++) {
		make_page(page, share, share + 1);
		len = time_page(c, page, y);
		if (len <= 0)
			continue;
		x = len;
		n++;
		sx += x;
		sxx += x * x;
		for (i = 0; i < 2; i++) {
			sy[i] += y[i];
			sxy[i] += x * y[i];
		}
	}
	codec_destroy(c);
	for (i = 0; i < 2; i++) {
		slope[i] = (n * sxy[i] - sx * sy[i]) / (n * sxx - sx * sx);
		if (!(slope[i] > 0))
			slope[i] = 0;
		fixed[i] = (sy[i] - slope[i] * sx) / n;
		if (!(fixed[i] > 0))
			fixed[i] = 0;
	}
	return json_pack("{s:f, s:f, s:f, s:f}", "compress_ns", fixed[0],
			 "compress_ns_per_byte", slope[0], "expand_ns",
			 fixed[1], "expand_ns_per_byte", slope[1]);
}
