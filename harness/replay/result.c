// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes a result as a JSON record, and as text. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "harness/replay/result.h"
#include "traces/label.h"

static const char *const op_names[] = { "store", "load", "invalidate" };

uint64_t result_footprint(const struct zpool_stats *stats, uint64_t page_size)
{
	uint64_t held = stats->resident_bytes ? stats->resident_bytes
					      : stats->pages * page_size;

	return held + stats->metadata_bytes;
}

double result_frag_ratio(const struct zpool_stats *stats, uint64_t page_size)
{
	return stats->pages ? 100.0 * (double)stats->object_bytes /
				      (double)(stats->pages * page_size)
			    : 0;
}

static json_t *ratio(double a, double b)
{
	return b > 0 ? json_real(a / b) : json_null();
}

static json_t *frag(const struct zpool_stats *s, uint64_t page_size)
{
	return ratio(100.0 * (double)s->object_bytes,
		     (double)(s->pages * page_size));
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *density(const struct zpool_stats *s, uint64_t page_size)
{
	return ratio((double)s->objects * ZLT_PAGE_SIZE,
		     (double)result_footprint(s, page_size));
}

static json_t *counts(const struct replay_result *res)
{
	const struct swap_counts *c = &res->counts;
	json_t *o = json_object();
	const struct {
		const char *name;
		uint64_t value;
	} list[] = {
		{ "store", c->op[ZLT_STORE] },
		{ "load", c->op[ZLT_LOAD] },
		{ "invalidate", c->op[ZLT_INVALIDATE] },
		{ "rejected", c->reject_compress_poor +
				      c->reject_compress_fail +
				      c->reject_alloc_fail },
		{ "same_filled", c->same_filled_pages },
		{ "writeback", res->zswap.written_back_pages },
		{ "compacted_pages", res->end.compacted_pages },
		{ "stored_pages", (uint64_t)c->stored_pages },
		{ "same_filled_pages", (uint64_t)c->stored_same },
		{ "reject_compress_poor", c->reject_compress_poor },
		{ "reject_compress_fail", c->reject_compress_fail },
		{ "reject_alloc_fail", c->reject_alloc_fail },
		{ "duplicate_entry", c->duplicate_entry },
		{ "written_back_pages", res->zswap.written_back_pages },
		{ "pool_limit_hit", res->zswap.pool_limit_hit },
		{ "unchanged", c->unchanged },
		{ "incompressible", c->incompressible },
		{ "load_miss", c->load_miss },
		{ "invalidate_miss", c->invalidate_miss },
		{ "verified", c->verified },
		{ "compactions", res->compactions },
		{ "moved_objects", res->end.moved_objects },
		{ "moved_bytes", res->end.moved_bytes },
		{ "migrated_pages", res->end.migrated_pages },
		{ "migrate_busy", res->end.migrate_busy },
		{ "ops_in", res->ops_in },
		{ "ops_done", res->ops_done },
	};
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		json_object_set_new(o, list[i].name, number(list[i].value));
	return o;
}

/*
 * CPU time spent waiting for locks. Waits are known exactly, but as wall time:
 * a waiter that sleeps or is preempted uses no CPU time. The part that cannot
 * have been CPU time is left out.
 */
static double lock_cpu(const struct replay_result *res, double others)
{
	double wait = (double)res->wait_ns, room = (double)res->cpu_ns;

	if (res->loop_ns)
		room = (double)res->loop_ns;
	if (wait > room)
		wait = room;
	if (others + wait <= room)
		return wait;
	return fmax(room - others, wait * room / (others + wait));
}

/*
 * Time of all operations, estimated as the samples' mean times the exact number
 * of operations. Where the CPU time of the whole loop is known too, the samples
 * only give its division: clock readings inside an operation keep the CPU from
 * overlapping it with its neighbours, so a sample is too long.
 */
static void split(const struct replay_result *res, double ns[STAGES])
{
	double all = 0, lock, scale = 1;
	int op, i;

	for (i = 0; i < STAGES; i++)
		ns[i] = 0;
	for (op = 0; op < 3; op++)
		for (i = 0; res->times.samples[op] && i < STAGES; i++)
			ns[i] += (double)res->times.ns[op][i] *
				 (double)res->counts.op[op] /
				 (double)res->times.samples[op];
	ns[STAGE_LOCK] = 0;
	for (i = 0; i < STAGES; i++)
		all += ns[i];
	lock = lock_cpu(res, all);
	if (res->loop_ns && all > 0)
		scale = ((double)res->loop_ns - lock) / all;
	for (i = 0; i < STAGES; i++)
		ns[i] = ns[i] * scale + (double)res->times.reclaim_ns[i];
	ns[STAGE_LOCK] = lock;
	ns[STAGE_ALLOC] += (double)res->compact_ns;
}

static json_t *times(const struct replay_result *res)
{
	double ns[STAGES], sys, user;
	uint64_t samples = 0;
	int op;

	split(res, ns);
	sys = ns[STAGE_FRONT] + ns[STAGE_CODEC] + ns[STAGE_ALLOC] +
	      ns[STAGE_LOCK];
	user = (double)res->cpu_ns > sys ? (double)res->cpu_ns - sys : 0;
	for (op = 0; op < 3; op++)
		samples += res->times.samples[op];
	return json_pack(
		"{s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:I, s:I, s:b}",
		"real_ns", (json_int_t)res->real_ns, "user_ns",
		(json_int_t)user, "sys_ns", (json_int_t)sys, "sys_split_ns",
		"codec", (json_int_t)ns[STAGE_CODEC], "allocator",
		(json_int_t)ns[STAGE_ALLOC], "lock_wait",
		(json_int_t)ns[STAGE_LOCK], "frontend",
		(json_int_t)ns[STAGE_FRONT], "compact_ns",
		(json_int_t)res->compact_ns, "cpu_ns", (json_int_t)res->cpu_ns,
		"verify_ns", (json_int_t)ns[STAGE_OFF], "lock_wait_wall_ns",
		(json_int_t)res->wait_ns, "order_wait_ns",
		(json_int_t)res->order_wait_ns, "sample_every",
		(json_int_t)res->sample, "samples", (json_int_t)samples,
		"preempted_samples", (json_int_t)res->times.preempted,
		"virtual", 0);
}

/* The distribution as [upper end, values]; merges eight buckets into one. */
static json_t *buckets(const struct hist *h)
{
	json_t *a = json_array();
	uint64_t n, upper;
	size_t i, k;

	for (i = 0; i < HIST_SIZE; i += 8) {
		for (n = 0, k = i; k < i + 8; k++)
			n += h->n[k];
		if (!n)
			continue;
		upper = hist_low(i + 8) - 1;
		if (upper > h->max)
			upper = h->max;
		json_array_append_new(a, json_pack("[I, I]", (json_int_t)upper,
						   (json_int_t)n));
	}
	return a;
}

static json_t *latency(const struct hist *h)
{
	return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			 "samples", (json_int_t)h->count, "mean",
			 h->count ? (double)h->sum / (double)h->count : 0.0,
			 "min", (json_int_t)h->min, "p50",
			 (json_int_t)hist_percentile(h, 50), "p90",
			 (json_int_t)hist_percentile(h, 90), "p99",
			 (json_int_t)hist_percentile(h, 99), "p999",
			 (json_int_t)hist_percentile(h, 99.9), "max",
			 (json_int_t)h->max, "buckets", buckets(h));
}

