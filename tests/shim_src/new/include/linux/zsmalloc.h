/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls as from 6.18 on: a node at malloc, lengths at reading. */
#ifndef TEST_ZSMALLOC_H
#define TEST_ZSMALLOC_H

#include <linux/types.h>

struct zs_pool;
struct scatterlist;

struct zs_pool_stats {
	atomic_long_t pages_compacted;
};

struct zs_pool *zs_create_pool(const char *name);
void zs_destroy_pool(struct zs_pool *pool);
unsigned long zs_malloc(struct zs_pool *pool, size_t size, gfp_t flags,
			const int nid);
void zs_free(struct zs_pool *pool, unsigned long handle);
unsigned long zs_get_total_pages(struct zs_pool *pool);
unsigned long zs_compact(struct zs_pool *pool);
void *zs_obj_read_begin(struct zs_pool *pool, unsigned long handle,
			size_t mem_len, void *local_copy);
void zs_obj_read_end(struct zs_pool *pool, unsigned long handle, size_t mem_len,
		     void *handle_mem);
void zs_obj_read_sg_begin(struct zs_pool *pool, unsigned long handle,
			  struct scatterlist *sg, size_t mem_len);
void zs_obj_write(struct zs_pool *pool, unsigned long handle, void *handle_mem,
		  size_t mem_len);

#endif
