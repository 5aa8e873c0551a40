/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the shim reads from a user's kernel tree: one source file, the few
 * headers of its own that it needs, its .config, and which forms of the
 * allocator's calls it has. Everything is found by looking, nothing by version.
 */
#ifndef ZLAB_SHIM_TREE_H
#define ZLAB_SHIM_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define SHIM_MAX_FILES 256
#define SHIM_MAX_INCLUDES 8

/**
 * struct shim_request - what "zlab shim" was asked for
 * @tree: the kernel's source directory
 * @file: the allocator in it, e.g. "mm/zsmalloc.c"
 * @output: where the object goes, or NULL for the cache alone
 * @chain: CONFIG_ZSMALLOC_CHAIN_SIZE, or 0 for the tree's own
 * @page_shift: log2 of the page size: 12, 14 or 16
 * @debug: VM_BUG_ON and its like are live
 * @tsan: compile with ThreadSanitizer
 * @include: headers of the user that define what the shim lacks
 * @nr_include: how many
 * @git: what to say of the tree instead of asking git, or NULL
 */
struct shim_request {
	const char *tree;
	const char *file;
	const char *output;
	unsigned chain;
	unsigned page_shift;
	bool debug, tsan;
	const char *include[SHIM_MAX_INCLUDES];
	size_t nr_include;
	const char *git;
};

/**
 * struct shim_file - a file of the private folder that is compiled
 * @name: its place in the folder, e.g. "linux/list.h"
 * @from: path it was read from; NULL for one that forwards to the shim
 * @text: contents, or NULL
 */
struct shim_file {
	char *name, *from, *text;
};

/**
 * struct shim_tree - all that was read; free with shim_tree_free()
 * @name: allocator, e.g. "zsmalloc"
 * @sha256: of the source file, in hex
 * @git: what git calls the tree's commit; empty outside of a repository
 * @config: the defines that shim_config.h gets, one a line
 * @notes: what a person should know of how it is built; may be empty
 * @files: source, headers and forwarders
 */
struct shim_tree {
	char name[64];
	char sha256[65];
	char git[128];
	char *config;
	char notes[256];
	struct shim_file files[SHIM_MAX_FILES];
	size_t nr_files;
};

/**
 * shim_tree_read() - look at a tree
 * @req: what to build from it
 * @tree: receives the findings
 * @err: receives the error line: no such tree or file, no interface that the
 *	 shim knows, an option that this source does not have
 *
 * Return: 0 or a negative errno.
 */
int shim_tree_read(const struct shim_request *req, struct shim_tree *tree,
		   struct err *err);

void shim_tree_free(struct shim_tree *tree);

#endif
