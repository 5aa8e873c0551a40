// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encoder and decoder of columns. The bytes of a column, all numbers
 * little-endian:
 *	u8 id, u8 transform, u8 width, u8 bits, u32 count, u64 base,
 *	width times u32: plane mode in bits 31..30, plane bytes below,
 *	the planes' data, least significant plane first.
 * A single plane of small values holds several values in each byte.
 */
#include <bsd/sys/endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/zlt/column.h"

#define COLUMN_HEAD 16
#define PLANE_DESC 4

enum column_transform {
	TRANSFORM_NONE,
	TRANSFORM_DELTA,
	TRANSFORMS
};

enum plane_mode {
	PLANE_RAW,
	PLANE_CONST,
	PLANE_ZSTD
};

#define PLANE_MODE_SHIFT 30
#define PLANE_LEN_MASK ((1u << PLANE_MODE_SHIFT) - 1)

/*
 * Planes are either regular or random. Short matches in random data save no
 * space, and make decoding slower than entropy coding alone.
 */
#define PLANE_LEVEL 1
#define PLANE_MIN_MATCH 7

int column_buf_reserve(struct column_buf *buf, size_t more)
{
	size_t cap = buf->cap ? buf->cap : 256;
	uint8_t *data;

	if (more <= buf->cap - buf->len)
		return 0;
	if (more > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
		return -ENOMEM;
	while (cap < buf->len + more)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->cap = cap;
	return 0;
}

int column_buf_add(struct column_buf *buf, const void *data, size_t len)
{
	int rc = column_buf_reserve(buf, len);

	if (rc)
		return rc;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return 0;
}

void column_buf_free(struct column_buf *buf)
{
	free(buf->data);
	*buf = (struct column_buf){ 0 };
}

int column_writer_init(struct column_writer *cw)
{
	cw->zstd = ZSTD_createCCtx();
	if (!cw->zstd)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(cw->zstd, ZSTD_c_compressionLevel, PLANE_LEVEL);
	ZSTD_CCtx_setParameter(cw->zstd, ZSTD_c_minMatch, PLANE_MIN_MATCH);
	return 0;
}

void column_writer_free(struct column_writer *cw)
{
	ZSTD_freeCCtx(cw->zstd);
	column_buf_free(&cw->values);
	column_buf_free(&cw->plane);
	column_buf_free(&cw->packed);
	column_buf_free(&cw->trial);
	*cw = (struct column_writer){ 0 };
}

static void widen(uint64_t *to, const void *from, size_t size, uint32_t count)
{
	uint32_t i;

	switch (size) {
	case 1:
		for (i = 0; i < count; i++)
			to[i] = ((const uint8_t *)from)[i];
		break;
	case 2:
		for (i = 0; i < count; i++)
			to[i] = ((const uint16_t *)from)[i];
		break;
	case 4:
		for (i = 0; i < count; i++)
			to[i] = ((const uint32_t *)from)[i];
		break;
	default:
		if (count)
			memcpy(to, from, count * sizeof(*to));
	}
}

/* Replace each value by its zigzag-coded difference to the previous one. */
static uint64_t deltas(uint64_t *values, uint32_t count)
{
	uint64_t base = count ? values[0] : 0, last = base;
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint64_t diff = values[i] - last;

		last = values[i];
		values[i] = (diff << 1) ^ (0 - (diff >> 63));
	}
	return base;
}

/* Replace each value by its distance to the smallest value. */
static uint64_t distances(uint64_t *values, uint32_t count)
{
	uint64_t base = count ? values[0] : 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		base = values[i] < base ? values[i] : base;
	for (i = 0; i < count; i++)
		values[i] -= base;
	return base;
}

/* The number of bits of the largest value. */
static unsigned int bits_needed(const uint64_t *values, uint32_t count)
{
	uint64_t all = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		all |= values[i];
	return all ? 64 - __builtin_clzll(all) : 0;
}

static uint32_t plane_bytes(uint32_t count, unsigned int bits)
{
	return (uint32_t)(((uint64_t)count * bits + 7) / 8);
}

