/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/debugfs.h>

static atomic_t counter;
static struct dentry *root;

static inline void count_object(void)
{
	atomic_inc(&counter);
}

static int __init show_counters(void)
{
	if (!debugfs_initialized())
		return 0;
	root = debugfs_create_dir("842", NULL);
	debugfs_create_atomic_t("objects", S_IRUGO | S_IWUSR, root, &counter);
	return 0;
}

static void __exit hide_counters(void)
{
	debugfs_remove_recursive(root);
}
