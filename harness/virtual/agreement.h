/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One replay as this machine performs it and as virtual CPUs do. Time is that
 * of the allocator: CPU time of the loop over the operations, less that of the
 * same loop over the null backend, so that no clock is read between
 * operations. Codecs are not part of it: a trace's sizes are replayed.
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
 * @native: median, least and most of them, ns per operation
 * @overlap: virtual, misses overlap, ns per operation
 * @sum: virtual, misses add up
 */
struct agreement {
	const char *trace, *backend;
	unsigned threads, runs;
	double native[3];
	double overlap, sum;
};

/**
 * agreement_native() - measure @a->native
 * @null: the same case's times with the null backend, or NULL to take none off
 *
 * Return: 0, or the exit status that this program should end with, the line
 * printed.
 */
int agreement_native(struct agreement *a, const struct agreement *null);

/**
 * agreement_virtual() - compute @a->overlap and @a->sum
 * @profile: file
 * @access: what an access and a call cost, as a multiple of the profile's
 */
int agreement_virtual(struct agreement *a, const char *profile, double access);

/** agreement_off() - how far native is outside the interval, as a share of the
 *  nearer end: below 0 when it is less than both */
double agreement_off(const struct agreement *a);

#endif
