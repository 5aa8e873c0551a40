// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares lock acquisitions and metadata of two allocators on a trace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/verify/against.h"

/*
 * A class is named after the expression in the call that takes the lock. These
 * expressions differ between kernels for one and the same lock. Everything else
 * that differs is a difference.
 */
static const struct against_rename renames[] = {
	{ "(unsigned long *)handle", "handle",
	  "up to 5.16: the bit in the handle's word that pins an object" },
	{ "pool->lock-R", "pool->migrate_lock-R",
	  "from 6.15 on migrate_lock is called lock" },
	{ "pool->lock-W", "pool->migrate_lock-W",
	  "from 6.15 on migrate_lock is called lock" },
	{ "zsl->lock", "zspage->lock",
	  "from 6.15 on the zspage's lock is in a structure of its own" },
	{ "(*classp)->lock", "class->lock",
	  "from 7.3 on free returns the class it locked" },
	{ "zhdr->slots->lock-W", "slots->lock-W",
	  "z3fold reaches a page's slots also through the page" },
};
#define NR_RENAMES (sizeof(renames) / sizeof(renames[0]))
_Static_assert(NR_RENAMES <= AGAINST_RENAMES, "each is noted at most once");

static const char *canonical(struct against_result *r, const char *name)
{
	size_t i, k;

	for (i = 0; i < NR_RENAMES; i++) {
		if (strcmp(renames[i].theirs, name))
			continue;
		for (k = 0; k < r->nr_renamed; k++)
			if (r->renamed[k] == &renames[i])
				return renames[i].ours;
		r->renamed[r->nr_renamed++] = &renames[i];
		return renames[i].ours;
	}
	return name;
}

static void add(struct against_result *r, const char *name, bool is_lock,
		int side, uint64_t value)
{
	struct against_row *row = r->rows;

	while (row < r->rows + r->nr_rows &&
	       (row->is_lock != is_lock || strcmp(row->name, name)))
		row++;
	if (row == r->rows + r->nr_rows) {
		row->name = name;
		row->is_lock = is_lock;
		r->nr_rows++;
	}
	row->value[side] += value;
}

static void add_stats(struct against_result *r, int side,
		      const struct replay_result *res)
{
	uint64_t metadata = res->end.metadata_bytes;
	size_t i;

	for (i = 0; i < res->series.count; i++)
		if (res->series.at[i].stats.metadata_bytes > metadata)
			metadata = res->series.at[i].stats.metadata_bytes;
	add(r, "metadata bytes, at the end", false, side,
	    res->end.metadata_bytes);
	add(r, "metadata bytes, most", false, side, metadata);
	add(r, "pages, at the end", false, side, res->end.pages);
	add(r, "pages, most", false, side, res->end.pages_peak);
	add(r, "pages freed by compaction", false, side, res->compacted_pages);
	add(r, "stores refused", false, side,
	    res->counts.reject_compress_poor + res->counts.reject_alloc_fail);
}

static int replay_side(const struct against_config *config, int side,
		       struct against_result *r, struct err *err)
{
	struct replay_config replay = {
		.trace = config->trace,
		.codec = config->codec,
		.threads = 1,
		.compact_every = config->compact_every,
		.compact_at_end = true,
		.swap = { .backend = config->backend[side],
			  .pools = 1,
			  .exclusive = true,
			  .same_filled = true,
			  .verify = true,
			  .seed = 1 },
	};
	struct replay_result res;
	size_t i;
	int ret;

	ret = replay_run(&replay, &res, err);
	if (!ret) {
		snprintf(r->backend[side], sizeof(r->backend[side]), "%s",
			 res.backend);
		snprintf(r->codec, sizeof(r->codec), "%s", res.codec);
		r->events = res.events;
		for (i = 0; i < res.nr_locks; i++)
			add(r, canonical(r, res.locks[i].name), true, side,
			    res.locks[i].acquisitions);
		add_stats(r, side, &res);
	}
	replay_result_free(&res);
	return ret;
}

static int by_name(const void *a, const void *b)
{
	const struct against_row *x = a, *y = b;

	if (x->is_lock != y->is_lock)
		return x->is_lock ? -1 : 1;
	return strcmp(x->name, y->name);
}

int against_run(const struct against_config *config, struct against_result *r,
		struct err *err)
{
	size_t i;
	int ret, side;

	memset(r, 0, sizeof(*r));
#ifdef SYNC_NO_STATS
	return err_set(
		err, -ENOTSUP,
		"this zlab was built with STATS=off and counts no locks");
#endif
	for (side = 0; side < AGAINST_SIDES; side++) {
		ret = replay_side(config, side, r, err);
		if (ret)
			return ret;
	}
	qsort(r->rows, r->nr_rows, sizeof(r->rows[0]), by_name);
	for (i = 0; i < r->nr_rows; i++)
		r->differences += r->rows[i].value[0] != r->rows[i].value[1];
	return 0;
}