/* Extract plane @p of the values; with @bits < 8, pack them into one plane. */
static void split(uint8_t *plane, const uint64_t *values, uint32_t count,
		  unsigned int p, unsigned int bits)
{
	unsigned int per = 8 / bits;
	uint32_t i;

	if (bits == 8) {
		for (i = 0; i < count; i++)
			plane[i] = (uint8_t)(values[i] >> 8 * p);
		return;
	}
	memset(plane, 0, plane_bytes(count, bits));
	for (i = 0; i < count; i++)
		plane[i / per] |= (uint8_t)(values[i] << i % per * bits);
}

static int put_plane(struct column_writer *cw, struct column_buf *out,
		     const uint8_t *plane, uint32_t count, uint32_t *desc)
{
	size_t bound = ZSTD_compressBound(count), len;
	int rc;

	if (!memcmp(plane, plane + 1, count - 1)) {
		*desc = (uint32_t)PLANE_CONST << PLANE_MODE_SHIFT | 1;
		return column_buf_add(out, plane, 1);
	}
	cw->packed.len = 0;
	rc = column_buf_reserve(&cw->packed, bound);
	if (rc)
		return rc;
	len = ZSTD_compress2(cw->zstd, cw->packed.data, bound, plane, count);
	if (ZSTD_isError(len))
		return -ENOMEM;
	/* A smaller saving is not worth the time to decompress. */
	if (len >= count - count / 8) {
		*desc = (uint32_t)PLANE_RAW << PLANE_MODE_SHIFT | count;
		return column_buf_add(out, plane, count);
	}
	*desc = (uint32_t)PLANE_ZSTD << PLANE_MODE_SHIFT | (uint32_t)len;
	return column_buf_add(out, cw->packed.data, len);
}

static int put_values(struct column_writer *cw, struct column_buf *out,
		      uint8_t id, uint8_t transform, uint64_t base,
		      const uint64_t *values, uint32_t count)
{
	unsigned int need = bits_needed(values, count), width = (need + 7) / 8;
	unsigned int bits = !need || need > 4 ? 8 : need > 2 ? 4 : 2, p;
	uint8_t head[COLUMN_HEAD] = { id, transform, (uint8_t)width,
				      (uint8_t)bits };
	uint32_t desc[8] = { 0 }, bytes = plane_bytes(count, bits);
	size_t at;
	int rc;

	le32enc(head + 4, count);
	le64enc(head + 8, base);
	rc = column_buf_add(out, head, sizeof(head));
	if (rc)
		return rc;
	at = out->len;
	rc = column_buf_add(out, desc, (size_t)width * PLANE_DESC);
	if (rc)
		return rc;
	cw->plane.len = 0;
	rc = column_buf_reserve(&cw->plane, bytes);
	if (rc)
		return rc;
	for (p = 0; p < width; p++) {
		split(cw->plane.data, values, count, p, bits);
		rc = put_plane(cw, out, cw->plane.data, bytes, &desc[p]);
		if (rc)
			return rc;
		le32enc(out->data + at + (size_t)p * PLANE_DESC, desc[p]);
	}
	return 0;
}

int column_put(struct column_writer *cw, struct column_buf *out, uint8_t id,
	       const void *values, size_t size, uint32_t count, bool delta)
{
	size_t start = out->len, plain;
	uint64_t *wide, base;
	int rc;

	cw->values.len = 0;
	rc = column_buf_reserve(&cw->values, (size_t)count * sizeof(*wide));
	if (rc)
		return rc;
	wide = (uint64_t *)cw->values.data;
	widen(wide, values, size, count);
	base = distances(wide, count);
	rc = put_values(cw, out, id, TRANSFORM_NONE, base, wide, count);
	if (rc || !delta)
		return rc;
	plain = out->len - start;
	widen(wide, values, size, count);
	base = deltas(wide, count);
	if (bits_needed(wide, count) > size * 8)
		return 0;
	cw->trial.len = 0;
	rc = put_values(cw, &cw->trial, id, TRANSFORM_DELTA, base, wide, count);
	/* Differences take longer to decode, so they must save enough. */
	if (rc || cw->trial.len >= plain - plain / 8)
		return rc;
	out->len = start;
	return column_buf_add(out, cw->trial.data, cw->trial.len);
}

