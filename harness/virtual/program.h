/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two programs are made of these sources: zlab, whose CPUs are real, and
 * zlab-virtual. This is what the commands ask for that only the second one can
 * do: zlab goes on as zlab-virtual there, see virtual_exec().
 */
#ifndef ZLAB_VIRTUAL_PROGRAM_H
#define ZLAB_VIRTUAL_PROGRAM_H

#include <stdbool.h>

#include "harness/cli/virtual_opts.h"
#include "harness/replay/replay.h"

/* Of the profiles that this program reads and writes. */
#define PROFILE_VERSION 2

/* Whether this is the program for virtual CPUs. */
extern const bool virtual_program;

/**
 * virtual_start() - what comes first in main(); nothing where CPUs are real
 *
 * Starts the program again at addresses that repeat. Where data lies must not
 * change a result: some of what is replayed hashes addresses, and lines are cut
 * from them. So no random addresses, and a malloc that does nothing by the clock
 * or at random.
 */
void virtual_start(char **argv);

/**
 * virtual_setup() - make the machine of the options
 * @o: the options
 * @vcpus: virtual CPUs
 * @config: what will be replayed; of it trace, salvage and codec are read, to
 *	    see that the trace has work for so many CPUs and the profile the
 *	    codec's costs
 *
 * Return: 0 in the program for virtual CPUs, or the exit status with the line
 * printed.
 */
int virtual_setup(const struct virtual_opts *o, unsigned vcpus,
		  const struct replay_config *config);

/**
 * struct virtual_run - "zlab replay --vcpus N"
 * @config: what is replayed; @config.swap.seed is the first run's seed
 * @opts: the machine, and the command line for the record
 * @json: file for the records, "-" for standard output, or NULL
 * @sha256: of the trace, or NULL if it is not known yet
 * @vcpus: virtual CPUs
 * @runs: how many, each with the next seed
 * @quiet: no progress
 * @width: columns of a line, 0 = any number
 */
struct virtual_run {
	struct replay_config config;
	const struct virtual_opts *opts;
	const char *json, *sha256;
	unsigned vcpus;
	long long runs;
	bool quiet;
	int width;
};

/**
 * virtual_replay() - make the machine, replay as @run says and print
 *
 * Return: exit status.
 */
int virtual_replay(const struct virtual_run *run);

#endif
