// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening a trace and decoding its events, batch by batch.
 */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "traces/zlt/reader.h"

static int read_file_head(struct zlt_reader *r, struct err *err)
{
	struct file_head head;
	size_t len = r->info.file_bytes < sizeof(head)
			     ? (size_t)r->info.file_bytes
			     : sizeof(head);
	bool intact;
	int rc;

	memset(&head, 0, sizeof(head));
	rc = read_at(r, 0, &head, len);
	if (rc)
		return err_set(err, rc, "%s: cannot be read: %s", r->path,
			       strerror(-rc));
	if (len < MAGIC_SIZE || memcmp(head.magic, FILE_MAGIC, MAGIC_SIZE))
		return err_set(err, -EINVAL,
			       "%s: not a zlab trace: it does not start as a "
			       ".zlt file does",
			       r->path);
	if (len < sizeof(head))
		return err_set(err, -EBADMSG,
			       "%s: the file ends at byte %zu, inside its head",
			       r->path, len);
	intact = XXH3_64bits(&head, offsetof(struct file_head, checksum)) ==
		 le64toh(head.checksum);
	r->info.version = le32toh(head.version);
	if (r->info.version != ZLT_VERSION)
		return err_set(err, -EPROTONOSUPPORT,
			       "%s: format version %u%s; this program reads "
			       "version %u",
			       r->path, r->info.version,
			       intact ? "" : " (or a damaged head)",
			       ZLT_VERSION);
	if (!intact || head.objects > ZLT_OBJECT_HASHES ||
	    head.columns & ~(ZLT_TIME | ZLT_CPU | ZLT_TID) || head.zero[0] ||
	    head.zero[1])
		return err_set(err, -EBADMSG,
			       "%s: file head at byte 0: wrong checksum: the "
			       "file is damaged",
			       r->path);
	r->info.objects = head.objects;
	r->info.columns = head.columns;
	return 0;
}

static int load_json(struct zlt_reader *r, enum block_type type, json_t **json,
		     struct err *err)
{
	const struct block_list *list = &r->by_type[type];
	const uint8_t *payload;
	json_error_t why;
	size_t len;
	int rc;

	if (!list->count)
		return 0;
	rc = read_block(r, list->seq[0], &r->block, &payload, &len, err);
	if (rc)
		return rc;
	*json = json_loadb((const char *)payload, len, 0, &why);
	if (!*json && json_error_code(&why) == json_error_out_of_memory)
		return err_set(err, -ENOMEM, "%s: out of memory", r->path);
	if (!json_is_object(*json))
		return damaged_block(r, list->seq[0], "it is not JSON", err);
	return 0;
}

static int take_name(struct zlt_reader *r)
{
	const char *name =
		json_string_value(json_object_get(r->info.meta, "name"));
	const char *base = strrchr(r->path, '/');
	size_t len;

	if (name && *name) {
		r->name = strdup(name);
	} else {
		base = base ? base + 1 : r->path;
		len = strlen(base);
		if (len > 4 && !strcmp(base + len - 4, ".zlt"))
			len -= 4;
		r->name = strndup(base, len);
	}
	r->info.name = r->name;
	return r->name ? 0 : -ENOMEM;
}

static int take_codecs(struct zlt_reader *r)
{
	size_t i;

	r->codec_infos = calloc(r->codec_count + 1, sizeof(*r->codec_infos));
	if (!r->codec_infos)
		return -ENOMEM;
	for (i = 0; i < r->codec_count; i++) {
		r->codec_infos[i].name = r->codecs[i].name;
		r->codec_infos[i].known = r->codecs[i].known;
	}
	r->info.codecs = r->codec_infos;
	r->info.codec_count = r->codec_count;
	return 0;
}

/*
 * Allocate the columns of the largest block, and one entry more, because
 * spread_objects() reads one object past the last.
 */
static int alloc_columns(struct zlt_reader *r)
{
	size_t n = (size_t)r->block_events_max + 1;

	r->op = malloc(n * sizeof(*r->op));
	r->key = malloc(n * sizeof(*r->key));
	r->object = malloc(n * sizeof(*r->object));
	r->packed = calloc(n, sizeof(*r->packed));
	if (r->want & ZLT_TIME)
		r->time_ns = malloc(n * sizeof(*r->time_ns));
	if (r->want & ZLT_CPU)
		r->cpu = malloc(n * sizeof(*r->cpu));
	if (r->want & ZLT_TID)
		r->tid = malloc(n * sizeof(*r->tid));
	if (r->want & ZLT_KEYS)
		r->orig = malloc(n * sizeof(*r->orig));
	return r->op && r->key && r->object && r->packed &&
			       (r->time_ns || !(r->want & ZLT_TIME)) &&
			       (r->cpu || !(r->want & ZLT_CPU)) &&
			       (r->tid || !(r->want & ZLT_TID)) &&
			       (r->orig || !(r->want & ZLT_KEYS))
		       ? 0
		       : -ENOMEM;
}

