// SPDX-License-Identifier: GPL-2.0-or-later
#include <Judy.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "traces/zlt_reader.h"
#include "traces/zlt_writer.h"

_Static_assert(sizeof(Word_t) == sizeof(uint64_t), "keys must fit a Judy word");

/* Small enough that the decoded columns of a block stay in the L2 cache. */
enum {
	BLOCK_EVENTS_DEFAULT = 16384
};
/* A miss of a reader's cache costs one block: 64 KiB to decompress. */
enum {
	BLOCK_PAGES_DEFAULT = 16
};
enum {
	PAGES_LEVEL_DEFAULT = 3
};
/* Content ids described by one block at most. */
enum {
	BLOCK_INFO_IDS = 4096
};
/* Labels that end a block of events early. */
enum {
	BLOCK_LABEL_BYTES = 65536
};

/* What a key's copy is, by how loads are understood. */
enum {
	KEY_LIVE = 1,
	KEY_LIVE_EXCLUSIVE = 2
};

/* One codec's table: the ids before @next are written or pending in @sizes. */
struct size_table {
	char *name;
	uint32_t next;
	struct column_buf sizes;
};

struct zlt_writer {
	int fd;
	bool truncates;
	char *name;
	unsigned int columns;
	enum zlt_objects objects;
	uint32_t block_events;
	uint32_t block_pages;
	int level;
	struct zlt_sizer *sizers;
	size_t sizer_count;

	int failed;
	struct err why;
	uint64_t written;
	uint32_t seq;
	struct column_writer columns_out;
	struct column_buf block;
	ZSTD_CCtx *zstd;

	/* Events that are not written yet; objects are those of stores. */
	uint64_t events;
	uint32_t pending;
	uint32_t stores;
	uint32_t block_ops[ZLT_OPS];
	uint8_t *op;
	uint32_t *key;
	uint32_t *object;
	uint64_t *time_ns;
	uint16_t *cpu;
	uint32_t *tid;
	struct column_buf labels;
	struct column_buf new_keys;

	void *key_ids;
	uint32_t keys;
	struct column_buf key_state;
	uint64_t live, live_exclusive;
	struct index_head totals;

	/* Contents [info_first, contents) are not described yet, and pages
	 * [page_first, contents) are not written yet.
	 */
	void *content_ids;
	struct column_buf content_high;
	uint32_t contents;
	uint32_t page_first;
	uint32_t info_first;
	struct column_buf pages;
	struct column_buf hashes;
	struct column_buf flags;
	struct column_buf fills;

	/* The first sizer_count tables are the sizers'. */
	struct size_table *tables;
	size_t table_count;

	/* One entry per block. */
	struct column_buf index_type;
	struct column_buf index_offset;
	struct column_buf index_first;
	struct column_buf index_count;
	struct column_buf index_aux;
};

static int fail(struct zlt_writer *w, struct err *err, int code,
		const char *what)
{
	w->failed = err_set(&w->why, code, "%s: %s: %s", w->name, what,
			    strerror(-code));
	if (err)
		*err = w->why;
	return code;
}

static int failed_before(struct zlt_writer *w, struct err *err)
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

/* Write @w->block, or leave the file without any of it. */
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

/* Complete the head, add the checksum, write, and remember it in the index. */
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
		return fail(w, err, -ENOMEM, block_type_name(type));
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

static int write_json(struct zlt_writer *w, enum block_type type, json_t *json,
		      struct err *err)
{
	char *text;
	int rc;

	text = json ? json_dumps(json, JSON_COMPACT) : strdup("{}");
	if (!text)
		return fail(w, err, -ENOMEM, block_type_name(type));
	rc = begin_block(w);
	if (!rc)
		rc = column_buf_add(&w->block, text, strlen(text));
	free(text);
	if (rc)
		return fail(w, err, rc, block_type_name(type));
	return end_block(w, type, 0, 0, 0, err);
}

static int write_pages(struct zlt_writer *w, struct err *err)
{
	uint32_t count = (uint32_t)(w->pages.len / ZLT_PAGE_SIZE);
	size_t bound = ZSTD_compressBound(w->pages.len), len;
	int rc;

	if (!count)
		return 0;
	rc = begin_block(w);
	if (!rc)
		rc = column_buf_room(&w->block, bound);
	if (rc)
		return fail(w, err, rc, "pages");
	len = ZSTD_compress2(w->zstd, w->block.data + w->block.len, bound,
			     w->pages.data, w->pages.len);
	if (ZSTD_isError(len))
		return fail(w, err, -ENOMEM, "pages");
	w->block.len += len;
	w->totals.part_bytes[ZLT_PART_PAGES] += len;
	rc = end_block(w, BLOCK_PAGES, w->page_first, count, 0, err);
	if (rc)
		return rc;
	w->page_first += count;
	w->pages.len = 0;
	return 0;
}

