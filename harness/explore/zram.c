// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front end zram: writes, reads, discards and writeback of a disk of this
 * tree. Nothing keeps two CPUs from one page but the lock of its entry, so a read
 * may give whatever some order of the operations explains (history.h); of a page
 * that is not stored it gives zeroes.
 *
 * Pages come with the length of their object, so nothing is compressed.
 */
#include <errno.h>
#include <string.h>

#include "harness/explore/settings.h"
#include "harness/explore/contents.h"
#include "harness/explore/history.h"
#include "harness/explore/swapfile.h"
#include "harness/swap/zram_internal.h"
#include "lib/random.h"

/* Options; those of a disk are its own. */

struct params {
	long long lock, replace, post, retry, mode, notify, api, limit, blocks;
};

static const char *const locks[] = { "bit", "spin", "sleep", NULL };
static const char *const replaces[] = { "after", "first", NULL };
static const char *const posts[] = { "scan", "size", NULL };
static const char *const modes[] = { "all", "idle", "huge", "huge_idle", NULL };
static const char *const apis[] = { "auto", "map", NULL };

#define AT(field) offsetof(struct params, field)

static const struct spec_option options[] = {
	{ "lock", SPEC_CHOICE, AT(lock), "sleep", .choices = locks,
	  .help = "lock of a page's entry" },
	{ "replace", SPEC_CHOICE, AT(replace), "after", .choices = replaces,
	  .help = "when a write frees the old object" },
	{ "post", SPEC_CHOICE, AT(post), "size", .choices = posts,
	  .help = "order of writeback" },
	{ "retry", SPEC_BOOL, AT(retry), "off",
	  .help = "a failed allocation is tried twice" },
	{ "mode", SPEC_CHOICE, AT(mode), "all", .choices = modes,
	  .help = "pages that are written back" },
	{ "notify", SPEC_BOOL, AT(notify), "off",
	  .help = "a page is given up as a swap slot is: only if nobody has "
		  "locked it" },
	{ "api", SPEC_CHOICE, AT(api), "auto", .choices = apis,
	  .help = "calls that read and write objects" },
	{ "limit", SPEC_INT, AT(limit), "0", 0, 64,
	  .help = "limit of the pool in frames; 0 = none" },
	{ "blocks", SPEC_INT, AT(blocks), "0", 0, PROGRAM_OBJECTS,
	  .help = "pages of the backing file; 0 = as many as the disk has" },
	{ 0 },
};

static const struct spec_desc desc = {
	.name = "zram",
	.what = "front end",
	.options = options,
	.params_size = sizeof(struct params),
};

/* Have all pages in the backing file at first. */
static void write_back_first(struct program *p)
{
	if (p->nr_setup + 2 > PROGRAM_SETUP)
		return;
	p->setup[p->nr_setup++] = (struct op){ .kind = OP_STATS };
	p->setup[p->nr_setup++] = (struct op){ .kind = OP_RECLAIM };
}

/* A limit is near to what the set-up takes. */
static void choose(struct program *p, const char *given,
		   const struct program_limits *limits, uint64_t random)
{
	struct settings c = { .text = p->options, .given = given };
	bool file; /* what is read back is in the backing file */

	random ^= 0x7a72616dull;
	file = !settings_below(&random, 3);
	if (settings_below(&random, 4))
		settings_crowd(p, &random);
	if (file)
		write_back_first(p);
	settings_begin(&c);
	settings_add(&c, "lock", locks[settings_below(&random, 3)]);
	settings_add(&c, "replace", replaces[!settings_below(&random, 3)]);
	settings_add(&c, "post", posts[settings_below(&random, 2)]);
	settings_add(&c, "retry", settings_on_off(&random));
	settings_add(&c, "mode", modes[file ? 0 : settings_below(&random, 4)]);
	settings_add(&c, "notify", settings_on_off(&random));
	settings_add(&c, "api", apis[settings_below(&random, 2)]);
	settings_number(&c, "limit",
			settings_below(&random, 3)
				? 0
				: 1 + settings_below(&random, 8));
	settings_number(&c, "blocks",
			file ? 1 + settings_below(&random, 2)
			: settings_below(&random, 3)
				? 0
				: 1 + settings_below(&random, 3));
}

static int complete(const char *given, struct err *err)
{
	struct params p = { 0 };

	if (settings_parse(&desc, given, &p, err))
		return -EINVAL;
	if (!p.limit)
		return 0;
	return err_set(err, -EINVAL,
		       "exhaustive search does not follow how full pools are: "
		       "it takes front end zram with limit=0 alone");
}

struct state {
	struct contents contents;
	struct history history[PROGRAM_OBJECTS];
	uint64_t time;
};

static struct params params;
static struct zram_disk *z;
static struct swapfile *file;
static struct state now, kept;
static size_t frames, objects; /* in use when nothing is stored */
static bool faults, short_of_memory;

/* The order of beginnings and ends decides what a read may give. */
static unsigned op_begins(unsigned what, enum history_kind kind,
			  uint32_t version)
{
	struct history *h = &now.history[what];

	xcpu_visit(XDO_ATOMIC_WRITE, h, 1);
	return history_begin(h, kind, version, ++now.time);
}

