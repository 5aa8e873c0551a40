/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables in text files: comma-separated values whose first line names the
 * columns. Files may be packed with gzip or zstd and are read line by line; at
 * most one line is in memory.
 */
#ifndef ZLAB_TABLE_H
#define ZLAB_TABLE_H

#include "lib/err.h"

/* Maximal length of a line in bytes; a longer line is an error. */
#define TABLE_LINE_MAX 4096

struct table;

/**
 * table_open() - open a file and read its header
 * @path: plain, gzip or zstd, told apart by the first bytes, not by the name;
 *	  "-" is standard input
 * @example: a header as it should be, for the error line of an empty file
 * @err: receives the error line
 *
 * Return: a table whose fields are the names in the header, to be closed with
 * table_close(); or NULL with errno set.
 */
struct table *table_open(const char *path, const char *example,
			 struct err *err);

void table_close(struct table *t);

/**
 * table_next() - read the next line that is not empty
 *
 * A field may be in double quotes, with "" for a quote in it. Pointers to
 * fields of the previous line become invalid.
 * Return: 1, 0 at the end, or -EINVAL, -EIO, -ENOMEM with @err set.
 */
int table_next(struct table *t, struct err *err);

/** table_fields() - how many fields the current line has, at least one */
int table_fields(const struct table *t);

/** table_field() - a field of the current line; @field < table_fields() */
char *table_field(struct table *t, int field);

/** table_line() - number of the current line, from 1 */
unsigned long table_line(const struct table *t);

/** table_bad_line() - prefix @err with file and line. Return: -EINVAL */
int table_bad_line(const struct table *t, struct err *err);

/** table_bad_field() - prefix @err with file, line, column. Return: -EINVAL */
int table_bad_field(const struct table *t, int field, const char *name,
		    struct err *err);

#endif
