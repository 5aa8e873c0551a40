// SPDX-License-Identifier: GPL-2.0-or-later
#include <Judy.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/capture/pair.h"

#define BITS 44
#define NUMBER_MAX ((1ull << BITS) - 1)
/* How the kernel packs type and offset of a swap entry. */
#define SWAP_TYPE_SHIFT 58
/* Allocations can nest where one has to reclaim memory. */
#define NEST 4
#define MAX_ERRNO 4095

struct task;

/*
 * An object, by handle.
 * @handle: its handle
 * @made: the line with which it was known
 * @in: the task that allocated it, while its key is not known; or NULL
 */
struct object {
	struct pair_object is;
	uint64_t handle;
	struct line made;
	struct task *in;
};

/*
 * @open: calls that have not returned, the innermost last
 * @depth: how many
 * @first: the object of @waits
 * @cpu: that the task was seen on last
 * @waits: an object that is known from its first write
 * @fresh: an object whose key is not known, or NULL
 * @put: a page is being stored, whose next object has the key @next
 * @many: it may have several, with consecutive keys
 * @frees: the next object that is freed should have the key @freeing
 */
struct task {
	struct pair_object open[NEST], first;
	struct object *fresh;
	unsigned cpu, depth;
	bool waits, put, many, frees;
	uint64_t next, freeing;
};

/*
 * @tasks: struct task by thread
 * @objects: struct object by handle
 * @keys: handle by key
 * @zrams: number by address of the device
 * @pools: number of calls that are going on, by address of the pool
 */
struct pair {
	struct pair_sink sink;
	struct pair_counts counts;
	void *tasks, *objects, *keys, *zrams, *pools;
	unsigned nr_zrams;
	uint64_t start_ns;
	bool started;
};

struct pair *pair_new(const struct pair_sink *sink)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (p)
		p->sink = *sink;
	return p;
}

static void free_all(void **map)
{
	Word_t at = 0;
	PPvoid_t slot;

	for (slot = JudyLFirst(*map, &at, PJE0); slot;
	     slot = JudyLNext(*map, &at, PJE0))
		free(*slot);
	JudyLFreeArray(map, PJE0);
}

void pair_free(struct pair *p)
{
	if (!p)
		return;
	free_all(&p->tasks);
	free_all(&p->objects);
	JudyLFreeArray(&p->keys, PJE0);
	JudyLFreeArray(&p->zrams, PJE0);
	JudyLFreeArray(&p->pools, PJE0);
	free(p);
}

const struct pair_counts *pair_counts(const struct pair *p)
{
	return &p->counts;
}

