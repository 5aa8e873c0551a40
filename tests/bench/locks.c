// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the locks cost: ns per lock and unlock of every kind, by 1 and 2
 * threads, the loop's own cost ("none") taken off; and what counting costs, as
 * a share of an operation. That share is a ratio between two builds: run with
 * the path of the other build's bench, "bench/locks build-nostats/tests/
 * bench/locks", and both take turns.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/sync/clock.h"
#include "backends/zpool.h"
#include "tests/sync/lock_desc.h"

#define SAMPLES 11
#define LOCK_ROUNDS 200000
#define PAIR_ROUNDS 200000
#define LIVE 20000

static struct {
	const struct lock_desc *d;
	pthread_barrier_t start;
	uint64_t ns;
} bench;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static void *hammer(void *arg)
{
	uint64_t t;
	int i;

	sync_cpu_attach();
	pthread_barrier_wait(&bench.start);
	t = clock_wall_ns();
	for (i = 0; i < LOCK_ROUNDS; i++) {
		bench.d->lock();
		bench.d->unlock();
	}
	t = clock_wall_ns() - t;
	__atomic_fetch_add(&bench.ns, t, __ATOMIC_RELAXED);
	sync_cpu_detach();
	return NULL;
}

/* Time per pair of the whole group: with two threads both make progress. */
static double lock_ns(const struct lock_desc *d, int threads)
{
	pthread_t t[2];
	int i;

	bench.d = d;
	bench.ns = 0;
	d->init();
	pthread_barrier_init(&bench.start, NULL, threads);
	for (i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, hammer, NULL))
			exit(1);
	for (i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&bench.start);
	return (double)bench.ns / threads / LOCK_ROUNDS / threads;
}

static void bench_kinds(void)
{
	double v[2][64][SAMPLES];
	unsigned n = 0, s, t, none = 0;

	for (s = 0; s < SAMPLES; s++) {
		n = 0;
		for_each_lock (d) {
			for (t = 0; t < 2; t++)
				if (!(*d)->broken)
					v[t][n][s] = lock_ns(*d, t + 1);
			if ((*d)->empty)
				none = n;
			n++;
		}
	}
	printf("%-8s %12s %12s   (ns per lock and unlock, less the loop's)\n",
	       "lock", "1 thread", "2 threads");
	for (t = 0; t < 2; t++)
		median(v[t][none], SAMPLES);
	n = 0;
	for_each_lock (d) {
		if (!(*d)->broken)
			printf("%-8s %12.1f %12.1f%s\n", (*d)->name,
			       median(v[0][n], SAMPLES) -
				       ((*d)->empty ? 0
						    : v[0][none][SAMPLES / 2]),
			       median(v[1][n], SAMPLES) -
				       ((*d)->empty ? 0
						    : v[1][none][SAMPLES / 2]),
			       (*d)->empty ? "   (the loop)" : "");
		n++;
	}
}

/* Random replacement in a pool: a free and a malloc of another size. */
static double pair_ns(const char *spec)
{
	static unsigned long handle[LIVE];
	struct zpool_config config = { .arena.capacity = 1 << 16 };
	struct err err;
	struct zpool *pool = zpool_create(spec, &config, &err);
	uint32_t random = 1;
	uint64_t t;
	int i;

	if (!pool) {
		fprintf(stderr, "bench/locks: %s\n", err.text);
		exit(1);
	}
	for (i = 0; i < LIVE; i++)
		if (pool->driver->malloc(pool, 64 + i * 7 % 1800, &handle[i]))
			exit(1);
	t = clock_wall_ns();
	for (i = 0; i < PAIR_ROUNDS; i++) {
		unsigned long *h;

		random = random * 1664525u + 1013904223u;
		h = &handle[(random >> 8) % LIVE];
		pool->driver->free(pool, *h);
		if (pool->driver->malloc(pool, 64 + (random >> 12) % 1800, h))
			exit(1);
	}
	t = clock_wall_ns() - t;
	zpool_destroy(pool);
	return (double)t / PAIR_ROUNDS;
}

static double ask(const char *program, const char *spec)
{
	char line[512];
	double ns;
	FILE *p;

	snprintf(line, sizeof(line), "'%s' --pair '%s'", program, spec);
	p = popen(line, "r"); /* NOLINT(cert-env33-c): the user's own path */
	if (!p || fscanf(p, "%lf", &ns) != 1) {
		fprintf(stderr, "bench/locks: %s gave no number\n", line);
		exit(1);
	}
	pclose(p);
	return ns;
}

static void bench_stats(const char *on, const char *off, const char *spec)
{
	double ratio[SAMPLES], again[SAMPLES], ns[SAMPLES], a, b;
	int i;

	for (i = 0; i < SAMPLES; i++) {
		a = ask(on, spec);
		b = ask(off, spec);
		ratio[i] = a / b;
		again[i] = a / ask(on, spec);
		ns[i] = a;
	}
	printf("%s: malloc+free %.1f ns; counting on/off: median %.4f "
	       "(quartiles %.4f..%.4f), on/on %.4f..%.4f\n",
	       spec, median(ns, SAMPLES), median(ratio, SAMPLES),
	       ratio[SAMPLES / 4], ratio[SAMPLES * 3 / 4],
	       (median(again, SAMPLES), again[SAMPLES / 4]),
	       again[SAMPLES * 3 / 4]);
}

int main(int argc, char **argv)
{
	int i;

	clock_init();
	if (argc == 3 && !strcmp(argv[1], "--pair")) {
		double best = pair_ns(argv[2]), ns;

		for (i = 0; i < 4; i++) {
			ns = pair_ns(argv[2]);
			best = ns < best ? ns : best;
		}
		printf("%.3f\n", best);
		return 0;
	}
	if (argc > 2) {
		for (i = 2; i < argc; i++)
			bench_stats(argv[0], argv[1], argv[i]);
		return 0;
	}
	bench_kinds();
	if (argc < 2)
		puts("\nwhat counting costs: bench/locks OTHER-BUILD/tests/"
		     "bench/locks SPEC...");
	return 0;
}
