/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaying on virtual CPUs: the machine, what it charges, what came of it.
 * For the program for virtual CPUs alone.
 */
#ifndef ZLAB_VIRTUAL_H
#define ZLAB_VIRTUAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/sync.h"
#include "harness/replay/replay.h"
#include "harness/swap/hooks.h"
#include "lib/err.h"

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

/**
 * profile_load() - read a profile
 * @path: a file, or the name of a profile that comes with zlab ("two-socket")
 * @p: receives it
 * @err: receives the error line
 *
 * Return: 0 or a negative errno.
 */
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
	uint64_t part_ns[HOOK_PARTS], part_wait_ns[HOOK_PARTS];
};

extern struct virtual_config virtual_config;
extern struct virtual_result virtual_result;

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

/** virtual_use_heap() - allocate where nothing was allocated before */
void virtual_use_heap(void);

#endif
