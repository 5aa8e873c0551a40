// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the contents of a trace: tables of sizes, page info, and the pages
 * themselves through a cache of decoded blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "traces/zlt/reader.h"

static int load_sizes(struct zlt_reader *r, size_t table, uint16_t *sizes,
		      struct err *err)
{
	const struct block_list *list = &r->by_type[BLOCK_SIZES];
	const char *name = r->codecs[table].name;
	const uint8_t *payload, *end;
	struct column col, rest;
	uint32_t i;
	size_t len;
	int rc;

	for (i = 0; i < list->count; i++) {
		uint32_t seq = list->seq[i];
		const struct block *block = &r->blocks[seq];

		if (block->aux != table)
			continue;
		rc = read_block(r, seq, &r->aside, &payload, &len, err);
		if (rc)
			return rc;
		end = payload + len;
		if (!len || payload[0] != strlen(name) ||
		    len < 1 + strlen(name) ||
		    memcmp(payload + 1, name, strlen(name)) != 0)
			return damaged_block(r, seq, "it is of another codec",
					     err);
		payload += 1 + strlen(name);
		rc = column_next(&payload, end, &col) == 1 &&
				     column_next(&payload, end, &rest) == 0 &&
				     col.id == COLUMN_SIZE &&
				     col.count == block->count
			     ? column_get(&r->columns, &col,
					  sizes + block->first, sizeof(*sizes))
			     : -EBADMSG;
		if (rc)
			return decode_failed(r, seq, rc, err);
	}
	return 0;
}

int zlt_sizes(struct zlt_reader *r, const char *codec, const uint16_t **sizes,
	      struct err *err)
{
	uint16_t *table;
	size_t i;
	int rc;

	for (i = 0; i < r->codec_count; i++)
		if (!strcmp(r->codecs[i].name, codec))
			break;
	if (i == r->codec_count)
		return err_set(err, -ENOENT, "%s: it has no sizes for codec %s",
			       r->path, codec);
	if (!r->codecs[i].sizes) {
		table = calloc(r->info.contents + 1, sizeof(*table));
		if (!table)
			return err_set(err, -ENOMEM, "%s: out of memory",
				       r->path);
		rc = load_sizes(r, i, table, err);
		if (rc) {
			free(table);
			return rc;
		}
		r->codecs[i].sizes = table;
	}
	*sizes = r->codecs[i].sizes;
	return 0;
}

/* The three columns of a block of page info, large enough for every block. */
struct info_columns {
	uint64_t *hash;
	uint64_t *fill;
	uint8_t *flags;
};

static int decode_infos(struct zlt_reader *r, const struct block *block,
			const uint8_t *pos, const uint8_t *end,
			const struct info_columns *columns,
			struct zlt_page_info *infos)
{
	struct column hash, flags, fill, rest;
	uint32_t i, fills = 0;
	int rc;

	if (column_next(&pos, end, &hash) != 1 ||
	    column_next(&pos, end, &flags) != 1 ||
	    column_next(&pos, end, &fill) != 1 ||
	    column_next(&pos, end, &rest) != 0 || hash.id != COLUMN_HASH ||
	    flags.id != COLUMN_FLAGS || fill.id != COLUMN_FILL ||
	    hash.count != block->count || flags.count != block->count ||
	    fill.count > block->count)
		return -EBADMSG;
	rc = column_get(&r->columns, &hash, columns->hash, sizeof(uint64_t));
	if (!rc)
		rc = column_get(&r->columns, &flags, columns->flags, 1);
	if (!rc)
		rc = column_get(&r->columns, &fill, columns->fill,
				sizeof(uint64_t));
	if (rc)
		return rc;
	for (i = 0; i < block->count; i++) {
		bool same = columns->flags[i] & PAGE_SAME_FILLED;

		if (columns->flags[i] & ~PAGE_SAME_FILLED ||
		    (same && fills == fill.count))
			return -EBADMSG;
		infos[i] = (struct zlt_page_info){
			.hash = columns->hash[i],
			.fill = same ? columns->fill[fills] : 0,
			.same_filled = same,
		};
		fills += same;
	}
	return fills == fill.count ? 0 : -EBADMSG;
}

static int load_infos(struct zlt_reader *r, const struct info_columns *columns,
		      struct zlt_page_info *infos, struct err *err)
{
	const struct block_list *list = &r->by_type[BLOCK_PAGE_INFO];
	const uint8_t *payload;
	uint32_t i;
	size_t len;
	int rc;

