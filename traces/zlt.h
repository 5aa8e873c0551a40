/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and writing .zlt files: swap traces, the sequence of stores, loads
 * and invalidates of a program, with the contents of its pages if they were
 * kept. docs/trace-format.md describes the bytes; all other code accesses .zlt
 * files through this header only.
 *
 * What an event means:
 *  - store: the page of a key goes to the pool; it replaces the page that the
 *    pool holds for that key, if any.
 *  - load: the page of a key is read back. The trace does not say whether the
 *    load releases the pool's copy, as zswap does since 6.9; the replay chooses.
 *    Only keys that were stored before are loaded or invalidated.
 *  - invalidate: the copy of a key is released, if there is one.
 *  - compact: a request to compact the pool.
 *  - mark: a checkpoint with a label.
 *
 * Errors are a negative errno and a line in struct err (which may be NULL):
 * -EBADMSG for a damaged or truncated file, -EPROTONOSUPPORT for a file of a
 * newer version, -EINVAL for a file that is no trace or a wrong argument,
 * -ENOMEM, and the errors of the file system.
 */
#ifndef ZLAB_TRACES_ZLT_H
#define ZLAB_TRACES_ZLT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define ZLT_VERSION 1
#define ZLT_PAGE_SIZE 4096
#define ZLT_LABEL_MAX 255
#define ZLT_CODEC_MAX 63

enum zlt_op {
	ZLT_STORE,
	ZLT_LOAD,
	ZLT_INVALIDATE,
	ZLT_COMPACT,
	ZLT_MARK,
	ZLT_OPS
};

/**
 * zlt_op_name() - "store", "load", "invalidate", "compact" or "mark"
 */
const char *zlt_op_name(enum zlt_op op);

/**
 * enum zlt_objects - what the object of a store is
 * @ZLT_OBJECT_SIZES: the size handed to the allocator, 1..4096
 * @ZLT_OBJECT_PAGES: a content id; the file holds the pages
 * @ZLT_OBJECT_HASHES: a content id; the file holds the pages' hashes and sizes
 */
enum zlt_objects {
	ZLT_OBJECT_SIZES,
	ZLT_OBJECT_PAGES,
	ZLT_OBJECT_HASHES
};

/* Optional columns of a trace; a reader asks for those it needs. */
#define ZLT_TIME (1u << 0)
#define ZLT_CPU (1u << 1)
#define ZLT_TID (1u << 2)
/* Reader only: provide the original key of every event. */
#define ZLT_KEYS (1u << 8)
/* Reader only: read up to the first damaged block instead of failing. */
#define ZLT_SALVAGE (1u << 9)

/*
 * A recorded key is (address space id, virtual page number): 20 and 44 bits; 44
 * bits hold the page number of any user address of current CPUs. Other traces
 * may use any u64 as a key; their metadata lacks "keys": "address".
 */
#define ZLT_ASID_SHIFT 44
#define ZLT_ASID_MAX ((1u << 20) - 1)

static inline uint64_t zlt_key(uint32_t asid, uint64_t vpn)
{
	return ((uint64_t)asid << ZLT_ASID_SHIFT) | vpn;
}

static inline uint32_t zlt_key_asid(uint64_t key)
{
	return (uint32_t)(key >> ZLT_ASID_SHIFT);
}

static inline uint64_t zlt_key_vpn(uint64_t key)
{
	return key & ((1ull << ZLT_ASID_SHIFT) - 1);
}

/**
 * zlt_label_ok() - whether a text is valid as the label of a mark
 *
 * A label is 1..255 bytes of UTF-8 without control characters.
 */
bool zlt_label_ok(const char *label);

/* ---- writing ----------------------------------------------------------- */

struct zlt_writer;

/**
 * struct zlt_sizer - one codec whose object sizes are written to the trace
 * @name: the codec's spec as a user writes it ("lz4", "zstd:3"), 1..63 bytes
 *	  of printable ASCII
 * @size: compressed size of a page, 1..65535, or a negative errno; called once
 *	  per distinct page. NULL if the caller passes sizes to
 *	  zlt_page_sized().
 * @arg: passed to @size
 */
struct zlt_sizer {
	const char *name;
	int (*size)(void *arg, const void *page);
	void *arg;
};

/**
 * struct zlt_options - how a trace is written; all zero selects the defaults
 * @columns: which of ZLT_TIME | ZLT_CPU | ZLT_TID the events have
 * @objects: what the object of a store is
 * @block_events: events per block, 1..1048576; 0 for the default
 * @block_pages: pages per content block, 1..64; 0 for the default
 * @level: zstd level of the contents, 1..19; 0 for the default
 * @sizers: codecs whose sizes are computed as pages are added; copied
 * @sizer_count: number of sizers
 */
