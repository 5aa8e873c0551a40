/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of a replay on virtual CPUs, which replay, compare and sweep
 * take. The native executable only parses them: with --vcpus it executes the
 * program for virtual CPUs, see virtual_exec().
 */
#ifndef ZLAB_VIRTUAL_OPTS_H
#define ZLAB_VIRTUAL_OPTS_H

#include <stdbool.h>

#include "harness/cli/replay_opts.h"

#define VIRTUAL_MAX_CPUS 512

enum virtual_model {
	MODEL_BOTH,
	MODEL_OVERLAP,
	MODEL_SUM
};

enum virtual_sensitivity {
	SENSITIVITY_TABLE, /* where a table is printed */
	SENSITIVITY_NO,
	SENSITIVITY_YES
};

/**
 * struct virtual_opts - the options so far; starts as VIRTUAL_OPTS_DEFAULTS
 * @command: the sub-command that takes them, set by virtual_opts_command()
 * @argc: of its command line
 * @argv: the same
 * @topology: SOCKETSxCORES, or NULL for the profile's
 * @profile: file, or NULL for the one of a desktop
 * @charge: codec whose time is charged, or NULL for the replay's
 * @scale: list of COST=FACTOR
 * @think: mean user time before a burst, ns
 * @burst: operations of a burst
 * @burst_of: 1: only stores come in bursts
 * @model: enum virtual_model
 * @sensitivity: whether to report what each cost contributes
 * @kept: options that affect a result, to be passed on
 * @said: the other options
 */
struct virtual_opts {
	const char *command;
	int argc;
	char **argv;
	const char *topology, *profile, *charge;
	struct cli_list scale;
	long long think, burst;
	int model, burst_of;
	enum virtual_sensitivity sensitivity;
	struct cli_kept kept, said;
};

#define VIRTUAL_OPTS_DEFAULTS \
	{                     \
		.burst = 1    \
	}

/**
 * struct replaying - options of a command that replays, natively or on virtual
 *		      CPUs; must be its structure's first member, which
 *		      replaying_groups relies on
 */
struct replaying {
	struct replay_opts common;
	struct virtual_opts virtual;
};

#define REPLAYING_DEFAULTS                       \
	{                                        \
		.common = REPLAY_OPTS_DEFAULTS,  \
		.virtual = VIRTUAL_OPTS_DEFAULTS \
	}

extern const struct cli_group replaying_groups[];

/** virtual_opts_command() - note the command line that has the options */
void virtual_opts_command(struct virtual_opts *o, const char *command, int argc,
			  char **argv);

/** virtual_opts_misplaced() - complain of options given without --vcpus */
bool virtual_opts_misplaced(const struct virtual_opts *o, const char *command);

/**
 * virtual_exec() - execute the program for virtual CPUs, build/zlab-virtual
 * @command: the sub-command
 * @argv: its arguments; argv[0] is not passed on
 *
 * Return: only on failure, the exit status, with the line printed.
 */
int virtual_exec(const char *command, int argc, char **argv);

#endif
