// SPDX-License-Identifier: GPL-2.0-or-later
/* Models as JSON files. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/output.h"
#include "traces/label.h"
#include "traces/model/internal.h"

/* The greatest number that any member may have. */
#define GREATEST 1e18

static const char *const kind_names[] = { "new",  "again", "over",
					  "load", "free",  "forget" };

static json_t *numbers(const double *at, size_t n)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(list,
				      at[i] > -1e15 && at[i] < 1e15 &&
						      at[i] == floor(at[i])
					      ? json_integer((json_int_t)at[i])
					      : json_real(at[i]));
	return list;
}

static json_t *phase_json(const struct model_phase *p)
{
	return json_pack("{s:o, s:f, s:f, s:f, s:f, s:o}", "events",
			 numbers(p->n, MODEL_KINDS), "stored", p->stored,
			 "loaded", p->loaded, "ns", p->ns, "reuse", p->reuse,
			 "bands", numbers(p->band, MODEL_BANDS));
}

static json_t *era_json(const struct model_era *e)
{
	json_t *o = json_object();
	size_t k;

	for (k = 0; k < MODEL_KINDS; k++)
		json_object_set_new(
			o, kind_names[k],
			json_pack("{s:f, s:f, s:o, s:o}", "forward",
				  e->forward[k], "backward", e->backward[k],
				  "rank", numbers(e->rank[k], MODEL_QUANTILES),
				  "taste", numbers(e->taste[k], MODEL_BANDS)));
	return o;
}

static json_t *to_json(const struct model *m)
{
	json_t *phases = json_array(), *eras = json_array();
	json_t *runs = json_object(), *turn = json_array();
	json_t *step = json_array();
	size_t i;

	for (i = 0; i < MODEL_PHASES; i++)
		json_array_append_new(phases, phase_json(&m->phase[i]));
	for (i = 0; i < MODEL_ERAS; i++)
		json_array_append_new(eras, era_json(&m->era[i]));
	for (i = 0; i < MODEL_KINDS; i++)
		json_object_set_new(runs, kind_names[i],
				    numbers(m->run[i], MODEL_RUNS));
	for (i = 0; i < MODEL_BANDS; i++)
		json_array_append_new(turn, numbers(m->turn[i], MODEL_BANDS));
	for (i = 0; i < MODEL_BANDS; i++)
		json_array_append_new(step, numbers(m->step[i], MODEL_STEPS));
	return json_pack(
		"{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, "
		"s:o}",
		"zlab_model", MODEL_VERSION, "name", label_json(m->name),
		"phases", phases, "eras", eras, "runs", runs, "sizes",
		numbers(m->size, ZLT_PAGE_SIZE + 1), "resizes",
		numbers(m->resize, ZLT_PAGE_SIZE + 1), "stay",
		numbers(m->stay, MODEL_BANDS), "same", m->same, "step", step,
		"turn", turn, "threads", numbers(m->threads, MODEL_THREADS));
}

int model_write(const struct model *m, const char *path, struct err *err)
{
	json_t *json = to_json(m);
	struct output *out;
	FILE *f;
	int rc;

	if (!json)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	out = output_stream(path, &f, err);
	rc = out ? 0 : -errno;
	if (out) {
		json_dumpf(json, f, JSON_COMPACT | JSON_REAL_PRECISION(12));
		putc('\n', f);
		rc = output_end(out, f, err);
	}
	json_decref(json);
	return rc;
}

/*
 * The getters below set @ok to false for what is missing, of another kind or out
 * of range, and go on.
 */
static double number(const json_t *v, bool *ok)
{
	double x = json_number_value(v);

	if (json_is_number(v) && x >= 0 && x <= GREATEST)
		return x;
	*ok = false;
	return 0;
}

static double member(const json_t *o, const char *name, double most, bool *ok)
{
	double x = number(json_object_get(o, name), ok);

	if (x <= most)
		return x;
	*ok = false;
	return 0;
}

static void list(const json_t *v, double *to, size_t n, double most, bool *ok)
{
	size_t i;

	if (json_array_size(v) != n) {
		*ok = false;
		return;
	}
	for (i = 0; i < n; i++) {
		to[i] = number(json_array_get(v, i), ok);
		if (to[i] > most)
			*ok = false;
	}
}

static void get_phase(const json_t *o, struct model_phase *p, bool *ok)
{
	list(json_object_get(o, "events"), p->n, MODEL_KINDS, 1e12, ok);
	p->stored = member(o, "stored", UINT32_MAX, ok);
	p->loaded = member(o, "loaded", UINT32_MAX, ok);
	p->ns = member(o, "ns", GREATEST, ok);
	p->reuse = member(o, "reuse", 1, ok);
	list(json_object_get(o, "bands"), p->band, MODEL_BANDS, 1e12, ok);
}

