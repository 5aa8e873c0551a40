/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Import and export of traces as comma-separated values. The first line names
 * the columns: op and key are required; size, time_ns, cpu, tid and label are
 * optional. docs/trace-format.md specifies the format.
 */
#ifndef ZLAB_TRACES_CSV_H
#define ZLAB_TRACES_CSV_H

#include <stdio.h>

#include "traces/source.h"

struct csv_reader;

/**
 * csv_open() - start reading events from CSV
 * @path: a file, also compressed with gzip or zstd; "-" is standard input
 *
 * Return: a reader that has read the header, or NULL with errno set.
 */
struct csv_reader *csv_open(const char *path, struct err *err);
void csv_close(struct csv_reader *csv);

/**
 * csv_columns() - which of ZLT_TIME | ZLT_CPU | ZLT_TID the header names
 */
unsigned int csv_columns(const struct csv_reader *csv);

/**
 * csv_next() - read the next event
 * @event: receives it; its label belongs to the reader and is valid until the
 *	   next call. Without a size column every store has size 4096; a mark
 *	   without a label is labelled "mark 1", "mark 2" and so on.
 *
 * Does not check that a loaded key was stored before; csv_import() does.
 *
 * Return: 1, 0 at the end, -EINVAL with file, line and column, -EIO, -ENOMEM.
 */
int csv_next(struct csv_reader *csv, struct zlt_event *event, struct err *err);

/**
 * csv_import() - write a trace of object sizes from CSV
 * @from: as in csv_open()
 * @to: path of the trace; removed again on failure
 * @drop: which of ZLT_TIME | ZLT_CPU | ZLT_TID to leave out
 * @meta: JSON object with the trace's metadata, or NULL
 *
 * Return: 0, -EINVAL with file, line and column, or any error of reading or
 * writing.
 */
int csv_import(const char *from, const char *to, unsigned drop, json_t *meta,
	       struct err *err);

/**
 * csv_export() - write all events as CSV
 * @s: opened with ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS
 * @codec: codec whose sizes are written for a trace of contents; NULL for the
 *	   first codec that the trace has sizes for. Ignored for a trace of
 *	   sizes.
 * @out: stream to write to
 *
 * Importing the result gives the same events. A size over 4096 is written as
 * 4096: such a page would be stored uncompressed.
 *
 * Return: 0, -ENOENT when the trace has no such sizes, -EIO, or as source_next().
 */
int csv_export(struct source *s, const char *codec, FILE *out, struct err *err);

#endif
