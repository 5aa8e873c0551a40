// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traces that were cut, changed, not finished or are something else, and
 * writers that run out of disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "tests/lib/sample.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)
#define WANT (ALL | ZLT_KEYS)

static int one(void *arg, const void *page)
{
	return 1 + *(const uint8_t *)page;
}

static struct zlt_sizer sizers[] = { { "one", one, NULL } };

/* A trace with every kind of block, several of most, in a few KiB. */
static struct sample *small_trace(const char *path, enum zlt_objects objects)
{
	struct zlt_options opts = { .columns = ALL,
				    .objects = objects,
				    .block_events = 8,
				    .block_pages = 2,
				    .sizers = sizers,
				    .sizer_count = objects == ZLT_OBJECT_SIZES
							   ? 0
							   : 1 };
	struct sample *s = sample_make(30, objects, 11);

	sample_write(s, path, &opts);
	return s;
}

/*
 * Read everything a trace offers. Return: 0 when all of it could be read and
 * equals the sample as far as it goes; @events tells how far.
 */
static int read_all(const struct sample *s, const char *path, unsigned int want,
		    uint64_t *events, bool *noted, struct err *err)
{
	struct zlt_reader *r = zlt_open(path, want, err);
	const struct zlt_page_info *infos;
	const struct zlt_info *info;
	const uint16_t *sizes;
	const uint64_t *keys;
	int rc;

	*events = 0;
	if (!r)
		return -errno;
	info = zlt_info(r);
	rc = sample_check(s, r, 0, events, err);
	if (!rc)
		assert_int_equal(*events, info->events);
	if (!rc)
		rc = zlt_keys(r, &keys, err);
	if (!rc && info->codec_count)
		rc = zlt_sizes(r, info->codecs[0].name, &sizes, err);
	if (!rc && info->contents)
		rc = zlt_page_infos(r, &infos, err);
	*noted = info->note[0];
	if (!rc && info->finished)
		assert_string_equal(info->name, "sample");
	zlt_reader_close(r);
	return rc;
}

/* Offsets behind the file head and each block; the trailer is not in it. */
static size_t boundaries(const uint8_t *data, size_t len, size_t *at)
{
	size_t n = 0, pos = 24;
	uint32_t length;

	at[n++] = pos;
	while (pos + 40 <= len && !memcmp(data + pos, "ZBlk", 4)) {
		memcpy(&length, data + pos + 8, sizeof(length));
		pos += 40 + le32toh(length);
		at[n++] = pos;
	}
	assert_int_equal(pos, len - 24);
	return n;
}

static bool is_boundary(const size_t *at, size_t n, size_t pos)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (at[i] == pos)
			return true;
	return false;
}

/* Cut a trace at every byte. */
static void cut_everywhere(enum zlt_objects objects)
{
	const char *path = temp_path("whole.zlt"), *cut = temp_path("cut.zlt");
	struct sample *s = small_trace(path, objects);
	uint64_t events, salvaged, before = 0;
	size_t len, at[256], n, pos;
	uint8_t *data = file_load(path, &len);
	struct err err, err2;
	bool noted;
	int rc;

	n = boundaries(data, len, at);
	assert_true(n >= 8);
	for (pos = 0; pos < len; pos++) {
		file_save(cut, data, pos);
		err.text[0] = '\0';
		rc = read_all(s, cut, WANT, &events, &noted, &err);
		if (pos < 24) {
			assert_int_equal(rc, pos < 8 ? -EINVAL : -EBADMSG);
			assert_int_equal(zlt_open(cut, ZLT_SALVAGE, NULL), 0);
			continue;
		}
		/* Between blocks it is what a killed writer leaves; the index
		 * promises a trailer.
		 */
		if (is_boundary(at, n - 1, pos)) {
			assert_int_equal(rc, 0);
			assert_true(noted);
		} else {
			assert_int_equal(rc, -EBADMSG);
			assert_non_null(strstr(err.text, cut));
			assert_non_null(strstr(err.text, " at byte "));
		}
		rc = read_all(s, cut, WANT | ZLT_SALVAGE, &salvaged, &noted,
			      &err2);
		assert_int_equal(rc, 0);
		assert_true(noted);
		assert_true(salvaged >= before && salvaged <= s->count);
		before = salvaged;
	}
	assert_int_equal(before, s->count);
	free(data);
	sample_free(s);
}

