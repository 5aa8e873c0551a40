// SPDX-License-Identifier: GPL-2.0-or-later
/* Accesses of a front end to a pool's objects; see object.h. */
#include <string.h>

#include "harness/explore/object.h"

/* The first word may be read by an eviction meanwhile: see zpool_evict_t. */
void object_write(struct zpool *pool, unsigned long handle, const void *from,
		  size_t len)
{
	uint64_t *to;

	if (pool->driver->obj_write && !pool->driver->shrink) {
		pool->driver->obj_write(pool, handle, from, len);
		return;
	}
	to = pool->driver->map(pool, handle, ZPOOL_MM_WO);
	WRITE_ONCE(*to, *(const uint64_t *)from);
	if (len > sizeof(*to))
		memcpy(to + 1, (const uint64_t *)from + 1, len - sizeof(*to));
	pool->driver->unmap(pool, handle);
}

void object_read(struct zpool *pool, unsigned long handle, void *to, void *copy,
		 size_t len)
{
	void *at = zpool_read_begin(pool, handle, len, copy);

	memcpy(to, at, len);
	zpool_read_end(pool, handle, len, at);
}

uint64_t object_word(struct zpool *pool, unsigned long handle,
		     const void *object)
{
	const uint64_t *at = object;
	uint64_t word;

	if (at)
		return READ_ONCE(*at);
	at = pool->driver->map(pool, handle, ZPOOL_MM_RO);
	word = READ_ONCE(*at);
	pool->driver->unmap(pool, handle);
	return word;
}
