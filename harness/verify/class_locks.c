// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of the zspage lock's forms, by class and by trace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/verify/class_locks.h"
#include "traces/source.h"

#define SIZES (ZLT_PAGE_SIZE + 1)

const struct class_lock class_locks[CLASS_LOCKS] = {
	{ "none", 0, "nothing moves" },
	{ "pin", 0, "a bit of the handle word, beside migration's rwlock" },
	{ "rwlock", 8, "rwlock_t" },
	{ "rwsem", 40, "struct rw_semaphore" },
	{ "atomic", 4, "atomic_t" },
	{ "preempt", 8, "spinlock_t and a count" },
};

unsigned class_lock_bytes(const char *zspage)
{
	size_t i;

	for (i = 0; i < CLASS_LOCKS; i++)
		if (!strcmp(class_locks[i].zspage, zspage))
			return class_locks[i].bytes;
	return 0;
}

/* Number of stores by object size. */
struct counted {
	uint64_t of[SIZES];
	const uint16_t *sizes;
	const struct zlt_page_info *infos;
};

static int open_sizes(struct source *s, const char *codec,
		      struct class_weights *w, struct counted *n,
		      struct err *err)
{
	const struct zlt_info *info = source_info(s);
	bool plain = info->objects == ZLT_OBJECT_SIZES;
	int ret = 0;

	if (!codec)
		codec = plain ? "none" : "lz4";
	if (plain && strcmp(codec, "none"))
		return err_set(err, -EINVAL,
			       "trace %s carries object sizes of no codec; "
			       "leave --codec out",
			       info->path);
	if (!plain) {
		ret = zlt_sizes(source_file(s), codec, &n->sizes, err);
		if (ret == -ENOENT)
			return err_set(err, -EINVAL,
				       "trace %s has no sizes of codec %s; "
				       "\"zlab info\" says which it has and "
				       "\"zlab sizes\" adds them",
				       info->path, codec);
		if (!ret)
			ret = zlt_page_infos(source_file(s), &n->infos, err);
	}
	if (ret)
		return ret;
	w->trace = strdup(info->name);
	w->codec = strdup(codec);
	if (!w->trace || !w->codec)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int count(struct source *s, struct class_weights *w, struct counted *n,
		 struct err *err)
{
	struct zlt_batch b;
	uint32_t size;
	size_t i;
	int ret;

	while ((ret = source_next(s, &b, err)) > 0)
		for (i = 0; i < b.count; i++) {
			if (b.op[i] != ZLT_STORE)
				continue;
			size = b.object[i];
			if (n->infos && n->infos[size].same_filled) {
				w->same_filled++;
				continue;
			}
			if (n->sizes)
				size = n->sizes[size];
			if (n->sizes && size >= ZLT_PAGE_SIZE)
				w->incompressible++;
			else if (size && size < SIZES)
				n->of[size]++;
		}
	return ret;
}

struct weight {
	double share;
	uint64_t stores;
};

static int by_share(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;

	return (x->share > y->share) - (x->share < y->share);
}

/* @at has room for one weight per class. */
static void summarise(struct weight *at, size_t nr, struct class_weights *w)
{
	uint64_t passed = 0;
	size_t i;

	qsort(at, nr, sizeof(*at), by_share);
	for (i = 0; i < nr; i++) {
		if (!at[i].stores)
			continue;
		w->share.mean +=
			at[i].share * (double)at[i].stores / (double)w->stores;
		w->share.max = at[i].share;
		if (passed * 2 < w->stores)
			w->share.median = at[i].share;
		passed += at[i].stores;
	}
}

static int weigh(const struct class_table *t, const struct counted *n,
		 struct class_weights *w, struct err *err)
{
	struct weight *at = calloc(t->nr, sizeof(*at));
	size_t size, slot;

	if (!at)
		return err_set(err, -ENOMEM, "out of memory");
	for (size = 0; size < SIZES; size++) {
		slot = class_table_find(t, size);
		at[slot].share = 1.0 / t->class[slot].objects;
		at[slot].stores += n->of[size];
		w->stores += n->of[size];
	}
	if (w->stores)
		summarise(at, t->nr, w);
	else
		err_set(err, -ENODATA, "trace %s has no store with an object",
			w->trace);
	free(at);
	return w->stores ? 0 : -ENODATA;
}

int class_weights_read(const struct class_table *t, const char *path,
		       const char *codec, struct class_weights *w,
		       struct err *err)
{
	struct source *s = source_open(path, 0, err);
	struct counted *n;
	int ret;

	*w = (struct class_weights){ 0 };
	if (!s)
		return -errno;
	n = calloc(1, sizeof(*n));
	if (!n) {
		source_close(s);
		return err_set(err, -ENOMEM, "out of memory");
	}
	ret = open_sizes(s, codec, w, n, err);
	if (!ret)
		ret = count(s, w, n, err);
	if (!ret)
		ret = weigh(t, n, w, err);
	free(n);
	source_close(s);
	if (ret)
		class_weights_free(w);
	return ret;
}

void class_weights_free(struct class_weights *w)
{
	free(w->trace);
	free(w->codec);
	*w = (struct class_weights){ 0 };
}