static void test_cut_everywhere(void **state)
{
	cut_everywhere(ZLT_OBJECT_PAGES);
	cut_everywhere(ZLT_OBJECT_SIZES);
}

/* Change every byte in several ways. */
static void flip_everywhere(enum zlt_objects objects)
{
	static const uint8_t patterns[] = { 0x01, 0x80, 0xff, 0x20 };
	const char *path = temp_path("good.zlt"), *bad = temp_path("flip.zlt");
	struct sample *s = small_trace(path, objects);
	size_t len, pos, p;
	uint8_t *data = file_load(path, &len);
	uint64_t events, salvaged;
	struct err err;
	bool noted;
	int rc, fd;

	file_save(bad, data, len);
	fd = open(bad, O_WRONLY);
	assert_true(fd >= 0);
	for (pos = 0; pos < len; pos++) {
		for (p = 0; p < sizeof(patterns); p++) {
			uint8_t byte = data[pos] ^ patterns[p];

			assert_int_equal(pwrite(fd, &byte, 1, (off_t)pos), 1);
			err.text[0] = '\0';
			rc = read_all(s, bad, WANT, &events, &noted, &err);
			if (!rc)
				fail_msg("byte %zu: not found", pos);
			assert_non_null(strstr(err.text, bad));
			if (p)
				continue;
			rc = read_all(s, bad, WANT | ZLT_SALVAGE, &salvaged,
				      &noted, NULL);
			assert_true(rc || noted);
			assert_true(!!rc == (pos < 24));
		}
		assert_int_equal(pwrite(fd, &data[pos], 1, (off_t)pos), 1);
	}
	close(fd);
	free(data);
	sample_free(s);
}

static void test_flip_everywhere(void **state)
{
	flip_everywhere(ZLT_OBJECT_SIZES);
	flip_everywhere(ZLT_OBJECT_HASHES);
}

/* Blocks that are whole but in the wrong place, missing, or there twice. */
static void test_moved_blocks(void **state)
{
	const char *path = temp_path("order.zlt"), *bad = temp_path("move.zlt");
	struct sample *s = small_trace(path, ZLT_OBJECT_PAGES);
	size_t len, at[256], n, i, out;
	uint8_t *data = file_load(path, &len), *moved = malloc(2 * len);
	uint64_t events;
	bool noted;

	assert_non_null(moved);
	n = boundaries(data, len, at);
	for (i = 0; i + 1 < n; i++) {
		size_t size = at[i + 1] - at[i];

		/* Left out. */
		memcpy(moved, data, at[i]);
		memcpy(moved + at[i], data + at[i + 1], len - at[i + 1]);
		file_save(bad, moved, len - size);
		assert_int_not_equal(
			read_all(s, bad, WANT, &events, &noted, NULL), 0);
		/* Twice. */
		out = at[i + 1];
		memcpy(moved, data, out);
		memcpy(moved + out, data + at[i], len - at[i]);
		file_save(bad, moved, len + size);
		assert_int_not_equal(
			read_all(s, bad, WANT, &events, &noted, NULL), 0);
	}
	/* Of an unfinished trace, all but the last one are missed. */
	for (i = 0; i + 3 < n; i++) {
		memcpy(moved, data, at[i]);
		memcpy(moved + at[i], data + at[i + 1], at[n - 2] - at[i + 1]);
		file_save(bad, moved, at[n - 2] - (at[i + 1] - at[i]));
		assert_int_equal(read_all(s, bad, WANT, &events, &noted, NULL),
				 -EBADMSG);
	}
	/* Something behind the end. */
	memcpy(moved, data, len);
	moved[len] = 0;
	file_save(bad, moved, len + 1);
	assert_int_equal(read_all(s, bad, WANT, &events, &noted, NULL),
			 -EBADMSG);
	free(moved);
	free(data);
	sample_free(s);
}

static void fix_head(uint8_t *data)
{
	uint64_t sum = htole64(XXH3_64bits(data, 16));

	memcpy(data + 16, &sum, sizeof(sum));
}

static void fix_block(uint8_t *block)
{
	uint32_t length;
	uint64_t sum;

	memcpy(&length, block + 8, sizeof(length));
	length = le32toh(length);
	sum = htole64(XXH3_64bits(block, 32 + length));
	memcpy(block + 32 + length, &sum, sizeof(sum));
}

