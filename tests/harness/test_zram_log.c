// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The logs of zram in real kernels, written and discarded on a zram disk: the
 * pool's pages before every operation, each object's place in its zspage, and
 * mm_stat at every checkpoint must be the kernel's.
 *
 * A log has the objects that zram asked for, so pages of one repeated word are
 * not in it, and a page that is kept uncompressed comes as 4096 bytes. An object
 * that is freed right after another one was made was overwritten by it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "harness/swap/zram_disk.h"
#include "harness/verify/log.h"

#define VECTORS "tests/vectors/"
#define OBJECTS (1 << 17)
#define NOWHERE UINT32_MAX

struct kernel {
	const char *log, *spec, *backend;
};

/* @page: where an object of the log is on the disk; @free: pages without one */
struct player {
	struct zram_disk *z;
	json_t *checkpoints;
	size_t next_checkpoint;
	uint32_t page[OBJECTS];
	uint32_t free[OBJECTS], nr_free;
	uint64_t compared;
};

static uint64_t used(const struct player *p)
{
	struct zram_disk_stats s;

	zram_disk_stats(p->z, &s);
	return s.mem_used_total / SWAP_PAGE_SIZE;
}

static void check_before(struct player *p, const struct log_row *r)
{
	if (r->num[LOG_BEFORE] == LOG_ABSENT)
		return;
	if ((long)used(p) != r->num[LOG_BEFORE])
		fail_msg("line %lu: the kernel has %ld pages, the disk %llu",
			 r->line, r->num[LOG_BEFORE],
			 (unsigned long long)used(p));
	p->compared++;
}

static void check_place(struct player *p, const struct log_row *r)
{
	struct zpool *pool = zram_disk_pools(p->z)->at[0];
	struct zpool_location at;
	unsigned long handle;
	size_t length;

	assert_true(zram_disk_object(p->z, p->page[r->num[LOG_ID]], &handle,
				     &length));
	pool->driver->locate(pool, handle, &at);
	if ((long)at.at != r->num[LOG_AT])
		fail_msg("line %lu: slot %u, the kernel has %ld", r->line,
			 at.at, r->num[LOG_AT]);
	p->compared++;
}

static void check_stat(struct player *p, const struct log_row *r)
{
	const json_t *at = json_array_get(p->checkpoints, p->next_checkpoint++);
	const json_t *m = json_object_get(at, "mm_stat");
	struct zram_disk_stats s;
	size_t i;

	zram_disk_stats(p->z, &s);
	assert_string_equal(json_string_value(json_object_get(at, "label")),
			    r->note);
	const struct {
		const char *name;
		uint64_t n;
	} all[] = {
		{ "compr_data_size", s.compr_data_size },
		{ "mem_used_total", s.mem_used_total },
		{ "mem_used_max", s.mem_used_max },
		{ "pages_compacted", s.pages_compacted },
		{ "huge_pages", s.huge_pages },
		{ "huge_pages_since", s.huge_pages_since },
	};
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const json_t *n = json_object_get(m, all[i].name);

		if (n && (uint64_t)json_integer_value(n) != all[i].n)
			fail_msg("%s at %s: the kernel has %lld, the disk %llu",
				 all[i].name, r->note,
				 (long long)json_integer_value(n),
				 (unsigned long long)all[i].n);
	}
	assert_int_equal(
		json_integer_value(json_object_get(at, "live_objects")),
		s.objects);
}

static void write_object(struct player *p, const struct log_row *r,
			 uint32_t page)
{
	static char bytes[SWAP_PAGE_SIZE];

	memset(bytes, (int)r->num[LOG_ID], sizeof(bytes));
	p->page[r->num[LOG_ID]] = page;
	assert_int_equal(zram_disk_write(p->z, page, bytes,
					 (size_t)r->num[LOG_SIZE]),
			 0);
}

