/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison: one cell per trace, codec, number of threads and backend. Each
 * round samples every cell once, in random order.
 */
#ifndef ZLAB_COMPARE_H
#define ZLAB_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "traces/label.h"

/**
 * struct compare_cell - one backend in one case
 * @trace: index of the trace
 * @codec: codec spec, or NULL for the trace's own default
 * @threads: number of threads, or of virtual CPUs
 * @backend: spec as the user wrote it
 * @record: result record of each round; NULL where the run failed or is missing
 * @failed: a run failed, so no more are made
 */
struct compare_cell {
	size_t trace;
	const char *codec;
	unsigned threads;
	const char *backend;
	json_t **record;
	bool failed;
};

/**
 * struct compare - all cells; cells of one case are adjacent, in the order of
 *		    the backends
 * @trace: what the traces are called
 * @rounds: number of records per cell
 * @virtual: runs use virtual CPUs; each round has its own seed
 * @others: load of the machine meanwhile, from load_others()
 */
struct compare {
	struct compare_cell *cell;
	size_t nr_cells;
	const struct label *trace;
	size_t rounds;
	bool virtual;
	double others;
};

/**
 * compare_print() - print the table of every case that has a result
 * @width: columns of a line, 0 = no limit
 *
 * The first backend is the reference of the ratios. Return: cases printed.
 */
size_t compare_print(const struct compare *c, FILE *out, int width);

#endif