static int write_sizes(struct zlt_writer *w, size_t table, uint32_t first,
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
		return fail(w, err, rc, "sizes");
	return end_block(w, BLOCK_SIZES, first, count, (uint32_t)table, err);
}

static int write_infos(struct zlt_writer *w, struct err *err)
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
		return fail(w, err, rc, "page info");
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

static int write_events(struct zlt_writer *w, struct err *err)
{
	int rc, i;

	/* What events refer to comes before them in the file. */
	rc = write_pages(w, err);
	if (!rc)
		rc = write_infos(w, err);
	if (rc || !w->pending)
		return rc;
	rc = put_event_columns(w);
	if (rc)
		return fail(w, err, rc, "events");
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

static void free_writer(struct zlt_writer *w)
{
	size_t i;

	if (w->fd >= 0)
		close(w->fd);
	for (i = 0; i < w->table_count; i++) {
		free(w->tables[i].name);
		column_buf_free(&w->tables[i].sizes);
	}
	free(w->tables);
	free(w->sizers);
	free(w->op);
	free(w->key);
	free(w->object);
	free(w->time_ns);
	free(w->cpu);
	free(w->tid);
	column_writer_free(&w->columns_out);
	ZSTD_freeCCtx(w->zstd);
	column_buf_free(&w->block);
	column_buf_free(&w->labels);
	column_buf_free(&w->new_keys);
	JudyLFreeArray(&w->key_ids, PJE0);
	JudyLFreeArray(&w->content_ids, PJE0);
	column_buf_free(&w->key_state);
	column_buf_free(&w->content_high);
	column_buf_free(&w->pages);
	column_buf_free(&w->hashes);
	column_buf_free(&w->flags);
	column_buf_free(&w->fills);
	column_buf_free(&w->index_type);
	column_buf_free(&w->index_offset);
	column_buf_free(&w->index_first);
	column_buf_free(&w->index_count);
	column_buf_free(&w->index_aux);
	free(w->name);
	free(w);
}

static int find_table(const struct zlt_writer *w, const char *codec,
		      size_t *table)
{
	size_t i;

	for (i = 0; i < w->table_count; i++) {
		if (!strcmp(w->tables[i].name, codec)) {
			*table = i;
			return 0;
		}
	}
	return -ENOENT;
}

static int add_table(struct zlt_writer *w, const char *codec, size_t *table)
{
	struct size_table *grown;
	char *name = strdup(codec);

	grown = realloc(w->tables, (w->table_count + 1) * sizeof(*grown));
	if (grown)
		w->tables = grown;
	if (!grown || !name) {
		free(name);
		return -ENOMEM;
	}
	*table = w->table_count++;
	w->tables[*table] = (struct size_table){ .name = name };
	return 0;
}

static bool codec_name_ok(const char *codec)
{
	size_t len = strlen(codec), i;

	for (i = 0; i < len; i++)
		if ((unsigned char)codec[i] <= ' ' || codec[i] == 0x7f)
			return false;
	return len && len <= ZLT_CODEC_MAX;
}

static int check_options(const struct zlt_options *o, const char *name,
			 struct err *err)
{
	size_t i, j;

	if (o->columns & ~(ZLT_TIME | ZLT_CPU | ZLT_TID) ||
	    o->objects > ZLT_OBJECT_HASHES ||
	    o->block_events > BLOCK_EVENTS_MAX ||
	    o->block_pages > BLOCK_PAGES_MAX || o->level < 0 || o->level > 19 ||
	    (o->objects == ZLT_OBJECT_SIZES && o->sizer_count))
		return err_set(err, -EINVAL, "%s: bad trace options", name);
	for (i = 0; i < o->sizer_count; i++) {
		if (!codec_name_ok(o->sizers[i].name))
			return err_set(err, -EINVAL,
				       "%s: a codec's name takes 1 to %d "
				       "printable characters",
				       name, ZLT_CODEC_MAX);
		for (j = 0; j < i; j++)
			if (!strcmp(o->sizers[i].name, o->sizers[j].name))
				return err_set(err, -EINVAL,
					       "%s: codec %s is given twice",
					       name, o->sizers[i].name);
	}
	return 0;
}

static int take_options(struct zlt_writer *w, const struct zlt_options *o)
{
	size_t n, i, table;

	w->columns = o->columns;
	w->objects = o->objects;
	w->block_events = o->block_events ?: BLOCK_EVENTS_DEFAULT;
	w->block_pages = o->block_pages ?: BLOCK_PAGES_DEFAULT;
	w->level = o->level ?: PAGES_LEVEL_DEFAULT;
	n = w->block_events;
	w->op = malloc(n * sizeof(*w->op));
	w->key = malloc(n * sizeof(*w->key));
	w->object = malloc(n * sizeof(*w->object));
	w->time_ns = malloc(n * sizeof(*w->time_ns));
	w->cpu = malloc(n * sizeof(*w->cpu));
	w->tid = malloc(n * sizeof(*w->tid));
	w->sizers = calloc(o->sizer_count + 1, sizeof(*w->sizers));
	w->zstd = ZSTD_createCCtx();
	if (!w->op || !w->key || !w->object || !w->time_ns || !w->cpu ||
	    !w->tid || !w->sizers || !w->zstd ||
	    column_writer_init(&w->columns_out))
		return -ENOMEM;
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, w->level);
	for (i = 0; i < o->sizer_count; i++) {
		if (add_table(w, o->sizers[i].name, &table))
			return -ENOMEM;
		w->sizers[i] = o->sizers[i];
		w->sizers[i].name = w->tables[table].name;
		w->sizer_count++;
	}
	return 0;
}

