/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The measurements of "zlab patch-test": two backends, one trace.
 */
#ifndef ZLAB_PATCH_MEASURE_H
#define ZLAB_PATCH_MEASURE_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/verify/placement.h"

#define PATCH_MAX_RUNS 100

/**
 * struct patch_plan - how to measure
 * @spec: the backend without the patch, and with it
 * @codec: as for "zlab replay", or NULL for its default
 * @runs: replays of each, interleaved
 * @threads: of a replay
 * @compact_every: events between compactions, or NULL for one at the end
 * @instructions: count them under callgrind
 */
struct patch_plan {
	const char *spec[2];
	const char *codec;
	long long runs;
	long long threads;
	const char *compact_every;
	bool instructions;
};

/**
 * struct patch_result - what was measured on one trace
 * @trace: name of the trace
 * @events: number of events in the trace
 * @codec: codec that was used
 * @record: a result record of each side, from the first run; owned
 * @ns: allocator time per run, nanoseconds
 * @runs: runs that succeeded on both sides
 * @repeats: the counts of all runs were equal
 * @ir: instructions inside the backend's object per event; 0 = not counted
 * @others: load of the machine during the runs, from load_others()
 * @places: objects placed equally, and objects placed differently
 * @compared_places: how many places were compared
 */
struct patch_result {
	char trace[128];
	char codec[64];
	uint64_t events;
	json_t *record[2];
	double ns[2][PATCH_MAX_RUNS];
	int runs;
	bool repeats;
	double ir[2];
	double others;
	struct placement_result places;
};

/**
 * patch_verify() - run both backends in step, in a separate process
 * @plan: the backends
 * @trace: a trace, or NULL for sequences generated from @seed
 * @seed: first seed
 * @places: receives the findings; different places are no error
 * @err: receives the error line: bytes that changed, with the first object; a
 *	 backend that stops the program
 *
 * Return: 0 or a negative errno.
 */
int patch_verify(const struct patch_plan *plan, const char *trace,
		 uint64_t seed, struct placement_result *places,
		 struct err *err);

/**
 * patch_measure() - replay a trace with both backends
 *
 * Return: 0, or a negative errno with @err set. In both cases the caller frees
 * @result with patch_result_free().
 */
int patch_measure(const struct patch_plan *plan, const char *trace,
		  struct patch_result *result, struct err *err);

void patch_result_free(struct patch_result *result);

#endif