struct zlt_options {
	unsigned int columns;
	enum zlt_objects objects;
	uint32_t block_events;
	uint32_t block_pages;
	int level;
	const struct zlt_sizer *sizers;
	size_t sizer_count;
};

/**
 * struct zlt_event - one event as it is written
 * @key: any u64; zlt_key() for a recorded page. Ignored by compact and mark.
 * @time_ns: nanoseconds since the trace began; need not be in order
 * @object: of a store: size or content id, as the trace's zlt_objects says
 * @tid: thread id
 * @cpu: CPU number
 * @op: an enum zlt_op
 * @label: of a mark: its text, valid by zlt_label_ok(); otherwise ignored.
 *	   Copied.
 */
struct zlt_event {
	uint64_t key;
	uint64_t time_ns;
	uint32_t object;
	uint32_t tid;
	uint16_t cpu;
	uint8_t op;
	const char *label;
};

/**
 * zlt_create() - start a trace
 * @path: the file; one that exists is replaced by zlt_close() or zlt_publish(),
 *	  and is as it was until then and after an error, see lib/output.h
 * @meta: JSON object that describes the trace, or NULL; the caller keeps its
 *	  reference. Known members: "name" (short name), "program", "command",
 *	  "kernel",
 *	  "limit_bytes" or "limit_percent" (of the peak so far), "tool", "keys"
 *	  ("address" for zlt_key() keys; "kernel" for those of
 *	  harness/capture/pair.h)
 * @opts: options, or NULL for the defaults: sizes only, no optional columns
 * @err: receives the error line
 *
 * The trace is a stream: bytes that were written are never changed, and once
 * published the file can be read up to its last complete block at any time.
 * Equal calls produce equal files. A writer is used by one thread at a time.
 *
 * Return: a writer that the caller ends with zlt_close() or zlt_abort(), or
 * NULL with errno set.
 */
struct zlt_writer *zlt_create(const char *path, json_t *meta,
			      const struct zlt_options *opts, struct err *err);

/**
 * zlt_create_fd() - start a trace on an open file or pipe
 * @fd: the file; writing starts at its current offset. The writer owns it from
 *	this call on, even on failure
 * @name: the file's name for error lines
 */
struct zlt_writer *zlt_create_fd(int fd, const char *name, json_t *meta,
				 const struct zlt_options *opts,
				 struct err *err);

/**
 * zlt_event() - append an event
 *
 * Return: 0; -ENOENT for a load or invalidate of a key that was never stored,
 * -EINVAL for an unknown op, a size that is not 1..4096, a content id that does
 * not exist, or an invalid label (nothing is appended and the writer remains
 * usable); -EFBIG beyond 2^32-1 distinct keys. Any other error, such as
 * -ENOSPC, is final: the file keeps its complete blocks and every later call
 * returns the same error.
 */
int zlt_event(struct zlt_writer *w, const struct zlt_event *event,
	      struct err *err);

/**
 * zlt_page() - add a page's contents and return their id
 * @page: ZLT_PAGE_SIZE bytes; copied
 * @id: receives the content id, the same for the same contents
 *
 * Only for traces with content ids. Ids are dense and start at 0. Return: 0 or
 * a final error; the error of a sizer is final, too.
 */
int zlt_page(struct zlt_writer *w, const void *page, uint32_t *id,
	     struct err *err);

/**
 * zlt_page_sized() - add a page of which only the compressed sizes are known
 * @sizes: one per sizer of the options, in their order; 0 if unknown
 * @id: receives a new content id
 *
 * Only for ZLT_OBJECT_HASHES. Return: 0 or a final error.
 */
int zlt_page_sized(struct zlt_writer *w, const uint16_t *sizes, uint32_t *id,
		   struct err *err);

/**
 * zlt_sizes_add() - add sizes of pages that have an id already
 * @codec: a codec that is not one of the options' sizers
 * @first: first content id; the table of a codec is written in order of ids
 * @count: number of ids
 * @sizes: their compressed sizes
 *
 * Return: 0, -EINVAL when @first is not the next id of this codec's table or
 * an id does not exist, or a final error.
 */
int zlt_sizes_add(struct zlt_writer *w, const char *codec, uint32_t first,
		  uint32_t count, const uint16_t *sizes, struct err *err);

/**
 * zlt_flush() - end the current blocks and write them to the file
 *
 * Events added before survive the end of this process where the file has its
 * name. Return: 0 or a final
 * error.
 */
int zlt_flush(struct zlt_writer *w, struct err *err);

/**
 * zlt_publish() - give the file its name now, before it is complete
 *
 * From here on what was flushed outlives this process, and an error leaves what
 * was written. Return: 0 or a negative errno; nothing is published then.
 */
