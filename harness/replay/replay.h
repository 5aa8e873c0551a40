/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replays a trace through the swap path and returns the results.
 */
#ifndef ZLAB_REPLAY_H
#define ZLAB_REPLAY_H

#include "harness/swap/swap.h"

#define REPLAY_MAX_THREADS 256
#define REPLAY_MAX_LOCKS 64
/*
 * swap.sample: time every operation when pages are compressed, since reading
 * the clock is then comparatively cheap, and 1 of 128 otherwise.
 */
#define REPLAY_SAMPLE_AUTO (~0u)

/**
 * enum replay_assign - which thread performs an operation
 * @REPLAY_BY_KEY: a hash of its key chooses; threads share only the pool
 * @REPLAY_BY_TID: the thread that did it in the trace, modulo the threads
 * @REPLAY_BY_CPU: the CPU that did it in the trace, modulo the threads
 */
enum replay_assign {
	REPLAY_BY_KEY,
	REPLAY_BY_TID,
	REPLAY_BY_CPU
};

/**
 * struct replay_config - one replay; the caller owns all pointers
 * @trace: path of the trace
 * @sha256: of the trace file, for @occupancy; or NULL
 * @codec: codec spec, or NULL: lz4 for contents, none for sizes
 * @swap: the swap path; codec, object, infos, contents and keys are filled in
 *	  from the trace, and so are sizes unless they are given
 * @threads: 1..REPLAY_MAX_THREADS
 * @assign: how operations are assigned to threads
 * @speed: 0 = as fast as possible; 1 = the trace's own timing, 2 = twice as
 *	   fast
 * @pool_limit: bytes at which a pool runs out of memory; 0 = never
 * @compact_every: compact after this many events; 0 = never
 * @compact_at_end: compact once after the last event
 * @occupancy: file that receives a map of the frames at the end, before and
 *	       after compact_at_end; or NULL
 * @migrate_every: replace one frame, chosen at random, after this many events;
 *		   0 = never
 * @series_every: events between two points of the series; 0 = a hundredth
 * @max_events: replay at most this many events; 0 = all
 * @front: go through the zswap front end
 * @zswap: configuration of the front end, when @front is set
 * @max_pool_percent: limit of the pools in percent of @ram_bytes; 0 = the
 *		      limit in @zswap
 * @ram_bytes: memory size of the simulated machine
 * @swap_file: the swap file; NULL = a temporary one
 * @no_swap: count writebacks without I/O
 * @salvage: replay a damaged trace up to its first damage
 * @validate: check the pool's structure at the end
 * @lock_detail: time every hold and atomic section, see lock_stats_detail()
 * @ghost: frames have no memory; only zlab-ghost can
 * @progress: show a bar
 */
struct replay_config {
	const char *trace;
	const char *sha256;
	const char *codec;
	struct swap_config swap;
	unsigned threads;
	enum replay_assign assign;
	double speed;
	uint64_t pool_limit;
	uint64_t compact_every;
	bool compact_at_end;
	const char *occupancy;
	uint64_t migrate_every;
	uint64_t series_every;
	uint64_t max_events;
	bool front;
	struct zswap_config zswap;
	unsigned max_pool_percent;
	uint64_t ram_bytes;
	const char *swap_file;
	bool no_swap;
	bool salvage;
	bool validate;
	bool lock_detail;
	bool ghost;
	bool progress;
};

/**
 * struct replay_point - the pool after some events
 * @event: events before it
 * @label: a mark's text, or NULL in a series
 * @time_ns: virtual time of the point, or 0 if time is real
 * @stats: the pools' state
 */
struct replay_point {
	uint64_t event;
	char *label;
	uint64_t time_ns;
	struct zpool_stats stats;
};

struct replay_points {
	size_t count, room;
	struct replay_point *at;
};

/**
 * struct replay_result - results of a replay; freed by replay_result_free()
 * @trace_name: name of the trace
 * @trace_note: what was left out of the trace and why, or ""
 * @backend: its full spec
 * @source: what the backend was compiled from, as JSON, or NULL
 * @codec: codec that was really used, e.g. "sizes:lz4"
 * @codec_source: what a shared object's codec was compiled from, as JSON, or NULL
 * @trace_events: events of the trace
 * @trace_keys: distinct keys
 * @live_peak: most keys stored at one time
 * @page_size: bytes of a frame
 * @sample: one of this many operations was timed
 * @events: events that were replayed
 * @ops_in: store, load and invalidate events among them
 * @ops_done: operations performed, all threads; equals @ops_in
 * @counts: counters of the swap path
 * @times: sampled times of operations
 * @front: whether the zswap front end was used
 * @zswap: its counters
 * @swap_direct: whether writes to the swap file bypassed the page cache
 * @end: the pools at the end
 * @raw: pages that the direct path keeps uncompressed at the end
 * @marks: the pools at marks
 * @series: the pools over time
 * @series_every: events between two of its points
 * @compactions: compactions that ran
 * @compacted_pages: pages they freed
 * @compact_ns: CPU time they took
 * @compact_latency: time of each compaction
 * @real_ns: wall time of the replay
 * @cpu_ns: CPU time of all threads
 * @decode_ns: part of @cpu_ns spent reading the trace
 * @loop_ns: part of @cpu_ns spent performing operations with made-up contents,
 *	     without clock readings; 0 where this cannot be separated from
 *	     waiting or from fetching pages
 * @wait_ns: time all threads waited for locks, exact
 * @order_wait_ns: time threads waited for an earlier operation on their key
 * @late_max_ns: largest delay of an operation in a paced replay
 * @clock_ns: cost of one clock reading
 * @null_ns: what one event costs without codec and allocator
 * @table_bytes: memory of the replayer's per-key tables
 * @oversubscribed: more threads than CPUs
 * @locks: lock classes that were taken
 * @nr_locks: number of @locks
 * @sections: times of the sampled sections with preemption off
 */
struct replay_result {
	char *trace_name;
	char *trace_note;
	char *backend;
	const char *source;
	char *codec;
	const char *codec_source;
	uint64_t trace_events, trace_keys, live_peak;
	uint64_t page_size;
	unsigned sample;
	uint64_t events, ops_in, ops_done;
	struct swap_counts counts;
	struct swap_times times;
	bool front;
	struct zswap_stats zswap;
	bool swap_direct;
	struct zpool_stats end;
	uint64_t raw;
	struct replay_points marks, series;
	uint64_t series_every;
	uint64_t compactions, compacted_pages, compact_ns;
	struct hist compact_latency;
	uint64_t real_ns, cpu_ns, decode_ns, loop_ns, wait_ns, order_wait_ns;
	uint64_t late_max_ns;
	uint64_t clock_ns;
	double null_ns;
	uint64_t table_bytes;
	bool oversubscribed;
	struct lock_stat locks[REPLAY_MAX_LOCKS];
	size_t nr_locks;
	struct hist sections;
};

/**
 * replay_run() - replay a trace
 * @config: what to do
 * @res: receives the result, also after -EINTR
 * @err: receives the error line
 *
 * Runs on the calling thread when @config->threads is 1, otherwise on new
 * threads pinned to the allowed CPUs.
 *
 * Return: 0; -EINTR after Ctrl-C; -EIO when a load returned wrong data or a
 * pool is inconsistent; -EINVAL when the options do not fit the trace or each
 * other; or any error of the trace or the backend.
 */
int replay_run(const struct replay_config *config, struct replay_result *res,
	       struct err *err);

void replay_result_free(struct replay_result *res);

/** replay_cpus() - CPUs this process may run on */
unsigned replay_cpus(void);

#endif
