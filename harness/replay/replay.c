// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets up the trace, codec and swap path of a replay, and adds up the results
 * of the workers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/replay/occupancy.h"
#include "harness/replay/internal.h"
#include "harness/replay/watch.h"
#include "lib/room.h"
#include "traces/label.h"

#define SERIES_POINTS 100
#define NULL_EVENTS 262144
/* Ids are dense, so these events and the rest of their batch have no others. */
#define NULL_KEYS (NULL_EVENTS + (1u << 20))
#define SAMPLE 128

static int table_of(struct replay *r, const char *name, struct err *err)
{
	const struct zlt_info *info = r->info;
	char known[256] = "";
	size_t i, n = 0;
	int ret;

	ret = zlt_sizes(source_file(r->source), name, &r->swap_config.sizes,
			NULL);
	if (!ret) {
		r->swap_config.object = SWAP_TABLE;
		return 0;
	}
	if (ret != -ENOENT)
		return zlt_sizes(source_file(r->source), name,
				 &r->swap_config.sizes, err);
	for (i = 0; i < info->codec_count && n < sizeof(known); i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
				      i ? ", " : "", info->codecs[i].name);
	if (!i)
		return err_set(err, -EINVAL,
			       "trace %s has no sizes of codec %s; \"zlab "
			       "sizes\" adds them to a trace with pages",
			       info->path, name);
	return err_set(err, -EINVAL,
		       "trace %s has no sizes of codec %s; it has those of %s",
		       info->path, name, known);
}

static int choose_codec(struct replay *r, struct err *err)
{
	const struct zlt_info *info = r->info;
	bool sizes = info->objects == ZLT_OBJECT_SIZES;
	const char *spec = r->config->codec;
	struct codec *table;

	if (!spec)
		spec = sizes ? "none" : "lz4";
	r->codec = codec_create(spec, err);
	if (!r->codec)
		return -EINVAL;
	r->swap_config.codec = NULL;
	if (sizes) {
		if (strcmp(codec_name(r->codec), "none"))
			return err_set(err, -EINVAL,
				       "trace %s carries object sizes and no "
				       "pages to compress; use --codec none",
				       info->path);
		r->swap_config.object = SWAP_SIZES;
		return 0;
	}
	if (info->objects == ZLT_OBJECT_HASHES && !codec_table(r->codec)) {
		if (!strcmp(codec_name(r->codec), "none"))
			return err_set(err, -EINVAL,
				       "trace %s carries no pages; use the "
				       "codec whose sizes it carries",
				       info->path);
		table = codec_sizes(r->codec, err);
		codec_destroy(r->codec);
		r->codec = table;
		if (!table)
			return -ENOMEM;
	}
	if (r->config->swap.sizes) {
		r->swap_config.object = SWAP_TABLE;
		return 0;
	}
	if (codec_table(r->codec))
		return table_of(r, codec_table(r->codec), err);
	r->swap_config.object = SWAP_PAGES;
	r->swap_config.codec = r->codec;
	if (!strcmp(codec_name(r->codec), "none"))
		r->swap_config.keep_incompressible = true;
	return 0;
}

static unsigned owner_column(const struct replay_config *c)
{
	if (c->threads == 1)
		return 0;
	return c->assign == REPLAY_BY_TID   ? ZLT_TID
	       : c->assign == REPLAY_BY_CPU ? ZLT_CPU
					    : 0;
}

static int check_columns(struct replay *r, struct err *err)
{
	static const char *const words[] = { "key", "tid", "cpu" };
	const struct replay_config *c = r->config;
	unsigned column = owner_column(c);

	if (r->want & column & ~r->info->columns)
		return err_set(err, -EINVAL,
			       "trace %s does not say by which %s an operation "
			       "was done; use --assign key",
			       r->info->path, words[c->assign]);
	if (r->want & ZLT_TIME & ~r->info->columns)
		return err_set(err, -EINVAL,
			       "trace %s has no times; --paced needs them",
			       r->info->path);
	return 0;
}

