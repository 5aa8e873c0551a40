// SPDX-License-Identifier: GPL-2.0-or-later
#include "traces/zlt_format.h"

const char *zlt_op_name(enum zlt_op op)
{
	static const char *const names[ZLT_OPS] = {
		[ZLT_STORE] = "store",
		[ZLT_LOAD] = "load",
		[ZLT_INVALIDATE] = "invalidate",
		[ZLT_COMPACT] = "compact",
		[ZLT_MARK] = "mark",
	};

	return op < ZLT_OPS ? names[op] : "?";
}

const char *zlt_part_name(enum zlt_part part)
{
	static const char *const names[ZLT_PARTS] = {
		[ZLT_PART_OP] = "op",
		[ZLT_PART_KEY] = "key",
		[ZLT_PART_OBJECT] = "object",
		[ZLT_PART_TIME] = "time",
		[ZLT_PART_CPU] = "cpu",
		[ZLT_PART_TID] = "tid",
		[ZLT_PART_NEW_KEYS] = "new_keys",
		[ZLT_PART_LABELS] = "labels",
		[ZLT_PART_PAGES] = "pages",
		[ZLT_PART_PAGE_INFO] = "page_info",
		[ZLT_PART_SIZES] = "sizes",
		[ZLT_PART_OTHER] = "other",
	};

	return part < ZLT_PARTS ? names[part] : "?";
}

const char *block_type_name(unsigned int type)
{
	static const char *const names[BLOCK_TYPES] = {
		[0] = "unknown type",
		[BLOCK_META] = "metadata",
		[BLOCK_EVENTS] = "events",
		[BLOCK_PAGES] = "pages",
		[BLOCK_PAGE_INFO] = "page info",
		[BLOCK_SIZES] = "sizes",
		[BLOCK_STATS] = "statistics",
		[BLOCK_INDEX] = "index",
	};

	return names[type < BLOCK_TYPES ? type : 0];
}

enum zlt_part column_part(unsigned int id)
{
	static const uint8_t parts[COLUMNS] = {
		[0] = ZLT_PART_OTHER,
		[COLUMN_OP] = ZLT_PART_OP,
		[COLUMN_KEY] = ZLT_PART_KEY,
		[COLUMN_OBJECT] = ZLT_PART_OBJECT,
		[COLUMN_TIME] = ZLT_PART_TIME,
		[COLUMN_CPU] = ZLT_PART_CPU,
		[COLUMN_TID] = ZLT_PART_TID,
		[COLUMN_NEW_KEY] = ZLT_PART_NEW_KEYS,
		[COLUMN_LABEL] = ZLT_PART_LABELS,
		[COLUMN_HASH] = ZLT_PART_PAGE_INFO,
		[COLUMN_FLAGS] = ZLT_PART_PAGE_INFO,
		[COLUMN_FILL] = ZLT_PART_PAGE_INFO,
		[COLUMN_SIZE] = ZLT_PART_SIZES,
		[COLUMN_TYPE] = ZLT_PART_OTHER,
		[COLUMN_OFFSET] = ZLT_PART_OTHER,
		[COLUMN_FIRST] = ZLT_PART_OTHER,
		[COLUMN_COUNT] = ZLT_PART_OTHER,
		[COLUMN_AUX] = ZLT_PART_OTHER,
		[COLUMN_CODEC] = ZLT_PART_OTHER,
	};

	return parts[id < COLUMNS ? id : 0];
}
