// SPDX-License-Identifier: GPL-2.0-or-later
/* Synthetic traces as sources: their events are made batch by batch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/room.h"
#include "traces/generate/emit.h"
#include "traces/source.h"

/* Sizes that are drawn to learn their mean. */
#define MEAN_OF 65536

struct stream {
	struct source source;
	struct generate_run run;
	struct gen_params p;
	struct zlt_info info;
	enum gen_mode mode;
	uint64_t first;
	double mean;
};

static struct stream *stream_of(const struct source *s)
{
	return (struct stream *)s;
}

static const struct zlt_info *stream_info(const struct source *s)
{
	return &stream_of(s)->info;
}

static int stream_next(struct source *source, struct zlt_batch *batch,
		       struct err *err)
{
	struct stream *s = stream_of(source);
	struct gen_columns *out = &s->run.out;

	s->run.hot.count = 0;
	out->nr_labels = 0;
	gen_play(&s->run, s->mode);
	*batch = (struct zlt_batch){
		.count = s->run.hot.count,
		.first = s->first,
		.op = out->op,
		.key = out->key,
		.object = out->object,
		.time_ns = out->time_ns,
		.cpu = out->cpu,
		.tid = out->tid,
		.orig = out->orig,
		.labels = out->labels,
	};
	s->first += batch->count;
	return batch->count > 0;
}

static int stream_rewind(struct source *source, struct err *err)
{
	struct stream *s = stream_of(source);

	gen_restart(&s->run);
	s->first = 0;
	return 0;
}

static void stream_close(struct source *source)
{
	struct stream *s = stream_of(source);
	struct gen_columns *out = &s->run.out;

	free(out->op);
	free(out->key);
	free(out->object);
	free(out->time_ns);
	free(out->cpu);
	free(out->tid);
	free(out->orig);
	gen_end(&s->run);
	json_decref(s->info.meta);
	free((char *)s->info.path);
	free(s);
}

static uint64_t stream_live_bytes(const struct source *source)
{
	const struct stream *s = stream_of(source);

	return (uint64_t)((double)s->info.live_peak * s->mean);
}

static const struct source_ops stream_ops = {
	.info = stream_info,
	.next = stream_next,
	.rewind = stream_rewind,
	.close = stream_close,
	.live_bytes = stream_live_bytes,
};

static int make_columns(struct stream *s, unsigned int want)
{
	struct gen_columns *out = &s->run.out;
	size_t n = GEN_BATCH;

	out->room = n;
	out->op = malloc(n * sizeof(*out->op));
	out->key = malloc(n * sizeof(*out->key));
	out->object = malloc(n * sizeof(*out->object));
	if (want & ZLT_TIME)
		out->time_ns = malloc(n * sizeof(*out->time_ns));
	if (want & ZLT_CPU)
		out->cpu = malloc(n * sizeof(*out->cpu));
	if (want & ZLT_TID)
		out->tid = malloc(n * sizeof(*out->tid));
	if (want & ZLT_KEYS)
		out->orig = malloc(n * sizeof(*out->orig));
	s->mode = want & (ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS) ? GEN_COLUMNS
								   : GEN_EVENTS;
	return out->op && out->key && out->object &&
			       (out->time_ns || !(want & ZLT_TIME)) &&
			       (out->cpu || !(want & ZLT_CPU)) &&
			       (out->tid || !(want & ZLT_TID)) &&
			       (out->orig || !(want & ZLT_KEYS))
		       ? 0
		       : -ENOMEM;
}

/* Go through all events once. */
static void count(struct stream *s)
{
	const struct gen_totals *t = &s->run.total;
	struct zlt_info *info = &s->info;
	int i;

	gen_play(&s->run, GEN_COUNT);
	for (i = 0; i < ZLT_OPS; i++) {
		info->ops[i] = t->ops[i];
		info->events += t->ops[i];
	}
	info->keys = s->run.id ? s->run.keys : t->keys;
	info->live_peak = t->live_peak;
	info->live_peak_exclusive = t->live_exclusive_peak;
}

static double mean_size(struct stream *s)
{
	struct gen_hot h = s->run.hot;
	double sum = 0;
	int i;

	for (i = 0; i < MEAN_OF; i++) {
		gen_need(&s->run, &h, 1);
		sum += gen_size(&s->run, &h);
	}
	return sum / MEAN_OF;
}

static bool is_generated(const char *name)
{
	return generator_find(name, NULL) != NULL;
}

static int begin(struct stream *s, const char *name, unsigned int want,
		 struct err *err)
{
	const struct generator *gen = gen_check(name, &s->p, err);
	uint64_t need;
	int rc;

	if (!gen)
		return -EINVAL;
	if (s->p.contents)
		return err_set(err, -EINVAL,
			       "stream %s: contents=on makes pages, and pages "
			       "need a file; write it with \"zlab generate "
			       "-o\"",
			       name);
	need = (uint64_t)s->p.keys * gen_key_bytes(gen, &s->p);
	rc = room_memory(need, name, "its keys", err);
	if (!rc)
		rc = gen_start(&s->run, gen, &s->p, err);
	if (rc)
		return rc;
	s->info.path = strdup(name);
	s->info.name = gen->desc.name;
	s->info.meta = gen_meta(gen, &s->p);
	if (!s->info.path || !s->info.meta || make_columns(s, want))
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	s->info.version = ZLT_VERSION;
	s->info.finished = true;
	s->info.note = "";
	s->info.columns = ZLT_TIME | ZLT_CPU | ZLT_TID;
	s->info.objects = ZLT_OBJECT_SIZES;
	count(s);
	s->mean = mean_size(s);
	gen_restart(&s->run);
	return 0;
}

static struct source *open_generated(const char *name, unsigned int want,
				     struct err *err)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		err_set(err, -ENOMEM, "%s: out of memory", name);
		errno = ENOMEM;
		return NULL;
	}
	s->source.ops = &stream_ops;
	rc = begin(s, name, want, err);
	if (!rc)
		return &s->source;
	stream_close(&s->source);
	errno = -rc;
	return NULL;
}

static char *identify(const char *name, struct err *err)
{
	const struct generator *gen;
	struct gen_params p;
	char spec[1024], *copy;

	gen = gen_check(name, &p, err);
	if (!gen)
		return NULL;
	copy = strdup(spec_print(&gen->desc, &p, spec, sizeof(spec)));
	if (!copy)
		err_set(err, -ENOMEM, "%s: out of memory", name);
	return copy;
}

const struct source_kind generated_source = {
	.is = is_generated,
	.open = open_generated,
	.identify = identify,
};