static void read_object(struct player *p, const struct log_row *r)
{
	char bytes[SWAP_PAGE_SIZE];

	assert_int_equal(zram_disk_read(p->z, p->page[r->num[LOG_ID]], bytes),
			 0);
	assert_int_equal((unsigned char)bytes[0], r->num[LOG_ID] % 256);
}

static void discard_object(struct player *p, const struct log_row *r)
{
	zram_disk_discard(p->z, p->page[r->num[LOG_ID]]);
	p->free[p->nr_free++] = p->page[r->num[LOG_ID]];
}

/* A write of @made, which takes the place of what @next frees, if it does. */
static bool overwrite(struct player *p, const struct log_row *made,
		      const struct log_row *next, bool more)
{
	bool over = more && next->op == 'f';
	uint32_t page =
		over ? p->page[next->num[LOG_ID]] : p->free[--p->nr_free];

	check_before(p, made);
	write_object(p, made, page);
	/* In between, the kernel had both; the disk has freed the old one. */
	if (!over)
		check_place(p, made);
	return over;
}

static void play(struct player *p, struct log *log)
{
	struct log_row row, made = { 0 };
	struct err err;
	int more;

	while ((more = log_next(log, &row, &err)) > 0 || made.op) {
		if (made.op) {
			bool over = overwrite(p, &made, &row, more > 0);

			made.op = 0;
			if (over)
				continue;
			if (more <= 0)
				break;
		}
		if (row.op == 'a') {
			made = row;
			continue;
		}
		check_before(p, &row);
		if (row.op == 'f')
			discard_object(p, &row);
		else if (row.op == 'c')
			assert_int_equal(zram_disk_compact(p->z),
					 row.num[LOG_AT]);
		else if (row.op == 'l')
			read_object(p, &row), check_place(p, &row);
		else if (row.op == 'm')
			check_stat(p, &row);
	}
	if (more < 0)
		fail_msg("%s", err.text);
}

static void meets_the_kernel(void **state)
{
	const struct kernel *k = *state;
	struct zram_disk_config config = { .backend = k->backend,
					   .sized = true,
					   .same_filled = true,
					   .pages = OBJECTS };
	struct player *p = calloc(1, sizeof(*p));
	struct log log;
	json_t *about;
	char path[128];
	struct err err;
	uint32_t i;

	assert_non_null(p);
	snprintf(path, sizeof(path), VECTORS "%s.json", k->log);
	about = json_load_file(path, 0, NULL);
	assert_non_null(about);
	p->checkpoints = json_object_get(about, "checkpoints");
	for (i = 0; i < OBJECTS; i++)
		p->free[p->nr_free++] = OBJECTS - 1 - i;
	assert_int_equal(spec_parse(&zram_spec, k->spec, &config.params, &err),
			 0);
	p->z = zram_disk_create(&config, &err);
	assert_non_null(p->z);
	snprintf(path, sizeof(path), VECTORS "%s.csv.zst", k->log);
	if (log_open(&log, path, &err))
		fail_msg("%s", err.text);
	play(p, &log);
	log_close(&log);
	assert_int_equal(p->next_checkpoint, json_array_size(p->checkpoints));
	assert_true(p->compared > 50000);
	if (zram_disk_validate(p->z, &err))
		fail_msg("%s", err.text);
	zram_disk_destroy(p->z);
	json_decref(about);
	free(p);
}

#define LOG(kernel, pattern)                                    \
	{                                                       \
		kernel "-zram-lz4-s4-" pattern, "zram@" kernel, \
			"zsmalloc@" kernel                      \
	}

int main(void)
{
	static struct kernel kernels[] = {
		LOG("5.10", "rand50"), LOG("6.1", "rand50"),
		LOG("6.12", "rand50"), LOG("6.12", "runs64"),
		LOG("7.2", "runs64"),  LOG("7.3", "rand50"),
	};
	struct CMUnitTest tests[sizeof(kernels) / sizeof(kernels[0])];
	size_t i;

	for (i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		tests[i] =
			(struct CMUnitTest){ kernels[i].log, meets_the_kernel,
					     NULL, NULL, &kernels[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
