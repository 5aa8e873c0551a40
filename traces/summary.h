/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person wants to know of a trace.
 */
#ifndef ZLAB_TRACES_SUMMARY_H
#define ZLAB_TRACES_SUMMARY_H

#include <stdio.h>

#include "traces/zlt.h"

/**
 * struct summary_sizes - object sizes of the stores under one codec
 * @codec: the codec; "object" for a trace of sizes
 * @stores: stores of which the size is known
 * @mean: bytes
 * @min: bytes
 * @p10: bytes
 * @p50: bytes
 * @p90: bytes
 * @max: bytes
 * @incompressible: stores of 4096 bytes or more
 * @histogram: stores by size, 16 ranges of 256 bytes: 1..256, 257..512, ...;
 *	       the last also holds what is larger
 * @fine: the same in 256 ranges of 16 bytes, the step of size classes
 */
struct summary_sizes {
	char codec[ZLT_CODEC_MAX + 1];
	uint64_t stores;
	double mean;
	uint32_t min, p10, p50, p90, max;
	uint64_t incompressible;
	uint64_t histogram[16];
	uint64_t fine[256];
};

/**
 * struct summary - all of it
 * @live_end: keys stored at the end when loads keep the copy
 * @unchanged: stores of the very page the key held before
 * @same_filled: stores of a page whose words are all the same
 * @has_contents: whether @unchanged, @same_filled and unique pages are known
 * @has_time: whether @duration_ns and @rate are known
 * @duration_ns: from the earliest to the latest event
 * @rate: events per second
 * @threads: distinct tids; 0 when not recorded
 * @cpus: distinct CPUs; 0 when not recorded
 * @address_spaces: distinct; 0 when keys are not addresses
 * @bursts: runs of stores on one CPU without another operation between
 * @burst_mean: stores in a run
 * @burst_p50: the same
 * @burst_p90: the same
 * @burst_max: the same
 * @sizes: one per codec
 * @sizes_count: how many
 */
struct summary {
	uint64_t live_end;
	uint64_t unchanged;
	uint64_t same_filled;
	bool has_contents;
	bool has_time;
	uint64_t duration_ns;
	double rate;
	uint64_t threads;
	uint64_t cpus;
	uint64_t address_spaces;
	uint64_t bursts;
	double burst_mean;
	uint64_t burst_p50, burst_p90, burst_max;
	struct summary_sizes *sizes;
	size_t sizes_count;
};

#define SUMMARY_WANT (ZLT_TIME | ZLT_CPU | ZLT_TID)

/**
 * summary_make() - read a whole trace and sum it up
 * @r: opened with SUMMARY_WANT, at its first event
 * @s: filled; summary_free() it also after a failure
 *
 * Return: 0 or as zlt_next().
 */
int summary_make(struct zlt_reader *r, struct summary *s, struct err *err);
void summary_free(struct summary *s);

/**
 * summary_print() - as text for a person
 */
void summary_print(const struct zlt_info *info, const struct summary *s,
		   FILE *out);

/**
 * summary_json() - as one JSON object
 *
 * Return: a new object, or NULL when memory ran out.
 */
json_t *summary_json(const struct zlt_info *info, const struct summary *s);

#endif
