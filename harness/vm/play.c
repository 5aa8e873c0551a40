// SPDX-License-Identifier: GPL-2.0-or-later
/* A trace with contents, event by event. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/vm/guest.h"

/* Events between two drains; the probes' buffer holds more. */
#define DRAIN_EVERY 8192

struct play {
	const struct guest_user *user;
	struct zlt_cursor *pages;
	uint8_t *stored; /* of each key: whether it is */
	uint64_t keys, events;
};

/* Objects have moved; the probes see where to when they are read. */
static int read_all(struct play *p, struct err *err)
{
	uint64_t key;
	int ret = 0;

	for (key = 0; !ret && key < p->keys; key++)
		if (p->stored[key])
			ret = p->user->load(key, err);
	return ret;
}

static int play_event(struct play *p, const struct zlt_batch *b, size_t i,
		      struct err *err)
{
	uint32_t key = b->key[i];
	const void *page;
	int ret;

	switch (b->op[i]) {
	case ZLT_STORE:
		ret = zlt_content(p->pages, b->object[i], &page, err);
		p->stored[key] = 1;
		return ret ?: p->user->store(key, page, err);
	case ZLT_LOAD:
		return p->stored[key] ? p->user->load(key, err) : 0;
	case ZLT_INVALIDATE:
		p->stored[key] = 0;
		return p->user->drop(key, err);
	case ZLT_COMPACT:
		if (!p->user->compact)
			return 0;
		ret = p->user->compact(err);
		return ret ?: read_all(p, err);
	default:
		checkpoint(p->user, b->labels[b->object[i]]);
		return 0;
	}
}

static int play_all(struct play *p, struct zlt_reader *r, struct err *err)
{
	struct zlt_batch b;
	size_t i;
	int ret;

	checkpoint(p->user, "start");
	while ((ret = zlt_next(r, &b, err)) > 0) {
		for (i = 0; i < b.count; i++) {
			ret = play_event(p, &b, i, err);
			if (ret)
				return ret;
			if (++p->events % DRAIN_EVERY == 0)
				probes_drain();
		}
	}
	if (!ret)
		checkpoint(p->user, "end");
	return ret;
}

int play_trace(const struct guest_user *user, const struct guest_plan *plan,
	       uint64_t *events, struct err *err)
{
	struct zlt_reader *r = zlt_open(plan->trace, 0, err);
	struct play p = { .user = user };
	int ret = -ENOMEM;

	if (!r)
		return -errno;
	p.keys = zlt_info(r)->keys;
	p.pages = zlt_cursor_open(r, 0, err);
	if (!p.pages) {
		ret = -errno;
		goto out_reader;
	}
	p.stored = calloc(p.keys + 1, 1);
	if (!p.stored) {
		err_set(err, ret, "no memory for %llu keys",
			(unsigned long long)p.keys);
		goto out_pages;
	}
	ret = user->begin(plan, p.keys, err) ?: play_all(&p, r, err);
	*events = p.events;
	free(p.stored);
out_pages:
	zlt_cursor_close(p.pages);
out_reader:
	zlt_reader_close(r);
	return ret;
}
