/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison: cells of trace x codec x threads x backend, each sampled the
 * same number of times, in random order within each round.
 */
#ifndef ZLAB_COMPARE_H
#define ZLAB_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/**
 * struct compare_cell - one backend in one case
 * @trace: index of the trace
 * @codec: codec spec, or NULL for the trace's own default
 * @threads: threads, or virtual CPUs
 * @backend: spec as the user wrote it
 * @record: its result records by round; NULL where a run failed or was not made
 * @failed: a run failed, and no more are made
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
 * struct compare - all cells; those of one case stand together, in the order of
 *		    the backends
 * @rounds: records per cell
 * @virtual: on virtual CPUs; a round is a seed
 */
struct compare {
	struct compare_cell *cell;
	size_t nr_cells;
	size_t rounds;
	bool virtual;
};

/**
 * compare_print() - the table of every case that has a result
 * @width: columns of a line, 0 = any number
 *
 * The first backend is the reference of the ratios. Return: cases printed.
 */
size_t compare_print(const struct compare *c, FILE *out, int width);

#endif
