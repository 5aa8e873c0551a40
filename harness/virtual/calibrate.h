/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "zlab calibrate" measures. Native builds only. A figure is the median
 * of many short rounds, or their lower quartile where what else runs on the
 * machine can only add time.
 */
#ifndef ZLAB_CALIBRATE_H
#define ZLAB_CALIBRATE_H

#include <jansson.h>

#define CALIBRATE_LINE 64
/* Rounds that are further apart are measured again, a few times. */
#define CALIBRATE_SPREAD 0.10

/**
 * struct calibration - costs of this machine, in nanoseconds
 * @rmw: an atomic read-modify-write of a line the CPU owns
 * @relax: cpu_relax()
 * @copy_start: a copy, beside its lines
 * @copy: a line that is copied within the core's cache, read or written
 * @stream: a line of a copy whose first line has come from the last cache
 * @l3: a line from the last cache
 * @dram: a line from memory
 * @xfer: a line from another core: half of a ping-pong's one way
 * @line: what each further contended line in a section adds to a hand-over;
 *	  measured to be compared with @xfer
 * @handover: from unlock to the next holder, with no line inside
 * @wake: what a wake-up costs the waker
 * @wake_latency: from a wake-up until the sleeper runs
 * @l2_lines: lines of a core's own cache
 * @l3_lines: lines of the last cache
 * @spread: how far rounds were apart at worst, as a share
 * @worst: of which figure
 */
struct calibration {
	double rmw, relax, copy_start, copy, stream, l3, dram;
	double xfer, line, handover, wake, wake_latency;
	long l2_lines, l3_lines;
	double spread;
	const char *worst;
};

/** calibrate_rounds() - the @share-th of many rounds of @measure, sorted */
double calibrate_rounds(struct calibration *c, const char *name,
			double (*measure)(void), double share);

/** calibrate_memory() - what one CPU alone can measure */
void calibrate_memory(struct calibration *c);

/** calibrate_pair() - what takes two CPUs; the machine must have them */
void calibrate_pair(struct calibration *c);

/**
 * calibrate_codec() - a codec's costs: fixed, and per byte of the object
 *
 * Return: an object for the profile, or NULL when there is no such codec.
 */
json_t *calibrate_codec(const char *spec);

#endif
