// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/random.h"
#include "traces/generate/internal.h"

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoshiro256**; committed traces and baselines depend on this sequence. */
uint64_t gen_random(struct generate_run *run)
{
	uint64_t *s = run->random;
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

void gen_seed(struct generate_run *run, uint64_t seed)
{
	int i;

	for (i = 0; i < 4; i++)
		run->random[i] = random_splitmix(&seed);
}

/* A number in the range [0, 1). */
double gen_share(struct generate_run *run)
{
	return (double)(gen_random(run) >> 11) * 0x1p-53;
}

/* In 0..@n-1. */
uint64_t gen_below(struct generate_run *run, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)gen_random(run) * n) >> 64);
}
