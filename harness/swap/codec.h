/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compressors of pages. A codec is named by a spec:
 *  lz4            LZ4 at its default, as the kernel's crypto "lz4"
 *  zstd[:LEVEL]   Zstandard, level 3 by default, as the kernel's "zstd"
 *  none           the page as it is
 *  ./X.so[:OPTION=VALUE,...]
 *                 that of a shared object, see backends/codec.h; "zlab shim
 *                 --codec" makes them of a kernel tree
 *  sizes:CODEC    nothing is compressed: the trace's table of CODEC's sizes
 *                 gives the length of each object. Only codec_create() and
 *                 codec_table() accept this spec; it cannot compress. CODEC is one of
 *                 the above, or the name that a codec of a kernel tree
 *                 has in a trace
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
/* The longest codec_name(); without "sizes:", as a trace keeps it, 57. */
#define CODEC_NAME_MAX 63

struct codec;

/**
 * codec_create() - make a codec from a spec
 *
 * Return: the codec, or NULL with @err set to a line that names the known
 * codecs or the valid levels, or tells what is wrong with a shared object, which
 * stays loaded.
 */
struct codec *codec_create(const char *spec, struct err *err);

/**
 * codec_sizes() - the codec "sizes:NAME" of a codec that compresses
 *
 * Return: the codec, or NULL with @err set.
 */
struct codec *codec_sizes(const struct codec *c, struct err *err);

/** codec_destroy() - free a codec that no CPU is using; NULL is ignored */
void codec_destroy(struct codec *c);

/**
 * codec_name() - the canonical spec: "lz4", "zstd:3", "none", "sizes:lz4"
 *
 * A shared object's is the name that it gives itself, with its options.
 */
const char *codec_name(const struct codec *c);

/** codec_source() - what a shared object says that it was made of, or NULL */
const char *codec_source(const struct codec *c);

/**
 * codec_running() - name of the shared object's codec that this thread runs
 *
 * For signal handlers. Return: the name, or NULL outside of such a codec.
 */
const char *codec_running(void);

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
