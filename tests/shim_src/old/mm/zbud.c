// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An allocator of this project's own making: each object has a page. It uses
 * what the shim offers to sources of the years before 6.0: a pseudo file system
 * whose inode has the operations of page migration, a wait queue, the flag
 * PageOwnerPriv1, and a header of the tree for the allocator's own calls.
 */
#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/magic.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/zbud.h>
#include <linux/zpool.h>

struct zbud_pool {
	atomic_long_t pages, isolated;
	struct kmem_cache *objects;
	struct inode *inode;
	struct wait_queue_head drained;
};

struct zbud_object {
	rwlock_t lock;
	struct page *page;
	size_t size;
};

static struct vfsmount *zbud_mnt;
static const struct address_space_operations zbud_aops;
static const struct zbud_limits zbud_limits = { .largest = PAGE_SIZE };

static int zbud_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, Z3FOLD_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type zbud_fs = {
	.name = "zbud",
	.init_fs_context = zbud_init_fs_context,
	.kill_sb = kill_anon_super,
};

/* The object's page, locked and with a reference, wherever it has moved to. */
static struct page *zbud_lock_page(struct zbud_object *o)
{
	for (;;) {
		struct page *page = READ_ONCE(o->page);

		if (!get_page_unless_zero(page))
			continue;
		lock_page(page);
		if (likely(page == READ_ONCE(o->page)))
			return page;
		unlock_page(page);
		put_page(page);
	}
}

static void zbud_end_isolation(struct zbud_pool *pool)
{
	if (atomic_long_dec_and_test(&pool->isolated))
		wake_up_all(&pool->drained);
}

static bool zbud_isolate(struct page *page, isolate_mode_t mode)
{
	struct zbud_pool *pool = page_mapping(page)->private_data;

	VM_BUG_ON_PAGE(PageIsolated(page), page);
	atomic_long_inc(&pool->isolated);
	return true;
}

static int zbud_migrate(struct address_space *mapping, struct page *newpage,
			struct page *page, enum migrate_mode mode)
{
	struct zbud_object *o = (struct zbud_object *)page_private(page);

	BUG_ON(mapping != page_mapping(page));
	if (!write_trylock(&o->lock))
		return -EAGAIN;
	copy_page(page_address(newpage), page_address(page));
	if (PageOwnerPriv1(page))
		SetPageOwnerPriv1(newpage);
	ClearPageOwnerPriv1(page);
	set_page_private(newpage, page_private(page));
	__SetPageMovable(newpage, mapping);
	get_page(newpage);
	WRITE_ONCE(o->page, newpage);
	write_unlock(&o->lock);
	__ClearPageMovable(page);
	set_page_private(page, 0);
	put_page(page);
	zbud_end_isolation(mapping->private_data);
	return MIGRATEPAGE_SUCCESS;
}

static void zbud_putback(struct page *page)
{
	zbud_end_isolation(page_mapping(page)->private_data);
}

static const struct address_space_operations zbud_aops = {
	.isolate_page = zbud_isolate,
	.migratepage = zbud_migrate,
	.putback_page = zbud_putback,
};

static void zbud_zpool_destroy(void *arg)
{
	struct zbud_pool *pool = arg;

	wait_event(pool->drained, !atomic_long_read(&pool->isolated));
	iput(pool->inode);
	kmem_cache_destroy(pool->objects);
	kfree(pool);
}

static void *zbud_zpool_create(const char *name, gfp_t gfp,
			       const struct zpool_ops *ops, struct zpool *zpool)
{
	struct zbud_pool *pool = kzalloc(sizeof(*pool), gfp);

	if (!pool)
		return NULL;
	init_waitqueue_head(&pool->drained);
	pool->objects = kmem_cache_create(
		"zbud_object", sizeof(struct zbud_object), 0, 0, NULL);
	if (!pool->objects)
		goto fail;
	pool->inode = alloc_anon_inode(zbud_mnt->mnt_sb);
	if (IS_ERR(pool->inode))
		goto fail;
	pool->inode->i_mapping->private_data = pool;
	pool->inode->i_mapping->a_ops = &zbud_aops;
	return pool;
fail:
	kmem_cache_destroy(pool->objects);
	kfree(pool);
	return NULL;
}

