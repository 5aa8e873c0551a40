/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One sample: a replay in a fresh process, so that no sample inherits the
 * heap, the state of the caches or the frames of another.
 */
#ifndef ZLAB_SAMPLE_H
#define ZLAB_SAMPLE_H

#include <jansson.h>
#include <sys/types.h>

#include "harness/cli/replay_opts.h"
#include "harness/cli/virtual_opts.h"

/**
 * struct sample_run - what the process replays; all strings are the caller's
 * @trace: path
 * @sha256: of the trace, hashed once for all samples
 * @backend: spec
 * @codec: spec, or NULL for the trace's own default
 * @threads: threads, or virtual CPUs when @virtual is there
 * @common: options that are handed on
 * @virtual: options of virtual CPUs that are handed on, or NULL; only the
 *	     executable for virtual CPUs takes such samples
 * @sensitivity: say what each cost contributes
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
 * struct sample - one that runs
 * @pid: its process
 * @out: what it prints
 * @backend: for error lines, as in struct sample_run; or NULL
 * @trace: the same
 */
struct sample {
	pid_t pid;
	int out;
	const char *backend, *trace;
};

/**
 * sample_start() - run it
 * @run: its strings must stay until sample_finish()
 * @s: receives what runs
 *
 * Return: 0, or the exit status that this program should end with.
 */
int sample_start(const struct sample_run *run, struct sample *s);

/**
 * sample_finish() - wait for it
 * @record: receives the result record, to be released by json_decref()
 *
 * The process's own error line goes to stderr. Return: 0, or the exit status
 * that this program should end with; a record is only there with 0.
 */
int sample_finish(struct sample *s, json_t **record);

/** sample_take() - sample_start() and sample_finish() */
int sample_take(const struct sample_run *run, json_t **record);

/**
 * sample_spawn() - run this program with @args and read one record from it
 * @args: args[0] is its name; NULL-terminated; must write one record, no more
 *
 * Return: as sample_finish().
 */
int sample_spawn(char **args, json_t **record);

#endif
