/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line for the person who gave us something we cannot use: what is wrong,
 * where, and what would be right.
 */
#ifndef ZLAB_ERR_H
#define ZLAB_ERR_H

#include <stdarg.h>

/**
 * struct err - the text of a failure
 * @text: one line without a newline; empty while nothing failed
 *
 * Owned by the caller, usually on its stack. A function that takes one
 * accepts NULL from callers that need only the code.
 */
struct err {
	char text[512];
};

/**
 * err_set() - describe a failure and return its code
 * @err: where the line goes, or NULL
 * @code: a negative errno
 * @fmt: printf format of the line
 *
 * A line that is too long is cut. Return: @code, so that a caller can write
 * ``return err_set(err, -EINVAL, ...)``.
 */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * err_prefix() - put the place in front of a line set further down
 * @err: a line that was set, or NULL
 * @fmt: printf format of the place; ": " is added after it
 */
void err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
