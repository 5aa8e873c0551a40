// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the comparison with operations from a trace or from a seed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/verify/placement.h"
#include "lib/random.h"
#include "traces/source.h"

static void trace_event(struct placement *p, const struct zlt_batch *b,
			size_t i, const uint16_t *sizes)
{
	size_t size;

	switch (b->op[i]) {
	case ZLT_STORE:
		size = sizes ? sizes[b->object[i]] : b->object[i];
		/* An incompressible page goes to the disk. */
		if (sizes && size >= ZLT_PAGE_SIZE)
			placement_free(p, b->key[i]);
		else
			placement_store(p, b->key[i], size);
		break;
	case ZLT_LOAD:
		/* Loads are exclusive, as in zswap since 6.9. */
		if (placement_load(p, b->key[i]))
			placement_free(p, b->key[i]);
		break;
	case ZLT_INVALIDATE:
		placement_free(p, b->key[i]);
		break;
	case ZLT_COMPACT:
		placement_compact(p);
		break;
	default:
		placement_settle(p);
		break;
	}
}

static int trace_sizes(struct source *s, const char *codec,
		       const uint16_t **sizes, struct err *err)
{
	const struct zlt_info *info = source_info(s);

	*sizes = NULL;
	if (info->objects == ZLT_OBJECT_SIZES)
		return 0;
	if (!codec && !info->codec_count)
		return err_set(err, -ENOENT,
			       "%s has no sizes of any codec; record it with "
			       "--sizes lz4",
			       info->path);
	return zlt_sizes(source_file(s), codec ? codec : info->codecs[0].name,
			 sizes, err);
}

int placement_trace(const char *const spec[2], const char *path,
		    const char *codec, struct placement_result *result,
		    struct err *err)
{
	struct zpool_config config = { 0 };
	struct placement *p = NULL;
	const uint16_t *sizes;
	struct zlt_batch b;
	struct source *s = source_open(path, 0, err);
	size_t i;
	int ret;

	if (!s)
		return -errno;
	ret = trace_sizes(s, codec, &sizes, err);
	if (!ret) {
		p = placement_create(spec, &config, source_info(s)->keys,
				     result, err);
		ret = p ? 0 : -EINVAL;
	}
	while (!ret) {
		ret = source_next(s, &b, err);
		if (ret <= 0)
			break;
		for (i = 0, ret = 0; i < b.count; i++)
			trace_event(p, &b, i, sizes);
	}
	if (p && !ret) {
		placement_compact(p);
		placement_settle(p);
	}
	placement_destroy(p);
	source_close(s);
	return ret;
}

static size_t below(uint64_t *state, size_t n)
{
	return (size_t)(random_splitmix(state) % n);
}

/**
 * struct pattern - what a seed chose
 * @sizes: how sizes are distributed
 * @common: sizes that are used repeatedly
 * @stores: percentage of stores in a growing phase; the rest: frees and loads
 * @phase: operations per phase; growing and shrinking phases alternate
 * @rare: one of @rare operations is a compaction, migration, work or shrink
 */
struct pattern {
	unsigned sizes;
	size_t common[16];
	unsigned stores;
	size_t phase;
	size_t rare;
};

static size_t pick_size(struct pattern *q, uint64_t *rng)
{
	/* Sizes that no allocator takes, or only some. */
	if (!below(rng, 500))
		return below(rng, 2) ? 0 : 3800 + below(rng, 400);
	switch (q->sizes) {
	case 0:
		return 1 + below(rng, 4096);
	case 1:
		return q->common[below(rng, 16)];
	case 2:
		/* Like compressed pages: mostly a tenth to a half of a page. */
		return 200 + below(rng, 1000) + below(rng, 1000) +
		       (below(rng, 10) ? 0 : below(rng, 1800));
	default:
		return 1 + below(rng, 1 + below(rng, 1 + below(rng, 4096)));
	}
}

static void rare_op(struct placement *p, uint64_t *rng, size_t objects)
{
	size_t id = below(rng, objects);

	switch (below(rng, 6)) {
	case 0:
		placement_compact(p);
		break;
	case 1:
	case 2:
		placement_migrate(p, id);
		break;
	case 3:
		placement_settle(p);
		break;
	case 4:
		placement_work(p, id);
		break;
	default:
		placement_shrink(p, 1 + (unsigned)below(rng, 3));
		break;
	}
}

int placement_random(const char *const spec[2], uint64_t seed, size_t ops,
		     struct placement_result *result, struct err *err)
{
	struct zpool_config config = { 0 };
	uint64_t rng = seed;
	struct pattern q;
	struct placement *p;
	size_t objects, i;

	q.sizes = (unsigned)below(&rng, 4);
	for (i = 0; i < 16; i++)
		q.common[i] = 1 + below(&rng, 4096);
	q.stores = 60 + (unsigned)below(&rng, 35);
	q.phase = 200 + below(&rng, 4000);
	q.rare = 200 + below(&rng, 3000);
	objects = 200 + below(&rng, 8000);
	/* Every third pool runs out of memory now and then. */
	if (!below(&rng, 3))
		config.arena.limit = 16 + below(&rng, objects / 3);
	p = placement_create(spec, &config, objects, result, err);
	if (!p)
		return -EINVAL;
	placement_unlimit_deferring(p);
	for (i = 0; i < ops; i++) {
		bool grows = i / q.phase % 2 == 0;
		size_t id = below(&rng, objects);
		unsigned dice = (unsigned)below(&rng, 100);

		if (!below(&rng, q.rare))
			rare_op(p, &rng, objects);
		if (dice < (grows ? q.stores : 100 - q.stores))
			placement_store(p, id, pick_size(&q, &rng));
		else if (dice % 4)
			placement_free(p, id);
		else
			placement_load(p, id);
	}
	placement_compact(p);
	placement_settle(p);
	for (i = 0; i < objects; i++)
		placement_free(p, i);
	placement_settle(p);
	placement_destroy(p);
	return 0;
}
