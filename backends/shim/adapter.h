/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel side of the backend: compiled after the tree's source in the same
 * unit, so that it can call the functions of that source. The existing variants
 * of them were found by reading the tree (harness/kernel/shim_tree.c), not by
 * its version. Placement probes use static functions of the source; all other
 * code uses only its public functions.
 */
#ifndef SHIM_ADAPTER_H
#define SHIM_ADAPTER_H

#include "backends/shim/kernel.h"

/* The section must exist, and offset 0 must not look like a failure. */
static DEFINE_PER_CPU(long, shim_percpu_first) __used;

struct workqueue_struct shim_workqueue;

#ifndef SHIM_HAS_INIT
int shim_module_init(void)
{
	return 0;
}
#endif
#ifndef SHIM_HAS_EXIT
void shim_module_exit(void)
{
}
#endif

/* The flags of zswap: no direct reclaim, and no warning on failure. */
#define SHIM_GFP (__GFP_NORETRY | __GFP_NOWARN | __GFP_KSWAPD_RECLAIM)
#define SHIM_GFP_MOVABLE (SHIM_GFP | __GFP_HIGHMEM | __GFP_MOVABLE)

#ifdef SHIM_ZPOOL
static struct zpool_driver *shim_driver;

void zpool_register_driver(struct zpool_driver *driver)
{
	shim_driver = driver;
}

int zpool_unregister_driver(struct zpool_driver *driver)
{
	return 0;
}
#endif

#ifdef SHIM_HAS_SHRINK
struct zpool {
	void *outer;
	void *pool;
};

static int shim_zpool_evict(struct zpool *zpool, unsigned long handle)
{
	return shim_evict(zpool->outer, handle);
}

static const struct zpool_ops shim_zpool_ops = { .evict = shim_zpool_evict };

static struct zpool *shim_creating;
#endif

/* As long as the kernel's names are, zram0 for instance. */
#define SHIM_POOL_NAME "zlab"

void *shim_unit_create(void *outer)
{
	void *pool;

	shim_last_shrinker = NULL;
#if defined(SHIM_HAS_SHRINK)
	shim_creating = shim_alloc_outside(sizeof(*shim_creating));
	if (!shim_creating)
		return NULL;
	shim_creating->outer = outer;
	pool = shim_driver->create(SHIM_POOL_NAME, GFP_KERNEL, &shim_zpool_ops,
				   shim_creating);
	if (!pool) {
		shim_kfree(shim_creating);
		return NULL;
	}
	shim_creating->pool = pool;
	return shim_creating;
#elif defined(SHIM_ZS)
	pool = zs_create_pool(SHIM_POOL_NAME);
#elif defined(SHIM_CREATE_OPS)
	pool = shim_driver->create(SHIM_POOL_NAME, GFP_KERNEL, NULL, NULL);
#else
	pool = shim_driver->create(SHIM_POOL_NAME, GFP_KERNEL);
#endif
	return pool;
}

/* @unit is the pool, or a struct zpool with the pool and its evictor. */
static inline void *shim_pool(void *unit)
{
#ifdef SHIM_HAS_SHRINK
	return ((struct zpool *)unit)->pool;
#else
	return unit;
#endif
}

void shim_unit_destroy(void *unit)
{
#if defined(SHIM_ZS) && !defined(SHIM_HAS_SHRINK)
	zs_destroy_pool(unit);
#else
	shim_driver->destroy(shim_pool(unit));
#endif
#ifdef SHIM_HAS_SHRINK
	shim_kfree(unit);
#endif
}

void *shim_unit_shrinker(void)
{
	return shim_last_shrinker;
}

bool shim_unit_sleeps_mapped(void)
{
#ifdef SHIM_HAS_READ
	return true;
#elif defined(SHIM_ZPOOL) && defined(SHIM_SLEEP_MAPPED)
	return shim_driver->sleep_mapped;
#else
	return false;
#endif
}