static void get_era(const json_t *o, struct model_era *e, bool *ok)
{
	const json_t *k;
	size_t i;

	for (i = 0; i < MODEL_KINDS; i++) {
		k = json_object_get(o, kind_names[i]);
		e->forward[i] = member(k, "forward", 1, ok);
		e->backward[i] = member(k, "backward", 1, ok);
		list(json_object_get(k, "rank"), e->rank[i], MODEL_QUANTILES, 1,
		     ok);
		list(json_object_get(k, "taste"), e->taste[i], MODEL_BANDS,
		     1e12, ok);
	}
}

/* Sums that are divided by. */
static bool usable(const struct model *m)
{
	double events = 0, sizes = 0, ns = 0, threads = 0;
	size_t i, k;

	for (i = 0; i < MODEL_PHASES; i++) {
		ns += m->phase[i].ns;
		for (k = 0; k < MODEL_KINDS; k++)
			events += m->phase[i].n[k];
	}
	for (i = 1; i <= ZLT_PAGE_SIZE; i++)
		sizes += m->size[i];
	for (i = 0; i < MODEL_THREADS; i++)
		threads += m->threads[i];
	return events > 0 && sizes > 0 && ns > 0 && threads > 0;
}

static void get_model(const json_t *o, struct model *m, bool *ok)
{
	const json_t *phases = json_object_get(o, "phases");
	const json_t *eras = json_object_get(o, "eras");
	const json_t *turn = json_object_get(o, "turn");
	const json_t *step = json_object_get(o, "step");
	const char *name = json_string_value(json_object_get(o, "name"));
	size_t i;

	snprintf(m->name, sizeof(m->name), "%s", name ? name : "model");
	for (i = 0; i < MODEL_PHASES; i++)
		get_phase(json_array_get(phases, i), &m->phase[i], ok);
	for (i = 0; i < MODEL_ERAS; i++)
		get_era(json_array_get(eras, i), &m->era[i], ok);
	for (i = 0; i < MODEL_KINDS; i++)
		list(json_object_get(json_object_get(o, "runs"), kind_names[i]),
		     m->run[i], MODEL_RUNS, 1e15, ok);
	list(json_object_get(o, "sizes"), m->size, ZLT_PAGE_SIZE + 1, 1e15, ok);
	m->size[0] = 0;
	list(json_object_get(o, "stay"), m->stay, MODEL_BANDS, 1, ok);
	m->same = member(o, "same", 1, ok);
	for (i = 0; i < MODEL_BANDS; i++)
		list(json_array_get(turn, i), m->turn[i], MODEL_BANDS, 1e15,
		     ok);
	for (i = 0; i < MODEL_BANDS; i++)
		list(json_array_get(step, i), m->step[i], MODEL_STEPS, 1e15,
		     ok);
	list(json_object_get(o, "resizes"), m->resize, ZLT_PAGE_SIZE + 1, 1e15,
	     ok);
	list(json_object_get(o, "threads"), m->threads, MODEL_THREADS, 1e18,
	     ok);
	*ok = *ok && usable(m);
}

struct model *model_read(const char *path, struct err *err)
{
	struct model *m = calloc(1, sizeof(*m));
	json_error_t why;
	json_t *json;
	bool ok = true;
	FILE *f = fopen(path, "re");
	int rc = 0;

	if (!f || !m) {
		rc = !m ? err_set(err, -ENOMEM, "%s: out of memory", path)
			: err_set(err, -errno, "%s: cannot be opened: %s", path,
				  strerror(errno));
		goto out;
	}
	json = json_loadf(f, 0, &why);
	if (!json_object_get(json, "zlab_model")) {
		rc = err_set(err, -EINVAL,
			     "%s: not a model; \"zlab model\" makes them",
			     path);
	} else if (json_integer_value(json_object_get(json, "zlab_model")) !=
		   MODEL_VERSION) {
		rc = err_set(err, -EINVAL,
			     "%s: a model of another version; this program "
			     "takes version %d",
			     path, MODEL_VERSION);
	} else {
		get_model(json, m, &ok);
		if (!ok)
			rc = err_set(err, -EINVAL,
				     "%s: a member of the model is missing, or "
				     "out of range; make it again",
				     path);
	}
	json_decref(json);
out:
	if (f)
		fclose(f);
	if (!rc)
		return m;
	model_free(m);
	errno = -rc;
	return NULL;
}
