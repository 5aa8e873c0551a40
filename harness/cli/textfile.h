/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text files that may be compressed. */
#ifndef ZLAB_TEXTFILE_H
#define ZLAB_TEXTFILE_H

#include <stddef.h>

#include "lib/err.h"

/**
 * textfile_read() - the whole of a text file, expanded
 * @path: plain, gzip or zstd; told apart by the first bytes, not by the name
 * @len: receives the length, or NULL
 * @err: receives the error line
 *
 * Return: the text with a NUL behind it, to be freed by the caller, or NULL
 * with @err set (unreadable, damaged, out of memory).
 */
char *textfile_read(const char *path, size_t *len, struct err *err);

#endif
