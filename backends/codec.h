/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface between the swap path and a compressor of pages that comes in a
 * shared object. The object exports
 *	const struct codec_driver zlab_codec;
 * built against this directory's headers, and is loaded with --codec ./mine.so.
 * It knows neither locks nor pools: the same object serves every build of zlab.
 */
#ifndef ZLAB_BACKENDS_CODEC_H
#define ZLAB_BACKENDS_CODEC_H

#include "lib/spec.h"

/* Increment after any change of the interface. */
#define CODEC_ABI_VERSION 1

#define CODEC_PAGE 4096

/* First initializer of a table: what it was compiled against. */
#define CODEC_ABI                                                           \
	.version = CODEC_ABI_VERSION, .bytes = sizeof(struct codec_driver), \
	.option_bytes = sizeof(struct spec_option)

/**
 * struct codec_driver - a compressor
 * @version: CODEC_ABI_VERSION, set by CODEC_ABI as are the next two
 * @bytes: of this structure
 * @option_bytes: of struct spec_option
 * @spec: its name, which results record, and its options
 * @summary: one line of help
 * @source: what it was made of, as a JSON object, or NULL; results record it
 * @prepare: make a context for these options; each CPU has its own and calls
 *	     this once. Return: the context, or NULL without memory
 * @release: free a context
 * @compress: compress a page of 4096 bytes into at most @room bytes, 8192.
 *	      Return: the bytes written, which may be more than a page, or a
 *	      negative errno
 * @decompress: expand @len bytes to a page of 4096 bytes. The bytes may be
 *		damaged: nothing outside of @src and @page may be accessed.
 *		Return: 0, or a negative errno when no whole page comes out
 *
 * prepare and release may allocate; compress and decompress must not.
 */
struct codec_driver {
	unsigned version, bytes, option_bytes;
	struct spec_desc spec;
	const char *summary;
	const char *source;
	void *(*prepare)(const void *params);
	void (*release)(void *ctx);
	int (*compress)(void *ctx, const void *page, void *dst, size_t room);
	int (*decompress)(void *ctx, const void *src, size_t len, void *page);
};

#endif