static int make_workers(struct replay *r, struct err *err)
{
	unsigned i, n = r->config->threads;
	struct replay_worker *w;

	r->workers = aligned_alloc(64, n * sizeof(*r->workers));
	if (!r->workers)
		return err_set(err, -ENOMEM, "out of memory for the threads");
	memset(r->workers, 0, n * sizeof(*r->workers));
	for (i = 0; i < n; i++) {
		w = &r->workers[i];
		w->r = r;
		w->id = i;
		w->random = r->config->swap.seed | 1;
		if (r->swap_config.object != SWAP_PAGES)
			continue;
		w->cursor = zlt_cursor_open(source_file(r->source), 0, err);
		if (!w->cursor)
			return -errno;
	}
	if (n > 1)
		feed_begin(&r->feed, r->source, n);
	if (n > 1 && r->config->assign != REPLAY_BY_KEY) {
		r->done = calloc(r->info->keys + 1, sizeof(*r->done));
		if (!r->done)
			return err_set(err, -ENOMEM,
				       "out of memory for the order of keys");
	}
	return 0;
}

static void free_workers(struct replay *r)
{
	struct replay_worker *w;
	unsigned i;

	for (i = 0; r->workers && i < r->config->threads; i++) {
		w = &r->workers[i];
		swap_cpu_destroy(w->cpu);
		zlt_cursor_close(w->cursor);
		free(w->op);
		free(w->key);
		free(w->object);
	}
	feed_end(&r->feed);
	free(r->workers);
	r->workers = NULL;
	free(r->done);
}

static int describe(struct replay *r, struct err *err)
{
	struct replay_result *res = r->res;
	const struct zlt_info *info = r->info;
	struct arena *arena = r->swap->pools.at[0]->arena;

	res->trace_name = strdup(info->name);
	res->trace_note = strdup(info->note);
	res->codec = strdup(codec_name(r->codec));
	res->backend = strdup(r->swap->pools.at[0]->spec);
	if (!res->trace_name || !res->trace_note || !res->codec ||
	    !res->backend)
		return err_set(err, -ENOMEM, "out of memory");
	res->source = pools_driver(&r->swap->pools)->source;
	res->codec_source = codec_source(r->codec);
	res->trace_events = info->events;
	res->trace_keys = info->keys;
	res->live_peak = r->config->swap.exclusive ? info->live_peak_exclusive
						   : info->live_peak;
	res->page_size = arena ? arena_page_size(arena) : 4096;
	res->oversubscribed = r->config->threads > replay_cpus();
	res->clock_ns = clock_to_ns(zclock.cost);
	res->table_bytes = info->keys * sizeof(struct swap_slot);
	if (r->config->threads > 1 && r->config->assign != REPLAY_BY_KEY)
		res->table_bytes +=
			info->keys * 4 * (1 + (uint64_t)r->config->threads);
	return 0;
}

static void choose_sample(struct replay *r)
{
	if (r->swap_config.sample == REPLAY_SAMPLE_AUTO)
		r->swap_config.sample =
			r->swap_config.object == SWAP_PAGES ? 1 : SAMPLE;
	r->res->sample = r->swap_config.sample;
}

static int open_front(struct replay *r, struct err *err)
{
	const struct replay_config *c = r->config;
	const char *dir = getenv("TMPDIR");

	if (!c->front)
		return 0;
	r->zswap = c->zswap;
	if (c->max_pool_percent)
		r->zswap.max_pool_bytes =
			c->ram_bytes / 100 * c->max_pool_percent;
	if (!c->no_swap) {
		r->swapfile = swapfile_open(c->swap_file, dir ? dir : ".", err);
		if (!r->swapfile)
			return -EINVAL;
		r->res->swap_direct = swapfile_direct(r->swapfile);
	}
	r->zswap.swap = r->swapfile;
	r->swap_config.zswap = &r->zswap;
	r->swap_config.reclaim_here = c->threads == 1;
	return 0;
}

