// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream gives what the file written from the same spec gives: every event,
 * every column and every count, also the second time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/sample.h"
#include "traces/generate.h"
#include "traces/source.h"
#include "traces/summary.h"

#define WANT (ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS)

static const char *const specs[] = {
	"uniform:keys=500,ops=40000,threads=3",
	"uniform:keys=1,ops=1000",
	"uniform:ops=0",
	"zipf:keys=5000,ops=40000,skew=1.3,sizes=zstd,seed=9",
	"zipf:keys=500,ops=40000,threads=9,cpus=4,burst=1,classes=7",
	"churn",
	"churn:keys=20000,rounds=5,compact=on,share=0.3,threads=4",
	"churn:keys=3,rounds=900,compact=on",
	"churn:keys=1,share=1,rounds=2",
	"churn:keys=70,share=0,rounds=2",
	"churn:keys=500,rounds=3,threads=4,cpus=4,sizes=uniform,min=9,max=90",
	"heavy-swap:keys=20000,rounds=2",
	"aged:keys=20000,threads=3,sizes=fixed,size=77",
	"scan:keys=500,ops=40000,window=50",
	"scan:keys=1,ops=100",
	"scan:keys=7,ops=100,window=7",
};

#define SPECS (sizeof(specs) / sizeof(*specs))

static struct source *must_open(const char *name, unsigned int want)
{
	struct err err = { "" };
	struct source *s = source_open(name, want, &err);

	if (!s)
		fail_msg("%s: %s", name, err.text);
	return s;
}

/* A source whose batches may end anywhere, event by event. */
struct events {
	struct source *s;
	struct zlt_batch b;
	size_t at;
	uint64_t n;
};

static bool next(struct events *e)
{
	struct err err = { "" };
	int rc;

	e->n++;
	if (++e->at < e->b.count)
		return true;
	e->at = 0;
	rc = source_next(e->s, &e->b, &err);
	if (rc < 0)
		fail_msg("%s", err.text);
	if (rc)
		assert_int_equal(e->b.first, e->n - 1);
	return rc;
}

static void same_event(const struct events *x, const struct events *y,
		       unsigned int want)
{
	const struct zlt_batch *a = &x->b, *b = &y->b;
	size_t i = x->at, j = y->at;

	assert_int_equal(a->op[i], b->op[j]);
	assert_int_equal(a->key[i], b->key[j]);
	if (a->op[i] == ZLT_MARK)
		assert_string_equal(a->labels[a->object[i]],
				    b->labels[b->object[j]]);
	else
		assert_int_equal(a->object[i], b->object[j]);
	if (want & ZLT_TIME)
		assert_int_equal(a->time_ns[i], b->time_ns[j]);
	if (want & ZLT_CPU)
		assert_int_equal(a->cpu[i], b->cpu[j]);
	if (want & ZLT_TID)
		assert_int_equal(a->tid[i], b->tid[j]);
	if (want & ZLT_KEYS)
		assert_int_equal(a->orig[i], b->orig[j]);
}

static void same_events(struct source *s, struct source *t, unsigned int want)
{
	struct events a = { .s = s }, b = { .s = t };
	bool more;

	while (more = next(&a), assert_int_equal(next(&b), more), more)
		same_event(&a, &b, want);
	assert_int_equal(a.n - 1, source_info(s)->events);
}

static void same_info(const struct zlt_info *a, const struct zlt_info *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->finished, b->finished);
	assert_string_equal(a->note, b->note);
	assert_int_equal(a->columns, b->columns);
	assert_int_equal(a->objects, b->objects);
	assert_int_equal(a->events, b->events);
	assert_memory_equal(a->ops, b->ops, sizeof(a->ops));
	assert_int_equal(a->keys, b->keys);
	assert_int_equal(a->contents, b->contents);
	assert_int_equal(a->live_peak, b->live_peak);
	assert_int_equal(a->live_peak_exclusive, b->live_peak_exclusive);
	assert_int_equal(a->codec_count, b->codec_count);
	assert_true(json_equal(a->meta, b->meta));
}

