// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front end that is the pool itself. It does what zswap does around the
 * allocator's calls: a lock for each object, which stands for the lock on the
 * folio, keeps store, load and free of one object apart; eviction takes an
 * object only when its lock is free and its handle is the one that is known.
 */
#include <errno.h>
#include <string.h>

#include "harness/explore/front.h"
#include "harness/explore/object.h"
#include "lib/random.h"

#define BYTES (1u << 16)

/*
 * An object. Its first word says which it is, as zswap's header does; the word
 * is at least 8 bytes, and so are all objects.
 */
struct object {
	unsigned long handle;
	unsigned size;
	uint32_t version;
	unsigned owner; /* CPU + 1 that has it locked */
};

/*
 * What the front end knows of a handle. Eviction holds a reference, so that a
 * free that comes meanwhile is done by the eviction at its end, as in zswap.
 */
struct known {
	unsigned long handle;
	unsigned evictions;
	bool stored; /* else it is being written for the first time */
	bool dropped;
};

#define KNOWN (PROGRAM_OBJECTS + 2 * XCPU_MAX)

struct table {
	struct object object[PROGRAM_OBJECTS];
	struct known known[KNOWN];
	uint32_t versions;
};

static struct zpool *pool;
static struct table now, kept;
static size_t frames, objects; /* in use in an empty pool */
static unsigned char bytes[XCPU_MAX + 1][2][BYTES];

/* CPUs have their own buffers; the last is for calls outside of schedules. */
static unsigned char *buffer(unsigned which)
{
	return bytes[xcpu_current()][which];
}

/*
 * Contents: a piece of one long pattern, where it starts tells objects and
 * versions apart.
 */
#define PIECES 1024u

static uint64_t pattern[BYTES / 8 + PIECES];

static const unsigned char *piece(unsigned what, uint32_t version)
{
	return (unsigned char *)&pattern[1 + (what * 97 + version) % PIECES];
}

static void fill(unsigned char *to, unsigned what, uint32_t version, size_t len)
{
	uint64_t id = what;

	memcpy(to, &id, sizeof(id));
	memcpy(to + sizeof(id), piece(what, version), len - sizeof(id));
}

static void compare(unsigned what, const struct object *o,
		    const unsigned char *read)
{
	unsigned char *want = buffer(1);
	uint64_t id = what;
	size_t i = 0;

	if (!memcmp(read, &id, sizeof(id)) &&
	    !memcmp(read + sizeof(id), piece(what, o->version),
		    o->size - sizeof(id)))
		return;
	fill(want, what, o->version, o->size);
	while (read[i] == want[i])
		i++;
	xcpu_report(XFOUND_CONTENTS,
		    "object %u of %u bytes: byte %zu is 0x%02x and was stored "
		    "as 0x%02x",
		    what, o->size, i, read[i], want[i]);
}

static void lock(unsigned what)
{
	struct object *o = &now.object[what];

	xcpu_visit(XDO_WAIT, &o->owner, sizeof(o->owner));
	while (o->owner)
		xcpu_wait(o, "an object that another CPU works on");
	o->owner = xcpu_current() + 1;
	xcpu_acquire(o);
}

static bool trylock(unsigned what)
{
	struct object *o = &now.object[what];

	xcpu_visit(XDO_TRYLOCK, &o->owner, sizeof(o->owner));
	if (o->owner)
		return false;
	o->owner = xcpu_current() + 1;
	xcpu_acquire(o);
	return true;
}

static void unlock(unsigned what)
{
	xcpu_visit(XDO_UNLOCK, &now.object[what].owner,
		   sizeof(now.object[what].owner));
	now.object[what].owner = 0;
	xcpu_wake(&now.object[what]);
}

static void check_handle(unsigned what, unsigned long handle)
{
	unsigned i;

	if (!handle) {
		xcpu_report(XFOUND_RESULT, "malloc gave handle 0");
		return;
	}
	for (i = 0; i < PROGRAM_OBJECTS; i++)
		if (i != what && now.object[i].handle == handle)
			xcpu_report(XFOUND_RESULT,
				    "malloc for object %u gave the handle of "
				    "object %u",
				    what, i);
}

static struct known *known(unsigned long handle)
{
	unsigned i;

