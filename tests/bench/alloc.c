// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an allocator costs beside jemalloc: random replacement (free one object,
 * allocate another) among a number of live objects, in blocks that take turns
 * with the same sequence on malloc and free, and compaction beside memcpy.
 * Prints one JSON line a figure.
 *
 * usage: bench/alloc [--backend SPEC]... [--live N]... [--sizes FILE]
 *		      [--pairs N] [--blocks N] [--huge] [--compact]
 *
 * FILE has lines "size weight"; without it, sizes are uniform in 200..4096.
 * With no --backend, all that have one are measured; with no --live, 20 k to
 * 2 M, and compaction once.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jemalloc/jemalloc.h>

#include "backends/zpool.h"
#include "lib/random.h"

#define MAX_LIST 32
#define TABLE 65536
#define PAGE 4096

static const char *backends[MAX_LIST];
static unsigned nr_backends;
static unsigned long lives[MAX_LIST];
static unsigned nr_lives;
static unsigned long pairs = 200000;
static unsigned blocks = 21;
static bool huge, compact;
static uint16_t sizes[TABLE];

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench/alloc: %s\n", what);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* A table to draw from, so that drawing costs the same for every histogram. */
static void fill_sizes(const char *path)
{
	double weight[PAGE + 1] = { 0 }, sum = 0, at = 0, w;
	unsigned i, size, n = 0;
	FILE *f;

	if (path) {
		f = fopen(path, "r");
		if (!f)
			die(strerror(errno));
		while (fscanf(f, "%u %lf", &size, &w) == 2)
			if (size && size <= PAGE)
				weight[size] += w;
		fclose(f);
	} else {
		for (i = 200; i <= PAGE; i++)
			weight[i] = 1;
	}
	for (i = 1; i <= PAGE; i++)
		sum += weight[i];
	if (sum <= 0)
		die("the histogram is empty; lines are \"size weight\"");
	for (i = 1; i <= PAGE; i++)
		for (at += weight[i]; n < TABLE && n < at / sum * TABLE; n++)
			sizes[n] = i;
	while (n < TABLE)
		sizes[n++] = PAGE;
}

static double pool_block(struct zpool *pool, unsigned long *handle,
			 unsigned long live, uint64_t rng)
{
	const struct zpool_driver *d = pool->driver;
	bool defers = pool->caps & ZPOOL_DEFERS;
	double t = cpu_ns();
	unsigned long i, at;
	uint64_t r;

	for (i = 0; i < pairs; i++) {
		r = random_xorshift(&rng);
		at = (r >> 32) * live >> 32;
		if (handle[at])
			d->free(pool, handle[at]);
		if (d->malloc(pool, sizes[r % TABLE], &handle[at]))
			handle[at] = 0;
		/* A kernel's worker would run about as often. */
		if (defers && i % 32 == 31)
			d->settle(pool);
	}
	return (cpu_ns() - t) / pairs;
}

static double je_block(void **object, unsigned long live, uint64_t rng)
{
	double t = cpu_ns();
	unsigned long i, at;
	uint64_t r;

	for (i = 0; i < pairs; i++) {
		r = random_xorshift(&rng);
		at = (r >> 32) * live >> 32;
		free(object[at]);
		object[at] = malloc(sizes[r % TABLE]);
	}
	return (cpu_ns() - t) / pairs;
}

static struct zpool *new_pool(const char *spec, unsigned long live)
{
	struct zpool_config config = {
		.arena = { .capacity = live * 2 + 65536, .huge = huge },
	};
	struct err err = { "" };
	struct zpool *pool = zpool_create(spec, &config, &err);

	if (!pool)
		die(err.text);
	return pool;
}

static void fill_pool(struct zpool *pool, unsigned long *handle,
		      unsigned long live)
{
	uint64_t rng = 88172645463325252ull;
	unsigned long i;

	for (i = 0; i < live; i++)
		if (pool->driver->malloc(pool,
					 sizes[random_xorshift(&rng) % TABLE],
					 &handle[i]))
			handle[i] = 0;
}

static void replace(const char *spec, unsigned long live)
{
	unsigned long *handle = calloc(live, sizeof(*handle)), i;
	void **object = calloc(live, sizeof(*object));
	double *ours = calloc(blocks, sizeof(double));
	double *theirs = calloc(blocks, sizeof(double));
	double *ratio = calloc(blocks, sizeof(double));
	struct zpool *pool = new_pool(spec, live);
	uint64_t rng = 88172645463325252ull;
	struct zpool_stats stats;
	unsigned b;

	if (!handle || !object || !ours || !theirs || !ratio)
		die("out of memory");
	fill_pool(pool, handle, live);
	for (i = 0; i < live; i++)
		object[i] = malloc(sizes[random_xorshift(&rng) % TABLE]);
	pool_block(pool, handle, live, 1);
	je_block(object, live, 1);
	for (b = 0; b < blocks; b++) {
		ours[b] = pool_block(pool, handle, live, b + 2);
		theirs[b] = je_block(object, live, b + 2);
		ratio[b] = ours[b] / theirs[b];
	}
	pool->driver->stats(pool, &stats);
	printf("{\"bench\":\"replace\",\"backend\":\"%s\",\"live\":%lu,"
	       "\"huge\":%s,\"pairs\":%lu,\"blocks\":%u,\"ns\":%.1f,"
	       "\"jemalloc_ns\":%.1f,\"ratio\":%.2f,\"pages\":%lu}\n",
	       spec, live, huge ? "true" : "false", pairs, blocks,
	       median(ours, blocks), median(theirs, blocks),
	       median(ratio, blocks), stats.pages);
	fflush(stdout);
	for (i = 0; i < live; i++)
		free(object[i]);
	zpool_destroy(pool);
	free(handle);
	free(object);
	free(ours);
	free(theirs);
	free(ratio);
}