static void test_same(void **state)
{
	static const unsigned int wants[] = { WANT, 0, ZLT_CPU };
	const char *path = temp_path("source.zlt");
	struct source *file, *stream;
	size_t i, k;

	for (i = 0; i < SPECS; i++) {
		assert_int_equal(generate_trace(specs[i], path, NULL), 0);
		assert_true(source_is_stream(specs[i]));
		assert_false(source_is_stream(path));
		for (k = 0; k < 3; k++) {
			file = must_open(path, wants[k]);
			stream = must_open(specs[i], wants[k]);
			assert_null(source_file(stream));
			assert_non_null(source_file(file));
			same_info(source_info(stream), source_info(file));
			same_events(stream, file, wants[k]);
			assert_int_equal(source_rewind(stream, NULL), 0);
			assert_int_equal(source_rewind(file, NULL), 0);
			same_events(stream, file, wants[k]);
			source_close(file);
			source_close(stream);
		}
	}
	unlink(path);
}

/* A second pass can begin before the first has ended. */
static void test_rewind(void **state)
{
	struct source *a = must_open(specs[6], WANT);
	struct source *b = must_open(specs[6], WANT);
	struct zlt_batch batch;

	assert_int_equal(source_next(a, &batch, NULL), 1);
	assert_int_equal(source_next(a, &batch, NULL), 1);
	assert_int_equal(source_rewind(a, NULL), 0);
	same_events(a, b, WANT);
	source_close(a);
	source_close(b);
}

static void test_summary(void **state)
{
	const char *path = temp_path("source.zlt");
	struct summary a, b;
	struct source *s;
	json_t *x, *y;
	size_t i;

	for (i = 0; i < SPECS; i++) {
		assert_int_equal(generate_trace(specs[i], path, NULL), 0);
		s = must_open(path, SUMMARY_WANT);
		assert_int_equal(summary_make(s, &a, NULL), 0);
		x = summary_json(source_info(s), &a);
		source_close(s);
		s = must_open(specs[i], SUMMARY_WANT);
		assert_int_equal(summary_make(s, &b, NULL), 0);
		y = summary_json(source_info(s), &b);
		source_close(s);
		json_object_del(x, "path");
		json_object_del(y, "path");
		json_object_del(x, "file_bytes");
		json_object_del(y, "file_bytes");
		json_object_del(x, "bytes");
		json_object_del(y, "bytes");
		assert_true(json_equal(x, y));
		json_decref(x);
		json_decref(y);
		summary_free(&a);
		summary_free(&b);
	}
	unlink(path);
}

/* Two names are the same stream if every option is. */
static void test_identity(void **state)
{
	char *a = source_identity("churn", NULL), *b, *c;

	b = source_identity("churn:rounds=10,seed=1", NULL);
	c = source_identity("churn:seed=2", NULL);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(a);
	free(b);
	free(c);
	assert_null(source_identity("churn:seed=x", NULL));
}

static void test_file_first(void **state)
{
	char *dir = strdup(temp_path("dir"));
	struct source *s;

	assert_int_equal(mkdir(dir, 0777), 0);
	assert_int_equal(chdir(dir), 0);
	assert_true(source_is_stream("churn"));
	assert_int_equal(generate_trace("scan:keys=3,ops=9", "churn", NULL), 0);
	assert_false(source_is_stream("churn"));
	s = must_open("churn", 0);
	assert_int_equal(source_info(s)->events, 9);
	source_close(s);
	unlink("churn");
	assert_int_equal(chdir("/"), 0);
	rmdir(dir);
	free(dir);
}

static void test_errors(void **state)
{
	static const struct {
		const char *name;
		int code;
		const char *says;
	} bad[] = {
		{ "churn:kyes=3", EINVAL, "kyes" },
		{ "chrun:keys=3", EINVAL, "there are uniform" },
		{ "zipf:contents=on", EINVAL, "zlab generate -o" },
		{ "churn:sizes=uniform,min=9,max=8", EINVAL, "min=9" },
		{ "uniform:cpus=2", EINVAL, "threads=1" },
		{ "absent.zlt", ENOENT, "absent.zlt" },
		{ "absent:0.zlt", ENOENT, "absent:0.zlt" },
	};
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_null(source_open(bad[i].name, 0, &err));
		assert_int_equal(errno, bad[i].code);
		if (!strstr(err.text, bad[i].says))
			fail_msg("%s: %s", bad[i].name, err.text);
	}
}

/* Both figures are said, and nothing is allocated before. */
static void test_room(void **state)
{
	struct rlimit old, less;
	struct err err = { "" };

	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	less = old;
	less.rlim_cur = 3ull << 30;
	if (setrlimit(RLIMIT_AS, &less))
		skip();
	assert_null(source_open("zipf:keys=1600000000,ops=9", 0, &err));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	assert_non_null(strstr(err.text, "need 7.5 GiB"));
	assert_non_null(strstr(err.text, "there are "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_file_first),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
