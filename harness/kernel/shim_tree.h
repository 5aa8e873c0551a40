/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the shim reads from a user's kernel tree: one source file, the few
 * headers that this file needs, the .config, and which forms of the allocator's
 * calls the tree has. All of it is read from the source, not from the version.
 */
#ifndef ZLAB_SHIM_TREE_H
#define ZLAB_SHIM_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define SHIM_MAX_FILES 256
#define SHIM_MAX_INCLUDES 8

/** enum shim_codec - a compressor of a tree, or none for an allocator */
enum shim_codec {
	SHIM_NO_CODEC,
	SHIM_LZ4,
	SHIM_LZO,
	SHIM_LZO_RLE,
	SHIM_842,
	SHIM_ZSTD
};

/**
 * struct shim_request - what "zlab shim" was asked for
 * @tree: the kernel's source directory
 * @file: the allocator in it, e.g. "mm/zsmalloc.c"; not read for a @codec
 * @codec: the compressor in it
 * @output: where the object goes, or NULL for the cache alone
 * @chain: CONFIG_ZSMALLOC_CHAIN_SIZE, or 0 for the tree's own
 * @page_shift: log2 of the page size: 12, 14 or 16
 * @debug: enable VM_BUG_ON and similar checks
 * @tsan: compile with ThreadSanitizer
 * @vcpus: for virtual CPUs, as "zlab explore" needs it; always so in zlab-virtual
 * @include: headers of the user that define what the shim lacks
 * @nr_include: how many
 * @git: description of the tree to use instead of git's, or NULL
 */
struct shim_request {
	const char *tree;
	const char *file;
	enum shim_codec codec;
	const char *output;
	unsigned chain;
	unsigned page_shift;
	bool debug, tsan, vcpus;
	const char *include[SHIM_MAX_INCLUDES];
	size_t nr_include;
	const char *git;
};

/**
 * struct shim_file - a file of the private folder that is compiled
 * @name: its path in the folder, e.g. "linux/list.h"
 * @from: path it was read from; NULL for one that forwards to the shim
 * @text: contents, or NULL
 * @compiled: a source of a compressor, compiled by itself
 */
struct shim_file {
	char *name, *from, *text;
	bool compiled;
};

/**
 * struct shim_tree - all that was read; free with shim_tree_free()
 * @name: allocator or compressor, e.g. "zsmalloc"
 * @source: its file, or a compressor's folder, in the tree
 * @sha256: of the source file, or of a compressor as a whole, in hex
 * @optimize: the tree's own optimization level for a compressor
 * @git: commit, as git describes it; empty outside of a repository
 * @config: the defines of shim_config.h, one per line
 * @files: source, headers and forwarders
 */
struct shim_tree {
	char name[64];
	const char *source;
	const char *optimize;
	char sha256[65];
	char git[128];
	char *config;
	struct shim_file files[SHIM_MAX_FILES];
	size_t nr_files;
};

/**
 * shim_tree_read() - read a tree
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
