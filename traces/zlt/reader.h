/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct zlt_reader and the functions that index.c, read.c and content.c share:
 * finding blocks, reading a block with its checksum, reporting damage.
 */
#ifndef ZLAB_TRACES_ZLT_READER_H
#define ZLAB_TRACES_ZLT_READER_H

#include "traces/zlt/column.h"
#include "traces/zlt/format.h"

/**
 * struct block - position of a block and the fields of its head
 * @offset: offset of its first byte in the file
 * @size: bytes with head and checksum
 *
 * The other members are those of struct block_head.
 */
struct block {
	uint64_t offset;
	uint64_t first;
	uint32_t size;
	uint32_t count;
	uint32_t aux;
	uint8_t type;
};

/**
 * struct block_list - the blocks of one type, in file order
 * @seq: their numbers
 * @count: entries in use
 * @cap: entries allocated
 */
struct block_list {
	uint32_t *seq;
	uint32_t count;
	uint32_t cap;
};

/**
 * struct codec_table - one codec's sizes
 * @name: the codec
 * @known: number of ids covered by the blocks found so far
 * @sizes: the sizes, decoded when first asked for
 */
struct codec_table {
	char *name;
	uint64_t known;
	uint16_t *sizes;
};

struct zlt_reader {
	int fd;
	char *path;
	char *name;
	unsigned int want;
	struct zlt_info info;
	char note[512];

	struct block *blocks;
	uint32_t block_count;
	uint32_t block_cap;
	struct block_list by_type[BLOCK_TYPES];
	/* Number of keys that appear before each block of events. */
	struct column_buf keys_before;
	uint64_t pages;
	uint32_t block_pages_max;
	uint32_t block_events_max;

	struct codec_table *codecs;
	struct zlt_codec_info *codec_infos;
	size_t codec_count;
	struct zlt_page_info *page_infos;

	struct column_reader columns;
	struct column_buf block;
	struct column_buf aside;

	/* The next event is number @skip of the events block number @next. */
	uint32_t next;
	uint32_t skip;
	struct zlt_batch batch;
	uint8_t *op;
	uint32_t *key;
	uint32_t *object;
	uint32_t *packed;
	uint64_t *time_ns;
	uint16_t *cpu;
	uint32_t *tid;
	uint64_t *orig;
	struct column_buf label_text;
	struct column_buf labels;

	/* Original keys that appear in the first @key_blocks events blocks. */
	struct column_buf keys;
	uint32_t key_blocks;
};

/**
 * damaged() - set the error line for a damaged block and return -EBADMSG
 * @seq: number of the block
 * @offset: offset of its first byte
 * @type: its enum block_type, or 0 if unknown
 * @what: what is wrong with it
 */
int damaged(const struct zlt_reader *r, uint32_t seq, uint64_t offset,
	    unsigned int type, const char *what, struct err *err);

/**
 * damaged_block() - set the error line for block @seq of @r->blocks and return
 *		     -EBADMSG
 */
int damaged_block(const struct zlt_reader *r, uint32_t seq, const char *what,
		  struct err *err);

/**
 * decode_failed() - set the error line for an error of column_get()
 *
 * Return: @code.
 */
int decode_failed(const struct zlt_reader *r, uint32_t seq, int code,
		  struct err *err);

/**
 * read_at() - read exactly @len bytes
 *
 * Safe from any thread. Return: 0, -ENODATA at the end of the file, or -errno.
 */
int read_at(const struct zlt_reader *r, uint64_t offset, void *to, size_t len);

/**
 * read_block() - read block @seq and verify its checksum and head
 * @buf: receives the block
 * @payload: receives the address of the payload in @buf
 * @length: receives the length of the payload
 *
 * Safe from any thread if @buf is its own. Return: 0 or as zlt_next().
 */
int read_block(const struct zlt_reader *r, uint32_t seq, struct column_buf *buf,
	       const uint8_t **payload, size_t *length, struct err *err);

/**
 * add_block() - append a block to the reader's lists
 *
 * Return: 0, -EBADMSG if it cannot follow the blocks before it, or -ENOMEM.
 */
int add_block(struct zlt_reader *r, const struct block *block, struct err *err);

/**
 * add_codec() - add a table for the next codec
 *
 * Return: 0, -EBADMSG for an invalid or repeated name, or -ENOMEM.
 */
int add_codec(struct zlt_reader *r, const char *name, size_t len);

/**
 * load_index() - find the blocks of a finished trace by its index
 *
 * Return: 1, 0 if the trace has no valid trailer, or an error.
 */
int load_index(struct zlt_reader *r, struct err *err);

/**
 * scan_blocks() - find the blocks by reading the file from the start
 *
 * Return: 0 or an error. With ZLT_SALVAGE a damaged block is no error: it ends
 * the trace, and the note says so.
 */
int scan_blocks(struct zlt_reader *r, struct err *err);

#endif
