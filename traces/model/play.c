// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes a trace from a model, as a stream. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/random.h"
#include "lib/room.h"
#include "lib/spec.h"
#include "traces/model/internal.h"
#include "traces/model/order.h"

#define NAME "model:"
#define BATCH 16384
#define DAY_NS 86400e9
/* Pages that are looked at before one is taken against the taste. */
#define TRIES 16
#define TASTE_MOST 16.0
#define FIRST_VPN 0x7f0000000ull
#define FIRST_TID 1000

struct options {
	double scale, days;
	long long seed;
};

static const struct spec_option options[] = {
	{ "scale", SPEC_REAL, offsetof(struct options, scale), "1", 1e-3, 1e6,
	  NULL, "how many times the pages and the events" },
	{ "days", SPEC_REAL, offsetof(struct options, days), "0", 0, 1e5, NULL,
	  "how long; the part with a full pool is repeated. 0: as recorded" },
	{ "seed", SPEC_INT, offsetof(struct options, seed), "1", 0, 9e15, NULL,
	  "another seed makes another trace of the same kind" },
	{ .name = NULL },
};

static const struct spec_desc desc = { "model", "stream", options, NULL,
				       sizeof(struct options) };

/* Sums of weights, from which one is picked. */
struct pick {
	size_t n;
	double sum[ZLT_PAGE_SIZE + 1];
};

/**
 * struct player - a stream
 * @steady, @steady_end: phases that are repeated to fill the days
 * @quota: events of each kind that are left in the phase
 * @all: events of each kind of the phase
 * @again: whether the phase was played before
 * @kind, @left: the run, and what is left of it
 * @taste_most: the greatest taste of the kind
 * @last: the entry of the last event of each kind
 * @size_of: of each key; @own: its own size, see struct model; @freed: keys to be used again
 * @band: of the last new page
 */
struct player {
	struct source source;
	struct model *m;
	struct options o;
	struct zlt_info info;
	uint64_t random;
	size_t phase, steady, steady_end;
	bool again, over;
	double quota[MODEL_KINDS], all[MODEL_KINDS];
	double time_ns, step_ns;
	enum model_kind kind;
	uint64_t left;
	uint32_t thread;
	double taste_most;
	size_t last[MODEL_KINDS];
	struct order stored, loaded;
	uint16_t *size_of, *own;
	uint32_t *freed;
	size_t keys, room, nr_freed, freed_room;
	int band;
	struct pick in_band[MODEL_BANDS], resize[MODEL_BANDS], threads;
	struct pick turn[MODEL_BANDS], step[MODEL_BANDS];
	struct pick of_phase, runs[MODEL_KINDS];
	double bytes, bytes_peak;
	uint64_t known, known_peak, stored_peak;
	uint64_t first;
	unsigned int want;
	uint8_t op[BATCH];
	uint32_t key[BATCH], object[BATCH], tid[BATCH];
	uint64_t time[BATCH], orig[BATCH];
	uint16_t cpu[BATCH];
};

static struct player *player_of(const struct source *s)
{
	return (struct player *)s;
}

static double share(struct player *p)
{
	return (double)(random_splitmix(&p->random) >> 11) * 0x1p-53;
}

static void prepare(struct pick *pick, const double *weight, size_t n)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		pick->sum[i] = sum += weight[i];
	pick->n = n;
}

static double total(const struct pick *pick)
{
	return pick->sum[pick->n - 1];
}

/* The first whose sum is above a random share; -1 if all weights are 0. */
static int choose(struct player *p, const struct pick *pick)
{
	double at = share(p) * total(pick);
	size_t low = 0, high = pick->n - 1;

	if (!(total(pick) > 0))
		return -1;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (pick->sum[mid] > at)
			high = mid;
		else
			low = mid + 1;
	}
	return (int)low;
}

