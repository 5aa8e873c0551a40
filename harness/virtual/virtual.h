/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaying on virtual CPUs: what the swap path tells, and what it costs.
 * In a native build the calls below are nothing at all.
 */
#ifndef ZLAB_VIRTUAL_H
#define ZLAB_VIRTUAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/replay/replay.h"
#include "harness/cli/virtual_opts.h"
#include "lib/err.h"

/* Of the profiles that this program reads and writes. */
#define PROFILE_VERSION 2

#ifdef SYNC_VIRTUAL
#define REPLAY_VIRTUAL 1

/**
 * virtual_operation() - the next operation begins: think first, unless it is
 * within a burst
 * @store: it is a store
 */
void virtual_operation(bool store);

/** virtual_codec() - compress a page to, or expand one from, @len bytes */
void virtual_codec(bool expand, size_t len);

/**
 * enum virtual_part - the parts of a store by the front end that are timed
 * @VIRTUAL_STORE: all of it
 * @VIRTUAL_MALLOC: the allocator's malloc
 * @VIRTUAL_WRITE: mapping the object and writing it
 */
enum virtual_part {
	VIRTUAL_STORE,
	VIRTUAL_MALLOC,
	VIRTUAL_WRITE,
	VIRTUAL_PARTS
};

/** virtual_begin(), virtual_end() - the caller enters, leaves a part */
void virtual_begin(enum virtual_part part);
void virtual_end(enum virtual_part part);

/** virtual_mark() - all CPUs meet at a mark: parts count from here on */
void virtual_mark(void);

#include "backends/sync.h"

#define PROFILE_CODECS 8

/**
 * struct profile_codec - what one codec costs, in picoseconds
 * @name: as codec_name() says, e.g. "lz4" or "zstd:3"
 * @compress: of a page: fixed, and per byte of the object
 * @expand: the same
 */
struct profile_codec {
	char name[32];
	uint64_t compress[2], expand[2];
};

/**
 * struct profile - a machine's costs; described in docs/virtual-cpus.md
 * @name: what it is called
 * @sockets: of its own topology
 * @cores: of a socket
 * @cost: of memory and locks
 * @codec: of codecs
 * @codecs: how many
 */
struct profile {
	char name[64];
	unsigned sockets, cores;
	struct vcost cost;
	struct profile_codec codec[PROFILE_CODECS];
	size_t codecs;
};

/** profile_load() - read a profile. Return: 0 or a negative errno */
int profile_load(const char *path, struct profile *p, struct err *err);

/** profile_codec() - a codec's costs; "zstd:3" finds "zstd" too; or NULL */
const struct profile_codec *profile_codec(const struct profile *p,
					  const char *name);

/** profile_scale() - multiply the cost called @field; false if there is none */
bool profile_scale(struct profile *p, const char *field, double by);

/** profile_field() - name of the @i-th cost that can be scaled, or NULL */
const char *profile_field(size_t i);

/**
 * struct virtual_config - a replay on virtual CPUs
 * @profile: the machine
 * @machine: its size and model
 * @codec: what is charged for it; NULL = nothing
 * @think_ps: mean user time before a burst
 * @burst: operations of a burst
 * @burst_stores: only stores come in bursts; others think each
 * @seed: of think times and starts
 */
struct virtual_config {
	struct profile profile;
	struct vmachine machine;
	const struct profile_codec *codec;
	uint64_t think_ps;
	unsigned burst;
	bool burst_stores;
	uint64_t seed;
};

/**
 * struct virtual_result - what a replay adds to the record
 * @user_ns: user time of all CPUs
 * @idle_ns: time asleep
 * @end_ns: when the last CPU ended
 * @lines: lines in the directory
 * @bytes: its memory
 * @switches: of fibers
 * @hash: equal runs have equal ones
 * @since_mark_ns: from the last mark, or the start, until each CPU's end
 * @part_ns: time in each part since then, all CPUs
 * @part_wait_ns: of that, waiting for locks
 */
struct virtual_result {
	uint64_t user_ns, idle_ns, end_ns;
	size_t lines, bytes;
	uint64_t switches, hash;
	uint64_t since_mark_ns;
	uint64_t part_ns[VIRTUAL_PARTS], part_wait_ns[VIRTUAL_PARTS];
};

