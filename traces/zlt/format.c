// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of ops, blocks and parts of a file, and which labels and codec names
 * are valid.
 */
#include "traces/zlt/format.h"

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

bool codec_name_ok(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f)
			return false;
	return len && len <= ZLT_CODEC_MAX;
}

/* Length of the UTF-8 character at @s, or 0 if the bytes are not UTF-8. */
static size_t utf8_length(const uint8_t *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7f >> len);
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i;

	if ((s[0] & 0xc0) == 0x80 || s[0] > 0xf4)
		return 0;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

bool zlt_label_ok(const char *label)
{
	const uint8_t *s = (const uint8_t *)label;
	size_t len = strlen(label), i, n;

	for (i = 0; i < len; i += n) {
		n = utf8_length(s + i);
		if (!n || s[i] < ' ' || s[i] == 0x7f)
			return false;
	}
	return len && len <= ZLT_LABEL_MAX;
}