static int write_file_head(struct zlt_writer *w, struct err *err)
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
		return fail(w, err, -ENOMEM, "file head");
	return write_block(w, err, "file head");
}

struct zlt_writer *zlt_create_fd(int fd, const char *name, json_t *meta,
				 const struct zlt_options *opts,
				 struct err *err)
{
	static const struct zlt_options defaults;
	struct zlt_writer *w;
	struct stat st;
	int rc;

	if (!opts)
		opts = &defaults;
	rc = check_options(opts, name, err);
	if (!rc && meta && !json_is_object(meta))
		rc = err_set(err, -EINVAL, "%s: metadata is not a JSON object",
			     name);
	w = rc ? NULL : calloc(1, sizeof(*w));
	if (!w) {
		if (!rc)
			rc = err_set(err, -ENOMEM, "%s: out of memory", name);
		close(fd);
		errno = -rc;
		return NULL;
	}
	w->fd = fd;
	w->truncates = !fstat(fd, &st) && S_ISREG(st.st_mode);
	w->name = strdup(name);
	if (!w->name || take_options(w, opts)) {
		rc = err_set(err, -ENOMEM, "%s: out of memory", name);
	} else {
		rc = write_file_head(w, err);
		if (!rc)
			rc = write_json(w, BLOCK_META, meta, err);
	}
	if (rc) {
		free_writer(w);
		errno = -rc;
		return NULL;
	}
	return w;
}

struct zlt_writer *zlt_create(const char *path, json_t *meta,
			      const struct zlt_options *opts, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0) {
		int code = errno;

		err_set(err, -code, "%s: cannot be written: %s", path,
			strerror(code));
		errno = code;
		return NULL;
	}
	return zlt_create_fd(fd, path, meta, opts, err);
}

/* The dense id of a key; a key that appears first must be stored. */
static int key_id(struct zlt_writer *w, const struct zlt_event *event,
		  uint32_t *id, struct err *err)
{
	const uint8_t dead = 0;
	Word_t *slot;

	slot = (Word_t *)JudyLGet(w->key_ids, event->key, PJE0);
	if (slot) {
		*id = (uint32_t)*slot;
		return 0;
	}
	if (event->op != ZLT_STORE)
		return err_set(err, -ENOENT,
			       "%s: event %llu: %s of key %llu, which was "
			       "never stored",
			       w->name, (unsigned long long)w->events,
			       zlt_op_name(event->op),
			       (unsigned long long)event->key);
	if (w->keys == UINT32_MAX)
		return fail(w, err, -EFBIG, "more than 2^32-1 keys");
	slot = (Word_t *)JudyLIns(&w->key_ids, event->key, PJE0);
	if (!slot || slot == PJERR ||
	    column_buf_add(&w->key_state, &dead, sizeof(dead)) ||
	    column_buf_add(&w->new_keys, &event->key, sizeof(event->key)))
		return fail(w, err, -ENOMEM, "keys");
	*slot = w->keys;
	*id = w->keys++;
	return 0;
}

