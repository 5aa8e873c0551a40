// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The trace as all virtual CPUs read it: each batch is decoded once and kept
 * until the last CPU is through with it.
 */
#include "harness/virtual.h"

#if REPLAY_VIRTUAL
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/replay_internal.h"

struct kept {
	struct zlt_batch b;
	char **labels;
	size_t nr_labels;
	unsigned readers; /* CPUs that still want it */
	struct kept *next;
};

static struct kept *oldest, *newest;
/* Where each CPU is: the batch it works on, or NULL before the first. */
static struct kept *at[SYNC_MAX_CPUS];

static void *copy(const void *from, size_t bytes)
{
	void *to = from ? malloc(bytes) : NULL;

	return to ? memcpy(to, from, bytes) : NULL;
}

static void drop(struct kept *k)
{
	size_t i;

	for (i = 0; i < k->nr_labels; i++)
		free((void *)k->labels[i]);
	free(k->labels);
	free((void *)k->b.op);
	free((void *)k->b.key);
	free((void *)k->b.object);
	free((void *)k->b.time_ns);
	free((void *)k->b.cpu);
	free((void *)k->b.tid);
	free(k);
}

static void leave_batch(struct kept *k)
{
	k->readers--;
	while (oldest && !oldest->readers) {
		k = oldest;
		oldest = k->next;
		if (!oldest)
			newest = NULL;
		drop(k);
	}
}

/* The reader's own texts are gone with its next batch. */
static int copy_labels(struct kept *k)
{
	const struct zlt_batch *b = &k->b;
	size_t i, n = 0;

	for (i = 0; i < b->count; i++)
		if (b->op[i] == ZLT_MARK && b->object[i] >= n)
			n = b->object[i] + 1;
	k->labels = calloc(n + 1, sizeof(*k->labels));
	if (!k->labels)
		return -ENOMEM;
	for (; k->nr_labels < n; k->nr_labels++) {
		k->labels[k->nr_labels] = strdup(b->labels[k->nr_labels]);
		if (!k->labels[k->nr_labels])
			return -ENOMEM;
	}
	k->b.labels = (const char *const *)k->labels;
	return 0;
}

static int decode(struct replay_worker *w, struct kept **out)
{
	struct replay *r = w->r;
	struct kept *k = calloc(1, sizeof(*k));
	size_t n;
	int ret;

	if (!k)
		return err_set(&w->err, -ENOMEM, "out of memory for the trace");
	ret = zlt_next(r->workers[0].reader, &k->b, &w->err);
	if (ret <= 0) {
		free(k);
		return ret;
	}
	n = k->b.count;
	k->b.op = copy(k->b.op, n);
	k->b.key = copy(k->b.key, n * sizeof(*k->b.key));
	k->b.object = copy(k->b.object, n * sizeof(*k->b.object));
	k->b.time_ns = copy(k->b.time_ns, n * sizeof(*k->b.time_ns));
	k->b.cpu = copy(k->b.cpu, n * sizeof(*k->b.cpu));
	k->b.tid = copy(k->b.tid, n * sizeof(*k->b.tid));
	if (copy_labels(k) || !k->b.op || !k->b.key || !k->b.object) {
		drop(k);
		return err_set(&w->err, -ENOMEM, "out of memory for the trace");
	}
	k->readers = r->config->threads;
	if (newest)
		newest->next = k;
	else
		oldest = k;
	newest = k;
	*out = k;
	return 1;
}

int virtual_next(struct replay_worker *w, struct zlt_batch *b)
{
	struct kept *was = at[w->id], *k = was ? was->next : oldest;
	int ret = 1;

	/* The first batch is kept until every CPU has had it. */
	if (!k) {
		ret = decode(w, &k);
		if (ret <= 0 || !k)
			return ret;
	}
	at[w->id] = k;
	if (was)
		leave_batch(was);
	*b = k->b;
	return 1;
}
#endif
