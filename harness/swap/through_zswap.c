// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The swap path's operations through the zswap front end. Here the slots only
 * record what each load should return.
 */
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "harness/swap/hooks.h"
#include "harness/swap/page.h"
#include "harness/swap/swap_internal.h"

static void begin(struct swap_cpu *c, bool timed)
{
	if (!timed)
		return;
	stage_begin(&c->clock, STAGE_FRONT);
	zswap_time(c->swap->zswap, &c->clock);
}

static void end(struct swap_cpu *c, uint8_t op, bool timed)
{
	if (!timed)
		return;
	zswap_time(c->swap->zswap, NULL);
	swap_note_sample(c, op);
}

/*
 * Get the page of a content, or the object's bytes when nothing is compressed.
 * A made-up object is cut from the pattern.
 */
static int page_of(struct swap_cpu *c, uint32_t object, uint32_t *content,
		   const void **page, size_t *length)
{
	const struct swap_config *config = &c->swap->config;

	*content = object;
	*length = 0;
	if (config->object == SWAP_PAGES)
		return zlt_content(c->cursor, object, page, &c->err);
	*page = c->page;
	if (config->object == SWAP_SIZES) {
		*content = c->next_content++;
		*length = object;
	} else if (config->infos && config->infos[object].same_filled) {
		page_fill(c->page, config->infos[object].fill);
		return 0;
	} else {
		*length = config->sizes[object];
	}
	if (!*length)
		return err_set(&c->err, -ENODATA,
			       "the trace's table of sizes says nothing of "
			       "content %u",
			       object);
	if (*length > CODEC_PAGE_SIZE)
		*length = CODEC_PAGE_SIZE;
	memcpy(c->page, swap_made_up(c->swap, *content), *length);
	return 0;
}

static int store(struct swap_cpu *c, uint32_t key, uint32_t object, bool timed)
{
	struct swap *s = c->swap;
	struct swap_slot *slot = &s->slots[key];
	const void *page;
	uint32_t content;
	size_t length;
	int ret;

	ret = page_of(c, object, &content, &page, &length);
	if (ret)
		return ret;
	if (s->config.drop_unchanged && s->config.object != SWAP_SIZES &&
	    slot->flags && slot->content == content) {
		c->counts.unchanged++;
		return 0;
	}
	begin(c, timed);
	hook_begin(HOOK_STORE);
	ret = zswap_store(s->zswap, key, page, length);
	hook_end(HOOK_STORE);
	end(c, ZLT_STORE, timed);
	if (ret == -EBADF)
		return SWAP_NO_HANDLE;
	slot->content = content;
	slot->length = (uint16_t)length;
	slot->flags = ret ? 0 : SWAP_LIVE;
	return 0;
}

static int changed(struct swap_cpu *c, uint32_t key, const char *how)
{
	const struct swap_slot *slot = &c->swap->slots[key];

	return err_set(&c->err, -EIO,
		       "zswap over %s %s: slot %u, content %u, %u bytes",
		       c->swap->pools.at[0]->spec, how, key, slot->content,
		       slot->length);
}

static int verify(struct swap_cpu *c, uint32_t key)
{
	const struct swap_slot *slot = &c->swap->slots[key];
	const struct swap_config *config = &c->swap->config;
	uint64_t hash;
	bool same;

	c->counts.verified++;
	if (slot->length) {
		same = !memcmp(c->page, swap_made_up(c->swap, slot->content),
			       slot->length);
	} else {
		hash = XXH3_128bits(c->page, CODEC_PAGE_SIZE).low64;
		same = hash == config->infos[slot->content].hash;
	}
	return same ? 0 : changed(c, key, "gave back another page");
}

static int load(struct swap_cpu *c, uint32_t key, bool timed)
{
	struct swap *s = c->swap;
	struct swap_slot *slot = &s->slots[key];
	int ret;

	begin(c, timed);
	ret = zswap_load(s->zswap, key, c->page);
	end(c, ZLT_LOAD, timed);
	if (s->config.exclusive)
		slot->flags = 0;
	if (ret == -ENOENT) {
		c->counts.load_miss++;
		return 0;
	}
	if (ret == -ENODATA)
		return 0;
	if (ret)
		return changed(c, key, "cannot give the page back");
	if (s->config.verify && s->pools.contents &&
	    (slot->length || s->config.infos))
		return verify(c, key);
	return 0;
}

static int invalidate(struct swap_cpu *c, uint32_t key, bool timed)
{
	struct swap_slot *slot = &c->swap->slots[key];

	if (!slot->flags)
		c->counts.invalidate_miss++;
	begin(c, timed);
	zswap_invalidate(c->swap->zswap, key);
	end(c, ZLT_INVALIDATE, timed);
	slot->flags = 0;
	return 0;
}

uint64_t swap_reclaim(struct swap *s, struct swap_times *times)
{
	struct stage_clock mine = { .cur = STAGE_OFF }, *clock = &mine;
	uint64_t written;
	int i;

	if (!s->zswap || !zswap_reclaim_queued(s->zswap))
		return 0;
	stage_begin(clock, STAGE_FRONT);
	zswap_time(s->zswap, clock);
	written = zswap_reclaim(s->zswap);
	zswap_time(s->zswap, NULL);
	stage_end(clock);
	for (i = 0; i < STAGES; i++)
		times->reclaim_ns[i] += clock->ns[i];
	return written;
}

static void after(struct swap_cpu *c)
{
	struct swap *s = c->swap;

	if (s->settle_op)
		swap_settle(s);
	if (s->config.reclaim_here)
		swap_reclaim(s, &c->times);
}

ssize_t swap_through_zswap(struct swap_cpu *c, const uint8_t *op,
			   const uint32_t *key, const uint32_t *object,
			   size_t n)
{
	static const struct swap_ops ops = {
		.store = store,
		.load = load,
		.invalidate = invalidate,
		.after = after,
	};

	return swap_each(c, &ops, op, key, object, n);
}
