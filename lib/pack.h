/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output files that are compressed according to their name. */
#ifndef ZLAB_PACK_H
#define ZLAB_PACK_H

#include <stdio.h>

#include "lib/err.h"

/**
 * pack_open() - open a file for writing
 * @path: NAME.gz is packed with gzip, NAME.zst with zstd, others not at all; it
 *	  is replaced if it exists
 * @err: receives the error line
 *
 * Return: a stream whose fclose() says whether all of it was written; or NULL
 * with errno set.
 */
FILE *pack_open(const char *path, struct err *err);

#endif