static bool op_ends(unsigned what, unsigned nr, uint32_t version)
{
	struct history *h = &now.history[what];

	xcpu_visit(XDO_ATOMIC_WRITE, h, 1);
	return history_end(h, nr, version, ++now.time, false);
}

static void op_fails(unsigned what, unsigned nr)
{
	struct history *h = &now.history[what];

	xcpu_visit(XDO_ATOMIC_WRITE, h, 1);
	if (!history_cancel(h, nr, ++now.time))
		xcpu_report(XFOUND_CONTENTS,
			    "object %u: what had no effect was seen by a load",
			    what);
}

/*
 * With replace=first a write frees the page before it makes the new object. Both
 * may be seen; and if it fails, the page is gone.
 */
static void write_page(unsigned what, unsigned size)
{
	unsigned char *at = contents_page();
	uint32_t version = contents_make(&now.contents, what, size, at);
	unsigned freed = 0, nr;
	int ret;

	if (params.replace == ZRAM_REPLACE_FIRST)
		freed = op_begins(what, HISTORY_FREE, 0);
	nr = op_begins(what, HISTORY_STORE, version);
	ret = zram_disk_write(z, what, at, size);
	if (ret && (ret != -ENOMEM || !(faults || short_of_memory)))
		xcpu_report(XFOUND_RESULT, "store of object %u gave error %d",
			    what, ret);
	if (params.replace == ZRAM_REPLACE_FIRST)
		op_ends(what, freed, 0);
	if (ret)
		op_fails(what, nr);
	else
		op_ends(what, nr, version);
}

static bool is_empty(const unsigned char *page)
{
	static const unsigned char zeroes[SWAP_PAGE_SIZE];

	return !memcmp(page, zeroes, SWAP_PAGE_SIZE);
}

static void read_page(unsigned what)
{
	unsigned nr = op_begins(what, HISTORY_LOAD, 0);
	unsigned char *at = contents_page();
	int ret = zram_disk_read(z, what, at);
	uint32_t version = 0;

	if (ret)
		xcpu_report(XFOUND_RESULT, "load of object %u gave error %d",
			    what, ret);
	else if (!is_empty(at))
		version = contents_recognise(&now.contents, what, at);
	if (op_ends(what, nr, version))
		return;
	if (version)
		xcpu_report(XFOUND_CONTENTS,
			    "object %u: the load gave an older page, or one "
			    "that is gone",
			    what);
	else
		xcpu_report(XFOUND_RESULT,
			    "object %u: the load found nothing, and a page is "
			    "stored",
			    what);
}

static void discard(unsigned what)
{
	unsigned nr = op_begins(what, HISTORY_FREE, 0);

	if (!params.notify)
		zram_disk_discard(z, what);
	else if (!zram_disk_free_notify(z, what)) {
		op_fails(what, nr);
		return;
	}
	op_ends(what, nr, 0);
}

static void migrate(unsigned what)
{
	struct zpool *pool = z->pool;
	pfn_t used;

	if (!pool->driver->migrate)
		return;
	xcpu_visit(XDO_ATOMIC_READ, &pool->arena->lock, 1);
	used = pool->arena->never_used;
	if (used)
		pool->driver->migrate(pool, what % used);
}

static void write_back(void)
{
	static const enum zram_mode mode[] = { ZRAM_ALL, ZRAM_IDLE, ZRAM_HUGE,
					       ZRAM_HUGE_IDLE };
	uint64_t written;
	int ret = zram_disk_writeback(z, mode[params.mode], &written);

	if (ret && ret != -EAGAIN && (ret != -ENOSPC || !params.blocks) &&
	    (ret != -EIO || !faults))
		xcpu_report(XFOUND_RESULT, "writeback gave error %d", ret);
}

static void do_op(const struct op *op)
{
	switch (op->kind) {
	case OP_STORE:
		write_page(op->what, op->size < 8      ? 8
				     : op->size > 4096 ? 4096
						       : op->size);
		break;
	case OP_FILL:
		write_page(op->what, 0);
		break;
	case OP_LOAD:
		read_page(op->what);
		break;
	case OP_FREE:
		discard(op->what);
		break;
	case OP_COMPACT:
		zram_disk_compact(z);
		break;
	case OP_MIGRATE:
		migrate(op->what);
		break;
	case OP_RECLAIM:
		write_back();
		break;
	case OP_WORK:
		pools_settle(zram_disk_pools(z));
		break;
	default:
		zram_disk_mark_idle(z);
		break;
	}
	xcpu_rest("an operation");
}

