/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result record: one JSON object per run and line, as
 * analysis/record.schema.json describes it.
 */
#ifndef ZLAB_RESULT_H
#define ZLAB_RESULT_H

#include <jansson.h>

#include "harness/replay/replay.h"

#define RESULT_SCHEMA 1

/**
 * result_record() - make the record of one replay
 * @config: its configuration
 * @res: its results
 * @sha256: of the trace file, in hex
 *
 * Return: a new object, or NULL when memory ran out.
 */
json_t *result_record(const struct replay_config *config,
		      const struct replay_result *res, const char *sha256);

/** result_footprint() - bytes of frames and metadata in use */
uint64_t result_footprint(const struct zpool_stats *stats, uint64_t page_size);

/** result_frag_ratio() - percent of the frames that objects fill; 0 if none */
double result_frag_ratio(const struct zpool_stats *stats, uint64_t page_size);

/**
 * result_env() - the machine and the build: CPU, kernel, compiler, libraries
 *
 * Return: a new object, or NULL when memory ran out.
 */
json_t *result_env(void);

/**
 * result_put_load() - note in an environment what else the machine did
 * @env: of a record
 * @others: from load_others(); if it is -1, nothing is noted
 */
void result_put_load(json_t *env, double others);

/**
 * result_load() - the load that a record notes, -1 if none or if its time is
 * virtual
 */
double result_load(const json_t *record);

/**
 * result_sha256() - hash a trace: its file, or the spec of a stream
 * @hex: receives 64 digits and a NUL
 *
 * Return: 0, or a negative errno with @err set.
 */
int result_sha256(const char *path, char hex[65], struct err *err);

/**
 * result_check() - whether records can be appended to a file
 * @path: a file that need not exist, "-" or NULL
 *
 * For callers whose first record takes long. Return: 0, or a negative errno
 * with @err set.
 */
int result_check(const char *path, struct err *err);

/**
 * result_append() - write a record as one line
 * @path: file to append to, "-" for standard output
 *
 * A file that holds anything but records is not modified, and a failed write
 * leaves the file as it was.
 *
 * Return: 0, or a negative errno with @err set.
 */
int result_append(const char *path, const json_t *record, struct err *err);

#endif
