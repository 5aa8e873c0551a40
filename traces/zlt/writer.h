/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct zlt_writer and the functions that write.c, emit.c and append.c share:
 * write.c collects events and contents, emit.c encodes them to blocks.
 */
#ifndef ZLAB_TRACES_ZLT_WRITER_H
#define ZLAB_TRACES_ZLT_WRITER_H

#include "traces/zlt/column.h"
#include "traces/zlt/format.h"
#include "traces/zlt/reader.h"

/*
 * One codec's table: sizes of the ids below @next are in the file or pending in
 * @sizes.
 */
struct size_table {
	char *name;
	uint32_t next;
	struct column_buf sizes;
};

struct zlt_writer {
	int fd;
	bool truncates;
	/* What is not published yet, or NULL. */
	struct output *out;
	char *name;
	unsigned int columns;
	enum zlt_objects objects;
	uint32_t block_events;
	uint32_t block_pages;
	int level;
	struct zlt_sizer *sizers;
	size_t sizer_count;

	int failed;
	struct err why;
	uint64_t written;
	uint32_t seq;
	struct column_writer columns_out;
	struct column_buf block;
	ZSTD_CCtx *zstd;

	/* Pending events; @object has an entry for each store among them. */
	uint64_t events;
	uint32_t pending;
	uint32_t stores;
	uint32_t block_ops[ZLT_OPS];
	uint8_t *op;
	uint32_t *key;
	uint32_t *object;
	uint64_t *time_ns;
	uint16_t *cpu;
	uint32_t *tid;
	struct column_buf labels;
	struct column_buf new_keys;

	void *key_ids;
	uint32_t keys;
	struct column_buf key_state;
	uint64_t live, live_exclusive;
	struct index_head totals;

	/*
	 * Pending contents: the page info of [info_first, contents) and the
	 * pages of [page_first, contents) are not in the file yet.
	 */
	void *content_ids;
	struct column_buf content_high;
	uint32_t contents;
	uint32_t page_first;
	uint32_t info_first;
	struct column_buf pages;
	struct column_buf hashes;
	struct column_buf flags;
	struct column_buf fills;

	/* The first @sizer_count tables belong to the sizers. */
	struct size_table *tables;
	size_t table_count;

	/* The columns of the index: one entry per block. */
	struct column_buf index_type;
	struct column_buf index_offset;
	struct column_buf index_first;
	struct column_buf index_count;
	struct column_buf index_aux;
};

/**
 * writer_fail() - record a final error: later calls of the writer return it
 * @code: negative errno
 * @what: what failed, for the error line
 *
 * Return: @code.
 */
int writer_fail(struct zlt_writer *w, struct err *err, int code,
		const char *what);

/**
 * writer_failed() - get the final error, which must have been recorded
 */
int writer_failed(struct zlt_writer *w, struct err *err);

/*
 * Each of these writes one kind of block. The pages, infos and events written
 * are those pending, if any. They return 0 or the final error of the writer.
 */
int write_file_head(struct zlt_writer *w, struct err *err);
int write_json(struct zlt_writer *w, enum block_type type, json_t *json,
	       struct err *err);
int write_pages(struct zlt_writer *w, struct err *err);
int write_infos(struct zlt_writer *w, struct err *err);
int write_sizes(struct zlt_writer *w, size_t table, uint32_t first,
		const uint16_t *sizes, uint32_t count, struct err *err);
int write_events(struct zlt_writer *w, struct err *err);
/* Writes the trailer, too. */
int write_index(struct zlt_writer *w, struct err *err);

/**
 * resume_writer() - make a writer that extends a copy of a trace
 * @fd: an empty file; the writer owns it from this call on, even on failure
 * @name: the file's name for error lines
 * @r: the trace to copy
 *
 * The caller passes all blocks of @r to copy_block(), in order; after that only
 * zlt_sizes_add() may add to the trace. Return: the writer, or NULL.
 */
struct zlt_writer *resume_writer(int fd, const char *name,
				 const struct zlt_reader *r, struct err *err);

/**
 * copy_block() - append a block of the trace that is copied
 */
int copy_block(struct zlt_writer *w, const struct block *block,
	       const uint8_t *payload, size_t length, struct err *err);

#endif
