// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects of stores: sizes like those of a codec, or pages for real codecs.
 */
#include <string.h>

#include "traces/generate/emit.h"

const char *const gen_size_words[] = { "lz4", "zstd", "uniform", "fixed",
				       NULL };

const struct gen_quantile gen_shapes[][GEN_QUANTILES] = {
	[SIZE_LZ4] = { { 0.0, 40 },
		       { 0.1, 900 },
		       { 0.5, 1500 },
		       { 0.9, 2900 },
		       { 0.97, 4000 },
		       { 1.0, 4096 } },
	[SIZE_ZSTD] = { { 0.0, 30 },
			{ 0.1, 450 },
			{ 0.5, 1000 },
			{ 0.9, 2000 },
			{ 0.97, 3000 },
			{ 1.0, 4096 } },
};

/* A page takes no more: 9 for each piece, and some. */
#define PAGE_DRAWS 1024

/*
 * A page of 64-byte pieces: some are noise, the others repeat an earlier piece
 * with one word changed, as arrays of structures do.
 */
static void make_page(struct generate_run *run, struct gen_hot *h)
{
	enum {
		PIECE = 8,
		PIECES = ZLT_PAGE_SIZE / 64
	};
	uint64_t *page = run->page;
	double noise;
	size_t i, j;

	if (gen_share(run, h) < run->p->same) {
		/* Most same-filled pages are zero. */
		page[0] = gen_below(run, h, 4) ? 0 : gen_random(run, h);
		for (i = 1; i < PIECE * PIECES; i++)
			page[i] = page[0];
		return;
	}
	/* The share of noise varies: 0.5 to 1.5 times the mean. */
	noise = run->p->entropy * (0.5 + gen_share(run, h));
	for (i = 0; i < PIECES; i++) {
		uint64_t *piece = page + i * PIECE;

		if (!i || gen_share(run, h) < noise) {
			for (j = 0; j < PIECE; j++)
				piece[j] = gen_random(run, h);
			continue;
		}
		memcpy(piece, page + gen_below(run, h, i) * PIECE,
		       PIECE * sizeof(*piece));
		piece[gen_below(run, h, PIECE)] = gen_below(run, h, 65536);
	}
	/* Makes pages unique even if their entropy is small. */
	page[0] = run->fresh++;
}

int gen_page_object(struct generate_run *run, struct gen_hot *h, uint64_t k,
		    uint32_t *object)
{
	int rc;

	gen_need(run, h, PAGE_DRAWS / GEN_DRAWS);
	if (run->content[k] != UINT32_MAX &&
	    gen_share(run, h) < run->p->unchanged) {
		*object = run->content[k];
		return 0;
	}
	make_page(run, h);
	rc = zlt_page(run->w, run->page, object, run->err);
	run->content[k] = *object;
	return rc;
}
