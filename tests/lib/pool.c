// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pool.h"

struct zpool *pool_limited(const char *spec, size_t limit)
{
	struct zpool_config config = {
		.arena = { .capacity = 1u << 17, .limit = limit },
	};
	struct err err = { "" };
	struct zpool *pool = zpool_create(spec, &config, &err);

	if (!pool)
		fail_msg("%s: %s", spec, err.text);
	return pool;
}

struct zpool *pool_new(const char *spec)
{
	return pool_limited(spec, 0);
}

void pool_validate(struct zpool *pool)
{
	struct err err = { "" };

	if (pool->driver->validate(pool, &err))
		fail_msg("%s: %s", pool->spec, err.text);
}

void object_fill(unsigned char *buf, size_t size, uint64_t seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

void object_write(struct zpool *pool, unsigned long handle, size_t size,
		  uint64_t seed)
{
	unsigned char buf[OBJECT_MAX];

	object_fill(buf, size, seed);
	zpool_write(pool, handle, buf, size);
}

void object_check(struct zpool *pool, unsigned long handle, size_t size,
		  uint64_t seed)
{
	unsigned char want[OBJECT_MAX], copy[OBJECT_MAX], *got;

	object_fill(want, size, seed);
	got = zpool_read_begin(pool, handle, size, copy);
	if (memcmp(got, want, size))
		fail_msg("%s: wrong bytes in an object of %zu bytes",
			 pool->spec, size);
	zpool_read_end(pool, handle, size, got);
}

uint64_t acquisitions(const char *name)
{
	static struct lock_stat stats[SYNC_MAX_CLASSES];
	size_t i, n = lock_stats_read(stats, SYNC_MAX_CLASSES);

	for (i = 0; i < n; i++)
		if (!strcmp(stats[i].name, name))
			return stats[i].acquisitions;
	return 0;
}