	for (i = 0; i < KNOWN; i++)
		if (now.known[i].handle == handle)
			return &now.known[i];
	return NULL;
}

/*
 * What is known of a handle is about to be read and written. It is no address of
 * the allocator's that stands for it, as handles may be such.
 */
static void visit(unsigned long handle)
{
	xcpu_visit(XDO_ATOMIC_WRITE, (const void *)(handle ^ 1ul << 62), 1);
}

static void forget(struct known *k)
{
	unsigned long handle = k->handle;

	k->handle = 0;
	pool->driver->free(pool, handle);
}

static void drop(struct object *o)
{
	struct known *k;

	if (o->handle)
		visit(o->handle);
	k = o->handle ? known(o->handle) : NULL;
	o->handle = 0;
	if (!k)
		return;
	k->dropped = true;
	if (!k->evictions)
		forget(k);
}

static void store(unsigned what, unsigned size, bool may_fail)
{
	struct object *o = &now.object[what];
	unsigned long handle = 0;
	struct known *k;
	uint32_t version;
	int ret;

	ret = pool->driver->malloc(pool, size, &handle);
	if (ret) {
		if (ret != -ENOMEM || !may_fail)
			xcpu_report(XFOUND_RESULT,
				    "malloc of %u bytes gave error %d", size,
				    ret);
		drop(o);
		return;
	}
	check_handle(what, handle);
	visit(handle);
	k = known(0);
	*k = (struct known){ .handle = handle };
	version = ++now.versions;
	fill(buffer(0), what, version, size);
	object_write(pool, handle, buffer(0), size);
	visit(handle);
	k->stored = true;
	if (o->handle) {
		drop(o);
		visit(handle);
	}
	o->handle = handle;
	o->size = size;
	o->version = version;
}

static void load(unsigned what)
{
	struct object *o = &now.object[what];

	if (!o->handle)
		return;
	object_read(pool, o->handle, buffer(0), buffer(1), o->size);
	compare(what, o, buffer(0));
}

/* Writes an object back unless its lock is held: then it is in use. */
static int write_back(unsigned long handle)
{
	unsigned what = 0;

	while (what < PROGRAM_OBJECTS && now.object[what].handle != handle)
		what++;
	if (what == PROGRAM_OBJECTS || !trylock(what))
		return -EEXIST;
	load(what);
	drop(&now.object[what]);
	unlock(what);
	return 0;
}

/*
 * Reads the object, as zswap does to learn which it is. Return: 0 also where it
 * is gone already; -EAGAIN while it is being stored.
 */
static int evict(struct zpool *of, unsigned long handle, const void *object,
		 void *arg)
{
	struct known *k;
	uint64_t what;
	int ret;

	what = object_word(of, handle, object);
	visit(handle);
	k = known(handle);
	/*
	 * The kernel's z3fold evicts with handles of its own, made for that. As
	 * for zswap, what is in the object says which it is.
	 */
	if (!k && !object) {
		if (what >= PROGRAM_OBJECTS)
			return -EAGAIN;
		handle = now.object[what].handle;
		k = handle ? known(handle) : NULL;
	}
	if (!k || k->dropped)
		return 0;
	if (!k->stored)
		return -EAGAIN;
	k->evictions++;
	ret = write_back(handle);
	visit(handle);
	if (!--k->evictions && k->dropped)
		forget(k);
	return ret;
}

static struct zpool_config config(void)
{
	return (struct zpool_config){
		.arena = { .capacity = 64, .slab_capacity = 64 },
		.evict = evict,
	};
}

static int make(const char *backend, struct err *err)
{
	struct zpool_config c = config();

	memset(&now, 0, sizeof(now));
	pool = zpool_create(backend, &c, err);
	return pool ? 0 : -EINVAL;
}

static int probe(const char *backend, const char *options,
		 struct program_limits *limits, struct err *err)
{
	uint64_t random = 1;

