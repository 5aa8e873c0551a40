// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An allocator in the kernel's style and of this project's own making: a page
 * holds one object or two halves. It uses every group of names that the shim
 * offers to sources of the years up to 6.14: per-CPU data, hotplug callbacks,
 * slab caches, all kinds of locks, reference counts, deferred work, eviction,
 * atomic mappings and page migration through __SetPageMovable().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/compaction.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/local_lock.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/zpool.h>

#define HALF (PAGE_SIZE / 2)
#define HANDLE_LOCK 0
#define HANDLE_ALIGN 64

enum {
	PAGE_DYING,
	PAGE_RECLAIMED
};

struct half_pool {
	const char *name;
	spinlock_t lock;
	struct list_head partial, full, lru;
	atomic64_t pages;
	atomic_long_t users;
	long *mapped; /* per CPU */
	struct kmem_cache *handles, *halves;
	struct workqueue_struct *wq;
	struct zpool *zpool;
	const struct zpool_ops *ops;
};

/* What a page holds: the handle of each half, and who uses it. */
struct halves {
	struct list_head list, lru;
	struct kref refs;
	rwlock_t lock;
	struct page *page;
	struct half_pool *pool;
	struct half_handle *owner[2];
	unsigned long flags;
	struct work_struct work;
};

struct half_handle {
	unsigned long word; /* bit 0 is a lock */
	struct halves *h;
	unsigned half, size;
};

struct map_area {
	local_lock_t lock;
	int magic;
	void *addr;
	char *buf;
};

static DEFINE_PER_CPU(struct map_area, map_area) = {
	.lock = INIT_LOCAL_LOCK(lock),
	.magic = 4711,
};

static const struct movable_operations half_mops;

static int half_cpu_up(unsigned int cpu)
{
	struct map_area *area = &per_cpu(map_area, cpu);

	if (WARN_ON(area->magic != 4711) || area->buf)
		return 0;
	area->buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	return area->buf ? 0 : -ENOMEM;
}

static int half_cpu_down(unsigned int cpu)
{
	struct map_area *area = per_cpu_ptr(&map_area, cpu);

	kfree(area->buf);
	area->buf = NULL;
	return 0;
}

static struct page *lock_own_page(struct halves *h)
{
	for (;;) {
		struct page *page = READ_ONCE(h->page);

		if (!get_page_unless_zero(page))
			continue;
		lock_page(page);
		if (likely(page == READ_ONCE(h->page)))
			return page;
		unlock_page(page);
		put_page(page);
	}
}

static void half_free_work(struct work_struct *work)
{
	struct halves *h = container_of(work, struct halves, work);
	struct half_pool *pool = h->pool;
	struct page *page = lock_own_page(h);

	BUG_ON(!test_bit(PAGE_DYING, &h->flags));
	__ClearPageMovable(page);
	set_page_private(page, 0);
	unlock_page(page);
	put_page(page);
	__free_page(page);
	kmem_cache_free(pool->halves, h);
	dec_zone_page_state(page, NR_ZSPAGES);
}

static void half_release(struct kref *ref)
{
	struct halves *h = container_of(ref, struct halves, refs);

	assert_spin_locked(&h->pool->lock);
	list_del_init(&h->list);
	list_del_init(&h->lru);
	VM_BUG_ON(h->owner[0] || h->owner[1]);
	WARN_ON(test_and_set_bit(PAGE_DYING, &h->flags));
	atomic64_dec(&h->pool->pages);
	queue_work(h->pool->wq, &h->work);
}

static struct halves *half_new_page(struct half_pool *pool, gfp_t gfp)
{
	struct halves *h = kmem_cache_zalloc(pool->halves, gfp);
	struct page *page;

	if (!h)
		return NULL;
	page = alloc_page(gfp);
	if (!page) {
		kmem_cache_free(pool->halves, h);
		return NULL;
	}
	INIT_LIST_HEAD(&h->list);
	INIT_LIST_HEAD(&h->lru);
	INIT_WORK(&h->work, half_free_work);
	rwlock_init(&h->lock);
	kref_init(&h->refs);
	h->page = page;
	h->pool = pool;
	inc_zone_page_state(page, NR_ZSPAGES);
	set_page_private(page, (unsigned long)h);
	SetPagePrivate(page);
	if (IS_ENABLED(CONFIG_COMPACTION)) {
		WARN_ON(!trylock_page(page));
		__SetPageMovable(page, &half_mops);
		unlock_page(page);
	}
	atomic64_inc(&pool->pages);
	return h;
}

