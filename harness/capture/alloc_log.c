// SPDX-License-Identifier: GPL-2.0-or-later
#include <Judy.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/capture/alloc_log.h"
#include "lib/pack.h"

#define PAGE_SHIFT 12
/*
 * The lower bits of a zsmalloc place number the object in its zspage, which has
 * fewer than 2^14. Above them some kernels have the class; below them some have
 * a bit of another use, which is 0 in an object at rest.
 */
#define INDEX_MASK 0x7fffu
#define NONE UINT64_MAX

/*
 * A row, before the layout of places is known.
 * @where: place, or handle of zbud; NONE if it is not known
 * @at: that column, where it is not of @where
 * @zbud: @where is a handle
 */
struct row {
	uint64_t id, size, before, where, at;
	int note;
	char op;
	bool zbud;
};

/*
 * @rows: struct row, in a file without a name
 * @pool: address of the pool in the log; 0: none yet
 * @ids: number in the log by number of the object, both from 1
 * @frames: number in the log by frame, from 1
 * @untagged: an object had the lowest bit of its place
 */
struct alloc_log {
	FILE *file, *rows;
	char *path;
	struct alloc_log_counts counts;
	unsigned frame_shift;
	uint64_t pool;
	void *ids, *frames;
	Word_t nr_ids, nr_frames;
	bool untagged;
};

static void release(struct alloc_log *log)
{
	if (log->rows)
		fclose(log->rows);
	JudyLFreeArray(&log->ids, PJE0);
	JudyLFreeArray(&log->frames, PJE0);
	free(log->path);
	free(log);
}

struct alloc_log *alloc_log_open(const char *path, unsigned frame_shift,
				 struct err *err)
{
	struct alloc_log *log = calloc(1, sizeof(*log));
	int why = ENOMEM;