static int open_file(struct zlt_reader *r, struct err *err)
{
	struct stat st;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &st))
		return err_set(err, -errno, "%s: cannot be opened: %s", r->path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: not a regular file", r->path);
	r->info.file_bytes = (uint64_t)st.st_size;
	posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

static int find_blocks(struct zlt_reader *r, struct err *err)
{
	int rc = 0;

	if (!(r->want & ZLT_SALVAGE))
		rc = load_index(r, err);
	if (rc < 0)
		return rc;
	r->info.finished = rc;
	return rc ? 0 : scan_blocks(r, err);
}

/*
 * The copy has the same size for all usual paths, so that the length of a path
 * does not change the addresses of later allocations.
 */
static char *copy_path(const char *path)
{
	size_t len = strlen(path) + 1;
	char *copy = malloc(len > PATH_MAX ? len : PATH_MAX);

	return copy ? memcpy(copy, path, len) : NULL;
}

struct zlt_reader *zlt_open(const char *path, unsigned int want,
			    struct err *err)
{
	struct zlt_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r || !(r->path = copy_path(path)) ||
	    column_reader_init(&r->columns)) {
		if (r)
			free(r->path);
		free(r);
		err_set(err, -ENOMEM, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	r->fd = -1;
	r->want = want;
	r->info.path = r->path;
	r->info.note = r->note;
	rc = open_file(r, err);
	if (!rc)
		rc = read_file_head(r, err);
	if (!rc)
		rc = find_blocks(r, err);
	if (!rc)
		rc = load_json(r, BLOCK_META, &r->info.meta, err);
	if (!rc)
		rc = load_json(r, BLOCK_STATS, &r->info.stats, err);
	if (rc)
		goto fail;
	r->want &= r->info.columns | ZLT_KEYS | ZLT_SALVAGE;
	if (!r->info.meta)
		r->info.meta = json_object();
	if (!r->info.meta || take_name(r) || take_codecs(r) ||
	    alloc_columns(r)) {
		rc = err_set(err, -ENOMEM, "%s: out of memory", path);
		goto fail;
	}
	return r;
fail:
	zlt_reader_close(r);
	errno = -rc;
	return NULL;
}

void zlt_reader_close(struct zlt_reader *r)
{
	size_t i;

	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	json_decref(r->info.meta);
	json_decref(r->info.stats);
	for (i = 0; i < r->codec_count; i++) {
		free(r->codecs[i].name);
		free(r->codecs[i].sizes);
	}
	free(r->codecs);
	free(r->codec_infos);
	free(r->page_infos);
	for (i = 0; i < BLOCK_TYPES; i++)
		free(r->by_type[i].seq);
	free(r->blocks);
	column_buf_free(&r->keys_before);
	column_reader_free(&r->columns);
	column_buf_free(&r->block);
	column_buf_free(&r->aside);
	free(r->op);
	free(r->key);
	free(r->object);
	free(r->packed);
	free(r->time_ns);
	free(r->cpu);
	free(r->tid);
	free(r->orig);
	column_buf_free(&r->label_text);
	column_buf_free(&r->labels);
	column_buf_free(&r->keys);
	free(r->name);
	free(r->path);
	free(r);
}

const struct zlt_info *zlt_info(const struct zlt_reader *r)
{
	return &r->info;
}

/* Find the columns of a block of events; each must be present once. */
static int find_columns(const struct zlt_reader *r, const struct block *block,
			const uint8_t *pos, const uint8_t *end,
			struct column *cols)
{
	unsigned int need = 1u << COLUMN_OP | 1u << COLUMN_KEY |
			    1u << COLUMN_OBJECT | 1u << COLUMN_NEW_KEY |
			    1u << COLUMN_LABEL;
	struct column col;
	int rc;

	if (r->info.columns & ZLT_TIME)
		need |= 1u << COLUMN_TIME;
	if (r->info.columns & ZLT_CPU)
		need |= 1u << COLUMN_CPU;
	if (r->info.columns & ZLT_TID)
		need |= 1u << COLUMN_TID;
	while ((rc = column_next(&pos, end, &col)) == 1) {
		uint32_t count = block->count;

		if (col.id >= COLUMNS || !(need & 1u << col.id))
			return -EBADMSG;
		need &= ~(1u << col.id);
		if (col.id == COLUMN_NEW_KEY)
			count = block->aux;
		if (col.id == COLUMN_OBJECT || col.id == COLUMN_LABEL
			    ? col.count > BLOCK_EVENTS_MAX
			    : col.count != count)
			return -EBADMSG;
		cols[col.id] = col;
	}
	return rc ? rc : need ? -EBADMSG : 0;
}

static int add_keys(struct zlt_reader *r, const struct column *col)
{
	size_t bytes = (size_t)col->count * sizeof(uint64_t);
	int rc = column_buf_reserve(&r->keys, bytes);

	if (!rc && bytes)
		rc = column_get(&r->columns, col, r->keys.data + r->keys.len,
				sizeof(uint64_t));
	if (rc)
		return rc;
	r->keys.len += bytes;
	r->key_blocks++;
	return 0;
}

/* Load the original keys that appear in the first @blocks blocks of events. */
static int load_keys(struct zlt_reader *r, uint32_t blocks, struct err *err)
{
	struct column cols[COLUMNS] = { 0 };
	const uint8_t *payload;
	uint32_t seq;
	size_t len;
	int rc;

	while (r->key_blocks < blocks) {
		seq = r->by_type[BLOCK_EVENTS].seq[r->key_blocks];
		rc = read_block(r, seq, &r->aside, &payload, &len, err);
		if (rc)
			return rc;
		rc = len < sizeof(struct events_head)
			     ? -EBADMSG
			     : find_columns(r, &r->blocks[seq],
					    payload +
						    sizeof(struct events_head),
					    payload + len, cols);
		if (!rc)
			rc = add_keys(r, &cols[COLUMN_NEW_KEY]);
		if (rc)
			return decode_failed(r, seq, rc, err);
	}
	return 0;
}

int zlt_keys(struct zlt_reader *r, const uint64_t **keys, struct err *err)
{
	int rc = load_keys(r, r->by_type[BLOCK_EVENTS].count, err);

	*keys = (const uint64_t *)r->keys.data;
	return rc;
}

/* Copy the object of each store from @r->packed to the index of its event. */
static uint32_t spread_objects(struct zlt_reader *r, uint32_t count)
{
	const uint8_t *restrict op = r->op;
	const uint32_t *restrict packed = r->packed;
	uint32_t *restrict object = r->object;
	uint32_t i, j = 0;

	for (i = 0; i < count; i++) {
		uint32_t store = op[i] == ZLT_STORE;

		object[i] = packed[j] & (0 - store);
		j += store;
	}
	return j;
}

/*
 * Whether all values are in low..high. The compiler can vectorize this form: a
 * value out of range sets the sign bit of one of the terms.
 */
static bool in_range(const uint32_t *values, uint32_t count, uint32_t low,
		     uint32_t high)
{
	uint32_t signs = 0, i;

	if (high > INT32_MAX) {
		for (i = 0; i < count; i++)
			signs |= values[i] < low || values[i] > high;
		return !signs;
	}
	for (i = 0; i < count; i++)
		signs |= values[i] | (values[i] - low) | (high - values[i]);
	return !(signs >> 31);
}

static bool objects_ok(const struct zlt_reader *r, uint32_t stores)
{
	if (r->info.objects == ZLT_OBJECT_SIZES)
		return in_range(r->packed, stores, 1, ZLT_PAGE_SIZE);
	if (stores && !r->info.contents)
		return false;
	return in_range(r->packed, stores, 0, (uint32_t)r->info.contents - 1);
}

static int get_labels(struct zlt_reader *r, const struct column *col)
{
	const char *at, *end;
	int rc;

	r->labels.len = 0;
	r->label_text.len = 0;
	if (!col->count)
		return 0;
	rc = column_buf_reserve(&r->label_text, col->count);
	if (!rc)
		rc = column_get(&r->columns, col, r->label_text.data, 1);
	if (rc)
		return rc;
	at = (const char *)r->label_text.data;
	end = at + col->count;
	if (end[-1])
		return -EBADMSG;
	for (; !rc && at < end; at += strlen(at) + 1)
		rc = zlt_label_ok(at)
			     ? column_buf_add(&r->labels, &at, sizeof(at))
			     : -EBADMSG;
	return rc;
}

/* Number the marks, and check that compact and mark have key 0. */
static int fix_marks(struct zlt_reader *r, uint32_t count)
{
	size_t labels = r->labels.len / sizeof(char *);
	uint32_t i, mark = 0;

	for (i = 0; i < count; i++) {
		if (r->op[i] < ZLT_COMPACT)
			continue;
		if (r->key[i])
			return -EBADMSG;
		if (r->op[i] == ZLT_MARK)
			r->object[i] = mark++;
	}
	return mark == labels ? 0 : -EBADMSG;
}

static void map_keys(struct zlt_reader *r, uint32_t count)
{
	const uint64_t *keys = (const uint64_t *)r->keys.data;
	uint32_t i;

	for (i = 0; i < count; i++)
		r->orig[i] = r->op[i] < ZLT_COMPACT ? keys[r->key[i]] : 0;
}

static int decode_columns(struct zlt_reader *r, const struct block *block,
			  const struct column *cols, uint64_t keys)
{
	uint32_t n = block->count, stores = cols[COLUMN_OBJECT].count;
	uint32_t i, real = 0;
	uint8_t op_max = 0;
	int rc;

	if (stores > n)
		return -EBADMSG;
	rc = column_get(&r->columns, &cols[COLUMN_OP], r->op, 1);
	if (!rc)
		rc = column_get(&r->columns, &cols[COLUMN_KEY], r->key, 4);
	if (!rc)
		rc = column_get(&r->columns, &cols[COLUMN_OBJECT], r->packed,
				4);
	if (!rc && r->want & ZLT_TIME)
		rc = column_get(&r->columns, &cols[COLUMN_TIME], r->time_ns, 8);
	if (!rc && r->want & ZLT_CPU)
		rc = column_get(&r->columns, &cols[COLUMN_CPU], r->cpu, 2);
	if (!rc && r->want & ZLT_TID)
		rc = column_get(&r->columns, &cols[COLUMN_TID], r->tid, 4);
	if (!rc)
		rc = get_labels(r, &cols[COLUMN_LABEL]);
	if (rc)
		return rc;
	for (i = 0; i < n; i++)
		op_max = r->op[i] > op_max ? r->op[i] : op_max;
	if (op_max >= ZLT_OPS ||
	    !in_range(r->key, n, 0, keys ? (uint32_t)(keys - 1) : 0) ||
	    !objects_ok(r, stores) || spread_objects(r, n) != stores)
		return -EBADMSG;
	if (!keys) {
		for (i = 0; i < n; i++)
			real += r->op[i] < ZLT_COMPACT;
		if (real)
			return -EBADMSG;
	}
	return op_max >= ZLT_COMPACT || r->labels.len ? fix_marks(r, n) : 0;
}

static int decode_block(struct zlt_reader *r, uint32_t nr, struct err *err)
{
	uint32_t seq = r->by_type[BLOCK_EVENTS].seq[nr];
	const struct block *block = &r->blocks[seq];
	const uint64_t *before = (const uint64_t *)r->keys_before.data;
	struct column cols[COLUMNS] = { 0 };
	const uint8_t *payload;
	size_t len;
	int rc = 0;

	if (r->want & ZLT_KEYS)
		rc = load_keys(r, nr, err);
	if (!rc)
		rc = read_block(r, seq, &r->block, &payload, &len, err);
	if (rc)
		return rc;
	rc = len < sizeof(struct events_head)
		     ? -EBADMSG
		     : find_columns(r, block,
				    payload + sizeof(struct events_head),
				    payload + len, cols);
	if (!rc)
		rc = decode_columns(r, block, cols, before[nr] + block->aux);
	if (!rc && r->want & ZLT_KEYS && r->key_blocks == nr)
		rc = add_keys(r, &cols[COLUMN_NEW_KEY]);
	if (rc)
		return decode_failed(r, seq, rc, err);
	if (r->want & ZLT_KEYS)
		map_keys(r, block->count);
	return 0;
}

int zlt_next(struct zlt_reader *r, struct zlt_batch *batch, struct err *err)
{
	uint32_t skip = r->skip;
	const struct block *block;
	int rc;

	if (r->next == r->by_type[BLOCK_EVENTS].count)
		return 0;
	rc = decode_block(r, r->next, err);
	if (rc)
		return rc;
	block = &r->blocks[r->by_type[BLOCK_EVENTS].seq[r->next]];
	*batch = (struct zlt_batch){
		.count = block->count - skip,
		.first = block->first + skip,
		.op = r->op + skip,
		.key = r->key + skip,
		.object = r->object + skip,
		.time_ns = r->time_ns ? r->time_ns + skip : NULL,
		.cpu = r->cpu ? r->cpu + skip : NULL,
		.tid = r->tid ? r->tid + skip : NULL,
		.orig = r->orig ? r->orig + skip : NULL,
		.labels = (const char *const *)r->labels.data,
	};
	r->next++;
	r->skip = 0;
	return 1;
}

int zlt_seek(struct zlt_reader *r, uint64_t event, struct err *err)
{
	const struct block_list *list = &r->by_type[BLOCK_EVENTS];
	uint32_t low = 0, high = list->count;

	if (event > r->info.events)
		return err_set(err, -ERANGE, "%s: no event %llu; it has %llu",
			       r->path, (unsigned long long)event,
			       (unsigned long long)r->info.events);
	/* Find the last block that does not start after the event. */
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (r->blocks[list->seq[mid]].first <= event)
			low = mid;
		else
			high = mid;
	}
	if (event == r->info.events) {
		r->next = list->count;
		r->skip = 0;
	} else {
		r->next = low;
		r->skip = (uint32_t)(event - r->blocks[list->seq[low]].first);
	}
	return 0;
}