/* The column with an id in a block of events that has no planes before it. */
static uint8_t *find_column(uint8_t *block, uint8_t id)
{
	uint8_t *col = block + 32 + 40;

	while (col[0] != id) {
		assert_int_equal(col[2], 0);
		col += 16;
	}
	return col;
}

/* Put @value into a column of a trace of one event; it must be refused. */
static void refuse(uint8_t op, uint8_t column, uint32_t value)
{
	const struct zlt_event e = { .op = op, .key = 9, .object = 77 };
	const char *path = temp_path("values.zlt");
	struct zlt_writer *w = zlt_create(path, NULL, NULL, NULL);
	uint64_t base = htole64(value);
	struct err err = { "" };
	struct zlt_reader *r;
	struct zlt_batch b;
	size_t len, at[16];
	uint8_t *data;

	assert_non_null(w);
	assert_int_equal(zlt_event(w, &e, NULL), 0);
	assert_int_equal(zlt_close(w, NULL, NULL), 0);
	data = file_load(path, &len);
	boundaries(data, len, at);
	memcpy(find_column(data + at[1], column) + 8, &base, sizeof(base));
	fix_block(data + at[1]);
	file_save(path, data, len);
	free(data);
	r = zlt_open(path, 0, &err);
	if (!r)
		fail_msg("%s", err.text);
	if (zlt_next(r, &b, &err) != -EBADMSG)
		fail_msg("column %u of op %u takes %u", column, op, value);
	assert_non_null(strstr(err.text, "block 1 (events) at byte"));
	zlt_reader_close(r);
}

/* Values that no writer gives, behind right checksums. */
static void test_bad_values(void **state)
{
	refuse(ZLT_STORE, 1, ZLT_LOAD);
	refuse(ZLT_STORE, 1, ZLT_COMPACT);
	refuse(ZLT_STORE, 1, ZLT_MARK);
	refuse(ZLT_STORE, 1, ZLT_OPS);
	refuse(ZLT_STORE, 1, 256);
	refuse(ZLT_STORE, 2, 1);
	refuse(ZLT_STORE, 2, 1u << 31);
	refuse(ZLT_STORE, 3, 0);
	refuse(ZLT_STORE, 3, 4097);
	refuse(ZLT_STORE, 3, 1u << 31);
	refuse(ZLT_COMPACT, 1, ZLT_STORE);
	refuse(ZLT_COMPACT, 1, ZLT_LOAD);
	refuse(ZLT_COMPACT, 1, ZLT_MARK);
	refuse(ZLT_COMPACT, 1, ZLT_OPS);
	refuse(ZLT_COMPACT, 2, 1);
}

static void test_other_files(void **state)
{
	const char *path = temp_path("v1.zlt"), *bad = temp_path("other.zlt");
	struct sample *s = small_trace(path, ZLT_OBJECT_SIZES);
	size_t len;
	uint8_t *data = file_load(path, &len);
	struct err err = { "" };

	data[8] = 2;
	fix_head(data);
	file_save(bad, data, len);
	errno = 0;
	assert_null(zlt_open(bad, 0, &err));
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "format version 2;"));
	assert_null(zlt_open(bad, ZLT_SALVAGE, &err));

	data[8] = 1;
	data[12] = 3;
	fix_head(data);
	file_save(bad, data, len);
	assert_null(zlt_open(bad, 0, &err));
	assert_int_equal(errno, EBADMSG);

	file_save(bad, "op,key,size\nstore,1,100\n", 24);
	assert_null(zlt_open(bad, 0, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.text, "not a zlab trace"));

	file_save(bad, "", 0);
	assert_null(zlt_open(bad, 0, &err));
	assert_int_equal(errno, EINVAL);

	assert_null(zlt_open("/nowhere/x.zlt", 0, &err));
	assert_int_equal(errno, ENOENT);
	assert_null(zlt_open("/dev/null", 0, &err));
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_null(zlt_open("/tmp", 0, &err));
	free(data);
	sample_free(s);
}