	if (!log) {
		err_set(err, -ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	log->frame_shift = frame_shift;
	log->path = strdup(path);
	log->rows = log->path ? tmpfile() : NULL;
	if (log->rows) {
		log->file = pack_open(path, err);
		if (log->file)
			return log;
		why = errno;
	} else {
		why = errno;
		err_set(err, -why, "%s: no room for its rows: %s", path,
			strerror(why));
	}
	release(log);
	errno = why;
	return NULL;
}

static Word_t number(void **map, uint64_t index, Word_t *last)
{
	PPvoid_t slot = JudyLIns(map, (Word_t)index, PJE0);

	if (slot == PPJERR)
		return 0;
	if (!*slot)
		*slot = (void *)++*last;
	return (Word_t)*slot;
}

/* Only a pool that is empty at first can be replayed. */
static bool in_log(struct alloc_log *log, const struct pair_object *o)
{
	if (!log->pool && (!o->counted || !o->pages)) {
		log->pool = o->pool;
		log->counts.whole = true;
	}
	if (log->pool == o->pool)
		return true;
	log->counts.other++;
	return false;
}

static int add(struct alloc_log *log, const struct row *row, struct err *err)
{
	if (fwrite(row, sizeof(*row), 1, log->rows) == 1) {
		log->counts.rows++;
		return 0;
	}
	return err_set(err, -errno, "%s: no room for its rows: %s", log->path,
		       strerror(errno));
}

/* A row of an object, of which only the place is not filled in. */
static struct row row_of(struct alloc_log *log, char op,
			 const struct pair_object *o)
{
	struct row row = { .op = op,
			   .size = NONE,
			   .before = NONE,
			   .where = NONE,
			   .at = NONE };

	row.id = number(&log->ids, o->number + 1, &log->nr_ids) - 1;
	return row;
}

static uint64_t before(const struct pair_object *o)
{
	return o->counted ? o->pages : NONE;
}

static void place(struct alloc_log *log, struct row *row,
		  const struct pair_object *o, uint64_t handle)
{
	if (o->place) {
		row->where = o->place;
		log->untagged |= o->place & 1;
	} else if (!strcmp(o->call->module, "zbud")) {
		row->where = handle;
		row->zbud = true;
	}
}

static int stored(void *arg, uint64_t handle, const struct pair_object *o,
		  struct err *err)
{
	struct alloc_log *log = arg;
	struct row row;

	if (!in_log(log, o))
		return 0;
	row = row_of(log, 'a', o);
	row.size = o->size;
	row.before = before(o);
	place(log, &row, o, handle);
	return add(log, &row, err);
}

static int freed(void *arg, const struct pair_object *o,
		 const struct line *line, struct err *err)
{
	struct alloc_log *log = arg;
	struct row row;

	if (!in_log(log, o))
		return 0;
	row = row_of(log, 'f', o);
	if (line_has(line, CALL_PAGES))
		row.before = line->value[CALL_PAGES];
	return add(log, &row, err);
}

static int loaded(void *arg, uint64_t handle, const struct pair_object *o,
		  struct err *err)
{
	struct alloc_log *log = arg;
	struct row row;

	if (!in_log(log, o))
		return 0;
	row = row_of(log, 'l', o);
	place(log, &row, o, handle);
	return row.where == NONE ? 0 : add(log, &row, err);
}

static int refused(void *arg, const struct pair_object *o, int why,
		   struct err *err)
{
	struct alloc_log *log = arg;
	const struct row row = { .op = 'r',
				 .id = NONE,
				 .size = o->size,
				 .before = before(o),
				 .where = NONE,
				 .at = NONE,
				 .note = why };

	return in_log(log, o) ? add(log, &row, err) : 0;
}

static int compacted(void *arg, const struct pair_object *o, uint64_t pages,
		     struct err *err)
{
	struct alloc_log *log = arg;
	const struct row row = { .op = 'c',
				 .id = NONE,
				 .size = NONE,
				 .before = before(o),
				 .where = NONE,
				 .at = pages };

	return in_log(log, o) ? add(log, &row, err) : 0;
}

void alloc_log_sink(struct alloc_log *log, struct pair_sink *sink)
{
	sink->log = log;
	sink->stored = stored;
	sink->freed = freed;
	sink->loaded = loaded;
	sink->refused = refused;
	sink->compacted = compacted;
}

/* ---- the file ----------------------------------------------------------- */

static void print_number(const struct alloc_log *log, uint64_t value)
{
	putc(',', log->file);
	if (value != NONE)
		fprintf(log->file, "%" PRIu64, value);
}

static void print_row(struct alloc_log *log, const struct row *row)
{
	uint64_t frame = NONE, at = row->at;

	if (row->where != NONE && row->zbud) {
		frame = row->where >> PAGE_SHIFT;
		at = row->where & ((1u << PAGE_SHIFT) - 1);
	} else if (row->where != NONE) {
		frame = row->where >> log->frame_shift;
		at = (row->where & INDEX_MASK) >> !log->untagged;
	}
	if (frame != NONE)
		frame = number(&log->frames, frame, &log->nr_frames) - 1;
	putc(row->op, log->file);
	print_number(log, row->id);
	print_number(log, row->size);
	putc(',', log->file);
	print_number(log, row->before);
	print_number(log, frame);
	print_number(log, at);
	putc(',', log->file);
	if (row->note)
		fprintf(log->file, "-%d", row->note);
	putc('\n', log->file);
}

int alloc_log_close(struct alloc_log *log, struct alloc_log_counts *counts,
		    struct err *err)
{
	struct row row;
	bool bad;
	int ret = 0;

	rewind(log->rows);
	fputs("op,id,size,pages,before,page,at,note\n", log->file);
	while (fread(&row, sizeof(row), 1, log->rows) == 1)
		print_row(log, &row);
	bad = ferror(log->rows) || ferror(log->file);
	bad |= fclose(log->file) != 0;
	if (bad)
		ret = err_set(err, -EIO, "%s: cannot be written: %s", log->path,
			      strerror(errno ?: EIO));
	*counts = log->counts;
	release(log);
	return ret;
}
