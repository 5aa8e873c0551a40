// SPDX-License-Identifier: GPL-2.0-or-later
/* A kernel's log, operation by operation, against an allocator. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/verify/conform.h"
#include "harness/verify/frames.h"
#include "harness/verify/log.h"
#include "lib/random.h"

#define NONE (-1L)

/* The two sides of struct frames: the log and the replay. */
#define LOGGED 0
#define OURS 1

const char *const conform_kind_name[CONFORM_KINDS] = {
	"pages",    "marks",	   "frames", "slots",
	"refusals", "compactions", "works",  "contents",
};

/*
 * An object of the log. @log_frame is its frame in the log, or NONE after it
 * moved to a place that no row has given yet. The objects in one frame of the
 * replay are on a list.
 */
struct obj {
	unsigned long handle;
	size_t size;
	bool live;
	long log_frame;
	pfn_t pfn;
	unsigned at;
	long prev, next;
};

struct conform {
	const struct conform_config *config;
	struct conform_result *result;
	struct zpool *pool;
	struct log log;
	struct log_row row;
	struct obj *obj;
	long *first; /* object of each frame of the replay */
	struct frames frames;
	size_t nr_obj, nr_first;
	pfn_t just_freed_in;
	uint64_t operations;
	bool no_memory;
};

static void differs(struct conform *c, enum conform_kind kind, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

static void differs(struct conform *c, enum conform_kind kind, const char *fmt,
		    ...)
{
	struct conform_result *r = c->result;
	va_list args;
	int n;

	r->differences[kind]++;
	if (r->total++)
		return;
	n = snprintf(r->first, sizeof(r->first), "line %lu (%c", c->row.line,
		     c->row.op);
	if (c->row.num[LOG_ID] != LOG_ABSENT)
		n += snprintf(r->first + n, sizeof(r->first) - n,
			      " of object %ld", c->row.num[LOG_ID]);
	n += snprintf(r->first + n, sizeof(r->first) - n, "): ");
	va_start(args, fmt);
	vsnprintf(r->first + n, sizeof(r->first) - n, fmt, args);
	va_end(args);
}

static bool placing(const struct conform *c)
{
	return c->config->settle_every == CONFORM_BY_LOG;
}

static uint64_t pool_pages(struct conform *c)
{
	struct zpool_stats stats;

	c->pool->driver->stats(c->pool, &stats);
	return stats.pages;
}

/* Fill with bytes that differ between objects and within an object. */
static void pattern(unsigned char *to, size_t len, long id)
{
	uint64_t state = (uint64_t)id;

	random_fill(to, len, &state);
}

static void verify(struct conform *c, long id)
{
	unsigned char want[4096], copy[4096], *got;
	struct obj *o = &c->obj[id];

	if (c->pool->caps & ZPOOL_NO_CONTENTS)
		return;
	pattern(want, o->size, id);
	got = zpool_read_begin(c->pool, o->handle, o->size, copy);
	c->result->compared[CONFORM_BYTES]++;
	if (memcmp(got, want, o->size))
		differs(c, CONFORM_BYTES,
			"contents of object %ld (%zu bytes) are not what was "
			"stored",
			id, o->size);
	zpool_read_end(c->pool, o->handle, o->size, got);
}

/* Grows a table so that @idx exists; new entries are filled with ones. */
static bool reach(void **table, size_t *nr, size_t idx, size_t size)
{
	size_t want = *nr ? *nr : 1024;
	void *grown;

	if (idx < *nr)
		return true;
	while (want <= idx)
		want *= 2;
	grown = realloc(*table, want * size);
	if (!grown)
		return false;
	memset((char *)grown + *nr * size, 0xff, (want - *nr) * size);
	*table = grown;
	*nr = want;
	return true;
}

static void forget_place(struct conform *c, long id)
{
	struct obj *o = &c->obj[id];

	if (o->log_frame == NONE)
		return;
	frames_leave(&c->frames, (pfn_t)o->log_frame, o->pfn);
	o->log_frame = NONE;
}

static void unlist(struct conform *c, long id)
{
	struct obj *o = &c->obj[id];

	if (o->next != NONE)
		c->obj[o->next].prev = o->prev;
	if (o->prev != NONE)
		c->obj[o->prev].next = o->next;
	else
		c->first[o->pfn] = o->next;
}

static bool enlist(struct conform *c, long id, const struct zpool_location *loc)
{
	struct obj *o = &c->obj[id];
	long *first;

	if (!reach((void **)&c->first, &c->nr_first, loc->pfn,
		   sizeof(*c->first))) {
		c->no_memory = true;
		return false;
	}
	first = &c->first[loc->pfn];
	o->pfn = loc->pfn;
	o->at = loc->at;
	o->prev = NONE;
	o->next = *first;
	if (*first != NONE)
		c->obj[*first].prev = id;
	*first = id;
	return true;
}

/* Note that object @id is in the log's frame @nr and in the replay's o->pfn */
static void set_place(struct conform *c, long id, long nr, bool compare)
{
	struct obj *o = &c->obj[id];
	int taken;

	if (!frames_reach(&c->frames, (pfn_t)nr, o->pfn)) {
		c->no_memory = true;
		return;
	}
	if (compare)
		c->result->compared[CONFORM_FRAMES]++;
	taken = frames_fit(&c->frames, (pfn_t)nr, o->pfn);
	if (taken == FRAMES_FIT) {
		frames_join(&c->frames, (pfn_t)nr, o->pfn);
		o->log_frame = nr;
		return;
	}
	if (!compare)
		return;
	if (taken == LOGGED)
		differs(c, CONFORM_FRAMES,
			"expected the frame of log page %ld (our frame %u), "
			"found frame %u offset or slot %u",
			nr, c->frames.side[LOGGED][nr].twin, o->pfn, o->at);
	else
		differs(c, CONFORM_FRAMES,
			"expected log page %ld, found frame %u, which is log "
			"page %u",
			nr, o->pfn, c->frames.side[OURS][o->pfn].twin);
}

/* The log's page that corresponds to a frame of the replay, or NONE. */
static long log_page(const struct conform *c, pfn_t pfn)
{
	if (pfn >= c->frames.nr[OURS] || !c->frames.side[OURS][pfn].objects)
		return NONE;
	return c->frames.side[OURS][pfn].twin;
}

static void locate(struct conform *c, long id, struct zpool_location *loc)
{
	c->pool->driver->locate(c->pool, c->obj[id].handle, loc);
}

/*
 * Look up an object again after the replay moved it. If the log's page for its
 * new frame is known, the log must have the object there, too.
 */
static void moved(struct conform *c, long id)
{
	struct obj *o = &c->obj[id];
	struct zpool_location loc;

	locate(c, id, &loc);
	if (loc.pfn == o->pfn) {
		o->at = loc.at;
		return;
	}
	forget_place(c, id);
	unlist(c, id);
	if (!enlist(c, id, &loc))
		return;
	if (log_page(c, loc.pfn) != NONE)
		set_place(c, id, log_page(c, loc.pfn), false);
}

/* Compares where object @id is with the row's page and at. */
static void compare_place(struct conform *c, long id)
{
	const struct log_row *r = &c->row;
	struct obj *o = &c->obj[id];

	if (r->num[LOG_AT] != LOG_ABSENT) {
		c->result->compared[CONFORM_SLOTS]++;
		if (r->num[LOG_AT] != (long)o->at)
			differs(c, CONFORM_SLOTS,
				"expected slot or offset %ld, found %u in "
				"frame %u",
				r->num[LOG_AT], o->at, o->pfn);
	}
	if (r->num[LOG_PAGE] == LOG_ABSENT)
		return;
	if (o->log_frame == r->num[LOG_PAGE]) {
		c->result->compared[CONFORM_FRAMES]++;
		return;
	}
	forget_place(c, id);
	set_place(c, id, r->num[LOG_PAGE], true);
}

static struct obj *row_object(struct conform *c, bool live, struct err *err)
{
	long id = c->row.num[LOG_ID];

	if (!log_needs(&c->row, LOG_ID, err))
		return NULL;
	if (!reach((void **)&c->obj, &c->nr_obj, id, sizeof(*c->obj))) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	/* New entries are all ones, so size SIZE_MAX means never seen. */
	if (c->obj[id].size == SIZE_MAX)
		c->obj[id].live = false;
	if (live ? c->obj[id].size == SIZE_MAX : c->obj[id].size != SIZE_MAX) {
		err_set(err, -EINVAL, "object %ld %s", id,
			live ? "was never allocated" : "is allocated twice");
		return NULL;
	}
	return &c->obj[id];
}

static int row_alloc(struct conform *c, struct err *err)
{
	struct obj *o = row_object(c, false, err);
	unsigned char bytes[4096];
	struct zpool_location loc;
	long id = c->row.num[LOG_ID];
	int ret;

	if (!o || !log_needs(&c->row, LOG_SIZE, err))
		return -EINVAL;
	o->size = c->row.num[LOG_SIZE];
	o->live = false;
	o->log_frame = NONE;
	if (o->size > sizeof(bytes))
		return err_set(err, -EINVAL, "size %zu is over a page",
			       o->size);
	c->result->compared[CONFORM_ERRNOS]++;
	ret = c->pool->driver->malloc(c->pool, o->size, &o->handle);
	if (ret) {
		differs(c, CONFORM_ERRNOS, "%zu bytes were refused: %s",
			o->size, strerror(-ret));
		return 0;
	}
	o->live = true;
	pattern(bytes, o->size, id);
	zpool_write(c->pool, o->handle, bytes, o->size);
	if (!placing(c) || !c->pool->driver->locate)
		return 0;
	locate(c, id, &loc);
	if (enlist(c, id, &loc))
		compare_place(c, id);
	return 0;
}

static void free_object(struct conform *c, long id)
{
	struct obj *o = &c->obj[id];

	if (placing(c) && c->pool->driver->locate) {
		c->just_freed_in = o->pfn;
		forget_place(c, id);
		unlist(c, id);
	}
	o->live = false;
	c->pool->driver->free(c->pool, o->handle);
}

static void load_object(struct conform *c, long id)
{
	if (!placing(c) || !c->pool->driver->locate)
		return;
	moved(c, id);
	compare_place(c, id);
}

/* A row about an object that is in the log, and may be in the replay. */
static int row_known(struct conform *c,
		     void (*then)(struct conform *c, long id), struct err *err)
{
	struct obj *o = row_object(c, true, err);
	long id = c->row.num[LOG_ID];

	if (!o)
		return -EINVAL;
	if (!o->live)
		return 0;
	verify(c, id);
	then(c, id);
	return 0;
}

static int row_refused(struct conform *c, struct err *err)
{
	unsigned long handle;
	int ret, want = atoi(c->row.note);

	if (!log_needs(&c->row, LOG_SIZE, err))
		return -EINVAL;
	c->result->compared[CONFORM_ERRNOS]++;
	ret = c->pool->driver->malloc(c->pool, c->row.num[LOG_SIZE], &handle);
	if (!ret)
		c->pool->driver->free(c->pool, handle);
	if (ret != want)
		differs(c, CONFORM_ERRNOS,
			"%ld bytes: expected errno %d, found %d",
			c->row.num[LOG_SIZE], want, ret);
	return 0;
}

static int row_compact(struct conform *c)
{
	unsigned long freed = 0;
	size_t id;

	if (c->pool->driver->compact)
		freed = c->pool->driver->compact(c->pool);
	c->result->compared[CONFORM_COMPACTIONS]++;
	if (c->row.num[LOG_AT] != (long)freed)
		differs(c, CONFORM_COMPACTIONS,
			"expected %ld pages freed by compaction, found %lu",
			c->row.num[LOG_AT], freed);
	if (!placing(c) || !c->pool->driver->locate)
		return 0;
	for (id = 0; id < c->nr_obj; id++)
		if (c->obj[id].size != SIZE_MAX && c->obj[id].live)
			moved(c, id);
	return 0;
}

/*
 * A row "w" is also logged for work that the kernel did inside the free of the
 * row before; then the replay also did it there, and has no work queued.
 */
static int row_work(struct conform *c, struct err *err)
{
	long id, next, page = c->row.num[LOG_PAGE];
	pfn_t pfn;

	if (!placing(c))
		return 0;
	if (!log_needs(&c->row, LOG_PAGE, err))
		return -EINVAL;
	/* The twin stays known without objects, since work may follow. */
	pfn = (size_t)page < c->frames.nr[LOGGED]
		      ? c->frames.side[LOGGED][page].twin
		      : PFN_NONE;
	c->result->compared[CONFORM_WORKS]++;
	if (pfn == PFN_NONE) {
		differs(c, CONFORM_WORKS,
			"work about log page %ld, which never held an object "
			"of the replay",
			page);
		return 0;
	}
	if (!c->pool->driver->run_work ||
	    !c->pool->driver->run_work(c->pool, pfn)) {
		if (pfn != c->just_freed_in)
			differs(c, CONFORM_WORKS,
				"expected work about log page %ld (frame %u), "
				"found none",
				page, pfn);
	}
	for (id = c->first[pfn]; id != NONE; id = next) {
		next = c->obj[id].next;
		moved(c, id);
	}
	return 0;
}

static int row_mark(struct conform *c, struct err *err)
{
	size_t len = strlen(c->row.note);
	double off, share;

	if (!log_needs(&c->row, LOG_PAGES, err))
		return -EINVAL;
	if (!placing(c)) {
		if (c->pool->driver->settle)
			c->pool->driver->settle(c->pool);
		if (len < 8 || strcmp(c->row.note + len - 8, ".settled"))
			return 0;
	}
	off = (double)pool_pages(c) - (double)c->row.num[LOG_PAGES];
	share = (off < 0 ? -off : off) / (c->row.num[LOG_PAGES] ?: 1);
	if (share > c->result->mark_worst)
		c->result->mark_worst = share;
	c->result->compared[CONFORM_MARKS]++;
	if (share > c->config->tolerance &&
	    !(c->config->tolerance > 0 && off >= -1 && off <= 1))
		differs(c, CONFORM_MARKS,
			"checkpoint %s: expected %ld pages, found %.0f",
			c->row.note, c->row.num[LOG_PAGES],
			off + (double)c->row.num[LOG_PAGES]);
	return 0;
}

static void compare_pages(struct conform *c)
{
	uint64_t pages, off;

	if (!placing(c) || c->row.num[LOG_BEFORE] == LOG_ABSENT)
		return;
	pages = pool_pages(c);
	off = pages > (uint64_t)c->row.num[LOG_BEFORE]
		      ? pages - c->row.num[LOG_BEFORE]
		      : c->row.num[LOG_BEFORE] - pages;
	c->result->compared[CONFORM_PAGES]++;
	if (off > c->result->pages_worst)
		c->result->pages_worst = off;
	if (off)
		differs(c, CONFORM_PAGES,
			"expected %ld pages before it, found %lu",
			c->row.num[LOG_BEFORE], pages);
}

static int replay_row(struct conform *c, struct err *err)
{
	int ret;

	c->result->rows++;
	compare_pages(c);
	if (c->row.op != 'w')
		c->just_freed_in = PFN_NONE;
	switch (c->row.op) {
	case 'a':
		ret = row_alloc(c, err);
		break;
	case 'f':
		ret = row_known(c, free_object, err);
		break;
	case 'r':
		ret = row_refused(c, err);
		break;
	case 'c':
		ret = row_compact(c);
		break;
	case 'm':
		return row_mark(c, err);
	case 'l':
		ret = row_known(c, load_object, err);
		break;
	case 'w':
		return row_work(c, err);
	default:
		return err_set(err, -EINVAL,
			       "unknown op \"%c\"; there are a, f, r, c, m, "
			       "l, w",
			       c->row.op);
	}
	if (!ret && !placing(c) && c->pool->driver->settle &&
	    ++c->operations % c->config->settle_every == 0)
		c->pool->driver->settle(c->pool);
	if (!ret && c->no_memory)
		ret = err_set(err, -ENOMEM, "out of memory");
	return ret;
}

static int replay(struct conform *c, struct err *err)
{
	size_t id;
	int ret;

	while ((ret = log_next(&c->log, &c->row, err)) == 1) {
		ret = replay_row(c, err);
		if (ret) {
			log_bad(&c->log, err);
			return ret;
		}
	}
	if (ret)
		return ret;
	c->row.op = 'm';
	c->row.num[LOG_ID] = LOG_ABSENT;
	for (id = 0; id < c->nr_obj; id++)
		if (c->obj[id].size != SIZE_MAX && c->obj[id].live)
			verify(c, id);
	return 0;
}

int conform_run(const struct conform_config *config,
		struct conform_result *result, struct err *err)
{
	struct conform c = { .config = config,
			     .result = result,
			     .just_freed_in = PFN_NONE };
	struct zpool_config pool_config = { 0 };
	int ret;

	memset(result, 0, sizeof(*result));
	ret = log_open(&c.log, config->log, err);
	if (ret)
		return ret;
	c.pool = zpool_create(config->backend, &pool_config, err);
	if (!c.pool) {
		log_close(&c.log);
		return -EINVAL;
	}
	snprintf(result->spec, sizeof(result->spec), "%s", c.pool->spec);
	ret = replay(&c, err);
	if (!ret && c.pool->driver->validate)
		ret = c.pool->driver->validate(c.pool, err);
	zpool_destroy(c.pool);
	free(c.obj);
	free(c.first);
	frames_free(&c.frames);
	log_close(&c.log);
	return ret;
}
