// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a capture costs each store of a zram device, and how many events it
 * loses: the same pages are written with and without it, in turns, by one
 * thread and by as many as there are CPUs. Needs root, tracefs and zram.
 *
 *	tests/bench/capture [ROUNDS [PAGES]]
 *	tests/bench/capture write DEVICE THREADS PAGES	(used by itself)
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/capture/capture.h"
#include "lib/process.h"
#include "lib/random.h"
#include "lib/self.h"

#define PAGE 4096
#define DEVICE_PAGES 16384
#define ROUNDS 5
#define PAGES 50000
#define THREADS_MAX 64

struct writer {
	pthread_t thread;
	const char *device;
	unsigned long pages, nr, of;
	bool failed;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Half of a page is noise, so that every store has an object of its own size. */
static void fill(char *page, uint64_t *state)
{
	size_t noise = random_splitmix(state) % (PAGE - 64);

	memset(page, 'a', PAGE);
	random_fill(page, noise & ~7ull, state);
}

static void *write_pages(void *arg)
{
	struct writer *w = arg;
	int fd = open(w->device, O_WRONLY | O_DIRECT | O_CLOEXEC);
	char *pages = aligned_alloc(PAGE, 64 * PAGE);
	uint64_t state = w->nr + 1;
	unsigned long i;
	off_t at;

	w->failed = fd < 0 || !pages;
	for (i = 0; pages && i < 64; i++)
		fill(pages + i * PAGE, &state);
	for (i = 0; !w->failed && i < w->pages; i++) {
		at = (off_t)((i * w->of + w->nr) % DEVICE_PAGES) * PAGE;
		w->failed = pwrite(fd, pages + i % 64 * PAGE, PAGE, at) != PAGE;
	}
	free(pages);
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* Prints wall and CPU time of the stores, in ns. */
static int write_all(const char *device, unsigned long threads,
		     unsigned long pages)
{
	static struct writer w[THREADS_MAX];
	uint64_t wall = clock_ns(CLOCK_MONOTONIC), cpu;
	unsigned long i;
	bool failed = false;

	for (i = 0; i < threads; i++) {
		w[i] = (struct writer){ .device = device,
					.pages = pages / threads,
					.nr = i,
					.of = threads };
		pthread_create(&w[i].thread, NULL, write_pages, &w[i]);
	}
	for (i = 0; i < threads; i++) {
		pthread_join(w[i].thread, NULL);
		failed |= w[i].failed;
	}
	wall = clock_ns(CLOCK_MONOTONIC) - wall;
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	printf("%" PRIu64 " %" PRIu64 "\n", wall, cpu);
	return failed;
}

/* ---- the device --------------------------------------------------------- */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool bad = fd < 0 || write(fd, text, strlen(text)) < 0;

	if (fd >= 0)
		close(fd);
	return bad ? -errno : 0;
}

/* A device that nobody else has. Return: its number, or -1. */
static int add_device(void)
{
	char text[64];
	FILE *f = fopen("/sys/class/zram-control/hot_add", "re");
	int nr = -1;

	if (f && fscanf(f, "%d", &nr) != 1)
		nr = -1;
	if (f)
		fclose(f);
	if (nr < 0)
		return -1;
	snprintf(text, sizeof(text), "/sys/block/zram%d/disksize", nr);
	return put(text, "64M") ? -1 : nr;
}

static void remove_device(int nr)
{
	char text[64];

	snprintf(text, sizeof(text), "/sys/block/zram%d/reset", nr);
	put(text, "1");
	snprintf(text, sizeof(text), "%d", nr);
	put("/sys/class/zram-control/hot_remove", text);
}

/* ---- rounds ------------------------------------------------------------- */

struct sums {
	uint64_t wall, cpu, stores;
};

/* Runs the writers, captured or not, and adds up. */
static int round_of(const char *device, long threads, unsigned long pages,
		    const char *json, struct sums *sums)
{
	char zlab[4096], self[4096], count[32], many[32], line[128];
	char *const plain[] = {
		self, "write", (char *)device, many, count, NULL
	};
	char *const captured[] = { zlab,	"capture", "-q",	   "-o",
				   "/dev/null", "--json",  (char *)json,   "--",
				   self,	"write",   (char *)device, many,
				   count,	NULL };
	uint64_t wall, cpu;

	snprintf(self, sizeof(self), "%s", self_path());
	snprintf(zlab, sizeof(zlab), "%s/zlab", self_dir());
	snprintf(count, sizeof(count), "%lu", pages);
	snprintf(many, sizeof(many), "%ld", threads);
	if (process_line(json ? captured : plain, line, sizeof(line)) ||
	    sscanf(line, "%" SCNu64 " %" SCNu64, &wall, &cpu) != 2)
		return -1;
	sums->wall += wall;
	sums->cpu += cpu;
	sums->stores += pages;
	return 0;
}

static uint64_t of(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static int bench(const char *device, long threads, int rounds,
		 unsigned long pages)
{
	char json[] = "/tmp/zlab-bench-XXXXXX";
	struct sums plain = { 0 }, captured = { 0 };
	uint64_t lines = 0, lost = 0, stores = 0, reader = 0;
	json_t *o;
	int i, ret = 0, fd = mkstemp(json);

	if (fd < 0)
		return -1;
	close(fd);
	for (i = 0; i < rounds && !ret; i++) {
		ret = round_of(device, threads, pages, NULL, &plain);
		ret |= round_of(device, threads, pages, json, &captured);
		o = json_load_file(json, 0, NULL);
		lines += of(o, "lines");
		lost += of(o, "lost_events");
		stores += of(o, "stores");
		reader += of(o, "reader_cpu_ns");
		json_decref(o);
	}
	unlink(json);
	if (ret || !plain.stores)
		return -1;
	printf("{\"bench\": \"capture\", \"threads\": %ld, \"stores\": %" PRIu64
	       ", \"plain_wall_ns\": %.0f, \"captured_wall_ns\": %.0f, "
	       "\"plain_cpu_ns\": %.0f, \"captured_cpu_ns\": %.0f, "
	       "\"stores_per_s\": %.0f, \"events_per_s\": %.0f, "
	       "\"reader_ns_per_event\": %.0f, \"captured_stores\": %" PRIu64
	       ", \"lost_events\": %" PRIu64 "}\n",
	       threads, plain.stores, (double)plain.wall / (double)plain.stores,
	       (double)captured.wall / (double)captured.stores,
	       (double)plain.cpu / (double)plain.stores,
	       (double)captured.cpu / (double)captured.stores,
	       (double)captured.stores * 1e9 / (double)captured.wall,
	       (double)lines * 1e9 / (double)captured.wall,
	       lines ? (double)reader / (double)lines : 0, stores, lost);
	return 0;
}

int main(int argc, char **argv)
{
	const struct capture_options opts = { .output = "" };
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS, nr, ret;
	unsigned long pages = argc > 2 ? strtoul(argv[2], NULL, 10) : PAGES;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct err err = { "" };
	char device[32];
	struct plan plan;

	if (argc == 5 && !strcmp(argv[1], "write"))
		return write_all(argv[2], strtoul(argv[3], NULL, 10),
				 strtoul(argv[4], NULL, 10));
	if (capture_plan(&opts, &plan, &err)) {
		printf("capture: not measured: %s\n", err.text);
		return 0;
	}
	nr = add_device();
	if (nr < 0) {
		printf("capture: not measured: no zram device can be added\n");
		return 0;
	}
	snprintf(device, sizeof(device), "/dev/zram%d", nr);
	ret = bench(device, 1, rounds, pages);
	if (!ret && cpus > 1 && cpus <= THREADS_MAX)
		ret = bench(device, cpus, rounds, pages);
	remove_device(nr);
	if (ret)
		fprintf(stderr, "capture: the pages cannot be written\n");
	return ret ? 1 : 0;
}
