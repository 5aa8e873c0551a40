/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a .zlt file, shared by its writer and reader;
 * docs/trace-format.md explains them. All numbers are little-endian.
 */
#ifndef ZLAB_TRACES_ZLT_FORMAT_H
#define ZLAB_TRACES_ZLT_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "traces/zlt.h"

/* Breaks when a file passes through something that takes it for text. */
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
 * codec_name_ok() - whether @len bytes can be the name of a codec
 */
bool codec_name_ok(const char *name, size_t len);

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
 * struct file_head - the first bytes of a file
 * @magic: FILE_MAGIC
 * @version: of everything behind the magic; the place and the meaning of these
 *	     24 bytes is the same in every version
 * @objects: enum zlt_objects
 * @columns: ZLT_TIME | ZLT_CPU | ZLT_TID
 * @zero: reserved
 * @checksum: XXH3 64 of the bytes before it
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
 * struct block_head - what stands before each payload
 * @magic: BLOCK_MAGIC
 * @seq: number of the block in the file, from 0
 * @length: bytes of payload; an XXH3 64 of head and payload follows it
 * @count: events, content ids or blocks it describes; 0 for JSON
 * @first: first event or content id; 0 where there is none
 * @aux: BLOCK_EVENTS: keys that appear first in it; BLOCK_SIZES: number of its
 *	 codec, in order of appearance; otherwise 0
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

/* A length that a damaged head cannot exceed; the writer never comes close. */
#define BLOCK_LENGTH_MAX (256u << 20)
#define BLOCK_EVENTS_MAX (1u << 20)
#define BLOCK_IDS_MAX (1u << 16)
#define BLOCK_PAGES_MAX 64u
/* Head, empty payload, checksum. */
#define BLOCK_SIZE_MIN (sizeof(struct block_head) + sizeof(uint64_t))

/**
 * struct events_head - start of the payload of a BLOCK_EVENTS
 * @ops: events of the block by op
 * @live_peak: as in struct zlt_info, for the file up to here
 * @live_peak_exclusive: the same
 */
struct events_head {
	uint32_t ops[ZLT_OPS];
	uint32_t zero;
	uint64_t live_peak;
	uint64_t live_peak_exclusive;
} __attribute__((packed));

/**
 * struct index_head - start of the payload of a BLOCK_INDEX
 */
struct index_head {
	uint64_t ops[ZLT_OPS];
	uint64_t live_peak;
	uint64_t live_peak_exclusive;
	uint64_t part_bytes[ZLT_PARTS];
} __attribute__((packed));

/**
 * struct trailer - the last bytes of a finished file
 * @index: offset of the BLOCK_INDEX, which ends where the trailer starts
 * @checksum: XXH3 64 of the bytes before it
 */
struct trailer {
	uint8_t magic[MAGIC_SIZE];
	uint64_t index;
	uint64_t checksum;
} __attribute__((packed));

/* Bit of COLUMN_FLAGS. */
#define PAGE_SAME_FILLED 1

enum zlt_part column_part(unsigned int id);

#endif
