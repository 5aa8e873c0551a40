/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver table of the years in which allocators could evict. */
#ifndef TEST_ZPOOL_H
#define TEST_ZPOOL_H

struct zpool;

struct zpool_ops {
	int (*evict)(struct zpool *pool, unsigned long handle);
};

enum zpool_mapmode {
	ZPOOL_MM_RW,
	ZPOOL_MM_RO,
	ZPOOL_MM_WO
};

struct zpool_driver {
	char *type;
	struct module *owner;
	atomic_t refcount;
	struct list_head list;
	void *(*create)(const char *name, gfp_t gfp,
			const struct zpool_ops *ops, struct zpool *zpool);
	void (*destroy)(void *pool);
	bool malloc_support_movable;
	int (*malloc)(void *pool, size_t size, gfp_t gfp,
		      unsigned long *handle);
	void (*free)(void *pool, unsigned long handle);
	int (*shrink)(void *pool, unsigned int pages, unsigned int *reclaimed);
	bool sleep_mapped;
	void *(*map)(void *pool, unsigned long handle, enum zpool_mapmode mm);
	void (*unmap)(void *pool, unsigned long handle);
	u64 (*total_size)(void *pool);
};

void zpool_register_driver(struct zpool_driver *driver);
int zpool_unregister_driver(struct zpool_driver *driver);

#endif
