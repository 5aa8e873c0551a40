// SPDX-License-Identifier: GPL-2.0-or-later
/* Computing a summary, and its two outputs: text and JSON. */
#include <Judy.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/percent.h"
#include "lib/text.h"
#include "traces/label.h"
#include "traces/summary.h"

#define SIZES (UINT16_MAX + 1)

/*
 * The stores under one codec.
 *
 * @table: size of each content; NULL in a trace of sizes
 * @stores_of: number of stores of each size
 */
struct size_counts {
	const uint16_t *table;
	uint64_t *stores_of;
};

/**
 * struct summary_pass - state of one pass over a trace
 * @live: whether each key is stored
 * @content: content id of each key's last store
 * @infos: page info of each content
 * @counts: one entry per codec of the summary
 * @live_now: number of keys stored now
 * @by_address: keys are addresses
 * @keys: keys that have appeared
 * @spaces: Judy set of their address spaces
 * @last_space: the one noted last
 */
struct summary_pass {
	const struct zlt_info *info;
	struct summary *s;
	uint8_t *live;
	uint32_t *content;
	const struct zlt_page_info *infos;
	struct size_counts *counts;
	struct activity_pass *activity;
	uint64_t live_now;
	bool by_address;
	uint64_t keys;
	void *spaces;
	uint32_t last_space;
};

static int no_memory(const struct zlt_info *info, struct err *err)
{
	err_set(err, -ENOMEM, "%s: out of memory", info->path);
	return -ENOMEM;
}

static int start(struct summary_pass *m, struct source *source, struct err *err)
{
	const struct zlt_info *info = m->info;
	struct summary *s = m->s;
	size_t i;
	int rc;

	s->has_contents = info->objects != ZLT_OBJECT_SIZES;
	s->sizes_count = s->has_contents ? info->codec_count : 1;
	s->sizes = calloc(s->sizes_count + 1, sizeof(*s->sizes));
	m->counts = calloc(s->sizes_count + 1, sizeof(*m->counts));
	m->live = calloc(info->keys + 1, sizeof(*m->live));
	m->content = malloc((info->keys + 1) * sizeof(*m->content));
	m->activity = activity_begin();
	if (!s->sizes || !m->counts || !m->live || !m->content || !m->activity)
		return no_memory(info, err);
	memset(m->content, 0xff, (info->keys + 1) * sizeof(*m->content));
	for (i = 0; i < s->sizes_count; i++) {
		struct size_counts *t = &m->counts[i];
		const char *name = "object";

		t->stores_of = calloc(SIZES, sizeof(*t->stores_of));
		if (!t->stores_of)
			return no_memory(info, err);
		if (s->has_contents) {
			name = info->codecs[i].name;
			rc = zlt_sizes(source_file(source), name, &t->table,
				       err);
			if (rc)
				return rc;
		}
		snprintf(s->sizes[i].codec, sizeof(s->sizes[i].codec), "%s",
			 name);
	}
	return s->has_contents
		       ? zlt_page_infos(source_file(source), &m->infos, err)
		       : 0;
}

/* Count an object if it reaches an allocator. */
static void add_object(struct summary_sizes *s, uint32_t size, uint32_t limit)
{
	if (size && size < limit)
		s->objects[size]++;
}

static void add_store(struct summary_pass *m, uint32_t key, uint32_t object)
{
	struct summary *s = m->s;
	size_t i;

	m->live_now += !m->live[key];
	m->live[key] = 1;
	if (!s->has_contents) {
		m->counts[0].stores_of[object]++;
		add_object(&s->sizes[0], object, ZLT_PAGE_SIZE + 1);
		return;
	}
	for (i = 0; i < s->sizes_count; i++) {
		m->counts[i].stores_of[m->counts[i].table[object]]++;
		if (!m->infos[object].same_filled)
			add_object(&s->sizes[i], m->counts[i].table[object],
				   ZLT_PAGE_SIZE);
	}
	s->same_filled += m->infos[object].same_filled;
	s->unchanged += m->content[key] == object;
	m->content[key] = object;
}

static void add_event(struct summary_pass *m, const struct zlt_batch *b,
		      size_t i)
{
	uint32_t key = b->key[i];

	if (b->op[i] == ZLT_STORE) {
		add_store(m, key, b->object[i]);
	} else if (b->op[i] == ZLT_INVALIDATE) {
		m->live_now -= m->live[key];
		m->live[key] = 0;
	}
}

