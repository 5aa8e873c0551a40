// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/verify/conform.h"
#include "lib/table.h"

#define ABSENT LONG_MIN
#define NONE (-1L)

const char *const conform_kind_name[CONFORM_KINDS] = {
	"pages",    "marks",	   "frames", "slots",
	"refusals", "compactions", "works",  "contents",
};

enum column {
	OP,
	ID,
	SIZE,
	PAGES,
	BEFORE,
	PAGE,
	AT,
	NOTE,
	NR_COLUMNS
};

#define HEADER "op,id,size,pages,before,page,at,note"

static const char *const column_name[NR_COLUMNS] = {
	"op", "id", "size", "pages", "before", "page", "at", "note",
};

struct row {
	unsigned long line;
	char op;
	long num[NR_COLUMNS];
	const char *note;
};

/*
 * An object of the log. @log_frame is where the log has it, NONE after it moved
 * to a place that no row has told yet. Objects of one frame of the replay are
 * on a list.
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

/*
 * A frame of the log that holds @known objects, and the replay's frame, which
 * is still told when the last object has gone: work about it may follow.
 */
struct log_frame {
	pfn_t pfn;
	long known;
};

/* A frame of the replay: objects in it, and the frame of the log. */
struct our_frame {
	long first;
	long log_frame;
};

struct conform {
	const struct conform_config *config;
	struct conform_result *result;
	struct zpool *pool;
	struct table *table;
	struct row row;
	int column[NR_COLUMNS];
	int nr_columns;
	struct obj *obj;
	struct log_frame *log;
	struct our_frame *our;
	size_t nr_obj, nr_log, nr_our;
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
	if (c->row.num[ID] != ABSENT)
		n += snprintf(r->first + n, sizeof(r->first) - n,
			      " of object %ld", c->row.num[ID]);
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

/* Bytes that differ from object to object and within one. */
static void pattern(unsigned char *to, size_t len, long id)
{
	uint64_t x = (uint64_t)id * 0x9e3779b97f4a7c15u + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!(i & 7)) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		to[i] = x >> (i & 7) * 8;
	}
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

static struct log_frame *log_frame(struct conform *c, long nr)
{
	size_t was = c->nr_log, i;

	if (!reach((void **)&c->log, &c->nr_log, nr, sizeof(*c->log))) {
		c->no_memory = true;
		return NULL;
	}
	for (i = was; i < c->nr_log; i++)
		c->log[i].known = 0;
	return &c->log[nr];
}

static struct our_frame *our_frame(struct conform *c, pfn_t pfn)
{
	if (!reach((void **)&c->our, &c->nr_our, pfn, sizeof(*c->our))) {
		c->no_memory = true;
		return NULL;
	}
	return &c->our[pfn];
}

static void forget_place(struct conform *c, long id)
{
	struct obj *o = &c->obj[id];

	if (o->log_frame == NONE)
		return;
	if (!--c->log[o->log_frame].known)
		c->our[c->log[o->log_frame].pfn].log_frame = NONE;
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
		c->our[o->pfn].first = o->next;
}

static bool enlist(struct conform *c, long id, const struct zpool_location *loc)
{
	struct our_frame *f = our_frame(c, loc->pfn);
	struct obj *o = &c->obj[id];

	if (!f)
		return false;
	o->pfn = loc->pfn;
	o->at = loc->at;
	o->prev = NONE;
	o->next = f->first;
	if (f->first != NONE)
		c->obj[f->first].prev = id;
	f->first = id;
	return true;
}

