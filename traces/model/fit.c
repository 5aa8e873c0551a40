// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a trace once and counts what its model consists of. */
#include <Judy.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/random.h"
#include "lib/room.h"
#include "traces/model/internal.h"
#include "traces/model/order.h"

#define SAMPLES 4096

enum page_state {
	PAGE_UNKNOWN,
	PAGE_FREED,
	PAGE_STORED,
	PAGE_LOADED
};

/**
 * struct fit - a trace being read
 * @state: enum page_state of each key
 * @size_of: the last size of each key; @own: its own size, see struct model
 * @there: pages in each order by the band of their own size
 * @picked: events by era, kind and band; @by_chance: how many there would be if
 *	    all pages were alike
 * @at: the entry of each key in the order it is in
 * @stored, @loaded: the keys in these states
 * @last: the entry of the last event of each kind; ORDER_NONE for none
 * @samples: ranks seen, by era and kind; @seen: how many there were
 * @follows, @precedes: events that took a neighbour of the one before
 * @bands: new pages by band, @pairs: of those, followed by the same one
 * @again, @same: stores of known pages, and those that left the size
 * @tids: Judy map from thread to its operations
 */
struct fit {
	struct model *m;
	const struct zlt_info *info;
	const uint16_t *sizes;
	const struct zlt_page_info *infos;
	uint8_t *state;
	uint16_t *size_of, *own;
	double there[2][MODEL_BANDS];
	double picked[MODEL_ERAS][MODEL_KINDS][MODEL_BANDS];
	double by_chance[MODEL_ERAS][MODEL_KINDS][MODEL_BANDS];
	uint32_t *at;
	struct order stored, loaded;
	size_t last[MODEL_KINDS];
	double (*samples)[MODEL_KINDS][SAMPLES];
	uint64_t seen[MODEL_ERAS][MODEL_KINDS];
	uint64_t follows[MODEL_ERAS][MODEL_KINDS];
	uint64_t precedes[MODEL_ERAS][MODEL_KINDS];
	uint64_t bands[MODEL_BANDS], pairs[MODEL_BANDS];
	double chance[MODEL_BANDS];
	int last_band;
	double again, same, fresh;
	enum model_kind run_kind;
	uint64_t run_length;
	size_t phase;
	uint64_t time_ns, phase_ns;
	void *tids;
	uint64_t random;
};

/* The size of an object, or 0 for a page that has none. */
static uint32_t size_of(const struct fit *f, uint32_t object)
{
	if (!f->sizes)
		return object;
	if (f->infos[object].same_filled || f->sizes[object] >= ZLT_PAGE_SIZE)
		return 0;
	return f->sizes[object];
}

static void end_run(struct fit *f)
{
	size_t log = 0;

	if (!f->run_length)
		return;
	while (log + 1 < MODEL_RUNS && f->run_length >> (log + 1))
		log++;
	f->m->run[f->run_kind][log]++;
	f->run_length = 0;
}

static void count_kind(struct fit *f, enum model_kind k)
{
	if (f->run_length && f->run_kind != k)
		end_run(f);
	f->run_kind = k;
	f->run_length++;
	f->m->phase[f->phase].n[k]++;
}

/* Note which of @o's pages was chosen. */
static void count_rank(struct fit *f, enum model_kind k, const struct order *o,
		       size_t entry)
{
	size_t era = model_era_of(f->phase), last = f->last[k], to;
	uint64_t nr = f->seen[era][k]++;

	f->last[k] = entry;
	if (last != ORDER_NONE && order_after(o, last) == entry) {
		f->follows[era][k]++;
		return;
	}
	if (last != ORDER_NONE && order_before(o, last) == entry) {
		f->precedes[era][k]++;
		return;
	}
	/* A sample of those that are chosen anew, each as likely as the other. */
	nr -= f->follows[era][k] + f->precedes[era][k];
	to = nr < SAMPLES ? nr : random_splitmix(&f->random) % (nr + 1);
	if (to < SAMPLES)
		f->samples[era][k][to] =
			((double)order_rank(o, entry) + 0.5) / (double)o->count;
}

