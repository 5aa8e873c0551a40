// SPDX-License-Identifier: GPL-2.0-or-later
#include <Judy.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/summary.h"

#define SIZES (UINT16_MAX + 1)
/* Longer bursts are counted as this long in the quantiles. */
#define BURSTS 65536

/* One codec while it is being summed up. */
struct tally {
	const uint16_t *table;
	uint64_t *stores_of;
};

/**
 * struct summing - state of one pass over a trace
 * @live: whether each key is stored
 * @content: content id of each key's last store
 * @infos: what is known of the contents
 * @tallies: one per codec of the summary
 * @run: stores in a row of each CPU
 * @runs_of: runs by length
 * @tids: set of threads
 * @cpus: set of CPUs
 */
struct summing {
	const struct zlt_info *info;
	struct summary *s;
	uint8_t *live;
	uint32_t *content;
	const struct zlt_page_info *infos;
	struct tally *tallies;
	uint64_t *run;
	uint64_t *runs_of;
	uint64_t run_stores;
	uint64_t time_first;
	uint64_t time_last;
	uint64_t live_now;
	void *tids;
	void *cpus;
};

static int no_memory(const struct zlt_info *info, struct err *err)
{
	err_set(err, -ENOMEM, "%s: out of memory", info->path);
	return -ENOMEM;
}

static int start(struct summing *m, struct zlt_reader *r, struct err *err)
{
	const struct zlt_info *info = m->info;
	struct summary *s = m->s;
	size_t i;
	int rc;

	s->has_contents = info->objects != ZLT_OBJECT_SIZES;
	s->has_time = info->columns & ZLT_TIME;
	s->sizes_count = s->has_contents ? info->codec_count : 1;
	s->sizes = calloc(s->sizes_count + 1, sizeof(*s->sizes));
	m->tallies = calloc(s->sizes_count + 1, sizeof(*m->tallies));
	m->live = calloc(info->keys + 1, sizeof(*m->live));
	m->content = malloc((info->keys + 1) * sizeof(*m->content));
	m->run = calloc(UINT16_MAX + 1, sizeof(*m->run));
	m->runs_of = calloc(BURSTS + 1, sizeof(*m->runs_of));
	if (!s->sizes || !m->tallies || !m->live || !m->content || !m->run ||
	    !m->runs_of)
		return no_memory(info, err);
	memset(m->content, 0xff, (info->keys + 1) * sizeof(*m->content));
	for (i = 0; i < s->sizes_count; i++) {
		struct tally *t = &m->tallies[i];
		const char *name = "object";

		t->stores_of = calloc(SIZES, sizeof(*t->stores_of));
		if (!t->stores_of)
			return no_memory(info, err);
		if (s->has_contents) {
			name = info->codecs[i].name;
			rc = zlt_sizes(r, name, &t->table, err);
			if (rc)
				return rc;
		}
		snprintf(s->sizes[i].codec, sizeof(s->sizes[i].codec), "%s",
			 name);
	}
	return s->has_contents ? zlt_page_infos(r, &m->infos, err) : 0;
}

static void end_run(struct summing *m, uint64_t *run)
{
	if (!*run)
		return;
	m->s->bursts++;
	m->run_stores += *run;
	m->runs_of[*run < BURSTS ? *run : BURSTS]++;
	if (*run > m->s->burst_max)
		m->s->burst_max = *run;
	*run = 0;
}

static void add_store(struct summing *m, uint32_t key, uint32_t object)
{
	struct summary *s = m->s;
	size_t i;

	m->live_now += !m->live[key];
	m->live[key] = 1;
	if (!s->has_contents) {
		m->tallies[0].stores_of[object]++;
		return;
	}
	for (i = 0; i < s->sizes_count; i++)
		m->tallies[i].stores_of[m->tallies[i].table[object]]++;
	s->same_filled += m->infos[object].same_filled;
	s->unchanged += m->content[key] == object;
	m->content[key] = object;
}

