// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measurements that need one CPU: atomics, caches, copies. A round is shorter
 * than a time slice of the scheduler, and the result is the lower quartile of
 * many rounds: other load on the machine can only add time.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/sync.h"
#include "harness/virtual/calibrate.h"
#include "backends/sync/clock.h"
#include "lib/random.h"

#define ROUNDS 101
#define TRIES 5
#define LINE CALIBRATE_LINE
#define QUARTILE 0.25

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * The spread is that of the quarter of the rounds below the result, or, if the
 * result is the median, of the half around it.
 */
static double rounds(double (*measure)(void), double share, double *spread)
{
	double v[ROUNDS], low, high;
	int i, at = (int)(share * ROUNDS);

	for (i = 0; i < ROUNDS; i++)
		v[i] = measure();
	qsort(v, ROUNDS, sizeof(*v), by_value);
	low = share > QUARTILE ? v[ROUNDS / 4] : v[0];
	high = share > QUARTILE ? v[3 * ROUNDS / 4] : v[at];
	*spread = low > 0 ? high / low - 1 : 0;
	return v[at];
}

/* Other load is often shorter than a few tries: use the least spread. */
double calibrate_rounds(struct calibration *c, const char *name,
			double (*measure)(void), double share)
{
	double value = 0, spread, least = INFINITY, v;
	int i;

	for (i = 0; i < TRIES && least > CALIBRATE_SPREAD; i++) {
		v = rounds(measure, share, &spread);
		if (spread < least) {
			least = spread;
			value = v;
		}
	}
	if (least > c->spread) {
		c->spread = least;
		c->worst = name;
	}
	return value;
}

static double rmw(void)
{
	static atomic_long_t word;
	uint64_t t = clock_wall_ns();
	int i;

	for (i = 0; i < 100000; i++)
		atomic_long_add_return(1, &word);
	return (double)(clock_wall_ns() - t) / 100000;
}

static double relax(void)
{
	uint64_t t = clock_wall_ns();
	int i;

	for (i = 0; i < 20000; i++)
		cpu_relax();
	return (double)(clock_wall_ns() - t) / 20000;
}

static void *buffer;
static size_t buffer_lines;
static uint64_t random_state = 88172645463325252ull;

/* Makes lines that are linked into one ring in random order. */
static void buffer_make(size_t bytes)
{
	uint32_t *chain, other;
	size_t i, k;

	if (buffer)
		munmap(buffer, buffer_lines * LINE);
	buffer_lines = bytes / LINE;
	buffer = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED) {
		buffer = NULL;
		return;
	}
	madvise(buffer, bytes, MADV_HUGEPAGE);
	chain = buffer;
	for (i = 0; i < buffer_lines; i++)
		chain[i * LINE / 4] = (uint32_t)i;
	for (i = buffer_lines - 1; i > 0; i--) {
		k = random_xorshift(&random_state) % i;
		other = chain[k * LINE / 4];
		chain[k * LINE / 4] = chain[i * LINE / 4];
		chain[i * LINE / 4] = other;
	}
}

#define STEPS 2000

static double chase(void)
{
	static size_t at;
	const uint32_t *chain = buffer;
	uint64_t t = clock_wall_ns();
	int i;

	for (i = 0; chain && i < STEPS; i++)
		at = chain[at % buffer_lines * LINE / 4];
	t = clock_wall_ns() - t;
	*(volatile size_t *)&at = at;
	return (double)t / STEPS;
}

/*
 * Copies like those of objects: from any offset of a small buffer to a place in
 * the pool, followed by the release of a lock, which waits for the lines. A
 * copy of 0 bytes measures the loop itself.
 */
#define COPIES 1000
#define SHORT_COPY 256
#define LONG_COPY 2048

static size_t copy_len;

static double copies(void)
{
	static char small[65536 + LONG_COPY];
	static atomic_long_t word;
	uint64_t t = clock_wall_ns(), r;
	size_t mask = buffer_lines * LINE / 2 - 16;
	char *to, *from;
	int i;

	for (i = 0; buffer && i < COPIES; i++) {
		r = random_xorshift(&random_state);
		to = (char *)buffer + (r >> 20 & mask);
		from = small + (r & 65535);
		__asm__ volatile("" : "+r"(to), "+r"(from));
		if (copy_len)
			memcpy(to, from, copy_len);
		atomic_long_add_return(1, &word);
	}
	return (double)(clock_wall_ns() - t) / COPIES;
}

static double copies_of(struct calibration *c, const char *name, size_t len)
{
	copy_len = len;
	return calibrate_rounds(c, name, copies, QUARTILE);
}

static long cache_bytes(int name, long otherwise)
{
	long n = sysconf(name);

	return n > 0 ? n : otherwise;
}

void calibrate_memory(struct calibration *c)
{
	long l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20);
	long l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 16 << 20);
	long far = l2 * 16 < l3 ? l2 * 16 : l3;
	double none, brief, near;

	c->l2_lines = l2 / LINE;
	c->l3_lines = l3 / LINE;
	c->rmw = calibrate_rounds(c, "rmw", rmw, QUARTILE);
	c->relax = calibrate_rounds(c, "relax", relax, QUARTILE);
	/* The lines of both source and destination are counted. */
	buffer_make((size_t)l2 / 2);
	none = copies_of(c, "no copy", 0);
	brief = copies_of(c, "short copy", SHORT_COPY) - none;
	near = copies_of(c, "copy", LONG_COPY) - none;
	c->copy = (near - brief) / (2.0 * (LONG_COPY - SHORT_COPY) / LINE);
	c->copy_start = brief - 2.0 * SHORT_COPY / LINE * c->copy;
	if (!(c->copy_start > 0))
		c->copy_start = 0;
	buffer_make((size_t)far);
	c->l3 = calibrate_rounds(c, "l3", chase, QUARTILE);
	/* The latency of the first line is charged separately. */
	c->stream = copies_of(c, "stream", LONG_COPY) - none - near - c->l3;
	c->stream /= (double)LONG_COPY / LINE;
	if (!(c->stream > 0))
		c->stream = 0;
	buffer_make((size_t)(l3 * 4 < 512l << 20 ? l3 * 4 : 512l << 20));
	c->dram = calibrate_rounds(c, "dram", chase, QUARTILE);
	munmap(buffer, buffer_lines * LINE);
	buffer = NULL;
}
