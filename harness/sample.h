/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One sample: a replay in a fresh process, so that no sample inherits the
 * heap, the caches' luck or the frames of another.
 */
#ifndef ZLAB_SAMPLE_H
#define ZLAB_SAMPLE_H

#include "harness/replay_opts.h"

#include <jansson.h>

/**
 * struct sample_run - what the process replays; all strings are the caller's
 * @trace: path
 * @sha256: of the trace, hashed once for all samples
 * @backend: spec
 * @codec: spec, or NULL for the trace's own default
 * @threads: threads
 * @common: options that are handed on
 */
struct sample_run {
	const char *trace;
	const char *sha256;
	const char *backend;
	const char *codec;
	unsigned threads;
	const struct replay_opts *common;
};

/**
 * sample_take() - run it and wait
 * @record: receives the result record, to be released by json_decref()
 *
 * The process's own error line goes to stderr. Return: 0, or the exit status
 * that this program should end with; a record is only there with 0.
 */
int sample_take(const struct sample_run *run, json_t **record);

/**
 * sample_spawn() - run this program with @args and read one record from it
 * @args: args[0] is its name; NULL-terminated; must write one record, no more
 *
 * Return: as sample_take().
 */
int sample_spawn(char **args, json_t **record);

#endif
