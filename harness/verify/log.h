/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of what a kernel's allocator did, row by row; conform.h describes it.
 */
#ifndef ZLAB_LOG_H
#define ZLAB_LOG_H

#include <limits.h>
#include <stdbool.h>

#include "lib/err.h"

/* The column is empty. */
#define LOG_ABSENT LONG_MIN

/* The largest number of an object or a page; tables are as long as that. */
#define LOG_NUMBER_MAX ((1 << 24) - 1)

/** enum log_column - the columns of a log */
enum log_column {
	LOG_OP,
	LOG_ID,
	LOG_SIZE,
	LOG_PAGES,
	LOG_BEFORE,
	LOG_PAGE,
	LOG_AT,
	LOG_NOTE,
	LOG_COLUMNS
};

/**
 * struct log_row - a row
 * @line: of the file, from 1
 * @op: what was done
 * @num: the values by enum log_column: 0 to INT_MAX, of LOG_ID and LOG_PAGE to
 *	 LOG_NUMBER_MAX; or LOG_ABSENT
 * @note: owned by the log; valid until the next row
 */
struct log_row {
	unsigned long line;
	char op;
	long num[LOG_COLUMNS];
	const char *note;
};

struct table;

/**
 * struct log - an open log
 * @table: its lines
 * @place: field of each column
 * @columns: of the header
 */
struct log {
	struct table *table;
	int place[LOG_COLUMNS];
	int columns;
};

/** log_open() - open a log and read its header; the caller does log_close() */
int log_open(struct log *log, const char *path, struct err *err);

/** log_next() - read a row. Return: 1, 0 at the end, or a negative errno */
int log_next(struct log *log, struct log_row *row, struct err *err);

/** log_needs() - false with @err set when @column is empty */
bool log_needs(const struct log_row *row, enum log_column column,
	       struct err *err);

/** log_bad() - prefix @err with file and line. Return: -EINVAL */
int log_bad(const struct log *log, struct err *err);

void log_close(struct log *log);

#endif