static void add_event(struct summing *m, const struct zlt_batch *b, size_t i)
{
	uint64_t *run = &m->run[b->cpu ? b->cpu[i] : 0];
	uint32_t key = b->key[i];

	switch (b->op[i]) {
	case ZLT_STORE:
		++*run;
		add_store(m, key, b->object[i]);
		break;
	case ZLT_INVALIDATE:
		m->live_now -= m->live[key];
		m->live[key] = 0;
		/* fallthrough */
	case ZLT_LOAD:
		end_run(m, run);
		break;
	default:
		break;
	}
	if (b->time_ns) {
		if (b->time_ns[i] < m->time_first)
			m->time_first = b->time_ns[i];
		if (b->time_ns[i] > m->time_last)
			m->time_last = b->time_ns[i];
	}
}

static int add_batch(struct summing *m, const struct zlt_batch *b)
{
	size_t i;

	for (i = 0; i < b->count; i++) {
		add_event(m, b, i);
		/* Neighbours mostly agree; a look-up for each is slow. */
		if (b->tid && (!i || b->tid[i] != b->tid[i - 1]) &&
		    Judy1Set(&m->tids, b->tid[i], PJE0) == JERR)
			return -ENOMEM;
		if (b->cpu && (!i || b->cpu[i] != b->cpu[i - 1]) &&
		    Judy1Set(&m->cpus, b->cpu[i], PJE0) == JERR)
			return -ENOMEM;
	}
	return 0;
}

/* The smallest value that at least @share of the @total values do not exceed */
static uint64_t quantile(const uint64_t *count_of, size_t values,
			 uint64_t total, double share)
{
	double want = share * (double)total;
	uint64_t sum = 0;
	size_t v;

	for (v = 0; v < values; v++) {
		sum += count_of[v];
		if (sum && (double)sum >= want)
			return v;
	}
	return 0;
}

static void finish_sizes(const struct tally *t, struct summary_sizes *s)
{
	/* Size 0 is one that is not known. */
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
	s->p10 = (uint32_t)quantile(count_of, SIZES, s->stores, 0.1);
	s->p50 = (uint32_t)quantile(count_of, SIZES, s->stores, 0.5);
	s->p90 = (uint32_t)quantile(count_of, SIZES, s->stores, 0.9);
}

static int count_spaces(struct summing *m, struct zlt_reader *r,
			struct err *err)
{
	const char *kind =
		json_string_value(json_object_get(m->info->meta, "keys"));
	const uint64_t *keys;
	void *spaces = NULL;
	uint64_t i;
	int rc;

	if (!kind || strcmp(kind, "address") != 0)
		return 0;
	rc = zlt_keys(r, &keys, err);
	for (i = 0; !rc && i < m->info->keys; i++)
		if (Judy1Set(&spaces, zlt_key_asid(keys[i]), PJE0) == JERR)
			rc = no_memory(m->info, err);
	m->s->address_spaces = Judy1Count(spaces, 0, -1, PJE0);
	Judy1FreeArray(&spaces, PJE0);
	return rc;
}

static int finish(struct summing *m, struct zlt_reader *r, struct err *err)
{
	struct summary *s = m->s;
	size_t i;

	for (i = 0; i <= UINT16_MAX; i++)
		end_run(m, &m->run[i]);
	if (s->bursts)
		s->burst_mean = (double)m->run_stores / (double)s->bursts;
	s->burst_p50 = quantile(m->runs_of, BURSTS + 1, s->bursts, 0.5);
	s->burst_p90 = quantile(m->runs_of, BURSTS + 1, s->bursts, 0.9);
	for (i = 0; i < s->sizes_count; i++)
		finish_sizes(&m->tallies[i], &s->sizes[i]);
	s->live_end = m->live_now;
	s->threads = Judy1Count(m->tids, 0, -1, PJE0);
	s->cpus = Judy1Count(m->cpus, 0, -1, PJE0);
	if (s->has_time && m->info->events) {
		s->duration_ns = m->time_last - m->time_first;
		if (s->duration_ns)
			s->rate = (double)m->info->events * 1e9 /
				  (double)s->duration_ns;
	}
	return count_spaces(m, r, err);
}