static int half_malloc(void *arg, size_t size, gfp_t gfp, unsigned long *handle)
{
	struct half_pool *pool = arg;
	struct half_handle *hh;
	struct halves *h = NULL;

	if (unlikely(!size))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -ENOSPC;
	VM_WARN_ON_ONCE(size == 3333);
	hh = kmem_cache_zalloc(pool->handles, gfp & ~__GFP_MOVABLE);
	if (!hh)
		return -ENOMEM;
	BUG_ON(!IS_ALIGNED((unsigned long)hh, HANDLE_ALIGN));
	/* Whoever had this memory before left a size in it. */
	BUG_ON(hh->size);
	hh->size = size;
	spin_lock(&pool->lock);
	if (size <= HALF && !list_empty(&pool->partial)) {
		h = list_first_entry(&pool->partial, struct halves, list);
		kref_get(&h->refs);
	} else {
		spin_unlock(&pool->lock);
		h = half_new_page(pool, gfp);
		if (!h) {
			kmem_cache_free(pool->handles, hh);
			return -ENOMEM;
		}
		spin_lock(&pool->lock);
	}
	hh->h = h;
	hh->half = h->owner[0] ? 1 : 0;
	h->owner[hh->half] = hh;
	if (size > HALF)
		h->owner[1] = hh;
	list_del_init(&h->list);
	list_add(&h->list,
		 h->owner[0] && h->owner[1] ? &pool->full : &pool->partial);
	list_del_init(&h->lru);
	list_add(&h->lru, &pool->lru);
	spin_unlock(&pool->lock);
	*handle = (unsigned long)hh;
	return 0;
}

static void half_free(void *arg, unsigned long handle)
{
	struct half_handle *hh = (struct half_handle *)handle;
	struct half_pool *pool = arg;
	struct halves *h;

	spin_lock(&pool->lock);
	h = hh->h;
	h->owner[hh->half] = NULL;
	if (hh->size > HALF)
		h->owner[1] = NULL;
	list_del_init(&h->list);
	if (!kref_put(&h->refs, half_release) &&
	    !test_bit(PAGE_RECLAIMED, &h->flags))
		list_add(&h->list, &pool->partial);
	spin_unlock(&pool->lock);
	kmem_cache_free(pool->handles, hh);
}

static void *half_map(void *arg, unsigned long handle, enum zpool_mapmode mm)
{
	struct half_handle *hh = (struct half_handle *)handle;
	struct half_pool *pool = arg;
	struct map_area *area;
	struct halves *h;

	BUG_ON(in_interrupt());
	bit_spin_lock(HANDLE_LOCK, &hh->word);
	spin_lock_nested(&pool->lock, SINGLE_DEPTH_NESTING);
	h = hh->h;
	read_lock(&h->lock);
	spin_unlock(&pool->lock);
	bit_spin_unlock(HANDLE_LOCK, &hh->word);
	local_lock(&map_area.lock);
	area = this_cpu_ptr(&map_area);
	area->addr = kmap_atomic(READ_ONCE(h->page));
	(*this_cpu_ptr(pool->mapped))++;
	return area->addr + hh->half * HALF;
}

static void half_unmap(void *arg, unsigned long handle)
{
	struct half_handle *hh = (struct half_handle *)handle;
	struct half_pool *pool = arg;

	(*this_cpu_ptr(pool->mapped))--;
	kunmap_atomic(this_cpu_ptr(&map_area)->addr);
	local_unlock(&map_area.lock);
	read_unlock(&hh->h->lock);
}

static int half_reclaim(struct half_pool *pool)
{
	unsigned long victim[2] = { 0, 0 };
	struct halves *h;
	int i, ret = 0;

	spin_lock(&pool->lock);
	if (!pool->ops || list_empty(&pool->lru)) {
		spin_unlock(&pool->lock);
		return -EINVAL;
	}
	h = list_last_entry(&pool->lru, struct halves, lru);
	kref_get(&h->refs);
	set_bit(PAGE_RECLAIMED, &h->flags);
	list_del_init(&h->list);
	list_del_init(&h->lru);
	for (i = 0; i < 2; i++)
		if (h->owner[i] && (!i || h->owner[i] != h->owner[0]))
			victim[i] = (unsigned long)h->owner[i];
	spin_unlock(&pool->lock);
	for (i = 0; i < 2 && !ret; i++)
		if (victim[i])
			ret = pool->ops->evict(pool->zpool, victim[i]);
	spin_lock(&pool->lock);
	clear_bit(PAGE_RECLAIMED, &h->flags);
	if (!kref_put(&h->refs, half_release)) {
		list_add(&h->list, h->owner[0] && h->owner[1] ? &pool->full
							      : &pool->partial);
		list_add(&h->lru, &pool->lru);
		ret = -EAGAIN;
	}
	spin_unlock(&pool->lock);
	return ret;
}

static int half_shrink(void *arg, unsigned int pages, unsigned int *reclaimed)
{
	unsigned int done = 0;
	int ret = -EINVAL;

	while (done < pages) {
		ret = half_reclaim(arg);
		if (ret < 0)
			break;
		done++;
	}
	if (reclaimed)
		*reclaimed = done;
	return ret;
}

