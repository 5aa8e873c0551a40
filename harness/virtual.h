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

#include "lib/err.h"

/* Of the profiles that this program reads and writes. */
#define PROFILE_VERSION 2

#ifdef SYNC_VIRTUAL
#define REPLAY_VIRTUAL 1

/** virtual_operation() - the next operation begins: think first */
void virtual_operation(void);

/** virtual_codec() - compress a page to, or expand one from, @len bytes */
void virtual_codec(bool expand, size_t len);

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
 * @seed: of think times and starts
 */
struct virtual_config {
	struct profile profile;
	struct vmachine machine;
	const struct profile_codec *codec;
	uint64_t think_ps;
	unsigned burst;
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
 */
struct virtual_result {
	uint64_t user_ns, idle_ns, end_ns;
	size_t lines, bytes;
	uint64_t switches, hash;
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

/** cmd_virtual_replay() - "zlab replay --vcpus", in the virtual executable */
int cmd_virtual_replay(int argc, char **argv);
#else
#define REPLAY_VIRTUAL 0
#define REPLAY_NEXT(w, b) zlt_next((w)->reader, b, &(w)->err)
#define virtual_operation() ((void)0)
#define virtual_codec(expand, len) ((void)0)
#endif

/**
 * virtual_exec() - go on as the executable for virtual CPUs, build/zlab-virtual
 *
 * Return: only on failure, the exit status, with the line printed.
 */
int virtual_exec(int argc, char **argv);

#endif
