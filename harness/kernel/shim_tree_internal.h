/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reading an allocator and reading a compressor share. */
#ifndef ZLAB_SHIM_TREE_INTERNAL_H
#define ZLAB_SHIM_TREE_INTERNAL_H

#include "harness/kernel/shim_tree.h"

/* Headers of compressors that are taken from the tree; ends with a NULL. */
extern const char *const shim_codec_headers[];

/** shim_add_config() - add a "#define" to the tree's configuration */
void shim_add_config(struct shim_tree *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * shim_find_file() - contents of a file that was added
 *
 * Return: the text, "" for a forwarder, or NULL when there is none.
 */
const char *shim_find_file(const struct shim_tree *t, const char *name);

/**
 * shim_add_file() - add a file of the private folder
 * @name: its path in the folder
 * @from: where its contents are, or NULL for a forwarder
 *
 * Return: 0 or a negative errno with @err set.
 */
int shim_add_file(struct shim_tree *t, const char *name, const char *from,
		  struct err *err);

/**
 * shim_add_text() - add a file that is in no tree
 * @text: its contents; set to NULL when they have become the file's
 *
 * Return: 0 or a negative errno with @err set.
 */
int shim_add_text(struct shim_tree *t, const char *name, char **text,
		  struct err *err);

/** shim_add_extra() - add the user's own headers */
int shim_add_extra(struct shim_tree *t, const struct shim_request *req,
		   struct err *err);

/** shim_scan_includes() - add every header that the file @file includes */
int shim_scan_includes(struct shim_tree *t, const struct shim_request *req,
		       size_t file, struct err *err);

/** shim_describe() - set @t->git for @t->source */
void shim_describe(struct shim_tree *t, const struct shim_request *req);

/** shim_codec_read() - shim_tree_read() of a compressor */
int shim_codec_read(const struct shim_request *req, struct shim_tree *t,
		    struct err *err);

#endif
