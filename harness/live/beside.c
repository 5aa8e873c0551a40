// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a trace on a device and on zlab's allocator. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "harness/cli/cli.h"
#include "harness/cli/progress.h"
#include "harness/live/beside.h"
#include "harness/live/running.h"
#include "harness/live/zram.h"
#include "harness/swap/page.h"
#include "harness/verify/classes.h"
#include "lib/random.h"

/**
 * struct beside - a comparison in progress
 * @bytes: size of the device
 * @spec: zlab's allocator
 * @codec: zlab's codec, or NULL
 * @free_first: the kernel frees a page's old object before it makes the new one
 * @sizes: size of every content by the device's compressor
 * @kernel: the replay on the device
 * @own: zlab's with its sizes
 */
struct beside {
	const struct beside_config *config;
	struct beside_result *r;
	struct zlt_reader *reader;
	const struct zlt_info *info;
	struct zram *zram;
	uint64_t bytes;
	char spec[256];
	struct codec *codec;
	bool free_first;
	uint16_t *sizes;
	struct replay_result kernel, own;
};

static int open_trace(struct beside *b, struct err *err)
{
	struct beside_result *r = b->r;

	b->reader = zlt_open(b->config->trace, 0, err);
	if (!b->reader)
		return -errno;
	b->info = zlt_info(b->reader);
	if (b->info->objects != ZLT_OBJECT_PAGES)
		return err_set(err, -EINVAL,
			       "trace %s carries no pages for the kernel to "
			       "compress; \"zlab record\" makes one that does",
			       b->info->path);
	r->trace = strdup(b->info->name);
	r->note = strdup(b->info->note);
	r->events = b->info->events;
	r->threads = b->config->threads;
	r->compactions = b->info->ops[ZLT_COMPACT];
	r->swap = b->config->swap;
	b->sizes = calloc(b->info->contents + 1, sizeof(*b->sizes));
	if (!r->trace || !r->note || !b->sizes)
		return err_set(err, -ENOMEM, "out of memory");
	return zram_blocks(b->info->keys, b->config->swap, &b->bytes, err);
}

/* The allocator, and from which size on zram keeps a page as it is. */
static int choose_backend(struct beside *b, struct err *err)
{
	struct zpool_config config = { .arena.capacity = 1 };
	struct class_table table = { 0 };
	struct zpool *pool;
	int ret;

	if (!b->config->backend) {
		ret = running_backend(b->spec, sizeof(b->spec), err);
		if (ret)
			return ret;
	}
	pool = zpool_create(b->config->backend ? b->config->backend : b->spec,
			    &config, err);
	if (!pool)
		return -EINVAL;
	b->r->backend = strdup(pool->spec);
	ret = b->r->backend ? class_table_read(pool, 0, &table, err)
			    : err_set(err, -ENOMEM, "out of memory");
	if (ret == -ENOENT)
		err_set(err, ret, "--backend %s: zram's allocator is zsmalloc",
			b->config->backend);
	if (!ret) {
		b->r->huge_limit = table.huge_limit;
		class_table_free(&table);
	}
	zpool_destroy(pool);
	return ret;
}

