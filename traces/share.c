// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/stat.h>

#include "traces/share.h"

#define COLUMNS (ZLT_TIME | ZLT_CPU | ZLT_TID)

struct copy {
	struct zlt_reader *r;
	struct zlt_writer *w;
	bool (*stop)(void);
};

static int interrupted(const struct copy *c, struct err *err)
{
	return c->stop() ? err_set(err, -EINTR, "interrupted") : 0;
}

/* The ids are dense and each page is there once, so they stay as they are. */
static int copy_pages(const struct copy *c, struct err *err)
{
	struct zlt_cursor *cursor = zlt_cursor_open(c->r, 1 << 20, err);
	uint64_t i, n = zlt_info(c->r)->contents;
	const void *page;
	uint32_t id;
	int ret = 0;

	if (!cursor)
		return -errno;
	for (i = 0; i < n && !ret; i++) {
		ret = interrupted(c, err);
		if (!ret)
			ret = zlt_content(cursor, (uint32_t)i, &page, err);
		if (!ret)
			ret = zlt_page(c->w, page, &id, err);
		if (!ret && id != i)
			ret = err_set(err, -EBADMSG,
				      "%s: content %llu is the same as %u",
				      zlt_info(c->r)->path,
				      (unsigned long long)i, id);
	}
	zlt_cursor_close(cursor);
	return ret;
}

static int copy_event(const struct copy *c, const struct zlt_batch *b, size_t i,
		      struct err *err)
{
	struct zlt_event e = { .op = b->op[i],
			       .key = b->orig[i],
			       .object = b->object[i] };

	if (b->time_ns)
		e.time_ns = b->time_ns[i];
	if (b->cpu)
		e.cpu = b->cpu[i];
	if (b->tid)
		e.tid = b->tid[i];
	if (e.op == ZLT_MARK)
		e.label = b->labels[b->object[i]];
	return zlt_event(c->w, &e, err);
}

static int copy_events(const struct copy *c, struct err *err)
{
	struct zlt_batch b;
	size_t i;
	int ret;

	while ((ret = zlt_next(c->r, &b, err)) == 1) {
		ret = interrupted(c, err);
		for (i = 0; i < b.count && !ret; i++)
			ret = copy_event(c, &b, i, err);
		if (ret)
			break;
	}
	return ret;
}

static int check(const char *from, const char *to, const struct zlt_info *info,
		 struct err *err)
{
	struct stat a, b;

	if (info->objects == ZLT_OBJECT_HASHES)
		return err_set(err, -EINVAL,
			       "trace %s carries no pages to compress", from);
	if (!stat(from, &a) && !stat(to, &b) && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return err_set(err, -EINVAL,
			       "%s is the trace that is read; the copy needs "
			       "another name",
			       to);
	return 0;
}

int trace_share(const char *from, const char *to, unsigned drop,
		const struct zlt_sizer *sizers, size_t count,
		bool (*stop)(void), struct err *err)
{
	struct copy c = { .r = zlt_open(from, (COLUMNS & ~drop) | ZLT_KEYS,
					err),
			  .stop = stop };
	struct zlt_options opts = { 0 };
	const struct zlt_info *info;
	int ret;

	if (!c.r)
		return -errno;
	info = zlt_info(c.r);
	opts.columns = info->columns & COLUMNS & ~drop;
	if (info->objects == ZLT_OBJECT_PAGES) {
		opts.objects = ZLT_OBJECT_HASHES;
		opts.sizers = sizers;
		opts.sizer_count = count;
	}
	ret = check(from, to, info, err);
	if (ret)
		goto out;
	c.w = zlt_create(to, info->meta, &opts, err);
	if (!c.w) {
		ret = -errno;
		goto out;
	}
	if (info->objects == ZLT_OBJECT_PAGES)
		ret = copy_pages(&c, err);
	if (!ret)
		ret = copy_events(&c, err);
	if (ret)
		zlt_abort(c.w);
	else
		ret = zlt_close(c.w, NULL, err);
out:
	zlt_reader_close(c.r);
	return ret;
}