static double band_weight(const struct model *m, size_t band)
{
	size_t first = band * (ZLT_PAGE_SIZE / MODEL_BANDS) + 1, i;
	double sum = 0;

	for (i = 0; i < ZLT_PAGE_SIZE / MODEL_BANDS; i++)
		sum += m->size[first + i];
	return sum;
}

static uint32_t size_in(struct player *p, const struct pick *in_band, int band)
{
	int at = choose(p, &in_band[band]);

	/* A phase may have bands that all sizes together lack, in a bad file. */
	if (at < 0)
		at = ZLT_PAGE_SIZE / MODEL_BANDS / 2;
	return (uint32_t)band * (ZLT_PAGE_SIZE / MODEL_BANDS) + 1 +
	       (uint32_t)at;
}

static uint32_t new_size(struct player *p)
{
	if (p->band < 0 || share(p) >= p->m->stay[p->band])
		p->band = choose(p, &p->of_phase);
	return size_in(p, p->in_band, p->band);
}

static uint32_t next_size(struct player *p, uint32_t key)
{
	uint32_t size = p->size_of[key], own = p->own[key];
	const struct pick *step = &p->step[MODEL_BAND(own)];
	const struct pick *turn = &p->turn[MODEL_BAND(own)];
	int to;

	if (share(p) < p->m->same)
		return size;
	if (share(p) * (total(step) + total(turn)) >= total(step)) {
		to = choose(p, turn);
		if (to < 0)
			return size;
		p->own[key] = (uint16_t)size_in(p, p->resize, to);
		return p->own[key];
	}
	to = (int)own + 4 * choose(p, step) - MODEL_STEP + (int)(4 * share(p));
	return to < 1 ? 1 : to > ZLT_PAGE_SIZE ? ZLT_PAGE_SIZE : (uint32_t)to;
}

/*
 * A repeated phase shall end with as many pages as it did in the recording, or
 * the pool would grow with every repetition.
 */
static void balance(struct player *p, const struct model_phase *phase)
{
	double s = p->o.scale, *q = p->quota, over;

	over = (double)p->stored.count + q[MODEL_NEW] + q[MODEL_AGAIN] -
	       q[MODEL_LOAD] - q[MODEL_FREE] - phase->stored * s;
	q[over > 0 ? MODEL_FREE : MODEL_NEW] += fabs(over);
	over = (double)p->loaded.count + q[MODEL_LOAD] - q[MODEL_AGAIN] -
	       q[MODEL_FORGET] - phase->loaded * s;
	if (over > 0)
		q[MODEL_FORGET] += over;
}

static void begin_phase(struct player *p)
{
	const struct model_phase *phase = &p->m->phase[p->phase];
	double events = 0;
	size_t k;

	for (k = 0; k < MODEL_KINDS; k++)
		p->quota[k] += phase->n[k] * p->o.scale;
	if (p->again)
		balance(p, phase);
	for (k = 0; k < MODEL_KINDS; k++) {
		p->all[k] = p->quota[k];
		events += p->quota[k];
	}
	p->step_ns = events > 0 ? phase->ns / events : phase->ns;
	prepare(&p->of_phase, phase->band, MODEL_BANDS);
	if (!(total(&p->of_phase) > 0)) {
		double all[MODEL_BANDS];

		for (k = 0; k < MODEL_BANDS; k++)
			all[k] = band_weight(p->m, k);
		prepare(&p->of_phase, all, MODEL_BANDS);
	}
	p->left = 0;
}

static void next_phase(struct player *p)
{
	/* What could not be done is not owed: there was no such page. */
	memset(p->quota, 0, sizeof(p->quota));
	p->phase++;
	if (p->phase == p->steady_end && p->time_ns < p->o.days * DAY_NS) {
		p->phase = p->steady;
		p->again = true;
	}
	if (p->phase == MODEL_PHASES)
		p->over = true;
	else
		begin_phase(p);
}

