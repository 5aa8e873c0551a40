// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An allocator of this project's own behind zsmalloc's calls as from 6.18 on:
 * each object lies in two pages, half in each. It uses what newer sources use:
 * folio calls on an overlay of struct page, page types, movable operations by
 * type, the spinlock-and-count lock, shrinker_alloc(), kzalloc_obj().
 */
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/zsmalloc.h>
#include "desc.h"

struct zs_pool {
	const char *name;
	rwlock_t lock;
	atomic_long_t pages;
	atomic_t compacting;
	struct shrinker *shrinker;
	struct work_struct work;
	atomic_t kicked;
};

/* Readers count under the spinlock; a writer keeps it. */
struct pair_lock {
	spinlock_t lock;
	int cnt;
	struct lockdep_map dep_map;
};

struct pair {
	struct pair_lock pl;
	struct pair_desc *desc[2];
	struct zs_pool *pool;
	unsigned long *handle;
	size_t size;
};

static struct kmem_cache *handle_cache;
static struct kmem_cache *pair_cache;

static void pair_lock_init(struct pair *pair)
{
	static struct lock_class_key __key;

	BUILD_BUG_ON(sizeof(struct pair_lock) != 8);
	lockdep_init_map(&pair->pl.dep_map, "pair->lock", &__key, 0);
	spin_lock_init(&pair->pl.lock);
	pair->pl.cnt = 0;
}

static void pair_read_lock(struct pair *pair)
{
	struct pair_lock *pl = &pair->pl;

	rwsem_acquire_read(&pl->dep_map, 0, 0, _RET_IP_);
	spin_lock(&pl->lock);
	pl->cnt++;
	spin_unlock(&pl->lock);
	lock_acquired(&pl->dep_map, _RET_IP_);
}

static void pair_read_unlock(struct pair *pair)
{
	struct pair_lock *pl = &pair->pl;

	rwsem_release(&pl->dep_map, _RET_IP_);
	spin_lock(&pl->lock);
	pl->cnt--;
	spin_unlock(&pl->lock);
}

static __must_check bool pair_write_trylock(struct pair *pair)
{
	spin_lock(&pair->pl.lock);
	if (!pair->pl.cnt) {
		pair->pl.cnt = -1;
		return true;
	}
	spin_unlock(&pair->pl.lock);
	return false;
}

static void pair_write_unlock(struct pair *pair)
{
	pair->pl.cnt = 0;
	spin_unlock(&pair->pl.lock);
}

static struct pair *handle_to_pair(struct zs_pool *pool, unsigned long handle)
{
	struct pair_desc *desc;
	struct pair *pair;

	read_lock(&pool->lock);
	desc = page_desc(pfn_to_page(READ_ONCE(*(unsigned long *)handle)));
	pair = desc->pair;
	pair_read_lock(pair);
	read_unlock(&pool->lock);
	return pair;
}

static struct pair_desc *alloc_desc(struct pair *pair, gfp_t gfp, int nid)
{
	struct page *page = alloc_pages_node(nid, gfp, 0);
	struct pair_desc *desc = page_desc(page);

	if (!page)
		return NULL;
	__SetPageZsmalloc(page);
	desc->offset |= 17;
	desc->pair = pair;
	desc->next = NULL;
	return desc;
}

/* From here on the pair can be reached through its page. */
static void publish_desc(struct pair_desc *desc)
{
	folio_lock(desc_folio(desc));
	SetPageMovableOps(desc_page(desc));
	folio_unlock(desc_folio(desc));
}

static void free_desc(struct pair_desc *desc)
{
	VM_BUG_ON(!PageZsmalloc(desc_page(desc)));
	VM_WARN_ON_ONCE((desc->offset & 0xffffff) != 17);
	folio_lock(desc_folio(desc));
	desc->pair = NULL;
	folio_unlock(desc_folio(desc));
	folio_put(desc_folio(desc));
}

