// SPDX-License-Identifier: GPL-2.0-or-later
/* A table of size classes, read from a pool or from a kernel's list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/verify/classes.h"

/* Bytes an allocator puts before an object that is not huge: its handle. */
#define HANDLE_BYTES 8

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* @share has room for one number per class. */
static struct class_share summarise(const struct class_table *t, unsigned extra,
				    double *share,
				    bool (*counts)(const struct zpool_class *c))
{
	struct class_share out = { 0 };
	size_t i, n = 0;

	for (i = 0; i < t->nr; i++)
		if (counts(&t->class[i]))
			share[n++] = (double)extra / t->class[i].objects;
	if (!n)
		return out;
	qsort(share, n, sizeof(*share), by_value);
	for (i = 0; i < n; i++)
		out.mean += share[i] / n;
	out.median = (share[(n - 1) / 2] + share[n / 2]) / 2;
	out.max = share[n - 1];
	return out;
}

static bool is_physical(const struct zpool_class *c)
{
	return c->slot == c->index;
}

static bool is_any(const struct zpool_class *c)
{
	return c->objects;
}

static bool is_small(const struct zpool_class *c)
{
	return !c->huge;
}

int class_table_read(struct zpool *pool, unsigned extra, struct class_table *t,
		     struct err *err)
{
	struct zpool_class one, *grown;
	double *share;

	*t = (struct class_table){ 0 };
	if (!strstr(pool->spec, "handle=direct"))
		t->handle_bytes = HANDLE_BYTES;
	while (pool->driver->size_class &&
	       !pool->driver->size_class(pool, t->nr, &one)) {
		grown = realloc(t->class, (t->nr + 1) * sizeof(one));
		if (!grown)
			goto no_memory;
		t->class = grown;
		t->class[t->nr++] = one;
		t->physical += one.slot == one.index;
		t->spanning += (double)one.spanning / one.objects;
		if (one.pages > 1 && one.objects > 1)
			t->huge_limit = one.size - HANDLE_BYTES + 1;
	}
	if (!t->nr)
		return err_set(err, -ENOENT, "%s has no size classes",
			       pool->spec);
	t->spanning /= t->nr;
	share = malloc(t->nr * sizeof(*share));
	if (!share)
		goto no_memory;
	t->lock_share = summarise(t, 1, share, is_physical);
	t->over_physical = summarise(t, extra, share, is_physical);
	t->over_logical = summarise(t, extra, share, is_any);
	t->over_small = summarise(t, extra, share, is_small);
	free(share);
	return 0;

no_memory:
	class_table_free(t);
	return err_set(err, -ENOMEM, "out of memory");
}

size_t class_table_find(const struct class_table *t, size_t size)
{
	size_t low = 0, high = t->nr - 1, at;

	while (low < high) {
		at = (low + high) / 2;
		if (t->class[at].size < size + t->handle_bytes)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

void class_table_free(struct class_table *t)
{
	free(t->class);
	*t = (struct class_table){ 0 };
}