/* Note the address spaces of the keys that appear in a batch. */
static int add_spaces(struct summary_pass *m, const struct zlt_batch *b)
{
	uint32_t space;
	size_t i;

	for (i = 0; b->orig && i < b->count; i++) {
		/* Ids are dense, in order of first appearance. */
		if (b->op[i] != ZLT_STORE || b->key[i] != m->keys)
			continue;
		m->keys++;
		space = zlt_key_asid(b->orig[i]);
		if (m->spaces && space == m->last_space)
			continue;
		m->last_space = space;
		if (Judy1Set(&m->spaces, space, PJE0) == JERR)
			return -ENOMEM;
	}
	return 0;
}

static int add_batch(struct summary_pass *m, const struct zlt_batch *b)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		add_event(m, b, i);
	return (m->by_address ? add_spaces(m, b) : 0)
		       ?: activity_add(m->activity, b);
}

static void finish_sizes(const struct size_counts *t, struct summary_sizes *s)
{
	/* Size 0 stands for an unknown size. */
	uint64_t *count_of = t->stores_of, sum = 0;
	uint32_t v;

	count_of[0] = 0;
	for (v = 1; v < SIZES; v++) {
		uint32_t range = (v - 1) / 256;

		if (!count_of[v])
			continue;
		if (!s->stores)
			s->min = v;
		s->max = v;
		s->stores += count_of[v];
		sum += count_of[v] * v;
		s->histogram[range < 16 ? range : 15] += count_of[v];
		range = (v - 1) / 16;
		s->fine[range < 256 ? range : 255] += count_of[v];
		if (v >= ZLT_PAGE_SIZE)
			s->incompressible += count_of[v];
	}
	if (!s->stores)
		return;
	s->mean = (double)sum / (double)s->stores;
	s->p10 = (uint32_t)activity_quantile(count_of, SIZES, s->stores, 0.1);
	s->p50 = (uint32_t)activity_quantile(count_of, SIZES, s->stores, 0.5);
	s->p90 = (uint32_t)activity_quantile(count_of, SIZES, s->stores, 0.9);
}

static int finish(struct summary_pass *m, struct source *source,
		  struct err *err)
{
	struct summary *s = m->s;
	size_t i;

	for (i = 0; i < s->sizes_count; i++)
		finish_sizes(&m->counts[i], &s->sizes[i]);
	s->live_end = m->live_now;
	s->address_spaces = Judy1Count(m->spaces, 0, -1, PJE0);
	return activity_end(m->activity, source, &s->activity, err);
}

int summary_make(struct source *source, struct summary *s, struct err *err)
{
	struct summary_pass m = { .info = source_info(source), .s = s };
	const char *kind;
	struct zlt_batch b;
	size_t i;
	int rc;

	memset(s, 0, sizeof(*s));
	kind = json_string_value(json_object_get(m.info->meta, "keys"));
	m.by_address = kind && !strcmp(kind, "address");
	rc = start(&m, source, err);
	while (!rc && (rc = source_next(source, &b, err)) == 1) {
		rc = add_batch(&m, &b);
		if (rc)
			no_memory(m.info, err);
	}
	if (!rc)
		rc = finish(&m, source, err);
	for (i = 0; m.counts && i < s->sizes_count; i++)
		free(m.counts[i].stores_of);
	free(m.counts);
	free(m.live);
	free(m.content);
	activity_free(m.activity);
	Judy1FreeArray(&m.spaces, PJE0);
	return rc;
}

void summary_free(struct summary *s)
{
	free(s->sizes);
	s->sizes = NULL;
	s->sizes_count = 0;
}

