// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The swap path's operations on a device outside this program. Here the slots
 * only record what each load should return.
 */
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "harness/swap/hooks.h"
#include "harness/swap/page.h"
#include "harness/swap/swap_internal.h"

/* Any word that is not 0, which a device may treat like a page never stored. */
#define BLANK 0x5a5a5a5a5a5a5a5aul

static int failed(struct swap_cpu *c, const char *what, uint32_t key, int ret)
{
	return err_set(&c->err, ret, "the device fails to %s page %u: %s", what,
		       key, strerror(-ret));
}

static int take(struct swap_cpu *c, uint32_t content)
{
	const void *page;
	int ret;

	if (c->swap->config.device->blank) {
		page_fill(c->aligned, BLANK);
		return 0;
	}
	ret = zlt_content(c->cursor, content, &page, &c->err);
	if (!ret)
		memcpy(c->aligned, page, CODEC_PAGE_SIZE);
	return ret;
}

static int verify(struct swap_cpu *c, uint32_t key)
{
	const struct swap_slot *slot = &c->swap->slots[key];
	uint64_t hash = XXH3_128bits(c->aligned, CODEC_PAGE_SIZE).low64;

	c->counts.verified++;
	if (hash == c->swap->config.infos[slot->content].hash)
		return 0;
	return err_set(&c->err, -EIO,
		       "the device gave back another page: key %u, content %u",
		       key, slot->content);
}

static int store(struct swap_cpu *c, uint32_t key, uint32_t object, bool timed)
{
	const struct swap_device *d = c->swap->config.device;
	struct swap_slot *slot = &c->swap->slots[key];
	int ret = take(c, object);

	if (ret)
		return ret;
	if (timed)
		stage_begin(&c->clock, STAGE_FRONT);
	ret = d->store(d->arg, key, c->aligned);
	if (ret)
		return failed(c, "store", key, ret);
	if (timed)
		swap_note_sample(c, ZLT_STORE);
	slot->content = object;
	slot->flags = SWAP_LIVE;
	return 0;
}

static int load(struct swap_cpu *c, uint32_t key, bool timed)
{
	const struct swap_config *config = &c->swap->config;
	const struct swap_device *d = config->device;
	int ret;

	if (timed)
		stage_begin(&c->clock, STAGE_FRONT);
	ret = d->load(d->arg, key, c->aligned);
	if (ret)
		return failed(c, "load", key, ret);
	if (timed)
		swap_note_sample(c, ZLT_LOAD);
	if (!c->swap->slots[key].flags) {
		c->counts.load_miss++;
		return 0;
	}
	return config->verify && config->infos && !d->blank ? verify(c, key)
							    : 0;
}

static int discard(struct swap_cpu *c, uint32_t key, bool timed)
{
	const struct swap_device *d = c->swap->config.device;
	struct swap_slot *slot = &c->swap->slots[key];
	int ret;

	if (!slot->flags)
		c->counts.invalidate_miss++;
	if (timed)
		stage_begin(&c->clock, STAGE_FRONT);
	ret = d->discard(d->arg, key);
	if (ret)
		return failed(c, "discard", key, ret);
	if (timed)
		swap_note_sample(c, ZLT_INVALIDATE);
	slot->flags = 0;
	return 0;
}

ssize_t swap_through_device(struct swap_cpu *c, const uint8_t *op,
			    const uint32_t *key, const uint32_t *object,
			    size_t n)
{
	static const struct swap_ops ops = {
		.store = store,
		.load = load,
		.invalidate = discard,
	};

	return swap_each(c, &ops, op, key, object, n);
}
