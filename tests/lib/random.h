/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers that repeat, and how many steps a random test makes. */
#ifndef ZLAB_TESTS_RANDOM_H
#define ZLAB_TESTS_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

#include "lib/random.h"

/** next() - the next number of a sequence; any @rng starts one */
static inline uint64_t next(uint64_t *rng)
{
	return random_splitmix(rng);
}

/** scaled() - @steps, or as many percent of it as ZLAB_TEST_SCALE says */
static inline long scaled(long steps)
{
	const char *scale = getenv("ZLAB_TEST_SCALE");

	return scale ? steps * atol(scale) / 100 : steps;
}

#endif
