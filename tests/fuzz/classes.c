// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A spec of zsmalloc, its table of size classes, and a trace whose objects weigh
 * them: a line with the options, then the trace.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/verify/class_locks.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct class_table *t)
{
	const struct zpool_class *c;
	size_t i;

	must(t->nr && t->physical && t->physical <= t->nr);
	for (i = 0; i < t->nr; i++) {
		c = &t->class[i];
		must(c->objects && c->pages && c->slot < t->nr);
		must((uint64_t)c->objects * c->size <= c->pages * 65536ull);
		must(!i || t->class[i - 1].size <= c->size);
	}
	for (i = 0; i <= 4096; i += 64)
		must(class_table_find(t, i) < t->nr);
	must(isfinite(t->spanning) && isfinite(t->lock_share.mean));
}

static void weigh(const struct class_table *t, const uint8_t *data, size_t len)
{
	struct class_weights w = { 0 };
	uint8_t *fixed = malloc(len + 1);
	struct err err = { "" };
	char path[32];
	int fd;

	must(fixed != NULL);
	memcpy(fixed, data, len);
	fix_checksums(fixed, len);
	fd = memory_file(fixed, len, path);
	if (class_weights_read(t, path, NULL, &w, &err))
		must_say(&err);
	else
		must(w.stores && w.share.mean <= w.share.max);
	class_weights_free(&w);
	close(fd);
	free(fixed);
}

void fuzz(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);
	size_t options = end ? (size_t)(end - data) : len;
	struct zpool_config config = { 0 };
	struct class_table t = { 0 };
	struct err err = { "" };
	struct zpool *pool;
	char *spec;

	must(asprintf(&spec, "zsmalloc%.*s", (int)options, data) > 0);
	pool = zpool_create(spec, &config, &err);
	free(spec);
	if (!pool) {
		must(err.text[0]);
		return;
	}
	must(!class_table_read(pool, 32, &t, &err));
	check(&t);
	if (end)
		weigh(&t, end + 1, len - options - 1);
	class_table_free(&t);
	zpool_destroy(pool);
}
