// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the native allocators cost beside the kernel's own code: random
 * replacement (free one object, allocate another) among a number of live
 * objects, in blocks that take turns, on frames of the same kind. Prints one
 * JSON line a figure.
 *
 * usage: bench/shim [--live N]... [--blocks N] [--pairs N] [--huge]
 *		     [--pair NATIVE=BACKEND]...
 *
 * Without --pair it builds zsmalloc of the kernel tree $ZLAB_KERNEL, or says
 * that there is none and measures nothing.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jemalloc/jemalloc.h>

#include "backends/zpool.h"
#include "harness/kernel/shim_build.h"
#include "lib/random.h"

#define MAX_LIST 16
#define SIDES 3 /* native, the kernel's code, jemalloc */

static unsigned long lives[MAX_LIST] = { 20000, 200000, 2000000 };
static unsigned nr_lives = 3;
static unsigned long pairs = 100000;
static unsigned blocks = 21;
static bool huge;

struct side {
	const char *spec;
	struct zpool *pool; /* NULL: malloc and free */
	unsigned long *handle;
	double *ns;
};

static void die(const char *what)
{
	fprintf(stderr, "bench/shim: %s\n", what);
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static size_t pick(uint64_t r)
{
	return 200 + r % 3897;
}

static void take(struct side *s, unsigned long at, size_t size)
{
	if (!s->pool)
		s->handle[at] = (unsigned long)malloc(size);
	else if (s->pool->driver->malloc(s->pool, size, &s->handle[at]))
		die("out of memory");
}

static void drop(struct side *s, unsigned long at)
{
	if (s->pool)
		s->pool->driver->free(s->pool, s->handle[at]);
	else
		free((void *)s->handle[at]);
}

static double block(struct side *s, unsigned long live, uint64_t rng)
{
	double t = cpu_ns();
	unsigned long i, at;
	uint64_t r;

	for (i = 0; i < pairs; i++) {
		r = random_xorshift(&rng);
		at = (r >> 32) * live >> 32;
		drop(s, at);
		take(s, at, pick(r));
	}
	return (cpu_ns() - t) / (double)pairs;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, blocks, sizeof(*v), by_value);
	return v[blocks / 2];
}

static void start(struct side *s, const char *spec, unsigned long live)
{
	struct zpool_config config = {
		.arena = { .capacity = live * 2 + 65536, .huge = huge },
	};
	uint64_t rng = 88172645463325252ull;
	struct err err = { "" };
	unsigned long i;

	s->spec = spec;
	s->pool = spec ? zpool_create(spec, &config, &err) : NULL;
	if (spec && !s->pool)
		die(err.text);
	s->handle = calloc(live, sizeof(*s->handle));
	s->ns = calloc(blocks, sizeof(*s->ns));
	if (!s->handle || !s->ns)
		die("out of memory");
	for (i = 0; i < live; i++)
		take(s, i, pick(random_xorshift(&rng)));
	block(s, live, 1);
}

static void measure(const char *native, const char *kernel, unsigned long live)
{
	const char *spec[SIDES] = { native, kernel, NULL };
	double *ratio = calloc(blocks, sizeof(*ratio));
	struct side side[SIDES];
	const char *name;
	unsigned b, i, k;

	if (!ratio)
		die("out of memory");
	for (i = 0; i < SIDES; i++)
		start(&side[i], spec[i], live);
	for (b = 0; b < blocks; b++) {
		for (i = 0; i < SIDES; i++) {
			k = (i + b) % SIDES;
			side[k].ns[b] = block(&side[k], live, b + 2);
		}
		ratio[b] = side[0].ns[b] / side[1].ns[b];
	}
	name = side[1].pool->spec;
	printf("{\"bench\": \"shim\", \"native\": \"%s\", \"kernel\": \"%s\", "
	       "\"live\": %lu, \"huge\": %s, \"pairs\": %lu, \"blocks\": %u, "
	       "\"native_ns\": %.1f, \"kernel_ns\": %.1f, \"jemalloc_ns\": %.1f, "
	       "\"ratio\": %.3f}\n",
	       native, name, live, huge ? "true" : "false", pairs, blocks,
	       median(side[0].ns), median(side[1].ns), median(side[2].ns),
	       median(ratio));
	fflush(stdout);
	for (i = 0; i < SIDES; i++) {
		unsigned long at;

		for (at = 0; !side[i].pool && at < live; at++)
			drop(&side[i], at);
		zpool_destroy(side[i].pool);
		free(side[i].handle);
		free(side[i].ns);
	}
	free(ratio);
}

/* The preset whose code the tree's is, by what the source calls. */
static const char *preset(const char *source)
{
	char *text = shim_read_file(source);
	const char *name = "zsmalloc@7.2";

	if (!text)
		die("$ZLAB_KERNEL has no mm/zsmalloc.c");
	if (!strstr(text, "zs_obj_read_begin("))
		name = strstr(text, "class_stat_read(") ? "zsmalloc@6.12"
							: "zsmalloc@6.1";
	free(text);
	return name;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pair", required_argument, NULL, 'b' },
		{ "live", required_argument, NULL, 'l' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "blocks", required_argument, NULL, 'n' },
		{ "huge", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *native[MAX_LIST], *kernel[MAX_LIST];
	const char *tree = getenv("ZLAB_KERNEL");
	unsigned nr = 0, i, j, own_lives = 0;
	struct shim_object obj;
	struct err err = { "" };
	char path[PATH_MAX];
	char *equals;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'b' && nr < MAX_LIST &&
		    (equals = strstr(optarg, "=/")) != NULL) {
			*equals = '\0';
			native[nr] = optarg;
			kernel[nr++] = equals + 1;
		} else if (c == 'l' && own_lives < MAX_LIST) {
			lives[own_lives++] = strtoul(optarg, NULL, 10);
			nr_lives = own_lives;
		} else if (c == 'p') {
			pairs = strtoul(optarg, NULL, 10);
		} else if (c == 'n') {
			blocks = (unsigned)strtoul(optarg, NULL, 10);
		} else if (c == 'h') {
			huge = true;
		} else {
			die("see the head of tests/bench/shim.c for its use");
		}
	}
	if (!pairs || !blocks)
		die("--pairs and --blocks are at least 1");
	if (!nr && !tree) {
		fprintf(stderr, "bench/shim: set ZLAB_KERNEL to a kernel "
				"source tree to measure beside its code\n");
		return 0;
	}
	if (!nr) {
		struct shim_request req = { .tree = tree,
					    .file = "mm/zsmalloc.c",
					    .page_shift = 12 };

		snprintf(path, sizeof(path), "%s/mm/zsmalloc.c", tree);
		native[nr] = preset(path);
		if (shim_build(&req, &obj, &err))
			die(err.text);
		kernel[nr++] = obj.spec;
	}
	for (i = 0; i < nr; i++)
		for (j = 0; j < nr_lives; j++)
			measure(native[i], kernel[i], lives[j]);
	return 0;
}