int shim_unit_malloc(void *unit, size_t size, unsigned long *handle)
{
#ifdef SHIM_ZS
#ifdef SHIM_MALLOC_NID
	*handle = zs_malloc(shim_pool(unit), size, SHIM_GFP_MOVABLE, 0);
#else
	*handle = zs_malloc(shim_pool(unit), size, SHIM_GFP_MOVABLE);
#endif
	if (IS_ERR_VALUE(*handle)) {
		/* Up to 6.4 -EINVAL was also the error for a too large size. */
		int ret = PTR_ERR((void *)*handle);

		return ret == -EINVAL && size ? -ENOSPC : ret;
	}
	/* Before 6.0 every failure returned a null handle. */
	if (unlikely(!*handle))
		return !size ? -EINVAL : size > PAGE_SIZE ? -ENOSPC : -ENOMEM;
	return 0;
#else
	gfp_t gfp = shim_driver->malloc_support_movable ? SHIM_GFP_MOVABLE
							: SHIM_GFP;

#ifdef SHIM_MALLOC_NID
	return shim_driver->malloc(shim_pool(unit), size, gfp, handle, 0);
#else
	return shim_driver->malloc(shim_pool(unit), size, gfp, handle);
#endif
#endif
}

void shim_unit_free(void *unit, unsigned long handle)
{
#ifdef SHIM_ZS
	zs_free(shim_pool(unit), handle);
#else
	shim_driver->free(shim_pool(unit), handle);
#endif
}

#ifdef SHIM_HAS_MAP
/* @mode numbers RW, RO and WO from 0, as the kernel and zpool.h both do. */
void *shim_unit_map(void *unit, unsigned long handle, int mode)
{
#ifdef SHIM_ZS
	BUILD_BUG_ON(ZS_MM_RW != 0 || ZS_MM_RO != 1 || ZS_MM_WO != 2);
	return zs_map_object(shim_pool(unit), handle, mode);
#else
	BUILD_BUG_ON(ZPOOL_MM_RW != 0 || ZPOOL_MM_RO != 1 || ZPOOL_MM_WO != 2);
	return shim_driver->map(shim_pool(unit), handle, mode);
#endif
}

void shim_unit_unmap(void *unit, unsigned long handle)
{
#ifdef SHIM_ZS
	zs_unmap_object(shim_pool(unit), handle);
#else
	shim_driver->unmap(shim_pool(unit), handle);
#endif
}
#endif

#ifdef SHIM_HAS_READ
#ifdef SHIM_ZS
#define SHIM_CALL(fn) zs_##fn
#else
#define SHIM_CALL(fn) shim_driver->fn
#endif
#ifdef SHIM_READ_LEN
#define SHIM_LEN(len) , len
#else
#define SHIM_LEN(len)
#endif

void *shim_unit_read_begin(void *unit, unsigned long handle, size_t len,
			   void *copy)
{
	return SHIM_CALL(obj_read_begin)(shim_pool(unit), handle SHIM_LEN(len),
					 copy);
}

void shim_unit_read_end(void *unit, unsigned long handle, size_t len, void *mem)
{
	SHIM_CALL(obj_read_end)(shim_pool(unit), handle SHIM_LEN(len), mem);
}

void shim_unit_write(void *unit, unsigned long handle, const void *mem,
		     size_t len)
{
	SHIM_CALL(obj_write)(shim_pool(unit), handle, (void *)mem, len);
}
#endif

unsigned long shim_unit_pages(void *unit)
{
#if defined(SHIM_ZS)
	return zs_get_total_pages(shim_pool(unit));
#elif defined(SHIM_TOTAL_SIZE)
	return shim_driver->total_size(shim_pool(unit)) >> PAGE_SHIFT;
#else
	return shim_driver->total_pages(shim_pool(unit));
#endif
}

#ifdef SHIM_HAS_COMPACT
unsigned long shim_unit_compact(void *unit)
{
	return zs_compact(shim_pool(unit));
}
#endif

unsigned long shim_unit_can_compact(void *shrinker)
{
	struct shrinker *s = shrinker;
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };

	return s && s->count_objects ? s->count_objects(s, &sc) : 0;
}