int column_next(const uint8_t **pos, const uint8_t *end, struct column *col)
{
	const uint8_t *p = *pos;
	size_t left = (size_t)(end - p), need = COLUMN_HEAD;
	unsigned int i;

	if (!left)
		return 0;
	if (left < need)
		return -EBADMSG;
	col->id = p[0];
	col->transform = p[1];
	col->width = p[2];
	col->bits = p[3];
	col->count = le32dec(p + 4);
	col->base = le64dec(p + 8);
	if (col->width > 8 || col->transform >= TRANSFORMS ||
	    (col->bits != 8 &&
	     (col->width != 1 || (col->bits != 4 && col->bits != 2))))
		return -EBADMSG;
	need += (size_t)col->width * PLANE_DESC;
	if (left < need)
		return -EBADMSG;
	col->planes = p + COLUMN_HEAD;
	col->data = p + need;
	for (i = 0; i < col->width; i++)
		need += le32dec(col->planes + (size_t)i * PLANE_DESC) &
			PLANE_LEN_MASK;
	if (left < need)
		return -EBADMSG;
	col->bytes = (uint32_t)need;
	*pos = p + need;
	return 1;
}

int column_reader_init(struct column_reader *cr)
{
	cr->zstd = ZSTD_createDCtx();
	return cr->zstd ? 0 : -ENOMEM;
}

void column_reader_free(struct column_reader *cr)
{
	ZSTD_freeDCtx(cr->zstd);
	column_buf_free(&cr->planes);
	*cr = (struct column_reader){ 0 };
}

/* Return: the bytes of a plane, in the payload or expanded to @scratch. */
static const uint8_t *get_plane(struct column_reader *cr, uint32_t desc,
				const uint8_t *data, uint32_t count,
				uint8_t *scratch)
{
	uint32_t len = desc & PLANE_LEN_MASK;

	switch (desc >> PLANE_MODE_SHIFT) {
	case PLANE_RAW:
		return len == count ? data : NULL;
	case PLANE_CONST:
		if (len != 1)
			return NULL;
		memset(scratch, data[0], count);
		return scratch;
	case PLANE_ZSTD:
		if (ZSTD_decompressDCtx(cr->zstd, scratch, count, data, len) !=
		    count)
			return NULL;
		return scratch;
	default:
		return NULL;
	}
}

/*
 * Join planes to values. There is a loop for each width, so that the compiler
 * vectorizes it to byte interleaving.
 */
static void join16(uint16_t *restrict out, const uint8_t *const *p,
		   unsigned int width, uint32_t count)
{
	const uint8_t *restrict a = p[0], *restrict b = p[1];
	uint32_t i;

	if (width == 1) {
		for (i = 0; i < count; i++)
			out[i] = a[i];
		return;
	}
	for (i = 0; i < count; i++)
		out[i] = (uint16_t)(a[i] | b[i] << 8);
}

static void join32(uint32_t *restrict out, const uint8_t *const *p,
		   unsigned int width, uint32_t count)
{
	const uint8_t *restrict a = p[0], *restrict b = p[1];
	const uint8_t *restrict c = p[2], *restrict d = p[3];
	uint32_t i;

	switch (width) {
	case 1:
		for (i = 0; i < count; i++)
			out[i] = a[i];
		break;
	case 2:
		for (i = 0; i < count; i++)
			out[i] = (uint32_t)a[i] | (uint32_t)b[i] << 8;
		break;
	case 3:
		for (i = 0; i < count; i++)
			out[i] = (uint32_t)a[i] | (uint32_t)b[i] << 8 |
				 (uint32_t)c[i] << 16;
		break;
	default:
		for (i = 0; i < count; i++)
			out[i] = (uint32_t)a[i] | (uint32_t)b[i] << 8 |
				 (uint32_t)c[i] << 16 | (uint32_t)d[i] << 24;
	}
}

static void join64(uint64_t *restrict out, const uint8_t *const *p,
		   unsigned int width, uint32_t count)
{
	unsigned int w;
	uint32_t i;

	for (i = 0; i < count; i++)
		out[i] = p[0][i];
	for (w = 1; w < width; w++) {
		const uint8_t *restrict plane = p[w];

		for (i = 0; i < count; i++)
			out[i] |= (uint64_t)plane[i] << 8 * w;
	}
}