static void track_live(struct zlt_writer *w, enum zlt_op op, uint32_t id)
{
	uint8_t *state = &w->key_state.data[id], old = *state;

	switch (op) {
	case ZLT_STORE:
		*state = KEY_LIVE | KEY_LIVE_EXCLUSIVE;
		w->live += !(old & KEY_LIVE);
		w->live_exclusive += !(old & KEY_LIVE_EXCLUSIVE);
		break;
	case ZLT_LOAD:
		*state &= (uint8_t)~KEY_LIVE_EXCLUSIVE;
		w->live_exclusive -= !!(old & KEY_LIVE_EXCLUSIVE);
		break;
	default:
		*state = 0;
		w->live -= !!(old & KEY_LIVE);
		w->live_exclusive -= !!(old & KEY_LIVE_EXCLUSIVE);
	}
	if (w->live > w->totals.live_peak)
		w->totals.live_peak = w->live;
	if (w->live_exclusive > w->totals.live_peak_exclusive)
		w->totals.live_peak_exclusive = w->live_exclusive;
}

static int add_label(struct zlt_writer *w, const char *label, struct err *err)
{
	size_t len = label ? strlen(label) : 0, i;

	for (i = 0; i < len; i++)
		if ((unsigned char)label[i] < ' ' || label[i] == 0x7f)
			break;
	if (!len || len > ZLT_LABEL_MAX || i < len)
		return err_set(err, -EINVAL,
			       "%s: event %llu: the label of a mark takes 1 to "
			       "%d bytes without control characters",
			       w->name, (unsigned long long)w->events,
			       ZLT_LABEL_MAX);
	if (column_buf_add(&w->labels, label, len + 1))
		return fail(w, err, -ENOMEM, "labels");
	return 0;
}

static int check_object(struct zlt_writer *w, const struct zlt_event *event,
			struct err *err)
{
	unsigned long long nr = w->events;

	if (w->objects != ZLT_OBJECT_SIZES) {
		if (event->object < w->contents)
			return 0;
		return err_set(err, -EINVAL,
			       "%s: event %llu: content id %u was not given "
			       "out",
			       w->name, nr, event->object);
	}
	if (event->object && event->object <= ZLT_PAGE_SIZE)
		return 0;
	return err_set(err, -EINVAL,
		       "%s: event %llu: size %u of a store is not in 1..%d",
		       w->name, nr, event->object, ZLT_PAGE_SIZE);
}

struct zlt_writer *resume_writer(int fd, const char *name,
				 const struct zlt_reader *r, struct err *err)
{
	const struct zlt_options opts = { .columns = r->info.columns,
					  .objects = r->info.objects };
	struct zlt_writer *w = calloc(1, sizeof(*w));
	size_t i, table;

	if (!w) {
		close(fd);
		goto nomem;
	}
	w->fd = fd;
	w->name = strdup(name);
	if (!w->name || take_options(w, &opts))
		goto nomem;
	for (i = 0; i < r->codec_count; i++) {
		if (add_table(w, r->codecs[i].name, &table))
			goto nomem;
		w->tables[table].next = (uint32_t)r->codecs[i].known;
	}
	w->events = r->info.events;
	w->keys = (uint32_t)r->info.keys;
	w->contents = (uint32_t)r->info.contents;
	w->info_first = w->contents;
	w->page_first = w->contents;
	memcpy(w->totals.ops, r->info.ops, sizeof(w->totals.ops));
	memcpy(w->totals.part_bytes, r->info.part_bytes,
	       sizeof(w->totals.part_bytes));
	w->totals.live_peak = r->info.live_peak;
	w->totals.live_peak_exclusive = r->info.live_peak_exclusive;
	if (write_file_head(w, err)) {
		free_writer(w);
		return NULL;
	}
	return w;
nomem:
	if (w)
		free_writer(w);
	err_set(err, -ENOMEM, "%s: out of memory", name);
	return NULL;
}

int copy_block(struct zlt_writer *w, const struct block *block,
	       const uint8_t *payload, size_t length, struct err *err)
{
	int rc = begin_block(w);

	if (!rc)
		rc = column_buf_add(&w->block, payload, length);
	if (rc)
		return fail(w, err, rc, block_type_name(block->type));
	return end_block(w, block->type, block->first, block->count, block->aux,
			 err);
}

