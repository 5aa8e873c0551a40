/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open trace, as the parts of the reader see it.
 */
#ifndef ZLAB_TRACES_ZLT_READER_H
#define ZLAB_TRACES_ZLT_READER_H

#include "traces/zlt/column.h"
#include "traces/zlt/format.h"

/**
 * struct block - where a block is and what its head says
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
 * struct block_list - numbers of the blocks of one type, in file order
 */
struct block_list {
	uint32_t *seq;
	uint32_t count;
	uint32_t cap;
};

/**
 * struct codec_table - one codec's sizes
 * @name: the codec
 * @known: ids covered by the blocks so far
 * @sizes: decoded at first use
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
	/* Keys that appeared before each block of events. */
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

	/* The next event is number @skip of block @next of the events. */
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

	/* Original keys of the first @key_blocks blocks of events. */
	struct column_buf keys;
	uint32_t key_blocks;
};

/**
 * damaged() - set the line for damage in a block and return -EBADMSG
 * @seq: number of the block
 * @offset: its first byte
 * @type: its type as far as known, else 0
 */
int damaged(const struct zlt_reader *r, uint32_t seq, uint64_t offset,
	    unsigned int type, const char *what, struct err *err);

/**
 * damaged_block() - the same for a block that was found
 */
int damaged_block(const struct zlt_reader *r, uint32_t seq, const char *what,
		  struct err *err);

/**
 * decode_failed() - turn a column's error into a line
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
 * read_block() - read a block that was found and check every byte of it
 * @buf: receives it; payload is @length bytes behind the head
 *
 * Safe from any thread with a buffer of its own. Return: 0 or as zlt_next().
 */
int read_block(const struct zlt_reader *r, uint32_t seq, struct column_buf *buf,
	       const uint8_t **payload, size_t *length, struct err *err);

/**
 * add_block() - take a block into the reader's lists, if it fits there
 *
 * Return: 0, -EBADMSG when it does not belong here, or -ENOMEM.
 */
int add_block(struct zlt_reader *r, const struct block *block, struct err *err);

/**
 * add_codec() - take the name of the next codec
 */
int add_codec(struct zlt_reader *r, const char *name, size_t len);

/**
 * load_index() - find the blocks of a finished trace
 *
 * Return: 1, 0 when the trace has no valid trailer, or an error.
 */
int load_index(struct zlt_reader *r, struct err *err);

/**
 * scan_blocks() - find the blocks by walking the file
 *
 * Return: 0 or an error; with ZLT_SALVAGE damage ends the trace with a note.
 */
int scan_blocks(struct zlt_reader *r, struct err *err);

#endif