int zlt_publish(struct zlt_writer *w, struct err *err);

/**
 * zlt_written() - bytes in the file so far, without blocks not yet written
 */
uint64_t zlt_written(const struct zlt_writer *w);

/**
 * zlt_contents() - number of content ids so far
 */
uint32_t zlt_contents(const struct zlt_writer *w);

/**
 * zlt_close() - finish the trace and free the writer
 * @stats: JSON object with statistics of the whole recording, or NULL; the
 *	   caller keeps its reference
 *
 * Return: 0, or the writer's final error; a published file can then be read up
 * to its last complete block.
 */
int zlt_close(struct zlt_writer *w, json_t *stats, struct err *err);

/**
 * zlt_abort() - free the writer; NULL is ignored
 *
 * A published file stays as it is, any other is gone.
 */
void zlt_abort(struct zlt_writer *w);

/* ---- reading ----------------------------------------------------------- */

struct zlt_reader;
struct zlt_cursor;

/**
 * struct zlt_codec_info - one table of object sizes
 * @name: the codec
 * @known: number of content ids it covers, from 0 on
 */
struct zlt_codec_info {
	const char *name;
	uint64_t known;
};

/* The parts of a file whose sizes are counted. */
enum zlt_part {
	ZLT_PART_OP,
	ZLT_PART_KEY,
	ZLT_PART_OBJECT,
	ZLT_PART_TIME,
	ZLT_PART_CPU,
	ZLT_PART_TID,
	ZLT_PART_NEW_KEYS,
	ZLT_PART_LABELS,
	ZLT_PART_PAGES,
	ZLT_PART_PAGE_INFO,
	ZLT_PART_SIZES,
	ZLT_PART_OTHER,
	ZLT_PARTS
};

/**
 * zlt_part_name() - "op", "key", ... as printed by "zlab info"
 */
const char *zlt_part_name(enum zlt_part part);

/**
 * struct zlt_info - properties of an open trace
 * @path: the file
 * @name: "name" of the metadata, or the file's name without directory and .zlt
 * @version: of the format
 * @finished: false if the writer was killed, failed or has not ended yet
 * @note: what is missing and why (not finished, salvaged), or ""
 * @columns: which of ZLT_TIME | ZLT_CPU | ZLT_TID are present
 * @objects: what the object of a store is
 * @events: number of events
 * @ops: number of events by enum zlt_op
 * @keys: distinct keys; every key id is below it
 * @contents: distinct contents; every content id is below it
 * @live_peak: most keys stored at one time if loads keep the copy
 * @live_peak_exclusive: most keys stored at one time if loads release the copy
 * @file_bytes: size of the file
 * @part_bytes: bytes of the file by enum zlt_part; they add up to the blocks
 *		that are read
 * @codecs: tables of object sizes
 * @codec_count: number of tables
 * @meta: the metadata, a JSON object, never NULL; owned by the reader
 * @stats: statistics of the whole recording, a JSON object, or NULL; owned by
 *	   the reader
 */
struct zlt_info {
	const char *path;
	const char *name;
	unsigned int version;
	bool finished;
	const char *note;
	unsigned int columns;
	enum zlt_objects objects;
	uint64_t events;
	uint64_t ops[ZLT_OPS];
	uint64_t keys;
	uint64_t contents;
	uint64_t live_peak;
	uint64_t live_peak_exclusive;
	uint64_t file_bytes;
	uint64_t part_bytes[ZLT_PARTS];
	const struct zlt_codec_info *codecs;
	size_t codec_count;
	json_t *meta;
	json_t *stats;
};

/**
 * struct zlt_batch - consecutive events as columns
 * @count: events in it, at least 1
 * @first: number of its first event
 * @op: enum zlt_op of each
 * @key: dense key id of each, in order of first appearance; 0 for compact and
 *	 mark
 * @object: of a store: size or content id; of a mark: index into @labels;
 *	    otherwise 0
 * @time_ns: nanoseconds since the trace began; NULL if absent or not asked for
 * @cpu: CPU numbers; NULL if absent or not asked for
 * @tid: thread ids; NULL if absent or not asked for
 * @orig: original keys, 0 for compact and mark; NULL if not asked for
 * @labels: labels of the marks
 *
 * All arrays belong to the reader and are valid until its next call of
 * zlt_next(), zlt_seek() or zlt_reader_close(). Every value is within the
 * bounds given in struct zlt_info, even if the file is malformed.
 */
struct zlt_batch {
	size_t count;
	uint64_t first;
	const uint8_t *op;
	const uint32_t *key;
	const uint32_t *object;
	const uint64_t *time_ns;
	const uint16_t *cpu;
	const uint32_t *tid;
	const uint64_t *orig;
	const char *const *labels;
};

