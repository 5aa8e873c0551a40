// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the front end costs by itself: no codec, no allocator. Prints one JSON
 * line a figure. An operation is a store or an exclusive load of a random slot
 * among 100000 live ones; the three indexes take turns, block by block.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/zswap.h"

#define LIVE 2048u
#define SLOTS (LIVE * 5 / 4)
#define BLOCK 200000
#define BLOCKS 15
#define MAX_THREADS 2

static const char *const kinds[] = { "rbtree", "trees", "xarray" };
#define KINDS 3

struct job {
	struct zswap *z;
	uint32_t *slots;
	char *page;
	unsigned part, parts;
	uint64_t rng;
	double ns;
	pthread_t thread;
};

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static uint64_t next(uint64_t *rng)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 7;
	*rng ^= *rng << 17;
	return *rng;
}

static void block(struct job *j)
{
	uint32_t per = LIVE / j->parts, slot;
	double t = cpu_ns();
	int i;

	for (i = 0; i < BLOCK; i += 2) {
		slot = j->slots[(next(&j->rng) & (per - 1)) * j->parts +
				j->part];
		zswap_load(j->z, slot, j->page);
		zswap_store(j->z, slot, j->page, 64);
	}
	j->ns = (cpu_ns() - t) / BLOCK;
}

static void *on_cpu(void *arg)
{
	if (sync_cpu_attach())
		abort();
	block(arg);
	sync_cpu_detach();
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double run_block(struct job *jobs, unsigned threads)
{
	double sum = 0;
	unsigned i;

	if (threads == 1) {
		block(jobs);
		return jobs->ns;
	}
	for (i = 0; i < threads; i++)
		if (pthread_create(&jobs[i].thread, NULL, on_cpu, &jobs[i]))
			abort();
	for (i = 0; i < threads; i++) {
		pthread_join(jobs[i].thread, NULL);
		sum += jobs[i].ns;
	}
	return sum / threads;
}

static void measure(struct zswap **z, uint32_t *slots, unsigned threads)
{
	struct job jobs[KINDS][MAX_THREADS];
	double ns[KINDS][BLOCKS];
	unsigned k, i, b;

	memset(jobs, 0, sizeof(jobs));
	for (k = 0; k < KINDS; k++)
		for (i = 0; i < threads; i++)
			jobs[k][i] = (struct job){
				.z = z[k],
				.slots = slots,
				.page = aligned_alloc(4096, 4096),
				.part = i,
				.parts = threads,
				.rng = 88172645463325252ull + i,
			};
	for (b = 0; b < BLOCKS; b++)
		for (k = 0; k < KINDS; k++)
			ns[k][b] = run_block(jobs[k], threads);
	for (k = 0; k < KINDS; k++) {
		qsort(ns[k], BLOCKS, sizeof(double), by_value);
		printf("{\"bench\": \"zswap\", \"figure\": \"front end CPU time "
		       "per operation\", \"index\": \"%s\", \"threads\": %u, "
		       "\"median\": %.1f, \"min\": %.1f, \"unit\": \"ns\"}\n",
		       kinds[k], threads, ns[k][BLOCKS / 2], ns[k][0]);
		for (i = 0; i < threads; i++)
			free(jobs[k][i].page);
	}
}

int main(void)
{
	struct zswap_config config = { .backend = "null",
				       .pools = 1,
				       .sized = true,
				       .exclusive = true,
				       .slots = SLOTS };
	uint32_t *slots = malloc(LIVE * sizeof(*slots));
	struct zswap *z[KINDS];
	struct zswap_stats stats;
	char page[4096] = { 1 };
	struct err err;
	unsigned k, i;

	for (i = 0; slots && i < LIVE; i++)
		slots[i] = i * 7919u % SLOTS;
	for (k = 0; k < KINDS; k++) {
		config.index = k;
		z[k] = zswap_create(&config, &err);
		if (!slots || !z[k]) {
			fprintf(stderr, "bench_zswap: %s\n", err.text);
			return 1;
		}
		for (i = 0; i < LIVE; i++)
			zswap_store(z[k], slots[i], page, 64);
		zswap_stats(z[k], &stats);
		printf("{\"bench\": \"zswap\", \"figure\": \"memory per live "
		       "entry\", \"index\": \"%s\", \"value\": %.1f, \"unit\": "
		       "\"B\"}\n",
		       kinds[k], (double)stats.entry_bytes / LIVE);
	}
	measure(z, slots, 1);
	measure(z, slots, 2);
	for (k = 0; k < KINDS; k++)
		zswap_destroy(z[k]);
	free(slots);
	return 0;
}
