// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Store, load and invalidate directly on the allocator. Each is compiled for
 * every kind of object, with and without the clock, so that an operation that
 * is not timed has no cost of timing.
 */
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "harness/swap/hooks.h"
#include "harness/swap/page.h"
#include "harness/swap/swap_internal.h"

#define hot static inline __attribute__((always_inline))
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A slot is prefetched this many operations ahead. */
#define AHEAD 16

hot void enter(struct swap_cpu *c, bool timed, enum stage stage)
{
	if (timed)
		stage_switch(&c->clock, stage);
}

/* Add to a counter that other CPUs may read at the same time. */
hot void tally(int64_t *v, int64_t add)
{
	WRITE_ONCE(*v, *v + add);
}

hot struct zpool *pool_of(const struct swap *s, uint32_t key)
{
	if (!unlikely(s->pools.nr > 1))
		return s->pools.at[0];
	return s->pools.at[pools_index(&s->pools, key)];
}

/*
 * Free what a slot holds, if anything; the caller then fills or empties the
 * slot. @refilled is 1 when the caller fills the slot again, else 0.
 */
hot void release(struct swap_cpu *c, const struct swap_slot *slot,
		 struct zpool *pool, int64_t refilled, int64_t bytes,
		 bool timed)
{
	if (!slot->flags) {
		if (refilled)
			tally(&c->counts.stored_pages, refilled);
	} else if (slot->flags & SWAP_SAME) {
		tally(&c->counts.stored_same, -1);
		if (!refilled)
			tally(&c->counts.stored_pages, -1);
	} else {
		bytes -= slot->length;
		enter(c, timed, STAGE_ALLOC);
		pool->driver->free(pool, slot->handle);
		enter(c, timed, STAGE_FRONT);
		if (!refilled)
			tally(&c->counts.stored_pages, -1);
	}
	if (bytes)
		tally(&c->counts.object_bytes, bytes);
}

hot void empty(struct swap_cpu *c, struct swap_slot *slot, struct zpool *pool,
	       bool timed)
{
	release(c, slot, pool, 0, 0, timed);
	slot->flags = 0;
}

hot bool same_filled(struct swap *s, uint32_t content, const void *page,
		     enum swap_object kind, unsigned long *fill)
{
	if (!s->config.same_filled || kind == SWAP_SIZES)
		return false;
	if (kind == SWAP_PAGES)
		return page_same_filled(page, fill);
	if (!s->config.infos || !s->config.infos[content].same_filled)
		return false;
	*fill = s->config.infos[content].fill;
	return true;
}

static int no_size(struct swap_cpu *c, uint32_t content)
{
	return err_set(&c->err, -ENODATA,
		       "the trace's table of sizes says nothing of content %u",
		       content);
}

/*
 * Make the object of a store: its bytes and their number. Return: 1 when the
 * store is to be rejected, or a negative errno.
 */
hot int make_object(struct swap_cpu *c, uint32_t object, const void *page,
		    enum swap_object kind, const void **src, size_t *len,
		    uint32_t *content, uint16_t *flags)
{
	struct swap *s = c->swap;
	int ret;

	*content = object;
	if (kind == SWAP_SIZES) {
		*content = c->next_content++;
		*src = swap_made_up(s, *content);
		*len = object;
		return 0;
	}
	if (kind == SWAP_TABLE) {
		*src = swap_made_up(s, object);
		*len = s->config.sizes[object];
		if (unlikely(!*len))
			return no_size(c, object);
	} else {
		ret = codec_compress(s->config.codec, page, c->object);
		if (unlikely(ret < 0)) {
			c->counts.reject_compress_fail++;
			return 1;
		}
		*src = c->object;
		*len = (size_t)ret;
	}
	if (unlikely(*len >= s->config.huge_limit)) {
		if (!s->config.keep_incompressible) {
			c->counts.reject_compress_poor++;
			return 1;
		}
		c->counts.incompressible++;
		*flags |= SWAP_RAW;
		*len = CODEC_PAGE_SIZE;
		if (kind == SWAP_PAGES)
			*src = page;
	}
	return 0;
}