static json_t *latencies(const struct replay_result *res)
{
	json_t *o = json_object();
	int op;

	for (op = 0; op < 3; op++)
		json_object_set_new(o, op_names[op],
				    latency(&res->times.latency[op]));
	if (res->compactions)
		json_object_set_new(o, "compact",
				    latency(&res->compact_latency));
	return o;
}

static json_t *locks(const struct replay_result *res)
{
	json_t *a = json_array();
	const struct lock_stat *l;
	size_t i;

	for (i = 0; i < res->nr_locks; i++) {
		l = &res->locks[i];
		json_array_append_new(
			a,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
				  "s:I, s:I, s:I, s:I}",
				  "name", l->name, "con_bounces",
				  (json_int_t)l->con_bounces, "contentions",
				  (json_int_t)l->contentions, "waittime_min_ns",
				  (json_int_t)l->waittime_min_ns,
				  "waittime_max_ns",
				  (json_int_t)l->waittime_max_ns,
				  "waittime_total_ns",
				  (json_int_t)l->waittime_total_ns,
				  "acq_bounces", (json_int_t)l->acq_bounces,
				  "acquisitions", (json_int_t)l->acquisitions,
				  "hold_samples", (json_int_t)l->hold_samples,
				  "holdtime_min_ns",
				  (json_int_t)l->holdtime_min_ns,
				  "holdtime_max_ns",
				  (json_int_t)l->holdtime_max_ns,
				  "holdtime_total_ns",
				  (json_int_t)l->holdtime_total_ns));
	}
	return a;
}

