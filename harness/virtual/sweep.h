/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "zlab sweep": its options, and the function that performs it. */
#ifndef ZLAB_VIRTUAL_SWEEP_H
#define ZLAB_VIRTUAL_SWEEP_H

#include <jansson.h>

#include "harness/cli/virtual_opts.h"

/**
 * struct sweep - a trace on several numbers of virtual CPUs
 * @with: options of the replays and of the machine
 * @out: file of the records
 * @plot: folder for the plots, or NULL
 * @backend: specs
 * @vcpus: numbers of virtual CPUs
 * @most: the largest of them
 * @wide: do not limit the width of the table
 * @sha256: of the trace
 * @records: records read from the file and made now, in the file's order
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
 * In zlab, executes zlab-virtual. Return: exit status.
 */
int sweep_run(void *args, int argc, char **argv);

#endif
