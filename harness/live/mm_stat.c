// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "harness/live/mm_stat.h"

/* The columns in the kernel's order. */
enum column {
	ORIG_DATA_SIZE,
	COMPR_DATA_SIZE,
	MEM_USED_TOTAL,
	MEM_LIMIT,
	MEM_USED_MAX,
	SAME_PAGES,
	PAGES_COMPACTED,
	HUGE_PAGES,
	HUGE_PAGES_SINCE,
	COLUMNS
};

/* Columns that every kernel has. */
#define COLUMNS_MIN HUGE_PAGES

/* Return: how many numbers were read, or -EINVAL. */
static int read_columns(const char *text, unsigned long long column[COLUMNS])
{
	unsigned long long v;
	char *end;
	int n;

	for (n = 0;; n++) {
		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			return n;
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		errno = 0;
		v = strtoull(text, &end, 10);
		if (errno || (*end && !isspace((unsigned char)*end)))
			return -EINVAL;
		if (n < COLUMNS)
			column[n] = v;
		text = end;
	}
}

int mm_stat_parse(const char *text, struct mm_stat *m, struct err *err)
{
	unsigned long long column[COLUMNS] = { 0 };
	int n = read_columns(text, column);

	if (n < COLUMNS_MIN)
		return err_set(err, -EINVAL,
			       "mm_stat is not %d numbers or more: \"%.200s\"",
			       COLUMNS_MIN, text);
	if (column[ORIG_DATA_SIZE] % MM_STAT_PAGE ||
	    column[MEM_USED_TOTAL] % MM_STAT_PAGE ||
	    column[MEM_USED_MAX] % MM_STAT_PAGE)
		return err_set(err, -EINVAL,
			       "mm_stat does not count whole pages: \"%.200s\"",
			       text);
	*m = (struct mm_stat){
		.stored = column[ORIG_DATA_SIZE] / MM_STAT_PAGE,
		.bytes = column[COMPR_DATA_SIZE],
		.pages = column[MEM_USED_TOTAL] / MM_STAT_PAGE,
		.pages_max = column[MEM_USED_MAX] / MM_STAT_PAGE,
		.same = column[SAME_PAGES],
		.compacted = column[PAGES_COMPACTED],
		.huge = column[HUGE_PAGES],
		.huge_since = column[HUGE_PAGES_SINCE],
		.has_huge = n > HUGE_PAGES,
		.has_huge_since = n > HUGE_PAGES_SINCE,
	};
	return 0;
}
