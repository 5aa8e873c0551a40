/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct err: the one-line text of an error, for the user. It says what is
 * wrong, where, and what is expected instead.
 */
#ifndef ZLAB_ERR_H
#define ZLAB_ERR_H

#include <stdarg.h>

/**
 * struct err - the text of an error
 * @text: one line without a newline; empty if nothing has failed
 *
 * Owned by the caller, usually on its stack. A function that takes one
 * accepts NULL from callers that need only the code.
 */
struct err {
	char text[512];
};

/**
 * err_set() - describe an error and return its code
 * @err: receives the line, or NULL
 * @code: a negative errno
 * @fmt: printf format of the line
 *
 * A line that is too long is truncated. Return: @code, so that a caller can write
 * ``return err_set(err, -EINVAL, ...)``.
 */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * err_prefix() - prepend context to a line that a callee has set
 * @err: a line that was set, or NULL
 * @fmt: printf format of the context, such as a file name; ": " is added
 *	 after it
 */
void err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
