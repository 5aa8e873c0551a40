// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encoding what a writer has collected into blocks of the file.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "traces/zlt/writer.h"

int writer_fail(struct zlt_writer *w, struct err *err, int code,
		const char *what)
{
	w->failed = err_set(&w->why, code, "%s: %s: %s", w->name, what,
			    strerror(-code));
	if (err)
		*err = w->why;
	return code;
}

int writer_failed(struct zlt_writer *w, struct err *err)
{
	if (err)
		*err = w->why;
	return w->failed;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Write @w->block; after an error, truncate the file to the previous block. */
static int write_block(struct zlt_writer *w, struct err *err, const char *what)
{
	int rc = write_all(w->fd, w->block.data, w->block.len);

	if (!rc) {
		w->written += w->block.len;
		return 0;
	}
	if (w->truncates && ftruncate(w->fd, (off_t)w->written))
		w->truncates = false;
	w->failed = err_set(&w->why, rc,
			    "%s: cannot write block %u (%s) at byte %llu: %s",
			    w->name, w->seq, what,
			    (unsigned long long)w->written, strerror(-rc));
	if (err)
		*err = w->why;
	return rc;
}

static int begin_block(struct zlt_writer *w)
{
	static const struct block_head head;

	w->block.len = 0;
	return column_buf_add(&w->block, &head, sizeof(head));
}

/* Fill in the head, add the checksum, write the block, add it to the index. */
static int end_block(struct zlt_writer *w, enum block_type type, uint64_t first,
		     uint32_t count, uint32_t aux, struct err *err)
{
	struct block_head head = {
		.magic = htole32(BLOCK_MAGIC),
		.seq = htole32(w->seq),
		.length = htole32((uint32_t)(w->block.len - sizeof(head))),
		.count = htole32(count),
		.first = htole64(first),
		.aux = htole32(aux),
		.type = (uint8_t)type,
	};
	uint64_t checksum, offset = w->written;
	uint8_t type8 = (uint8_t)type;
	int rc;

	memcpy(w->block.data, &head, sizeof(head));
	checksum = htole64(XXH3_64bits(w->block.data, w->block.len));
	if (column_buf_add(&w->block, &checksum, sizeof(checksum)) ||
	    column_buf_add(&w->index_type, &type8, sizeof(type8)) ||
	    column_buf_add(&w->index_offset, &offset, sizeof(offset)) ||
	    column_buf_add(&w->index_first, &first, sizeof(first)) ||
	    column_buf_add(&w->index_count, &count, sizeof(count)) ||
	    column_buf_add(&w->index_aux, &aux, sizeof(aux)))
		return writer_fail(w, err, -ENOMEM, block_type_name(type));
	rc = write_block(w, err, block_type_name(type));
	if (rc)
		return rc;
	w->seq++;
	return 0;
}

/* Append a column to the block and count its bytes. */
static int put(struct zlt_writer *w, enum column_id id, const void *values,
	       size_t size, uint32_t count, bool delta)
{
	size_t before = w->block.len;
	int rc = column_put(&w->columns_out, &w->block, (uint8_t)id, values,
			    size, count, delta);

	w->totals.part_bytes[column_part(id)] += w->block.len - before;
	return rc;
}

int write_json(struct zlt_writer *w, enum block_type type, json_t *json,
	       struct err *err)
{
	char *text;
	int rc;

	text = json ? json_dumps(json, JSON_COMPACT) : strdup("{}");
	if (!text)
		return writer_fail(w, err, -ENOMEM, block_type_name(type));
	rc = begin_block(w);
	if (!rc)
		rc = column_buf_add(&w->block, text, strlen(text));
	free(text);
	if (rc)
		return writer_fail(w, err, rc, block_type_name(type));
	return end_block(w, type, 0, 0, 0, err);
}

int write_pages(struct zlt_writer *w, struct err *err)
{
	uint32_t count = (uint32_t)(w->pages.len / ZLT_PAGE_SIZE);
	size_t bound = ZSTD_compressBound(w->pages.len), len;
	int rc;

	if (!count)
		return 0;
	rc = begin_block(w);
	if (!rc)
		rc = column_buf_reserve(&w->block, bound);
	if (rc)
		return writer_fail(w, err, rc, "pages");
	len = ZSTD_compress2(w->zstd, w->block.data + w->block.len, bound,
			     w->pages.data, w->pages.len);
	if (ZSTD_isError(len))
		return writer_fail(w, err, -ENOMEM, "pages");
	w->block.len += len;
	w->totals.part_bytes[ZLT_PART_PAGES] += len;
	rc = end_block(w, BLOCK_PAGES, w->page_first, count, 0, err);
	if (rc)
		return rc;
	w->page_first += count;
	w->pages.len = 0;
	return 0;
}

int write_sizes(struct zlt_writer *w, size_t table, uint32_t first,
		const uint16_t *sizes, uint32_t count, struct err *err)
{
	const char *name = w->tables[table].name;
	uint8_t name_len = (uint8_t)strlen(name);
	int rc = begin_block(w);

	if (!rc)
		rc = column_buf_add(&w->block, &name_len, sizeof(name_len));
	if (!rc)
		rc = column_buf_add(&w->block, name, name_len);
	if (!rc)
		rc = put(w, COLUMN_SIZE, sizes, sizeof(*sizes), count, false);
	if (rc)
		return writer_fail(w, err, rc, "sizes");
	return end_block(w, BLOCK_SIZES, first, count, (uint32_t)table, err);
}

int write_infos(struct zlt_writer *w, struct err *err)
{
	uint32_t count = w->contents - w->info_first;
	size_t i;
	int rc;

	if (!count)
		return 0;
	rc = begin_block(w);
	if (!rc)
		rc = put(w, COLUMN_HASH, w->hashes.data, sizeof(uint64_t),
			 count, false);
	if (!rc)
		rc = put(w, COLUMN_FLAGS, w->flags.data, sizeof(uint8_t), count,
			 false);
	if (!rc)
		rc = put(w, COLUMN_FILL, w->fills.data, sizeof(uint64_t),
			 (uint32_t)(w->fills.len / sizeof(uint64_t)), false);
	if (rc)
		return writer_fail(w, err, rc, "page info");
	rc = end_block(w, BLOCK_PAGE_INFO, w->info_first, count, 0, err);
	for (i = 0; !rc && i < w->sizer_count; i++) {
		struct column_buf *sizes = &w->tables[i].sizes;

		rc = write_sizes(w, i, w->info_first,
				 (const uint16_t *)sizes->data, count, err);
		sizes->len = 0;
	}
	if (rc)
		return rc;
	w->info_first = w->contents;
	w->hashes.len = 0;
	w->flags.len = 0;
	w->fills.len = 0;
	return 0;
}

static int put_event_columns(struct zlt_writer *w)
{
	uint32_t n = w->pending;
	struct events_head head = {
		.live_peak = htole64(w->totals.live_peak),
		.live_peak_exclusive = htole64(w->totals.live_peak_exclusive),
	};
	int rc, i;

	for (i = 0; i < ZLT_OPS; i++)
		head.ops[i] = htole32(w->block_ops[i]);
	rc = begin_block(w);
	if (!rc)
		rc = column_buf_add(&w->block, &head, sizeof(head));
	if (!rc)
		rc = put(w, COLUMN_OP, w->op, sizeof(*w->op), n, false);
	if (!rc)
		rc = put(w, COLUMN_KEY, w->key, sizeof(*w->key), n, true);
	if (!rc)
		rc = put(w, COLUMN_OBJECT, w->object, sizeof(*w->object),
			 w->stores, w->objects != ZLT_OBJECT_SIZES);
	if (!rc && w->columns & ZLT_TIME)
		rc = put(w, COLUMN_TIME, w->time_ns, sizeof(*w->time_ns), n,
			 true);
	if (!rc && w->columns & ZLT_CPU)
		rc = put(w, COLUMN_CPU, w->cpu, sizeof(*w->cpu), n, false);
	if (!rc && w->columns & ZLT_TID)
		rc = put(w, COLUMN_TID, w->tid, sizeof(*w->tid), n, false);
	if (!rc)
		rc = put(w, COLUMN_NEW_KEY, w->new_keys.data, sizeof(uint64_t),
			 (uint32_t)(w->new_keys.len / sizeof(uint64_t)), true);
	if (!rc)
		rc = put(w, COLUMN_LABEL, w->labels.data, 1,
			 (uint32_t)w->labels.len, false);
	return rc;
}

int write_events(struct zlt_writer *w, struct err *err)
{
	int rc, i;

	/* Events refer to contents, which must come first in the file. */
	rc = write_pages(w, err);
	if (!rc)
		rc = write_infos(w, err);
	if (rc || !w->pending)
		return rc;
	rc = put_event_columns(w);
	if (rc)
		return writer_fail(w, err, rc, "events");
	rc = end_block(w, BLOCK_EVENTS, w->events - w->pending, w->pending,
		       (uint32_t)(w->new_keys.len / sizeof(uint64_t)), err);
	if (rc)
		return rc;
	for (i = 0; i < ZLT_OPS; i++)
		w->totals.ops[i] += w->block_ops[i];
	memset(w->block_ops, 0, sizeof(w->block_ops));
	w->pending = 0;
	w->stores = 0;
	w->new_keys.len = 0;
	w->labels.len = 0;
	return 0;
}

int write_file_head(struct zlt_writer *w, struct err *err)
{
	struct file_head head = {
		.version = htole32(ZLT_VERSION),
		.objects = (uint8_t)w->objects,
		.columns = (uint8_t)w->columns,
	};

	memcpy(head.magic, FILE_MAGIC, MAGIC_SIZE);
	head.checksum = htole64(
		XXH3_64bits(&head, offsetof(struct file_head, checksum)));
	w->block.len = 0;
	if (column_buf_add(&w->block, &head, sizeof(head)))
		return writer_fail(w, err, -ENOMEM, "file head");
	return write_block(w, err, "file head");
}

static int put_index(struct zlt_writer *w)
{
	struct index_head head = {
		.live_peak = htole64(w->totals.live_peak),
		.live_peak_exclusive = htole64(w->totals.live_peak_exclusive),
	};
	uint32_t blocks = w->seq;
	struct column_buf names = { 0 };
	size_t t;
	int rc, i;

	for (i = 0; i < ZLT_OPS; i++)
		head.ops[i] = htole64(w->totals.ops[i]);
	for (i = 0; i < ZLT_PARTS; i++)
		head.part_bytes[i] = htole64(w->totals.part_bytes[i]);
	rc = begin_block(w);
	if (!rc)
		rc = column_buf_add(&w->block, &head, sizeof(head));
	if (!rc)
		rc = put(w, COLUMN_TYPE, w->index_type.data, 1, blocks, false);
	if (!rc)
		rc = put(w, COLUMN_OFFSET, w->index_offset.data,
			 sizeof(uint64_t), blocks, true);
	if (!rc)
		rc = put(w, COLUMN_FIRST, w->index_first.data, sizeof(uint64_t),
			 blocks, true);
	if (!rc)
		rc = put(w, COLUMN_COUNT, w->index_count.data, sizeof(uint32_t),
			 blocks, false);
	if (!rc)
		rc = put(w, COLUMN_AUX, w->index_aux.data, sizeof(uint32_t),
			 blocks, false);
	for (t = 0; !rc && t < w->table_count; t++)
		rc = column_buf_add(&names, w->tables[t].name,
				    strlen(w->tables[t].name) + 1);
	if (!rc)
		rc = put(w, COLUMN_CODEC, names.data, 1, (uint32_t)names.len,
			 false);
	column_buf_free(&names);
	return rc;
}

int write_index(struct zlt_writer *w, struct err *err)
{
	struct trailer trailer = { .index = htole64(w->written) };
	uint64_t parts = 0;
	uint32_t blocks = w->seq;
	int rc, i;

	for (i = 0; i < ZLT_PART_OTHER; i++)
		parts += w->totals.part_bytes[i];
	w->totals.part_bytes[ZLT_PART_OTHER] = w->written - parts;
	rc = put_index(w);
	if (rc)
		return writer_fail(w, err, rc, "index");
	rc = end_block(w, BLOCK_INDEX, 0, blocks, 0, err);
	if (rc)
		return rc;
	memcpy(trailer.magic, TRAILER_MAGIC, MAGIC_SIZE);
	trailer.checksum = htole64(
		XXH3_64bits(&trailer, offsetof(struct trailer, checksum)));
	w->block.len = 0;
	if (column_buf_add(&w->block, &trailer, sizeof(trailer)))
		return writer_fail(w, err, -ENOMEM, "trailer");
	return write_block(w, err, "trailer");
}

int copy_block(struct zlt_writer *w, const struct block *block,
	       const uint8_t *payload, size_t length, struct err *err)
{
	int rc = begin_block(w);

	if (!rc)
		rc = column_buf_add(&w->block, payload, length);
	if (rc)
		return writer_fail(w, err, rc, block_type_name(block->type));
	return end_block(w, block->type, block->first, block->count, block->aux,
			 err);
}
