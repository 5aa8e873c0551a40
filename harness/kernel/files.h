/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files of text, and the folders they are in. */
#ifndef ZLAB_FILES_H
#define ZLAB_FILES_H

#include "lib/err.h"

/** file_read() - a whole file as a string, owned by the caller; or NULL, errno */
char *file_read(const char *path);

/**
 * file_write() - make a file of text, and the folders of @name
 * @dir: a folder
 * @name: the file's path in it
 * @head: text that begins it
 * @text: what follows
 *
 * Return: 0 or a negative errno.
 */
int file_write(const char *dir, const char *name, const char *head,
	       const char *text, struct err *err);

/** make_dirs() - make every folder of @path up to its last slash */
int make_dirs(const char *path);

#endif
