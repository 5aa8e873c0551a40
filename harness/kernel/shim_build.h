/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compiles an allocator of a user's kernel tree into a loadable backend, or a
 * compressor of it into a loadable codec. Objects
 * are cached under $XDG_CACHE_HOME/zlab/shim by the hash of all they are made
 * of: the tree's files, the options, the compiler, and the shim's own sources.
 * Without a home the cache is $TMPDIR/zlab-UID or /var/tmp/zlab-UID, which only
 * this user may access. Files that another user could write are built again.
 */
#ifndef ZLAB_SHIM_BUILD_H
#define ZLAB_SHIM_BUILD_H

#include "harness/kernel/shim_tree.h"

/**
 * struct shim_object - what was built, or found in the cache
 * @path: the shared object
 * @spec: @path as the spec of a backend or a codec (with a "/" in it)
 * @name: what it calls itself: shim-ALLOCATOR-HASH and the options that differ
 *	  from the tree's
 * @source: its file in the tree; of a compressor, its folder
 * @sha256: of the source file; of a compressor, of all its files and of what its
 *	    users expect
 * @git: name of the tree's commit, as git describes it; may be empty
 * @settings: chain, page size and flags, as text
 * @cached: found in the cache; nothing was compiled
 */
struct shim_object {
	char path[PATH_MAX];
	char spec[PATH_MAX];
	char name[128];
	char source[128];
	char sha256[65];
	char git[128];
	char settings[128];
	bool cached;
};

/**
 * shim_build() - make the backend or the codec
 *
 * Compiling takes one to two seconds, a large compressor ten. Nothing is ever written into the tree.
 * Return: 0, or a negative errno with @err set: as shim_tree_read(); no
 * compiler; the tree uses names that the shim lacks (@err lists them and tells
 * how to add them); the cache cannot be written.
 */
int shim_build(const struct shim_request *req, struct shim_object *obj,
	       struct err *err);

#endif
