/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One sample: a replay in a new process, so that no sample inherits the heap,
 * the state of the caches or the frames of another sample.
 */
#ifndef ZLAB_SAMPLE_H
#define ZLAB_SAMPLE_H

#include <jansson.h>
#include <sys/types.h>

#include "harness/cli/replay_opts.h"
#include "harness/cli/virtual_opts.h"

/**
 * struct sample_run - what the process replays; the caller owns all strings
 * @trace: path of the trace
 * @sha256: hash of the trace, computed once for all samples
 * @backend: spec of the allocator
 * @codec: spec, or NULL for the trace's own default
 * @threads: number of threads, or of virtual CPUs when @virtual is set
 * @common: options that are passed on
 * @virtual: options of virtual CPUs that are passed on, or NULL; only the
 *	     executable for virtual CPUs supports such samples
 * @sensitivity: report how much each cost contributes
 * @nth: added to the seed in @common
 */
struct sample_run {
	const char *trace;
	const char *sha256;
	const char *backend;
	const char *codec;
	unsigned threads;
	const struct replay_opts *common;
	const struct virtual_opts *virtual;
	bool sensitivity;
	uint64_t nth;
};

/**
 * struct sample - a running sample
 * @pid: its process
 * @out: file descriptor of its output
 * @backend: for error lines, as in struct sample_run; or NULL
 * @trace: for error lines too; or NULL
 */
struct sample {
	pid_t pid;
	int out;
	const char *backend, *trace;
};

/**
 * sample_start() - start a sample
 * @run: its strings must stay valid until sample_finish()
 * @s: receives the running sample
 *
 * Return: 0, or the exit status that this program should end with.
 */
int sample_start(const struct sample_run *run, struct sample *s);

/**
 * sample_finish() - wait for a sample to end
 * @record: receives the result record, to be released by json_decref()
 *
 * The process's own error line goes to stderr. Return: 0, or the exit status
 * that this program should end with; @record is only set when it is 0.
 */
int sample_finish(struct sample *s, json_t **record);

/** sample_take() - sample_start() and sample_finish() */
int sample_take(const struct sample_run *run, json_t **record);

/**
 * sample_spawn() - run this program with @args and read one record from it
 * @args: NULL-terminated; args[0] is the program's name. The program must write
 *	  exactly one record
 *
 * Return: as sample_finish().
 */
int sample_spawn(char **args, json_t **record);

#endif