static void join(void *out, size_t size, const uint8_t *const *p,
		 unsigned int width, uint32_t count)
{
	switch (size) {
	case 1:
		memcpy(out, p[0], count);
		break;
	case 2:
		join16(out, p, width, count);
		break;
	case 4:
		join32(out, p, width, count);
		break;
	default:
		join64(out, p, width, count);
	}
}

/* Unpack values of 2 or 4 bits; may write up to 3 bytes after the last value. */
static void unpack(uint8_t *restrict out, const uint8_t *restrict plane,
		   unsigned int bits, uint32_t count)
{
	uint32_t bytes = plane_bytes(count, bits), i;

	if (bits == 4) {
		for (i = 0; i < bytes; i++) {
			uint16_t two =
				htole16((plane[i] | plane[i] << 4) & 0x0f0f);

			memcpy(out + (size_t)2 * i, &two, sizeof(two));
		}
		return;
	}
	for (i = 0; i < bytes; i++) {
		uint32_t b = plane[i];
		uint32_t four =
			htole32((b | b << 6 | b << 12 | b << 18) & 0x03030303);

		memcpy(out + (size_t)4 * i, &four, sizeof(four));
	}
}

/*
 * Undo the two transforms for one output type, modulo its width.
 */
#define DEFINE_RESTORE(type)                                              \
	static void restore_##type(type *v, uint32_t count,               \
				   unsigned int transform, uint64_t base) \
	{                                                                 \
		type last = (type)base;                                   \
		uint32_t i;                                               \
                                                                          \
		if (transform == TRANSFORM_DELTA) {                       \
			for (i = 0; i < count; i++) {                     \
				last = (type)(last +                      \
					      ((v[i] >> 1) ^              \
					       (type)(0 - (v[i] & 1))));  \
				v[i] = last;                              \
			}                                                 \
		} else if (base) {                                        \
			for (i = 0; i < count; i++)                       \
				v[i] = (type)(v[i] + last);               \
		}                                                         \
	}
DEFINE_RESTORE(uint8_t)
DEFINE_RESTORE(uint16_t)
DEFINE_RESTORE(uint32_t)
DEFINE_RESTORE(uint64_t)

static void restore(void *out, size_t size, const struct column *col)
{
	switch (size) {
	case 1:
		restore_uint8_t(out, col->count, col->transform, col->base);
		break;
	case 2:
		restore_uint16_t(out, col->count, col->transform, col->base);
		break;
	case 4:
		restore_uint32_t(out, col->count, col->transform, col->base);
		break;
	default:
		restore_uint64_t(out, col->count, col->transform, col->base);
	}
}

int column_get(struct column_reader *cr, const struct column *col, void *out,
	       size_t size)
{
	uint32_t bytes = plane_bytes(col->count, col->bits);
	/* Space for the values, and for the bytes that unpack() writes after. */
	size_t packed = col->bits == 8 ? 0 : (size_t)col->count + 3;
	const uint8_t *p[8] = { 0 }, *data = col->data;
	uint8_t *scratch;
	unsigned int i;
	int rc;

	if (!col->count)
		return 0;
	if (col->width > size || (size < 8 && col->base >> 8 * size))
		return -EBADMSG;
	cr->planes.len = 0;
	rc = column_buf_reserve(&cr->planes,
				(size_t)col->width * bytes + packed);
	if (rc)
		return rc;
	scratch = cr->planes.data;
	for (i = 0; i < col->width; i++) {
		uint32_t desc = le32dec(col->planes + (size_t)i * PLANE_DESC);

		p[i] = get_plane(cr, desc, data, bytes,
				 scratch + (size_t)i * bytes);
		if (!p[i])
			return -EBADMSG;
		data += desc & PLANE_LEN_MASK;
	}
	if (packed && col->width == 1) {
		unpack(scratch + bytes, p[0], col->bits, col->count);
		p[0] = scratch + bytes;
	}
	if (col->width)
		join(out, size, p, col->width, col->count);
	else
		memset(out, 0, col->count * size);
	restore(out, size, col);
	return 0;
}
