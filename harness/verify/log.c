// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of a kernel's log. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/verify/log.h"
#include "lib/table.h"

#define HEADER "op,id,size,pages,before,page,at,note"

static const char *const column_name[LOG_COLUMNS] = {
	"op", "id", "size", "pages", "before", "page", "at", "note",
};

int log_bad(const struct log *log, struct err *err)
{
	return table_bad_line(log->table, err);
}

static int read_header(struct log *log, struct err *err)
{
	int col, i;

	log->columns = table_fields(log->table);
	for (col = 0; col < LOG_COLUMNS; col++) {
		log->place[col] = -1;
		for (i = 0; i < log->columns; i++)
			if (!strcmp(table_field(log->table, i),
				    column_name[col]))
				log->place[col] = i;
		if (log->place[col] >= 0)
			continue;
		err_set(err, -EINVAL,
			"there is no column \"%s\"; the header must "
			"name " HEADER,
			column_name[col]);
		return log_bad(log, err);
	}
	return 0;
}

int log_open(struct log *log, const char *path, struct err *err)
{
	int ret;

	log->table = table_open(path, HEADER, err);
	if (!log->table)
		return -errno;
	ret = read_header(log, err);
	if (ret)
		log_close(log);
	return ret;
}

void log_close(struct log *log)
{
	table_close(log->table);
}

static const char *field(struct log *log, enum log_column col)
{
	return table_field(log->table, log->place[col]);
}

static long most(enum log_column col)
{
	return col == LOG_ID || col == LOG_PAGE ? LOG_NUMBER_MAX : INT_MAX;
}

static int read_number(struct log *log, struct log_row *row,
		       enum log_column col, struct err *err)
{
	const char *text = field(log, col);
	char *end;

	row->num[col] = *text ? strtol(text, &end, 10) : LOG_ABSENT;
	if (!*text ||
	    (!*end && row->num[col] >= 0 && row->num[col] <= most(col)))
		return 0;
	err_set(err, -EINVAL, "\"%.40s\" is not a whole number in 0..%ld", text,
		most(col));
	return table_bad_field(log->table, log->place[col], column_name[col],
			       err);
}

int log_next(struct log *log, struct log_row *row, struct err *err)
{
	int ret = table_next(log->table, err), col;
	const char *op;

	if (ret != 1)
		return ret;
	row->line = table_line(log->table);
	if (table_fields(log->table) < log->columns) {
		err_set(err, -EINVAL, "fewer than %d columns", log->columns);
		return log_bad(log, err);
	}
	op = field(log, LOG_OP);
	if (!*op || op[1]) {
		err_set(err, -EINVAL,
			"op \"%.40s\"; there are a, f, r, c, m, l, w", op);
		return log_bad(log, err);
	}
	row->op = *op;
	row->note = field(log, LOG_NOTE);
	for (col = LOG_ID; col < LOG_NOTE && ret == 1; col++)
		ret = read_number(log, row, (enum log_column)col, err) ?: 1;
	return ret;
}

bool log_needs(const struct log_row *row, enum log_column column,
	       struct err *err)
{
	if (row->num[column] != LOG_ABSENT)
		return true;
	err_set(err, -EINVAL, "a row \"%c\" needs a number in %s", row->op,
		column_name[column]);
	return false;
}
