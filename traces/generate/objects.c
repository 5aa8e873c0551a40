// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects of stores: sizes like those of a codec, or pages for real codecs.
 */
#include <math.h>
#include <string.h>

#include "traces/generate/internal.h"

const char *const gen_size_words[] = { "lz4", "zstd", "uniform", "fixed",
				       NULL };

/*
 * Quantiles of object sizes, with the shapes found in recorded programs; not
 * the sizes of any particular program.
 */
static const struct {
	double share;
	double size;
} size_shapes[][6] = {
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

static uint32_t compressed_size(struct generate_run *run)
{
	const struct gen_params *p = run->p;
	uint64_t range = (uint64_t)(p->max - p->min + 1);
	double share;
	int i = 1;

	if (p->sizes == SIZE_FIXED)
		return (uint32_t)p->size;
	if (p->sizes == SIZE_UNIFORM && !p->classes)
		return (uint32_t)p->min + (uint32_t)gen_below(run, range);
	share = gen_share(run);
	/* @classes equally likely sizes, at the centres of equal parts. */
	if (p->classes)
		share = (floor(share * (double)p->classes) + 0.5) /
			(double)p->classes;
	if (p->sizes == SIZE_UNIFORM)
		return (uint32_t)p->min + (uint32_t)(share * (double)range);
	while (size_shapes[p->sizes][i].share < share)
		i++;
	share = (share - size_shapes[p->sizes][i - 1].share) /
		(size_shapes[p->sizes][i].share -
		 size_shapes[p->sizes][i - 1].share);
	return (uint32_t)(size_shapes[p->sizes][i - 1].size +
			  share * (size_shapes[p->sizes][i].size -
				   size_shapes[p->sizes][i - 1].size));
}

/* Without incompressible pages no random number may be drawn for them. */
static uint32_t make_size(struct generate_run *run)
{
	const struct gen_params *p = run->p;
	uint32_t size;

	if (p->raw > 0 && gen_share(run) < p->raw)
		return ZLT_PAGE_SIZE;
	size = compressed_size(run);
	return p->whole && size > p->whole ? ZLT_PAGE_SIZE : size;
}

/*
 * A page of 64-byte pieces: some are noise, the others repeat an earlier piece
 * with one word changed, as arrays of structures do.
 */
static void make_page(struct generate_run *run)
{
	enum {
		PIECE = 8,
		PIECES = ZLT_PAGE_SIZE / 64
	};
	uint64_t *page = run->page;
	double noise;
	size_t i, j;

	if (gen_share(run) < run->p->same) {
		/* Most same-filled pages are zero. */
		page[0] = gen_below(run, 4) ? 0 : gen_random(run);
		for (i = 1; i < PIECE * PIECES; i++)
			page[i] = page[0];
		return;
	}
	/* The share of noise varies: 0.5 to 1.5 times the mean. */
	noise = run->p->entropy * (0.5 + gen_share(run));
	for (i = 0; i < PIECES; i++) {
		uint64_t *piece = page + i * PIECE;

		if (!i || gen_share(run) < noise) {
			for (j = 0; j < PIECE; j++)
				piece[j] = gen_random(run);
			continue;
		}
		memcpy(piece, page + gen_below(run, i) * PIECE,
		       PIECE * sizeof(*piece));
		piece[gen_below(run, PIECE)] = gen_below(run, 65536);
	}
	/* Makes pages unique even if their entropy is small. */
	page[0] = run->fresh++;
}

int gen_object(struct generate_run *run, uint64_t k, uint32_t *object,
	       struct err *err)
{
	int rc;

	if (!run->p->contents) {
		*object = make_size(run);
		return 0;
	}
	if (run->content[k] != UINT32_MAX &&
	    gen_share(run) < run->p->unchanged) {
		*object = run->content[k];
		return 0;
	}
	make_page(run);
	rc = zlt_page(run->w, run->page, object, err);
	run->content[k] = *object;
	return rc;
}
