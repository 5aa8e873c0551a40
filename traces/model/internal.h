/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a model consists of, shared by fitting, storing and playing.
 */
#ifndef ZLAB_TRACES_MODEL_INTERNAL_H
#define ZLAB_TRACES_MODEL_INTERNAL_H

#include "traces/model.h"

#define MODEL_VERSION 1
/* Parts of equal numbers of events, in which the rates are constant. */
#define MODEL_PHASES 256
/* Parts in which pages are chosen alike. */
#define MODEL_ERAS 16
#define MODEL_QUANTILES 65
/* Ranges of 256 bytes that sizes are drawn from first. */
#define MODEL_BANDS 16
#define MODEL_BAND(size) (((size)-1) / (ZLT_PAGE_SIZE / MODEL_BANDS))
/* Changes of a size by less than this are steps, in units of 4 bytes. */
#define MODEL_STEP (ZLT_PAGE_SIZE / MODEL_BANDS)
#define MODEL_STEPS (2 * MODEL_STEP / 4)
/* Lengths of runs by powers of 2. */
#define MODEL_RUNS 20
#define MODEL_THREADS 64

/**
 * enum model_kind - kinds of events
 * @MODEL_NEW: store of a page that the pool does not know
 * @MODEL_AGAIN: store of a page that was loaded
 * @MODEL_OVER: store of a page that is stored
 * @MODEL_LOAD: load of a page that is stored
 * @MODEL_FREE: invalidate of a page that is stored
 * @MODEL_FORGET: invalidate of a page that was loaded
 */
enum model_kind {
	MODEL_NEW,
	MODEL_AGAIN,
	MODEL_OVER,
	MODEL_LOAD,
	MODEL_FREE,
	MODEL_FORGET,
	MODEL_KINDS
};

/**
 * struct model_phase - one of MODEL_PHASES
 * @n: events of each kind
 * @stored: pages stored at its end
 * @loaded: pages loaded at its end that may come again
 * @ns: how long it takes
 * @reuse: share of the new pages that take the key of one that was freed
 * @band: weights of the bands of the sizes of new pages
 */
struct model_phase {
	double n[MODEL_KINDS];
	double stored, loaded;
	double ns, reuse;
	double band[MODEL_BANDS];
};

/**
 * struct model_era - which pages are chosen, for each kind
 * @rank: quantiles of the place of the page among those that could be chosen,
 *	  0 the oldest, 1 the newest; not in order if there are none
 * @forward: share of the events that take the page behind the one before
 * @backward: share of those that take the one ahead of it
 * @taste: by band, how much more often a page of it is chosen than by chance
 */
struct model_era {
	double rank[MODEL_KINDS][MODEL_QUANTILES];
	double forward[MODEL_KINDS], backward[MODEL_KINDS];
	double taste[MODEL_KINDS][MODEL_BANDS];
};

/**
 * struct model - a trace in numbers
 * @name: of the trace
 * @phase: what happens when
 * @era: to which pages
 * @run: number of runs of events of one kind, by log2 of their length
 * @size: stores of new pages by size; picks within a band
 * @resize: the same of stores that change the size by more than a step
 * @stay: chance by band that the next new page has the same one, beyond what
 *	  its weight would give
 * @same: share of the stores of known pages that leave the size
 * @step: of the others, by the band of the page's own size, how far they are
 *	  from it, from -MODEL_STEP up. A page's own size is its first, or that
 *	  of its last turn.
 * @turn: of the others, from band to band of the own size
 * @threads: weights of threads, greatest first
 */
struct model {
	char name[256];
	struct model_phase phase[MODEL_PHASES];
	struct model_era era[MODEL_ERAS];
	double run[MODEL_KINDS][MODEL_RUNS];
	double size[ZLT_PAGE_SIZE + 1], resize[ZLT_PAGE_SIZE + 1];
	double stay[MODEL_BANDS];
	double same;
	double step[MODEL_BANDS][MODEL_STEPS];
	double turn[MODEL_BANDS][MODEL_BANDS];
	double threads[MODEL_THREADS];
};

static inline size_t model_era_of(size_t phase)
{
	return phase * MODEL_ERAS / MODEL_PHASES;
}

/* Whether an event of the kind chooses among stored pages; else, loaded ones. */
static inline bool model_of_stored(enum model_kind k)
{
	return k == MODEL_OVER || k == MODEL_LOAD || k == MODEL_FREE;
}

#endif