/* Says that the log has object @id in frame @nr; the replay has it in o->pfn */
static void set_place(struct conform *c, long id, long nr, bool compare)
{
	struct log_frame *l = log_frame(c, nr);
	struct obj *o = &c->obj[id];
	struct our_frame *f;

	if (!l)
		return;
	f = &c->our[o->pfn];
	if (compare)
		c->result->compared[CONFORM_FRAMES]++;
	if (l->known && l->pfn != o->pfn) {
		if (compare)
			differs(c, CONFORM_FRAMES,
				"expected the frame of log page %ld (our frame "
				"%u), found frame %u offset or slot %u",
				nr, l->pfn, o->pfn, o->at);
		return;
	}
	if (f->log_frame != NONE && f->log_frame != nr) {
		if (compare)
			differs(c, CONFORM_FRAMES,
				"expected log page %ld, found frame %u, which "
				"is log page %ld",
				nr, o->pfn, f->log_frame);
		return;
	}
	l->pfn = o->pfn;
	l->known++;
	f->log_frame = nr;
	o->log_frame = nr;
}

static void locate(struct conform *c, long id, struct zpool_location *loc)
{
	c->pool->driver->locate(c->pool, c->obj[id].handle, loc);
}

/*
 * Objects that moved in the replay are looked up again. Where one went to a
 * frame that is known, the log must have it there too.
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
	if (c->our[loc.pfn].log_frame != NONE)
		set_place(c, id, c->our[loc.pfn].log_frame, false);
}

/* Compares where object @id is with the row's page and at. */
static void compare_place(struct conform *c, long id)
{
	const struct row *r = &c->row;
	struct obj *o = &c->obj[id];

	if (r->num[AT] != ABSENT) {
		c->result->compared[CONFORM_SLOTS]++;
		if (r->num[AT] != (long)o->at)
			differs(c, CONFORM_SLOTS,
				"expected slot or offset %ld, found %u in "
				"frame %u",
				r->num[AT], o->at, o->pfn);
	}
	if (r->num[PAGE] == ABSENT)
		return;
	if (o->log_frame == r->num[PAGE]) {
		c->result->compared[CONFORM_FRAMES]++;
		return;
	}
	forget_place(c, id);
	set_place(c, id, r->num[PAGE], true);
}

static bool row_needs(struct conform *c, enum column col, struct err *err)
{
	if (c->row.num[col] != ABSENT && c->row.num[col] >= 0)
		return true;
	err_set(err, -EINVAL, "%s: line %lu: a row \"%c\" needs a number in %s",
		c->config->log, c->row.line, c->row.op, column_name[col]);
	return false;
}

static struct obj *row_object(struct conform *c, bool live, struct err *err)
{
	long id = c->row.num[ID];

