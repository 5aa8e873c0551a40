// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front end zswap: stores, loads, invalidates and writeback in the swap path
 * of this tree. Nothing keeps two CPUs from one slot but zswap's own lock of it,
 * so a load may give whatever some order of the operations explains (history.h).
 *
 * Pages come with the length of their object, so nothing is compressed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/explore/settings.h"
#include "harness/explore/contents.h"
#include "harness/explore/history.h"
#include "harness/explore/swapfile.h"
#include "harness/swap/zswap_internal.h"
#include "lib/random.h"

/* Options. */

struct params {
	long long index, reclaim, exclusive, second_chance, pools, api, limit,
		accept;
};

static const char *const indexes[] = { "rbtree", "trees", "xarray", NULL };
static const char *const reclaims[] = { "lru", "backend", NULL };
static const char *const apis[] = { "auto", "map", NULL };

#define AT(field) offsetof(struct params, field)

static const struct spec_option options[] = {
	{ "index", SPEC_CHOICE, AT(index), "xarray", .choices = indexes,
	  .help = "index of the entries" },
	{ "reclaim", SPEC_CHOICE, AT(reclaim), "lru", .choices = reclaims,
	  .help = "what chooses the entries to write back" },
	{ "exclusive", SPEC_BOOL, AT(exclusive), "on",
	  .help = "a load takes its entry" },
	{ "second-chance", SPEC_BOOL, AT(second_chance), "on",
	  .help = "writeback passes what was used since it last came" },
	{ "pools", SPEC_INT, AT(pools), "1", 1, 4, .help = "allocator pools" },
	{ "api", SPEC_CHOICE, AT(api), "auto", .choices = apis,
	  .help = "calls that read and write objects" },
	{ "limit", SPEC_INT, AT(limit), "0", 0, 64,
	  .help = "limit of all pools in frames; 0 = none" },
	{ "accept", SPEC_INT, AT(accept), "90", 0, 100,
	  .help = "percent of the limit that a full pool falls to" },
	{ 0 },
};

static const struct spec_desc desc = {
	.name = "zswap",
	.what = "front end",
	.options = options,
	.params_size = sizeof(struct params),
};

/* A limit is near to what the set-up takes. */
static void choose(struct program *p, const char *given,
		   const struct program_limits *limits, uint64_t random)
{
	struct settings l = { .text = p->options, .given = given };

	random ^= 0x7a73776170ull;
	if (settings_below(&random, 4))
		settings_crowd(p, &random);
	settings_begin(&l);
	settings_add(&l, "index", indexes[settings_below(&random, 3)]);
	settings_add(&l, "reclaim",
		     reclaims[limits->caps & ZPOOL_EVICTABLE &&
			      settings_below(&random, 3)]);
	settings_add(&l, "exclusive", settings_on_off(&random));
	settings_add(&l, "second-chance", settings_on_off(&random));
	settings_add(&l, "pools", settings_below(&random, 4) ? "1" : "2");
	settings_add(&l, "api", apis[settings_below(&random, 2)]);
	settings_number(&l, "limit",
			settings_below(&random, 3)
				? 1 + settings_below(&random, 8)
				: 0);
	settings_number(&l, "accept", 50 + 10 * settings_below(&random, 6));
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
		       "it takes front end zswap with limit=0 alone");
}

struct state {
	struct contents contents;
	struct history history[PROGRAM_OBJECTS];
	uint64_t time, loads[XCPU_MAX + 1];
};

static struct params params;
static struct zswap *z;
static struct swapfile *file;
static struct state now, kept;
static size_t frames, objects; /* in use when nothing is stored */
static bool faults;

/* The order of beginnings and ends decides what a load may give. */
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
	return history_end(h, nr, version, ++now.time, params.exclusive);
}

static void store(unsigned what, unsigned size)
{
	unsigned char *at = contents_page();
	uint32_t version = contents_make(&now.contents, what, size, at);
	unsigned nr;
	int ret;

	nr = op_begins(what, HISTORY_STORE, version);
	ret = zswap_store(z, what, at, size);
	if (ret && (ret != -EIO || !faults))
		xcpu_report(XFOUND_RESULT, "store of object %u gave error %d",
			    what, ret);
	op_ends(what, nr, ret ? 0 : version);
}