	random_fill(pattern, sizeof(pattern), &random);
	if (make(backend, err))
		return -EINVAL;
	if (!pool->arena)
		return err_set(err, -EINVAL,
			       "%s has no frames of zlab's, so its memory "
			       "cannot be watched",
			       backend);
	limits->caps = pool->caps;
	if (!pool->driver->compact)
		limits->caps &= ~(unsigned)ZPOOL_COMPACTABLE;
	if (!pool->driver->migrate)
		limits->caps &= ~(unsigned)ZPOOL_MOVABLE;
	if (!pool->driver->shrink)
		limits->caps &= ~(unsigned)ZPOOL_EVICTABLE;
	if (pool->driver->settle)
		limits->caps |= ZPOOL_DEFERS;
	limits->largest = pool->driver->largest(pool);
	return 0;
}

static void migrate(unsigned what)
{
	pfn_t used;

	xcpu_visit(XDO_ATOMIC_READ, &pool->arena->lock, 1);
	used = pool->arena->never_used;
	if (used)
		pool->driver->migrate(pool, what % used);
}

static void reclaim(void)
{
	unsigned freed = 0;
	int ret = pool->driver->shrink(pool, 1, &freed);

	if (freed > 1 || ret > 0)
		xcpu_report(XFOUND_RESULT,
			    "shrink by one page freed %u and gave %d", freed,
			    ret);
}

static void stats(void)
{
	struct zpool_stats s;

	pool->driver->stats(pool, &s);
	if (pool->driver->can_compact)
		pool->driver->can_compact(pool);
}

static void on_object(const struct op *op)
{
	lock(op->what);
	if (op->kind == OP_STORE)
		store(op->what, op->size < 8 ? 8 : op->size, true);
	else if (op->kind == OP_LOAD)
		load(op->what);
	else
		drop(&now.object[op->what]);
	unlock(op->what);
}

static void do_op(const struct op *op)
{
	switch (op->kind) {
	case OP_STORE:
	case OP_LOAD:
	case OP_FREE:
		on_object(op);
		break;
	case OP_COMPACT:
		if (pool->driver->compact)
			pool->driver->compact(pool);
		break;
	case OP_MIGRATE:
		if (pool->driver->migrate)
			migrate(op->what);
		break;
	case OP_RECLAIM:
		if (pool->driver->shrink)
			reclaim();
		break;
	case OP_WORK:
		if (pool->driver->settle)
			pool->driver->settle(pool);
		break;
	default:
		stats();
		break;
	}
	xcpu_rest("an operation");
}

static int setup(const char *backend, const struct program *p, struct err *err)
{
	unsigned i;

	if (make(backend, err))
		return -EINVAL;
	xworld_used(&frames, &objects);
	/* A CPU that comes up later is not what is explored. */
	for (i = 0; i < p->cpus; i++) {
		xcpu_as(i);
		stats();
	}
	for (i = 0; i < p->nr_setup; i++) {
		xcpu_as(p->setup[i].cpu);
		do_op(&p->setup[i]);
	}
	xcpu_as(0);
	if (p->spare)
		pool->arena->limit = arena_used(pool->arena) + p->spare;
	if (p->fail_nth)
		arena_fail(pool->arena, p->fail_nth, p->fail_every);
	kept = now;
	return 0;
}

static void begin(const struct program *p)
{
	now = kept;
}

static void check(const char *when)
{
	struct err err = { "" };

	if (pool->driver->validate && pool->driver->validate(pool, &err))
		xcpu_report(XFOUND_INVALID, "%s: %s", when, err.text);
}

static void rest(const struct program *p)
{
	size_t used_frames, used_objects;
	unsigned i;

	arena_fail(pool->arena, 0, 0);
	check("at rest");
	for (i = 0; i < PROGRAM_OBJECTS; i++)
		load(i);
	if (p->destroy) {
		zpool_destroy(pool);
		return;
	}
	for (i = 0; i < PROGRAM_OBJECTS; i++)
		drop(&now.object[i]);
	if (pool->driver->settle)
		pool->driver->settle(pool);
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
		zpool_destroy(pool);
}

static long frame(const void *addr)
{
	return addr_in_arena(pool->arena, addr)
		       ? (long)addr_pfn(pool->arena, addr)
		       : -1;
}

const struct front front_pool = {
	.name = "pool",
	.probe = probe,
	.setup = setup,
	.begin = begin,
	.op = do_op,
	.rest = rest,
	.frame = frame,
};