static int zbud_zpool_malloc(void *pool, size_t size, gfp_t gfp,
			     unsigned long *handle)
{
	return zbud_alloc(pool, size, gfp, handle);
}

static void zbud_zpool_free(void *pool, unsigned long handle)
{
	zbud_free(pool, handle);
}

static u64 zbud_zpool_total_size(void *pool)
{
	return zbud_get_pool_size(pool);
}

static void *zbud_zpool_map(void *pool, unsigned long handle,
			    enum zpool_mapmode mm)
{
	struct zbud_object *o = (struct zbud_object *)handle;

	read_lock(&o->lock);
	return page_address(o->page);
}

static void zbud_zpool_unmap(void *pool, unsigned long handle)
{
	read_unlock(&((struct zbud_object *)handle)->lock);
}

int zbud_alloc(struct zbud_pool *pool, size_t size, gfp_t gfp,
	       unsigned long *handle)
{
	struct zbud_object *o;

	if (!size)
		return -EINVAL;
	if (size > zbud_limits.largest)
		return -ENOSPC;
	o = kmem_cache_zalloc(pool->objects, gfp & ~__GFP_MOVABLE);
	if (!o)
		return -ENOMEM;
	o->page = alloc_page(gfp);
	if (!o->page) {
		kmem_cache_free(pool->objects, o);
		return -ENOMEM;
	}
	o->size = size;
	rwlock_init(&o->lock);
	set_page_private(o->page, (unsigned long)o);
	if (size > PAGE_SIZE / 2)
		SetPageOwnerPriv1(o->page);
	if (IS_ENABLED(CONFIG_COMPACTION)) {
		lock_page(o->page);
		__SetPageMovable(o->page, pool->inode->i_mapping);
		unlock_page(o->page);
	}
	atomic_long_inc(&pool->pages);
	*handle = (unsigned long)o;
	return 0;
}

void zbud_free(struct zbud_pool *pool, unsigned long handle)
{
	struct zbud_object *o = (struct zbud_object *)handle;
	struct page *page = zbud_lock_page(o);

	WARN_ON(!PageOwnerPriv1(page) != (o->size <= PAGE_SIZE / 2));
	ClearPageOwnerPriv1(page);
	/* The one who isolated it finds that it has no owner any more. */
	if (PageIsolated(page))
		zbud_end_isolation(pool);
	__ClearPageMovable(page);
	set_page_private(page, 0);
	unlock_page(page);
	put_page(page);
	__free_page(page);
	kmem_cache_free(pool->objects, o);
	atomic_long_dec(&pool->pages);
}

u64 zbud_get_pool_size(struct zbud_pool *pool)
{
	return (u64)atomic_long_read(&pool->pages) << PAGE_SHIFT;
}

static struct zpool_driver zbud_driver = {
	.type = "zbud",
	.owner = THIS_MODULE,
	.create = zbud_zpool_create,
	.destroy = zbud_zpool_destroy,
	.malloc_support_movable = true,
	.malloc = zbud_zpool_malloc,
	.free = zbud_zpool_free,
	.map = zbud_zpool_map,
	.unmap = zbud_zpool_unmap,
	.total_size = zbud_zpool_total_size,
};

static int __init zbud_init(void)
{
	BUILD_BUG_ON(sizeof(wait_queue_head_t) != 24);
	zbud_mnt = kern_mount(&zbud_fs);
	if (IS_ERR(zbud_mnt))
		return PTR_ERR(zbud_mnt);
	zpool_register_driver(&zbud_driver);
	return 0;
}

static void __exit zbud_exit(void)
{
	zpool_unregister_driver(&zbud_driver);
	kern_unmount(zbud_mnt);
}

module_init(zbud_init);
module_exit(zbud_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("an object a page");
