/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compressors of pages. A codec is named by a spec:
 *  lz4            LZ4 at its default, as the kernel's crypto "lz4"
 *  zstd[:LEVEL]   Zstandard, level 3 by default, as the kernel's "zstd"
 *  none           the page as it is
 *  sizes:CODEC    nothing is compressed: the trace's table of CODEC's sizes
 *                 gives the length of each object. Only codec_create() and
 *                 codec_table() accept this spec; it cannot compress.
 *
 * Every CPU has its own context, which its first call allocates; later calls
 * allocate no memory.
 */
#ifndef ZLAB_CODEC_H
#define ZLAB_CODEC_H

#include <stddef.h>

#include "lib/err.h"

#define CODEC_PAGE_SIZE 4096
/* Size of codec_compress()'s buffer: two pages, as in the kernel. */
#define CODEC_DST_SIZE 8192
#define CODEC_NAME_MAX 63

struct codec;

/**
 * codec_create() - make a codec from a spec
 *
 * Return: the codec, or NULL with @err set to a line that names the known
 * codecs or the valid levels.
 */
struct codec *codec_create(const char *spec, struct err *err);

/** codec_destroy() - free a codec that no CPU is using; NULL is ignored */
void codec_destroy(struct codec *c);

/** codec_name() - the canonical spec: "lz4", "zstd:3", "none", "sizes:lz4" */
const char *codec_name(const struct codec *c);

/**
 * codec_table() - the codec whose sizes are used instead of compressing
 *
 * Return: "lz4" for "sizes:lz4"; NULL for a codec that compresses.
 */
const char *codec_table(const struct codec *c);

/**
 * codec_attach() - allocate the calling CPU's context now
 *
 * Keeps the allocation out of measured calls. Return: 0 or -ENOMEM.
 */
int codec_attach(struct codec *c);

/**
 * codec_compress() - compress a page
 * @page: CODEC_PAGE_SIZE bytes
 * @dst: receives at most CODEC_DST_SIZE bytes
 *
 * Return: bytes in @dst, which may be more than a page; -ENOMEM when the CPU's
 * context cannot be allocated; -EIO when the library fails; -EINVAL for
 * "sizes:".
 */
int codec_compress(struct codec *c, const void *page, void *dst);

/**
 * codec_decompress() - expand an object
 * @src: @len bytes that codec_compress() made
 * @page: receives CODEC_PAGE_SIZE bytes
 *
 * Return: 0; -EIO when @src does not expand to a whole page; -ENOMEM; -EINVAL
 * for "sizes:".
 */
int codec_decompress(struct codec *c, const void *src, size_t len, void *page);

/**
 * codec_size() - compressed size of a page; usable as a trace's sizer
 * @codec: a struct codec
 * @page: CODEC_PAGE_SIZE bytes
 *
 * Return: as codec_compress().
 */
int codec_size(void *codec, const void *page);

#endif
