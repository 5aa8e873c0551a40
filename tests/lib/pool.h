/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool and its objects in tests: each of these fails the test that called it
 * when something is wrong.
 */
#ifndef ZLAB_TESTS_POOL_H
#define ZLAB_TESTS_POOL_H

#include "backends/zpool.h"

/* The largest object of a 4 KiB frame. */
#define OBJECT_MAX 4096u

/** pool_limited() - a pool of at most @limit frames; 0: as many as it likes */
struct zpool *pool_limited(const char *spec, size_t limit);

/** pool_new() - a pool without a limit */
struct zpool *pool_new(const char *spec);

/** pool_validate() - have the backend walk its own structures */
void pool_validate(struct zpool *pool);

/** object_fill() - @size bytes that no other @seed gives */
void object_fill(unsigned char *buf, size_t size, uint64_t seed);

/** object_write() - write those bytes into an object */
void object_write(struct zpool *pool, unsigned long handle, size_t size,
		  uint64_t seed);

/** object_check() - an object still holds them */
void object_check(struct zpool *pool, unsigned long handle, size_t size,
		  uint64_t seed);

/** acquisitions() - how often locks of a class were taken so far */
uint64_t acquisitions(const char *name);

#endif