static json_t *sections(const struct replay_result *res)
{
	const struct hist *h = &res->sections;

	return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I}", "samples",
			 (json_int_t)h->count, "mean",
			 h->count ? (double)h->sum / (double)h->count : 0.0,
			 "p50", (json_int_t)hist_percentile(h, 50), "p90",
			 (json_int_t)hist_percentile(h, 90), "p99",
			 (json_int_t)hist_percentile(h, 99), "p999",
			 (json_int_t)hist_percentile(h, 99.9), "max",
			 (json_int_t)h->max);
}

static json_t *marks(const struct replay_result *res)
{
	json_t *a = json_array();
	const struct replay_point *p;
	size_t i;

	for (i = 0; i < res->marks.count; i++) {
		p = &res->marks.at[i];
		json_array_append_new(
			a,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:I}",
				  "label", p->label, "event",
				  (json_int_t)p->event, "pool_pages",
				  (json_int_t)p->stats.pages, "objects",
				  (json_int_t)p->stats.objects, "object_bytes",
				  (json_int_t)p->stats.object_bytes,
				  "frag_ratio", frag(&p->stats, res->page_size),
				  "footprint_bytes",
				  (json_int_t)result_footprint(
					  &p->stats, res->page_size)));
		if (p->time_ns)
			json_object_set_new(
				json_array_get(a, i), "time_ns",
				json_integer((json_int_t)p->time_ns));
	}
	return a;
}

static json_t *series(const struct replay_result *res)
{
	static const char *const names[] = {
		"event",	"pool_pages",	   "objects",
		"object_bytes", "footprint_bytes", "compacted_pages"
	};
	json_t *o = json_object(), *col[6];
	const struct replay_point *p;
	size_t i, k;

	for (k = 0; k < 6; k++)
		col[k] = json_array();
	for (i = 0; i < res->series.count; i++) {
		p = &res->series.at[i];
		json_array_append_new(col[0], number(p->event));
		json_array_append_new(col[1], number(p->stats.pages));
		json_array_append_new(col[2], number(p->stats.objects));
		json_array_append_new(col[3], number(p->stats.object_bytes));
		json_array_append_new(
			col[4],
			number(result_footprint(&p->stats, res->page_size)));
		json_array_append_new(col[5], number(p->stats.compacted_pages));
	}
	for (k = 0; k < 6; k++)
		json_object_set_new(o, names[k], col[k]);
	json_object_set_new(o, "every", number(res->series_every));
	return o;
}

/*
 * Values over the whole replay: the mean of the series, weighted by pages, and
 * the largest point.
 */
