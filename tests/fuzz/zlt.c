// SPDX-License-Identifier: GPL-2.0-or-later
/* A trace as it is, and with its checksums made right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "tests/fuzz/fuzz.h"
#include "traces/csv.h"
#include "traces/summary.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)

static void check_batch(const struct zlt_info *info, const struct zlt_batch *b)
{
	uint64_t sum = 0;
	size_t i;

	must(b->count > 0 && b->first + b->count <= info->events);
	for (i = 0; i < b->count; i++) {
		must(b->op[i] < ZLT_OPS);
		if (b->op[i] >= ZLT_COMPACT)
			must(!b->key[i]);
		else
			must(b->key[i] < info->keys);
		if (b->op[i] == ZLT_MARK)
			sum += strlen(b->labels[b->object[i]]);
		else if (b->op[i] != ZLT_STORE)
			must(!b->object[i]);
		else if (info->objects == ZLT_OBJECT_SIZES)
			must(b->object[i] && b->object[i] <= ZLT_PAGE_SIZE);
		else
			must(b->object[i] < info->contents);
		sum += b->orig ? b->orig[i] : 0;
		sum += b->time_ns ? b->time_ns[i] : 0;
		sum += b->cpu ? b->cpu[i] : 0;
		sum += b->tid ? b->tid[i] : 0;
	}
	/* Every value was read. */
	__asm__ volatile("" : : "r"(sum));
}

static void read_pages(struct zlt_reader *r)
{
	const struct zlt_info *info = zlt_info(r);
	struct zlt_cursor *c = zlt_cursor_open(r, 1, NULL);
	uint32_t i, step = 1 + (uint32_t)info->contents / 50;
	const void *page;

	for (i = 0; c && i < info->contents; i += step)
		if (!zlt_content(c, i, &page, NULL))
			must(XXH3_64bits(page, ZLT_PAGE_SIZE) | 1);
	zlt_cursor_close(c);
}

static void read_tables(struct zlt_reader *r)
{
	const struct zlt_info *info = zlt_info(r);
	const struct zlt_page_info *infos;
	const uint16_t *sizes;
	const uint64_t *keys;
	size_t i;

	zlt_keys(r, &keys, NULL);
	zlt_page_infos(r, &infos, NULL);
	for (i = 0; i < info->codec_count; i++)
		zlt_sizes(r, info->codecs[i].name, &sizes, NULL);
	read_pages(r);
}

/* The tables of a summary are large: once per input is enough. */
static void write_out(struct source *source)
{
	const struct zlt_info *info = source_info(source);
	struct err err = { "" };
	struct summary s;
	json_t *json;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	must(out && !source_rewind(source, &err));
	if (!summary_make(source, &s, &err)) {
		summary_print(info, &s, out);
		json = summary_json(info, &s);
		must(json != NULL);
		json_decref(json);
	}
	summary_free(&s);
	must(!source_rewind(source, &err));
	csv_export(source, NULL, out, &err);
	fclose(out);
	free(text);
}

static void read_trace(const char *path, unsigned int want)
{
	struct err err = { "" };
	struct source *source = source_open(path, want, &err);
	struct zlt_reader *r = source ? source_file(source) : NULL;
	const struct zlt_info *info;
	struct zlt_batch b;
	uint64_t n = 0;
	int rc;

	if (!r) {
		must(err.text[0]);
		return;
	}
	info = zlt_info(r);
	while ((rc = zlt_next(r, &b, &err)) == 1) {
		must(b.first == n);
		check_batch(info, &b);
		n += b.count;
	}
	must(rc || n == info->events);
	must(!rc || err.text[0]);
	if (info->events && !zlt_seek(r, info->events / 2, &err) &&
	    zlt_next(r, &b, &err) == 1)
		check_batch(info, &b);
	read_tables(r);
	if (want == (ALL | ZLT_KEYS))
		write_out(source);
	source_close(source);
}

void fuzz(const uint8_t *data, size_t len)
{
	uint8_t *fixed = malloc(len + 1);
	char path[32];
	int fd;

	must(fixed != NULL);
	fd = memory_file(data, len, path);
	read_trace(path, 0);
	read_trace(path, ALL | ZLT_KEYS | ZLT_SALVAGE);
	if (len)
		memcpy(fixed, data, len);
	fix_checksums(fixed, len);
	must(pwrite(fd, fixed, len, 0) == (ssize_t)len);
	read_trace(path, ALL | ZLT_KEYS);
	read_trace(path, ZLT_SALVAGE);
	close(fd);
	free(fixed);
}
