/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace of what zswap and zram of the running kernel ask of their allocators,
 * through tracefs alone.
 */
#ifndef ZLAB_CAPTURE_H
#define ZLAB_CAPTURE_H

#include "harness/capture/alloc_log.h"
#include "harness/capture/plan.h"

/* Less is no use to a CPU. */
#define CAPTURE_BUFFER_MIN (1 << 20)
#define CAPTURE_BUFFER (128 << 20)

/**
 * struct capture_options - what is captured
 * @output: the trace
 * @log: the allocator's log, or NULL
 * @from: text of trace_pipe instead of this kernel; NULL: this kernel
 * @tracefs: where it is mounted; NULL: in the usual places
 * @btf: a file that is asked before the kernel's own BTF, or NULL
 * @argv: a command to run; its end ends the capture. NULL: none
 * @seconds: the capture ends after them; 0: at the command's end or a signal
 * @buffer: bytes for events that were not read yet
 * @way: only this way is used; NULL: the first that the kernel has
 * @frame_shift: see alloc_log_open()
 * @tool: name and version of this program
 * @started: told what is watched before it begins, or NULL
 */
struct capture_options {
	const char *output, *log, *from, *tracefs, *btf, *tool;
	char *const *argv;
	unsigned seconds, frame_shift;
	size_t buffer;
	const enum plan_way *way;
	void (*started)(const struct plan *plan);
};

/**
 * struct capture_result - what was captured
 * @counts: of calls and events
 * @log: of the allocator's log
 * @plan: what was watched; empty with @from
 * @lost: events the kernel had no room for
 * @missed: returns that it could not watch
 * @zrams: zram devices that own objects
 * @wall_ns: how long it took
 * @cpu_ns: CPU time that reading took
 * @bytes: of the trace
 * @status: of the command, as of waitpid()
 * @began: the capture had begun, so that all of this is valid
 */
struct capture_result {
	struct pair_counts counts;
	struct alloc_log_counts log;
	struct plan plan;
	uint64_t lost, missed, wall_ns, cpu_ns, bytes;
	unsigned zrams;
	int status;
	bool began;
};

/** capture_plan() - what would be watched. Return: 0 or a negative errno */
int capture_plan(const struct capture_options *opts, struct plan *plan,
		 struct err *err);

/**
 * capture_run() - capture until the end that the options name, or a signal
 *
 * What was captured before an error or a signal is in the trace. Return: 0 or a
 * negative errno.
 */
int capture_run(const struct capture_options *opts, struct capture_result *r,
		struct err *err);

/** capture_json() - counts of a result, as statistics of the trace */
json_t *capture_json(const struct capture_options *opts,
		     const struct capture_result *r);

#endif