static int choose_codec(struct beside *b, struct err *err)
{
	const char *spec = b->config->codec;

	b->codec = codec_create(spec ? spec : b->config->algorithm, err);
	if (!b->codec && spec)
		return -EINVAL;
	if (b->codec && codec_table(b->codec))
		return err_set(err, -EINVAL,
			       "--codec %s compresses nothing; its sizes are "
			       "not the device's",
			       spec);
	if (!b->codec)
		return 0;
	b->r->library = !spec || !strchr(spec, '/');
	b->r->codec = strdup(codec_name(b->codec));
	return b->r->codec ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/*
 * Some kernels (6.14 to 6.16) free the old object of a page that is stored again
 * before they make the new one: then two large objects are never there at once.
 */
static int probe_order(struct beside *b, struct err *err)
{
	static char page[MM_STAT_PAGE] __attribute__((aligned(MM_STAT_PAGE)));
	uint64_t state = 1;
	struct mm_stat m;
	int i, ret = 0;

	random_fill(page, sizeof(page), &state);
	for (i = 0; i < 2 && !ret; i++)
		ret = zram_store(b->zram, 0, page);
	if (ret)
		return err_set(err, ret, "%s does not take a page: %s",
			       b->config->device, strerror(-ret));
	ret = zram_stat(b->zram, &m, err);
	b->free_first = !ret && m.pages_max == 1;
	return ret;
}

/* What zlab has to do as the kernel does. The device is empty afterwards. */
static int probe(struct beside *b, struct err *err)
{
	int ret;

	if (!b->r->swap)
		return probe_order(b, err);
	ret = zram_swap_on(b->zram, b->info->keys, err);
	if (!ret)
		ret = zram_swap_probe(b->zram, &b->r->rules, err);
	/* A page that goes out has no slot before. */
	b->free_first = true;
	return ret ? ret : zram_again(b->zram, err);
}

/*
 * How the device's compressor does on a page: a device with this page alone
 * says so. zram does not tell the size of a page that it keeps uncompressed.
 */
static int size_on_device(struct beside *b, const void *page, uint16_t *size,
			  struct err *err)
{
	struct mm_stat m;
	int ret = zram_store(b->zram, 0, page);

	if (ret)
		return err_set(err, ret, "%s does not take a page: %s",
			       b->config->device, strerror(-ret));
	ret = zram_stat(b->zram, &m, err);
	if (!ret)
		*size = (uint16_t)m.bytes;
	return ret;
}

static int compare_sizes(struct beside *b, const void *page, uint16_t size,
			 struct err *err)
{
	int own;

	if (!b->codec)
		return 0;
	own = codec_size(b->codec, page);
	if (own < 0)
		return err_set(err, own, "codec %s fails",
			       codec_name(b->codec));
	if ((unsigned)own >= b->r->huge_limit)
		own = MM_STAT_PAGE;
	if (own != size) {
		b->r->differ++;
		b->r->differ_bytes += own - size;
	}
	return 0;
}

static int measure_sizes(struct beside *b, struct err *err)
{
	struct zlt_cursor *cursor = zlt_cursor_open(b->reader, 0, err);
	void *copy = aligned_alloc(MM_STAT_PAGE, MM_STAT_PAGE);
	struct progress progress;
	unsigned long fill;
	const void *page;
	int ret = 0;
	uint64_t i;

	if (!cursor || !copy) {
		ret = cursor ? err_set(err, -ENOMEM, "out of memory") : -errno;
		goto out;
	}
	progress_start(&progress, "sizes", "pages",
		       b->config->progress ? b->info->contents : 0);
	progress.on &= b->config->progress;
	for (i = 0; i < b->info->contents && !ret; i++) {
		if (cli_stopped())
			ret = err_set(err, -EINTR, "interrupted");
		if (!ret)
			ret = zlt_content(cursor, (uint32_t)i, &page, err);
		if (ret || page_same_filled(page, &fill))
			continue;
		memcpy(copy, page, MM_STAT_PAGE);
		b->r->contents++;
		ret = size_on_device(b, copy, &b->sizes[i], err);
		if (!ret)
			ret = compare_sizes(b, copy, b->sizes[i], err);
		progress_update(&progress, i);
	}
	progress_end(&progress);
out:
	free(copy);
	zlt_cursor_close(cursor);
	return ret;
}

static struct replay_config replay_of(const struct beside *b)
{
	const struct beside_config *c = b->config;

	return (struct replay_config){
		.trace = c->trace,
		.threads = c->threads,
		.assign = c->assign,
		.progress = c->progress,
		.swap = { .backend = b->r->backend,
			  .pools = 1,
			  .pool.arena.huge = true,
			  .same_filled = true,
			  .free_first = b->free_first,
			  .exclusive = b->r->rules.load_frees,
			  .keep_incompressible = true,
			  .huge_limit = b->r->huge_limit,
			  .verify = true,
			  .sample = 1,
			  .seed = 1 },
	};
}

static void keep_times(struct beside *b, enum beside_side side,
		       const struct replay_result *res)
{
	struct beside_time *t;
	double n;
	int op, i;

	for (op = 0; op < 3; op++) {
		t = &b->r->time[side][op];
		t->samples = res->times.samples[op];
		if (!t->samples)
			continue;
		n = (double)t->samples;
		for (i = 0; i < STAGE_OFF; i++)
			t->ns += (double)res->times.ns[op][i] / n;
		t->codec_ns = (double)res->times.ns[op][STAGE_CODEC] / n;
		t->alloc_ns = (double)res->times.ns[op][STAGE_ALLOC] / n;
		t->p50 = hist_percentile(&res->times.latency[op], 50);
	}
}

static void keep_stat(struct beside *b, const struct mm_stat *m)
{
	uint64_t *v = b->r->value[BESIDE_KERNEL];
	int row;

	v[BESIDE_STORED] = m->stored;
	v[BESIDE_SAME] = m->same;
	v[BESIDE_HUGE] = m->huge;
	v[BESIDE_HUGE_SINCE] = m->huge_since;
	v[BESIDE_BYTES] = m->bytes;
	v[BESIDE_PAGES] = m->pages;
	v[BESIDE_PAGES_MAX] = m->pages_max;
	v[BESIDE_COMPACTED] = m->compacted;
	for (row = 0; row < BESIDE_ROWS; row++)
		b->r->has[row] = true;
	b->r->has[BESIDE_HUGE] = m->has_huge;
	b->r->has[BESIDE_HUGE_SINCE] = m->has_huge_since;
	b->r->has[BESIDE_SLOTS] = b->r->swap;
	if (b->r->swap)
		zram_swap_used(b->zram, &v[BESIDE_SLOTS], &b->r->zeroes);
}

static int get_ready(struct beside *b, struct swap_device *device, bool blank,
		     struct err *err)
{
	int ret = zram_again(b->zram, err);

	if (!ret && b->r->swap)
		ret = zram_swap_on(b->zram, b->info->keys, err);
	if (ret)
		return ret;
	if (b->r->swap)
		zram_swap_device(b->zram, device, blank);
	else
		zram_device(b->zram, device, blank);
	return 0;
}

static int on_device(struct beside *b, enum beside_side side,
		     struct replay_result *res, struct err *err)
{
	struct replay_config config = replay_of(b);
	struct swap_device device;
	struct mm_stat m;
	int ret = get_ready(b, &device, side == BESIDE_BLANK, err);

	if (ret)
		return ret;
	config.codec = "none";
	config.swap.backend = "null";
	config.swap.device = &device;
	ret = replay_run(&config, res, err);
	if (!ret)
		ret = zram_stat(b->zram, &m, err);
	if (ret)
		return ret;
	keep_times(b, side, res);
	if (side == BESIDE_KERNEL) {
		keep_stat(b, &m);
		b->r->verified = res->counts.verified;
	}
	return 0;
}

static void keep_replay(struct beside *b, enum beside_side side,
			const struct replay_result *res)
{
	uint64_t *v = b->r->value[side];

	v[BESIDE_STORED] = (uint64_t)res->counts.stored_pages;
	v[BESIDE_SAME] = (uint64_t)res->counts.stored_same;
	v[BESIDE_HUGE] = res->raw;
	v[BESIDE_HUGE_SINCE] = res->counts.incompressible;
	v[BESIDE_BYTES] = (uint64_t)res->counts.object_bytes;
	v[BESIDE_PAGES] = res->end.pages;
	v[BESIDE_PAGES_MAX] = res->end.pages_peak;
	v[BESIDE_COMPACTED] = res->end.compacted_pages;
	v[BESIDE_SLOTS] = b->r->swap ? v[BESIDE_STORED] : 0;
	keep_times(b, side, res);
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void compare_points(struct beside_result *r,
			   const struct replay_points *kernel,
			   const struct replay_points *zlab)
{
	const struct zpool_stats *k, *z;
	uint64_t pages;
	size_t i;

	for (i = 0; i < kernel->count && i < zlab->count; i++) {
		k = &kernel->at[i].stats;
		z = &zlab->at[i].stats;
		pages = apart(k->pages, z->pages);
		r->checkpoints++;
		if (!pages && k->objects == z->objects &&
		    k->object_bytes == z->object_bytes)
			continue;
		if (!r->apart++ || kernel->at[i].event < r->apart_first)
			r->apart_first = kernel->at[i].event;
		if (pages > r->apart_max)
			r->apart_max = pages;
	}
}

static int on_zlab(struct beside *b, enum beside_side side,
		   struct replay_result *res, struct err *err)
{
	struct replay_config config = replay_of(b);
	int ret;

	if (side == BESIDE_SIZES) {
		config.codec = "none";
		config.swap.sizes = b->sizes;
	} else {
		config.codec = b->r->library ? b->r->codec : b->config->codec;
	}
	ret = replay_run(&config, res, err);
	if (!ret)
		keep_replay(b, side, res);
	return ret;
}

/* In zlab's memory first: what it takes is known before the kernel needs it. */
static int on_all(struct beside *b, struct err *err)
{
	struct replay_result blank = { 0 };
	uint64_t resident = b->r->swap ? b->info->keys : 0;
	int ret = probe(b, err);

	if (!ret)
		ret = measure_sizes(b, err);
	if (!ret)
		ret = on_zlab(b, BESIDE_SIZES, &b->own, err);
	if (!ret)
		ret = zram_fits(
			"/proc/meminfo",
			(b->own.end.pages_peak + resident) * MM_STAT_PAGE, err);
	if (!ret)
		ret = on_device(b, BESIDE_KERNEL, &b->kernel, err);
	if (!ret)
		ret = on_device(b, BESIDE_BLANK, &blank, err);
	replay_result_free(&blank);
	return ret;
}

static int on_codec(struct beside *b, struct err *err)
{
	struct replay_result res = { 0 };
	int ret = on_zlab(b, BESIDE_CODEC, &res, err);

	replay_result_free(&res);
	return ret;
}

static int conclude(struct beside *b, struct err *err)
{
	compare_points(b->r, &b->kernel.marks, &b->own.marks);
	/* Threads are at the same event at marks alone. */
	if (b->config->threads == 1)
		compare_points(b->r, &b->kernel.series, &b->own.series);
	b->r->oversubscribed = b->kernel.oversubscribed;
	return b->codec ? on_codec(b, err) : 0;
}

int beside_run(const struct beside_config *config, struct beside_result *r,
	       struct err *err)
{
	struct beside b = { .config = config, .r = r };
	struct utsname u;
	int ret, given;

	memset(r, 0, sizeof(*r));
	uname(&u);
	snprintf(r->release, sizeof(r->release), "%s", u.release);
	snprintf(r->algorithm, sizeof(r->algorithm), "%s", config->algorithm);
	ret = open_trace(&b, err);
	if (!ret)
		ret = choose_backend(&b, err);
	if (!ret)
		ret = choose_codec(&b, err);
	if (!ret && config->swap)
		ret = zram_swap_check("/sys/module/zswap/parameters/enabled",
				      "/proc/swaps", err);
	if (ret)
		goto out;
	b.zram = zram_take(config->device, config->algorithm, b.bytes, err);
	if (!b.zram) {
		ret = -EBUSY;
		goto out;
	}
	snprintf(r->name, sizeof(r->name), "%s", zram_name(b.zram));
	ret = on_all(&b, err);
	given = zram_release(b.zram, ret ? NULL : err);
	if (!ret)
		ret = given;
	if (!ret)
		ret = conclude(&b, err);
out:
	replay_result_free(&b.kernel);
	replay_result_free(&b.own);
	codec_destroy(b.codec);
	free(b.sizes);
	zlt_reader_close(b.reader);
	return ret;
}

void beside_free(struct beside_result *r)
{
	free(r->trace);
	free(r->note);
	free(r->backend);
	free(r->codec);
	memset(r, 0, sizeof(*r));
}