/*
 * A stream may have more keys, and more objects at one time, than there is
 * memory. A file could be made, so it is not asked.
 */
static int check_table(struct replay *r, struct err *err)
{
	uint64_t bytes = sizeof(struct swap_slot);

	if (source_file(r->source))
		return 0;
	if (r->config->threads > 1 && r->config->assign != REPLAY_BY_KEY)
		bytes += sizeof(*r->done) * (1 + r->config->threads);
	return room_memory(bytes * r->info->keys, r->info->path,
			   "the table of its keys", err);
}

static int check_objects_fit(struct replay *r, struct err *err)
{
	uint64_t bytes = source_live_bytes(r->source);
	uint64_t limit = r->config->pool_limit;

	if (!r->swap->pools.contents || r->config->swap.device)
		return 0;
	if (r->config->swap.exclusive && r->info->live_peak)
		bytes = (uint64_t)((double)bytes *
				   (double)r->info->live_peak_exclusive /
				   (double)r->info->live_peak);
	if (limit && bytes > limit * r->swap->pools.nr)
		bytes = limit * r->swap->pools.nr;
	limit = r->swap->zswap ? r->zswap.max_pool_bytes : 0;
	if (limit && bytes > limit)
		bytes = limit;
	return room_memory(bytes, r->info->path, "its objects", err);
}

static int open_all(struct replay *r, struct err *err)
{
	const struct replay_config *c = r->config;
	int ret;

	r->want = (c->salvage ? ZLT_SALVAGE : 0) | owner_column(c) |
		  (c->speed > 0 ? ZLT_TIME : 0);
	r->source = source_open(c->trace, r->want, err);
	if (!r->source)
		return -errno;
	r->info = source_info(r->source);
	r->end = c->max_events && c->max_events < r->info->events
			 ? c->max_events
			 : r->info->events;
	r->swap_config = c->swap;
	ret = choose_codec(r, err);
	if (!ret)
		ret = check_columns(r, err);
	if (!ret && r->info->objects != ZLT_OBJECT_SIZES)
		ret = zlt_page_infos(source_file(r->source),
				     &r->swap_config.infos, err);
	if (ret)
		return ret;
	choose_sample(r);
	r->swap_config.pool.arena.limit =
		c->pool_limit >> (c->swap.pool.arena.page_shift
					  ? c->swap.pool.arena.page_shift
					  : 12);
	/* Under tools such as sanitizers, less than 64G may be free. */
	r->swap_config.pool.arena.capacity = r->swap_config.pool.arena.limit;
	r->swap_config.contents = r->info->contents;
	r->swap_config.keys = r->info->keys;
	ret = check_table(r, err);
	if (!ret)
		ret = open_front(r, err);
	if (ret)
		return ret;
	r->swap = swap_create(&r->swap_config, err);
	if (!r->swap)
		return -EINVAL;
	ret = check_objects_fit(r, err);
	if (!ret)
		ret = make_workers(r, err);
	return ret ? ret : describe(r, err);
}

static int play(struct replay *r, struct err *err)
{
	int ret;

	lock_stats_detail(r->config->lock_detail);
	lock_stats_reset();
	ret = replay_workers(r, err);
	r->res->real_ns = clock_wall_ns() - r->start_ns;
	return ret;
}

/* Copy zswap's counters to the counters that the direct path uses. */
static void collect_front(struct replay *r)
{
	struct replay_result *res = r->res;
	struct zswap_stats *z = &res->zswap;

	res->front = true;
	zswap_stats(r->swap->zswap, z);
	res->counts.same_filled_pages = z->same_filled_stores;
	res->counts.reject_compress_poor = z->reject_compress_poor;
	res->counts.reject_alloc_fail = z->reject_alloc_fail;
	res->counts.duplicate_entry = z->duplicate_entry;
	res->counts.stored_pages = (int64_t)z->stored_pages;
	res->counts.stored_same = (int64_t)z->same_filled_pages;
	res->counts.object_bytes = (int64_t)z->object_bytes;
}

