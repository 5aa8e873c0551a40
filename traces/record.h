/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running a program under a memory limit and writing down its swap: the
 * launcher and collector, outside of the program. Inside runs the preloaded
 * object of traces/recorder/. docs/recorder.md has the design.
 */
#ifndef ZLAB_TRACES_RECORD_H
#define ZLAB_TRACES_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "traces/zlt.h"

/* A smaller limit than this leaves a program no room to run at all. */
#define RECORD_LIMIT_MIN (256ull << 10)
#define RECORD_PAGE 4096ull

/**
 * struct record_counts - what happened so far, over all processes
 * @processes: processes that were recorded
 * @fresh: first touches of a page
 * @soft: touches of pages that were hidden but resident
 * @stores: pages that went out
 * @loads: pages that came back
 * @invalidates: copies released without a load
 * @hides: pages moved to the inactive list
 * @hide_calls: system calls that took
 * @stuck: attempts to hide a page that is pinned or protected
 * @parked: faults that waited for a change of the address space
 * @forks: children that were given a copy of what their parent had out
 * @waits: evictions that waited for the collector
 * @mismatches: pages whose hash differed when they came back
 * @violations: events that contradict earlier ones
 * @unregistered: mappings that could not be watched
 * @resident: pages resident now
 * @resident_peak: most of them
 * @over: pages that came in while the limit was exceeded
 * @over_sum: pages by which it was exceeded, summed over @over
 * @anon_bytes: anonymous memory, as the kernel counts it, with what was out;
 *		each process at its largest sample
 * @captured_bytes: the part of it that the recorder knew
 */
struct record_counts {
	uint64_t processes;
	uint64_t fresh, soft, stores, loads, invalidates;
	uint64_t hides, hide_calls, stuck, parked, forks, waits;
	uint64_t mismatches, violations, unregistered;
	uint64_t resident, resident_peak, over, over_sum;
	uint64_t anon_bytes, captured_bytes;
};

/**
 * struct record_options - what to run and how
 * @argv: the command, ended by NULL
 * @output: file of the trace, or NULL to run without one
 * @limit: bytes that may be resident over all processes; 0 for no limit
 * @inactive_permille: share of a process's resident pages kept on the inactive
 *		       list, 0..900; 0 is plain first in, first out
 * @spin_us: how long a fault handler looks for the next fault before it sleeps
 * @contents: keep the pages in the trace, not only their sizes and hashes
 * @silent: the command writes to nowhere, and reads nothing where what it read
 *	    could not be read again
 * @verify: hash every page that goes out and compare when it returns
 * @sizers: codecs whose sizes go into the trace
 * @sizer_count: how many
 * @tool: version of this program, for the metadata
 * @progress: called about five times a second, or NULL
 * @arg: passed to @progress
 */
struct record_options {
	char *const *argv;
	const char *output;
	uint64_t limit;
	unsigned int inactive_permille;
	unsigned int spin_us;
	bool contents;
	bool silent;
	bool verify;
	const struct zlt_sizer *sizers;
	size_t sizer_count;
	const char *tool;
	void (*progress)(void *arg, const struct record_counts *now,
			 uint64_t bytes);
	void *arg;
};

/**
 * struct record_result - how it ended
 * @status: wait status of the command
 * @counts: what happened
 * @wall_ns: from start to end of the command
 * @user_ns: CPU time of it and its waited-for children
 * @sys_ns: the same, in the kernel
 * @events: events in the trace
 * @contents: distinct pages
 * @bytes: size of the trace
 * @left_running: recorded processes that outlived the command
 */
struct record_result {
	int status;
	struct record_counts counts;
	uint64_t wall_ns, user_ns, sys_ns;
	uint64_t events, contents, bytes;
	unsigned int left_running;
};

/**
 * record_run() - run a command and record it
 * @opts: what to run
 * @result: receives how it ended; complete whenever the command was started
 * @err: receives the error line
 *
 * Blocks SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGCHLD in the calling thread
 * while it runs and passes on those that the command does not get from the
 * terminal. Called by one thread at a time.
 *
 * Return: 0; -ENOENT, -EACCES, -ENOEXEC or -EPERM when the command cannot be
 * recorded (not found, not executable, static or foreign, userfaultfd denied);
 * any error of writing the trace, after the command has run to its end and
 * the trace up to the error was kept; -EBADMSG when pages came back changed.
 */
int record_run(const struct record_options *opts, struct record_result *result,
	       struct err *err);

/**
 * record_peak() - resident bytes a command needs at most
 * @argv: the command, ended by NULL
 * @bytes: receives the peak
 *
 * Runs it once without a limit and without its output. A standard input that is
 * a file is read, and put back to where it was; any other is empty. Return: as record_run(); -ECANCELED when the
 * command failed or recorded no memory.
 */
int record_peak(char *const *argv, uint64_t *bytes, struct err *err);

#endif