static size_t available(const struct player *p, enum model_kind k)
{
	if (k == MODEL_NEW)
		return SIZE_MAX;
	return model_of_stored(k) ? p->stored.count : p->loaded.count;
}

static uint64_t run_length(struct player *p, enum model_kind k)
{
	int log = choose(p, &p->runs[k]);
	uint64_t low = 1ull << (log < 0 ? 0 : log);

	return low + (uint64_t)(share(p) * (double)low);
}

/*
 * Which kind is next: the one that is furthest behind. Drawing it would let the
 * pool grow and shrink within a phase more than programs do, whose stores make
 * room for what they load.
 */
static bool begin_run(struct player *p)
{
	const double *taste;
	double behind = -1;
	int got = -1;
	size_t k;

	for (k = 0; k < MODEL_KINDS; k++) {
		if (p->quota[k] < 1 || !available(p, k) ||
		    p->quota[k] / p->all[k] <= behind)
			continue;
		behind = p->quota[k] / p->all[k];
		got = (int)k;
	}
	if (got < 0)
		return false;
	p->kind = (enum model_kind)got;
	p->left = run_length(p, p->kind);
	p->time_ns += 0.9 * p->step_ns * (double)p->left;
	p->thread = (uint32_t)choose(p, &p->threads);
	taste = p->m->era[model_era_of(p->phase)].taste[got];
	for (p->taste_most = 0, k = 0; k < MODEL_BANDS; k++)
		p->taste_most = fmax(p->taste_most, fmin(taste[k], TASTE_MOST));
	return true;
}

static double rank_of(struct player *p, const double *quantile)
{
	double at = share(p) * (MODEL_QUANTILES - 1), low = floor(at);
	size_t i = (size_t)low;

	return quantile[i] + (at - low) * (quantile[i + 1] - quantile[i]);
}

/* The entry of the page that the next event of a kind is of. */
static size_t next_entry(struct player *p, enum model_kind k, struct order *o)
{
	const struct model_era *e = &p->m->era[model_era_of(p->phase)];
	size_t entry = ORDER_NONE, rank, tries;
	double dice = share(p);

	if (p->last[k] != ORDER_NONE && dice < e->forward[k])
		entry = order_after(o, p->last[k]);
	else if (p->last[k] != ORDER_NONE &&
		 dice < e->forward[k] + e->backward[k])
		entry = order_before(o, p->last[k]);
	for (tries = 0; tries < TRIES; tries++) {
		if (entry != ORDER_NONE &&
		    share(p) * p->taste_most <
			    e->taste[k][MODEL_BAND(p->own[o->key[entry]])])
			break;
		rank = (size_t)(rank_of(p, e->rank[k]) * (double)o->count);
		entry = order_find(o, rank < o->count ? rank : o->count - 1);
	}
	p->last[k] = entry;
	return entry;
}

static int add(struct player *p, struct order *o, uint32_t key)
{
	size_t used = o->used, k;
	int rc = order_add(o, key);

	if (o->used != used + 1)
		for (k = 0; k < MODEL_KINDS; k++)
			if (model_of_stored(k) == (o == &p->stored))
				p->last[k] = ORDER_NONE;
	return rc;
}

static int grow_keys(struct player *p)
{
	size_t room = p->room ? 2 * p->room : 4096;
	uint16_t *to = realloc(p->size_of, room * sizeof(*to));

	if (to)
		p->size_of = to;
	to = to ? realloc(p->own, room * sizeof(*to)) : NULL;
	if (!to)
		return -ENOMEM;
	p->own = to;
	p->room = room;
	return 0;
}

static int free_key(struct player *p, uint32_t key)
{
	size_t room = p->freed_room ? 2 * p->freed_room : 4096;
	uint32_t *to;

	if (p->nr_freed == p->freed_room) {
		to = realloc(p->freed, room * sizeof(*to));
		if (!to)
			return -ENOMEM;
		p->freed = to;
		p->freed_room = room;
	}
	p->freed[p->nr_freed++] = key;
	return 0;
}

