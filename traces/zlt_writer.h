/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a trace that is made from another one.
 */
#ifndef ZLAB_TRACES_ZLT_WRITER_H
#define ZLAB_TRACES_ZLT_WRITER_H

#include "traces/zlt_reader.h"

/**
 * resume_writer() - a writer for a copy of a trace
 * @fd: an empty file; owned by the writer from here on, even on failure
 * @name: its name for error lines
 * @r: the trace whose blocks copy_block() will bring, every one and in order
 *
 * Only zlt_sizes_add() may be used on it afterwards. Return: the writer, or
 * NULL.
 */
struct zlt_writer *resume_writer(int fd, const char *name,
				 const struct zlt_reader *r, struct err *err);

/**
 * copy_block() - write a block of the other trace
 */
int copy_block(struct zlt_writer *w, const struct block *block,
	       const uint8_t *payload, size_t length, struct err *err);

#endif
