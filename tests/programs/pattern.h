/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests/programs/memory.c writes, so that a test knows it in a trace.
 */
#ifndef ZLAB_TESTS_PATTERN_H
#define ZLAB_TESTS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define EAT_SEED 20

static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	return x;
}

/* Word @i of page @page; every third page compresses well. */
static inline uint64_t word(uint64_t seed, size_t page, size_t i)
{
	return mix(seed + page * 512 + i) & (page % 3 ? ~0ull : 0xffffull);
}

#endif