static json_t *over_time(const struct replay_result *res)
{
	double bytes = 0, frames = 0, objects = 0, footprint = 0;
	const struct zpool_stats *s;
	uint64_t f, peak = 0;
	size_t i;

	for (i = 0; i < res->series.count; i++) {
		s = &res->series.at[i].stats;
		f = result_footprint(s, res->page_size);
		bytes += (double)s->object_bytes;
		frames += (double)s->pages * (double)res->page_size;
		objects += (double)s->objects;
		footprint += (double)f;
		if (f > peak)
			peak = f;
	}
	f = result_footprint(&res->end, res->page_size);
	return json_pack("{s:o, s:o, s:I}", "frag_ratio",
			 ratio(100 * bytes, frames), "density",
			 ratio(objects * ZLT_PAGE_SIZE, footprint),
			 "footprint_bytes_max",
			 (json_int_t)(f > peak ? f : peak));
}

static json_t *options(const struct replay_config *c)
{
	static const char *const api[] = { "auto", "map", "obj" };
	static const char *const settle[] = { "op", "kernel", "mark", "never" };
	static const char *const assign[] = { "key", "tid", "cpu" };

	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:f, s:I, s:b, s:I, "
		"s:I, s:I, s:b}",
		"loads", c->swap.exclusive ? "exclusive" : "keep", "unchanged",
		c->swap.drop_unchanged ? "drop" : "store", "incompressible",
		c->swap.keep_incompressible ? "keep" : "reject", "same_filled",
		c->swap.same_filled, "verify", c->swap.verify, "api",
		api[c->swap.api], "settle", settle[c->swap.settle], "assign",
		assign[c->assign], "speed", c->speed, "compact_every",
		(json_int_t)c->compact_every, "compact_at_end",
		c->compact_at_end, "migrate_every",
		(json_int_t)c->migrate_every, "max_events",
		(json_int_t)c->max_events, "pool_limit_bytes",
		(json_int_t)c->pool_limit, "huge", c->swap.pool.arena.huge);
	/* Recorded only if on: only then do they affect the times. */
	if (c->ghost)
		json_object_set_new(o, "ghost", json_true());
	if (c->lock_detail)
		json_object_set_new(o, "lock_detail", json_true());
	return o;
}

static int put(json_t *o, const char *name, json_t *value)
{
	return json_object_set_new(o, name, value);
}

/* zswap's counters under zswap's names; counters of zlab alone come last. */
static json_t *front(const struct replay_config *c,
		     const struct replay_result *res)
{
	static const char *const index[] = { "rbtree", "trees", "xarray" };
	static const char *const reclaim[] = { "lru", "backend" };
	const struct zswap_stats *z = &res->zswap;
	uint64_t loads = z->pool_loads + z->file_loads + z->lost_loads;
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "stored_pages", z->stored_pages },
		{ "same_filled_pages", z->same_filled_pages },
		{ "reject_compress_poor", z->reject_compress_poor },
		{ "reject_alloc_fail", z->reject_alloc_fail },
		{ "reject_kmemcache_fail", z->reject_kmemcache_fail },
		{ "reject_reclaim_fail", z->reject_reclaim_fail },
		{ "pool_limit_hit", z->pool_limit_hit },
		{ "pool_total_size", z->pool_total_size },
		{ "written_back_pages", z->written_back_pages },
		{ "duplicate_entry", z->duplicate_entry },
		{ "rejected_pages", z->rejected_pages },
		{ "pool_loads", z->pool_loads },
		{ "file_loads", z->file_loads },
		{ "lost_loads", z->lost_loads },
		{ "pages_freed_by_writeback", z->pages_freed_by_writeback },
		{ "write_errors", z->write_errors },
		{ "entry_bytes", z->entry_bytes },
		{ "max_pool_bytes", z->max_pool_bytes },
	};
	json_t *o = json_object();
	size_t i;
	int k;

	put(o, "index", json_string(index[c->zswap.index]));
	put(o, "reclaim", json_string(reclaim[c->zswap.reclaim]));
	put(o, "second_chance", json_boolean(c->zswap.second_chance));
	put(o, "accept_percent", json_integer(c->zswap.accept_percent));
	put(o, "swap",
	    json_string(c->no_swap	   ? "none"
			: res->swap_direct ? "direct"
					   : "page cache"));
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		put(o, counts[i].name, number(counts[i].n));
	put(o, "pages_freed_per_writeback",
	    ratio((double)z->pages_freed_by_writeback,
		  (double)z->written_back_pages));
	put(o, "pool_hit_ratio", ratio((double)z->pool_loads, (double)loads));
	for (i = 0, k = 0; k < STAGES; k++)
		i += k == STAGE_OFF ? 0 : res->times.reclaim_ns[k];
	put(o, "reclaim_ns", number(i));
	put(o, "transfer_ns", number(res->times.reclaim_ns[STAGE_OFF]));
	return o;
}