/* A repetition names no new keys while there are freed ones. */
static int new_key(struct player *p, uint32_t *key)
{
	size_t at;

	if (p->nr_freed &&
	    (p->again || share(p) < p->m->phase[p->phase].reuse)) {
		at = (size_t)(share(p) * (double)p->nr_freed);
		*key = p->freed[at];
		p->freed[at] = p->freed[--p->nr_freed];
		return 0;
	}
	if (p->keys == UINT32_MAX)
		return -EFBIG;
	if (p->keys == p->room && grow_keys(p))
		return -ENOMEM;
	*key = (uint32_t)p->keys++;
	return 0;
}

static void count_size(struct player *p, double by)
{
	p->bytes += by;
	if (p->bytes > p->bytes_peak)
		p->bytes_peak = p->bytes;
}

/* Make one event at @i of the batch. */
static int make(struct player *p, size_t i)
{
	enum model_kind k = p->kind;
	struct order *o = model_of_stored(k) ? &p->stored : &p->loaded;
	uint32_t key = 0, size;
	int rc = 0;

	if (k == MODEL_NEW) {
		rc = new_key(p, &key);
	} else {
		size_t entry = next_entry(p, k, o);

		key = o->key[entry];
		order_take(o, entry);
	}
	if (rc)
		return rc;
	p->object[i] = 0;
	p->key[i] = key;
	switch (k) {
	case MODEL_NEW:
	case MODEL_AGAIN:
	case MODEL_OVER:
		size = k == MODEL_NEW ? new_size(p) : next_size(p, key);
		/* Peaks are those of a pool whose loads keep the copy. */
		count_size(p,
			   size - (k == MODEL_NEW ? 0.0
						  : (double)p->size_of[key]));
		p->known += k == MODEL_NEW;
		if (k == MODEL_NEW)
			p->own[key] = (uint16_t)size;
		p->size_of[key] = (uint16_t)size;
		p->op[i] = ZLT_STORE;
		p->object[i] = size;
		rc = add(p, &p->stored, key);
		break;
	case MODEL_LOAD:
		p->op[i] = ZLT_LOAD;
		rc = add(p, &p->loaded, key);
		break;
	default:
		p->op[i] = ZLT_INVALIDATE;
		p->known--;
		count_size(p, -(double)p->size_of[key]);
		rc = free_key(p, key);
		break;
	}
	if (p->known > p->known_peak)
		p->known_peak = p->known;
	if (p->stored.count > p->stored_peak)
		p->stored_peak = p->stored.count;
	p->time[i] = (uint64_t)p->time_ns;
	p->tid[i] = FIRST_TID + p->thread;
	p->cpu[i] = (uint16_t)p->thread;
	p->orig[i] = zlt_key(1, FIRST_VPN + key);
	p->time_ns += 0.1 * p->step_ns;
	p->quota[k]--;
	p->left--;
	return rc;
}

/* Return: the number of events made, 0 at the end, or a negative errno. */
static ssize_t make_batch(struct player *p)
{
	size_t n = 0;
	int rc;

	while (n < BATCH && !p->over) {
		if (p->left && p->quota[p->kind] >= 1 &&
		    available(p, p->kind)) {
			rc = make(p, n++);
			if (rc)
				return rc;
			continue;
		}
		if (!begin_run(p))
			next_phase(p);
	}
	return (ssize_t)n;
}

static int player_next(struct source *source, struct zlt_batch *batch,
		       struct err *err)
{
	struct player *p = player_of(source);
	ssize_t n = make_batch(p);

	if (n < 0)
		return err_set(err, (int)n, "%s: %s", p->info.path,
			       n == -EFBIG ? "more than 2^32-1 keys"
					   : "out of memory for its keys");
	*batch = (struct zlt_batch){
		.count = (size_t)n,
		.first = p->first,
		.op = p->op,
		.key = p->key,
		.object = p->object,
		.time_ns = p->want & ZLT_TIME ? p->time : NULL,
		.cpu = p->want & ZLT_CPU ? p->cpu : NULL,
		.tid = p->want & ZLT_TID ? p->tid : NULL,
		.orig = p->want & ZLT_KEYS ? p->orig : NULL,
	};
	p->first += (uint64_t)n;
	return n > 0;
}

