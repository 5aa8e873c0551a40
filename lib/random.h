/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reproducible random numbers: the same seed gives the same sequence on every
 * machine. Recorded results were made with both sequences, so neither may
 * change; new code uses random_splitmix().
 */
#ifndef ZLAB_RANDOM_H
#define ZLAB_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * random_splitmix() - the next number of a splitmix64 sequence
 * @state: owned by the caller; any value is a seed, and even consecutive seeds
 *	   give unrelated sequences
 *
 * Return: any 64-bit number, each once in a period of 2^64.
 */
static inline uint64_t random_splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/** random_fill() - fill @len bytes with the next numbers of the sequence */
static inline void random_fill(void *to, size_t len, uint64_t *state)
{
	unsigned char *at = to;
	uint64_t word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		word = random_splitmix(state);
		memcpy(at, &word, sizeof(word));
	}
	word = random_splitmix(state);
	memcpy(at, &word, len);
}

/**
 * random_xorshift() - the next number of a xorshift64 sequence
 * @state: owned by the caller; any seed but 0. The sequences of small or
 *	   consecutive seeds begin with similar numbers.
 *
 * Needs no multiplication, for use in timed loops. Return: a number from 1
 * to 2^64 - 1, each once in a period.
 */
static inline uint64_t random_xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
