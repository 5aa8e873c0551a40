/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recording: run a program under a memory limit and write the pages it swaps to
 * a trace. This is the part outside the program, launcher and collector; the
 * part inside is the preloaded object of traces/recorder/. docs/recorder.md
 * describes the design.
 */
#ifndef ZLAB_TRACES_RECORD_H
#define ZLAB_TRACES_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "traces/zlt.h"

/* With a smaller limit a program cannot run at all. */
#define RECORD_LIMIT_MIN (256ull << 10)
#define RECORD_PAGE 4096ull

/**
 * struct record_counts - counters over all processes, so far
 * @processes: processes that were recorded
 * @fresh: first touches of a page
 * @soft: touches of pages that were hidden but resident
 * @stores: pages that went out
 * @loads: pages that came back
 * @invalidates: copies released without a load
 * @hides: pages moved to the inactive list
 * @hide_calls: system calls that moved them
 * @stuck: failed attempts to hide a page that is pinned or protected
 * @parked: faults that waited for a change of the address space
 * @forks: children that received a copy of the pages their parent had out
 * @waits: events that waited for the collector
 * @mismatches: pages whose hash differed when they came back
 * @violations: events that contradict earlier ones
 * @unregistered: mappings that userfaultfd refused to register
 * @attached: processes that are recorded now
 * @limit: pages that may be resident now
 * @resident: pages resident now
 * @resident_peak: greatest number of resident pages
 * @live_peak: greatest number of pages that were resident or out
 * @over: pages that became resident while the limit was exceeded
 * @over_sum: number of pages above the limit, summed over @over
 * @anon_bytes: anonymous memory as the kernel counts it plus the pages that are
 *		out; for each process its largest sample
 * @captured_bytes: the part of @anon_bytes that was recorded
 */
struct record_counts {
	uint64_t processes;
	uint64_t fresh, soft, stores, loads, invalidates;
	uint64_t hides, hide_calls, stuck, parked, forks, waits;
	uint64_t mismatches, violations, unregistered;
	uint64_t attached, limit, resident, resident_peak, live_peak;
	uint64_t over, over_sum;
	uint64_t anon_bytes, captured_bytes;
};

/**
 * enum record_news - what happens while a command is recorded
 * @RECORD_THRASHES: for seconds a process has waited for its pages much of the
 *		     time
 * @RECORD_FOLLOWS: the command has ended, but not all that it started
 */
enum record_news {
	RECORD_THRASHES,
	RECORD_FOLLOWS
};

/**
 * struct record_options - which command to record, and how
 * @argv: the command, ended by NULL
 * @output: file of the trace, or NULL to run without one
 * @limit: bytes that may be resident over all processes; 0 for no limit
 * @percent: share of the peak so far, 1..100, that may be resident, but at least
 *	     @limit; 0 for @limit alone. The peak is that of pages resident or
 *	     out, and the limit rises with it
 * @inactive_permille: share of a process's resident pages kept on the inactive
 *		       list, 0..900; with 0 eviction is first in, first out
 * @spin_us: how long a handler polls for the next fault before it sleeps
 * @contents: keep the pages in the trace, not only their sizes and hashes
 * @verify: hash every page that goes out and compare when it returns
 * @sizers: codecs whose sizes are written to the trace
 * @sizer_count: number of sizers
 * @tool: version of this program, for the metadata
 * @progress: called about five times a second with the counters and the bytes
 *	      written, or NULL
 * @news: called with the same when something happens, at most once for each
 *	  enum record_news; or NULL
 * @arg: passed to @progress and @news
 */
struct record_options {
	char *const *argv;
	const char *output;
	uint64_t limit;
	unsigned int percent;
	unsigned int inactive_permille;
	unsigned int spin_us;
	bool contents;
	bool verify;
	const struct zlt_sizer *sizers;
	size_t sizer_count;
	const char *tool;
	void (*progress)(void *arg, const struct record_counts *now,
			 uint64_t bytes);
	void (*news)(void *arg, enum record_news what,
		     const struct record_counts *now, uint64_t bytes);
	void *arg;
};

/**
 * struct record_result - the outcome of a recording
 * @status: wait status of the command
 * @counts: counters of the whole recording
 * @wall_ns: time from start to end of the command
 * @user_ns: user CPU time of the command and of what it started, as far as that
 *	     was waited for
 * @sys_ns: system CPU time of the same
 * @slow: estimate of how many times as long the work took as without the
 *	  recorder, at least 1; 0 if not known. Too high for a command that sleeps
 * @events: events in the trace
 * @contents: distinct pages
 * @bytes: size of the trace
 * @left_running: recorded processes that outlived the recording
 */
struct record_result {
	int status;
	struct record_counts counts;
	uint64_t wall_ns, user_ns, sys_ns;
	double slow;
	uint64_t events, contents, bytes;
	unsigned int left_running;
};

/**
 * record_run() - run a command and record it
 * @opts: what to run
 * @result: receives the outcome; valid if the command was started, even when an
 *	    error is returned
 * @err: receives the error line
 *
 * Blocks SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGCHLD in the calling thread
 * meanwhile, and forwards those signals that the command does not get from the
 * terminal itself. Only one thread may call it at a time.
 *
 * What the command leaves running, as a daemon, is recorded to its end. One of
 * those signals ends the recording then, as it does when it came before the
 * command's end. To know what is left the calling process adopts orphans
 * meanwhile and waits for every child it has: it must have no others.
 *
 * Return: 0; -ENOENT, -EACCES, -ENOEXEC or -EPERM if the command cannot be
 * recorded (not found, not executable, static or not x86-64, userfaultfd
 * denied); an error of writing the trace, after the command has run to its end,
 * with the trace kept up to the error; -EBADMSG if pages came back changed.
 */
int record_run(const struct record_options *opts, struct record_result *result,
	       struct err *err);

#endif