/* Sum up the workers; a worker's -ECANCELED only follows another's error. */
static int collect(struct replay *r, struct err *err)
{
	struct replay_result *res = r->res;
	struct replay_worker *w;
	uint64_t readings = 0;
	int ret = 0;
	unsigned i;

	for (i = 0; i < r->config->threads; i++) {
		w = &r->workers[i];
		if (w->ret && w->ret != -ECANCELED && !ret) {
			ret = w->ret;
			if (err)
				*err = w->err;
		}
		if (w->events > res->events)
			res->events = w->events;
		res->ops_in += w->ops_in;
		res->ops_done += w->ops_done;
		res->cpu_ns += w->cpu_ns;
		res->decode_ns += w->decode_ns;
		res->wait_ns += w->wait_ns;
		res->order_wait_ns += w->order_wait_ns;
		if (w->late_max_ns > res->late_max_ns)
			res->late_max_ns = w->late_max_ns;
		if (w->cpu) {
			readings += w->cpu->clock.readings;
			res->loop_ns += w->loop_ns;
			swap_counts_add(&res->counts, &w->cpu->counts);
			swap_times_add(&res->times, &w->cpu->times);
		}
	}
	swap_times_add(&res->times, &r->background_times);
	if (r->swap->zswap)
		collect_front(r);
	readings *= res->clock_ns;
	if (r->swap_config.object == SWAP_PAGES || res->front ||
	    res->loop_ns < readings)
		res->loop_ns = 0;
	else
		res->loop_ns -= readings;
	res->cpu_ns += r->background_ns;
	res->nr_locks = lock_stats_read(res->locks, REPLAY_MAX_LOCKS);
	atomic_section_read(&res->sections);
	if (!ret && cli_stopped())
		ret = err_set(err, -EINTR,
			      "interrupted after %llu of %llu events",
			      (unsigned long long)res->events,
			      (unsigned long long)r->end);
	if (!ret && res->ops_in != res->ops_done)
		ret = err_set(err, -EIO,
			      "%llu operations were given out but %llu done",
			      (unsigned long long)res->ops_in,
			      (unsigned long long)res->ops_done);
	return ret;
}

/* If the allocator counts its objects, compare its count with ours. */
static int check_objects(struct replay *r, struct err *err)
{
	struct zpool_stats said;

	swap_stats(r->swap, &said);
	if (!r->swap->pools.contents || said.objects == r->res->end.objects)
		return 0;
	return err_set(err, -EIO, "it has %llu objects, but %llu are stored",
		       (unsigned long long)said.objects,
		       (unsigned long long)r->res->end.objects);
}

static int map(struct replay *r, const char *when, struct err *err)
{
	json_t *trace =
		json_pack("{s:o, s:s?}", "name", label_json(r->info->name),
			  "sha256", r->config->sha256);
	int ret = occupancy_append(r->swap, r->config->occupancy, when, trace,
				   err);

	json_decref(trace);
	return ret;
}

static int at_end(struct replay *r, struct err *err)
{
	struct replay_result *res = r->res;
	int ret = 0;

	swap_settle(r->swap);
	if (r->config->occupancy)
		ret = map(r, "before", err);
	if (!ret && r->config->compact_at_end) {
		replay_compact(r);
		if (r->config->occupancy)
			ret = map(r, "after", err);
	}
	if (ret)
		return ret;
	replay_stats(r, &res->end);
	res->raw = swap_raw(r->swap);
	if (r->config->validate) {
		ret = swap_validate(r->swap, err);
		if (!ret)
			ret = check_objects(r, err);
	}
	if (ret)
		err_prefix(err, "backend %s is not sound at the end",
			   r->swap->pools.at[0]->spec);
	return ret;
}

