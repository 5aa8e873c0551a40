/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The times of one replay on this machine and on virtual CPUs. The time is the
 * allocator's: CPU time of the loop over the operations minus CPU time of the
 * same loop with the null backend, so that no clock is read between operations.
 * It includes no codec: the object sizes of the trace are replayed.
 */
#ifndef ZLAB_AGREEMENT_H
#define ZLAB_AGREEMENT_H

#include <stdbool.h>

#define AGREEMENT_MAX_RUNS 64

/**
 * struct agreement - one case
 * @trace: path
 * @backend: spec
 * @threads: native threads, and virtual CPUs
 * @runs: native runs, each in a process of its own, 1..AGREEMENT_MAX_RUNS
 * @native: median, minimum and maximum of the runs, ns per operation
 * @overlap: virtual time if misses overlap, ns per operation
 * @sum: virtual time if misses add up, ns per operation
 */
struct agreement {
	const char *trace, *backend;
	unsigned threads, runs;
	double native[3];
	double overlap, sum;
};

/**
 * agreement_native() - measure @a->native
 * @null: the same case with the null backend, or NULL to subtract nothing
 *
 * Return: 0, or the program's exit status after an error line was printed.
 */
int agreement_native(struct agreement *a, const struct agreement *null);

/**
 * agreement_virtual() - compute @a->overlap and @a->sum
 * @profile: file
 * @access: what an access and a call cost, as a multiple of the profile's
 */
int agreement_virtual(struct agreement *a, const char *profile, double access);

/** agreement_off() - distance of native from the interval, as a share of the
 *  nearer end: below 0 if native is less than both ends */
double agreement_off(const struct agreement *a);

#endif
