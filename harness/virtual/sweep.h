/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "zlab sweep": what its options say, and what each program does with them. */
#ifndef ZLAB_VIRTUAL_SWEEP_H
#define ZLAB_VIRTUAL_SWEEP_H

#include <jansson.h>

#include "harness/cli/virtual_opts.h"

/**
 * struct sweep - a trace on several numbers of virtual CPUs
 * @with: options of a replay and of the machine
 * @out: file of the records
 * @plot: folder for the plots, or NULL
 * @backend: specs
 * @vcpus: numbers of virtual CPUs
 * @most: the largest of them
 * @wide: no narrow table
 * @sha256: of the trace
 * @records: of the file, and made now, in the order of the file
 */
struct sweep {
	struct replaying with;
	const char *out, *plot;
	struct cli_list backend;
	struct cli_counts vcpus;
	unsigned most;
	bool wide;
	char sha256[65];
	json_t *records;
};

/**
 * sweep_run() - make the records and print the table
 * @args: struct sweep
 *
 * In the program of real CPUs, goes on as zlab-virtual. Return: exit status.
 */
int sweep_run(void *args, int argc, char **argv);

#endif