/* Copies slots of that size between random frames of an arena as large. */
static double memcpy_gbs(size_t pages, size_t size, size_t copies)
{
	struct arena_config config = { .capacity = pages, .huge = huge };
	struct err err = { "" };
	struct arena *a = arena_create(&config, &err);
	uint64_t rng = 5;
	size_t i;
	double t;

	if (!a)
		die(err.text);
	for (i = 0; i < pages; i++)
		memset(pfn_addr(a, i), 1, PAGE);
	t = cpu_ns();
	for (i = 0; i < copies; i++)
		memcpy(pfn_addr(a, random_xorshift(&rng) % pages),
		       pfn_addr(a, random_xorshift(&rng) % pages), size);
	t = cpu_ns() - t;
	arena_destroy(a);
	return size * copies / t;
}

static void compaction(const char *spec, unsigned long live)
{
	unsigned long *handle = calloc(live, sizeof(*handle)), i, freed;
	struct zpool *pool = new_pool(spec, live);
	struct zpool_stats stats;
	uint64_t rng = 7;
	size_t mean;
	double t, gbs;

	if (!handle)
		die("out of memory");
	fill_pool(pool, handle, live);
	for (i = 0; i < live; i++)
		if (handle[i] && random_xorshift(&rng) & 1)
			pool->driver->free(pool, handle[i]);
	if (!pool->driver->compact)
		goto out;
	t = cpu_ns();
	freed = pool->driver->compact(pool);
	t = cpu_ns() - t;
	pool->driver->stats(pool, &stats);
	if (stats.moved_objects) {
		mean = stats.moved_bytes / stats.moved_objects;
		gbs = memcpy_gbs(stats.pages + freed, mean,
				 stats.moved_objects);
		printf("{\"bench\":\"compact\",\"backend\":\"%s\",\"live\":%lu,"
		       "\"huge\":%s,\"moved_objects\":%lu,\"moved_bytes\":%lu,"
		       "\"freed_pages\":%lu,\"gb_per_s\":%.2f,"
		       "\"memcpy_gb_per_s\":%.2f,\"ratio\":%.2f}\n",
		       spec, live, huge ? "true" : "false", stats.moved_objects,
		       stats.moved_bytes, freed, stats.moved_bytes / t, gbs,
		       gbs / (stats.moved_bytes / t));
		fflush(stdout);
	}
out:
	zpool_destroy(pool);
	free(handle);
}

/* Every built-in allocator that has pages, zsmalloc once for each locking. */
static void default_backends(void)
{
	static const char *const zsmalloc[] = { "4.0",	"5.10", "6.1",
						"6.12", "7.2",	"7.3" };
	const struct zpool_driver *d = NULL;
	static char spec[8][32];
	unsigned i;

	for (i = 0; i < 6; i++) {
		snprintf(spec[i], sizeof(spec[i]), "zsmalloc@%s", zsmalloc[i]);
		backends[nr_backends++] = spec[i];
	}
	while ((d = zpool_driver_next(d)) && nr_backends < MAX_LIST)
		if (strcmp(d->spec.name, "zsmalloc") != 0 &&
		    strcmp(d->spec.name, "null") != 0)
			backends[nr_backends++] = d->spec.name;
}

static void usage(void)
{
	fputs("usage: bench/alloc [--backend SPEC]... [--live N]... "
	      "[--sizes FILE] [--pairs N] [--blocks N] [--huge] [--compact]\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "live", required_argument, NULL, 'l' },
		{ "sizes", required_argument, NULL, 's' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "blocks", required_argument, NULL, 'n' },
		{ "huge", no_argument, NULL, 'h' },
		{ "compact", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	static const unsigned long default_lives[] = { 20000, 100000, 200000,
						       2000000 };
	const char *histogram = NULL;
	unsigned i, j;
	bool all;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			if (nr_backends == MAX_LIST)
				usage();
			backends[nr_backends++] = optarg;
			break;
		case 'l':
			if (nr_lives == MAX_LIST)
				usage();
			lives[nr_lives++] = strtoul(optarg, NULL, 10);
			break;
		case 's':
			histogram = optarg;
			break;
		case 'p':
			pairs = strtoul(optarg, NULL, 10);
			break;
		case 'n':
			blocks = strtoul(optarg, NULL, 10);
			break;
		case 'h':
			huge = true;
			break;
		case 'c':
			compact = true;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || !pairs || !blocks)
		usage();
	if (!nr_backends)
		default_backends();
	all = !nr_lives && !compact;
	if (!nr_lives) {
		memcpy(lives, default_lives, sizeof(default_lives));
		nr_lives = sizeof(default_lives) / sizeof(default_lives[0]);
	}
	fill_sizes(histogram);
	for (j = 0; j < nr_lives; j++) {
		for (i = 0; i < nr_backends; i++) {
			if (!lives[j])
				usage();
			if (!compact)
				replace(backends[i], lives[j]);
			if (compact || (all && lives[j] == 200000))
				compaction(backends[i], lives[j]);
		}
	}
	return 0;
}
