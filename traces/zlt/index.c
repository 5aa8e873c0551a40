// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding the blocks of a trace: by its index, or by reading the file from the
 * start if there is no index because the writer did not finish.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "traces/zlt/reader.h"

int damaged(const struct zlt_reader *r, uint32_t seq, uint64_t offset,
	    unsigned int type, const char *what, struct err *err)
{
	err_set(err, -EBADMSG,
		"%s: block %u (%s) at byte %llu: %s: the file is damaged; "
		"--salvage reads what comes before",
		r->path, seq, block_type_name(type), (unsigned long long)offset,
		what);
	return -EBADMSG;
}

int damaged_block(const struct zlt_reader *r, uint32_t seq, const char *what,
		  struct err *err)
{
	return damaged(r, seq, r->blocks[seq].offset, r->blocks[seq].type, what,
		       err);
}

int decode_failed(const struct zlt_reader *r, uint32_t seq, int code,
		  struct err *err)
{
	if (code == -ENOMEM)
		return err_set(err, code, "%s: out of memory", r->path);
	return damaged_block(r, seq, "a column cannot be decoded", err);
}

int read_at(const struct zlt_reader *r, uint64_t offset, void *to, size_t len)
{
	uint8_t *at = to;

	while (len) {
		ssize_t n = pread(r->fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static bool checksum_ok(const uint8_t *data, size_t len)
{
	uint64_t stored;

	memcpy(&stored, data + len, sizeof(stored));
	return XXH3_64bits(data, len) == le64toh(stored);
}

/* Decode the fields of a head; false if they are not valid. */
static bool parse_head(const struct block_head *head, uint64_t offset,
		       uint32_t seq, struct block *block)
{
	uint32_t length = le32toh(head->length);

	*block = (struct block){
		.offset = offset,
		.first = le64toh(head->first),
		.size = (uint32_t)(length + BLOCK_SIZE_MIN),
		.count = le32toh(head->count),
		.aux = le32toh(head->aux),
		.type = head->type,
	};
	return le32toh(head->magic) == BLOCK_MAGIC &&
	       le32toh(head->seq) == seq && length <= BLOCK_LENGTH_MAX &&
	       head->type && head->type < BLOCK_TYPES && !head->zero[0] &&
	       !head->zero[1] && !head->zero[2];
}

int read_block(const struct zlt_reader *r, uint32_t seq, struct column_buf *buf,
	       const uint8_t **payload, size_t *length, struct err *err)
{
	const struct block *block = &r->blocks[seq];
	struct block_head head;
	struct block found;
	int rc;

	buf->len = 0;
	if (column_buf_reserve(buf, block->size))
		return err_set(err, -ENOMEM, "%s: out of memory", r->path);
	rc = read_at(r, block->offset, buf->data, block->size);
	if (rc == -ENODATA)
		return damaged_block(r, seq, "the file ends inside it", err);
	if (rc)
		return err_set(err, rc, "%s: cannot be read at byte %llu: %s",
			       r->path, (unsigned long long)block->offset,
			       strerror(-rc));
	memcpy(&head, buf->data, sizeof(head));
	if (!checksum_ok(buf->data, block->size - sizeof(uint64_t)))
		return damaged_block(r, seq, "wrong checksum", err);
	if (!parse_head(&head, block->offset, seq, &found) ||
	    found.first != block->first || found.size != block->size ||
	    found.count != block->count || found.aux != block->aux ||
	    found.type != block->type)
		return damaged_block(r, seq, "not what the index says", err);
	*payload = buf->data + sizeof(head);
	*length = block->size - BLOCK_SIZE_MIN;
	return 0;
}

static int list_add(struct block_list *list, uint32_t seq)
{
	if (list->count == list->cap) {
		uint32_t cap = list->cap ? list->cap * 2 : 64;
		uint32_t *grown = realloc(list->seq, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->seq = grown;
		list->cap = cap;
	}
	list->seq[list->count++] = seq;
	return 0;
}

static const char *fit_events(struct zlt_reader *r, const struct block *b)
{
	if (b->first != r->info.events || !b->count ||
	    b->count > BLOCK_EVENTS_MAX || b->aux > b->count ||
	    b->aux > UINT32_MAX - r->info.keys)
		return "its events do not continue those before";
	if (b->count > r->block_events_max)
		r->block_events_max = b->count;
	r->info.events += b->count;
	r->info.keys += b->aux;
	return NULL;
}

static const char *fit_pages(struct zlt_reader *r, const struct block *b)
{
	if (r->info.objects != ZLT_OBJECT_PAGES || b->first != r->pages ||
	    !b->count || b->count > BLOCK_PAGES_MAX || b->aux)
		return "its pages do not continue those before";
	if (b->count > r->block_pages_max)
		r->block_pages_max = b->count;
	r->pages += b->count;
	return NULL;
}

static const char *fit_infos(struct zlt_reader *r, const struct block *b)
{
	uint64_t end = b->first + b->count;

	if (r->info.objects == ZLT_OBJECT_SIZES ||
	    b->first != r->info.contents || !b->count ||
	    b->count > BLOCK_IDS_MAX || b->aux || end > UINT32_MAX ||
	    (r->info.objects == ZLT_OBJECT_PAGES && end > r->pages))
		return "its contents do not continue those before";
	r->info.contents = end;
	return NULL;
}

static const char *fit_sizes(struct zlt_reader *r, const struct block *b)
{
	struct codec_table *table;

	if (b->aux >= r->codec_count)
		return "its codec has no name";
	table = &r->codecs[b->aux];
	if (b->first != table->known || !b->count || b->count > BLOCK_IDS_MAX ||
	    b->first + b->count > r->info.contents)
		return "its sizes do not continue those before";
	table->known += b->count;
	return NULL;
}

static const char *fit(struct zlt_reader *r, const struct block *b)
{
	bool start = b->type == BLOCK_META;

	if (start != (r->block_count == 0))
		return "metadata is not at the start";
	switch (b->type) {
	case BLOCK_EVENTS:
		return fit_events(r, b);
	case BLOCK_PAGES:
		return fit_pages(r, b);
	case BLOCK_PAGE_INFO:
		return fit_infos(r, b);
	case BLOCK_SIZES:
		return fit_sizes(r, b);
	case BLOCK_META:
	case BLOCK_STATS:
		if (b->first || b->count || b->aux || r->by_type[b->type].count)
			return "the file has two of this type";
		return NULL;
	default:
		return "an index is not allowed here";
	}
}

int add_block(struct zlt_reader *r, const struct block *block, struct err *err)
{
	uint64_t keys = r->info.keys;
	const char *misfit = fit(r, block);

	if (misfit)
		return damaged(r, r->block_count, block->offset, block->type,
			       misfit, err);
	if (r->block_count == r->block_cap) {
		uint32_t cap = r->block_cap ? r->block_cap * 2 : 64;
		struct block *grown = realloc(r->blocks, cap * sizeof(*grown));

		if (!grown)
			goto nomem;
		r->blocks = grown;
		r->block_cap = cap;
	}
	if (list_add(&r->by_type[block->type], r->block_count))
		goto nomem;
	if (block->type == BLOCK_EVENTS &&
	    column_buf_add(&r->keys_before, &keys, sizeof(keys)))
		goto nomem;
	r->blocks[r->block_count++] = *block;
	return 0;
nomem:
	return err_set(err, -ENOMEM, "%s: out of memory", r->path);
}

int add_codec(struct zlt_reader *r, const char *name, size_t len)
{
	struct codec_table *grown;
	size_t i;

	if (!codec_name_ok(name, len))
		return -EBADMSG;
	for (i = 0; i < r->codec_count; i++)
		if (strlen(r->codecs[i].name) == len &&
		    !memcmp(r->codecs[i].name, name, len))
			return -EBADMSG;
	grown = realloc(r->codecs, (r->codec_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->codecs = grown;
	grown[r->codec_count] =
		(struct codec_table){ .name = strndup(name, len) };
	if (!grown[r->codec_count].name)
		return -ENOMEM;
	r->codec_count++;
	return 0;
}

/* ---- by the index ------------------------------------------------------ */

/* The columns of the index, decoded. */
struct index {
	uint32_t count;
	uint8_t *type;
	uint64_t *offset;
	uint64_t *first;
	uint32_t *counts;
	uint32_t *aux;
};

static int index_column(struct zlt_reader *r, const struct column *col,
			void *out, size_t size)
{
	void **array = out;

	if (*array)
		return -EBADMSG;
	*array = malloc((size_t)col->count * size + 1);
	return *array ? column_get(&r->columns, col, *array, size) : -ENOMEM;
}

static int index_codecs(struct zlt_reader *r, const struct column *col)
{
	char *names = malloc((size_t)col->count + 1), *at;
	int rc;

	if (!names)
		return -ENOMEM;
	rc = column_get(&r->columns, col, names, 1);
	names[col->count] = '\0';
	for (at = names; !rc && at < names + col->count; at += strlen(at) + 1)
		rc = add_codec(r, at, strlen(at));
	free(names);
	return rc;
}

static int parse_index(struct zlt_reader *r, struct index *index,
		       const uint8_t *pos, const uint8_t *end)
{
	struct column col;
	int rc;

	while ((rc = column_next(&pos, end, &col)) == 1) {
		if (col.id == COLUMN_CODEC) {
			if (col.count > BLOCK_IDS_MAX)
				return -EBADMSG;
			rc = index_codecs(r, &col);
			if (rc)
				return rc;
			continue;
		}
		if (col.count != index->count)
			return -EBADMSG;
		switch (col.id) {
		case COLUMN_TYPE:
			rc = index_column(r, &col, &index->type, 1);
			break;
		case COLUMN_OFFSET:
			rc = index_column(r, &col, &index->offset, 8);
			break;
		case COLUMN_FIRST:
			rc = index_column(r, &col, &index->first, 8);
			break;
		case COLUMN_COUNT:
			rc = index_column(r, &col, &index->counts, 4);
			break;
		case COLUMN_AUX:
			rc = index_column(r, &col, &index->aux, 4);
			break;
		default:
			rc = -EBADMSG;
		}
		if (rc)
			return rc;
	}
	if (!rc && (!index->type || !index->offset || !index->first ||
		    !index->counts || !index->aux))
		rc = -EBADMSG;
	return rc;
}

/* Each block ends where the next one starts; @end is the start of the index. */
static int take_index(struct zlt_reader *r, const struct index *index,
		      uint64_t end, struct err *err)
{
	uint64_t at = sizeof(struct file_head);
	uint32_t i;
	int rc;

	for (i = 0; i < index->count; i++) {
		uint64_t next =
			i + 1 < index->count ? index->offset[i + 1] : end;
		struct block block = {
			.offset = at,
			.first = index->first[i],
			.count = index->counts[i],
			.aux = index->aux[i],
			.type = index->type[i],
		};

		if (index->offset[i] != at || next > end ||
		    next < at + BLOCK_SIZE_MIN ||
		    next - at > BLOCK_LENGTH_MAX + BLOCK_SIZE_MIN)
			return damaged(r, index->count, end, BLOCK_INDEX,
				       "its offsets are wrong", err);
		block.size = (uint32_t)(next - at);
		rc = add_block(r, &block, err);
		if (rc)
			return rc;
		at = next;
	}
	return 0;
}

static int take_totals(struct zlt_reader *r, const struct index_head *head)
{
	uint64_t sum = 0, rest = r->info.file_bytes;
	int i;

	for (i = 0; i < ZLT_OPS; i++) {
		r->info.ops[i] = le64toh(head->ops[i]);
		if (r->info.ops[i] > r->info.events)
			return -EBADMSG;
		sum += r->info.ops[i];
	}
	r->info.live_peak = le64toh(head->live_peak);
	r->info.live_peak_exclusive = le64toh(head->live_peak_exclusive);
	for (i = 0; i < ZLT_PART_OTHER; i++) {
		r->info.part_bytes[i] = le64toh(head->part_bytes[i]);
		if (r->info.part_bytes[i] > rest)
			return -EBADMSG;
		rest -= r->info.part_bytes[i];
	}
	r->info.part_bytes[ZLT_PART_OTHER] = rest;
	return sum == r->info.events && r->info.live_peak <= r->info.keys &&
			       r->info.live_peak_exclusive <= r->info.keys
		       ? 0
		       : -EBADMSG;
}

static int read_index(struct zlt_reader *r, uint64_t offset, uint32_t size,
		      struct err *err)
{
	struct index index = { 0 };
	struct index_head totals;
	struct block_head head;
	struct block block = { 0 };
	const uint8_t *payload;
	int rc;

	r->block.len = 0;
	if (column_buf_reserve(&r->block, size))
		return err_set(err, -ENOMEM, "%s: out of memory", r->path);
	rc = read_at(r, offset, r->block.data, size);
	if (rc)
		return err_set(err, rc, "%s: cannot be read at byte %llu: %s",
			       r->path, (unsigned long long)offset,
			       strerror(-rc));
	memcpy(&head, r->block.data, sizeof(head));
	if (!checksum_ok(r->block.data, size - sizeof(uint64_t)) ||
	    !parse_head(&head, offset, le32toh(head.count), &block) ||
	    block.type != BLOCK_INDEX || block.size != size ||
	    block.count > offset / BLOCK_SIZE_MIN || block.first || block.aux ||
	    size < BLOCK_SIZE_MIN + sizeof(totals))
		return damaged(r, block.count, offset, BLOCK_INDEX,
			       "wrong checksum", err);
	payload = r->block.data + sizeof(head);
	memcpy(&totals, payload, sizeof(totals));
	index.count = block.count;
	rc = parse_index(r, &index, payload + sizeof(totals),
			 r->block.data + size - sizeof(uint64_t));
	if (rc == -ENOMEM)
		err_set(err, rc, "%s: out of memory", r->path);
	else if (rc)
		damaged(r, index.count, offset, BLOCK_INDEX,
			"a column cannot be decoded", err);
	else
		rc = take_index(r, &index, offset, err);
	if (!rc && take_totals(r, &totals))
		rc = damaged(r, index.count, offset, BLOCK_INDEX,
			     "its totals are wrong", err);
	free(index.type);
	free(index.offset);
	free(index.first);
	free(index.counts);
	free(index.aux);
	return rc;
}

static bool trailer_ok(const struct trailer *trailer)
{
	return !memcmp(trailer->magic, TRAILER_MAGIC, MAGIC_SIZE) &&
	       XXH3_64bits(trailer, offsetof(struct trailer, checksum)) ==
		       le64toh(trailer->checksum);
}

int load_index(struct zlt_reader *r, struct err *err)
{
	uint64_t end = r->info.file_bytes, index;
	struct trailer trailer;
	int rc;

	if (end < sizeof(struct file_head) + sizeof(trailer))
		return 0;
	end -= sizeof(trailer);
	rc = read_at(r, end, &trailer, sizeof(trailer));
	if (rc)
		return err_set(err, rc, "%s: cannot be read at byte %llu: %s",
			       r->path, (unsigned long long)end, strerror(-rc));
	if (!trailer_ok(&trailer))
		return 0;
	index = le64toh(trailer.index);
	if (index < sizeof(struct file_head) || index > end ||
	    end - index < BLOCK_SIZE_MIN ||
	    end - index > BLOCK_LENGTH_MAX + BLOCK_SIZE_MIN)
		return 0;
	rc = read_index(r, index, (uint32_t)(end - index), err);
	return rc ? rc : 1;
}

/* ---- by reading the file ----------------------------------------------- */

/* Add a block of events to the totals that an index would have. */
static int scan_events(struct zlt_reader *r, const struct block *block,
		       const uint8_t *pos, const uint8_t *end)
{
	uint64_t keys = r->info.keys + block->aux, sum = 0;
	struct events_head head;
	struct column col;
	int rc, i;

	if ((size_t)(end - pos) < sizeof(head))
		return -EBADMSG;
	memcpy(&head, pos, sizeof(head));
	pos += sizeof(head);
	while ((rc = column_next(&pos, end, &col)) == 1)
		r->info.part_bytes[column_part(col.id)] += col.bytes;
	if (rc)
		return rc;
	for (i = 0; i < ZLT_OPS; i++) {
		r->info.ops[i] += le32toh(head.ops[i]);
		sum += le32toh(head.ops[i]);
	}
	r->info.live_peak = le64toh(head.live_peak);
	r->info.live_peak_exclusive = le64toh(head.live_peak_exclusive);
	return sum == block->count && r->info.live_peak <= keys &&
			       r->info.live_peak_exclusive <= keys
		       ? 0
		       : -EBADMSG;
}

static int scan_payload(struct zlt_reader *r, const struct block *block,
			const uint8_t *pos, size_t len)
{
	size_t name;

	switch (block->type) {
	case BLOCK_EVENTS:
		return scan_events(r, block, pos, pos + len);
	case BLOCK_PAGES:
		r->info.part_bytes[ZLT_PART_PAGES] += len;
		return 0;
	case BLOCK_PAGE_INFO:
		r->info.part_bytes[ZLT_PART_PAGE_INFO] += len;
		return 0;
	case BLOCK_SIZES:
		name = len ? pos[0] : 0;
		if (len < 1 + name)
			return -EBADMSG;
		r->info.part_bytes[ZLT_PART_SIZES] += len - 1 - name;
		if (block->aux < r->codec_count)
			return 0;
		if (block->aux > r->codec_count)
			return -EBADMSG;
		return add_codec(r, (const char *)pos + 1, name);
	default:
		return 0;
	}
}

/* Check that the trailer and nothing else follows the index. */
static int scan_end(struct zlt_reader *r, const struct block *index,
		    struct err *err)
{
	uint64_t end = index->offset + index->size;
	struct trailer trailer;

	if (r->info.file_bytes != end + sizeof(trailer) ||
	    read_at(r, end, &trailer, sizeof(trailer)) ||
	    !trailer_ok(&trailer) || le64toh(trailer.index) != index->offset)
		return damaged(r, r->block_count, index->offset, BLOCK_INDEX,
			       "no trailer follows it", err);
	r->info.finished = true;
	return 0;
}

/* Find the block at @offset. Return: 1, 0 after the last one, or an error. */
static int scan_one(struct zlt_reader *r, uint64_t offset, struct block *block,
		    struct err *err)
{
	uint64_t left = r->info.file_bytes - offset;
	uint32_t seq = r->block_count;
	struct block_head head;
	int rc;

	if (!left)
		return 0;
	if (left < sizeof(head))
		return damaged(r, seq, offset, 0, "the file ends inside it",
			       err);
	rc = read_at(r, offset, &head, sizeof(head));
	if (rc)
		goto io;
	if (!parse_head(&head, offset, seq, block))
		return damaged(r, seq, offset, 0, "not the head of a block",
			       err);
	if (left < block->size)
		return damaged(r, seq, offset, block->type,
			       "the file ends inside it", err);
	r->block.len = 0;
	if (column_buf_reserve(&r->block, block->size))
		return err_set(err, -ENOMEM, "%s: out of memory", r->path);
	rc = read_at(r, offset, r->block.data, block->size);
	if (rc)
		goto io;
	if (!checksum_ok(r->block.data, block->size - sizeof(uint64_t)))
		return damaged(r, seq, offset, block->type, "wrong checksum",
			       err);
	if (block->type == BLOCK_INDEX)
		return scan_end(r, block, err);
	rc = scan_payload(r, block, r->block.data + sizeof(head),
			  block->size - BLOCK_SIZE_MIN);
	if (rc == -ENOMEM)
		return err_set(err, rc, "%s: out of memory", r->path);
	if (rc)
		return damaged(r, seq, offset, block->type,
			       "a column cannot be decoded", err);
	rc = add_block(r, block, err);
	return rc ? rc : 1;
io:
	return err_set(err, rc, "%s: cannot be read at byte %llu: %s", r->path,
		       (unsigned long long)offset, strerror(-rc));
}

int scan_blocks(struct zlt_reader *r, struct err *err)
{
	uint64_t offset = sizeof(struct file_head), parts = 0;
	struct err why = { "" };
	struct block block = { 0 };
	int rc, i;

	while ((rc = scan_one(r, offset, &block, &why)) == 1)
		offset += block.size;
	if (rc == -EBADMSG && r->want & ZLT_SALVAGE) {
		snprintf(r->note, sizeof(r->note),
			 "salvaged: the trace ends before block %u at byte "
			 "%llu, which is damaged",
			 r->block_count, (unsigned long long)offset);
	} else if (rc) {
		if (err)
			*err = why;
		return rc;
	} else if (!r->info.finished) {
		snprintf(r->note, sizeof(r->note),
			 "not finished: the trace ends at byte %llu, after "
			 "%u complete blocks, without an index",
			 (unsigned long long)offset, r->block_count);
	}
	for (i = 0; i < ZLT_PART_OTHER; i++)
		parts += r->info.part_bytes[i];
	r->info.part_bytes[ZLT_PART_OTHER] = r->info.file_bytes - parts;
	return 0;
}
