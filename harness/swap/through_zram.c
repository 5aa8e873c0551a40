// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The swap path's operations on a zram disk, which is swap: a key is a slot, and
 * a slot that is freed is told to the disk. Here the slots only record what each
 * load should return.
 */
#include <errno.h>

#include "harness/swap/hooks.h"
#include "harness/swap/page.h"
#include "harness/swap/swap_internal.h"

static void begin(struct swap_cpu *c, bool timed)
{
	if (!timed)
		return;
	stage_begin(&c->clock, STAGE_FRONT);
	zram_disk_time(c->swap->zram, &c->clock);
}

static void end(struct swap_cpu *c, uint8_t op, bool timed)
{
	if (!timed)
		return;
	zram_disk_time(c->swap->zram, NULL);
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
	ret = zram_disk_write(s->zram, key, page, length);
	hook_end(HOOK_STORE);
	end(c, ZLT_STORE, timed);
	if (ret == -EBADF)
		return SWAP_NO_HANDLE;
	slot->content = content;
	slot->length = (uint16_t)length;
	/* A page that cannot be written stays in memory. */
	slot->flags = ret ? 0 : SWAP_LIVE;
	return 0;
}

/* A page that is not swapped out is not read, whatever the disk still has. */
static int load(struct swap_cpu *c, uint32_t key, bool timed)
{
	struct swap *s = c->swap;
	struct swap_slot *slot = &s->slots[key];
	int ret;

	if (!slot->flags) {
		c->counts.load_miss++;
		return 0;
	}
	begin(c, timed);
	ret = zram_disk_read(s->zram, key, c->page);
	if (s->config.exclusive)
		zram_disk_free_notify(s->zram, key);
	end(c, ZLT_LOAD, timed);
	if (s->config.exclusive)
		slot->flags = 0;
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
	zram_disk_free_notify(c->swap->zram, key);
	end(c, ZLT_INVALIDATE, timed);
	slot->flags = 0;
	return 0;
}

/* What an administrator has done from time to time. */
static void do_round(struct swap_cpu *c)
{
	struct stage_clock mine = { .cur = STAGE_OFF }, *clock = &mine;
	int i;

	stage_begin(clock, STAGE_FRONT);
	zram_disk_time(c->swap->zram, clock);
	zram_disk_round(c->swap->zram);
	zram_disk_time(c->swap->zram, NULL);
	stage_end(clock);
	for (i = 0; i < STAGES; i++)
		c->times.reclaim_ns[i] += clock->ns[i];
}

static void after(struct swap_cpu *c)
{
	struct swap *s = c->swap;
	long long every = s->config.zram->params.every;

	if (s->settle_op)
		swap_settle(s);
	if (!every || ++c->since_round < every)
		return;
	c->since_round = 0;
	do_round(c);
}

ssize_t swap_through_zram(struct swap_cpu *c, const uint8_t *op,
			  const uint32_t *key, const uint32_t *object, size_t n)
{
	static const struct swap_ops ops = {
		.store = store,
		.load = load,
		.invalidate = invalidate,
		.after = after,
	};

	return swap_each(c, &ops, op, key, object, n);
}
