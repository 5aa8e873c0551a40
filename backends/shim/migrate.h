/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page migration: the operations of the owner of a movable page. They belong to
 * the inode of a pseudo file system, or to the page, or to the page's type.
 */
#ifndef SHIM_MIGRATE_H
#define SHIM_MIGRATE_H

#define MIGRATEPAGE_SUCCESS 0
#define PAGE_MAPPING_MOVABLE 2ul
#define PAGE_MAPPING_FLAGS 3ul

typedef unsigned int isolate_mode_t;
#define ISOLATE_UNEVICTABLE 8u

enum migrate_mode {
	MIGRATE_ASYNC,
	MIGRATE_SYNC_LIGHT,
	MIGRATE_SYNC,
	MIGRATE_SYNC_NO_COPY
};

#ifdef SHIM_MOVED_BY_MAPPING
struct address_space;

struct address_space_operations {
	bool (*isolate_page)(struct page *page, isolate_mode_t mode);
	int (*migratepage)(struct address_space *mapping, struct page *dst,
			   struct page *src, enum migrate_mode mode);
	void (*putback_page)(struct page *page);
};

struct address_space {
	const struct address_space_operations *a_ops;
	void *private_data;
};

struct super_block {
	char unused;
};

struct inode {
	struct address_space *i_mapping;
	struct address_space i_data;
};

struct vfsmount {
	struct super_block *mnt_sb;
};

struct fs_context {
	struct super_block *root;
};

struct file_system_type {
	const char *name;
	struct module *owner;
	int (*init_fs_context)(struct fs_context *fc);
	void (*kill_sb)(struct super_block *sb);
};

/* They tell file systems apart; here each object has one. */
#define ZSMALLOC_MAGIC 1
#define Z3FOLD_MAGIC 2

static struct super_block shim_super_block __maybe_unused;

static inline void *init_pseudo(struct fs_context *fc, unsigned long magic)
{
	fc->root = &shim_super_block;
	return fc->root;
}

static inline void kill_anon_super(struct super_block *sb)
{
}

static inline struct vfsmount *kern_mount(struct file_system_type *type)
{
	static struct vfsmount mount;
	struct fs_context fc = { NULL };
	int ret = type->init_fs_context(&fc);

	if (ret)
		return ERR_PTR(ret);
	mount.mnt_sb = fc.root;
	return &mount;
}

static inline void kern_unmount(struct vfsmount *mount)
{
	mount->mnt_sb = NULL;
}

static inline struct inode *alloc_anon_inode(struct super_block *sb)
{
	struct inode *inode = shim_alloc_outside(sizeof(*inode));

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_mapping = &inode->i_data;
	return inode;
}

static inline void iput(struct inode *inode)
{
	shim_kfree(inode);
}

static inline void __SetPageMovable(struct page *page,
				    struct address_space *mapping)
{
	WRITE_ONCE(page->mapping,
		   (void *)((unsigned long)mapping | PAGE_MAPPING_MOVABLE));
}

static inline struct address_space *page_mapping(const struct page *page)
{
	unsigned long m = (unsigned long)READ_ONCE(page->mapping);

	return (void *)(m & ~PAGE_MAPPING_FLAGS);
}

#define shim_movable_operations address_space_operations
#define SHIM_MIGRATE_PAGE(ops, dst, src, mode) \
	((ops)->migratepage(page_mapping(src), dst, src, mode))
#else
struct movable_operations {
	bool (*isolate_page)(struct page *page, isolate_mode_t mode);
	int (*migrate_page)(struct page *dst, struct page *src,
			    enum migrate_mode mode);
	void (*putback_page)(struct page *page);
};

static inline void __SetPageMovable(struct page *page,
				    const struct movable_operations *ops)
{
	WRITE_ONCE(page->mapping,
		   (void *)((unsigned long)ops | PAGE_MAPPING_MOVABLE));
}

/* From 6.17 on the operations belong to the page's type. */
static const struct movable_operations *shim_type_ops __maybe_unused;

static inline int set_movable_ops(const struct movable_operations *ops,
				  enum pagetype type)
{
	shim_type_ops = ops;
	return 0;
}

#define shim_movable_operations movable_operations
#define SHIM_MIGRATE_PAGE(ops, dst, src, mode) \
	((ops)->migrate_page(dst, src, mode))
#endif

static inline void __ClearPageMovable(struct page *page)
{
	WRITE_ONCE(page->mapping, (void *)PAGE_MAPPING_MOVABLE);
}

static inline const struct shim_movable_operations *
page_movable_ops(const struct page *page)
{
	unsigned long m = (unsigned long)READ_ONCE(page->mapping);
	const void *owner = (const void *)(m & ~PAGE_MAPPING_FLAGS);

#ifdef SHIM_MOVED_BY_MAPPING
	if ((m & PAGE_MAPPING_FLAGS) != PAGE_MAPPING_MOVABLE || !owner)
		return NULL;
	return ((const struct address_space *)owner)->a_ops;
#else
	if (PageMovableOps(page))
		return shim_type_ops;
	if ((m & PAGE_MAPPING_FLAGS) != PAGE_MAPPING_MOVABLE)
		return NULL;
	return owner;
#endif
}

#define PageMovable(page) (page_movable_ops(page) != NULL)
#define page_has_movable_ops(page) PageMovable(page)
#define __PageMovable(page) PageMovable(page)

#endif
