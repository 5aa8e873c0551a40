// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading of one trace by all virtual CPUs: each batch is decoded once and kept
 * until the last CPU has finished it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/virtual/internal.h"

struct kept {
	struct zlt_batch b;
	char **labels;
	size_t nr_labels;
	unsigned readers; /* CPUs that have not finished it */
	/* Each CPU's first event, and after each event its CPU's next. */
	uint32_t *first, *after;
	struct kept *next;
};

static struct kept *oldest, *newest;
/* The batch that each CPU works on, or NULL before the first. */
static struct kept *at[SYNC_MAX_CPUS];
static uint32_t cursor[SYNC_MAX_CPUS];

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
	free(k->first);
	free(k->after);
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

/* Copies the labels: the reader frees its own with the next batch. */
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

/* Links the events of each CPU, so that no CPU must scan all events. */
static int share_out(struct kept *k, const struct replay *r)
{
	size_t i = k->b.count, n = r->config->threads;
	unsigned owner;

	k->first = malloc(n * sizeof(*k->first));
	k->after = malloc((i + 1) * sizeof(*k->after));
	if (!k->first || !k->after)
		return -ENOMEM;
	memset(k->first, 0xff, n * sizeof(*k->first));
	while (i-- > 0) {
		owner = replay_owner(r, &k->b, i);
		k->after[i] = k->first[owner];
		k->first[owner] = (uint32_t)i;
	}
	return 0;
}

size_t trace_mine(struct replay_worker *w, size_t from, size_t to)
{
	uint32_t *i = &cursor[w->id];
	size_t found;

	while (*i < from)
		*i = at[w->id]->after[*i];
	if (*i >= to)
		return to;
	found = *i;
	*i = at[w->id]->after[found];
	return found;
}

size_t trace_ahead(const struct replay_worker *w)
{
	return cursor[w->id];
}

static int decode(struct replay_worker *w, struct kept **out)
{
	struct replay *r = w->r;
	struct kept *k = calloc(1, sizeof(*k));
	size_t n;
	int ret;

	if (!k)
		return err_set(&w->err, -ENOMEM, "out of memory for the trace");
	ret = source_next(r->source, &k->b, &w->err);
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
	if (!k->b.op || !k->b.key || !k->b.object || copy_labels(k) ||
	    share_out(k, r)) {
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

int replay_next(struct replay_worker *w, struct zlt_batch *b)
{
	struct kept *was = at[w->id], *k = was ? was->next : oldest;
	int ret = 1;

	/* The first batch is kept until every CPU has processed it. */
	if (!k) {
		ret = decode(w, &k);
		if (ret <= 0 || !k)
			return ret;
	}
	at[w->id] = k;
	cursor[w->id] = k->first[w->id];
	if (was)
		leave_batch(was);
	*b = k->b;
	return 1;
}
