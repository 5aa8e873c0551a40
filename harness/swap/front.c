// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the forms through a front end share: the pages of a trace, and whether a
 * load gave back the right one. Their slots only record what each load should
 * return.
 */
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "harness/swap/page.h"
#include "harness/swap/swap_internal.h"

int swap_front_page(struct swap_cpu *c, uint32_t object, uint32_t *content,
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
	} else if (config->infos && config->infos[object].same_filled &&
		   (config->same_filled || !c->swap->zram)) {
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

int swap_front_changed(struct swap_cpu *c, uint32_t key, const char *how)
{
	const struct swap_slot *slot = &c->swap->slots[key];

	return err_set(&c->err, -EIO,
		       "%s over %s %s: slot %u, content %u, %u bytes",
		       c->swap->zram ? "zram" : "zswap",
		       c->swap->pools.at[0]->spec, how, key, slot->content,
		       slot->length);
}

int swap_front_verify(struct swap_cpu *c, uint32_t key)
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
	return same ? 0 : swap_front_changed(c, key, "gave back another page");
}
