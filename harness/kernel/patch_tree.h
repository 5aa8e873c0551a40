/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The patched tree that is compared with the plain one. */
#ifndef ZLAB_PATCH_TREE_H
#define ZLAB_PATCH_TREE_H

#include "harness/kernel/shim_tree.h"

/**
 * patch_tree() - copy the needed files of a tree and apply patches
 * @req: the unpatched tree and the source file to build
 * @patch: files with patches, as git format-patch or diff -up write them
 * @nr: how many; applied in order
 * @dir: receives the copy's path, in PATH_MAX bytes; to be removed with
 *	 patch_tree_remove()
 * @err: receives the error line: a patch that does not apply, and where
 *
 * Only the files that the build reads and those that a patch names are copied.
 * The user's tree is never written. Return: 0 or a negative errno.
 */
int patch_tree(const struct shim_request *req, const char *const *patch,
	       size_t nr, char *dir, struct err *err);

/** patch_tree_remove() - remove the copy and clear @dir */
void patch_tree_remove(char *dir);

#endif