#ifdef SHIM_HAS_SHRINK
int shim_unit_shrink(void *unit, unsigned pages, unsigned *reclaimed)
{
	return shim_driver->shrink(shim_pool(unit), pages, reclaimed);
}
#endif

#ifdef SHIM_HAS_MIGRATE
static bool shim_isolate(struct page *page,
			 const struct shim_movable_operations **ops)
{
	bool by_type;

	if (!get_page_unless_zero(page))
		return false;
	/* Checked before and after locking: the owner may release the page. */
	if (!PageMovable(page) || !trylock_page(page))
		goto put;
	by_type = PageMovableOps(page);
	*ops = page_movable_ops(page);
	if (!*ops || PageIsolated(page) || PageMovableOpsIsolated(page))
		goto unlock;
	if (!(*ops)->isolate_page(page, ISOLATE_UNEVICTABLE))
		goto unlock;
	if (by_type)
		SetPageMovableOpsIsolated(page);
	else
		SetPageIsolated(page);
	unlock_page(page);
	return true;
unlock:
	unlock_page(page);
put:
	put_page(page);
	return false;
}

static void shim_end_isolation(struct page *page)
{
	ClearPageIsolated(page);
	ClearPageMovableOpsIsolated(page);
}

/*
 * The steps of memory compaction: isolate, copy into a new locked page; put the
 * page back on failure.
 * Return: 0; -ENOENT for a page without a movable owner; -EAGAIN.
 */
int shim_unit_migrate(unsigned long pfn)
{
	const struct shim_movable_operations *ops;
	struct page *page = pfn_to_page(pfn);
	struct page *new;
	int ret = -ENOMEM;

	if (!page_count(page) || !PageMovable(page))
		return -ENOENT;
	if (!shim_isolate(page, &ops))
		return -EAGAIN;
	new = alloc_page(SHIM_GFP_MOVABLE);
	if (!new) {
		lock_page(page);
		goto putback;
	}
	lock_page(new);
	lock_page(page);
	if (!PageMovable(page)) {
		/* The owner released the page while it was isolated. */
		ret = -ENOENT;
		shim_end_isolation(page);
		unlock_page(page);
		unlock_page(new);
		put_page(new);
		put_page(page);
		return ret;
	}
	ret = SHIM_MIGRATE_PAGE(ops, new, page, MIGRATE_SYNC);
	unlock_page(new);
	put_page(new);
	if (ret == MIGRATEPAGE_SUCCESS) {
		shim_end_isolation(page);
		unlock_page(page);
		put_page(page);
		return 0;
	}
	ret = -EAGAIN;
putback:
	if (PageMovable(page))
		ops->putback_page(page);
	shim_end_isolation(page);
	unlock_page(page);
	put_page(page);
	return ret;
}
#endif

#ifdef SHIM_HAS_LOCATE
void shim_unit_locate(void *unit, unsigned long handle, unsigned long *pfn,
		      unsigned *at)
{
#ifdef SHIM_ZS
	void *page;

	obj_to_location(handle_to_obj(handle), (void *)&page, at);
	*pfn = page_to_pfn((struct page *)page);
#else
	void *addr = shim_unit_map(unit, handle, ZPOOL_MM_RO);

	*pfn = page_to_pfn(virt_to_page(addr));
	*at = offset_in_page(addr);
	shim_unit_unmap(unit, handle);
#endif
}
#endif

#ifdef SHIM_HAS_CLASSES
int shim_unit_class(void *unit, unsigned slot, struct shim_class *out)
{
	struct zs_pool *pool = shim_pool(unit);
	struct size_class *class;

	if (slot >= ZS_SIZE_CLASSES)
		return -ENOENT;
	class = pool->size_class[slot];
	*out = (struct shim_class){
		.slot = slot,
		.index = class->index,
		.size = class->size,
		.pages = class->pages_per_zspage,
		.objects = class->objs_per_zspage,
		.inuse = SHIM_CLASS_INUSE(class),
		.allocated = SHIM_CLASS_ALLOCATED(class),
	};
	return 0;
}
#endif

#endif
