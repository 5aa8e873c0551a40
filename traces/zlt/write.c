// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The public functions of the writer: they check events, give keys and contents
 * their ids, and collect both until a block is full.
 */
#include <Judy.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/output.h"
#include "traces/zlt/reader.h"
#include "traces/zlt/writer.h"

/* Whether a key is stored now: if loads keep the copy, and if they release it. */
#define KEY_LIVE 1
#define KEY_LIVE_EXCLUSIVE 2

_Static_assert(sizeof(Word_t) == sizeof(uint64_t), "keys must fit a Judy word");

/* Small enough that the decoded columns of a block stay in the L2 cache. */
#define BLOCK_EVENTS_DEFAULT 16384
/* A miss in a cursor's cache decompresses one block: 64 KiB. */
#define BLOCK_PAGES_DEFAULT 16
#define PAGES_LEVEL_DEFAULT 3
/* Content ids in one block of page info. */
#define BLOCK_INFO_IDS 4096
/* Bytes of labels that end a block of events early. */
#define BLOCK_LABEL_BYTES 65536

static void free_writer(struct zlt_writer *w)
{
	size_t i;

	if (w->fd >= 0)
		close(w->fd);
	output_discard(w->out);
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
		if (!codec_name_ok(o->sizers[i].name,
				   strlen(o->sizers[i].name)))
			return err_set(err, -EINVAL,
				       "%s: a codec's name takes 1 to %d "
				       "printable ASCII characters",
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
	int fd = -1, why;
	struct output *out = output_open(path, &fd, err);
	struct zlt_writer *w;

	if (!out)
		return NULL;
	w = zlt_create_fd(fd, path, meta, opts, err);
	if (w) {
		w->out = out;
		return w;
	}
	why = errno;
	output_discard(out);
	errno = why;
	return NULL;
}

int zlt_publish(struct zlt_writer *w, struct err *err)
{
	struct output *out = w->out;

	w->out = NULL;
	return out ? output_commit(out, err) : 0;
}

/* Find or make the dense id of a key. Only a store may name a new key. */
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
		return writer_fail(w, err, -EFBIG, "more than 2^32-1 keys");
	slot = (Word_t *)JudyLIns(&w->key_ids, event->key, PJE0);
	if (!slot || slot == PJERR ||
	    column_buf_add(&w->key_state, &dead, sizeof(dead)) ||
	    column_buf_add(&w->new_keys, &event->key, sizeof(event->key)))
		return writer_fail(w, err, -ENOMEM, "keys");
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
	if (!label || !zlt_label_ok(label))
		return err_set(err, -EINVAL,
			       "%s: event %llu: the label of a mark takes 1 to "
			       "%d bytes of UTF-8 without control characters",
			       w->name, (unsigned long long)w->events,
			       ZLT_LABEL_MAX);
	if (column_buf_add(&w->labels, label, strlen(label) + 1))
		return writer_fail(w, err, -ENOMEM, "labels");
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
			       "%s: event %llu: content id %u does not exist",
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

int zlt_event(struct zlt_writer *w, const struct zlt_event *event,
	      struct err *err)
{
	uint32_t at = w->pending, id = 0;
	int rc = 0;

	if (w->failed)
		return writer_failed(w, err);
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
	/* Every byte equals the byte one word before it. */
	return !memcmp(bytes, bytes + sizeof(*fill),
		       ZLT_PAGE_SIZE - sizeof(*fill));
}

/* Make the next content id; its sizes must be in the tables already. */
static int add_content(struct zlt_writer *w, uint64_t hash, bool same,
		       uint64_t fill, uint32_t *id, struct err *err)
{
	uint8_t flags = same ? PAGE_SAME_FILLED : 0;

	if (column_buf_add(&w->hashes, &hash, sizeof(hash)) ||
	    column_buf_add(&w->flags, &flags, sizeof(flags)) ||
	    (same && column_buf_add(&w->fills, &fill, sizeof(fill))))
		return writer_fail(w, err, -ENOMEM, "page info");
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
		return writer_fail(w, err, size < 0 ? (int)size : -ERANGE,
				   w->sizers[i].name);
	if (column_buf_add(&w->tables[i].sizes, &size16, sizeof(size16)))
		return writer_fail(w, err, -ENOMEM, "sizes");
	w->tables[i].next = w->contents + 1;
	return 0;
}

/*
 * Find the entry of a page by its hash, or an empty entry for a new id. Entries
 * are indexed by the low half of the hash; if another page has the same low
 * half, the next index is tried. An entry holds the id plus 1.
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
		return writer_failed(w, err);
	if (w->objects == ZLT_OBJECT_SIZES)
		return writer_fail(w, err, -EINVAL,
				   "a trace of sizes takes no pages");
	hash = XXH3_128bits(page, ZLT_PAGE_SIZE);
	slot = content_slot(w, hash, &known);
	if (!slot)
		return writer_fail(w, err, -ENOMEM, "contents");
	if (known) {
		*id = (uint32_t)(*slot - 1);
		return 0;
	}
	if (w->contents == UINT32_MAX)
		return writer_fail(w, err, -EFBIG, "more than 2^32-1 contents");
	if (column_buf_add(&w->content_high, &hash.high64, sizeof(uint64_t)))
		return writer_fail(w, err, -ENOMEM, "contents");
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
		return writer_fail(w, err, -ENOMEM, "pages");
	same = same_filled(page, &fill);
	rc = add_content(w, hash.low64, same, fill, id, err);
	if (!rc && w->pages.len == (size_t)w->block_pages * ZLT_PAGE_SIZE)
		rc = write_pages(w, err);
	return rc;
}

int zlt_page_sized(struct zlt_writer *w, const uint16_t *sizes, uint32_t *id,
		   struct err *err)
{
	const uint64_t no_hash = 0;
	size_t i;
	int rc = 0;

	if (w->failed)
		return writer_failed(w, err);
	if (w->objects != ZLT_OBJECT_HASHES)
		return writer_fail(w, err, -EINVAL,
				   "this trace takes no sized pages");
	if (w->contents == UINT32_MAX)
		return writer_fail(w, err, -EFBIG, "more than 2^32-1 contents");
	if (column_buf_add(&w->content_high, &no_hash, sizeof(no_hash)))
		return writer_fail(w, err, -ENOMEM, "contents");
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
		return writer_failed(w, err);
	if (!codec_name_ok(codec, strlen(codec)))
		return err_set(err, -EINVAL, "%s: bad name of a codec",
			       w->name);
	if (find_table(w, codec, &table) && add_table(w, codec, &table))
		return writer_fail(w, err, -ENOMEM, "sizes");
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
	return w->failed ? writer_failed(w, err) : write_events(w, err);
}

uint64_t zlt_written(const struct zlt_writer *w)
{
	return w->written;
}

uint32_t zlt_contents(const struct zlt_writer *w)
{
	return w->contents;
}

int zlt_close(struct zlt_writer *w, json_t *stats, struct err *err)
{
	int rc = zlt_flush(w, err);

	if (!rc && stats)
		rc = write_json(w, BLOCK_STATS, stats, err);
	if (!rc)
		rc = write_index(w, err);
	if (close(w->fd) && !rc)
		rc = writer_fail(w, err, -errno, "cannot be closed");
	w->fd = -1;
	if (!rc)
		rc = zlt_publish(w, err);
	free_writer(w);
	return rc;
}

void zlt_abort(struct zlt_writer *w)
{
	if (w)
		free_writer(w);
}