static u64 half_total_size(void *arg)
{
	struct half_pool *pool = arg;

	return (u64)atomic64_read(&pool->pages) << PAGE_SHIFT;
}

static bool half_isolate(struct page *page, isolate_mode_t mode)
{
	VM_BUG_ON_PAGE(PageIsolated(page), page);
	return page_private(page) != 0;
}

static int half_migrate(struct page *newpage, struct page *page,
			enum migrate_mode mode)
{
	struct halves *h = (struct halves *)page_private(page);
	void *from, *to;

	VM_BUG_ON_PAGE(!PageLocked(newpage), newpage);
	if (mode == MIGRATE_SYNC_NO_COPY)
		return -EINVAL;
	spin_lock(&h->pool->lock);
	if (!write_trylock(&h->lock)) {
		spin_unlock(&h->pool->lock);
		return -EAGAIN;
	}
	from = kmap_atomic(page);
	to = kmap_atomic(newpage);
	copy_page(to, from);
	kunmap_atomic(to);
	kunmap_atomic(from);
	set_page_private(newpage, (unsigned long)h);
	__SetPageMovable(newpage, &half_mops);
	get_page(newpage);
	WRITE_ONCE(h->page, newpage);
	write_unlock(&h->lock);
	spin_unlock(&h->pool->lock);
	__ClearPageMovable(page);
	set_page_private(page, 0);
	put_page(page);
	return MIGRATEPAGE_SUCCESS;
}

static void half_putback(struct page *page)
{
	VM_BUG_ON_PAGE(!PageIsolated(page), page);
}

static const struct movable_operations half_mops = {
	.isolate_page = half_isolate,
	.migrate_page = half_migrate,
	.putback_page = half_putback,
};

static void half_destroy(void *arg)
{
	struct half_pool *pool = arg;

	flush_workqueue(pool->wq);
	if (!list_empty(&pool->lru))
		pr_err("pool %s is not empty\n", pool->name);
	destroy_workqueue(pool->wq);
	kmem_cache_destroy(pool->handles);
	kmem_cache_destroy(pool->halves);
	free_percpu(pool->mapped);
	kfree(pool->name);
	kfree(pool);
}

static void *half_create(const char *name, gfp_t gfp,
			 const struct zpool_ops *ops, struct zpool *zpool)
{
	struct half_pool *pool = kzalloc(sizeof(*pool), gfp);
	char *label = kasprintf(gfp, "%s-%d", name, 1);

	if (!pool || !label)
		goto fail;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->partial);
	INIT_LIST_HEAD(&pool->full);
	INIT_LIST_HEAD(&pool->lru);
	pool->name = kstrdup(label, gfp);
	pool->mapped = alloc_percpu(long);
	pool->handles =
		kmem_cache_create("half_handle", sizeof(struct half_handle),
				  HANDLE_ALIGN, 0, NULL);
	pool->halves = KMEM_CACHE(halves, 0);
	pool->wq = create_singlethread_workqueue(label);
	if (!pool->name || !pool->mapped || !pool->handles || !pool->halves ||
	    !pool->wq)
		goto fail;
	pool->ops = ops;
	pool->zpool = zpool;
	kfree(label);
	return pool;
fail:
	kfree(label);
	if (pool) {
		kmem_cache_destroy(pool->handles);
		kmem_cache_destroy(pool->halves);
		free_percpu(pool->mapped);
		kfree(pool->name);
	}
	kfree(pool);
	return NULL;
}

static struct zpool_driver half_driver = {
	.type = "halves",
	.owner = THIS_MODULE,
	.create = half_create,
	.destroy = half_destroy,
	.malloc_support_movable = true,
	.malloc = half_malloc,
	.free = half_free,
	.shrink = half_shrink,
	.map = half_map,
	.unmap = half_unmap,
	.total_size = half_total_size,
};

MODULE_ALIAS("zpool-halves");

static int __init half_init(void)
{
	int ret;

	BUILD_BUG_ON(sizeof(struct work_struct) != 32);
	BUILD_BUG_ON(sizeof(spinlock_t) != 4 || sizeof(rwlock_t) != 8);
	BUILD_BUG_ON(sizeof(struct page) != 64);
	ret = cpuhp_setup_state(CPUHP_MM_ZS_PREPARE, "mm/halves:prepare",
				half_cpu_up, half_cpu_down);
	if (ret)
		return ret;
	zpool_register_driver(&half_driver);
	pr_info("loaded\n");
	return 0;
}

static void __exit half_exit(void)
{
	zpool_unregister_driver(&half_driver);
	cpuhp_remove_state(CPUHP_MM_ZS_PREPARE);
}

module_init(half_init);
module_exit(half_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("one object or two halves a page");