static void load(unsigned what)
{
	unsigned nr = op_begins(what, HISTORY_LOAD, 0);
	int ret = zswap_load(z, what, contents_page());
	uint32_t version = 0;

	if (!ret) {
		now.loads[xcpu_current()]++;
		version = contents_recognise(&now.contents, what,
					     contents_page());
	} else if (ret != -ENOENT) {
		xcpu_report(XFOUND_RESULT, "load of object %u gave error %d",
			    what, ret);
	}
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

static void invalidate(unsigned what)
{
	unsigned nr = op_begins(what, HISTORY_FREE, 0);

	zswap_invalidate(z, what);
	op_ends(what, nr, 0);
}

static const struct swap_pools *pools(void)
{
	return zswap_pools(z);
}

static void migrate(unsigned what)
{
	struct zpool *pool = pools()->at[what % pools()->nr];
	pfn_t used;

	if (!pool->driver->migrate)
		return;
	xcpu_visit(XDO_ATOMIC_READ, &pool->arena->lock, 1);
	used = pool->arena->never_used;
	if (used)
		pool->driver->migrate(pool, what / pools()->nr % used);
}

/* The worker, if a full pool has queued it; else one page of its work. */
static void reclaim(void)
{
	struct zpool *pool = pools()->at[0];
	unsigned freed = 0;
	int ret = 0;

	if (zswap_reclaim_queued(z)) {
		zswap_reclaim(z);
		return;
	}
	if (z->config.reclaim == ZSWAP_RECLAIM_BACKEND)
		pool->driver->shrink(pool, 1, &freed);
	else
		ret = zswap_writeback_one(z);
	if (freed > 1 || (ret && ret != -ENOENT && ret != -EAGAIN &&
			  ret != -EEXIST && (ret != -EIO || !faults)))
		xcpu_report(XFOUND_RESULT,
			    "writeback of one page freed %u and gave %d", freed,
			    ret);
}

static void do_op(const struct op *op)
{
	struct zswap_stats stats;

	switch (op->kind) {
	case OP_STORE:
		store(op->what, op->size < 8	  ? 8
				: op->size > 4096 ? 4096
						  : op->size);
		break;
	case OP_FILL:
		store(op->what, 0);
		break;
	case OP_LOAD:
		load(op->what);
		break;
	case OP_FREE:
		invalidate(op->what);
		break;
	case OP_COMPACT:
		pools_compact(pools());
		break;
	case OP_MIGRATE:
		migrate(op->what);
		break;
	case OP_RECLAIM:
		reclaim();
		break;
	case OP_WORK:
		pools_settle(pools());
		break;
	default:
		zswap_stats(z, &stats);
		break;
	}
	xcpu_rest("an operation");
}

static int make(const char *backend, const char *list, struct err *err)
{
	struct zswap_config config = {
		.backend = backend,
		.sized = true,
		.pool.arena = { .capacity = 64, .slab_capacity = 64 },
		.slots = PROGRAM_OBJECTS,
	};

	if (settings_parse(&desc, list, &params, err))
		return -EINVAL;
	memset(&now, 0, sizeof(now));
	faults = false;
	file = swapfile_open(NULL, NULL, err);
	if (!file)
		return -ENOMEM;
	config.swap = file;
	config.pools = (unsigned)params.pools;
	config.index = (enum zswap_index_kind)params.index;
	config.reclaim = (enum zswap_reclaim)params.reclaim;
	config.exclusive = params.exclusive;
	config.second_chance = params.second_chance;
	config.api = (enum swap_api)params.api;
	config.max_pool_bytes = (uint64_t)params.limit * SWAP_PAGE_SIZE;
	config.accept_percent = (unsigned)params.accept;
	z = zswap_create(&config, err);
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
	if (!pools()->at[0]->arena)
		return err_set(err, -EINVAL,
			       "%s has no frames of zlab's, so its memory "
			       "cannot be watched",
			       backend);
	driver = pools_driver(pools());
	caps = pools()->at[0]->caps;
	if (!driver->compact)
		caps &= ~(unsigned)ZPOOL_COMPACTABLE;
	if (!driver->migrate)
		caps &= ~(unsigned)ZPOOL_MOVABLE;
	if (!driver->shrink)
		caps &= ~(unsigned)ZPOOL_EVICTABLE;
	if (driver->settle)
		caps |= ZPOOL_DEFERS;
	limits->caps = caps;
	limits->largest = SWAP_PAGE_SIZE;
	limits->fills = limits->reclaims = true;
	return 0;
}

static void fail_each(long nth, long every)
{
	unsigned i;

	for (i = 0; i < pools()->nr; i++)
		arena_fail(pools()->at[i]->arena, nth, every);
	arena_fail(z->arena, nth, every);
	swapfile_fail(file, nth, every);
}

static int setup(const char *backend, const struct program *p, struct err *err)
{
	struct zswap_stats stats;
	unsigned i;

	if (make(backend, p->options, err))
		return -EINVAL;
	xworld_used(&frames, &objects);
	/* A CPU that comes up later is not what is explored. */
	for (i = 0; i < p->cpus; i++) {
		xcpu_as(i);
		zswap_buffers(z);
		zswap_stats(z, &stats);
	}
	for (i = 0; i < p->nr_setup; i++) {
		xcpu_as(p->setup[i].cpu);
		do_op(&p->setup[i]);
	}
	xcpu_as(0);
	for (i = 0; p->spare && i < pools()->nr; i++)
		pools()->at[i]->arena->limit =
			arena_used(pools()->at[i]->arena) + p->spare;
	if (p->fail_nth)
		fail_each(p->fail_nth, p->fail_every);
	kept = now;
	return 0;
}

static void begin(const struct program *p)
{
	now = kept;
	faults = p->fail_nth;
}

static void must_be(const char *what, uint64_t counted, uint64_t is)
{
	if (counted != is)
		xcpu_report(XFOUND_INVALID,
			    "at rest: %s is counted as %llu and is %llu", what,
			    (unsigned long long)counted,
			    (unsigned long long)is);
}

/* The counters against what is there, and what the loads gave. */
static void check_counters(void)
{
	uint64_t bytes = 0, with_object = 0, loads = 0;
	struct zswap_stats s;
	unsigned long handle;
	size_t length;
	unsigned i;

	zswap_stats(z, &s);
	for (i = 0; i < PROGRAM_OBJECTS; i++)
		if (zswap_object(z, i, &handle, &length)) {
			with_object++;
			bytes += length;
		}
	for (i = 0; i <= XCPU_MAX; i++)
		loads += now.loads[i];
	must_be("the number of pages", s.stored_pages,
		with_object + s.same_filled_pages);
	must_be("the size of all objects", s.object_bytes, bytes);
	must_be("the number of loads", s.pool_loads + s.file_loads, loads);
	must_be("the number of writes", s.written_back_pages + s.rejected_pages,
		swapfile_writes(file));
}

static void check(const char *when)
{
	struct err err = { "" };

	if (zswap_validate(z, &err))
		xcpu_report(XFOUND_INVALID, "%s: %s", when, err.text);
}

static void destroy(void)
{
	uint64_t leaked = zswap_destroy(z);

	if (leaked)
		xcpu_report(XFOUND_LEAK,
			    "zswap is destroyed, and %llu entries are left",
			    (unsigned long long)leaked);
	swapfile_close(file);
}

static void rest(const struct program *p)
{
	size_t used_frames, used_objects;
	unsigned i;

	fail_each(0, 0);
	check("at rest");
	check_counters();
	for (i = 0; i < PROGRAM_OBJECTS; i++)
		load(i);
	if (p->destroy) {
		destroy();
		return;
	}
	for (i = 0; i < PROGRAM_OBJECTS; i++)
		invalidate(i);
	pools_settle(pools());
	check("after all objects were freed");
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
	else
		destroy();
}

static long frame(const void *addr)
{
	unsigned i;

	for (i = 0; i < pools()->nr; i++)
		if (addr_in_arena(pools()->at[i]->arena, addr))
			return (long)addr_pfn(pools()->at[i]->arena, addr);
	return -1;
}

const struct front front_zswap = {
	.name = "zswap",
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