hot int store(struct swap_cpu *c, struct zpool *pool, uint32_t key,
	      uint32_t object, enum swap_object kind, bool timed)
{
	struct swap *s = c->swap;
	struct swap_slot *slot = &s->slots[key];
	const void *page = NULL, *src = NULL;
	unsigned long handle, fill;
	uint16_t flags = SWAP_LIVE;
	uint32_t content;
	size_t len = 0;
	int ret;

	c->counts.op[ZLT_STORE]++;
	if (kind == SWAP_PAGES) {
		ret = zlt_content(c->cursor, object, &page, &c->err);
		if (unlikely(ret))
			return ret;
	}
	if (timed)
		stage_begin(&c->clock, STAGE_FRONT);
	if (slot->flags) {
		if (kind != SWAP_SIZES && s->config.drop_unchanged &&
		    slot->content == object) {
			c->counts.unchanged++;
			return 0;
		}
		c->counts.duplicate_entry++;
		if (kind != SWAP_SIZES && unlikely(s->config.free_first))
			empty(c, slot, pool, timed);
	}
	if (same_filled(s, object, page, kind, &fill)) {
		release(c, slot, pool, 1, 0, timed);
		*slot = (struct swap_slot){ fill, object, 0,
					    SWAP_LIVE | SWAP_SAME };
		c->counts.same_filled_pages++;
		tally(&c->counts.stored_same, 1);
		return 0;
	}
	enter(c, timed, STAGE_CODEC);
	ret = make_object(c, object, page, kind, &src, &len, &content, &flags);
	if (unlikely(ret < 0))
		return ret;
	if (unlikely(ret)) {
		enter(c, timed, STAGE_FRONT);
		goto stale;
	}
	hook_codec(NULL, false, len);
	enter(c, timed, STAGE_ALLOC);
	ret = pool->driver->malloc(pool, len, &handle);
	if (unlikely(ret)) {
		if (ret == -ENOSPC)
			c->counts.reject_compress_poor++;
		else
			c->counts.reject_alloc_fail++;
		enter(c, timed, STAGE_FRONT);
		goto stale;
	}
	if (unlikely(!handle))
		return SWAP_NO_HANDLE;
	zpool_write(pool, handle, src, len);
	enter(c, timed, STAGE_FRONT);
	release(c, slot, pool, 1, (int64_t)len, timed);
	*slot = (struct swap_slot){ handle, content, (uint16_t)len, flags };
	return 0;
stale:
	empty(c, slot, pool, timed);
	return 0;
}

static int changed(struct swap_cpu *c, uint32_t key,
		   const struct swap_slot *slot, const char *how)
{
	return err_set(&c->err, -EIO,
		       "backend %s %s: key %u, content %u, %u bytes, handle "
		       "%#lx",
		       c->swap->pools.at[0]->spec, how, key, slot->content,
		       slot->length, slot->handle);
}

/* Make the object of a slot again, from the trace's contents. */
static int recompress(struct swap_cpu *c, const struct swap_slot *slot)
{
	const void *page;
	int ret = zlt_content(c->cursor, slot->content, &page, &c->err);

	if (ret)
		return ret;
	if (slot->flags & SWAP_RAW) {
		memcpy(c->object, page, CODEC_PAGE_SIZE);
		return 0;
	}
	ret = codec_compress(c->swap->config.codec, page, c->object);
	return ret < 0 ? err_set(&c->err, ret, "the codec failed") : 0;
}

hot int read_page(struct swap_cpu *c, uint32_t key,
		  const struct swap_slot *slot, struct zpool *pool, bool timed)
{
	struct swap *s = c->swap;
	void *mem, *src;
	int ret = 0;

	enter(c, timed, STAGE_ALLOC);
	src = mem = zpool_read_begin(pool, slot->handle, slot->length, c->copy);
	if (unlikely(!s->pools.contents)) {
		enter(c, timed, STAGE_OFF);
		ret = recompress(c, slot);
		if (ret)
			return ret;
		src = c->object;
	} else if (s->pools.copy_first) {
		src = memcpy(c->copy, mem, slot->length);
		zpool_read_end(pool, slot->handle, slot->length, mem);
	}
	enter(c, timed, STAGE_CODEC);
	hook_codec(NULL, true, slot->length);
	if (slot->flags & SWAP_RAW)
		memcpy(c->page, src, CODEC_PAGE_SIZE);
	else
		ret = codec_decompress(s->config.codec, src, slot->length,
				       c->page);
	enter(c, timed, STAGE_ALLOC);
	if (!s->pools.copy_first || !s->pools.contents)
		zpool_read_end(pool, slot->handle, slot->length, mem);
	enter(c, timed, STAGE_FRONT);
	if (unlikely(ret))
		return changed(c, key, slot,
			       "gave back what cannot be expanded");
	return 0;
}

hot int read_made_up(struct swap_cpu *c, uint32_t key,
		     const struct swap_slot *slot, struct zpool *pool,
		     bool timed)
{
	struct swap *s = c->swap;
	int differs = 0;
	void *mem;

	enter(c, timed, STAGE_ALLOC);
	mem = zpool_read_begin(pool, slot->handle, slot->length, c->copy);
	hook_codec(timed ? &c->clock : NULL, true, slot->length);
	if (s->config.verify && s->pools.contents) {
		enter(c, timed, STAGE_OFF);
		differs = memcmp(mem, swap_made_up(s, slot->content),
				 slot->length);
		c->counts.verified++;
		enter(c, timed, STAGE_ALLOC);
	}
	zpool_read_end(pool, slot->handle, slot->length, mem);
	enter(c, timed, STAGE_FRONT);
	if (unlikely(differs))
		return changed(c, key, slot, "gave back other bytes");
	return 0;
}