unsigned pair_zrams(const struct pair *p)
{
	return p->nr_zrams;
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* The slot of an index, with 0 in it when it is new; or NULL. */
static PPvoid_t slot_of(void **map, uint64_t index)
{
	PPvoid_t slot = JudyLIns(map, (Word_t)index, PJE0);

	return slot == PPJERR ? NULL : slot;
}

static PPvoid_t slot_find(void *map, uint64_t index)
{
	return JudyLGet(map, (Word_t)index, PJE0);
}

static struct task *task_of(struct pair *p, unsigned tid)
{
	PPvoid_t slot = slot_of(&p->tasks, tid);

	if (slot && !*slot)
		*slot = calloc(1, sizeof(struct task));
	return slot ? *slot : NULL;
}

static struct object *object_of(struct pair *p, uint64_t handle)
{
	PPvoid_t slot = slot_find(p->objects, handle);

	return slot ? *slot : NULL;
}

/* Whether the key has this object still, and no newer one. */
static bool holds(struct pair *p, uint64_t key, uint64_t handle)
{
	PPvoid_t slot = slot_find(p->keys, key);

	return slot && (uint64_t)(Word_t)*slot == handle;
}

static int emit(struct pair *p, const struct line *line, enum zlt_op op,
		uint64_t key, uint64_t size, struct err *err)
{
	struct zlt_event e = { .key = key,
			       .object = (uint32_t)size,
			       .tid = line->tid,
			       .cpu = (uint16_t)line->cpu,
			       .op = (uint8_t)op };

	if (!p->started) {
		p->started = true;
		p->start_ns = line->time_ns;
	}
	if (line->time_ns > p->start_ns)
		e.time_ns = line->time_ns - p->start_ns;
	p->counts.events++;
	return p->sink.event(p->sink.arg, &e, err);
}

/* A pool is busy from a call to its return. */
static int enter_pool(struct pair *p, uint64_t pool, bool stays,
		      struct err *err)
{
	PPvoid_t slot = slot_find(p->pools, pool);

	if (!slot) {
		slot = slot_of(&p->pools, pool);
		if (!slot)
			return no_memory(err);
		p->counts.pools++;
	}
	if (*slot)
		p->counts.overlaps++;
	if (stays)
		*slot = (char *)*slot + 1;
	return 0;
}

static void leave_pool(struct pair *p, uint64_t pool)
{
	PPvoid_t slot = slot_find(p->pools, pool);

	if (slot && *slot)
		*slot = (char *)*slot - 1;
}

/* ---- stores ------------------------------------------------------------- */

/* Writes the store of an object into the trace, now that its key is known. */
static int settle(struct pair *p, struct object *o, uint64_t key,
		  struct err *err)
{
	PPvoid_t slot = slot_of(&p->keys, key);

	/* Also where this fails: the caller may free the object. */
	if (o->in)
		o->in->fresh = NULL;
	o->in = NULL;
	if (!slot)
		return no_memory(err);
	*slot = (void *)(Word_t)o->handle;
	o->is.key = key;
	return emit(p, &o->made, ZLT_STORE, key, o->is.size, err);
}

/* No owner came: the key is the object's own number. */
static int settle_alone(struct pair *p, struct object *o, struct err *err)
{
	if (!o || !o->in)
		return 0;
	p->counts.unkeyed++;
	return settle(p, o, zlt_key(PAIR_OBJECTS, o->is.number & NUMBER_MAX),
		      err);
}

/* Ends the calls of a task whose returns will not be seen. */
static int cut(struct pair *p, struct task *t, struct err *err)
{
	p->counts.cut += t->depth + t->waits;
	for (; t->depth; t->depth--)
		leave_pool(p, t->open[t->depth - 1].pool);
	t->waits = t->put = t->frees = false;
	return settle_alone(p, t->fresh, err);
}

static int begin(struct pair *p, struct task *t, const struct line *line,
		 struct err *err)
{
	struct pair_object o = { .call = line->call,
				 .pool = line->value[CALL_POOL],
				 .size = line->value[CALL_SIZE],
				 .pages = line->value[CALL_PAGES],
				 .counted = line_has(line, CALL_PAGES) };
	int ret = t->depth == NEST ? cut(p, t, err) : 0;

	if (ret)
		return ret;
	if (t->waits) {
		/* Without returns a failure looks like this. */
		p->counts.refused++;
		t->waits = false;
	}
	if (line->traced && line->call->kind == CALL_MALLOC) {
		t->waits = true;
		t->first = o;
		return enter_pool(p, o.pool, false, err);
	}
	if (line->traced)
		return enter_pool(p, o.pool, false, err);
	t->open[t->depth++] = o;
	return enter_pool(p, o.pool, true, err);
}

/* An object whose free was not seen gives up its handle. */
static int forget(struct pair *p, uint64_t handle, const struct line *line,
		  struct err *err)
{
	struct object *o = object_of(p, handle);
	int gone, ret;

	if (!o)
		return 0;
	p->counts.repaired++;
	ret = settle_alone(p, o, err);
	if (!ret && holds(p, o->is.key, handle)) {
		JLD(gone, p->keys, o->is.key);
		p->counts.invalidates++;
		ret = emit(p, line, ZLT_INVALIDATE, o->is.key, 0, err);
	}
	JLD(gone, p->objects, handle);
	(void)gone;
	free(o);
	return ret;
}

static struct object *new_object(struct pair *p, uint64_t handle,
				 const struct pair_object *is,
				 const struct line *line)
{
	PPvoid_t slot = slot_of(&p->objects, handle);
	struct object *o = slot ? calloc(1, sizeof(*o)) : NULL;

	if (!o)
		return NULL;
	*slot = o;
	o->is = *is;
	o->is.number = p->counts.stores++;
	o->handle = handle;
	o->made = *line;
	return o;
}

static int stored(struct pair *p, struct task *t, const struct pair_object *is,
		  uint64_t handle, const struct line *line, struct err *err)
{
	int ret =
		forget(p, handle, line, err) ?: settle_alone(p, t->fresh, err);
	struct object *o;

	if (ret)
		return ret;
	o = new_object(p, handle, is, line);
	if (!o)
		return no_memory(err);
	if (p->sink.stored)
		ret = p->sink.stored(p->sink.log, handle, &o->is, err);
	if (ret)
		return ret;
	if (t->put) {
		t->put = t->many;
		return settle(p, o, t->next++, err);
	}
	o->in = t;
	t->fresh = o;
	return 0;
}

static int malloc_return(struct pair *p, struct task *t, struct pair_object *o,
			 const struct line *line, struct err *err)
{
	uint64_t ret = line->value[CALL_RET];
	/* The upper half may be garbage behind an int. */
	int code = line->call->handle ? (int)(int64_t)ret : (int)(uint32_t)ret;
	bool failed = line->call->handle ? !ret || ret >= -(uint64_t)MAX_ERRNO
					 : code != 0;

	if (failed) {
		p->counts.refused++;
		if (!p->sink.refused)
			return 0;
		return p->sink.refused(p->sink.log, o,
				       code < 0 ? -code : ENOMEM, err);
	}
	o->place = line->value[CALL_PLACE];
	if (line->call->handle)
		return stored(p, t, o, ret, line, err);
	t->first = *o;
	t->waits = true;
	return 0;
}

/* ---- other calls -------------------------------------------------------- */

static int loaded(struct pair *p, const struct line *line, struct err *err)
{
	struct object *o = object_of(p, line->value[CALL_HANDLE]);
	int ret;

	if (!o) {
		p->counts.before++;
		return 0;
	}
	if (line_has(line, CALL_PLACE))
		o->is.place = line->value[CALL_PLACE];
	p->counts.loads++;
	ret = settle_alone(p, o, err)
		      ?: emit(p, line, ZLT_LOAD, o->is.key, 0, err);
	if (!ret && p->sink.loaded)
		ret = p->sink.loaded(p->sink.log, o->handle, &o->is, err);
	return ret;
}

static int written(struct pair *p, struct task *t, const struct line *line,
		   struct err *err)
{
	struct pair_object o = t->first;

	if (!t->waits || o.pool != line->value[CALL_POOL])
		return 0;
	t->waits = false;
	return stored(p, t, &o, line->value[CALL_HANDLE], line, err);
}

static int mapped(struct pair *p, struct task *t, const struct line *line,
		  struct err *err)
{
	bool reads = line->value[CALL_MODE] == CALL_MAP_RO;

	return reads ? loaded(p, line, err) : written(p, t, line, err);
}

/* Whether zram frees what it should: the key says which page it was. */
static void check_owner(struct pair *p, struct task *t, const struct object *o)
{
	if (t->frees && zlt_key_asid(o->is.key) >= PAIR_ZRAM &&
	    o->is.key != t->freeing)
		p->counts.mistaken++;
	t->frees = false;
}

static int gone(struct pair *p, struct object *o, const struct line *line,
		struct err *err)
{
	int found;

	if (!holds(p, o->is.key, o->handle)) {
		p->counts.replaced++;
		return 0;
	}
	JLD(found, p->keys, o->is.key);
	(void)found;
	p->counts.invalidates++;
	return emit(p, line, ZLT_INVALIDATE, o->is.key, 0, err);
}

static int freed(struct pair *p, struct task *t, const struct line *line,
		 struct err *err)
{
	uint64_t handle = line->value[CALL_HANDLE];
	struct object *o = object_of(p, handle);
	int ret = enter_pool(p, line->value[CALL_POOL], false, err), found;

	/* Some kernels let their callers free what was never allocated. */
	if (ret || !handle || handle >= -(uint64_t)MAX_ERRNO)
		return ret;
	if (!o) {
		p->counts.before++;
		return 0;
	}
	ret = settle_alone(p, o, err);
	check_owner(p, t, o);
	if (!ret)
		ret = gone(p, o, line, err);
	if (!ret && p->sink.freed)
		ret = p->sink.freed(p->sink.log, &o->is, line, err);
	JLD(found, p->objects, handle);
	(void)found;
	free(o);
	return ret;
}

static int compact(struct pair *p, struct task *t, const struct line *line,
		   struct err *err)
{
	int ret = begin(p, t, line, err);

	p->counts.compacts++;
	return ret ?: emit(p, line, ZLT_COMPACT, 0, 0, err);
}

/* zswap stores pages; what it allocates until it returns has their keys. */
static void put(struct task *t, const struct line *line)
{
	uint64_t swap = line->value[CALL_SWAP];
	unsigned type;

	if (line_has(line, CALL_SWAP)) {
		type = (unsigned)(swap >> SWAP_TYPE_SHIFT);
		swap &= (1ull << SWAP_TYPE_SHIFT) - 1;
	} else if (line_has(line, CALL_OFFSET) && line_has(line, CALL_TYPE)) {
		type = (unsigned)line->value[CALL_TYPE];
		swap = line->value[CALL_OFFSET];
	} else {
		return;
	}
	t->put = t->many = true;
	t->next = zlt_key(PAIR_ZSWAP + type, swap & NUMBER_MAX);
}

/* zram frees a page of its device, perhaps to store another one there. */
static int own(struct pair *p, struct task *t, const struct line *line,
	       struct err *err)
{
	PPvoid_t slot = slot_of(&p->zrams, line->value[CALL_ZRAM]);
	uint64_t key;

	if (!slot)
		return no_memory(err);
	if (!*slot)
		*slot = (void *)(Word_t)++p->nr_zrams;
	key = zlt_key(PAIR_ZRAM + (unsigned)(Word_t)*slot - 1,
		      line->value[CALL_INDEX] & NUMBER_MAX);
	t->frees = true;
	t->freeing = key;
	if (line->first) {
		t->put = true;
		t->many = false;
		t->next = key;
		return 0;
	}
	return t->fresh ? settle(p, t->fresh, key, err) : 0;
}

static int returned(struct pair *p, struct task *t, const struct line *line,
		    struct err *err)
{
	struct pair_object o;

	if (line->call->kind == CALL_PUT) {
		t->put = false;
		return 0;
	}
	/* Returns that were not seen leave their calls open. */
	while (t->depth && t->open[t->depth - 1].call != line->call) {
		leave_pool(p, t->open[--t->depth].pool);
		p->counts.cut++;
	}
	if (!t->depth) {
		p->counts.cut++;
		return 0;
	}
	o = t->open[--t->depth];
	leave_pool(p, o.pool);
	if (!line_has(line, CALL_RET)) {
		p->counts.bad++;
		return 0;
	}
	if (line->call->kind == CALL_MALLOC)
		return malloc_return(p, t, &o, line, err);
	if (!p->sink.compacted)
		return 0;
	return p->sink.compacted(p->sink.log, &o, line->value[CALL_RET], err);
}

/* ---- lines -------------------------------------------------------------- */

/* What a call cannot do without. */
static bool complete(const struct line *line)
{
	static const unsigned needs[] = {
		[CALL_MALLOC] = 1u << CALL_POOL | 1u << CALL_SIZE,
		[CALL_FREE] = 1u << CALL_POOL | 1u << CALL_HANDLE,
		[CALL_READ] = 1u << CALL_HANDLE,
		[CALL_WRITE] = 1u << CALL_POOL | 1u << CALL_HANDLE,
		[CALL_MAP] =
			1u << CALL_POOL | 1u << CALL_HANDLE | 1u << CALL_MODE,
		[CALL_COMPACT] = 1u << CALL_POOL,
		[CALL_PUT] = 0,
		[CALL_OWN] = 1u << CALL_ZRAM | 1u << CALL_INDEX,
	};
	unsigned want = needs[line->call->kind];

	if (line->ret)
		return true;
	if ((line->has & want) != want)
		return false;
	return line->call->kind != CALL_MALLOC ||
	       (line->value[CALL_SIZE] >= 1 &&
		line->value[CALL_SIZE] <= ZLT_PAGE_SIZE);
}

static int called(struct pair *p, const struct line *line, struct err *err)
{
	struct task *t = task_of(p, line->tid);

	if (!t)
		return no_memory(err);
	t->cpu = line->cpu;
	if (line->ret)
		return returned(p, t, line, err);
	switch (line->call->kind) {
	case CALL_MALLOC:
		return begin(p, t, line, err);
	case CALL_FREE:
		return freed(p, t, line, err);
	case CALL_READ:
		return loaded(p, line, err);
	case CALL_WRITE:
		return written(p, t, line, err);
	case CALL_MAP:
		return mapped(p, t, line, err);
	case CALL_COMPACT:
		return compact(p, t, line, err);
	case CALL_PUT:
		put(t, line);
		return 0;
	case CALL_OWN:
		return own(p, t, line, err);
	}
	return 0;
}

/* What tasks of that CPU have begun may have ended in what is missing. */
static int lost(struct pair *p, const struct line *line, struct err *err)
{
	struct task *t;
	PPvoid_t slot;
	Word_t at = 0;
	int ret = 0;

	p->counts.lost += line->lost;
	for (slot = JudyLFirst(p->tasks, &at, PJE0); slot && !ret;
	     slot = JudyLNext(p->tasks, &at, PJE0)) {
		t = *slot;
		if (t->cpu == line->cpu)
			ret = cut(p, t, err);
	}
	return ret;
}

int pair_end(struct pair *p, struct err *err)
{
	PPvoid_t slot;
	Word_t at = 0;
	int ret = 0;

	for (slot = JudyLFirst(p->tasks, &at, PJE0); slot && !ret;
	     slot = JudyLNext(p->tasks, &at, PJE0))
		ret = cut(p, *slot, err);
	return ret;
}

int pair_text(struct pair *p, const char *text, struct err *err)
{
	struct line line;

	p->counts.lines++;
	switch (line_parse(text, &line)) {
	case LINE_CALL:
		if (complete(&line))
			return called(p, &line, err);
		break;
	case LINE_LOST:
		return lost(p, &line, err);
	case LINE_OTHER:
		return 0;
	case LINE_BAD:
		break;
	}
	p->counts.bad++;
	return 0;
}
