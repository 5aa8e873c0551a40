// SPDX-License-Identifier: GPL-2.0-or-later
/* Creates a swap path of any form; code that the forms share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

#include "harness/swap/swap_internal.h"
#include "lib/random.h"

#define HUGE_ALIGN (2ul << 20)

/* Made-up objects are copied from this pattern; the content sets the offset. */
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
 * Huge pages keep TLB misses on a large table out of the measurement.
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
	/* Every key is stored sometime; fault all in before timing starts. */
	madvise(s->slots, bytes, MADV_POPULATE_WRITE);
	return 0;
}

/* The front end creates and owns the pools; the path only reads them. */
static int make_zswap(struct swap *s, struct err *err)
{
	struct zswap_config z = *s->config.zswap;

	z.backend = s->config.backend;
	z.pools = s->config.pools;
	z.codec = s->config.codec;
	z.sized = s->config.object != SWAP_PAGES;
	z.pool = s->config.pool;
	z.api = s->config.api;
	z.exclusive = s->config.exclusive;
	z.keep_incompressible = s->config.keep_incompressible;
	z.slots = s->config.keys;
	s->zswap = zswap_create(&z, err);
	if (!s->zswap)
		return -EINVAL;
	s->pools = *zswap_pools(s->zswap);
	s->form = swap_through_zswap;
	return 0;
}

static int make_zram(struct swap *s, struct err *err)
{
	struct zram_disk_config z = *s->config.zram;

	z.backend = s->config.backend;
	z.codec = s->config.codec;
	z.sized = s->config.object != SWAP_PAGES;
	z.same_filled = s->config.same_filled;
	z.pool = s->config.pool;
	z.api = s->config.api;
	z.pages = s->config.keys;
	s->zram = zram_disk_create(&z, err);
	if (!s->zram)
		return -EINVAL;
	s->pools = *zram_disk_pools(s->zram);
	s->form = swap_through_zram;
	return 0;
}

static int make_pools(struct swap *s, struct err *err)
{
	if (s->config.zswap)
		return make_zswap(s, err);
	if (s->config.zram)
		return make_zram(s, err);
	s->form = s->config.device ? swap_through_device
				   : swap_direct(s->config.object);
	return pools_create(&s->pools, s->config.backend, s->config.pools,
			    &s->config.pool, s->config.api, err);
}

struct swap *swap_create(const struct swap_config *config, struct err *err)
{
	struct swap *s = calloc(1, sizeof(*s));

	if (!s)
		goto nomem;
	s->config = *config;
	if (!s->config.huge_limit)
		s->config.huge_limit = CODEC_PAGE_SIZE;
	if (make_pools(s, err))
		goto fail;
	s->settle_op =
		config->settle == SWAP_SETTLE_OP && pools_defer(&s->pools);
	if (config->settle == SWAP_SETTLE_KERNEL && pools_defer(&s->pools))
		s->settle_every = ZPOOL_SETTLE_EVERY;
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
	if (!s)
		return;
	if (s->zswap)
		zswap_destroy(s->zswap);
	else if (s->zram)
		zram_disk_destroy(s->zram);
	else
		pools_destroy(&s->pools);
	if (s->slots)
		munmap(s->slots, s->slots_bytes);
	free(s->pattern);
	free(s);
}

struct swap_cpu *swap_cpu_create(struct swap *s, struct zlt_cursor *cursor,
				 struct err *err)
{
	struct swap_cpu *c = aligned_alloc(64, sizeof(*c));

	if (!c || (s->config.codec && codec_attach(s->config.codec)))
		goto nomem;
	memset(c, 0, sizeof(*c));
	if (s->config.device) {
		c->aligned = aligned_alloc(CODEC_PAGE_SIZE, CODEC_PAGE_SIZE);
		if (!c->aligned)
			goto nomem;
	}
	c->swap = s;
	c->cursor = cursor;
	c->random = (uint32_t)(s->config.seed + smp_processor_id()) | 1;
	c->next_content = smp_processor_id() << 24;
	c->sample_left = s->config.sample ? 1 : 0;
	return c;
nomem:
	err_set(err, -ENOMEM, "out of memory for a CPU's buffers");
	free(c);
	return NULL;
}

void swap_cpu_destroy(struct swap_cpu *c)
{
	if (c)
		free(c->aligned);
	free(c);
}

/* What a failed run returns. */
static ssize_t failed(struct swap_cpu *c, ssize_t ret)
{
	if (ret != SWAP_NO_HANDLE)
		return ret;
	return err_set(&c->err, -EIO,
		       "backend %s gave handle 0 in its store %llu; a handle "
		       "is not 0",
		       c->swap->pools.at[0]->spec,
		       (unsigned long long)c->counts.op[ZLT_STORE]);
}

ssize_t swap_run(struct swap_cpu *c, const uint8_t *op, const uint32_t *key,
		 const uint32_t *object, size_t n)
{
	struct swap *s = c->swap;
	unsigned every = s->settle_every;
	size_t done = 0, part;
	ssize_t ret;

	if (!every) {
		ret = s->form(c, op, key, object, n);
		return ret < 0 ? failed(c, ret) : ret;
	}
	/* In parts, so that single operations need not check for settling. */
	while (done < n) {
		part = every - c->unsettled;
		if (part > n - done)
			part = n - done;
		ret = s->form(c, op + done, key + done, object + done, part);
		if (ret < 0)
			return failed(c, ret);
		done += (size_t)ret;
		c->unsettled += (uint32_t)ret;
		if (c->unsettled == every) {
			c->unsettled = 0;
			swap_settle(s);
		}
		if ((size_t)ret < part)
			break;
	}
	return (ssize_t)done;
}

void swap_settle(struct swap *s)
{
	pools_settle(&s->pools);
}

bool swap_compacts(const struct swap *s)
{
	return s->config.device ? s->config.device->compact != NULL
				: pools_driver(&s->pools)->compact != NULL;
}

uint64_t swap_compact(struct swap *s)
{
	const struct swap_device *d = s->config.device;

	return d ? d->compact(d->arg) : pools_compact(&s->pools);
}

uint64_t swap_raw(const struct swap *s)
{
	uint64_t key, n = 0;

	for (key = 0; key < s->config.keys; key++)
		n += (s->slots[key].flags & SWAP_RAW) != 0;
	return n;
}

void swap_stats(const struct swap *s, struct zpool_stats *stats)
{
	const struct swap_device *d = s->config.device;

	if (d)
		d->stats(d->arg, stats);
	else
		pools_stats(&s->pools, stats);
}

int swap_validate(struct swap *s, struct err *err)
{
	if (s->zram)
		return zram_disk_validate(s->zram, err);
	return s->zswap ? zswap_validate(s->zswap, err)
			: pools_validate(&s->pools, err);
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
