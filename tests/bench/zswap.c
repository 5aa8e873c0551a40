// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the front end costs by itself: no codec, no allocator. Prints one JSON
 * line a figure. An operation is a store or an exclusive load of a random slot
 * among as many live ones as fit into a cache, and as do not; the three indexes
 * take turns, block by block.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/swap/zswap.h"
#include "lib/random.h"

#define MAX_LIVE 65536u
#define SLOTS (MAX_LIVE * 5 / 4)
#define BLOCK 50000
#define BLOCKS 15
#define MAX_THREADS 2

static const char *const kinds[] = { "rbtree", "trees", "xarray" };
#define KINDS 3

struct job {
	struct zswap *z;
	uint32_t *slots;
	char *page;
	unsigned live, part, parts;
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

static void block(struct job *j)
{
	uint32_t per = j->live / j->parts, slot;
	double t = cpu_ns();
	int i;

	for (i = 0; i < BLOCK; i += 2) {
		slot = j->slots[(random_xorshift(&j->rng) & (per - 1)) *
					j->parts +
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

static void measure(struct zswap **z, uint32_t *slots, unsigned live,
		    unsigned threads)
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
				.live = live,
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
		       "per operation\", \"index\": \"%s\", \"live\": %u, \"threads\": "
		       "%u, "
		       "\"median\": %.1f, \"min\": %.1f, \"unit\": \"ns\"}\n",
		       kinds[k], live, threads, ns[k][BLOCKS / 2], ns[k][0]);
		for (i = 0; i < threads; i++)
			free(jobs[k][i].page);
	}
}

static void run(uint32_t *slots, unsigned live)
{
	struct zswap_config config = { .backend = "null",
				       .pools = 1,
				       .sized = true,
				       .exclusive = true,
				       .slots = SLOTS };
	struct zswap *z[KINDS];
	struct zswap_stats stats;
	char page[4096] = { 1 };
	struct err err;
	unsigned k, i;

	for (k = 0; k < KINDS; k++) {
		config.index = k;
		z[k] = zswap_create(&config, &err);
		if (!z[k]) {
			fprintf(stderr, "bench/zswap: %s\n", err.text);
			exit(1);
		}
		for (i = 0; i < live; i++)
			zswap_store(z[k], slots[i], page, 64);
		zswap_stats(z[k], &stats);
		if (live == MAX_LIVE)
			printf("{\"bench\": \"zswap\", \"figure\": \"memory "
			       "per live entry\", \"index\": \"%s\", "
			       "\"value\": %.1f, \"unit\": \"B\"}\n",
			       kinds[k], (double)stats.entry_bytes / live);
	}
	measure(z, slots, live, 1);
	measure(z, slots, live, 2);
	for (k = 0; k < KINDS; k++)
		zswap_destroy(z[k]);
}

int main(void)
{
	uint32_t *slots = malloc(MAX_LIVE * sizeof(*slots));
	unsigned i;

	if (!slots)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < MAX_LIVE; i++)
		slots[i] = i * 7919u % SLOTS;
	run(slots, 2048);
	run(slots, MAX_LIVE);
	free(slots);
	return 0;
}