int zlt_event(struct zlt_writer *w, const struct zlt_event *event,
	      struct err *err)
{
	uint32_t at = w->pending, id = 0;
	int rc = 0;

	if (w->failed)
		return failed_before(w, err);
	switch (event->op) {
	case ZLT_STORE:
		rc = check_object(w, event, err);
		if (rc)
			return rc;
		/* fallthrough */
	case ZLT_LOAD:
	case ZLT_INVALIDATE:
		rc = key_id(w, event, &id, err);
		if (!rc)
			track_live(w, event->op, id);
		break;
	case ZLT_COMPACT:
		break;
	case ZLT_MARK:
		rc = add_label(w, event->label, err);
		break;
	default:
		rc = err_set(err, -EINVAL, "%s: event %llu: unknown op %u",
			     w->name, (unsigned long long)w->events, event->op);
	}
	if (rc)
		return rc;
	w->op[at] = event->op;
	w->key[at] = id;
	w->time_ns[at] = event->time_ns;
	w->cpu[at] = event->cpu;
	w->tid[at] = event->tid;
	if (event->op == ZLT_STORE)
		w->object[w->stores++] = event->object;
	w->block_ops[event->op]++;
	w->pending++;
	w->events++;
	if (w->pending == w->block_events || w->labels.len >= BLOCK_LABEL_BYTES)
		return write_events(w, err);
	return 0;
}

static bool same_filled(const void *page, uint64_t *fill)
{
	const char *bytes = page;

	memcpy(fill, page, sizeof(*fill));
	/* Every byte equals the one a word before it. */
	return !memcmp(bytes, bytes + sizeof(*fill),
		       ZLT_PAGE_SIZE - sizeof(*fill));
}

/* Describe the next content id; its sizes must be in the tables already. */
static int add_content(struct zlt_writer *w, uint64_t hash, bool same,
		       uint64_t fill, uint32_t *id, struct err *err)
{
	uint8_t flags = same ? PAGE_SAME_FILLED : 0;

	if (column_buf_add(&w->hashes, &hash, sizeof(hash)) ||
	    column_buf_add(&w->flags, &flags, sizeof(flags)) ||
	    (same && column_buf_add(&w->fills, &fill, sizeof(fill))))
		return fail(w, err, -ENOMEM, "page info");
	*id = w->contents++;
	if (w->contents - w->info_first < BLOCK_INFO_IDS)
		return 0;
	if (write_pages(w, err) || write_infos(w, err))
		return w->failed;
	return 0;
}

static int add_size(struct zlt_writer *w, size_t i, long size, struct err *err)
{
	uint16_t size16 = (uint16_t)size;

	if (size < 0 || size > UINT16_MAX)
		return fail(w, err, size < 0 ? (int)size : -ERANGE,
			    w->sizers[i].name);
	if (column_buf_add(&w->tables[i].sizes, &size16, sizeof(size16)))
		return fail(w, err, -ENOMEM, "sizes");
	w->tables[i].next = w->contents + 1;
	return 0;
}

/*
 * Find the id of a page, or the slot where the next id goes. Two pages whose
 * hashes agree in the low half share a Judy neighbourhood: the next free one.
 */
static Word_t *content_slot(struct zlt_writer *w, XXH128_hash_t hash,
			    bool *known)
{
	const uint64_t *high = (const uint64_t *)w->content_high.data;
	Word_t at = hash.low64, *slot;

	for (;; at++) {
		slot = (Word_t *)JudyLIns(&w->content_ids, at, PJE0);
		if (!slot || slot == PJERR)
			return NULL;
		*known = *slot && high[*slot - 1] == hash.high64;
		if (!*slot || *known)
			return slot;
	}
}

int zlt_page(struct zlt_writer *w, const void *page, uint32_t *id,
	     struct err *err)
{
	XXH128_hash_t hash;
	uint64_t fill;
	Word_t *slot;
	bool known, same;
	size_t i;
	int rc = 0;