static json_t *overhead(const struct replay_result *res)
{
	return json_pack(
		"{s:I, s:f, s:I, s:I, s:o, s:I}", "clock_ns",
		(json_int_t)res->clock_ns, "null_ns_per_event", res->null_ns,
		"decode_ns", (json_int_t)res->decode_ns, "table_bytes",
		(json_int_t)res->table_bytes, "table_bytes_per_live_key",
		ratio((double)res->table_bytes, (double)res->live_peak),
		"late_max_ns", (json_int_t)res->late_max_ns);
}

json_t *result_record(const struct replay_config *config,
		      const struct replay_result *res, const char *sha256)
{
	const struct zpool_stats *s = &res->end;
	uint64_t ps = res->page_size;
	json_t *o = json_object();
	int bad = 0;

	if (!o)
		return NULL;
	bad |= put(o, "schema", json_integer(RESULT_SCHEMA));
	bad |= put(o, "trace",
		   json_pack("{s:o, s:s, s:I, s:I, s:I, s:s}", "name",
			     label_json(res->trace_name), "sha256", sha256,
			     "events", (json_int_t)res->trace_events, "keys",
			     (json_int_t)res->trace_keys, "live_peak",
			     (json_int_t)res->live_peak, "note",
			     res->trace_note));
	bad |= put(o, "backend", json_string(res->backend));
	if (res->source)
		bad |= put(o, "source", json_loads(res->source, 0, NULL));
	bad |= put(o, "codec", json_string(res->codec));
	if (res->codec_source)
		bad |= put(o, "codec_source",
			   json_loads(res->codec_source, 0, NULL));
	bad |= put(o, "threads", json_integer(config->threads));
	bad |= put(o, "seed", number(config->swap.seed));
	bad |= put(o, "pools", json_integer(config->swap.pools));
	bad |= put(o, "events", number(res->events));
	bad |= put(o, "options", options(config));
	bad |= put(o, "oversubscribed", json_boolean(res->oversubscribed));
	bad |= put(o, "counts", counts(res));
	if (res->front)
		bad |= put(o, "zswap", front(config, res));
	bad |= put(o, "page_size", number(ps));
	bad |= put(o, "pool_pages", number(s->pages));
	bad |= put(o, "pool_pages_peak", number(s->pages_peak));
	bad |= put(o, "objects", number(s->objects));
	bad |= put(o, "object_bytes", number(s->object_bytes));
	bad |= put(o, "frag_ratio", frag(s, ps));
	bad |= put(o, "footprint_bytes", number(result_footprint(s, ps)));
	bad |= put(o, "metadata_bytes", number(s->metadata_bytes));
	bad |= put(o, "density", density(s, ps));
	bad |= put(o, "obj_allocated", number(s->slots));
	bad |= put(o, "obj_unused_ratio",
		   ratio((double)s->slots - (double)s->objects,
			 (double)s->slots));
	bad |= put(o, "mem_used_per_compr_data",
		   ratio((double)(s->pages * ps), (double)s->object_bytes));
	bad |= put(o, "over_time", over_time(res));
	bad |= put(o, "time", times(res));
	bad |= put(o, "latency_ns", latencies(res));
	bad |= put(o, "locks", locks(res));
	bad |= put(o, "atomic_section_ns", sections(res));
	bad |= put(o, "marks", marks(res));
	bad |= put(o, "series", series(res));
	bad |= put(o, "overhead", overhead(res));
	bad |= put(o, "env", result_env());
	if (bad) {
		json_decref(o);
		return NULL;
	}
	return o;
}