static int add(struct fit *f, struct order *o, uint32_t key)
{
	size_t used = o->used, k;
	int rc = order_add(o, key);

	f->there[o == &f->stored][MODEL_BAND(f->own[key])]++;

	/* The holes were closed: entries have other places. */
	if (o->used != used + 1)
		for (k = 0; k < MODEL_KINDS; k++)
			if (model_of_stored(k) == (o == &f->stored))
				f->last[k] = ORDER_NONE;
	return rc;
}

static void choose(struct fit *f, enum model_kind k, uint32_t key)
{
	struct order *o = model_of_stored(k) ? &f->stored : &f->loaded;

	size_t era = model_era_of(f->phase), band = MODEL_BAND(f->own[key]), i;
	double *there = f->there[model_of_stored(k)];

	for (i = 0; i < MODEL_BANDS; i++)
		f->by_chance[era][k][i] += there[i] / (double)o->count;
	f->picked[era][k][band]++;
	there[band]--;
	count_kind(f, k);
	count_rank(f, k, o, f->at[key]);
	order_take(o, f->at[key]);
}

static void count_new(struct fit *f, uint32_t key, uint32_t size)
{
	double *weight = f->m->phase[f->phase].band;
	int band = (int)MODEL_BAND(size);

	count_kind(f, MODEL_NEW);
	f->own[key] = (uint16_t)size;
	f->fresh++;
	f->m->phase[f->phase].reuse += f->state[key] == PAGE_FREED;
	f->m->size[size]++;
	weight[band]++;
	f->bands[band]++;
	if (f->last_band >= 0 && f->last_band == band)
		f->pairs[band]++;
	f->last_band = band;
}

static void count_again(struct fit *f, uint32_t key, uint32_t size)
{
	int old = f->own[key], by = (int)size - old;

	f->again++;
	if (f->size_of[key] == size) {
		f->same++;
	} else if (abs(by) < MODEL_STEP) {
		f->m->step[MODEL_BAND(old)][(by + MODEL_STEP) / 4]++;
	} else {
		f->m->turn[MODEL_BAND(old)][MODEL_BAND(size)]++;
		f->m->resize[size]++;
		f->own[key] = (uint16_t)size;
	}
}

static void drop(struct fit *f, uint32_t key)
{
	if (f->state[key] == PAGE_STORED)
		choose(f, MODEL_FREE, key);
	else if (f->state[key] == PAGE_LOADED)
		choose(f, MODEL_FORGET, key);
	else
		return;
	f->state[key] = PAGE_FREED;
}

static int store(struct fit *f, uint32_t key, uint32_t size)
{
	if (!size) {
		drop(f, key);
		return 0;
	}
	if (f->state[key] == PAGE_STORED || f->state[key] == PAGE_LOADED) {
		choose(f,
		       f->state[key] == PAGE_STORED ? MODEL_OVER : MODEL_AGAIN,
		       key);
		count_again(f, key, size);
	} else {
		count_new(f, key, size);
	}
	f->size_of[key] = (uint16_t)size;
	f->state[key] = PAGE_STORED;
	return add(f, &f->stored, key);
}

static int event(struct fit *f, const struct zlt_batch *b, size_t i)
{
	uint32_t key = b->key[i];

	switch (b->op[i]) {
	case ZLT_STORE:
		return store(f, key, size_of(f, b->object[i]));
	case ZLT_LOAD:
		if (f->state[key] != PAGE_STORED)
			return 0;
		choose(f, MODEL_LOAD, key);
		f->state[key] = PAGE_LOADED;
		return add(f, &f->loaded, key);
	case ZLT_INVALIDATE:
		drop(f, key);
		return 0;
	default:
		return 0;
	}
}

static void end_phase(struct fit *f)
{
	struct model_phase *p = &f->m->phase[f->phase];

	p->stored = (double)f->stored.count;
	p->loaded = (double)f->loaded.count;
	if (p->n[MODEL_NEW] > 0)
		p->reuse /= p->n[MODEL_NEW];
	p->ns = (double)(f->time_ns - f->phase_ns);
	f->phase_ns = f->time_ns;
}

