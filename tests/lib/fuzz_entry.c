// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "tests/lib/fuzz_entry.h"
#include "traces/csv.h"
#include "traces/summary.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)

enum {
	FILE_HEAD = 24,
	BLOCK_HEAD = 32,
	CHECKSUM = 8,
	TRAILER = 24
};

static void must(int ok)
{
	if (!ok)
		abort();
}

/* A file in memory that has a path. */
static int memory_file(const uint8_t *data, size_t len, char path[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0);
	must(write(fd, data, len) == (ssize_t)len);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void put_checksum(uint8_t *data, size_t len)
{
	uint64_t sum = htole64(XXH3_64bits(data, len));

	memcpy(data + len, &sum, sizeof(sum));
}

/* Make every checksum right, so that what is behind them is reached. */
static void fix_checksums(uint8_t *data, size_t len)
{
	size_t pos = FILE_HEAD;
	uint32_t length;

	if (len < FILE_HEAD)
		return;
	put_checksum(data, FILE_HEAD - CHECKSUM);
	while (len - pos >= BLOCK_HEAD + CHECKSUM) {
		memcpy(&length, data + pos + 8, sizeof(length));
		length = le32toh(length);
		if (length > len - pos - BLOCK_HEAD - CHECKSUM)
			return;
		put_checksum(data + pos, BLOCK_HEAD + length);
		pos += BLOCK_HEAD + length + CHECKSUM;
	}
	if (len - pos == TRAILER)
		put_checksum(data + pos, TRAILER - CHECKSUM);
}

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
static void write_out(struct zlt_reader *r)
{
	const struct zlt_info *info = zlt_info(r);
	struct err err = { "" };
	struct summary s;
	json_t *json;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	must(out && !zlt_seek(r, 0, &err));
	if (!summary_make(r, &s, &err)) {
		summary_print(info, &s, out);
		json = summary_json(info, &s);
		must(json != NULL);
		json_decref(json);
	}
	summary_free(&s);
	must(!zlt_seek(r, 0, &err));
	csv_export(r, NULL, out, &err);
	fclose(out);
	free(text);
}

static void read_trace(const char *path, unsigned int want)
{
	struct err err = { "" };
	struct zlt_reader *r = zlt_open(path, want, &err);
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
		write_out(r);
	zlt_reader_close(r);
}

void fuzz_zlt(const uint8_t *data, size_t len)
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

static void same_bytes(int a, int b)
{
	off_t len = lseek(a, 0, SEEK_END);
	void *x, *y;

	must(len > 0 && lseek(b, 0, SEEK_END) == len);
	x = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, a, 0);
	y = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, b, 0);
	must(x != MAP_FAILED && y != MAP_FAILED);
	must(!memcmp(x, y, (size_t)len));
	munmap(x, (size_t)len);
	munmap(y, (size_t)len);
}

void fuzz_csv(const uint8_t *data, size_t len)
{
	char csv[32], zlt[32], csv2[32], zlt2[32];
	int fd[4] = { memory_file(data, len, csv), memory_file(NULL, 0, zlt),
		      -1, memory_file(NULL, 0, zlt2) };
	struct err err = { "" };
	struct zlt_reader *r;
	char *text = NULL;
	size_t text_len;
	FILE *out;

	if (csv_import(csv, zlt, 0, NULL, &err)) {
		must(err.text[0] && !strchr(err.text, '\n'));
		goto out;
	}
	r = zlt_open(zlt, ALL | ZLT_KEYS, &err);
	out = open_memstream(&text, &text_len);
	must(r && out && !csv_export(r, NULL, out, &err));
	must(!fclose(out));
	zlt_reader_close(r);
	fd[2] = memory_file((const uint8_t *)text, text_len, csv2);
	must(!csv_import(csv2, zlt2, 0, NULL, &err));
	same_bytes(fd[1], fd[3]);
	close(fd[2]);
	free(text);
out:
	close(fd[0]);
	close(fd[1]);
	close(fd[3]);
}
