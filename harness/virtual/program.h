/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two programs are built from these sources: zlab, whose CPUs are real, and
 * zlab-virtual. This is the commands' interface to what only zlab-virtual can
 * do: for it zlab executes zlab-virtual, see virtual_exec().
 */
#ifndef ZLAB_VIRTUAL_PROGRAM_H
#define ZLAB_VIRTUAL_PROGRAM_H

#include <stdbool.h>

#include "harness/cli/virtual_opts.h"
#include "harness/replay/replay.h"

/* Version of the profiles that this program reads and writes. */
#define PROFILE_VERSION 2

/* Whether this is the program for virtual CPUs. */
extern const bool virtual_program;

/**
 * virtual_start() - called first in main(); does nothing if CPUs are real
 *
 * Executes the program again with addresses that repeat. The addresses of data
 * must not change a result: replayed code hashes addresses, and cache lines
 * follow from them. So addresses are not randomised, and malloc does nothing
 * that depends on time or random numbers.
 */
void virtual_start(char **argv);

/**
 * virtual_setup() - create the machine that the options describe
 * @o: the options
 * @vcpus: virtual CPUs
 * @config: the replay; its trace, salvage and codec are read, to check that the
 *	    trace has work for so many CPUs and that the profile has the codec's
 *	    costs
 *
 * Return: 0 in the program for virtual CPUs, or the exit status after an error
 * line was printed.
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
 * @runs: number of runs, each with the next seed
 * @quiet: print no progress
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
 * virtual_replay() - create the machine, replay @run and print the results
 *
 * Return: exit status.
 */
int virtual_replay(const struct virtual_run *run);

#endif
