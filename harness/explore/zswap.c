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

#include "harness/explore/front.h"
#include "harness/explore/history.h"
#include "harness/explore/swapfile.h"
#include "harness/swap/zswap_internal.h"
#include "lib/random.h"

#define VERSIONS (PROGRAM_SETUP + XCPU_MAX * PROGRAM_OPS + 1)
#define PIECES 1024u

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

static int parse(const char *list, struct params *params, struct err *err)
{
	char spec[sizeof("zswap:") + PROGRAM_OPTIONS];

	snprintf(spec, sizeof(spec), "zswap%s%s", *list ? ":" : "", list);
	if (strlen(list) >= PROGRAM_OPTIONS)
		return err_set(err, -EINVAL,
			       "front end zswap: its options have at most %d "
			       "characters",
			       PROGRAM_OPTIONS - 1);
	return spec_parse(&desc, spec, params, err);
}

/* Whether a list has the option NAME. */
static bool has(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *at;

	for (at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && at[len] == '=')
			return true;
	}
	return false;
}

struct list {
	char *text; /* of PROGRAM_OPTIONS bytes */
	const char *given;
};

static void add(struct list *l, const char *name, const char *value)
{
	if (has(l->given, name))
		return;
	snprintf(l->text + strlen(l->text), PROGRAM_OPTIONS - strlen(l->text),
		 "%s%s=%s", *l->text ? "," : "", name, value);
}

static unsigned below(uint64_t *random, unsigned n)
{
	return (unsigned)(random_splitmix(random) >> 33) % n;
}

static const char *on_off(uint64_t *random)
{
	return below(random, 2) ? "on" : "off";
}

static void fold(struct op *op, unsigned nr, unsigned objects)
{
	for (; nr--; op++)
		if (op->kind <= OP_FREE || op->kind == OP_FILL)
			op->what %= objects;
}

/*
 * Fewer objects, so that more operations meet, in pools that may be empty: then
 * writeback comes to what is stored at that moment.
 */
static void crowd(struct program *p, uint64_t *random)
{
	unsigned objects = 1 + below(random, 4), i;

	fold(p->setup, p->nr_setup, objects);
	for (i = 0; i < p->cpus; i++)
		fold(p->op[i], p->nr[i], objects);
	if (!below(random, 4))
		p->nr_setup = below(random, 3);
}

/* A limit is near to what the set-up takes. */
static void choose(struct program *p, const char *given,
		   const struct program_limits *limits, uint64_t random)
{
	struct list l = { .text = p->options, .given = given };
	char number[24];

	random ^= 0x7a73776170ull;
	if (below(&random, 4))
		crowd(p, &random);
	snprintf(l.text, PROGRAM_OPTIONS, "%s", given);
	add(&l, "index", indexes[below(&random, 3)]);
	add(&l, "reclaim",
	    reclaims[limits->caps & ZPOOL_EVICTABLE && below(&random, 3)]);
	add(&l, "exclusive", on_off(&random));
	add(&l, "second-chance", on_off(&random));
	add(&l, "pools", below(&random, 4) ? "1" : "2");
	add(&l, "api", apis[below(&random, 2)]);
	snprintf(number, sizeof(number), "%u",
		 below(&random, 3) ? 1 + below(&random, 8) : 0);
	add(&l, "limit", number);
	snprintf(number, sizeof(number), "%u", 50 + 10 * below(&random, 6));
	add(&l, "accept", number);
}

static int complete(const char *given, struct err *err)
{
	struct params p = { 0 };

	if (parse(given, &p, err))
		return -EINVAL;
	if (!p.limit)
		return 0;
	return err_set(err, -EINVAL,
		       "exhaustive search does not follow how full pools are: "
		       "it takes front end zswap with limit=0 alone");
}

/* What was stored, by versions; those of all objects are counted together. */
struct version {
	unsigned what, size; /* size 0: same-filled */
};

struct state {
	struct version version[VERSIONS];
	uint32_t versions;
	struct history history[PROGRAM_OBJECTS];
	uint64_t time, loads[XCPU_MAX + 1];
};

static struct params params;
static struct zswap *z;
static struct swapfile *file;
static struct state now, kept;
static size_t frames, objects; /* in use when nothing is stored */
static bool faults;

/* CPUs have their own pages; the last is for calls outside of schedules. */
static unsigned char pages[XCPU_MAX + 1][2 * SWAP_PAGE_SIZE]
	__attribute__((aligned(SWAP_PAGE_SIZE)));

/* Half of the CPUs have pages that are not aligned, and so are copied. */
static unsigned char *page(void)
{
	unsigned cpu = xcpu_current();

	return pages[cpu] + (cpu & 1 ? 8 : 0);
}

/*
 * Contents: the first word says which version it is; then comes a piece of one
 * long pattern, at another start for each.
 */
static uint64_t pattern[SWAP_PAGE_WORDS + PIECES];

static uint64_t word(uint32_t version)
{
	return 0x5a00000000000000ull | version;
}

static const void *piece(uint32_t version)
{
	return &pattern[version * 97 % PIECES];
}

static void compare(unsigned what, const unsigned char *read, size_t from,
		    size_t to, const unsigned char *want)
{
	size_t i;

	if (!memcmp(read + from, want, to - from))
		return;
	for (i = from; read[i] == want[i - from];)
		i++;
	xcpu_report(XFOUND_CONTENTS,
		    "object %u of %zu bytes: byte %zu is 0x%02x and was stored "
		    "as 0x%02x",
		    what, to, i, read[i], want[i - from]);
}

/* Return: the version that a page is of; what else is wrong is reported. */
static uint32_t recognise(unsigned what, const unsigned char *read)
{
	static uint64_t same[SWAP_PAGE_WORDS];
	const struct version *v;
	uint64_t first;
	uint32_t version;

	memcpy(&first, read, sizeof(first));
	version = (uint32_t)first;
	if (first != word(version) || !version || version > now.versions ||
	    now.version[version].what != what) {
		xcpu_report(XFOUND_CONTENTS,
			    "object %u: the load gave a page that begins with "
			    "0x%llx, which was never stored there",
			    what, (unsigned long long)first);
		return 0;
	}
	v = &now.version[version];
	if (v->size) {
		compare(what, read, sizeof(first), v->size, piece(version));
		return version;
	}
	page_fill(same, first);
	compare(what, read, 0, SWAP_PAGE_SIZE, (unsigned char *)same);
	return version;
}

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
	uint32_t version = ++now.versions;
	unsigned char *at = page();
	uint64_t first = word(version);
	unsigned nr;
	int ret;

	now.version[version] = (struct version){ what, size };
	if (size) {
		memcpy(at, &first, sizeof(first));
		memcpy(at + sizeof(first), piece(version),
		       size - sizeof(first));
	} else {
		page_fill(at, first);
	}
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
	int ret = zswap_load(z, what, page());
	uint32_t version = 0;

	if (!ret) {
		now.loads[xcpu_current()]++;
		version = recognise(what, page());
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

	if (parse(list, &params, err))
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
	uint64_t random = 1;
	unsigned caps;

	random_fill(pattern, sizeof(pattern), &random);
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
