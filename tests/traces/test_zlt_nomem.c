// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory runs out at every single place where it can: each way through writer,
 * reader, CSV, generator and summary ends with -ENOMEM and a line, or does
 * without. A sanitizer build also finds what is leaked on the way out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <Judy.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "tests/lib/sample.h"
#include "traces/csv.h"
#include "traces/generate.h"
#include "traces/summary.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)

/* Calls until one fails; 0 is never. */
static long countdown;
static bool failed;

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

/* The linker sends every call of the project's objects here. */
#define WRAP(type, name, params, args, failure)                \
	type __real_##name params;                             \
	type __wrap_##name params;                             \
	type __wrap_##name params                              \
	{                                                      \
		return fails() ? failure : __real_##name args; \
	}
WRAP(void *, malloc, (size_t n), (n), NULL)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL)
WRAP(char *, strdup, (const char *s), (s), NULL)
WRAP(char *, strndup, (const char *s, size_t n), (s, n), NULL)
WRAP(ZSTD_CCtx *, ZSTD_createCCtx, (void), (), NULL)
WRAP(ZSTD_DCtx *, ZSTD_createDCtx, (void), (), NULL)
WRAP(PPvoid_t, JudyLIns, (PPvoid_t array, Word_t i, P_JE), (array, i, PJError),
     PPJERR)
WRAP(int, Judy1Set, (PPvoid_t array, Word_t i, P_JE), (array, i, PJError), JERR)
WRAP(char *, json_dumps, (const json_t *json, size_t flags), (json, flags),
     NULL)
WRAP(json_t *, json_object, (void), (), NULL)

int __wrap_asprintf(char **to, const char *format, ...);

int __wrap_asprintf(char **to, const char *format, ...)
{
	va_list args;
	int rc;

	if (fails())
		return -1;
	va_start(args, format);
	rc = vasprintf(to, format, args);
	va_end(args);
	return rc;
}

/* Run @way with its first, second, ... call failing until none is left. */
static void starve(int (*way)(struct err *err))
{
	struct err err;
	long n;
	int rc;

	for (n = 1;; n++) {
		err.text[0] = '\0';
		failed = false;
		countdown = n;
		rc = way(&err);
		countdown = 0;
		if (!failed)
			break;
		if (rc && rc != -ENOMEM)
			fail_msg("call %ld: %d: %s", n, rc, err.text);
		if (rc && !err.text[0])
			fail_msg("call %ld: no line", n);
	}
	if (rc)
		fail_msg("without failures: %s", err.text);
	/* The way does allocate. */
	assert_true(n > 5);
}

static int one(void *arg, const void *page)
{
	return 1;
}

static struct sample *sample;
static struct zlt_sizer sizers[] = { { "one", one, NULL } };
static const struct zlt_options options = { .columns = ALL,
					    .objects = ZLT_OBJECT_PAGES,
					    .block_events = 16,
					    .block_pages = 2,
					    .sizers = sizers,
					    .sizer_count = 1 };
static char trace[512], other[512], text[512];

static int write_way(struct err *err)
{
	struct zlt_writer *w = zlt_create(other, NULL, &options, err);
	uint16_t sizes[2] = { 1, 2 };
	int rc;

	if (!w)
		return -errno;
	rc = sample_put(sample, w, true, err);
	if (!rc)
		rc = zlt_sizes_add(w, "two", 0, 2, sizes, err);
	if (!rc)
		return zlt_close(w, NULL, err);
	zlt_abort(w);
	return rc;
}

static int read_some(struct zlt_reader *r, struct err *err)
{
	const struct zlt_page_info *infos;
	const uint16_t *sizes;
	struct zlt_cursor *c;
	struct zlt_batch b;
	const void *page;
	uint32_t i;
	int rc;

	while ((rc = zlt_next(r, &b, err)) == 1)
		;
	if (!rc)
		rc = zlt_sizes(r, "one", &sizes, err);
	if (!rc)
		rc = zlt_page_infos(r, &infos, err);
	if (rc)
		return rc;
	c = zlt_cursor_open(r, 4 * ZLT_PAGE_SIZE, err);
	if (!c)
		return -errno;
	for (i = 0; !rc && i < zlt_info(r)->contents; i++)
		rc = zlt_content(c, i, &page, err);
	zlt_cursor_close(c);
	return rc;
}

static int read_way(struct err *err)
{
	struct zlt_reader *r = zlt_open(trace, ALL | ZLT_KEYS, err);
	int rc;

	if (!r)
		return -errno;
	rc = read_some(r, err);
	zlt_reader_close(r);
	return rc;
}

static int scan_way(struct err *err)
{
	struct zlt_reader *r = zlt_open(trace, ZLT_SALVAGE, err);

	if (!r)
		return -errno;
	zlt_reader_close(r);
	return 0;
}

static int append_way(struct err *err)
{
	static const uint16_t sizes[128];
	uint64_t n = 0;
	struct zlt_reader *r = zlt_open(trace, 0, err);

	if (!r)
		return -errno;
	n = zlt_info(r)->contents;
	zlt_reader_close(r);
	return zlt_append_sizes(trace, "more", sizes, n, err);
}

static int summary_way(struct err *err)
{
	struct source *r = source_open(trace, ALL, err);
	struct summary s;
	int rc;

	if (!r)
		return -errno;
	rc = summary_make(r, &s, err);
	if (!rc) {
		FILE *null = fopen("/dev/null", "w");
		json_t *json;

		if (null) {
			summary_print(source_info(r), &s, null);
			fclose(null);
		}
		json = summary_json(source_info(r), &s);
		if (!json)
			rc = err_set(err, -ENOMEM, "no JSON");
		json_decref(json);
	}
	summary_free(&s);
	source_close(r);
	return rc;
}

static int csv_way(struct err *err)
{
	return csv_import(text, other, 0, NULL, err);
}

static int generate_way(struct err *err)
{
	return generate_trace(
		"zipf:keys=20,ops=100,contents=on,threads=3,cpus=2", other,
		err);
}

static void test_all(void **state)
{
	snprintf(trace, sizeof(trace), "%s", temp_path("nomem.zlt"));
	snprintf(other, sizeof(other), "%s", temp_path("other.zlt"));
	snprintf(text, sizeof(text), "%s", temp_path("text.csv"));
	file_save(text, "op,key\nstore,1\nmark,\n", 21);
	sample = sample_make(100, ZLT_OBJECT_PAGES, 14);
	sample_write(sample, trace, &options);
	starve(write_way);
	starve(read_way);
	starve(scan_way);
	starve(summary_way);
	starve(csv_way);
	starve(generate_way);
	starve(append_way);
	sample_free(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
