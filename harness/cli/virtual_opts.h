/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of a replay on virtual CPUs, which replay, compare and sweep
 * take. The native executable only reads them: with --vcpus it goes on as the
 * one for virtual CPUs, see virtual_exec().
 */
#ifndef ZLAB_VIRTUAL_OPTS_H
#define ZLAB_VIRTUAL_OPTS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#define VIRTUAL_MAX_CPUS 512
#define VIRTUAL_SCALES 32

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
 * struct virtual_opts - the options so far; start with virtual_opts_init()
 * @command: the sub-command that takes them
 * @argc: of its command line
 * @argv: the same
 * @topology: SOCKETSxCORES, or NULL for the profile's
 * @profile: file, or NULL for the one of a desktop
 * @charge: codec whose time is charged, or NULL for the replay's
 * @scale: each a COST=FACTOR
 * @nr_scale: how many
 * @think: mean user time before a burst, ns
 * @burst: operations of a burst
 * @burst_of: 1: only stores come in bursts
 * @model: enum virtual_model
 * @sensitivity: whether to say what each cost contributes
 * @given: name of an option that was given, or NULL
 * @args: what decides a result, each an "--option=value", to be handed on
 * @nr_args: how many
 */
struct virtual_opts {
	const char *command;
	int argc;
	char **argv;
	const char *topology, *profile, *charge;
	const char *scale[VIRTUAL_SCALES];
	size_t nr_scale;
	long long think, burst;
	int model, burst_of;
	enum virtual_sensitivity sensitivity;
	const char *given;
	char *args[VIRTUAL_SCALES + 8];
	size_t nr_args;
};

void virtual_opts_init(struct virtual_opts *o, const char *command, int argc,
		       char **argv);
void virtual_opts_free(struct virtual_opts *o);

/** virtual_opts_misplaced() - complain of options given without --vcpus */
bool virtual_opts_misplaced(const struct virtual_opts *o, const char *command);

/* A child for argp; its input is a struct virtual_opts. */
extern const struct argp virtual_argp;

/**
 * virtual_exec() - go on as the executable for virtual CPUs, build/zlab-virtual
 * @command: the sub-command
 * @argv: its arguments; argv[0] is not passed on
 *
 * Return: only on failure, the exit status, with the line printed.
 */
int virtual_exec(const char *command, int argc, char **argv);

#endif