	for (i = 0; i < list->count; i++) {
		uint32_t seq = list->seq[i];
		const struct block *block = &r->blocks[seq];

		rc = read_block(r, seq, &r->aside, &payload, &len, err);
		if (rc)
			return rc;
		rc = decode_infos(r, block, payload, payload + len, columns,
				  infos + block->first);
		if (rc)
			return decode_failed(r, seq, rc, err);
	}
	return 0;
}

static uint32_t largest_block(const struct zlt_reader *r,
			      const struct block_list *list)
{
	uint32_t max = 0, i;

	for (i = 0; i < list->count; i++)
		if (r->blocks[list->seq[i]].count > max)
			max = r->blocks[list->seq[i]].count;
	return max;
}

int zlt_page_infos(struct zlt_reader *r, const struct zlt_page_info **infos,
		   struct err *err)
{
	struct info_columns columns;
	struct zlt_page_info *table;
	size_t room;
	int rc;

	if (!r->page_infos) {
		room = (size_t)largest_block(r, &r->by_type[BLOCK_PAGE_INFO]) +
		       1;
		columns.hash = malloc(room * sizeof(*columns.hash));
		columns.fill = malloc(room * sizeof(*columns.fill));
		columns.flags = malloc(room * sizeof(*columns.flags));
		table = calloc(r->info.contents + 1, sizeof(*table));
		rc = columns.hash && columns.fill && columns.flags && table
			     ? load_infos(r, &columns, table, err)
			     : err_set(err, -ENOMEM, "%s: out of memory",
				       r->path);
		free(columns.hash);
		free(columns.fill);
		free(columns.flags);
		if (rc) {
			free(table);
			return rc;
		}
		r->page_infos = table;
	}
	*infos = r->page_infos;
	return 0;
}

/* ---- pages ------------------------------------------------------------- */

#define NO_ENTRY UINT32_MAX

/**
 * struct cache_entry - a cached block
 * @data: its decoded pages
 * @block: index among the blocks of pages, or NO_ENTRY
 * @newer: next entry towards the most recently used one, or NO_ENTRY
 * @older: next entry towards the least recently used one, or NO_ENTRY
 */
struct cache_entry {
	uint8_t *data;
	uint32_t block;
	uint32_t newer;
	uint32_t older;
};

/**
 * struct zlt_cursor - one thread's cache of decoded blocks
 * @entry_of: cache entry of each block of pages, or NO_ENTRY
 * @entries: the cache entries
 * @used: entries in use
 * @limit: entries that may be used
 * @newest: the most recently used entry
 * @oldest: the least recently used entry
 * @last: the block of the previous call, which is tried first
 */
struct zlt_cursor {
	const struct zlt_reader *r;
	ZSTD_DCtx *zstd;
	struct column_buf raw;
	uint32_t *entry_of;
	struct cache_entry *entries;
	uint32_t used;
	uint32_t limit;
	uint32_t newest;
	uint32_t oldest;
	uint32_t last;
};

struct zlt_cursor *zlt_cursor_open(struct zlt_reader *r, size_t budget,
				   struct err *err)
{
	size_t blocks = r->by_type[BLOCK_PAGES].count, limit, i;
	struct zlt_cursor *c;

	if (r->info.objects != ZLT_OBJECT_PAGES) {
		err_set(err, -EINVAL, "%s: the trace holds no page contents",
			r->path);
		errno = EINVAL;
		return NULL;
	}
	if (!budget)
		budget = ZLT_CACHE_DEFAULT;
	limit = budget / ((r->block_pages_max ?: 1) * (size_t)ZLT_PAGE_SIZE);
	if (!limit)
		limit = 1;
	if (limit > blocks)
		limit = blocks;
	c = calloc(1, sizeof(*c));
	if (c) {
		c->r = r;
		c->limit = (uint32_t)limit;
		c->newest = NO_ENTRY;
		c->oldest = NO_ENTRY;
		c->zstd = ZSTD_createDCtx();
		c->entry_of = malloc(blocks * sizeof(*c->entry_of) + 1);
		c->entries = calloc(limit + 1, sizeof(*c->entries));
	}
	if (!c || !c->zstd || !c->entry_of || !c->entries) {
		zlt_cursor_close(c);
		err_set(err, -ENOMEM, "%s: out of memory", r->path);
		errno = ENOMEM;
		return NULL;
	}
	for (i = 0; i < blocks; i++)
		c->entry_of[i] = NO_ENTRY;
	return c;
}

