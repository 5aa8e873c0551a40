/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structures and constants of the .zlt file format, used by writer and reader.
 * docs/trace-format.md specifies them. All numbers are little-endian.
 */
#ifndef ZLAB_TRACES_ZLT_FORMAT_H
#define ZLAB_TRACES_ZLT_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "traces/zlt.h"

/* A tool that converts the file as if it were text changes these bytes. */
#define FILE_MAGIC "\x89ZLT\r\n\x1a\n"
#define TRAILER_MAGIC "ZLTEND\r\n"
#define BLOCK_MAGIC 0x6b6c425au /* "ZBlk" */

#define MAGIC_SIZE 8

enum block_type {
	BLOCK_META = 1,
	BLOCK_EVENTS,
	BLOCK_PAGES,
	BLOCK_PAGE_INFO,
	BLOCK_SIZES,
	BLOCK_STATS,
	BLOCK_INDEX,
	BLOCK_TYPES
};

/**
 * codec_name_ok() - whether @len bytes are a valid codec name
 */
bool codec_name_ok(const char *name, size_t len);

/**
 * block_type_name() - name of an enum block_type for error lines
 */
const char *block_type_name(unsigned int type);

enum column_id {
	COLUMN_OP = 1,
	COLUMN_KEY,
	COLUMN_OBJECT,
	COLUMN_TIME,
	COLUMN_CPU,
	COLUMN_TID,
	COLUMN_NEW_KEY,
	COLUMN_LABEL,
	COLUMN_HASH,
	COLUMN_FLAGS,
	COLUMN_FILL,
	COLUMN_SIZE,
	COLUMN_TYPE,
	COLUMN_OFFSET,
	COLUMN_FIRST,
	COLUMN_COUNT,
	COLUMN_AUX,
	COLUMN_CODEC,
	COLUMNS
};

/**
 * struct file_head - the first 24 bytes of a file, the same in every version
 * @magic: FILE_MAGIC
 * @version: format version of all bytes that follow the head
 * @objects: enum zlt_objects
 * @columns: ZLT_TIME | ZLT_CPU | ZLT_TID
 * @zero: reserved
 * @checksum: 64-bit XXH3 of the bytes before it
 */
struct file_head {
	uint8_t magic[MAGIC_SIZE];
	uint32_t version;
	uint8_t objects;
	uint8_t columns;
	uint8_t zero[2];
	uint64_t checksum;
} __attribute__((packed));

/**
 * struct block_head - the head of a block, before its payload
 * @magic: BLOCK_MAGIC
 * @seq: number of the block in the file, from 0
 * @length: bytes of payload; a 64-bit XXH3 of head and payload follows it
 * @count: number of events, content ids or blocks in the payload; 0 for JSON
 * @first: first event or content id; 0 if there is none
 * @aux: BLOCK_EVENTS: number of keys that first appear in the block;
 *	 BLOCK_SIZES: number of the codec, in order of appearance; otherwise 0
 * @type: enum block_type
 * @zero: reserved
 */
struct block_head {
	uint32_t magic;
	uint32_t seq;
	uint32_t length;
	uint32_t count;
	uint64_t first;
	uint32_t aux;
	uint8_t type;
	uint8_t zero[3];
} __attribute__((packed));

/* Bounds what a damaged head makes the reader allocate; real blocks are small. */
#define BLOCK_LENGTH_MAX (256u << 20)
#define BLOCK_EVENTS_MAX (1u << 20)
#define BLOCK_IDS_MAX (1u << 16)
#define BLOCK_PAGES_MAX 64u
/* Head, empty payload, checksum. */
#define BLOCK_SIZE_MIN (sizeof(struct block_head) + sizeof(uint64_t))

/**
 * struct events_head - start of the payload of a BLOCK_EVENTS
 * @ops: number of events of the block by op
 * @zero: reserved
 * @live_peak: as in struct zlt_info, for the file up to the end of the block
 * @live_peak_exclusive: as in struct zlt_info, for the file up to the end of
 *			 the block
 */
struct events_head {
	uint32_t ops[ZLT_OPS];
	uint32_t zero;
	uint64_t live_peak;
	uint64_t live_peak_exclusive;
} __attribute__((packed));

/**
 * struct index_head - start of the payload of a BLOCK_INDEX
 * @ops: number of events of the file by op
 * @live_peak: as in struct zlt_info
 * @live_peak_exclusive: as in struct zlt_info
 * @part_bytes: bytes of the file by enum zlt_part
 */
struct index_head {
	uint64_t ops[ZLT_OPS];
	uint64_t live_peak;
	uint64_t live_peak_exclusive;
	uint64_t part_bytes[ZLT_PARTS];
} __attribute__((packed));

/**
 * struct trailer - the last bytes of a finished file
 * @magic: TRAILER_MAGIC
 * @index: offset of the BLOCK_INDEX, which ends where the trailer starts
 * @checksum: 64-bit XXH3 of the bytes before it
 */
struct trailer {
	uint8_t magic[MAGIC_SIZE];
	uint64_t index;
	uint64_t checksum;
} __attribute__((packed));

/* A bit of a value in COLUMN_FLAGS. */
#define PAGE_SAME_FILLED 1

/**
 * column_part() - the part of the file that a column's bytes count for
 * @id: an enum column_id; unknown values count as ZLT_PART_OTHER
 */
enum zlt_part column_part(unsigned int id);

#endif