extern struct virtual_config virtual_config;
extern struct virtual_result virtual_result;

struct replay_worker;
struct zlt_batch;

/** virtual_next() - the worker's next batch; the trace is read once for all */
int virtual_next(struct replay_worker *w, struct zlt_batch *b);
#define REPLAY_NEXT(w, b) virtual_next(w, b)

/**
 * virtual_mine() - the worker's next event in [@from, @to) of its batch, or @to
 *
 * Each event is given out once; @from never goes back within a batch.
 */
size_t virtual_mine(struct replay_worker *w, size_t from, size_t to);

/**
 * virtual_ahead() - what virtual_mine() gives out next in the worker's batch
 *
 * Return: its index, beyond the batch when there is none.
 */
size_t virtual_ahead(const struct replay_worker *w);

/** profile_costs() - all costs, as a profile file has them; NULL = no memory */
json_t *profile_costs(const struct profile *p);

struct progress;

/**
 * struct virtual_job - one replay, in a process of its own
 * @profile: the machine
 * @sum: which model
 * @record: receives its result record, or stays NULL
 */
struct virtual_job {
	struct profile profile;
	bool sum;
	json_t *record;
};

/**
 * virtual_jobs() - replay @n times, as many at a time as there are cores
 * @config: what is replayed; virtual_config has the rest
 * @sha256: of the trace
 * @progress: is told of each that is done, or NULL
 *
 * Prints what the first one that failed said. Return: 0 or the exit status.
 */
int virtual_jobs(const struct replay_config *config, const char *sha256,
		 struct virtual_job *jobs, size_t n, struct progress *progress);

/** virtual_cores() - CPUs that this process may use */
unsigned virtual_cores(void);

/**
 * virtual_fix_addresses() - start again at addresses that repeat
 *
 * Where data lies must not change a result: some of what is replayed hashes
 * addresses, and lines are cut from them. So no random addresses, and a malloc
 * that does nothing by the clock or at random.
 */
void virtual_fix_addresses(char **argv);

/** virtual_use_heap() - allocate where nothing was allocated before */
void virtual_use_heap(void);

/**
 * virtual_setup() - make virtual_config of the options
 * @vcpus: virtual CPUs
 * @codec: of the replay, or NULL
 *
 * Return: 0, or EXIT_USAGE with the line printed.
 */
int virtual_setup(const struct virtual_opts *o, unsigned vcpus,
		  const char *codec);

/**
 * virtual_check_trace() - whether the trace has work for so many CPUs
 *
 * Return: 0, or EXIT_FAILED with the line printed.
 */
int virtual_check_trace(const char *path, bool salvage, unsigned vcpus);

struct virtual_run;

/** virtual_replay() - replay as @run says and print. Return: exit status */
int virtual_replay(const struct virtual_run *run);
#else
#define REPLAY_VIRTUAL 0
#define REPLAY_NEXT(w, b) zlt_next((w)->reader, b, &(w)->err)
#define virtual_operation(store) ((void)0)
#define virtual_codec(expand, len) ((void)0)
#define virtual_begin(part) ((void)0)
#define virtual_end(part) ((void)0)
#define virtual_mark() ((void)0)
/* Not reached: with --vcpus the native executable gave way, virtual_exec(). */
#define virtual_setup(opts, vcpus, codec) 0
#define virtual_check_trace(path, salvage, vcpus) 0
#define virtual_cores() 1u
#define virtual_replay(run) ((void)(run), 0)
#endif

/**
 * struct virtual_run - "zlab replay --vcpus N"
 * @config: what is replayed; @config.swap.seed is the first run's seed
 * @opts: the machine
 * @json: file for the records, "-" for standard output, or NULL
 * @sha256: of the trace, or NULL if it is not known yet
 * @vcpus: virtual CPUs
 * @runs: how many, each with the next seed
 * @quiet: no progress
 * @width: columns of a line, 0 = any number
 * @argc: of the command line, for the record
 * @argv: the same
 */
struct virtual_run {
	struct replay_config config;
	const struct virtual_opts *opts;
	const char *json, *sha256;
	unsigned vcpus;
	long long runs;
	bool quiet;
	int width;
	int argc;
	char **argv;
};

#endif