void zlt_cursor_close(struct zlt_cursor *c)
{
	uint32_t i;

	if (!c)
		return;
	for (i = 0; c->entries && i < c->used; i++)
		free(c->entries[i].data);
	free(c->entries);
	free(c->entry_of);
	column_buf_free(&c->raw);
	ZSTD_freeDCtx(c->zstd);
	free(c);
}

static void unlink_entry(struct zlt_cursor *c, uint32_t e)
{
	struct cache_entry *entry = &c->entries[e];

	if (entry->newer != NO_ENTRY)
		c->entries[entry->newer].older = entry->older;
	else
		c->newest = entry->older;
	if (entry->older != NO_ENTRY)
		c->entries[entry->older].newer = entry->newer;
	else
		c->oldest = entry->newer;
}

static void link_newest(struct zlt_cursor *c, uint32_t e)
{
	struct cache_entry *entry = &c->entries[e];

	entry->newer = NO_ENTRY;
	entry->older = c->newest;
	if (c->newest != NO_ENTRY)
		c->entries[c->newest].newer = e;
	else
		c->oldest = e;
	c->newest = e;
}

/* Take a cache entry to decode into: an unused one, or the oldest. */
static int take_entry(struct zlt_cursor *c, uint32_t *e)
{
	struct cache_entry *entry;

	if (c->used < c->limit) {
		entry = &c->entries[c->used];
		entry->data =
			malloc((size_t)c->r->block_pages_max * ZLT_PAGE_SIZE);
		if (!entry->data)
			return -ENOMEM;
		entry->block = NO_ENTRY;
		*e = c->used++;
	} else {
		*e = c->oldest;
		entry = &c->entries[*e];
		unlink_entry(c, *e);
		if (entry->block != NO_ENTRY)
			c->entry_of[entry->block] = NO_ENTRY;
		entry->block = NO_ENTRY;
	}
	/* Link it before decoding, so that a failed read does not lose it. */
	link_newest(c, *e);
	return 0;
}

static int decode_pages(struct zlt_cursor *c, uint32_t nr, uint32_t *e,
			struct err *err)
{
	const struct zlt_reader *r = c->r;
	uint32_t seq = r->by_type[BLOCK_PAGES].seq[nr];
	size_t size = (size_t)r->blocks[seq].count * ZLT_PAGE_SIZE, len;
	const uint8_t *payload;
	int rc;

	if (take_entry(c, e))
		return err_set(err, -ENOMEM, "%s: out of memory", r->path);
	rc = read_block(r, seq, &c->raw, &payload, &len, err);
	if (rc)
		return rc;
	if (ZSTD_decompressDCtx(c->zstd, c->entries[*e].data, size, payload,
				len) != size)
		return damaged_block(r, seq, "pages cannot be decompressed",
				     err);
	c->entries[*e].block = nr;
	c->entry_of[nr] = *e;
	return 0;
}

static bool block_holds(const struct zlt_reader *r, uint32_t nr, uint32_t id)
{
	const struct block *b = &r->blocks[r->by_type[BLOCK_PAGES].seq[nr]];

	return id - b->first < b->count;
}

static uint32_t find_pages(const struct zlt_cursor *c, uint32_t id)
{
	const struct block_list *list = &c->r->by_type[BLOCK_PAGES];
	uint32_t low = 0, high = list->count;

	if (block_holds(c->r, c->last, id))
		return c->last;
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (c->r->blocks[list->seq[mid]].first <= id)
			low = mid;
		else
			high = mid;
	}
	return low;
}

int zlt_content(struct zlt_cursor *c, uint32_t id, const void **page,
		struct err *err)
{
	const struct zlt_reader *r = c->r;
	uint32_t nr, e;
	int rc;

	if (id >= r->info.contents)
		return err_set(err, -ERANGE, "%s: no content %u; it has %llu",
			       r->path, id,
			       (unsigned long long)r->info.contents);
	nr = find_pages(c, id);
	e = c->entry_of[nr];
	if (e == NO_ENTRY) {
		rc = decode_pages(c, nr, &e, err);
		if (rc)
			return rc;
	} else if (c->newest != e) {
		unlink_entry(c, e);
		link_newest(c, e);
	}
	c->last = nr;
	*page = c->entries[e].data +
		(id - r->blocks[r->by_type[BLOCK_PAGES].seq[nr]].first) *
			ZLT_PAGE_SIZE;
	return 0;
}
