// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bytes of a column, all numbers little-endian:
 *	u8 id, u8 transform, u8 width, u8 zero, u32 count,
 *	width times u32: plane mode in bits 31..30, plane bytes below,
 *	the planes' data, least significant plane first.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/column.h"

enum {
	COLUMN_HEAD = 8,
	PLANE_DESC = 4
};

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

/* Planes are small and read far more often than written: level 3 reads as fast
 * as level 1.
 */
enum {
	PLANE_LEVEL = 3
};

int column_buf_room(struct column_buf *buf, size_t more)
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
	int rc = column_buf_room(buf, len);

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
	return cw->zstd ? 0 : -ENOMEM;
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

static void put32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
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

static void deltas(uint64_t *values, uint32_t count)
{
	uint64_t last = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint64_t diff = values[i] - last;

		last = values[i];
		values[i] = (diff << 1) ^ (0 - (diff >> 63));
	}
}

static unsigned int bytes_needed(const uint64_t *values, uint32_t count)
{
	uint64_t all = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		all |= values[i];
	return all ? (71 - __builtin_clzll(all)) / 8 : 0;
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
	rc = column_buf_room(&cw->packed, bound);
	if (rc)
		return rc;
	len = ZSTD_compressCCtx(cw->zstd, cw->packed.data, bound, plane, count,
				PLANE_LEVEL);
	if (ZSTD_isError(len))
		return -ENOMEM;
	/* Below 1/16th the gain does not pay for decompressing. */
	if (len >= count - count / 16) {
		*desc = (uint32_t)PLANE_RAW << PLANE_MODE_SHIFT | count;
		return column_buf_add(out, plane, count);
	}
	*desc = (uint32_t)PLANE_ZSTD << PLANE_MODE_SHIFT | (uint32_t)len;
	return column_buf_add(out, cw->packed.data, len);
}

static int put_values(struct column_writer *cw, struct column_buf *out,
		      uint8_t id, uint8_t transform, const uint64_t *values,
		      uint32_t count)
{
	unsigned int width = bytes_needed(values, count), p;
	uint8_t head[COLUMN_HEAD] = { id, transform, (uint8_t)width };
	uint32_t desc[8] = { 0 }, i;
	size_t at;
	int rc;

	put32(head + 4, count);
	rc = column_buf_add(out, head, sizeof(head));
	if (rc)
		return rc;
	at = out->len;
	rc = column_buf_add(out, desc, (size_t)width * PLANE_DESC);
	if (rc)
		return rc;
	cw->plane.len = 0;
	rc = column_buf_room(&cw->plane, count);
	if (rc)
		return rc;
	for (p = 0; p < width; p++) {
		for (i = 0; i < count; i++)
			cw->plane.data[i] = (uint8_t)(values[i] >> 8 * p);
		rc = put_plane(cw, out, cw->plane.data, count, &desc[p]);
		if (rc)
			return rc;
		put32(out->data + at + (size_t)p * PLANE_DESC, desc[p]);
	}
	return 0;
}

int column_put(struct column_writer *cw, struct column_buf *out, uint8_t id,
	       const void *values, size_t size, uint32_t count, bool delta)
{
	size_t start = out->len, plain;
	uint64_t *wide;
	int rc;

	cw->values.len = 0;
	rc = column_buf_room(&cw->values, (size_t)count * sizeof(*wide));
	if (rc)
		return rc;
	wide = (uint64_t *)cw->values.data;
	widen(wide, values, size, count);
	rc = put_values(cw, out, id, TRANSFORM_NONE, wide, count);
	if (rc || !delta)
		return rc;
	plain = out->len - start;
	deltas(wide, count);
	if (bytes_needed(wide, count) > size)
		return 0;
	cw->trial.len = 0;
	rc = put_values(cw, &cw->trial, id, TRANSFORM_DELTA, wide, count);
	/* Differences take longer to read; they must be worth it. */
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
	col->count = get32(p + 4);
	if (p[3] || col->width > 8 || col->transform >= TRANSFORMS)
		return -EBADMSG;
	need += (size_t)col->width * PLANE_DESC;
	if (left < need)
		return -EBADMSG;
	col->planes = p + COLUMN_HEAD;
	col->data = p + need;
	for (i = 0; i < col->width; i++)
		need += get32(col->planes + (size_t)i * PLANE_DESC) &
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

/* Where the bytes of a plane are: in the payload, or decoded at @scratch. */
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
 * Put planes together again. The loops are written out so that the compiler
 * turns each into byte interleaving.
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

/* A value is reached by adding differences modulo the width of the output. */
static void undelta(void *out, size_t size, uint32_t count)
{
	uint64_t last = 0;
	uint32_t i;

#define UNDELTA(type)                                                     \
	do {                                                              \
		type *v = out;                                            \
		for (i = 0; i < count; i++) {                             \
			last += (v[i] >> 1) ^ (0 - (uint64_t)(v[i] & 1)); \
			v[i] = (type)last;                                \
		}                                                         \
	} while (0)
	switch (size) {
	case 1:
		UNDELTA(uint8_t);
		break;
	case 2:
		UNDELTA(uint16_t);
		break;
	case 4:
		UNDELTA(uint32_t);
		break;
	default:
		UNDELTA(uint64_t);
	}
#undef UNDELTA
}

int column_get(struct column_reader *cr, const struct column *col, void *out,
	       size_t size)
{
	const uint8_t *p[8] = { 0 }, *data = col->data;
	unsigned int i;
	int rc;

	if (!col->count)
		return 0;
	if (col->width > size)
		return -EBADMSG;
	if (!col->width) {
		memset(out, 0, col->count * size);
		return 0;
	}
	cr->planes.len = 0;
	rc = column_buf_room(&cr->planes, (size_t)col->width * col->count);
	if (rc)
		return rc;
	for (i = 0; i < col->width; i++) {
		uint32_t desc = get32(col->planes + (size_t)i * PLANE_DESC);

		p[i] = get_plane(cr, desc, data, col->count,
				 cr->planes.data + (size_t)i * col->count);
		if (!p[i])
			return -EBADMSG;
		data += desc & PLANE_LEN_MASK;
	}
	join(out, size, p, col->width, col->count);
	if (col->transform == TRANSFORM_DELTA)
		undelta(out, size, col->count);
	return 0;
}