static int by_stores(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

/* @of: number of objects of each class; it is sorted in place. */
static void concentrate(struct summary_classes *c, uint64_t *of, size_t classes)
{
	double total = 0, squares = 0, share;
	size_t i;

	for (i = 0; i < classes; i++)
		total += (double)of[i];
	if (!(total > 0))
		return;
	qsort(of, classes, sizeof(*of), by_stores);
	for (i = 0; i < classes && of[i]; i++) {
		share = (double)of[i] / total;
		squares += share * share;
		c->top += i < 1 ? share : 0;
		c->top5 += i < 5 ? share : 0;
		c->used++;
	}
	c->effective = 1 / squares;
}

int summary_concentrate(struct summary *s, const char *backend,
			size_t (*class_of)(const void *arg, size_t size),
			size_t classes, const void *arg, struct err *err)
{
	uint64_t *of;
	size_t i, size;

	for (i = 0; i < s->sizes_count; i++) {
		of = calloc(classes + 1, sizeof(*of));
		if (!of)
			return err_set(err, -ENOMEM, "out of memory");
		for (size = 1; size <= ZLT_PAGE_SIZE; size++)
			of[class_of(arg, size)] += s->sizes[i].objects[size];
		s->sizes[i].classes = (struct summary_classes){
			.backend = backend,
		};
		concentrate(&s->sizes[i].classes, of, classes);
		free(of);
	}
	return 0;
}

/* ---- as text ----------------------------------------------------------- */

#define ULL(value) ((unsigned long long)(value))

static void print_classes(const struct summary_classes *c, FILE *out)
{
	if (c->used)
		fprintf(out,
			"    %zu size classes of %s: %.1f %% of objects in "
			"one, %.1f %% in five; as %.1f equal\n",
			c->used, c->backend, 100 * c->top, 100 * c->top5,
			c->effective);
}

static void print_sizes(const struct summary_sizes *s, FILE *out)
{
	uint64_t most = 1;
	int i, bar;

	fprintf(out,
		"  %-10s mean %.1f  min %u  p10 %u  p50 %u  p90 %u  max %u  "
		"incompressible %.1f %%\n",
		s->codec, s->mean, s->min, s->p10, s->p50, s->p90, s->max,
		percent_of(s->incompressible, s->stores));
	if (!s->stores)
		return;
	print_classes(&s->classes, out);
	for (i = 0; i < 16; i++)
		if (s->histogram[i] > most)
			most = s->histogram[i];
	for (i = 0; i < 16; i++) {
		fprintf(out, "  %5d..%-5d %6.2f %% ", i * 256 + 1,
			(i + 1) * 256, percent_of(s->histogram[i], s->stores));
		for (bar = (int)(40 * s->histogram[i] / most); bar > 0; bar--)
			putc('#', out);
		putc('\n', out);
	}
}

static void print_bytes(const struct zlt_info *info, FILE *out)
{
	uint64_t contents = info->part_bytes[ZLT_PART_PAGES] +
			    info->part_bytes[ZLT_PART_PAGE_INFO] +
			    info->part_bytes[ZLT_PART_SIZES];
	int i;

	fprintf(out, "file            %llu bytes", ULL(info->file_bytes));
	if (info->events)
		fprintf(out, ", %.3f per event without contents",
			(double)(info->file_bytes - contents) /
				(double)info->events);
	putc('\n', out);
	for (i = 0; i < ZLT_PARTS; i++) {
		if (!info->part_bytes[i])
			continue;
		fprintf(out, "  %-10s    %12llu  %5.1f %%\n", zlt_part_name(i),
			ULL(info->part_bytes[i]),
			percent_of(info->part_bytes[i], info->file_bytes));
	}
}

static void print_meta(const struct zlt_info *info, FILE *out)
{
	const char *key;
	json_t *value;
	char *text;

	json_object_foreach (info->meta, key, value) {
		text = json_is_string(value)
			       ? NULL
			       : json_dumps(value,
					    JSON_ENCODE_ANY | JSON_COMPACT);
		fprintf(out, "  %-13s %s\n", PLAIN(key),
			PLAIN(json_string_value(value) ?: text));
		free(text);
	}
}

static void print_runs(const char *name, const char *what,
		       const struct activity_runs *runs, FILE *out)
{
	fprintf(out,
		"%-15s %llu; %s: mean %.1f  p50 %llu  p90 %llu  max %llu\n",
		name, ULL(runs->count), what, runs->mean, ULL(runs->p50),
		ULL(runs->p90), ULL(runs->max));
}

static void print_busy(const char *name, uint64_t all,
		       const struct activity_busy *busy, FILE *out)
{
	if (!all)
		return;
	fprintf(out, "%-15s %llu", name, ULL(all));
	if (busy->windows)
		fprintf(out, "; busy at once: mean %.2f  max %llu", busy->mean,
			ULL(busy->max));
	putc('\n', out);
}

static void print_activity(const struct activity *a, FILE *out)
{
	char what[96];

	if (a->duration_ns)
		fprintf(out,
			"duration        %.6f s, %.0f operations per second\n",
			(double)a->duration_ns / 1e9, a->rate);
	if (a->busy_rate > 0)
		fprintf(out,
			"rate            %.0f operations per second of a busy "
			"%s\n",
			a->busy_rate, a->cpus ? "CPU" : "thread");
	print_busy("threads", a->threads, &a->busy_threads, out);
	print_busy("CPUs", a->cpus, &a->busy_cpus, out);
	if (a->pause_ns) {
		snprintf(what, sizeof(what),
			 "operations without a pause over %.1f us",
			 (double)a->pause_ns / 1e3);
		print_runs("bursts", what, &a->bursts, out);
	}
	print_runs("store bursts", "stores in a row", &a->stores, out);
	print_runs("load bursts", "loads in a row", &a->loads, out);
}

void summary_print(const struct zlt_info *info, const struct summary *s,
		   FILE *out)
{
	static const char *const objects[] = { "object sizes", "page contents",
					       "hashes of page contents" };
	json_int_t lost;
	size_t i;

	fprintf(out, "trace           %s (%s), format version %u\n",
		PLAIN(info->name), PLAIN(info->path), info->version);
	if (*info->note)
		fprintf(out, "note            %s\n", PLAIN(info->note));
	fprintf(out, "holds           %s\n", objects[info->objects]);
	if (json_object_size(info->meta)) {
		fputs("metadata\n", out);
		print_meta(info, out);
	}
	fprintf(out, "events          %llu\n", ULL(info->events));
	for (i = 0; i < ZLT_OPS; i++)
		fprintf(out, "  %-13s %12llu  %5.1f %%\n", zlt_op_name(i),
			ULL(info->ops[i]),
			percent_of(info->ops[i], info->events));
	lost = json_integer_value(json_object_get(info->stats, "lost_events"));
	if (lost > 0)
		fprintf(out, "lost events     %llu of the capture\n",
			ULL(lost));
	fprintf(out,
		"keys            %llu; at most %llu stored at one time "
		"(%llu if a load frees), %llu at the end\n",
		ULL(info->keys), ULL(info->live_peak),
		ULL(info->live_peak_exclusive), ULL(s->live_end));
	if (s->has_contents) {
		fprintf(out, "unique pages    %llu (%.1f %% of stores)\n",
			ULL(info->contents),
			percent_of(info->contents, info->ops[ZLT_STORE]));
		fprintf(out, "same-filled     %.2f %% of stores\n",
			percent_of(s->same_filled, info->ops[ZLT_STORE]));
		fprintf(out, "unchanged       %.2f %% of stores\n",
			percent_of(s->unchanged, info->ops[ZLT_STORE]));
	}
	print_activity(&s->activity, out);
	if (s->address_spaces)
		fprintf(out, "address spaces  %llu\n", ULL(s->address_spaces));
	fputs("object sizes of the stores, in bytes\n", out);
	for (i = 0; i < s->sizes_count; i++)
		print_sizes(&s->sizes[i], out);
	if (!s->sizes_count)
		fprintf(out, "  none kept for any codec%s\n",
			info->objects == ZLT_OBJECT_PAGES
				? "; \"zlab sizes\" adds them, and with "
				  "them the size classes"
				: "");
	print_bytes(info, out);
}

/* ---- as JSON ----------------------------------------------------------- */

static json_t *classes_json(const struct summary_classes *c)
{
	return json_pack("{s:s, s:I, s:f, s:f, s:f}", "backend", c->backend,
			 "used", (json_int_t)c->used, "top", c->top, "top5",
			 c->top5, "effective", c->effective);
}

/*
 * The set_...() functions return non-zero when memory ran out; the caller then
 * drops the whole object rather than return one without a member.
 */
static int set_integer(json_t *object, const char *name, uint64_t value)
{
	return json_object_set_new(object, name,
				   json_integer((json_int_t)value));
}

static int set_histogram(json_t *object, const char *name,
			 const uint64_t *counts, size_t ranges)
{
	json_t *list = json_array();
	int rc = 0;
	size_t i;

	for (i = 0; i < ranges; i++)
		rc |= json_array_append_new(
			list, json_integer((json_int_t)counts[i]));
	return rc | json_object_set_new(object, name, list);
}

static int set_sizes(json_t *o, const struct summary_sizes *z)
{
	int rc = json_object_set_new(o, "codec", json_string(z->codec));

	rc |= set_integer(o, "stores", z->stores);
	rc |= json_object_set_new(o, "mean", json_real(z->mean));
	rc |= set_integer(o, "min", z->min);
	rc |= set_integer(o, "p10", z->p10);
	rc |= set_integer(o, "p50", z->p50);
	rc |= set_integer(o, "p90", z->p90);
	rc |= set_integer(o, "max", z->max);
	rc |= set_integer(o, "incompressible", z->incompressible);
	rc |= set_histogram(o, "histogram_256", z->histogram, 16);
	rc |= set_histogram(o, "histogram_16", z->fine, 256);
	if (z->classes.used)
		rc |= json_object_set_new(o, "classes",
					  classes_json(&z->classes));
	return rc;
}

static json_t *sizes_json(const struct summary *s)
{
	json_t *list = json_array(), *one;
	size_t i;

	for (i = 0; i < s->sizes_count; i++) {
		one = json_object();
		if (set_sizes(one, &s->sizes[i]) ||
		    json_array_append(list, one)) {
			json_decref(list);
			list = NULL;
		}
		json_decref(one);
	}
	return list;
}

static int set_counts(json_t *o, const struct zlt_info *info,
		      const struct summary *s)
{
	json_t *ops = json_object(), *bytes = json_object();
	int rc = 0, i;

	for (i = 0; i < ZLT_OPS; i++)
		rc |= set_integer(ops, zlt_op_name(i), info->ops[i]);
	for (i = 0; i < ZLT_PARTS; i++)
		rc |= set_integer(bytes, zlt_part_name(i), info->part_bytes[i]);
	rc |= json_object_set_new(o, "ops", ops);
	rc |= json_object_set_new(o, "bytes", bytes);
	rc |= set_integer(o, "file_bytes", info->file_bytes);
	rc |= set_integer(o, "keys", info->keys);
	rc |= set_integer(o, "live_peak", info->live_peak);
	rc |= set_integer(o, "live_peak_exclusive", info->live_peak_exclusive);
	rc |= set_integer(o, "live_end", s->live_end);
	if (s->has_contents) {
		rc |= set_integer(o, "unique_pages", info->contents);
		rc |= set_integer(o, "same_filled", s->same_filled);
		rc |= set_integer(o, "unchanged", s->unchanged);
	}
	if (s->address_spaces)
		rc |= set_integer(o, "address_spaces", s->address_spaces);
	return rc;
}

static json_t *runs_json(const struct activity_runs *runs)
{
	return json_pack("{s:I, s:f, s:I, s:I, s:I}", "count",
			 (json_int_t)runs->count, "mean", runs->mean, "p50",
			 (json_int_t)runs->p50, "p90", (json_int_t)runs->p90,
			 "max", (json_int_t)runs->max);
}

static int set_busy(json_t *o, const char *name, const struct activity_busy *b)
{
	if (!b->windows)
		return 0;
	return json_object_set_new(
		o, name,
		json_pack("{s:i, s:I, s:f, s:I}", "window_ns",
			  ACTIVITY_WINDOW_NS, "windows", (json_int_t)b->windows,
			  "mean", b->mean, "max", (json_int_t)b->max));
}

static int set_activity(json_t *o, const struct activity *a)
{
	int rc = 0;

	if (a->duration_ns) {
		rc |= set_integer(o, "duration_ns", a->duration_ns);
		rc |= json_object_set_new(o, "rate", json_real(a->rate));
	}
	if (a->busy_rate > 0)
		rc |= json_object_set_new(o, "busy_rate",
					  json_real(a->busy_rate));
	if (a->threads)
		rc |= set_integer(o, "threads", a->threads);
	if (a->cpus)
		rc |= set_integer(o, "cpus", a->cpus);
	rc |= set_busy(o, "busy_threads", &a->busy_threads);
	rc |= set_busy(o, "busy_cpus", &a->busy_cpus);
	if (a->pause_ns) {
		rc |= set_integer(o, "pause_ns", a->pause_ns);
		rc |= json_object_set_new(o, "bursts", runs_json(&a->bursts));
	}
	rc |= json_object_set_new(o, "store_bursts", runs_json(&a->stores));
	return rc | json_object_set_new(o, "load_bursts", runs_json(&a->loads));
}

json_t *summary_json(const struct zlt_info *info, const struct summary *s)
{
	static const char *const objects[] = { "sizes", "pages", "hashes" };
	json_t *o;
	int rc;

	o = json_pack("{s:o, s:o, s:i, s:b, s:s, s:s, s:I, s:O}", "name",
		      label_json(info->name), "path", label_json(info->path),
		      "version", (int)info->version, "finished", info->finished,
		      "note", info->note, "objects", objects[info->objects],
		      "events", (json_int_t)info->events, "meta", info->meta);
	if (!o)
		return NULL;
	rc = set_counts(o, info, s);
	rc |= set_activity(o, &s->activity);
	rc |= json_object_set_new(o, "sizes", sizes_json(s));
	if (info->stats)
		rc |= json_object_set(o, "stats", info->stats);
	if (rc) {
		json_decref(o);
		return NULL;
	}
	return o;
}