/*
 * Measure the cost of the loop, the slots and the sampling alone: replay the
 * trace's first events on the null backend, all of size 1. Only the second of
 * two rounds counts, so that the slots are in memory already.
 */
static int measure_null(struct replay *r, struct err *err)
{
	struct swap_config c = { .backend = "null",
				 .pools = r->config->swap.pools,
				 .object = SWAP_SIZES,
				 .keys = r->info->keys < NULL_KEYS
						 ? r->info->keys
						 : NULL_KEYS,
				 .exclusive = r->config->swap.exclusive,
				 .sample = r->res->sample,
				 .seed = r->config->swap.seed };
	struct swap *s = swap_create(&c, err);
	struct swap_cpu *cpu = s ? swap_cpu_create(s, NULL, err) : NULL;
	uint64_t events = 0, ns = 0, t;
	struct zlt_batch b;
	uint32_t *ones = NULL;
	ssize_t n;
	size_t at, i;
	int round, ret = cpu ? 0 : -ENOMEM;

	for (round = 0; round < 2 && !ret; round++) {
		ret = source_rewind(r->source, err);
		events = ns = 0;
		while (!ret && events < NULL_EVENTS &&
		       (ret = source_next(r->source, &b, err)) > 0) {
			ret = 0;
			free(ones);
			ones = malloc(b.count * sizeof(*ones));
			if (!ones) {
				ret = err_set(err, -ENOMEM, "out of memory");
				break;
			}
			for (i = 0; i < b.count; i++)
				ones[i] = 1;
			t = clock_cpu_ns();
			for (at = 0; at < b.count; at += (size_t)n + 1) {
				n = swap_run(cpu, b.op + at, b.key + at,
					     ones + at, b.count - at);
				if (n < 0)
					break;
			}
			ns += clock_cpu_ns() - t;
			events += b.count;
		}
	}
	if (events)
		r->res->null_ns = (double)ns / (double)events;
	free(ones);
	swap_cpu_destroy(cpu);
	swap_destroy(s);
	return ret;
}

int replay_run(const struct replay_config *config, struct replay_result *res,
	       struct err *err)
{
	struct replay_config mine = *config;
	struct replay r = { .config = &mine, .res = res };
	int ret;

	memset(res, 0, sizeof(*res));
	clock_init();
	pthread_mutex_init(&r.mutex, NULL);
	pthread_cond_init(&r.cond, NULL);
	watch_begin(&r);
	ret = open_all(&r, err);
	if (ret)
		goto out;
	if (!mine.series_every)
		mine.series_every = r.end / SERIES_POINTS + 1;
	res->series_every = mine.series_every;
	progress_start(&r.progress, "replay", "events",
		       config->progress ? r.end : 0);
	r.progress.on &= config->progress;
	ret = play(&r, err);
	progress_end(&r.progress);
	if (!ret)
		ret = collect(&r, err);
	if (config->progress)
		progress_step(&r.progress, "replay, looking at the end");
	if (!ret)
		ret = at_end(&r, err);
	progress_end(&r.progress);
	if (!ret)
		ret = measure_null(&r, err);
out:
	free_workers(&r);
	swap_destroy(r.swap);
	watch_end(&r);
	swapfile_close(r.swapfile);
	codec_destroy(r.codec);
	source_close(r.source);
	pthread_cond_destroy(&r.cond);
	pthread_mutex_destroy(&r.mutex);
	return ret;
}

void replay_result_free(struct replay_result *res)
{
	size_t i;

	free(res->trace_name);
	free(res->trace_note);
	free(res->backend);
	free(res->codec);
	for (i = 0; i < res->marks.count; i++)
		free(res->marks.at[i].label);
	free(res->marks.at);
	free(res->series.at);
	memset(res, 0, sizeof(*res));
}
