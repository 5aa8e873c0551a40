// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/replay/feed.h"

#define POLL_NS 50000000

void feed_begin(struct feed *f, struct source *source, unsigned threads)
{
	*f = (struct feed){ .source = source, .threads = threads };
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
}

static void free_slot(struct feed_slot *s)
{
	free((void *)s->b.op);
	free((void *)s->b.key);
	free((void *)s->b.object);
	free((void *)s->b.time_ns);
	free((void *)s->b.cpu);
	free((void *)s->b.tid);
	free(s->text);
	free(s->labels);
	*s = (struct feed_slot){ 0 };
}

void feed_end(struct feed *f)
{
	size_t i;

	if (!f->source)
		return;
	for (i = 0; i < FEED_SLOTS; i++)
		free_slot(&f->slot[i]);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
}

/* Copy a column. Return: whether there was memory. */
static bool copy(const void *to_, const void *from, size_t bytes, size_t room,
		 const void **at)
{
	void *to = (void *)to_;

	if (!from)
		return true;
	if (room) {
		free(to);
		to = malloc(room);
		*at = to;
	}
	if (to)
		memcpy(to, from, bytes);
	return to;
}

#define COPY(column)                                                         \
	copy(s->b.column, from->column, from->count * sizeof(*from->column), \
	     grow * sizeof(*from->column), (const void **)&s->b.column)

static int copy_labels(struct feed_slot *s, const struct zlt_batch *from)
{
	size_t i, n = 0, bytes = 0;
	char *at;

	free(s->text);
	free(s->labels);
	for (i = 0; i < from->count; i++) {
		if (from->op[i] != ZLT_MARK)
			continue;
		n++;
		bytes += strlen(from->labels[from->object[i]]) + 1;
	}
	at = s->text = malloc(bytes + 1);
	s->labels = malloc((n + 1) * sizeof(*s->labels));
	if (!s->text || !s->labels)
		return -ENOMEM;
	/* The marks of a batch are numbered, but it may begin behind some. */
	for (i = 0, n = 0; i < from->count; i++) {
		if (from->op[i] != ZLT_MARK)
			continue;
		s->labels[n] = at;
		at = stpcpy(at, from->labels[from->object[i]]) + 1;
		((uint32_t *)s->b.object)[i] = (uint32_t)n++;
	}
	s->b.labels = s->labels;
	return 0;
}

static int keep(struct feed_slot *s, const struct zlt_batch *from)
{
	size_t grow = from->count > s->room ? from->count : 0;

	if (grow)
		s->room = 0;
	s->b.count = from->count;
	s->b.first = from->first;
	if (!COPY(op) || !COPY(key) || !COPY(object) || !COPY(time_ns) ||
	    !COPY(cpu) || !COPY(tid) || copy_labels(s, from))
		return -ENOMEM;
	if (grow)
		s->room = grow;
	return 0;
}

/* Read the next batch to its slot; the lock is released meanwhile. */
static void advance(struct feed *f)
{
	struct feed_slot *s = &f->slot[f->ready % FEED_SLOTS];
	struct zlt_batch b;
	struct err err = { "" };
	int ret;

	f->busy = true;
	pthread_mutex_unlock(&f->lock);
	ret = source_next(f->source, &b, &err);
	if (ret > 0 && keep(s, &b))
		ret = err_set(&err, -ENOMEM, "out of memory for a batch");
	pthread_mutex_lock(&f->lock);
	f->busy = false;
	if (ret > 0) {
		s->left = f->threads;
		f->ready++;
	} else {
		f->end = ret ? ret : 1;
		f->err = err;
	}
	pthread_cond_broadcast(&f->changed);
}

static bool can_advance(const struct feed *f)
{
	return !f->busy && !f->end && !f->slot[f->ready % FEED_SLOTS].left;
}

static void wait_a_while(struct feed *f)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += POLL_NS;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	pthread_cond_timedwait(&f->changed, &f->lock, &ts);
}

static int await(struct feed *f, uint64_t nth, bool (*stopping)(void *arg),
		 void *arg)
{
	while (nth >= f->ready && !f->end) {
		if (can_advance(f)) {
			advance(f);
			continue;
		}
		if (stopping(arg))
			return -ECANCELED;
		wait_a_while(f);
	}
	/* One ahead, so that the next thread finds its batch ready. */
	if (nth + 1 == f->ready && can_advance(f))
		advance(f);
	return nth < f->ready ? 1 : f->end < 0 ? f->end : 0;
}

int feed_next(struct feed *f, uint64_t nth, struct zlt_batch *batch,
	      bool (*stopping)(void *arg), void *arg, struct err *err)
{
	int ret;

	pthread_mutex_lock(&f->lock);
	if (nth && !--f->slot[(nth - 1) % FEED_SLOTS].left)
		pthread_cond_broadcast(&f->changed);
	ret = await(f, nth, stopping, arg);
	if (ret > 0)
		*batch = f->slot[nth % FEED_SLOTS].b;
	else if (ret < 0 && ret != -ECANCELED)
		*err = f->err;
	pthread_mutex_unlock(&f->lock);
	return ret;
}
