/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The measurements of "zlab calibrate". Native builds only. A figure is the
 * median of many short rounds, or the lower quartile if other load on the
 * machine can only add time.
 */
#ifndef ZLAB_CALIBRATE_H
#define ZLAB_CALIBRATE_H

#include <jansson.h>

#define CALIBRATE_LINE 64
/* With a larger spread the rounds are repeated, a few times. */
#define CALIBRATE_SPREAD 0.10

/**
 * struct calibration - costs of this machine, in nanoseconds
 * @rmw: an atomic read-modify-write of a line the CPU owns
 * @relax: cpu_relax()
 * @copy_start: a copy, without the cost of its lines
 * @copy: a line that is copied within the core's cache, read or written
 * @stream: a further line of a copy from the last-level cache
 * @l3: a line from the last-level cache
 * @dram: a line from memory
 * @xfer: a line from another core: half of a ping-pong's one way
 * @line: time that each further contended line in a section adds to a
 *	  hand-over; measured for comparison with @xfer
 * @handover: from unlock to the next holder, with no line inside
 * @wake: CPU time of the waker for a wake-up
 * @wake_latency: from a wake-up until the sleeper runs
 * @l2_lines: lines of a core's own cache
 * @l3_lines: lines of the last-level cache
 * @spread: largest spread of the rounds of a figure, as a share
 * @worst: name of the figure with that spread
 */
struct calibration {
	double rmw, relax, copy_start, copy, stream, l3, dram;
	double xfer, line, handover, wake, wake_latency;
	long l2_lines, l3_lines;
	double spread;
	const char *worst;
};

/** calibrate_rounds() - the @share quantile of many rounds of @measure */
double calibrate_rounds(struct calibration *c, const char *name,
			double (*measure)(void), double share);

/** calibrate_memory() - measure the costs that need one CPU */
void calibrate_memory(struct calibration *c);

/** calibrate_pair() - measure the costs that need two CPUs, which must exist */
void calibrate_pair(struct calibration *c);

/**
 * calibrate_codec() - measure codec costs: fixed, and per byte of the object
 *
 * Return: an object for the profile, or NULL if there is no such codec.
 */
json_t *calibrate_codec(const char *spec);

#endif