	if (!row_needs(c, ID, err))
		return NULL;
	if (id > INT_MAX ||
	    !reach((void **)&c->obj, &c->nr_obj, id, sizeof(*c->obj))) {
		err_set(err, -ENOMEM, "%s: line %lu: out of memory",
			c->config->log, c->row.line);
		return NULL;
	}
	/* Fresh entries are all ones: size SIZE_MAX says never seen. */
	if (c->obj[id].size == SIZE_MAX)
		c->obj[id].live = false;
	if (live ? c->obj[id].size == SIZE_MAX : c->obj[id].size != SIZE_MAX) {
		err_set(err, -EINVAL, "%s: line %lu: object %ld %s",
			c->config->log, c->row.line, id,
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
	long id = c->row.num[ID];
	int ret;

	if (!o || !row_needs(c, SIZE, err))
		return -EINVAL;
	o->size = c->row.num[SIZE];
	o->live = false;
	o->log_frame = NONE;
	if (o->size > sizeof(bytes))
		return err_set(err, -EINVAL,
			       "%s: line %lu: size %zu is over a page",
			       c->config->log, c->row.line, o->size);
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

static int row_free(struct conform *c, struct err *err)
{
	struct obj *o = row_object(c, true, err);
	long id = c->row.num[ID];

	if (!o)
		return -EINVAL;
	if (!o->live)
		return 0;
	verify(c, id);
	if (placing(c) && c->pool->driver->locate) {
		c->just_freed_in = o->pfn;
		forget_place(c, id);
		unlist(c, id);
	}
	o->live = false;
	c->pool->driver->free(c->pool, o->handle);
	return 0;
}

static int row_load(struct conform *c, struct err *err)
{
	struct obj *o = row_object(c, true, err);
	long id = c->row.num[ID];

	if (!o)
		return -EINVAL;
	if (!o->live)
		return 0;
	verify(c, id);
	if (placing(c) && c->pool->driver->locate) {
		moved(c, id);
		compare_place(c, id);
	}
	return 0;
}

static int row_refused(struct conform *c, struct err *err)
{
	unsigned long handle;
	int ret, want = atoi(c->row.note);

	if (!row_needs(c, SIZE, err))
		return -EINVAL;
	c->result->compared[CONFORM_ERRNOS]++;
	ret = c->pool->driver->malloc(c->pool, c->row.num[SIZE], &handle);
	if (!ret)
		c->pool->driver->free(c->pool, handle);
	if (ret != want)
		differs(c, CONFORM_ERRNOS,
			"%ld bytes: expected errno %d, found %d",
			c->row.num[SIZE], want, ret);
	return 0;
}

static int row_compact(struct conform *c)
{
	unsigned long freed = 0;
	size_t id;

	if (c->pool->driver->compact)
		freed = c->pool->driver->compact(c->pool);
	c->result->compared[CONFORM_COMPACTIONS]++;
	if (c->row.num[AT] != (long)freed)
		differs(c, CONFORM_COMPACTIONS,
			"expected %ld pages freed by compaction, found %lu",
			c->row.num[AT], freed);
	if (!placing(c) || !c->pool->driver->locate)
		return 0;
	for (id = 0; id < c->nr_obj; id++)
		if (c->obj[id].size != SIZE_MAX && c->obj[id].live)
			moved(c, id);
	return 0;
}

/*
 * A row "w" also stands for work that the kernel did inside the free in the
 * row before it; there the replay has done it, too, and has none queued.
 */
static int row_work(struct conform *c, struct err *err)
{
	struct log_frame *l;
	long id, next;
	pfn_t pfn;

	if (!placing(c))
		return 0;
	if (!row_needs(c, PAGE, err))
		return -EINVAL;
	l = log_frame(c, c->row.num[PAGE]);
	if (!l)
		return 0;
	pfn = l->pfn;
	c->result->compared[CONFORM_WORKS]++;
	if (pfn == PFN_NONE) {
		differs(c, CONFORM_WORKS,
			"work about log page %ld, which never held an object "
			"of the replay",
			c->row.num[PAGE]);
		return 0;
	}
	if (!c->pool->driver->run_work ||
	    !c->pool->driver->run_work(c->pool, pfn)) {
		if (pfn != c->just_freed_in)
			differs(c, CONFORM_WORKS,
				"expected work about log page %ld (frame %u), "
				"found none",
				c->row.num[PAGE], pfn);
	}
	for (id = c->our[pfn].first; id != NONE; id = next) {
		next = c->obj[id].next;
		moved(c, id);
	}
	return 0;
}

static int row_mark(struct conform *c, struct err *err)
{
	size_t len = strlen(c->row.note);
	double off, share;

	if (!row_needs(c, PAGES, err))
		return -EINVAL;
	if (!placing(c)) {
		if (c->pool->driver->settle)
			c->pool->driver->settle(c->pool);
		if (len < 8 || strcmp(c->row.note + len - 8, ".settled"))
			return 0;
	}
	off = (double)pool_pages(c) - (double)c->row.num[PAGES];
	share = (off < 0 ? -off : off) / (c->row.num[PAGES] ?: 1);
	if (share > c->result->mark_worst)
		c->result->mark_worst = share;
	c->result->compared[CONFORM_MARKS]++;
	if (share > c->config->tolerance &&
	    !(c->config->tolerance > 0 && off >= -1 && off <= 1))
		differs(c, CONFORM_MARKS,
			"checkpoint %s: expected %ld pages, found %.0f",
			c->row.note, c->row.num[PAGES],
			off + (double)c->row.num[PAGES]);
	return 0;
}

static void compare_pages(struct conform *c)
{
	uint64_t pages, off;

	if (!placing(c) || c->row.num[BEFORE] == ABSENT)
		return;
	pages = pool_pages(c);
	off = pages > (uint64_t)c->row.num[BEFORE] ? pages - c->row.num[BEFORE]
						   : c->row.num[BEFORE] - pages;
	c->result->compared[CONFORM_PAGES]++;
	if (off > c->result->pages_worst)
		c->result->pages_worst = off;
	if (off)
		differs(c, CONFORM_PAGES,
			"expected %ld pages before it, found %lu",
			c->row.num[BEFORE], pages);
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
		ret = row_free(c, err);
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
		ret = row_load(c, err);
		break;
	case 'w':
		return row_work(c, err);
	default:
		return err_set(err, -EINVAL,
			       "%s: line %lu: unknown op \"%c\"; there are a, "
			       "f, r, c, m, l, w",
			       c->config->log, c->row.line, c->row.op);
	}
	if (!ret && !placing(c) && c->pool->driver->settle &&
	    ++c->operations % c->config->settle_every == 0)
		c->pool->driver->settle(c->pool);
	if (!ret && c->no_memory)
		ret = err_set(err, -ENOMEM, "%s: line %lu: out of memory",
			      c->config->log, c->row.line);
	return ret;
}

static int read_header(struct conform *c, struct err *err)
{
	int col, i;

	c->nr_columns = table_fields(c->table);
	for (col = 0; col < NR_COLUMNS; col++) {
		c->column[col] = -1;
		for (i = 0; i < c->nr_columns; i++)
			if (!strcmp(table_field(c->table, i), column_name[col]))
				c->column[col] = i;
		if (c->column[col] < 0) {
			err_set(err, -EINVAL,
				"there is no column \"%s\"; the header must "
				"name " HEADER,
				column_name[col]);
			return table_bad_line(c->table, err);
		}
	}
	return 0;
}

static const char *field(struct conform *c, enum column col)
{
	return table_field(c->table, c->column[col]);
}

static int read_number(struct conform *c, enum column col, struct err *err)
{
	const char *text = field(c, col);
	char *end;

	c->row.num[col] = *text ? strtol(text, &end, 10) : ABSENT;
	if (!*text || (!*end && c->row.num[col] <= INT_MAX))
		return 0;
	err_set(err, -EINVAL, "\"%.40s\" is not a number", text);
	return table_bad_field(c->table, c->column[col], column_name[col], err);
}

static int read_row(struct conform *c, struct err *err)
{
	const char *op;
	int col, ret = 0;

	c->row.line = table_line(c->table);
	if (table_fields(c->table) < c->nr_columns) {
		err_set(err, -EINVAL, "fewer than %d columns", c->nr_columns);
		return table_bad_line(c->table, err);
	}
	op = field(c, OP);
	if (!*op || op[1]) {
		err_set(err, -EINVAL,
			"op \"%.40s\"; there are a, f, r, c, m, l, w", op);
		return table_bad_line(c->table, err);
	}
	c->row.op = *op;
	c->row.note = field(c, NOTE);
	for (col = ID; col < NOTE && !ret; col++)
		ret = read_number(c, col, err);
	return ret;
}

static int replay(struct conform *c, struct err *err)
{
	size_t id;
	int ret;

	while ((ret = table_next(c->table, err)) == 1) {
		ret = read_row(c, err);
		if (!ret)
			ret = replay_row(c, err);
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	c->row.op = 'm';
	c->row.num[ID] = ABSENT;
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
	c.table = table_open(config->log, HEADER, err);
	if (!c.table)
		return -errno;
	ret = read_header(&c, err);
	if (!ret) {
		c.pool = zpool_create(config->backend, &pool_config, err);
		ret = c.pool ? 0 : -EINVAL;
	}
	if (ret) {
		table_close(c.table);
		return ret;
	}
	snprintf(result->spec, sizeof(result->spec), "%s", c.pool->spec);
	ret = replay(&c, err);
	if (!ret && c.pool->driver->validate)
		ret = c.pool->driver->validate(c.pool, err);
	zpool_destroy(c.pool);
	free(c.obj);
	free(c.log);
	free(c.our);
	table_close(c.table);
	return ret;
}
