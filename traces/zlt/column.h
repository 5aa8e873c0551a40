/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoding of one column of a block: unsigned integers, split into byte planes
 * (all lowest bytes, all second bytes, ...) that are compressed separately. Low
 * planes of random ids do not compress and are stored uncompressed, which costs
 * no time to read; high planes are mostly constant.
 */
#ifndef ZLAB_TRACES_COLUMN_H
#define ZLAB_TRACES_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zstd.h>

/**
 * struct column_buf - a growing array of bytes
 * @data: the bytes, or NULL
 * @len: bytes in use
 * @cap: bytes allocated
 */
struct column_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
};

/**
 * column_buf_reserve() - allocate space for @more bytes after those in use
 *
 * Return: 0 or -ENOMEM; the bytes in use are unchanged in both cases.
 */
int column_buf_reserve(struct column_buf *buf, size_t more);

/**
 * column_buf_add() - append bytes
 */
int column_buf_add(struct column_buf *buf, const void *data, size_t len);

void column_buf_free(struct column_buf *buf);

/* ---- writing ----------------------------------------------------------- */

/**
 * struct column_writer - working memory of column_put()
 *
 * The caller zeroes it, then calls column_writer_init().
 */
struct column_writer {
	ZSTD_CCtx *zstd;
	struct column_buf values;
	struct column_buf plane;
	struct column_buf packed;
	struct column_buf trial;
};

int column_writer_init(struct column_writer *cw);
void column_writer_free(struct column_writer *cw);

/**
 * column_put() - append an encoded column
 * @out: buffer to append to
 * @id: number that tells the reader what the column is
 * @values: @count unsigned integers of @size bytes in host byte order
 * @size: 1, 2, 4 or 8
 * @delta: also try differences, and use them if they are clearly smaller
 *
 * Return: 0 or -ENOMEM.
 */
int column_put(struct column_writer *cw, struct column_buf *out, uint8_t id,
	       const void *values, size_t size, uint32_t count, bool delta);

/* ---- reading ----------------------------------------------------------- */

/**
 * struct column - an encoded column inside a payload
 * @id: what the column is
 * @transform: transform applied to the values before they were split
 * @width: number of planes, 0..8
 * @bits: bits of a value in its plane: 8, or 4 or 2 when @width is 1
 * @count: number of values
 * @base: smallest value, or the first one
 * @planes: plane descriptors
 * @data: plane data
 * @bytes: bytes of the whole column, including its head
 */
struct column {
	uint8_t id;
	uint8_t transform;
	uint8_t width;
	uint8_t bits;
	uint32_t count;
	uint64_t base;
	const uint8_t *planes;
	const uint8_t *data;
	uint32_t bytes;
};

/**
 * column_next() - find the next column of a payload
 * @pos: start of the column; advanced to the byte after it
 * @end: end of the payload
 * @col: receives it
 *
 * Return: 1, 0 at @end, or -EBADMSG.
 */
int column_next(const uint8_t **pos, const uint8_t *end, struct column *col);

/**
 * struct column_reader - working memory of column_get()
 *
 * The caller zeroes it, then calls column_reader_init().
 */
struct column_reader {
	ZSTD_DCtx *zstd;
	struct column_buf planes;
};

int column_reader_init(struct column_reader *cr);
void column_reader_free(struct column_reader *cr);

/**
 * column_get() - decode a column
 * @out: receives @col->count integers of @size bytes
 * @size: 1, 2, 4 or 8
 *
 * Return: 0, -EBADMSG when the data is not a column or a value needs more than
 * @size bytes, or -ENOMEM.
 */
int column_get(struct column_reader *cr, const struct column *col, void *out,
	       size_t size);

#endif
