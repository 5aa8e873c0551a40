/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace being written, as the parts of the writer see it.
 */
#ifndef ZLAB_TRACES_ZLT_WRITER_H
#define ZLAB_TRACES_ZLT_WRITER_H

#include "traces/zlt/column.h"
#include "traces/zlt/format.h"
#include "traces/zlt/reader.h"

/* One codec's table: the ids before @next are written or pending in @sizes. */
struct size_table {
	char *name;
	uint32_t next;
	struct column_buf sizes;
};

struct zlt_writer {
	int fd;
	bool truncates;
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

	/* Events that are not written yet; objects are those of stores. */
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

	/* Contents [info_first, contents) are not described yet, and pages
	 * [page_first, contents) are not written yet.
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

	/* The first sizer_count tables are the sizers'. */
	struct size_table *tables;
	size_t table_count;

	/* One entry per block. */
	struct column_buf index_type;
	struct column_buf index_offset;
	struct column_buf index_first;
	struct column_buf index_count;
	struct column_buf index_aux;
};

/**
 * writer_fail() - end all writing with an error; the first one stays
 */
int writer_fail(struct zlt_writer *w, struct err *err, int code,
		const char *what);

/**
 * writer_failed() - the error that ended all writing
 */
int writer_failed(struct zlt_writer *w, struct err *err);

/*
 * Each of these writes what is pending, if anything, and returns 0 or the final
 * error of the writer.
 */
int write_file_head(struct zlt_writer *w, struct err *err);
int write_json(struct zlt_writer *w, enum block_type type, json_t *json,
	       struct err *err);
int write_pages(struct zlt_writer *w, struct err *err);
int write_infos(struct zlt_writer *w, struct err *err);
int write_sizes(struct zlt_writer *w, size_t table, uint32_t first,
		const uint16_t *sizes, uint32_t count, struct err *err);
int write_events(struct zlt_writer *w, struct err *err);
/* With the trailer. */
int write_index(struct zlt_writer *w, struct err *err);

/**
 * resume_writer() - a writer for a copy of a trace
 * @fd: an empty file; owned by the writer from here on, even on failure
 * @name: its name for error lines
 * @r: the trace whose blocks copy_block() will bring, every one and in order
 *
 * Only zlt_sizes_add() may be used on it afterwards. Return: the writer, or
 * NULL.
 */
struct zlt_writer *resume_writer(int fd, const char *name,
				 const struct zlt_reader *r, struct err *err);

/**
 * copy_block() - write a block of the other trace
 */
int copy_block(struct zlt_writer *w, const struct block *block,
	       const uint8_t *payload, size_t length, struct err *err);

#endif