static int player_rewind(struct source *source, struct err *err)
{
	struct player *p = player_of(source);
	size_t k;

	p->random = (uint64_t)p->o.seed;
	p->phase = 0;
	p->again = p->over = false;
	p->time_ns = 0;
	p->keys = p->nr_freed = 0;
	p->band = -1;
	p->bytes = 0;
	p->known = 0;
	p->first = 0;
	memset(p->quota, 0, sizeof(p->quota));
	for (k = 0; k < MODEL_KINDS; k++)
		p->last[k] = ORDER_NONE;
	/* When holes are closed is a part of what happens, so none are kept. */
	order_free(&p->stored);
	order_free(&p->loaded);
	begin_phase(p);
	return 0;
}

static void player_close(struct source *source)
{
	struct player *p = player_of(source);

	order_free(&p->stored);
	order_free(&p->loaded);
	free(p->size_of);
	free(p->own);
	free(p->freed);
	json_decref(p->info.meta);
	free((char *)p->info.path);
	model_free(p->m);
	free(p);
}

static const struct zlt_info *player_info(const struct source *source)
{
	return &player_of(source)->info;
}

static uint64_t player_live_bytes(const struct source *source)
{
	return (uint64_t)player_of(source)->bytes_peak;
}

static const struct source_ops player_ops = {
	.info = player_info,
	.next = player_next,
	.rewind = player_rewind,
	.close = player_close,
	.live_bytes = player_live_bytes,
};

/* The phases between the first and the last with a pool at least half full. */
static void find_steady(struct player *p)
{
	double most = 0;
	size_t i;

	for (i = 0; i < MODEL_PHASES; i++)
		most = fmax(most, p->m->phase[i].stored);
	p->steady = MODEL_PHASES;
	for (i = 0; i < MODEL_PHASES; i++) {
		if (p->m->phase[i].stored < most / 2)
			continue;
		if (p->steady == MODEL_PHASES)
			p->steady = i;
		p->steady_end = i + 1;
	}
	/* A phase without time would be repeated without end. */
	for (most = 0, i = p->steady; i < p->steady_end; i++)
		most += p->m->phase[i].ns;
	if (!(most > 0))
		p->steady_end = 0;
}

static void prepare_all(struct player *p)
{
	const struct model *m = p->m;
	size_t width = ZLT_PAGE_SIZE / MODEL_BANDS, i, k;

	for (i = 0; i < MODEL_BANDS; i++) {
		prepare(&p->in_band[i], m->size + i * width + 1, width);
		prepare(&p->resize[i], m->resize + i * width + 1, width);
		prepare(&p->turn[i], m->turn[i], MODEL_BANDS);
		prepare(&p->step[i], m->step[i], MODEL_STEPS);
	}
	prepare(&p->threads, m->threads, MODEL_THREADS);
	for (k = 0; k < MODEL_KINDS; k++)
		prepare(&p->runs[k], m->run[k], MODEL_RUNS);
	find_steady(p);
}

/* Most pages known at one time, and new keys before anything repeats. */
static double expected_keys(const struct player *p)
{
	double known = 0, most = 0, fresh = 0;
	size_t i;

	for (i = 0; i < MODEL_PHASES; i++) {
		const struct model_phase *f = &p->m->phase[i];

		known = f->stored + f->loaded;
		most = fmax(most, known);
		fresh += f->n[MODEL_NEW] * (1 - f->reuse);
	}
	return fmax(most, fresh) * p->o.scale;
}

