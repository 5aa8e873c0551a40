// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/random.h"
#include "tests/lib/sample.h"

#define KEYS 300

static uint64_t key_of(uint32_t k)
{
	/* Neighbours, far apart ones, and the ends of the range. */
	if (k == 7)
		return UINT64_MAX;
	return k % 3 ? zlt_key(k % 5, 0x7f1234000ull + k) : (uint64_t)k << 40;
}

static void make_pages(struct sample *s, uint64_t *state)
{
	uint32_t p, i;

	s->page_count = 70;
	s->pages = calloc(s->page_count, ZLT_PAGE_SIZE);
	assert_non_null(s->pages);
	for (p = 0; p < s->page_count; p++) {
		uint8_t *page = s->pages + (size_t)p * ZLT_PAGE_SIZE;

		/* Page 0 is zero and page 1 another same-filled one. */
		if (p == 1)
			memset(page, 0x5a, ZLT_PAGE_SIZE);
		for (i = 0; p > 1 && i < ZLT_PAGE_SIZE; i += 1 + p)
			page[i] = (uint8_t)next(state);
	}
}

static void make_event(struct sample *s, size_t i, enum zlt_objects objects,
		       bool *stored, uint64_t *state)
{
	struct zlt_event *e = &s->events[i];
	uint64_t dice = next(state) % 100;
	uint32_t k = (uint32_t)(next(state) % KEYS);

	e->time_ns = i * 1000 + next(state) % 5000;
	e->cpu = (uint16_t)(next(state) % 3 * 1000);
	e->tid = 4000000 + (uint32_t)(next(state) % 4);
	if (dice >= 97) {
		e->op = ZLT_MARK;
		snprintf(s->labels[i], sizeof(s->labels[i]), "at %zu, %s", i,
			 dice & 1 ? "\"even\"" : "\xc3\xa4");
		e->label = s->labels[i];
		return;
	}
	if (dice >= 95) {
		e->op = ZLT_COMPACT;
		return;
	}
	e->key = key_of(k);
	e->op = !stored[k] || dice < 50 ? ZLT_STORE
		: dice < 80		? ZLT_LOAD
					: ZLT_INVALIDATE;
	stored[k] = true;
	if (e->op == ZLT_STORE)
		e->object =
			objects == ZLT_OBJECT_SIZES
				? 1 + (uint32_t)(next(state) % ZLT_PAGE_SIZE)
				: (uint32_t)(next(state) % s->page_count);
}

struct sample *sample_make(size_t count, enum zlt_objects objects,
			   uint64_t seed)
{
	struct sample *s = calloc(1, sizeof(*s));
	bool stored[KEYS] = { false };
	size_t i;

	assert_non_null(s);
	s->count = count;
	s->events = calloc(count + 1, sizeof(*s->events));
	s->labels = calloc(count + 1, sizeof(*s->labels));
	assert_non_null(s->events);
	assert_non_null(s->labels);
	if (objects != ZLT_OBJECT_SIZES)
		make_pages(s, &seed);
	for (i = 0; i < count; i++)
		make_event(s, i, objects, stored, &seed);
	return s;
}

void sample_free(struct sample *s)
{
	free(s->events);
	free(s->labels);
	free(s->pages);
	free(s);
}

int sample_put(const struct sample *s, struct zlt_writer *w, bool pages,
	       struct err *err)
{
	uint32_t ids[128];
	size_t i;
	int rc;

	memset(ids, 0xff, sizeof(ids));
	for (i = 0; i < s->count; i++) {
		struct zlt_event e = s->events[i];

		if (pages && e.op == ZLT_STORE) {
			rc = zlt_page(
				w, s->pages + (size_t)e.object * ZLT_PAGE_SIZE,
				&ids[e.object], err);
			if (rc)
				return rc;
			e.object = ids[e.object];
		}
		rc = zlt_event(w, &e, err);
		if (rc)
			return rc;
	}
	return 0;
}

void sample_write(const struct sample *s, const char *path,
		  const struct zlt_options *opts)
{
	struct err err = { "" };
	json_t *meta = json_pack("{s:s, s:i}", "name", "sample", "count",
				 (int)s->count);
	json_t *stats = json_pack("{s:b}", "ended", 1);
	struct zlt_writer *w = zlt_create(path, meta, opts, &err);

	if (!w)
		fail_msg("%s", err.text);
	if (sample_put(s, w, opts && opts->objects != ZLT_OBJECT_SIZES, &err) ||
	    zlt_close(w, stats, &err))
		fail_msg("%s", err.text);
	json_decref(meta);
	json_decref(stats);
}

static void check_event(const struct sample *s, const struct zlt_batch *b,
			size_t i, struct zlt_cursor *cursor)
{
	const struct zlt_event *e = &s->events[b->first + i];
	struct err err = { "" };
	const void *page;

	assert_int_equal(b->op[i], e->op);
	if (b->orig)
		assert_true(b->orig[i] == e->key);
	if (b->time_ns)
		assert_true(b->time_ns[i] == e->time_ns);
	if (b->cpu)
		assert_int_equal(b->cpu[i], e->cpu);
	if (b->tid)
		assert_int_equal(b->tid[i], e->tid);
	if (e->op == ZLT_MARK) {
		assert_string_equal(b->labels[b->object[i]], e->label);
	} else if (e->op == ZLT_STORE && cursor) {
		if (zlt_content(cursor, b->object[i], &page, &err))
			fail_msg("%s", err.text);
		assert_memory_equal(
			page, s->pages + (size_t)e->object * ZLT_PAGE_SIZE,
			ZLT_PAGE_SIZE);
	} else if (!s->pages || e->op != ZLT_STORE) {
		assert_int_equal(b->object[i], e->object);
	}
}

int sample_check(const struct sample *s, struct zlt_reader *r, uint64_t from,
		 uint64_t *read, struct err *err)
{
	const struct zlt_info *info = zlt_info(r);
	struct zlt_cursor *cursor = NULL;
	struct zlt_batch b;
	size_t i;
	int rc;

	if (info->objects == ZLT_OBJECT_PAGES) {
		cursor = zlt_cursor_open(r, 1, err);
		assert_non_null(cursor);
	}
	*read = 0;
	while ((rc = zlt_next(r, &b, err)) == 1) {
		assert_true(b.first == from + *read);
		assert_true(b.count > 0);
		assert_true(b.first + b.count <= s->count);
		for (i = 0; i < b.count; i++) {
			assert_true(b.key[i] < info->keys ||
				    (b.op[i] >= ZLT_COMPACT && !b.key[i]));
			check_event(s, &b, i, cursor);
		}
		*read += b.count;
	}
	zlt_cursor_close(cursor);
	return rc;
}

const char *temp_path(const char *name)
{
	static char paths[8][512];
	static unsigned int slot;
	const char *dir = getenv("TMPDIR");
	char *path = paths[slot++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s.%d", dir ? dir : "/tmp", name,
		 (int)getpid());
	return path;
}

uint8_t *file_load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size >= 0);
	rewind(f);
	data = malloc((size_t)size + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, f), size);
	fclose(f);
	*len = (size_t)size;
	return data;
}

void file_save(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}