unsigned long zs_malloc(struct zs_pool *pool, size_t size, gfp_t gfp,
			const int nid)
{
	unsigned long *handle;
	struct pair *pair;

	if (!size)
		return (unsigned long)ERR_PTR(-EINVAL);
	if (size > PAGE_SIZE)
		return (unsigned long)ERR_PTR(-ENOSPC);
	handle = kmem_cache_alloc(handle_cache, gfp & ~__GFP_HIGHMEM);
	pair = kmem_cache_zalloc(pair_cache, gfp & ~__GFP_HIGHMEM);
	if (!handle || !pair)
		goto no_memory;
	pair_lock_init(pair);
	pair->pool = pool;
	pair->size = size;
	pair->handle = handle;
	pair->desc[0] = alloc_desc(pair, gfp, nid);
	if (!pair->desc[0])
		goto no_memory;
	pair->desc[1] = alloc_desc(pair, gfp, nid);
	if (!pair->desc[1]) {
		free_desc(pair->desc[0]);
		goto no_memory;
	}
	write_lock(&pool->lock);
	WRITE_ONCE(*handle, page_to_pfn(desc_page(pair->desc[0])));
	write_unlock(&pool->lock);
	publish_desc(pair->desc[0]);
	publish_desc(pair->desc[1]);
	atomic_long_add(2, &pool->pages);
	return (unsigned long)handle;

no_memory:
	if (pair)
		kmem_cache_free(pair_cache, pair);
	if (handle)
		kmem_cache_free(handle_cache, handle);
	return (unsigned long)ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_GPL(zs_malloc);

void zs_free(struct zs_pool *pool, unsigned long handle)
{
	struct pair_desc *desc;
	struct pair *pair;
	int i;

	if (IS_ERR_OR_NULL((void *)handle))
		return;
	pair = handle_to_pair(pool, handle);
	pair_read_unlock(pair);
	/* A page can be replaced until its lock is held. */
	for (i = 0; i < 2; i++) {
		for (;;) {
			desc = READ_ONCE(pair->desc[i]);
			if (!get_page_unless_zero(desc_page(desc)))
				continue;
			folio_lock(desc_folio(desc));
			if (desc == READ_ONCE(pair->desc[i]))
				break;
			folio_unlock(desc_folio(desc));
			folio_put(desc_folio(desc));
		}
		desc->pair = NULL;
		folio_unlock(desc_folio(desc));
		folio_put(desc_folio(desc));
		folio_put(desc_folio(desc));
	}
	kmem_cache_free(handle_cache, pair->handle);
	kmem_cache_free(pair_cache, pair);
	atomic_long_sub(2, &pool->pages);
}
EXPORT_SYMBOL_GPL(zs_free);

void *zs_obj_read_begin(struct zs_pool *pool, unsigned long handle,
			size_t mem_len, void *local_copy)
{
	struct pair *pair = handle_to_pair(pool, handle);
	size_t first = mem_len / 2;

	memcpy_from_page(local_copy, desc_page(pair->desc[0]), 0, first);
	memcpy_from_page(local_copy + first, desc_page(pair->desc[1]), 0,
			 mem_len - first);
	return local_copy;
}
EXPORT_SYMBOL_GPL(zs_obj_read_begin);

void zs_obj_read_end(struct zs_pool *pool, unsigned long handle, size_t mem_len,
		     void *handle_mem)
{
	struct page *page = pfn_to_page(READ_ONCE(*(unsigned long *)handle));

	pair_read_unlock(page_desc(page)->pair);
}
EXPORT_SYMBOL_GPL(zs_obj_read_end);

void zs_obj_read_sg_begin(struct zs_pool *pool, unsigned long handle,
			  struct scatterlist *sg, size_t mem_len)
{
	struct pair *pair = handle_to_pair(pool, handle);

	sg_init_table(sg, 2);
	sg_set_page(sg, desc_page(pair->desc[0]), mem_len / 2, 0);
	sg = sg_next(sg);
	sg_set_page(sg, desc_page(pair->desc[1]), mem_len - mem_len / 2, 0);
	WARN_ON(sg_next(sg));
}
EXPORT_SYMBOL_GPL(zs_obj_read_sg_begin);

void zs_obj_write(struct zs_pool *pool, unsigned long handle, void *handle_mem,
		  size_t mem_len)
{
	struct scatterlist sg[2];
	struct pair *pair;

	zs_obj_read_sg_begin(pool, handle, sg, mem_len);
	pair = page_desc(sg_page(&sg[0]))->pair;
	memcpy_to_page(sg_page(&sg[0]), 0, handle_mem, sg[0].length);
	memcpy_to_page(sg_page(&sg[1]), 0, handle_mem + sg[0].length,
		       sg[1].length);
	pair_read_unlock(pair);
}
EXPORT_SYMBOL_GPL(zs_obj_write);

unsigned long zs_get_total_pages(struct zs_pool *pool)
{
	return atomic_long_read(&pool->pages);
}
EXPORT_SYMBOL_GPL(zs_get_total_pages);

/* Nothing can be moved together, so this frees nothing. */
unsigned long zs_compact(struct zs_pool *pool)
{
	if (atomic_xchg(&pool->compacting, 1))
		return 0;
	write_lock(&pool->lock);
	while (rwlock_is_contended(&pool->lock)) {
		write_unlock(&pool->lock);
		cond_resched();
		write_lock(&pool->lock);
	}
	write_unlock(&pool->lock);
	schedule_work(&pool->work);
	atomic_set(&pool->compacting, 0);
	return 0;
}
EXPORT_SYMBOL_GPL(zs_compact);

static bool pair_isolate(struct page *page, isolate_mode_t mode)
{
	return page_desc(page)->pair;
}

static int pair_migrate(struct page *newpage, struct page *page,
			enum migrate_mode mode)
{
	struct pair_desc *new = page_desc(newpage), *old = page_desc(page);
	struct pair *pair = old->pair;
	struct zs_pool *pool;
	void *from, *to;
	int i;

	/* Freed after it was isolated. */
	if (!pair)
		return 0;
	pool = pair->pool;
	write_lock(&pool->lock);
	if (!pair_write_trylock(pair)) {
		write_unlock(&pool->lock);
		return -EBUSY;
	}
	__SetPageZsmalloc(newpage);
	new->offset |= 17;
	from = kmap_local_page(page);
	to = kmap_local_page(newpage);
	copy_page(to, from);
	kmsan_copy_page_meta(newpage, page);
	kunmap_local(to);
	kunmap_local(from);
	i = pair->desc[1] == old;
	new->pair = pair;
	SetPageMovableOps(newpage);
	WRITE_ONCE(pair->desc[i], new);
	if (!i)
		WRITE_ONCE(*pair->handle, page_to_pfn(newpage));
	pair_write_unlock(pair);
	write_unlock(&pool->lock);
	folio_get(desc_folio(new));
	old->pair = NULL;
	folio_put(desc_folio(old));
	return 0;
}

static void pair_putback(struct page *page)
{
}

static const struct movable_operations pair_mops = {
	.isolate_page = pair_isolate,
	.migrate_page = pair_migrate,
	.putback_page = pair_putback,
};

static unsigned long pair_count(struct shrinker *s, struct shrink_control *sc)
{
	struct zs_pool *pool = s->private_data;

	return zs_get_total_pages(pool) / 2;
}

static unsigned long pair_scan(struct shrinker *s, struct shrink_control *sc)
{
	return SHRINK_STOP;
}

static void pair_work(struct work_struct *work)
{
	struct zs_pool *pool = container_of(work, struct zs_pool, work);

	atomic_inc(&pool->kicked);
}

void zs_destroy_pool(struct zs_pool *pool)
{
	flush_work(&pool->work);
	shrinker_free(pool->shrinker);
	kfree(pool->name);
	kfree(pool);
}
EXPORT_SYMBOL_GPL(zs_destroy_pool);

struct zs_pool *zs_create_pool(const char *name)
{
	struct zs_pool *pool = kzalloc_obj(*pool);

	if (!pool)
		return NULL;
	rwlock_init(&pool->lock);
	INIT_WORK(&pool->work, pair_work);
	pool->name = kstrdup(name, GFP_KERNEL);
	pool->shrinker = shrinker_alloc(0, "mm-pair:%s", name);
	if (!pool->name || !pool->shrinker) {
		zs_destroy_pool(pool);
		return NULL;
	}
	pool->shrinker->count_objects = pair_count;
	pool->shrinker->scan_objects = pair_scan;
	pool->shrinker->private_data = pool;
	shrinker_register(pool->shrinker);
	return pool;
}
EXPORT_SYMBOL_GPL(zs_create_pool);

static int __init pair_init(void)
{
	handle_cache = kmem_cache_create("handle", sizeof(long), 0, 0, NULL);
	pair_cache = kmem_cache_create("pair", sizeof(struct pair), 0, 0, NULL);
	if (!handle_cache || !pair_cache)
		return -ENOMEM;
	return set_movable_ops(&pair_mops, PGTY_zsmalloc);
}

static void __exit pair_exit(void)
{
	set_movable_ops(NULL, PGTY_zsmalloc);
	kmem_cache_destroy(handle_cache);
	kmem_cache_destroy(pair_cache);
}

module_init(pair_init);
module_exit(pair_exit);
MODULE_LICENSE("GPL");