	if (w->failed)
		return failed_before(w, err);
	if (w->objects == ZLT_OBJECT_SIZES)
		return fail(w, err, -EINVAL, "a trace of sizes takes no pages");
	hash = XXH3_128bits(page, ZLT_PAGE_SIZE);
	slot = content_slot(w, hash, &known);
	if (!slot)
		return fail(w, err, -ENOMEM, "contents");
	if (known) {
		*id = (uint32_t)(*slot - 1);
		return 0;
	}
	if (w->contents == UINT32_MAX)
		return fail(w, err, -EFBIG, "more than 2^32-1 contents");
	if (column_buf_add(&w->content_high, &hash.high64, sizeof(uint64_t)))
		return fail(w, err, -ENOMEM, "contents");
	*slot = (Word_t)w->contents + 1;
	for (i = 0; !rc && i < w->sizer_count; i++)
		rc = add_size(w, i,
			      w->sizers[i].size
				      ? w->sizers[i].size(w->sizers[i].arg,
							  page)
				      : 0,
			      err);
	if (rc)
		return rc;
	if (w->objects == ZLT_OBJECT_PAGES &&
	    column_buf_add(&w->pages, page, ZLT_PAGE_SIZE))
		return fail(w, err, -ENOMEM, "pages");
	same = same_filled(page, &fill);
	rc = add_content(w, hash.low64, same, fill, id, err);
	if (!rc && w->pages.len == (size_t)w->block_pages * ZLT_PAGE_SIZE)
		rc = write_pages(w, err);
	return rc;
}

int zlt_page_sized(struct zlt_writer *w, const uint16_t *sizes, uint32_t *id,
		   struct err *err)
{
	const uint64_t unseen = 0;
	size_t i;
	int rc = 0;

	if (w->failed)
		return failed_before(w, err);
	if (w->objects != ZLT_OBJECT_HASHES)
		return fail(w, err, -EINVAL, "this trace takes no sized pages");
	if (w->contents == UINT32_MAX)
		return fail(w, err, -EFBIG, "more than 2^32-1 contents");
	if (column_buf_add(&w->content_high, &unseen, sizeof(unseen)))
		return fail(w, err, -ENOMEM, "contents");
	for (i = 0; !rc && i < w->sizer_count; i++)
		rc = add_size(w, i, sizes[i], err);
	return rc ? rc : add_content(w, 0, false, 0, id, err);
}

int zlt_sizes_add(struct zlt_writer *w, const char *codec, uint32_t first,
		  uint32_t count, const uint16_t *sizes, struct err *err)
{
	size_t table;
	int rc;

	if (w->failed)
		return failed_before(w, err);
	if (!codec_name_ok(codec))
		return err_set(err, -EINVAL, "%s: bad name of a codec",
			       w->name);
	if (find_table(w, codec, &table) && add_table(w, codec, &table))
		return fail(w, err, -ENOMEM, "sizes");
	if (table < w->sizer_count || first != w->tables[table].next ||
	    count > w->contents - first)
		return err_set(err, -EINVAL,
			       "%s: sizes of %s start at content %u of %u",
			       w->name, codec, w->tables[table].next,
			       w->contents);
	rc = write_pages(w, err);
	if (!rc)
		rc = write_infos(w, err);
	while (!rc && count) {
		uint32_t n = count < BLOCK_IDS_MAX ? count : BLOCK_IDS_MAX;

		rc = write_sizes(w, table, first, sizes, n, err);
		first += n;
		sizes += n;
		count -= n;
		w->tables[table].next = first;
	}
	return rc;
}

int zlt_flush(struct zlt_writer *w, struct err *err)
{
	return w->failed ? failed_before(w, err) : write_events(w, err);
}

uint64_t zlt_written(const struct zlt_writer *w)
{
	return w->written;
}

uint32_t zlt_contents(const struct zlt_writer *w)
{
	return w->contents;
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

static int write_index(struct zlt_writer *w, struct err *err)
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
		return fail(w, err, rc, "index");
	rc = end_block(w, BLOCK_INDEX, 0, blocks, 0, err);
	if (rc)
		return rc;
	memcpy(trailer.magic, TRAILER_MAGIC, MAGIC_SIZE);
	trailer.checksum = htole64(
		XXH3_64bits(&trailer, offsetof(struct trailer, checksum)));
	w->block.len = 0;
	if (column_buf_add(&w->block, &trailer, sizeof(trailer)))
		return fail(w, err, -ENOMEM, "trailer");
	return write_block(w, err, "trailer");
}

int zlt_close(struct zlt_writer *w, json_t *stats, struct err *err)
{
	int rc = zlt_flush(w, err);

	if (!rc && stats)
		rc = write_json(w, BLOCK_STATS, stats, err);
	if (!rc)
		rc = write_index(w, err);
	if (close(w->fd) && !rc)
		rc = fail(w, err, -errno, "cannot be closed");
	w->fd = -1;
	free_writer(w);
	return rc;
}

void zlt_abort(struct zlt_writer *w)
{
	if (w)
		free_writer(w);
}