/* Go through all events once. */
static int count(struct player *p, struct err *err)
{
	struct zlt_info *info = &p->info;
	struct zlt_batch b = { 0 };
	size_t i;
	int rc;

	while ((rc = player_next(&p->source, &b, err)) > 0) {
		info->events += b.count;
		for (i = 0; i < b.count; i++)
			info->ops[b.op[i]]++;
	}
	info->keys = p->keys;
	info->live_peak = p->known_peak;
	info->live_peak_exclusive = p->stored_peak;
	return rc;
}

static bool is_model(const char *name)
{
	return !strncmp(name, NAME, strlen(NAME));
}

/* Cut "model:FILE,OPTION=VALUE..." to the file and the options' spec. */
static int cut(const char *name, struct options *o, char **path,
	       struct err *err)
{
	const char *file = name + strlen(NAME), *comma;
	char spec[512];

	/* A file's name may have commas; an option has a "=" behind one. */
	for (comma = strchr(file, ','); comma; comma = strchr(comma + 1, ','))
		if (strchr(comma, '='))
			break;
	*path = strndup(file, comma ? (size_t)(comma - file) : strlen(file));
	if (!*path)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	snprintf(spec, sizeof(spec), "model%s%s", comma ? ":" : "",
		 comma ? comma + 1 : "");
	memset(o, 0, sizeof(*o));
	return spec_parse(&desc, spec, o, err);
}

static char *identify(const char *name, struct err *err)
{
	char *path = NULL, *text = NULL, *file = NULL, spec[512];
	struct options o;
	json_t *json;

	if (!cut(name, &o, &path, err)) {
		json = json_load_file(path, 0, NULL);
		file = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS)
			    : NULL;
		json_decref(json);
		spec_print(&desc, &o, spec, sizeof(spec));
		if (!file)
			err_set(err, -EINVAL, "%s: not a model", path);
		else if (asprintf(&text, "%s %s", spec, file) < 0)
			text = NULL;
		if (file && !text)
			err_set(err, -ENOMEM, "%s: out of memory", name);
	}
	free(file);
	free(path);
	return text;
}

static int begin(struct player *p, const char *name, struct err *err)
{
	char *path = NULL, spec[512];
	int rc = cut(name, &p->o, &path, err);

	if (!rc) {
		p->m = model_read(path, err);
		rc = p->m ? 0 : -errno;
	}
	free(path);
	if (rc || !p->m)
		return rc;
	rc = room_memory(
		(uint64_t)(expected_keys(p) * (8 + 2 * ORDER_KEY_BYTES)), name,
		"its keys", err);
	if (rc)
		return rc;
	p->info.path = strdup(name);
	p->info.name = p->m->name;
	p->info.meta = json_pack("{s:s, s:s, s:s, s:s}", "name", p->m->name,
				 "model", p->m->name, "generator",
				 spec_print(&desc, &p->o, spec, sizeof(spec)),
				 "keys", "address");
	if (!p->info.path || !p->info.meta)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	p->info.version = ZLT_VERSION;
	p->info.finished = true;
	p->info.note = "";
	p->info.columns = ZLT_TIME | ZLT_CPU | ZLT_TID;
	p->info.objects = ZLT_OBJECT_SIZES;
	prepare_all(p);
	player_rewind(&p->source, err);
	rc = count(p, err);
	return rc ?: player_rewind(&p->source, err);
}

static struct source *open_model(const char *name, unsigned int want,
				 struct err *err)
{
	struct player *p = calloc(1, sizeof(*p));
	int rc;

	if (!p) {
		err_set(err, -ENOMEM, "%s: out of memory", name);
		errno = ENOMEM;
		return NULL;
	}
	p->source.ops = &player_ops;
	p->want = want;
	rc = begin(p, name, err);
	if (!rc)
		return &p->source;
	player_close(&p->source);
	errno = -rc;
	return NULL;
}

const struct source_kind model_source = {
	.is = is_model,
	.open = open_model,
	.identify = identify,
};