static int add_batch(struct fit *f, const struct zlt_batch *b)
{
	size_t i, phase;
	Word_t *ops;
	int rc = 0;

	for (i = 0; !rc && i < b->count; i++) {
		phase = (size_t)((unsigned __int128)(b->first + i) *
				 MODEL_PHASES / f->info->events);
		while (f->phase < phase) {
			end_phase(f);
			f->phase++;
		}
		/* Without times, an event each 10 us. */
		if (!b->time_ns)
			f->time_ns += 10000;
		else if (b->time_ns[i] > f->time_ns)
			f->time_ns = b->time_ns[i];
		if (b->tid && b->op[i] <= ZLT_INVALIDATE) {
			ops = (Word_t *)JudyLIns(&f->tids, b->tid[i], PJE0);
			if (!ops || ops == PJERR)
				return -ENOMEM;
			++*ops;
		}
		rc = event(f, b, i);
	}
	return rc;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void quantiles(double *samples, uint64_t n, double *out)
{
	size_t i;

	if (n > SAMPLES)
		n = SAMPLES;
	qsort(samples, n, sizeof(*samples), by_value);
	for (i = 0; i < MODEL_QUANTILES; i++)
		out[i] = n ? samples[(n - 1) * i / (MODEL_QUANTILES - 1)]
			   : (double)i / (MODEL_QUANTILES - 1);
}

static void finish_eras(struct fit *f)
{
	uint64_t n;
	size_t e, k;

	for (e = 0; e < MODEL_ERAS; e++)
		for (k = 0; k < MODEL_KINDS; k++) {
			struct model_era *era = &f->m->era[e];
			double all = (double)f->seen[e][k];
			size_t b;

			for (b = 0; b < MODEL_BANDS; b++)
				era->taste[k][b] =
					f->by_chance[e][k][b] >= 1
						? f->picked[e][k][b] /
							  f->by_chance[e][k][b]
						: 1;

			n = f->seen[e][k] - f->follows[e][k] -
			    f->precedes[e][k];
			quantiles(f->samples[e][k], n, era->rank[k]);
			if (!f->seen[e][k])
				continue;
			era->forward[k] = (double)f->follows[e][k] / all;
			era->backward[k] = (double)f->precedes[e][k] / all;
		}
}

/* How much more often than by chance a size follows one of its band. */
static void finish_stay(struct fit *f)
{
	double all = f->fresh, weight, found;
	size_t b, p;

	for (b = 0; b < MODEL_BANDS; b++) {
		if (!f->bands[b])
			continue;
		/* What phases of different sizes give by themselves. */
		for (weight = 0, p = 0; p < MODEL_PHASES; p++) {
			const double *w = f->m->phase[p].band;
			double n = f->m->phase[p].n[MODEL_NEW];

			weight += n > 0 ? w[b] * w[b] / n : 0;
		}
		weight /= (double)f->bands[b];
		found = (double)f->pairs[b] / (double)f->bands[b];
		if (all > 1 && weight < 1 && found > weight)
			f->m->stay[b] = (found - weight) / (1 - weight);
	}
}

static void finish_threads(struct fit *f)
{
	double *to = f->m->threads, ops;
	Word_t tid = 0, *at = (Word_t *)JudyLFirst(f->tids, &tid, PJE0);
	size_t i;

	for (; at; at = (Word_t *)JudyLNext(f->tids, &tid, PJE0)) {
		ops = (double)*at;
		for (i = MODEL_THREADS - 1; i && to[i - 1] < ops; i--)
			to[i] = to[i - 1];
		if (to[i] < ops)
			to[i] = ops;
	}
	if (!(to[0] > 0))
		to[0] = 1;
}

static int open_sizes(struct fit *f, struct source *s, const char *codec,
		      struct err *err)
{
	const struct zlt_info *info = f->info;
	int rc;

	if (info->objects == ZLT_OBJECT_SIZES)
		return 0;
	if (!codec && !info->codec_count)
		return err_set(err, -ENOENT,
			       "%s has no sizes of any codec; \"zlab sizes\" "
			       "adds them",
			       info->path);
	rc = zlt_sizes(source_file(s), codec ? codec : info->codecs[0].name,
		       &f->sizes, err);
	if (rc == -ENOENT)
		return err_set(err, rc,
			       "%s has no sizes of codec %s; \"zlab sizes\" "
			       "adds them",
			       info->path, codec);
	return rc ?: zlt_page_infos(source_file(s), &f->infos, err);
}

static int begin(struct fit *f, struct source *s, const char *codec,
		 struct err *err)
{
	size_t keys = f->info->keys + 1, k;
	int rc = open_sizes(f, s, codec, err);

	if (!rc && !f->info->events)
		rc = err_set(err, -EINVAL,
			     "%s has no events, so there is "
			     "nothing to model",
			     f->info->path);
	if (!rc)
		rc = room_memory(keys * (9 + 2 * ORDER_KEY_BYTES),
				 f->info->path, "its keys", err);
	if (rc)
		return rc;
	for (k = 0; k < MODEL_KINDS; k++)
		f->last[k] = ORDER_NONE;
	f->last_band = -1;
	f->random = 1;
	f->state = calloc(keys, sizeof(*f->state));
	f->size_of = calloc(keys, sizeof(*f->size_of));
	f->own = calloc(keys, sizeof(*f->own));
	f->at = calloc(keys, sizeof(*f->at));
	f->samples = calloc(MODEL_ERAS, sizeof(*f->samples));
	f->m = calloc(1, sizeof(*f->m));
	f->stored.at = f->loaded.at = f->at;
	if (!f->state || !f->size_of || !f->own || !f->at || !f->samples ||
	    !f->m)
		return err_set(err, -ENOMEM, "%s: out of memory",
			       f->info->path);
	snprintf(f->m->name, sizeof(f->m->name), "%s", f->info->name);
	return 0;
}

static int read_all(struct fit *f, struct source *s, struct err *err)
{
	struct zlt_batch b;
	int rc;

	while ((rc = source_next(s, &b, err)) == 1) {
		rc = add_batch(f, &b);
		if (rc)
			return err_set(err, rc, "%s: out of memory",
				       f->info->path);
	}
	if (rc)
		return rc;
	end_run(f);
	while (f->phase < MODEL_PHASES) {
		end_phase(f);
		f->phase++;
	}
	finish_eras(f);
	finish_stay(f);
	finish_threads(f);
	f->m->same = f->again > 0 ? f->same / f->again : 0;
	if (f->fresh > 0)
		return 0;
	return err_set(err, -EINVAL,
		       "%s stores nothing that has an object, so there is "
		       "nothing to model",
		       f->info->path);
}

struct model *model_fit(const char *path, const char *codec, struct err *err)
{
	struct source *s = source_open(path, ZLT_TIME | ZLT_TID, err);
	struct fit *f = calloc(1, sizeof(*f));
	struct model *m;
	int rc = -errno;

	if (s && f) {
		f->info = source_info(s);
		rc = begin(f, s, codec, err) ?: read_all(f, s, err);
	} else if (s) {
		rc = err_set(err, -ENOMEM, "%s: out of memory", path);
	}
	m = f ? f->m : NULL;
	if (f) {
		free(f->state);
		free(f->size_of);
		free(f->own);
		free(f->at);
		free(f->samples);
		order_free(&f->stored);
		order_free(&f->loaded);
		JudyLFreeArray(&f->tids, PJE0);
	}
	free(f);
	source_close(s);
	if (!rc)
		return m;
	model_free(m);
	errno = -rc;
	return NULL;
}

void model_free(struct model *m)
{
	free(m);
}

double model_events(const struct model *m)
{
	double n = 0;
	size_t p, k;

	for (p = 0; p < MODEL_PHASES; p++)
		for (k = 0; k < MODEL_KINDS; k++)
			n += m->phase[p].n[k];
	return n;
}
