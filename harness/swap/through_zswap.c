// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The swap path's operations through the zswap front end. Here the slots only
 * record what each load should return.
 */
#include <errno.h>
#include <string.h>

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

static int store(struct swap_cpu *c, uint32_t key, uint32_t object, bool timed)
{
	struct swap *s = c->swap;
	struct swap_slot *slot = &s->slots[key];
	const void *page;
	uint32_t content;
	size_t length;
	int ret;

	ret = swap_front_page(c, object, &content, &page, &length);
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
		return swap_front_changed(c, key, "cannot give the page back");
	if (s->config.verify && s->pools.contents &&
	    (slot->length || s->config.infos))
		return swap_front_verify(c, key);
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
