/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls of mm/zbud.c, which it uses before it has their bodies. */
#ifndef TEST_ZBUD_H
#define TEST_ZBUD_H

#include <linux/types.h>

struct zbud_pool;

struct zbud_limits {
	size_t largest;
};

int zbud_alloc(struct zbud_pool *pool, size_t size, gfp_t gfp,
	       unsigned long *handle);
void zbud_free(struct zbud_pool *pool, unsigned long handle);
u64 zbud_get_pool_size(struct zbud_pool *pool);

#endif