int summary_make(struct zlt_reader *r, struct summary *s, struct err *err)
{
	struct summing m = { .info = zlt_info(r), .s = s };
	struct zlt_batch b;
	size_t i;
	int rc;

	memset(s, 0, sizeof(*s));
	m.time_first = UINT64_MAX;
	rc = start(&m, r, err);
	while (!rc && (rc = zlt_next(r, &b, err)) == 1) {
		rc = add_batch(&m, &b);
		if (rc)
			no_memory(m.info, err);
	}
	if (!rc)
		rc = finish(&m, r, err);
	for (i = 0; m.tallies && i < s->sizes_count; i++)
		free(m.tallies[i].stores_of);
	free(m.tallies);
	free(m.live);
	free(m.content);
	free(m.run);
	free(m.runs_of);
	Judy1FreeArray(&m.tids, PJE0);
	Judy1FreeArray(&m.cpus, PJE0);
	return rc;
}

void summary_free(struct summary *s)
{
	free(s->sizes);
	s->sizes = NULL;
	s->sizes_count = 0;
}

/* ---- for a person ------------------------------------------------------ */

#define ULL(value) ((unsigned long long)(value))

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_sizes(const struct summary_sizes *s, FILE *out)
{
	uint64_t most = 1;
	int i, bar;

	fprintf(out,
		"  %-10s mean %.1f  min %u  p10 %u  p50 %u  p90 %u  max %u  "
		"incompressible %.1f %%\n",
		s->codec, s->mean, s->min, s->p10, s->p50, s->p90, s->max,
		percent(s->incompressible, s->stores));
	if (!s->stores)
		return;
	for (i = 0; i < 16; i++)
		if (s->histogram[i] > most)
			most = s->histogram[i];
	for (i = 0; i < 16; i++) {
		fprintf(out, "  %5d..%-5d %6.2f %% ", i * 256 + 1,
			(i + 1) * 256, percent(s->histogram[i], s->stores));
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
			percent(info->part_bytes[i], info->file_bytes));
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
		fprintf(out, "  %-13s %s\n", key,
			json_string_value(value) ?: text ?: "?");
		free(text);
	}
}

void summary_print(const struct zlt_info *info, const struct summary *s,
		   FILE *out)
{
	static const char *const objects[] = { "object sizes", "page contents",
					       "hashes of page contents" };
	size_t i;

	fprintf(out, "trace           %s (%s), format version %u\n", info->name,
		info->path, info->version);
	if (*info->note)
		fprintf(out, "note            %s\n", info->note);
	fprintf(out, "holds           %s\n", objects[info->objects]);
	if (json_object_size(info->meta)) {
		fputs("metadata\n", out);
		print_meta(info, out);
	}
	fprintf(out, "events          %llu\n", ULL(info->events));
	for (i = 0; i < ZLT_OPS; i++)
		fprintf(out, "  %-13s %12llu  %5.1f %%\n", zlt_op_name(i),
			ULL(info->ops[i]), percent(info->ops[i], info->events));
	fprintf(out,
		"keys            %llu; at most %llu stored at one time "
		"(%llu if a load frees), %llu at the end\n",
		ULL(info->keys), ULL(info->live_peak),
		ULL(info->live_peak_exclusive), ULL(s->live_end));
	if (s->has_contents) {
		fprintf(out, "unique pages    %llu (%.1f %% of stores)\n",
			ULL(info->contents),
			percent(info->contents, info->ops[ZLT_STORE]));
		fprintf(out, "same-filled     %.2f %% of stores\n",
			percent(s->same_filled, info->ops[ZLT_STORE]));
		fprintf(out, "unchanged       %.2f %% of stores\n",
			percent(s->unchanged, info->ops[ZLT_STORE]));
	}
	if (s->has_time)
		fprintf(out, "duration        %.6f s, %.0f events per second\n",
			(double)s->duration_ns / 1e9, s->rate);
	if (s->threads)
		fprintf(out, "threads         %llu\n", ULL(s->threads));
	if (s->cpus)
		fprintf(out, "CPUs            %llu\n", ULL(s->cpus));
	if (s->address_spaces)
		fprintf(out, "address spaces  %llu\n", ULL(s->address_spaces));
	fprintf(out,
		"store bursts    %llu; length mean %.1f  p50 %llu  p90 %llu  "
		"max %llu\n",
		ULL(s->bursts), s->burst_mean, ULL(s->burst_p50),
		ULL(s->burst_p90), ULL(s->burst_max));
	fputs("object sizes of the stores, in bytes\n", out);
	for (i = 0; i < s->sizes_count; i++)
		print_sizes(&s->sizes[i], out);
	if (!s->sizes_count)
		fputs("  none kept for any codec\n", out);
	print_bytes(info, out);
}