/* @slot: a copy of the slot from before the load. */
static int verify_page(struct swap_cpu *c, uint32_t key,
		       const struct swap_slot *slot)
{
	uint64_t hash = XXH3_128bits(c->page, CODEC_PAGE_SIZE).low64;

	c->counts.verified++;
	if (hash != c->swap->config.infos[slot->content].hash)
		return changed(c, key, slot, "gave back another page");
	return 0;
}

hot int load(struct swap_cpu *c, struct zpool *pool, uint32_t key,
	     enum swap_object kind, bool timed)
{
	struct swap *s = c->swap;
	struct swap_slot *slot = &s->slots[key], held;
	int ret = 0;

	c->counts.op[ZLT_LOAD]++;
	if (timed)
		stage_begin(&c->clock, STAGE_FRONT);
	held = *slot;
	if (!held.flags) {
		c->counts.load_miss++;
		return 0;
	}
	if (held.flags & SWAP_SAME) {
		page_fill(c->page, held.handle);
	} else if (kind == SWAP_PAGES) {
		ret = read_page(c, key, &held, pool, timed);
	} else {
		ret = read_made_up(c, key, &held, pool, timed);
	}
	if (unlikely(ret))
		return ret;
	if (s->config.exclusive)
		empty(c, slot, pool, timed);
	if (kind == SWAP_PAGES && s->config.verify && s->config.infos) {
		enter(c, timed, STAGE_OFF);
		ret = verify_page(c, key, &held);
		enter(c, timed, STAGE_FRONT);
	}
	return ret;
}

hot int invalidate(struct swap_cpu *c, struct zpool *pool, uint32_t key,
		   bool timed)
{
	struct swap_slot *slot = &c->swap->slots[key];

	c->counts.op[ZLT_INVALIDATE]++;
	if (timed)
		stage_begin(&c->clock, STAGE_FRONT);
	if (slot->flags)
		empty(c, slot, pool, timed);
	else
		c->counts.invalidate_miss++;
	return 0;
}

hot int perform(struct swap_cpu *c, uint8_t op, uint32_t key, uint32_t object,
		enum swap_object kind, bool timed)
{
	struct swap *s = c->swap;
	struct zpool *pool = pool_of(s, key);
	int ret;

	hook_operation(op == ZLT_STORE);
	if (op == ZLT_STORE)
		ret = store(c, pool, key, object, kind, timed);
	else if (op == ZLT_LOAD)
		ret = load(c, pool, key, kind, timed);
	else
		ret = invalidate(c, pool, key, timed);
	if (s->settle_op) {
		enter(c, timed, STAGE_ALLOC);
		pool->driver->settle(pool);
	}
	return ret;
}

#define FORM(name, kind)                                                       \
	static __attribute__((noinline)) int name##_timed(                     \
		struct swap_cpu *c, uint8_t op, uint32_t key, uint32_t object) \
	{                                                                      \
		int ret;                                                       \
                                                                               \
		c->sample_left = swap_next_sample(c);                          \
		ret = perform(c, op, key, object, kind, true);                 \
		if (!ret)                                                      \
			swap_note_sample(c, op);                               \
		return ret;                                                    \
	}                                                                      \
                                                                               \
	static ssize_t name(struct swap_cpu *c, const uint8_t *op,             \
			    const uint32_t *key, const uint32_t *object,       \
			    size_t n)                                          \
	{                                                                      \
		const struct swap_slot *slots = c->swap->slots;                \
		size_t i;                                                      \
		int ret;                                                       \
                                                                               \
		for (i = 0; i < n; i++) {                                      \
			if (unlikely(op[i] > ZLT_INVALIDATE))                  \
				break;                                         \
			if (i + AHEAD < n)                                     \
				__builtin_prefetch(&slots[key[i + AHEAD]], 1); \
			if (unlikely(!--c->sample_left))                       \
				ret = name##_timed(c, op[i], key[i],           \
						   object[i]);                 \
			else                                                   \
				ret = perform(c, op[i], key[i], object[i],     \
					      kind, false);                    \
			if (unlikely(ret))                                     \
				return ret;                                    \
		}                                                              \
		return (ssize_t)i;                                             \
	}

FORM(direct_sizes, SWAP_SIZES)
FORM(direct_table, SWAP_TABLE)
FORM(direct_pages, SWAP_PAGES)

swap_form_t swap_direct(enum swap_object kind)
{
	static const swap_form_t forms[] = { [SWAP_SIZES] = direct_sizes,
					     [SWAP_TABLE] = direct_table,
					     [SWAP_PAGES] = direct_pages };

	return forms[kind];
}
