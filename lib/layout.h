/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for a person on lines of a given width: long lines are folded, tables
 * that are too wide are stacked, and no number is cut.
 */
#ifndef ZLAB_LAYOUT_H
#define ZLAB_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Default number of columns. */
#define LAYOUT_WIDTH 80

/**
 * layout_open() - a stream whose long lines are folded
 * @to: receives the lines; must stay open until layout_close()
 * @width: columns of a line; 0 = any number
 *
 * Lines are broken at blanks; a word longer than a line is broken after a
 * comma. The rest of "  name   what it is" is indented to the column of "what".
 *
 * Return: the stream, or NULL when memory ran out.
 */
FILE *layout_open(FILE *to, int width);

/**
 * layout_close() - write the rest and close
 *
 * Return: 0, or a negative errno when something could not be written.
 */
int layout_close(FILE *page);

struct layout_table;

/**
 * layout_table() - begin a table
 * @heads: two lines for each column, "frag\nratio %" or "frag\n"; the first
 *	   column has labels and is left-aligned, the others are right-aligned
 * @nr: number of columns
 *
 * Return: the table; NULL without memory, which the functions below accept.
 */
struct layout_table *layout_table(const char *const *heads, size_t nr);

/** layout_cell() - the next cell, from left to right and from the top down */
void layout_cell(struct layout_table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * layout_table_print() - print a table and free it
 * @t: its last row may be short
 * @out: receives it
 * @width: columns of a line; 0 = any number
 *
 * A wider table is split into several tables below each other, which repeat the
 * labels; a label that leaves no room for numbers gets a line of its own.
 *
 * Return: 0, or -ENOMEM when it is not complete.
 */
int layout_table_print(struct layout_table *t, FILE *out, int width);

#endif
