// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

#include "harness/swap/swap.h"
#include "lib/random.h"

#define HUGE_ALIGN (2ul << 20)

/* Bytes that made-up objects are cut from, at an offset by their content. */
static int make_pattern(struct swap *s)
{
	uint64_t state = s->config.seed;

	s->pattern = malloc(SWAP_PATTERN_SIZE + CODEC_DST_SIZE);
	if (!s->pattern)
		return -ENOMEM;
	random_fill(s->pattern, SWAP_PATTERN_SIZE + CODEC_DST_SIZE, &state);
	return 0;
}

/*
 * Huge pages keep a large table's lookups from being a test of the TLB.
 */
static int make_slots(struct swap *s)
{
	size_t bytes = s->config.keys * sizeof(struct swap_slot);

	s->slots_bytes = (bytes | 4095) + 1;
	s->slots = mmap(NULL, s->slots_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->slots == MAP_FAILED) {
		s->slots = NULL;
		return -ENOMEM;
	}
	if (s->slots_bytes >= HUGE_ALIGN)
		madvise(s->slots, s->slots_bytes, MADV_HUGEPAGE);
	/* Every key is stored at some time; fault it in off the clock. */
	madvise(s->slots, bytes, MADV_POPULATE_WRITE);
	return 0;
}

static int choose_api(struct swap *s, struct err *err)
{
	const struct zpool_driver *d = s->driver;
	const char *missing = !d->obj_read_begin ? "obj_read_begin"
			      : !d->obj_write	 ? "obj_write"
						 : NULL;

	if (s->config.api == SWAP_API_OBJ && missing)
		return err_set(err, -EINVAL,
			       "backend %s has no %s; use --api map or auto",
			       d->spec.name, missing);
	s->obj_read = s->config.api != SWAP_API_MAP && d->obj_read_begin;
	s->obj_write = s->config.api != SWAP_API_MAP && d->obj_write;
	s->copy_first =
		!s->obj_read && !(s->pool[0]->caps & ZPOOL_SLEEP_MAPPED);
	return 0;
}

/* The front end has the pools; the path only looks at them. */
static int make_zswap(struct swap *s, struct err *err)
{
	struct zswap_config z = *s->config.zswap;

	z.backend = s->config.backend;
	z.pools = s->config.pools;
	z.codec = s->config.codec;
	z.sized = s->config.object != SWAP_PAGES;
	z.pool = s->config.pool;
	z.exclusive = s->config.exclusive;
	z.keep_incompressible = s->config.keep_incompressible;
	z.slots = s->config.keys;
	s->zswap = zswap_create(&z, err);
	if (!s->zswap)
		return -EINVAL;
	for (; s->nr_pools < s->config.pools; s->nr_pools++)
		s->pool[s->nr_pools] = zswap_pool(s->zswap, s->nr_pools);
	return 0;
}

static int make_pools(struct swap *s, struct err *err)
{
	if (s->config.zswap)
		return make_zswap(s, err);
	for (; s->nr_pools < s->config.pools; s->nr_pools++) {
		s->pool[s->nr_pools] =
			zpool_create(s->config.backend, &s->config.pool, err);
		if (!s->pool[s->nr_pools])
			return -EINVAL;
	}
	return 0;
}

struct swap *swap_create(const struct swap_config *config, struct err *err)
{
	struct swap *s = calloc(1, sizeof(*s));

	if (!s)
		goto nomem;
	s->config = *config;
	if (make_pools(s, err))
		goto fail;
	s->driver = s->pool[0]->driver;
	s->contents = !(s->pool[0]->caps & ZPOOL_NO_CONTENTS);
	s->settle_op = config->settle == SWAP_SETTLE_OP && s->driver->settle &&
		       s->pool[0]->caps & ZPOOL_DEFERS;
	if (config->settle == SWAP_SETTLE_KERNEL &&
	    s->pool[0]->caps & ZPOOL_DEFERS)
		s->settle_every = ZPOOL_SETTLE_EVERY;
	if (choose_api(s, err))
		goto fail;
	if (make_pattern(s) || make_slots(s))
		goto nomem;
	return s;
nomem:
	err_set(err, -ENOMEM, "out of memory for the swap slots of %llu keys",
		(unsigned long long)config->keys);
fail:
	swap_destroy(s);
	return NULL;
}

