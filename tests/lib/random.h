/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers that repeat, and how many steps a random test makes. */
#ifndef ZLAB_TESTS_RANDOM_H
#define ZLAB_TESTS_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

/** next() - the next number of a sequence; any @rng starts one (splitmix64) */
static inline uint64_t next(uint64_t *rng)
{
	uint64_t z = (*rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/** scaled() - @steps, or as many percent of it as ZLAB_TEST_SCALE says */
static inline long scaled(long steps)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");

	return scale ? steps * atol(scale) / 100 : steps;
}

#endif
