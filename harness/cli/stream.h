/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-o -": what is made as a file, on standard output. */
#ifndef ZLAB_STREAM_H
#define ZLAB_STREAM_H

/**
 * struct stream - an output
 * @path: where it is made: as the user said, or a temporary file
 * @copy: it is temporary and goes to standard output
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
 * @ret: exit status of making it; with another than 0 nothing is copied
 *
 * Return: @ret, or EXIT_FAILED with the line printed.
 */
int stream_close(struct stream *s, int ret);

#endif