/**
 * zlt_open() - open a trace for reading
 * @path: a regular file
 * @want: ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS: the columns to decode;
 *	  columns that the trace lacks are ignored. ZLT_SALVAGE: check every
 *	  block, and treat the trace as ending before the first damaged one
 * @err: receives the error line: file, block, byte offset
 *
 * A trace that its writer did not finish is read up to its last block, with a
 * note in zlt_info; one that ends in the middle of a block is damaged.
 *
 * Return: a reader for use by one thread (its cursors may be used by others),
 * or NULL with errno set.
 */
struct zlt_reader *zlt_open(const char *path, unsigned int want,
			    struct err *err);

/**
 * zlt_reader_close() - free a reader and all its arrays; NULL is ignored
 *
 * Its cursors must be closed first.
 */
void zlt_reader_close(struct zlt_reader *r);

const struct zlt_info *zlt_info(const struct zlt_reader *r);

/**
 * zlt_next() - decode the next batch of events
 *
 * Return: 1 with a batch, 0 at the end, or -EBADMSG, -EIO, -ENOMEM.
 */
int zlt_next(struct zlt_reader *r, struct zlt_batch *batch, struct err *err);

/**
 * zlt_seek() - make @event the first one of the next batch
 * @event: 0 .. zlt_info()->events; the greatest value is the end of the trace
 *
 * Return: 0, -ERANGE, or as zlt_next().
 */
int zlt_seek(struct zlt_reader *r, uint64_t event, struct err *err);

/**
 * zlt_keys() - get the original key of every key id
 * @keys: receives zlt_info()->keys entries, owned by the reader
 *
 * Return: 0, or as zlt_next().
 */
int zlt_keys(struct zlt_reader *r, const uint64_t **keys, struct err *err);

/**
 * zlt_sizes() - get the object sizes of one codec
 * @codec: a name of zlt_info()->codecs
 * @sizes: receives zlt_info()->contents entries, owned by the reader; 0 for an
 *	   unknown size
 *
 * Loaded by the first call; the array may then be read by any thread.
 * Return: 0, -ENOENT when the trace has no such table, or as zlt_next().
 */
int zlt_sizes(struct zlt_reader *r, const char *codec, const uint16_t **sizes,
	      struct err *err);

/**
 * struct zlt_page_info - page info: what is stored about every content
 * @hash: low 64 bits of the page's XXH3 128-bit hash; 0 if only the sizes of
 *	  the page are known (zlt_page_sized())
 * @fill: the 64-bit word that fills the page, if @same_filled
 * @same_filled: every word of the page is the same
 */
struct zlt_page_info {
	uint64_t hash;
	uint64_t fill;
	bool same_filled;
};

/**
 * zlt_page_infos() - get the page info of every content
 * @infos: receives zlt_info()->contents entries, owned by the reader
 *
 * Loaded by the first call; the array may then be read by any thread. Return:
 * 0, or as zlt_next().
 */
int zlt_page_infos(struct zlt_reader *r, const struct zlt_page_info **infos,
		   struct err *err);

#define ZLT_CACHE_DEFAULT (256ull << 20)

/**
 * zlt_cursor_open() - open random access to the page contents, for one thread
 * @r: the trace; must stay open
 * @budget: bytes of decoded pages to cache; 0 for ZLT_CACHE_DEFAULT. At least
 *	    one block is always cached.
 *
 * Return: a cursor, or NULL with errno set (EINVAL if the trace has no pages).
 */
struct zlt_cursor *zlt_cursor_open(struct zlt_reader *r, size_t budget,
				   struct err *err);
void zlt_cursor_close(struct zlt_cursor *c);

/**
 * zlt_content() - get the page of a content id
 * @c: a cursor that only the calling thread uses
 * @id: below zlt_info()->contents
 * @page: receives ZLT_PAGE_SIZE bytes, valid until the next call on @c
 *
 * Return: 0, -ERANGE, or as zlt_next().
 */
int zlt_content(struct zlt_cursor *c, uint32_t id, const void **page,
		struct err *err);

/* ---- extending --------------------------------------------------------- */

/**
 * zlt_append_sizes() - add the size table of one codec to a finished trace
 * @path: the trace; replaced atomically by a copy with the table, or unchanged
 *	  after an error
 * @codec: a codec that has no table yet
 * @sizes: one size per content id
 * @count: number of sizes, which must be the trace's number of contents
 *
 * Return: 0, -EEXIST if the codec has a table, -EINVAL if the trace is not
 * finished or @count is wrong, or any error of reading or writing.
 */
int zlt_append_sizes(const char *path, const char *codec, const uint16_t *sizes,
		     uint64_t count, struct err *err);

#endif