static int make(const char *backend, const char *list, struct err *err)
{
	struct zram_disk_config config = {
		.backend = backend,
		.sized = true,
		.same_filled = true,
		.pool.arena = { .capacity = 64, .slab_capacity = 64 },
		.pages = PROGRAM_OBJECTS,
	};

	if (settings_parse(&desc, list, &params, err))
		return -EINVAL;
	memset(&now, 0, sizeof(now));
	faults = short_of_memory = false;
	file = swapfile_open(NULL, NULL, err);
	if (!file)
		return -ENOMEM;
	swapfile_overlap(file);
	config.backing = file;
	config.api = (enum swap_api)params.api;
	config.blocks = (uint64_t)params.blocks;
	config.params = (struct zram_params){
		.lock = params.lock,
		.replace = params.replace,
		.post = params.post,
		.retry = params.retry,
		.limit = params.limit * SWAP_PAGE_SIZE,
	};
	z = zram_disk_create(&config, err);
	return z ? 0 : -EINVAL;
}

static int probe(const char *backend, const char *given,
		 struct program_limits *limits, struct err *err)
{
	const struct zpool_driver *driver;
	unsigned caps;

	contents_init();
	if (make(backend, given, err))
		return -EINVAL;
	if (!z->pool->arena)
		return err_set(err, -EINVAL,
			       "%s has no frames of zlab's, so its memory "
			       "cannot be watched",
			       backend);
	driver = z->pool->driver;
	caps = z->pool->caps & ~(unsigned)ZPOOL_EVICTABLE;
	if (!driver->compact)
		caps &= ~(unsigned)ZPOOL_COMPACTABLE;
	if (!driver->migrate)
		caps &= ~(unsigned)ZPOOL_MOVABLE;
	if (driver->settle)
		caps |= ZPOOL_DEFERS;
	limits->caps = caps;
	limits->largest =
		driver->largest ? driver->largest(z->pool) : SWAP_PAGE_SIZE;
	limits->fills = limits->reclaims = true;
	return 0;
}

static void fail_each(long nth, long every)
{
	arena_fail(z->pool->arena, nth, every);
	swapfile_fail(file, nth, every);
}

static int setup(const char *backend, const struct program *p, struct err *err)
{
	unsigned i;

	if (make(backend, p->options, err))
		return -EINVAL;
	short_of_memory = params.limit;
	xworld_used(&frames, &objects);
	/* A CPU that comes up later is not what is explored. */
	for (i = 0; i < p->cpus; i++) {
		xcpu_as(i);
		zram_buffers(z);
	}
	for (i = 0; i < p->nr_setup; i++) {
		xcpu_as(p->setup[i].cpu);
		do_op(&p->setup[i]);
	}
	xcpu_as(0);
	if (p->spare)
		z->pool->arena->limit = arena_used(z->pool->arena) + p->spare;
	if (p->fail_nth)
		fail_each(p->fail_nth, p->fail_every);
	kept = now;
	return 0;
}

static void begin(const struct program *p)
{
	now = kept;
	faults = p->fail_nth;
	short_of_memory = params.limit || p->spare;
}

static void must_be(const char *what, uint64_t counted, uint64_t is)
{
	if (counted != is)
		xcpu_report(XFOUND_INVALID,
			    "at rest: %s is counted as %llu and is %llu", what,
			    (unsigned long long)counted,
			    (unsigned long long)is);
}

static void check(const char *when)
{
	struct err err = { "" };

	if (zram_disk_validate(z, &err))
		xcpu_report(XFOUND_INVALID, "%s: %s", when, err.text);
}

static void check_leaks(void)
{
	struct zram_disk_stats s;
	size_t used_frames, used_objects;

	zram_disk_stats(z, &s);
	must_be("the number of pages after all were freed",
		s.orig_data_size / SWAP_PAGE_SIZE, 0);
	must_be("the number of blocks after all were freed", s.bd_count, 0);
	xworld_used(&used_frames, &used_objects);
	if (used_frames != frames)
		xcpu_report(XFOUND_LEAK,
			    "all objects are freed, and %zd frames are not",
			    (ssize_t)(used_frames - frames));
	else if (used_objects != objects)
		xcpu_report(XFOUND_LEAK,
			    "all objects are freed, and %zd slab objects are "
			    "not",
			    (ssize_t)(used_objects - objects));
}

static void destroy(void)
{
	zram_disk_destroy(z);
	swapfile_close(file);
}

static void rest(const struct program *p)
{
	struct zram_disk_stats s;
	unsigned i;

	fail_each(0, 0);
	check("at rest");
	zram_disk_stats(z, &s);
	must_be("the number of writes", s.bd_writes, swapfile_writes(file));
	for (i = 0; i < PROGRAM_OBJECTS; i++)
		read_page(i);
	for (i = 0; !p->destroy && i < PROGRAM_OBJECTS; i++)
		zram_disk_discard(z, i);
	if (!p->destroy) {
		pools_settle(zram_disk_pools(z));
		check("after all objects were freed");
		check_leaks();
	}
	destroy();
}

static long frame(const void *addr)
{
	struct arena *arena = z->pool->arena;

	return addr_in_arena(arena, addr) ? (long)addr_pfn(arena, addr) : -1;
}

const struct front front_zram = {
	.name = "zram",
	.options = &desc,
	.probe = probe,
	.choose = choose,
	.complete = complete,
	.setup = setup,
	.begin = begin,
	.op = do_op,
	.rest = rest,
	.frame = frame,
};
