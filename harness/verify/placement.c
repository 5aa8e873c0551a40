// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs two allocators in step and finds the first object placed differently. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/verify/frames.h"
#include "harness/verify/placement.h"
#include "lib/random.h"

#define MAX_SIZE 65536

const char *const placement_kind_name[PLACEMENT_KINDS] = {
	"answers", "pages", "frames", "slots", "freed", "moved", "contents",
};

struct object {
	unsigned long handle[2];
	pfn_t pfn[2];
	uint32_t size; /* 0 = there is none */
	uint32_t seed;
	bool gone[2]; /* evicted by the shrink that runs */
};

/* The order of evictions is a result that is compared, too. */
struct evictions {
	struct placement *p;
	int side;
	size_t nr, room;
	size_t *id;
};

struct placement {
	struct zpool *pool[2];
	struct placement_result *result;
	struct object *obj;
	size_t nr_obj;
	struct frames frames;
	struct evictions evictions[2];
	bool locates;
	bool no_memory;
	uint32_t seed;
	char op[64];
	unsigned char bytes[MAX_SIZE], copy[MAX_SIZE];
};

static void differs(struct placement *p, enum placement_kind kind,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void differs(struct placement *p, enum placement_kind kind,
		    const char *fmt, ...)
{
	struct placement_result *r = p->result;
	char text[sizeof(r->first)];
	va_list ap;
	int n;

	r->differences[kind]++;
	if (r->total++ && (kind != PLACEMENT_CONTENTS || *r->corrupt))
		return;
	n = snprintf(text, sizeof(text),
		     "operation %lu (%s): %s: ", (unsigned long)r->ops, p->op,
		     placement_kind_name[kind]);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	if (!*r->first)
		memcpy(r->first, text, sizeof(text));
	if (kind == PLACEMENT_CONTENTS)
		memcpy(r->corrupt, text, sizeof(text));
}

static void compare(struct placement *p, enum placement_kind kind, long a,
		    long b)
{
	p->result->compared[kind]++;
	if (a != b)
		differs(p, kind, "%ld and %ld", a, b);
}

static void begin(struct placement *p, const char *op, size_t id, size_t size)
{
	p->result->ops++;
	snprintf(p->op, sizeof(p->op), "%s, object %zu, %zu bytes", op, id,
		 size);
}

static void compare_pages(struct placement *p)
{
	struct zpool_stats s[2];
	int i;

	for (i = 0; i < 2; i++)
		p->pool[i]->driver->stats(p->pool[i], &s[i]);
	compare(p, PLACEMENT_PAGES, (long)s[0].pages, (long)s[1].pages);
	if (s[0].slots && s[1].slots)
		compare(p, PLACEMENT_PAGES, (long)s[0].slots, (long)s[1].slots);
}

/* Fill with bytes that differ between objects and within an object. */
static void fill(unsigned char *bytes, uint32_t seed, size_t size)
{
	uint64_t state = seed;

	random_fill(bytes, size, &state);
}

static void verify(struct placement *p, const struct object *o)
{
	void *mem;
	int i;

	fill(p->bytes, o->seed, o->size);
	for (i = 0; i < 2; i++) {
		if (p->pool[i]->caps & ZPOOL_NO_CONTENTS)
			continue;
		mem = zpool_read_begin(p->pool[i], o->handle[i], o->size,
				       p->copy);
		p->result->compared[PLACEMENT_CONTENTS]++;
		if (memcmp(mem, p->bytes, o->size))
			differs(p, PLACEMENT_CONTENTS,
				"the object's bytes have changed in %s",
				p->pool[i]->spec);
		zpool_read_end(p->pool[i], o->handle[i], o->size, mem);
	}
}

static void leave_frames(struct placement *p, const struct object *o)
{
	frames_leave(&p->frames, o->pfn[0], o->pfn[1]);
}

/* Compare an object's places, and which objects share its frame. */
static void place(struct placement *p, struct object *o,
		  enum placement_kind frames, enum placement_kind slots)
{
	struct zpool_location loc[2];
	int i;

	if (!p->locates)
		return;
	for (i = 0; i < 2; i++) {
		p->pool[i]->driver->locate(p->pool[i], o->handle[i], &loc[i]);
		o->pfn[i] = loc[i].pfn;
	}
	if (!frames_reach(&p->frames, o->pfn[0], o->pfn[1])) {
		p->no_memory = true;
		return;
	}
	p->result->compared[frames]++;
	i = frames_fit(&p->frames, o->pfn[0], o->pfn[1]);
	if (i != FRAMES_FIT)
		differs(p, frames,
			"frames %u and %u; the other object in the %s one is "
			"with frame %u",
			o->pfn[0], o->pfn[1], i ? "second" : "first",
			p->frames.side[i][o->pfn[i]].twin);
	frames_join(&p->frames, o->pfn[0], o->pfn[1]);
	compare(p, slots, (long)loc[0].at, (long)loc[1].at);
}

/* Compare all objects again, since any of them may have moved. */
static void place_all(struct placement *p)
{
	size_t id;

	if (!p->locates)
		return;
	frames_clear(&p->frames);
	for (id = 0; id < p->nr_obj; id++)
		if (p->obj[id].size)
			place(p, &p->obj[id], PLACEMENT_MOVED, PLACEMENT_MOVED);
}

void placement_free(struct placement *p, size_t id)
{
	struct object *o = &p->obj[id];
	int i;

	if (!o->size)
		return;
	begin(p, "free", id, o->size);
	verify(p, o);
	if (p->locates)
		leave_frames(p, o);
	for (i = 0; i < 2; i++)
		p->pool[i]->driver->free(p->pool[i], o->handle[i]);
	o->size = 0;
	compare_pages(p);
}

void placement_store(struct placement *p, size_t id, size_t size)
{
	struct object *o = &p->obj[id];
	int ret[2], i;

	placement_free(p, id);
	begin(p, "store", id, size);
	for (i = 0; i < 2; i++)
		ret[i] = p->pool[i]->driver->malloc(p->pool[i], size,
						    &o->handle[i]);
	compare(p, PLACEMENT_ANSWERS, ret[0], ret[1]);
	if (ret[0] || ret[1]) {
		for (i = 0; i < 2; i++)
			if (!ret[i])
				p->pool[i]->driver->free(p->pool[i],
							 o->handle[i]);
		return;
	}
	o->size = (uint32_t)size;
	o->seed = p->seed++;
	fill(p->bytes, o->seed, size);
	for (i = 0; i < 2; i++)
		zpool_write(p->pool[i], o->handle[i], p->bytes, size);
	place(p, o, PLACEMENT_FRAMES, PLACEMENT_SLOTS);
	compare_pages(p);
}

bool placement_load(struct placement *p, size_t id)
{
	struct object *o = &p->obj[id];

	if (!o->size)
		return false;
	begin(p, "load", id, o->size);
	verify(p, o);
	if (p->locates) {
		leave_frames(p, o);
		place(p, o, PLACEMENT_FRAMES, PLACEMENT_SLOTS);
	}
	return true;
}

static bool both_have(const struct placement *p, unsigned caps)
{
	return (p->pool[0]->caps & p->pool[1]->caps & caps) == caps;
}

void placement_unlimit_deferring(struct placement *p)
{
	int i;

	for (i = 0; i < 2; i++)
		if ((p->pool[0]->caps | p->pool[1]->caps) & ZPOOL_DEFERS &&
		    p->pool[i]->arena)
			p->pool[i]->arena->limit = p->pool[i]->arena->capacity;
}

void placement_compact(struct placement *p)
{
	long n[2];
	int i;

	if (!both_have(p, ZPOOL_COMPACTABLE))
		return;
	begin(p, "compact", 0, 0);
	for (i = 0; i < 2; i++)
		n[i] = p->pool[i]->driver->can_compact
			       ? (long)p->pool[i]->driver->can_compact(
					 p->pool[i])
			       : -1;
	if (n[0] >= 0 && n[1] >= 0)
		compare(p, PLACEMENT_FREED, n[0], n[1]);
	for (i = 0; i < 2; i++)
		n[i] = (long)p->pool[i]->driver->compact(p->pool[i]);
	compare(p, PLACEMENT_FREED, n[0], n[1]);
	compare_pages(p);
	place_all(p);
}

void placement_migrate(struct placement *p, size_t id)
{
	struct object *o = &p->obj[id];
	int ret[2], i;

	if (!o->size || !p->locates || !both_have(p, ZPOOL_MOVABLE))
		return;
	begin(p, "migrate", id, o->size);
	for (i = 0; i < 2; i++)
		ret[i] = p->pool[i]->driver->migrate(p->pool[i], o->pfn[i]);
	compare(p, PLACEMENT_ANSWERS, ret[0], ret[1]);
	compare_pages(p);
	place_all(p);
}

void placement_work(struct placement *p, size_t id)
{
	struct object *o = &p->obj[id];
	int ran[2], i;

	if (!o->size || !p->locates || !both_have(p, ZPOOL_DEFERS))
		return;
	begin(p, "work", id, o->size);
	for (i = 0; i < 2; i++)
		ran[i] = p->pool[i]->driver->run_work(p->pool[i], o->pfn[i]);
	compare(p, PLACEMENT_ANSWERS, ran[0], ran[1]);
	compare_pages(p);
	place_all(p);
}

void placement_settle(struct placement *p)
{
	int i;

	if (!both_have(p, ZPOOL_DEFERS))
		return;
	begin(p, "settle", 0, 0);
	for (i = 0; i < 2; i++)
		p->pool[i]->driver->settle(p->pool[i]);
	compare_pages(p);
	place_all(p);
}

/*
 * Find the object that is evicted. Its handle can differ from malloc's, since
 * z3fold evicts by temporary handles; so the object is found by its place.
 */
static size_t evicted_id(struct evictions *e, struct zpool *pool,
			 unsigned long handle)
{
	struct zpool_location want, loc;
	struct placement *p = e->p;
	struct object *o;
	size_t id;

	if (p->locates)
		pool->driver->locate(pool, handle, &want);
	for (id = 0; id < p->nr_obj; id++) {
		o = &p->obj[id];
		if (!o->size || o->gone[e->side])
			continue;
		if (o->handle[e->side] == handle)
			return id;
		if (!p->locates)
			continue;
		pool->driver->locate(pool, o->handle[e->side], &loc);
		if (loc.pfn == want.pfn && loc.at == want.at)
			return id;
	}
	return p->nr_obj;
}

static int evict(struct zpool *pool, unsigned long handle, const void *object,
		 void *arg)
{
	struct evictions *e = arg;
	size_t id = evicted_id(e, pool, handle);

	if (id == e->p->nr_obj)
		return -ENOENT;
	if (e->nr == e->room) {
		size_t room = e->room ? e->room * 2 : 64;
		size_t *more = realloc(e->id, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		e->id = more;
		e->room = room;
	}
	e->id[e->nr++] = id;
	e->p->obj[id].gone[e->side] = true;
	pool->driver->free(pool, e->p->obj[id].handle[e->side]);
	return 0;
}

void placement_shrink(struct placement *p, unsigned pages)
{
	unsigned reclaimed[2] = { 0, 0 };
	int ret[2], i;
	size_t n, id;

	if (!both_have(p, ZPOOL_EVICTABLE))
		return;
	/*
	 * When z3fold 6.1 has emptied a page whose work is still queued, it
	 * adds the page at the end of a list.
	 */
	placement_settle(p);
	begin(p, "shrink", 0, 0);
	for (i = 0; i < 2; i++) {
		p->evictions[i].nr = 0;
		ret[i] = p->pool[i]->driver->shrink(p->pool[i], pages,
						    &reclaimed[i]);
	}
	compare(p, PLACEMENT_ANSWERS, ret[0], ret[1]);
	compare(p, PLACEMENT_ANSWERS, reclaimed[0], reclaimed[1]);
	compare(p, PLACEMENT_ANSWERS, (long)p->evictions[0].nr,
		(long)p->evictions[1].nr);
	for (n = 0; n < p->evictions[0].nr && n < p->evictions[1].nr; n++)
		compare(p, PLACEMENT_ANSWERS, (long)p->evictions[0].id[n],
			(long)p->evictions[1].id[n]);
	for (id = 0; id < p->nr_obj; id++) {
		struct object *o = &p->obj[id];

		/* Free an object on the side that did not evict it. */
		for (i = 0; i < 2; i++)
			if (o->size && o->gone[!i] && !o->gone[i])
				p->pool[i]->driver->free(p->pool[i],
							 o->handle[i]);
		if (o->gone[0] || o->gone[1])
			o->size = 0;
		o->gone[0] = o->gone[1] = false;
	}
	compare_pages(p);
	place_all(p);
}

struct placement *placement_create(const char *const spec[2],
				   const struct zpool_config *config,
				   size_t objects,
				   struct placement_result *result,
				   struct err *err)
{
	struct placement *p = calloc(1, sizeof(*p));
	int i;

	memset(result, 0, sizeof(*result));
	if (p)
		p->obj = calloc(objects ? objects : 1, sizeof(*p->obj));
	if (!p || !p->obj) {
		err_set(err, -ENOMEM, "out of memory for %zu objects", objects);
		placement_destroy(p);
		return NULL;
	}
	p->nr_obj = objects;
	p->result = result;
	for (i = 0; i < 2; i++) {
		struct zpool_config own = *config;

		p->evictions[i].p = p;
		p->evictions[i].side = i;
		own.evict = evict;
		own.evict_arg = &p->evictions[i];
		p->pool[i] = zpool_create(spec[i], &own, err);
		if (!p->pool[i]) {
			placement_destroy(p);
			return NULL;
		}
	}
	p->locates = p->pool[0]->driver->locate && p->pool[1]->driver->locate;
	return p;
}

void placement_destroy(struct placement *p)
{
	int i;

	if (!p)
		return;
	for (i = 0; i < 2; i++) {
		zpool_destroy(p->pool[i]);
		free(p->evictions[i].id);
	}
	frames_free(&p->frames);
	free(p->obj);
	free(p);
}