void swap_destroy(struct swap *s)
{
	unsigned i;

	if (!s)
		return;
	for (i = 0; i < s->nr_pools && !s->zswap; i++)
		zpool_destroy(s->pool[i]);
	zswap_destroy(s->zswap);
	if (s->slots)
		munmap(s->slots, s->slots_bytes);
	free(s->pattern);
	free(s);
}

struct swap_cpu *swap_cpu_create(struct swap *s, struct zlt_cursor *cursor,
				 struct err *err)
{
	struct swap_cpu *c = aligned_alloc(64, sizeof(*c));

	if (!c || (s->config.codec && codec_attach(s->config.codec))) {
		err_set(err, -ENOMEM, "out of memory for a CPU's buffers");
		free(c);
		return NULL;
	}
	memset(c, 0, sizeof(*c));
	c->swap = s;
	c->cursor = cursor;
	c->random = (uint32_t)(s->config.seed + smp_processor_id()) | 1;
	c->next_content = smp_processor_id() << 24;
	c->sample_left = s->config.sample ? 1 : 0;
	return c;
}

void swap_cpu_destroy(struct swap_cpu *c)
{
	free(c);
}

void swap_settle(struct swap *s)
{
	unsigned i;

	if (s->driver->settle)
		for (i = 0; i < s->nr_pools; i++)
			s->driver->settle(s->pool[i]);
}

uint64_t swap_compact(struct swap *s)
{
	uint64_t freed = 0;
	unsigned i;

	if (s->driver->compact)
		for (i = 0; i < s->nr_pools; i++)
			freed += s->driver->compact(s->pool[i]);
	return freed;
}

void swap_stats(const struct swap *s, struct zpool_stats *stats)
{
	struct zpool_stats one;
	unsigned i;

	*stats = (struct zpool_stats){ 0 };
	for (i = 0; i < s->nr_pools; i++) {
		s->driver->stats(s->pool[i], &one);
		stats->pages += one.pages;
		stats->pages_peak += one.pages_peak;
		stats->objects += one.objects;
		stats->object_bytes += one.object_bytes;
		stats->slots += one.slots;
		stats->metadata_bytes += one.metadata_bytes;
		stats->resident_bytes += one.resident_bytes;
		stats->compacted_pages += one.compacted_pages;
		stats->moved_objects += one.moved_objects;
		stats->moved_bytes += one.moved_bytes;
		stats->migrated_pages += one.migrated_pages;
		stats->migrate_busy += one.migrate_busy;
	}
}

int swap_validate(struct swap *s, struct err *err)
{
	unsigned i;
	int ret;

	if (s->zswap)
		return zswap_validate(s->zswap, err);
	if (!s->driver->validate)
		return 0;
	for (i = 0; i < s->nr_pools; i++) {
		ret = s->driver->validate(s->pool[i], err);
		if (ret)
			return ret;
	}
	return 0;
}

void swap_counts_add(struct swap_counts *to, const struct swap_counts *from)
{
	int i;

	for (i = 0; i < 3; i++)
		to->op[i] += from->op[i];
	to->same_filled_pages += from->same_filled_pages;
	to->reject_compress_poor += from->reject_compress_poor;
	to->reject_compress_fail += from->reject_compress_fail;
	to->reject_alloc_fail += from->reject_alloc_fail;
	to->duplicate_entry += from->duplicate_entry;
	to->unchanged += from->unchanged;
	to->incompressible += from->incompressible;
	to->load_miss += from->load_miss;
	to->invalidate_miss += from->invalidate_miss;
	to->verified += from->verified;
	to->stored_pages += READ_ONCE(from->stored_pages);
	to->stored_same += READ_ONCE(from->stored_same);
	to->object_bytes += READ_ONCE(from->object_bytes);
}

void swap_times_add(struct swap_times *to, const struct swap_times *from)
{
	int op, i;

	to->preempted += from->preempted;
	for (i = 0; i < STAGES; i++)
		to->reclaim_ns[i] += from->reclaim_ns[i];
	for (op = 0; op < 3; op++) {
		to->samples[op] += from->samples[op];
		for (i = 0; i < STAGES; i++)
			to->ns[op][i] += from->ns[op][i];
		hist_merge(&to->latency[op], &from->latency[op]);
	}
}
