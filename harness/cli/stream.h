/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-o -": output that is made as a file, then copied to standard output. */
#ifndef ZLAB_STREAM_H
#define ZLAB_STREAM_H

/**
 * struct stream - an output
 * @path: the file that is written: the user's path or a temporary file
 * @copy: @path is temporary and will be copied to standard output
 */
struct stream {
	char path[4096];
	int copy;
};

/**
 * stream_open() - begin an output
 * @to: path; - for standard output
 *
 * Return: 0, or the exit status with the line printed.
 */
int stream_open(struct stream *s, const char *to);

/**
 * stream_close() - copy what was made to standard output, if it goes there
 * @ret: exit status of the command; nothing is copied unless it is 0
 *
 * Return: @ret, or EXIT_FAILED with the line printed.
 */
int stream_close(struct stream *s, int ret);

#endif