/* ---- for a program ----------------------------------------------------- */

static json_t *sizes_json(const struct summary *s)
{
	json_t *list = json_array(), *one, *histogram, *fine;
	size_t i, j;

	for (i = 0; list && i < s->sizes_count; i++) {
		const struct summary_sizes *z = &s->sizes[i];

		histogram = json_array();
		for (j = 0; histogram && j < 16; j++)
			json_array_append_new(
				histogram,
				json_integer((json_int_t)z->histogram[j]));
		fine = json_array();
		for (j = 0; fine && j < 256; j++)
			json_array_append_new(
				fine, json_integer((json_int_t)z->fine[j]));
		one = json_pack(
			"{s:s, s:I, s:f, s:i, s:i, s:i, s:i, s:i, s:I, s:o, "
			"s:o}",
			"codec", z->codec, "stores", (json_int_t)z->stores,
			"mean", z->mean, "min", (int)z->min, "p10", (int)z->p10,
			"p50", (int)z->p50, "p90", (int)z->p90, "max",
			(int)z->max, "incompressible",
			(json_int_t)z->incompressible, "histogram_256",
			histogram, "histogram_16", fine);
		if (!one || json_array_append_new(list, one)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Set members that are known; an object that lacks one is not handed out. */
static int set_integer(json_t *object, const char *name, uint64_t value)
{
	return json_object_set_new(object, name,
				   json_integer((json_int_t)value));
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
	if (s->has_time) {
		rc |= set_integer(o, "duration_ns", s->duration_ns);
		rc |= json_object_set_new(o, "rate", json_real(s->rate));
	}
	if (s->threads)
		rc |= set_integer(o, "threads", s->threads);
	if (s->cpus)
		rc |= set_integer(o, "cpus", s->cpus);
	if (s->address_spaces)
		rc |= set_integer(o, "address_spaces", s->address_spaces);
	return rc;
}

/* A file's name can be any bytes, JSON cannot. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	char *plain, *c;

	if (json)
		return json;
	plain = strdup(text);
	for (c = plain; c && *c; c++)
		if (*c & 0x80)
			*c = '?';
	json = plain ? json_string(plain) : NULL;
	free(plain);
	return json;
}

json_t *summary_json(const struct zlt_info *info, const struct summary *s)
{
	static const char *const objects[] = { "sizes", "pages", "hashes" };
	json_t *o, *bursts;
	int rc;

	o = json_pack("{s:o, s:o, s:i, s:b, s:s, s:s, s:I, s:O}", "name",
		      text_json(info->name), "path", text_json(info->path),
		      "version", (int)info->version, "finished", info->finished,
		      "note", info->note, "objects", objects[info->objects],
		      "events", (json_int_t)info->events, "meta", info->meta);
	if (!o)
		return NULL;
	bursts = json_pack("{s:I, s:f, s:I, s:I, s:I}", "count",
			   (json_int_t)s->bursts, "mean", s->burst_mean, "p50",
			   (json_int_t)s->burst_p50, "p90",
			   (json_int_t)s->burst_p90, "max",
			   (json_int_t)s->burst_max);
	rc = set_counts(o, info, s);
	rc |= json_object_set_new(o, "store_bursts", bursts);
	rc |= json_object_set_new(o, "sizes", sizes_json(s));
	if (info->stats)
		rc |= json_object_set(o, "stats", info->stats);
	if (rc) {
		json_decref(o);
		return NULL;
	}
	return o;
}
