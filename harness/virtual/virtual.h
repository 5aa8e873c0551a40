/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaying on virtual CPUs: the machine, its costs, and the results. Only for
 * the program for virtual CPUs.
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
 * struct profile_codec - the costs of one codec, in picoseconds
 * @name: as returned by codec_name(), e.g. "lz4" or "zstd:3"
 * @compress: cost for a page: fixed, and per byte of the object
 * @expand: the same for expanding
 */
struct profile_codec {
	char name[32];
	uint64_t compress[2], expand[2];
};

/**
 * struct profile - a machine's costs; described in docs/virtual-cpus.md
 * @name: name of the profile
 * @sockets: sockets of the machine
 * @cores: cores of a socket
 * @cost: costs of memory and locks
 * @codec: costs of codecs
 * @codecs: number of codecs
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

/** profile_codec() - a codec's costs or NULL; "zstd:3" also matches "zstd" */
const struct profile_codec *profile_codec(const struct profile *p,
					  const char *name);

/** profile_scale() - multiply the cost named @field; false if there is none */
bool profile_scale(struct profile *p, const char *field, double by);

/** profile_field() - name of the @i-th cost that can be scaled, or NULL */
const char *profile_field(size_t i);

/**
 * struct virtual_config - a replay on virtual CPUs
 * @profile: the machine
 * @machine: its size and model
 * @codec: costs of the codec; NULL = none are charged
 * @think_ps: mean user time before a burst
 * @burst: operations of a burst
 * @burst_stores: only stores come in bursts; others have think time each
 * @seed: seed of think times and start times
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
 * struct virtual_result - the values that a replay adds to the record
 * @user_ns: user time of all CPUs
 * @idle_ns: time asleep
 * @end_ns: when the last CPU ended
 * @lines: lines in the directory
 * @bytes: memory of the directory
 * @switches: switches of fibers
 * @hash: equal for equal runs
 * @since_mark_ns: from the last mark, or the start, until each CPU's end
 * @part_ns: time in each part since then, all CPUs
 * @part_wait_ns: part of @part_ns spent waiting for locks
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

/** profile_costs() - all costs in the form of a profile; NULL = no memory */
json_t *profile_costs(const struct profile *p);

struct progress;

/**
 * struct virtual_job - one replay, in a separate process
 * @profile: the machine
 * @sum: the memory model: misses add up
 * @record: receives its result record, or stays NULL
 */
struct virtual_job {
	struct profile profile;
	bool sum;
	json_t *record;
};

/**
 * virtual_jobs() - replay @n times, as many in parallel as there are cores
 * @config: the replay; virtual_config has the other settings
 * @sha256: hash of the trace
 * @progress: called after each finished replay, or NULL
 *
 * Prints the error line of the first failed replay. Return: 0 or the exit
 * status.
 */
int virtual_jobs(const struct replay_config *config, const char *sha256,
		 struct virtual_job *jobs, size_t n, struct progress *progress);

/** virtual_use_heap() - from now on allocate from an unused arena */
void virtual_use_heap(void);

#endif