/* What was flushed is there although the writer never came back. */
static void test_killed_writer(void **state)
{
	struct zlt_options opts = { .columns = ALL,
				    .objects = ZLT_OBJECT_PAGES,
				    .block_events = 32 };
	const char *path = temp_path("killed.zlt");
	struct sample *s = sample_make(500, ZLT_OBJECT_PAGES, 12);
	size_t whole = s->count, part;
	struct zlt_reader *r;
	struct err err = { "" };
	uint64_t events;
	int status;
	pid_t pid;

	for (part = 0; part <= whole; part += 50) {
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			struct zlt_writer *w;

			w = zlt_create(path, NULL, &opts, NULL);
			s->count = part;
			if (w && !zlt_publish(w, NULL) &&
			    !sample_put(s, w, true, NULL) &&
			    !zlt_flush(w, NULL))
				raise(SIGKILL);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		r = zlt_open(path, WANT, &err);
		if (!r)
			fail_msg("%s", err.text);
		assert_false(zlt_info(r)->finished);
		assert_non_null(strstr(zlt_info(r)->note, "not finished"));
		assert_int_equal(zlt_info(r)->events, part);
		assert_int_equal(sample_check(s, r, 0, &events, &err), 0);
		assert_int_equal(events, part);
		zlt_reader_close(r);
	}
	sample_free(s);
}

/* In a child: write until the disk is full; its status tells what happened. */
static void fill_disk(const struct sample *s, const char *path, rlim_t limit,
		      const struct zlt_options *opts)
{
	struct rlimit rl = { limit, limit };
	struct err err = { "" }, again = { "" };
	struct zlt_event e = { .op = ZLT_COMPACT };
	struct zlt_writer *w;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &rl))
		_exit(2);
	w = zlt_create(path, NULL, opts, &err);
	if (!w)
		_exit(strstr(err.text, "cannot write block") ? 0 : 3);
	if (zlt_publish(w, &err))
		_exit(6);
	rc = sample_put(s, w, true, &err);
	if (rc) {
		/* The error stays. */
		if (zlt_event(w, &e, &again) != rc ||
		    strcmp(err.text, again.text) != 0 ||
		    zlt_flush(w, &again) != rc)
			_exit(4);
	}
	rc = zlt_close(w, NULL, &err);
	_exit(rc == -EFBIG && strstr(err.text, "File too large") ? 0 : 5);
}

static void test_disk_full(void **state)
{
	struct zlt_options opts = { .columns = ALL,
				    .objects = ZLT_OBJECT_PAGES,
				    .block_events = 32,
				    .block_pages = 3 };
	const char *path = temp_path("full.zlt");
	struct sample *s = sample_make(400, ZLT_OBJECT_PAGES, 13);
	struct stat st;
	uint64_t events, last = 0;
	rlim_t limit;
	bool noted;
	int status;
	pid_t pid;

	sample_write(s, path, &opts);
	assert_int_equal(stat(path, &st), 0);
	for (limit = 1; limit < (rlim_t)st.st_size; limit += 997) {
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			fill_disk(s, path, limit, &opts);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		if (limit < 100)
			continue;
		/* No half block is left behind. */
		assert_int_equal(read_all(s, path, WANT, &events, &noted, NULL),
				 0);
		assert_true(noted);
		assert_true(events >= last);
		last = events;
	}
	assert_true(last > s->count / 2);
	sample_free(s);
}

static void test_full_device(void **state)
{
	struct err err = { "" };

	assert_null(zlt_create("/dev/full", NULL, NULL, &err));
	assert_int_equal(errno, ENOSPC);
	assert_non_null(strstr(err.text, "No space left on device"));
}

/* A failed append leaves the trace as it was and nothing beside it. */
static void test_append_disk_full(void **state)
{
	const char *path = temp_path("append.zlt");
	struct sample *s = small_trace(path, ZLT_OBJECT_PAGES);
	uint16_t sizes[128] = { 1 };
	uint8_t *before, *after;
	char pattern[600];
	size_t len, len2;
	glob_t found;
	int status;
	pid_t pid;

	before = file_load(path, &len);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct rlimit rl = { 1000, 1000 };
		struct zlt_reader *r = zlt_open(path, 0, NULL);
		uint64_t n = r ? zlt_info(r)->contents : 0;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &rl);
		_exit(zlt_append_sizes(path, "x", sizes, n, NULL) == -EFBIG
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(pattern, sizeof(pattern), "%.*s/.zlab-*",
		 (int)(strrchr(path, '/') - path), path);
	assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
	after = file_load(path, &len2);
	assert_int_equal(len, len2);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
	sample_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_flip_everywhere),
		cmocka_unit_test(test_moved_blocks),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_killed_writer),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_append_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
